"""A section of a report as plain data, and how it is drawn: what a learner adds to the report of its model.

A learner says what its section holds; it writes no HTML. A section has a title, a sentence on how to read it, and
blocks: tables, lines, bars and sentences. The JSON twin keeps them as they are.

>>> tiers = Section("Tiers", "How many customers each tier holds.", (Table(("Tier", "Customers"), (("gold", 120),)),))
>>> section_facts(tiers)["blocks"][0]["rows"]
[['gold', 120]]
>>> "<td>gold</td>" in draw_section(section_facts(tiers))
True
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from custintel.html.chart_axes import ACCENT, BRAND, GOOD, HEIGHT, MUTED, PALE, WIDTH, axes, chart_scales
from custintel.html.number_format import UNKNOWN, number, short_number
from custintel.html.page import bar, escape, figure, json_ready, legend, section, side_by_side, table
from custintel.html.svg_drawing import Drawing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from custintel.html.svg_drawing import Scale


_COLOURS = (BRAND, ACCENT, GOOD, MUTED)


@dataclass(frozen=True)
class Table:
    """Rows under headings; a number is written for readers, `digits` says with how many decimals."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    title: str = ""
    caption: str = ""
    digits: int = 2
    kind: str = field(default="table", init=False)


@dataclass(frozen=True)
class Line:
    """One line of a chart: a name, its points, and the ends of their intervals where there are any."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class LineChart:
    """Lines over one axis; `diagonal` draws where x and y are equal."""

    title: str
    x_name: str
    y_name: str
    lines: tuple[Line, ...]
    caption: str = ""
    diagonal: bool = False
    kind: str = field(default="lines", init=False)


@dataclass(frozen=True)
class BarChart:
    """A bar for each label; values of at least 0."""

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    caption: str = ""
    digits: int = 0
    kind: str = field(default="bars", init=False)


@dataclass(frozen=True)
class Text:
    """Sentences, each a line of its own."""

    sentences: tuple[str, ...]
    kind: str = field(default="text", init=False)


Block = Table | LineChart | BarChart | Text


@dataclass(frozen=True)
class Section:
    """A title, a sentence on how to read what follows, and the blocks."""

    title: str
    lead: str
    blocks: tuple[Block, ...]


def section_facts(given: Section) -> dict[str, Any]:
    """The section as plain data for the JSON twin."""
    facts: dict[str, Any] = json_ready(asdict(given))
    return facts


def draw_section(facts: Mapping[str, Any]) -> str:
    """The section as HTML, from its plain data; two charts in a row stand side by side."""
    drawn: list[str] = []
    charts: list[str] = []
    for block in facts["blocks"]:
        if block["kind"] in ("lines", "bars"):
            charts.append(_DRAWN[block["kind"]](block))
            continue
        drawn += [side_by_side(*charts), _DRAWN[block["kind"]](block)]
        charts = []
    return section(facts["title"], facts["lead"], "\n".join(filter(None, [*drawn, side_by_side(*charts)])))


def _text(block: Mapping[str, Any]) -> str:
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in block["sentences"])


def _table(block: Mapping[str, Any]) -> str:
    numeric = [_is_numeric(row[k] for row in block["rows"]) for k in range(len(block["columns"]))]
    columns = [("n" if n else "", name) for n, name in zip(numeric, block["columns"], strict=True)]
    rows = [[_cell(value, block["digits"]) for value in row] for row in block["rows"]]
    drawn = table(columns, rows)
    return figure(block["title"], block["caption"], drawn, "wide") if block["title"] else drawn


def _is_numeric(values: Any) -> bool:
    return all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values)


def _cell(value: Any, digits: int) -> str:
    """One cell: whole numbers in full, others with the digits of the table; a missing one as a dash."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return escape(number(value, digits) if isinstance(value, float) else value)


def _bars(block: Mapping[str, Any]) -> str:
    most = max([value for value in block["values"] if value is not None], default=0.0) or 1.0
    pairs = zip(block["labels"], block["values"], strict=True)
    rows = [[escape(label), _bar(value, most, block["digits"])] for label, value in pairs]
    return figure(block["title"], block["caption"], table([("", ""), ("w", "")], rows))


def _bar(value: float | None, most: float, digits: int) -> str:
    return UNKNOWN if value is None else bar(value / most, number(value, digits))


def _lines(block: Mapping[str, Any]) -> str:
    """A chart of lines with a light axis; the key stands above it when there are several."""
    (x, y), d = _scales(block), Drawing(WIDTH, HEIGHT, block["title"], block["caption"] or block["title"])
    axes(d, x, y, (short_number, short_number), (block["x_name"], block["y_name"]))
    if block["diagonal"]:
        low, high = max(x.low, y.low), min(x.high, y.high)
        d.line([(x(low), y(low)), (x(high), y(high))], MUTED, 1.2, "5 4")
    for place, line in enumerate(block["lines"]):
        _draw_line(d, line, (x, y), _COLOURS[place % len(_COLOURS)])
    names = [(_COLOURS[k % len(_COLOURS)], line["name"]) for k, line in enumerate(block["lines"])]
    return figure(block["title"], block["caption"], (legend(names) if len(names) > 1 else "") + d.svg())


def _draw_line(d: Drawing, line: Mapping[str, Any], scales: tuple[Scale, Scale], color: str) -> None:
    x, y = scales
    if line["low"] and line["high"]:
        edge = [*zip(line["x"], line["high"], strict=True), *reversed(list(zip(line["x"], line["low"], strict=True)))]
        d.area([(x(a), y(b)) for a, b in edge], PALE, 0.5)
    points = [(x(a), y(b)) for a, b in zip(line["x"], line["y"], strict=True) if b is not None]
    d.line(points, color, 2.4)
    for point in points if len(points) <= _FEW_POINTS else ():
        d.dot(point, color)


_FEW_POINTS = 12


def _scales(block: Mapping[str, Any]) -> tuple[Scale, Scale]:
    """Scales that hold all points and zero, with a little room above."""
    x = _known(value for line in block["lines"] for value in line["x"])
    y = _known(value for line in block["lines"] for part in ("y", "low", "high") for value in line[part])
    low, high = min([0.0, *y]), max([0.0, *y])
    room = (high - low) * 0.06 or 1.0
    return chart_scales((min(x, default=0.0), max(x, default=1.0)), (low - (room if low < 0 else 0.0), high + room))


def _known(values: Any) -> list[float]:
    return [float(value) for value in values if value is not None]


_DRAWN: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "text": _text,
    "table": _table,
    "bars": _bars,
    "lines": _lines,
}


def draw_sections(given: Sequence[Mapping[str, Any]]) -> str:
    """All sections, in their order."""
    return "\n".join(draw_section(facts) for facts in given)
