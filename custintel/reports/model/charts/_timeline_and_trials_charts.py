"""How a model came about, drawn: the timeline of training and test dates, and the trials of tuning."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from custintel.html.chart_axes import ACCENT, BRAND, GRID, HEIGHT, INK, MUTED, PALE, WIDTH, axes, chart_scales
from custintel.html.number_format import MONTHS, count, format_date, number, percent
from custintel.html.svg_drawing import Drawing, Scale

Facts = Mapping[str, Any]
Texts = Mapping[str, Any]


def timeline_chart(population: Facts, texts: Texts) -> str:
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
    d.text((0, base), format_date(row["as_of"]), "strong" if test else "")
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


def trials_chart(tuning: Facts, texts: Texts) -> str:
    """Draw the value of each trial and the best so far."""
    values = tuning["values"]
    done = [(i, v) for i, v in enumerate(values) if v is not None]
    numbers = [v for _, v in done]
    low, high = min(numbers), max(numbers)
    pad = (high - low) * 0.1 or 0.01
    x, y = chart_scales((0, max(1, len(values) - 1)), (low - pad, high + pad))
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
