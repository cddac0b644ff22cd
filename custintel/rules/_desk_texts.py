"""The texts of the desk's report, one file a language, and its style sheet.

>>> texts("en")["tiers"]["match"], texts("zh")["tiers"]["match"]
('matches', '符合')
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

__all__ = ["style", "texts"]


@cache
def texts(language: str) -> dict[str, Any]:
    """Return the texts of a language."""
    text = files("custintel.rules").joinpath(f"desk_{language}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@cache
def style() -> str:
    """Return what the desk's report adds to the style sheet of reports."""
    return files("custintel.rules").joinpath("desk.css").read_text(encoding="utf-8")
