"""What other rooms build their own reports from: blocks of a page, drawings, figures, and the frame around them."""

from __future__ import annotations

from custintel.explain._blocks import bar, escape, figure, heads, key, section, table, two
from custintel.explain._charts import ACCENT, BRAND, GOOD, GRID, MUTED, PALE, RULE
from custintel.explain._figures import UNKNOWN, count, human_number, number, percent, share
from custintel.explain._frame import page, write_twins
from custintel.explain._plain import plain
from custintel.explain._svg import Drawing, Scale, fit_text, text_width, ticks

__all__ = [
    "ACCENT",
    "BRAND",
    "GOOD",
    "GRID",
    "MUTED",
    "PALE",
    "RULE",
    "UNKNOWN",
    "Drawing",
    "Scale",
    "bar",
    "count",
    "escape",
    "figure",
    "fit_text",
    "heads",
    "human_number",
    "key",
    "number",
    "page",
    "percent",
    "plain",
    "section",
    "share",
    "table",
    "text_width",
    "ticks",
    "two",
    "write_twins",
]
