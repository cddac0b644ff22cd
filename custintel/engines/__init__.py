"""Engines: run this SQL, register that frame, write that Parquet. Nothing here knows about telecom."""

from __future__ import annotations
