"""The colours, the size and the axes that all charts of the pages share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from custintel.html.svg_drawing import Scale, ticks

if TYPE_CHECKING:
    from custintel.html.svg_drawing import Drawing

INK, MUTED, RULE, GRID = "#1b2733", "#5f6b77", "#c3cbd3", "#e6eaee"
BRAND, ACCENT, PALE, GOOD = "#0b5c7a", "#c9501f", "#b9d5e0", "#2f7d4f"
WIDTH, HEIGHT = 462, 310
_PLOT_AREA = (46.0, 26.0, 440.0, 266.0)  # left, top, right, bottom

Writer = Callable[[float], str]


def axes(d: Drawing, x: Scale, y: Scale, writers: tuple[Writer, Writer], names: tuple[str, str]) -> None:
    """Draw a light grid with round numbers, and name both axes in words."""
    for value in ticks(y.low, y.high):
        d.line([(x.start, y(value)), (x.end, y(value))], GRID)
        d.text((x.start - 6, y(value) + 4), writers[1](value), "muted", "end")
    d.line([(x.start, y.start), (x.end, y.start)], RULE)
    for value in ticks(x.low, x.high):
        d.line([(x(value), y.start), (x(value), y.start + 4)], RULE)
        d.text((x(value), y.start + 17), writers[0](value), "muted", "middle")
    d.text(((x.start + x.end) / 2, y.start + 36), names[0], "muted", "middle")
    d.text((x.start - 40, y.end - 12), names[1], "muted")


def chart_scales(x: tuple[float, float], y: tuple[float, float]) -> tuple[Scale, Scale]:
    """Return the scales of a chart of the usual size."""
    left, top, right, bottom = _PLOT_AREA
    return Scale(*x, left, right), Scale(*y, bottom, top)
