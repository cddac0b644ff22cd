"""Why a score is what it is: exact contributions, reasons in words, and the report."""

from __future__ import annotations

from custintel.explain._evaluation import Evaluation

__all__ = ["Evaluation"]
