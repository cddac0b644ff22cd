"""Fraud laid over the records, and innocent lines that look like it."""

from __future__ import annotations
