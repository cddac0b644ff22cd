"""Rules learned from labelled customers: mined, rounded, proved on others, varied, compared."""

from __future__ import annotations
