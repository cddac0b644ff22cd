"""The texts of the report, all from one file.

>>> texts()["notes"]
'Notes'
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

__all__ = ["style", "texts"]


@cache
def texts() -> dict[str, Any]:
    """Return the texts of the report."""
    text = files("custintel.explain").joinpath("report_en.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@cache
def style() -> str:
    """Return the style sheet of the report."""
    return files("custintel.explain").joinpath("report.css").read_text(encoding="utf-8")
