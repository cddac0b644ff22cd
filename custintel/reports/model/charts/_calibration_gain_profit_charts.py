"""How good the scores are, drawn: gain, calibration, profit by campaign size, and the interval of a metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from custintel.html.chart_axes import ACCENT, BRAND, GOOD, GRID, HEIGHT, MUTED, PALE, WIDTH, axes, chart_scales
from custintel.html.number_format import number, share
from custintel.html.svg_drawing import Drawing, Scale

if TYPE_CHECKING:
    from custintel.html.chart_axes import Writer

Facts = Mapping[str, Any]
Texts = Mapping[str, Any]


def gain_chart(gain: Facts, texts: Texts) -> str:
    """Draw which share of the positives is reached by contacting the first share of the customers."""
    x, y = chart_scales((0, 1), (0, 1))
    d = Drawing(WIDTH, HEIGHT, texts["title"], texts["desc"])
    axes(d, x, y, (share, share), (texts["x"], texts["y"]))
    points = list(zip(gain["share"], gain["captured"], strict=True))
    d.area([(x(a), y(b)) for a, b in points] + [(x(1), y(0))], PALE, 0.35)
    d.line([(x(a), y(b)) for a, b in zip(gain["share"], gain["ideal"], strict=True)], MUTED, 1.2, "2 3")
    d.line([(x(0), y(0)), (x(1), y(1))], MUTED, 1.2, "5 4")
    d.line([(x(a), y(b)) for a, b in points], BRAND, 2.6)
    for k in (10, 30):
        _mark_point(d, (x(points[k][0]), y(points[k][1])), f"{share(points[k][1])} in the first {k} %")
    d.text((x(0.98), y(0.78)), texts["chance"], "muted", "end")
    ideal_at = min(0.9, next((s for s, v in zip(gain["share"], gain["ideal"], strict=True) if v >= 1), 1.0))
    d.text((x(max(ideal_at, 0.02)) + 4, y(1) - 5), texts["ideal"], "muted")
    return d.svg()


def _mark_point(d: Drawing, at: tuple[float, float], text: str) -> None:
    """Mark a point of a curve, its words to the lower right."""
    d.dot(at, BRAND, 4.2)
    d.text((at[0] + 9, at[1] + 13), text, "brand")


def calibration_chart(calibration: Facts, texts: Texts) -> str:
    """Draw predicted against observed, with 95 % intervals, and the spread of the scores under it."""
    points = calibration["points"]
    most = max([max(p["high"], p["score"]) for p in points], default=1.0)
    most = min(1.0, max(0.02, most * 1.04))
    x, y = chart_scales((0, most), (0, most))
    d = Drawing(WIDTH, HEIGHT, texts["title"], texts["desc"])
    axes(d, x, y, (percent_tick(most), percent_tick(most)), (texts["x"], texts["y"]))
    d.line([(x(0), y(0)), (x(most), y(most))], MUTED, 1.2, "5 4")
    d.text((x(most) - 4, y(most * 0.8)), texts["ideal"], "muted", "end")
    d.line([(x(p["score"]), y(p["rate"])) for p in points], BRAND, 1.6)
    for p in points:
        d.line([(x(p["score"]), y(p["low"])), (x(p["score"]), y(min(p["high"], most)))], BRAND, 1.4)
        d.dot((x(p["score"]), y(p["rate"])), BRAND, 4)
    return d.svg()


def percent_tick(most: float) -> Writer:
    """Return how shares up to `most` are written on an axis."""
    return lambda value: f"{value * 100:.{1 if most < 0.045 else 0}f} %"


def profit_chart(profit: Facts, texts: Texts) -> str:
    """Draw profit per customer of the base by campaign size; mark the best size with its interval."""
    values = [*profit["profit"], profit["low"], profit["high"]]
    low, high = min(0.0, *values), max(0.0, *values)
    pad = (high - low) * 0.06 or 1.0
    x, y = chart_scales((0, 1), (low - pad, high + 4 * pad))
    d = Drawing(WIDTH, HEIGHT, texts["title"], texts["desc"])
    digits = 1 if high - low < 8 else 0
    axes(d, x, y, (share, lambda v: number(v, digits)), (texts["x"], texts["y"]))
    d.line([(x(0), y(0)), (x(1), y(0))], MUTED, 1.2)
    d.line([(x(a), y(b)) for a, b in zip(profit["share"], profit["profit"], strict=True)], BRAND, 2.6)
    best = (x(profit["best_share"]), y(profit["best_profit"]))
    d.line([best, (best[0], y.start)], ACCENT, 1.2, "3 3")
    d.line([(best[0], y(profit["low"])), (best[0], y(profit["high"]))], ACCENT, 2.2)
    d.dot(best, ACCENT, 4.8)
    _profit_words(d, profit, (best[0], y(profit["high"]) - 8), texts)
    return d.svg()


def _profit_words(d: Drawing, profit: Facts, best: tuple[float, float], texts: Texts) -> None:
    """Write the chosen size and what it earns above its interval."""
    y = best[1]
    right = best[0] < 300
    at, anchor = best[0] - (5 if right else -5), "start" if right else "end"
    d.text((at, y - 15), texts["best"].format(share=share(profit["best_share"])), "accent", anchor)
    earned = texts["earned"].format(
        profit=number(profit["best_profit"]), low=number(profit["low"]), high=number(profit["high"])
    )
    d.text((at, y), earned, "muted", anchor)


def interval_strip(metric: Facts) -> str:
    """Draw value and interval of one measure between chance and the best possible value."""
    value, chance, best = metric["value"], metric["chance"], metric["best"]
    known = [v for v in (value, metric["low"], metric["high"], chance, best) if v is not None]
    low, high = min(known), max(known)
    pad = (high - low) * 0.05 or 1.0
    x = Scale(low - pad, high + pad, 2, 218)
    d = Drawing(220, 20, metric["name"], f"{number(value, 3)}, {number(metric['low'], 3)}")
    d.line([(2, 10), (218, 10)], GRID, 6)
    for mark, color in ((chance, MUTED), (best, GOOD)):
        if mark is not None:
            d.line([(x(mark), 3), (x(mark), 17)], color, 2)
    d.line([(x(metric["low"]), 10), (x(metric["high"]), 10)], BRAND, 4.5)
    d.dot((x(value), 10), BRAND, 5)
    return d.svg()
