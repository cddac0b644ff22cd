"""Why a score is what it is: exact contributions, reasons in words, and the report."""

from __future__ import annotations

from custintel.explain._evaluation import Evaluation
from custintel.explain._page import render_html
from custintel.explain._reasons import reasons
from custintel.explain._report import build_report, write_report
from custintel.explain._tree_shap import tree_shap

__all__ = ["Evaluation", "build_report", "reasons", "render_html", "tree_shap", "write_report"]
