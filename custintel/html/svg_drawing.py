"""Small drawings: scales, ticks and the few shapes a chart needs, written as SVG text.

A drawing has a title and a description for readers who hear it. Nothing in it refers to anything outside.

>>> drawing = Drawing(100, 40, "Two points", "A line from low to high")
>>> drawing.line([(0, 40), (100, 0)], "#000")
>>> drawing.svg().count("<polyline")
1
>>> ticks(0, 0.93), ticks(0, 1234)
([0.0, 0.2, 0.4, 0.6, 0.8], [0.0, 500.0, 1000.0])
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


Point = tuple[float, float]


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers from low to high, at most `most` steps apart."""
    if not high > low:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) + 0.0 for k in range(first, math.floor(high / step + 1e-9) + 1)]


def text_width(text: str, size: float) -> float:
    """Estimate the width of a text; Chinese characters are as wide as high."""
    return sum(size if ord(c) > 0x2E80 else size * (0.3 if c in "iljtf.,:;|' " else 0.56) for c in text)


def fit_text(text: str, size: float, width: float) -> str:
    """Cut a text at a word so that it fits, with an ellipsis."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip(" ,(（") + "…"


@dataclass(frozen=True)
class Scale:
    """A straight map from data to paper; `bend` > 0 compresses large values (log of 1 + value / bend)."""

    low: float
    high: float
    start: float
    end: float
    bend: float = 0.0

    def __call__(self, value: float) -> float:
        """Return the place of a value on the drawing."""
        low, high, v = (self._compressed(x) for x in (self.low, self.high, value))
        share = (v - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def _compressed(self, value: float) -> float:
        return math.log1p(max(value, 0.0) / self.bend) if self.bend else value


def _px(value: float) -> str:
    """Write a coordinate with one decimal at most."""
    return f"{value:.1f}".rstrip("0").rstrip(".") if abs(value) >= 0.05 else "0"


@dataclass
class Drawing:
    """An SVG picture under construction."""

    width: float
    height: float
    title: str
    about: str
    parts: list[str] = field(default_factory=list)

    def line(self, points: Iterable[Point], color: str, width: float = 1.0, dash: str = "") -> None:
        """Draw a line through points."""
        at = " ".join(f"{_px(x)},{_px(y)}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<polyline points="{at}" fill="none" stroke="{color}" stroke-width="{_px(width)}"{dashed} '
            'stroke-linejoin="round" stroke-linecap="round"/>'
        )

    def area(self, points: Iterable[Point], color: str, opacity: float = 1.0) -> None:
        """Fill the polygon through points."""
        at = " ".join(f"{_px(x)},{_px(y)}" for x, y in points)
        self.parts.append(f'<polygon points="{at}" fill="{color}" fill-opacity="{opacity:g}"/>')

    def rect(self, corner: Point, size: Point, color: str, round_: float = 0.0, opacity: float = 1.0) -> None:
        """Draw a filled rectangle."""
        (x, y), (w, h) = corner, size
        more = (f' rx="{_px(round_)}"' if round_ else "") + (f' fill-opacity="{opacity:g}"' if opacity < 1 else "")
        self.parts.append(
            f'<rect x="{_px(x)}" y="{_px(y)}" width="{_px(max(w, 0))}" height="{_px(max(h, 0))}" fill="{color}"{more}/>'
        )

    def dot(self, at: Point, color: str, radius: float = 3.5) -> None:
        """Draw a dot with a white rim."""
        place = f'cx="{_px(at[0])}" cy="{_px(at[1])}" r="{_px(radius)}"'
        self.parts.append(f'<circle {place} fill="{color}" stroke="#fff" stroke-width="1.2"/>')

    def text(self, at: Point, text: str, css_class: str = "", anchor: str = "start") -> None:
        """Write a text; `css_class` names a CSS class of the page (small, strong, muted, accent, ...)."""
        named = f' class="{css_class}"' if css_class else ""
        placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.parts.append(f'<text x="{_px(at[0])}" y="{_px(at[1])}"{named}{placed}>{escape(text, quote=False)}</text>')

    def svg(self) -> str:
        """Return the picture as one SVG element."""
        return (
            f'<svg viewBox="0 0 {_px(self.width)} {_px(self.height)}" role="img">'
            f"<title>{escape(self.title, quote=False)}</title><desc>{escape(self.about, quote=False)}</desc>"
            f"{''.join(self.parts)}</svg>"
        )
