"""Batch scoring: atomic, with reasons in words; repeatable to the last digit with one thread."""

from __future__ import annotations

from custintel.scoring.batch_score import score

__all__ = ["score"]
