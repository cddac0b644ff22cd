"""Why a score is what it is: exact contributions, reasons in words, and the report."""

from __future__ import annotations

from custintel.explain._tree_shap import tree_shap
from custintel.explain.reason_codes import reasons

__all__ = ["reasons", "tree_shap"]
