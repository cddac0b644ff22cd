"""The pictures of how good the scores are: timeline, gain, calibration, profit, tuning, intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from custintel.html.number_format import MONTHS, count, number, percent, share, when
from custintel.html.svg_drawing import Drawing, Scale, ticks

INK, MUTED, RULE, GRID = "#1b2733", "#5f6b77", "#c3cbd3", "#e6eaee"
BRAND, ACCENT, PALE, GOOD = "#0b5c7a", "#c9501f", "#b9d5e0", "#2f7d4f"
WIDTH, HEIGHT = 462, 310
_BOX = (46.0, 26.0, 440.0, 266.0)  # left, top, right, bottom of the plotting area

Facts = Mapping[str, Any]
Texts = Mapping[str, Any]
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


def _scales(x: tuple[float, float], y: tuple[float, float]) -> tuple[Scale, Scale]:
    """Return the scales of a chart of the usual size."""
    left, top, right, bottom = _BOX
    return Scale(*x, left, right), Scale(*y, bottom, top)


def timeline(population: Facts, texts: Texts) -> str:
    """Draw what was observed, the gap and the horizon, for each date of training and test."""
    rows = [row for row in population["rows"] if row["as_of"]]
    w = population["windows"]
    ahead = w["gap_days"] + w["horizon_days"] + w["dormancy_days"]
    back = w["observation_days"] or 30
    days = [date.fromisoformat(row["as_of"][:10]).toordinal() for row in rows]
    x = Scale(min(days) - back, max(days) + ahead, 142, 790)
    step = 26 if len(rows) <= 12 else 19
    bottom = 34 + step * len(rows)
    d = Drawing(960, bottom + 6, texts["title"], texts["desc"])
    _months(d, x, bottom)
    for i, (row, day) in enumerate(zip(rows, days, strict=True)):
        _date_bar(d, x, (34 + step * i, step), (row, day, back), w)
    return d.svg()


def _months(d: Drawing, x: Scale, bottom: float) -> None:
    """Draw the beginning of each month, named where there is room."""
    first = date.fromordinal(int(x.low)).replace(day=1)
    months = [d_ for k in range(60) if x.low <= (d_ := _add_months(first, k)).toordinal() <= x.high]
    every = max(1, -(-len(months) // 13))
    for k, month in enumerate(months):
        at = x(month.toordinal())
        d.line([(at, 22), (at, bottom)], GRID)
        if k % every == 0:
            year = f" {month.year}" if month.month == 1 or not k else ""
            d.text((at, 14), MONTHS[month.month - 1] + year, "muted", "middle")


def _add_months(day: date, months: int) -> date:
    """Return the first of a later month."""
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, 1)


def _date_bar(d: Drawing, x: Scale, place: tuple[float, float], of: tuple[Facts, int, float], w: Facts) -> None:
    """Draw one as-of date: look-back, gap, horizon, waiting time, and its numbers."""
    (y, step), (row, day, back) = place, of
    test = row["role"] == "test"
    high, color = step - 8, ACCENT if test else BRAND
    base = y + high / 2 + 4
    d.text((0, base), when(row["as_of"]), "strong" if test else "")
    d.text((92, base), row["role"], "accent" if test else "brand")
    ends = [day - back, day, day + w["gap_days"], day + w["gap_days"] + w["horizon_days"]]
    d.rect((x(ends[0]), y), (x(ends[1]) - x(ends[0]), high), PALE)
    d.rect((x(ends[2]), y), (x(ends[3]) - x(ends[2]), high), color)
    if w["gap_days"]:
        d.line([(x(ends[1]), y + high / 2), (x(ends[2]), y + high / 2)], MUTED, 1, "2 3")
    if w["dormancy_days"]:
        d.rect((x(ends[3]), y), (x(ends[3] + w["dormancy_days"]) - x(ends[3]), high), color, 0, 0.22)
    d.line([(x(day), y - 3), (x(day), y + high + 3)], INK, 1.6)
    rate = "" if row["rate"] is None else f" · {percent(row['rate'])}"
    d.text((960, base), f"{count(row['rows'])}{rate}", "muted", "end")


def gain_chart(gain: Facts, texts: Texts) -> str:
    """Draw which share of the positives is reached by contacting the first share of the customers."""
    x, y = _scales((0, 1), (0, 1))
    d = Drawing(WIDTH, HEIGHT, texts["title"], texts["desc"])
    axes(d, x, y, (share, share), (texts["x"], texts["y"]))
    points = list(zip(gain["share"], gain["captured"], strict=True))
    d.area([(x(a), y(b)) for a, b in points] + [(x(1), y(0))], PALE, 0.35)
    d.line([(x(a), y(b)) for a, b in zip(gain["share"], gain["ideal"], strict=True)], MUTED, 1.2, "2 3")
    d.line([(x(0), y(0)), (x(1), y(1))], MUTED, 1.2, "5 4")
    d.line([(x(a), y(b)) for a, b in points], BRAND, 2.6)
    for k in (10, 30):
        _marked(d, (x(points[k][0]), y(points[k][1])), f"{share(points[k][1])} in the first {k} %")
    d.text((x(0.98), y(0.78)), texts["chance"], "muted", "end")
    ideal_at = min(0.9, next((s for s, v in zip(gain["share"], gain["ideal"], strict=True) if v >= 1), 1.0))
    d.text((x(max(ideal_at, 0.02)) + 4, y(1) - 5), texts["ideal"], "muted")
    return d.svg()


def _marked(d: Drawing, at: tuple[float, float], text: str) -> None:
    """Mark a point of a curve, its words to the lower right."""
    d.dot(at, BRAND, 4.2)
    d.text((at[0] + 9, at[1] + 13), text, "brand")


def calibration_chart(calibration: Facts, texts: Texts) -> str:
    """Draw predicted against observed, with 95 % intervals, and the spread of the scores under it."""
    points = calibration["points"]
    most = max([max(p["high"], p["score"]) for p in points], default=1.0)
    most = min(1.0, max(0.02, most * 1.04))
    x, y = _scales((0, most), (0, most))
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
    x, y = _scales((0, 1), (low - pad, high + 4 * pad))
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


def interval_strip(measure: Facts) -> str:
    """Draw value and interval of one measure between chance and the best possible value."""
    value, chance, best = measure["value"], measure["chance"], measure["best"]
    known = [v for v in (value, measure["low"], measure["high"], chance, best) if v is not None]
    low, high = min(known), max(known)
    pad = (high - low) * 0.05 or 1.0
    x = Scale(low - pad, high + pad, 2, 218)
    d = Drawing(220, 20, measure["name"], f"{number(value, 3)}, {number(measure['low'], 3)}")
    d.line([(2, 10), (218, 10)], GRID, 6)
    for mark, color in ((chance, MUTED), (best, GOOD)):
        if mark is not None:
            d.line([(x(mark), 3), (x(mark), 17)], color, 2)
    d.line([(x(measure["low"]), 10), (x(measure["high"]), 10)], BRAND, 4.5)
    d.dot((x(value), 10), BRAND, 5)
    return d.svg()


def trials(tuning: Facts, texts: Texts) -> str:
    """Draw the value of each trial and the best so far."""
    values = tuning["values"]
    done = [(i, v) for i, v in enumerate(values) if v is not None]
    numbers = [v for _, v in done]
    low, high = min(numbers), max(numbers)
    pad = (high - low) * 0.1 or 0.01
    x, y = _scales((0, max(1, len(values) - 1)), (low - pad, high + pad))
    d = Drawing(WIDTH, HEIGHT, texts["title"], texts["desc"])
    digits = next((k for k in (2, 3, 4) if (high - low) > 5 * 10**-k), 5)
    axes(d, x, y, (lambda v: number(v, 0), lambda v: number(v, digits)), (texts["x"], texts["y"]))
    pick = min if tuning["lower_is_better"] else max
    steps, best = [], numbers[0]
    for i, v in done:
        steps += [(x(i), y(best)), (x(i), y(best := pick(best, v)))]
    d.line([*steps, (x(len(values) - 1), y(best))], BRAND, 2)
    for i, v in done:
        d.dot((x(i), y(v)), PALE if v != best else ACCENT, 3.4 if v != best else 5)
    return d.svg()
