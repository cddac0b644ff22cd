"""Pieces of HTML for notebooks: no scripts, nothing from outside, every text escaped, readable on light and on dark.

Colours are those of the page around; lines are a grey that shows on both.

>>> print(panel("Two <tables>", table(["name", "rows"], [["usage", 1200]])).split("</style>")[1])
<div class="custintel"><h4>Two &lt;tables&gt;</h4><table>...<td>usage</td><td class="n">1,200</td>...</table></div>
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_STYLE = """<style>
.custintel{font:13px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;color:inherit;max-width:76rem}
.custintel h4{margin:0 0 .2rem;font-size:1.1em;font-weight:600}
.custintel p{margin:.2rem 0}
.custintel .quiet{opacity:.75}
.custintel table{border-collapse:collapse;margin:.4rem 0;font-size:12px}
.custintel th,.custintel td{padding:.15rem 1.1rem .15rem 0;text-align:left;vertical-align:top;
border:0;border-bottom:1px solid rgba(128,128,128,.35)}
.custintel th{font-weight:600;white-space:nowrap}
.custintel .n{text-align:right !important;font-variant-numeric:tabular-nums}
.custintel details{margin:.2rem 0 .2rem .2rem}
.custintel summary{cursor:pointer}
.custintel code,.custintel pre{font:11.5px/1.45 ui-monospace,Menlo,Consolas,monospace;color:inherit;background:none}
.custintel pre{max-height:24rem;overflow:auto;margin:.3rem 0;padding:.5rem;
border:1px solid rgba(128,128,128,.35);border-radius:4px}
</style>"""


def panel(title: str, *parts: str) -> str:
    """A title and what stands below it; parts are HTML already.

    >>> "<script>" in panel("<script>")
    False
    """
    return f'{_STYLE}<div class="custintel"><h4>{escape(title)}</h4>{"".join(parts)}</div>'


def muted_line(text: str) -> str:
    """A line of secondary text.

    >>> muted_line("a & b")
    '<p class="quiet">a &amp; b</p>'
    """
    return f'<p class="quiet">{escape(text)}</p>'


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows of plain values; whole numbers stand to the right, with commas.

    >>> table(["a"], [])
    ''
    """
    given = [tuple(row) for row in rows]
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in given)
    head = "".join(_head(name, [row[n] for row in given]) for n, name in enumerate(columns))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def _head(name: str, values: Sequence[object]) -> str:
    side = ' class="n"' if any(map(_is_count, values)) else ""
    return f"<th{side}>{escape(name)}</th>"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _cell(value: object) -> str:
    if isinstance(value, int) and _is_count(value):
        return f'<td class="n">{value:,}</td>'
    return f"<td>{'' if value is None else escape(str(value))}</td>"


def collapsible(summary: str, content: str) -> str:
    """HTML to be opened with a click; nothing when there is nothing to show.

    >>> collapsible("more", "<p>here</p>")
    '<details><summary>more</summary><p>here</p></details>'
    """
    return f"<details><summary>{escape(summary)}</summary>{content}</details>" if content else ""


def code_block(text: str) -> str:
    """A block of code.

    >>> code_block("a < b")
    '<pre>a &lt; b</pre>'
    """
    return f"<pre>{escape(text)}</pre>"
