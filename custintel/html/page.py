"""The frame of a page: one HTML file without any reference to anything outside, and its JSON twin beside it.

>>> page("Desk", "<p>All is well.</p>", language="en").count("<!DOCTYPE html>")
1
"""

from __future__ import annotations

import json
from functools import cache
from html import escape as _escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from custintel.files.atomic_write import atomic_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The building blocks of the page: sections, figures, tables, bars.
#
# >>> table(heads({"rows": "Rows"}, rows="n"), [["1,234"]]).count('<td class="n">1,234</td>')
# 1


def escape(text: object) -> str:
    """Make a text safe between tags."""
    return _escape(str(text), quote=True)


def section(title: str, lead: str, body: str) -> str:
    """Return one section with its title and one paragraph on how to read it."""
    said = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return f"<section>\n<h2>{escape(title)}</h2>\n{said}\n{body}\n</section>"


def figure(title: str, caption: str, content: str, look: str = "") -> str:
    """Return a picture or table with its title and one line of reading."""
    named = f' class="{look}"' if look else ""
    return f"<figure{named}><figcaption><b>{escape(title)}</b>{escape(caption)}</figcaption>{content}</figure>"


def table(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; each column is (class, heading); cells are HTML already."""
    head = "".join(f"<th{_class(look)}>{escape(name)}</th>" for look, name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td{_class(look)}>{cell}</td>' for (look, _), cell in zip(columns, row, strict=True))}</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def heads(names: Mapping[str, str], **looks: str) -> list[tuple[str, str]]:
    """Return (class, heading) of the named columns; n is for numbers, w for wide."""
    return [(look, names[name]) for name, look in looks.items()]


def two(*blocks: str) -> str:
    """Return blocks side by side, two in a row."""
    filled = [block for block in blocks if block]
    return f'<div class="two">{"".join(filled)}</div>' if filled else ""


def _class(look: str) -> str:
    """Return the class of a cell, if it has one."""
    return f' class="{look}"' if look else ""


def bar(share: float, text: str, color: str = "") -> str:
    """Return a bar of a share of its cell, with its figure."""
    paint = f";background:{color}" if color else ""
    width = f"{min(max(share, 0.0), 1.0) * 100:.1f}%"
    return (
        f'<div class="bar"><em>{escape(text)}</em><span class="track"><i style="width:{width}{paint}"></i></span></div>'
    )


def key(entries: Sequence[tuple[str, str]]) -> str:
    """Return the key of a picture: colours (CSS backgrounds) and their meanings."""
    items = "".join(f'<span><i style="background:{color}"></i>{escape(name)}</span>' for color, name in entries)
    return f'<div class="key">{items}</div>'


@cache
def style() -> str:
    """Return the style sheet of the report."""
    return files("custintel.html").joinpath("page.css").read_text(encoding="utf-8")


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
    with atomic_file(place) as page_file, atomic_file(place.with_suffix(".json")) as facts_file:
        facts_file.write_text(text, encoding="utf-8", newline="\n")
        page_file.write_text(html, encoding="utf-8", newline="\n")
    return place
