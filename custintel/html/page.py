"""An offline page: one HTML file that refers to nothing outside, its building blocks, and its JSON twin.

The blocks are sections, figures, tables, bars and legends; each function returns HTML.

>>> page("Desk", "<p>All is well.</p>", language="en").count("<!DOCTYPE html>")
1
>>> table(table_columns({"rows": "Rows"}, rows="n"), [["1,234"]]).count('<td class="n">1,234</td>')
1
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date
from functools import cache
from html import escape as _escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.files.atomic_write import atomic_file

if TYPE_CHECKING:
    from collections.abc import Sequence


_DIGITS = 6


def escape(text: object) -> str:
    """Make a text safe between tags."""
    return _escape(str(text), quote=True)


def section(title: str, lead: str, body: str) -> str:
    """Return one section with its title and one paragraph on how to read it."""
    said = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return f"<section>\n<h2>{escape(title)}</h2>\n{said}\n{body}\n</section>"


def figure(title: str, caption: str, content: str, css_class: str = "") -> str:
    """Return a picture or table with its title and one line of reading."""
    named = f' class="{css_class}"' if css_class else ""
    return f"<figure{named}><figcaption><b>{escape(title)}</b>{escape(caption)}</figcaption>{content}</figure>"


def table(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; each column is (class, heading); cells are HTML already."""
    head = "".join(f"<th{_class_attribute(css_class)}>{escape(name)}</th>" for css_class, name in columns)
    body = "".join(f"<tr>{_row(columns, cells)}</tr>" for cells in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(columns: Sequence[tuple[str, str]], cells: Sequence[str]) -> str:
    named = zip(columns, cells, strict=True)
    return "".join(f"<td{_class_attribute(css_class)}>{cell}</td>" for (css_class, _), cell in named)


def table_columns(names: Mapping[str, str], **css_classes: str) -> list[tuple[str, str]]:
    """Return (class, heading) of the named columns; n is for numbers, w for wide."""
    return [(css_class, names[name]) for name, css_class in css_classes.items()]


def side_by_side(*blocks: str) -> str:
    """Return blocks side by side, two in a row."""
    filled = [block for block in blocks if block]
    return f'<div class="two">{"".join(filled)}</div>' if filled else ""


def _class_attribute(css_class: str) -> str:
    """Return the class of a cell, if it has one."""
    return f' class="{css_class}"' if css_class else ""


def bar(share: float, text: str, color: str = "") -> str:
    """Return a bar of a share of its cell, with its figure."""
    paint = f";background:{color}" if color else ""
    width = f"{min(max(share, 0.0), 1.0) * 100:.1f}%"
    return (
        f'<div class="bar"><em>{escape(text)}</em><span class="track"><i style="width:{width}{paint}"></i></span></div>'
    )


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Return the key of a picture: colours (CSS backgrounds) and their meanings."""
    items = "".join(f'<span><i style="background:{color}"></i>{escape(name)}</span>' for color, name in entries)
    return f'<div class="key">{items}</div>'


@cache
def style_sheet() -> str:
    """Return the style sheet of the report."""
    return files("custintel.html").joinpath("page.css").read_text(encoding="utf-8")


def page(title: str, body: str, *, language: str, more_style: str = "") -> str:
    """Return a whole page around a body of HTML; `more_style` is added to the style sheet of all reports."""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style_sheet()}{more_style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def write_page(html: str, path: str | Path) -> Path:
    """Write a page; it is whole before it appears."""
    place = Path(path)
    with atomic_file(place) as fresh:
        fresh.write_text(html, encoding="utf-8", newline="\n")
    return place


def write_page_and_json(html: str, facts: Mapping[str, Any], path: str | Path) -> Path:
    """Write a page, and the facts it was drawn from beside it as ``.json``; both are whole before either appears."""
    place = Path(path)
    text = json.dumps(facts, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    with atomic_file(place) as page_file, atomic_file(place.with_suffix(".json")) as facts_file:
        facts_file.write_text(text, encoding="utf-8", newline="\n")
        page_file.write_text(html, encoding="utf-8", newline="\n")
    return place


def json_ready(value: Any) -> Any:
    """Return the value as dict, list, str, int, float, bool or None: what JSON can hold, with six digits at most.

    >>> json_ready({"as_of": pd.Timestamp("2025-06-30"), "auc": np.float64(0.123456789), "none": float("nan")})
    {'as_of': '2025-06-30', 'auc': 0.123457, 'none': None}
    """
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray | pd.Series | pd.Index):
        return [json_ready(item) for item in value]
    if value is None or isinstance(value, str | bool):
        return value
    return _scalar(value)


def _scalar(value: Any) -> Any:
    """Return one number, date or other scalar as JSON can hold it."""
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return _float(float(value))
    if isinstance(value, pd.Timestamp | np.datetime64 | date):
        return _date(pd.Timestamp(value))
    return None if value is pd.NaT or value is pd.NA else str(value)


def _float(value: float) -> float | None:
    """Keep six digits; what is not finite is unknown."""
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _date(value: Any) -> str | None:
    """Write a date without its midnight."""
    if pd.isna(value):
        return None
    return str(value.date() if value == value.normalize() else value.isoformat(timespec="seconds"))
