"""The frame of a page: one HTML file without any reference to anything outside, and its JSON twin beside it.

>>> page("Desk", "<p>All is well.</p>", language="en").count("<!DOCTYPE html>")
1
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from custintel.explain._blocks import escape
from custintel.explain._texts import style
from custintel.replacing import replacing_file

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["page", "write_twins"]


def page(title: str, body: str, *, language: str, more_style: str = "") -> str:
    """Return a whole page around a body of HTML; `more_style` is added to the style sheet of all reports."""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style()}{more_style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def write_twins(html: str, facts: Mapping[str, Any], path: str | Path) -> Path:
    """Write a page, and the facts it was drawn from beside it as ``.json``; both are whole before either appears."""
    place = Path(path)
    text = json.dumps(facts, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    with replacing_file(place) as page_file, replacing_file(place.with_suffix(".json")) as facts_file:
        facts_file.write_text(text, encoding="utf-8", newline="\n")
        page_file.write_text(html, encoding="utf-8", newline="\n")
    return place
