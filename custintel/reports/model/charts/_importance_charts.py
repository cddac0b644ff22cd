"""What drives the scores, drawn: importance by column and by family, and dependence on the values of a column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from custintel.explain.reason_words import quantity
from custintel.html.chart_axes import ACCENT, BRAND, GRID, MUTED, PALE, RULE
from custintel.html.number_format import percent, share, short_number, signed
from custintel.html.svg_drawing import Drawing, Scale, fit_text, text_width, ticks

FAMILY_COLORS = (
    "#0b5c7a", "#c9501f", "#5a8a3c", "#8a5a9e", "#c2952a", "#4a7fc1", "#a3455a", "#4f9a94", "#7a6a53", "#8892a0",
)  # fmt: skip

Facts = Mapping[str, Any]


def family_colors(families: Sequence[Facts]) -> dict[str, str]:
    """Give each family a colour, the strongest first; from the tenth on they share the last one."""
    return {f["family"]: FAMILY_COLORS[min(i, len(FAMILY_COLORS) - 1)] for i, f in enumerate(families)}


def importance_chart(importance: Facts, texts: Facts) -> str:
    """Draw the strongest columns as bars in the colours of their families."""
    features = importance["features"]
    colors = family_colors(importance["families"])
    step = 23
    label = min(400.0, 26 + max(text_width(f["about"], 12.5) for f in features))
    d = Drawing(960, step * len(features) + 4, texts["title"], texts["desc"])
    x = Scale(0, max(f["share"] for f in features), label, 880)
    for i, f in enumerate(features):
        y = step * i
        d.text((label - 10, y + 15), fit_text(f["about"], 12, label - 16), "", "end")
        d.rect((label, y + 3), (x(f["share"]) - label, step - 7), colors[f["family"]])
        d.text((x(f["share"]) + 6, y + 15), percent(f["share"]), "muted")
    return d.svg()


def dependence_chart(feature: Facts, texts: Facts) -> str:
    """Draw how the values of one column move the score, and how many customers have them."""
    d = Drawing(462, 250, feature["about"], texts["desc"])
    (_curve if feature["kind"] == "number" else _bars)(d, feature, texts)
    return d.svg()


def _reach(feature: Facts) -> tuple[float, float]:
    """Return the range of contributions that the chart must hold, zero included."""
    bins = [*feature["bins"], *([feature["missing"]] if feature["missing"] else [])]
    values = [v for b in bins for v in (b["mean"], b.get("low", 0.0), b.get("high", 0.0))]
    low, high = min(0.0, *values), max(0.0, *values)
    pad = (high - low) * 0.08 or 0.1
    return low - pad, high + pad


def _effect_axis(d: Drawing, y: Scale, ends: tuple[float, float], texts: Facts) -> None:
    """Draw the axis of contributions, with a firm line at zero."""
    steps = ticks(y.low, y.high, 4)
    digits = 2 if len(steps) > 1 and steps[1] - steps[0] < 0.1 else 1
    for value in steps:
        d.line([(ends[0], y(value)), (ends[1], y(value))], MUTED if value == 0 else GRID)
        d.text((ends[0] - 6, y(value) + 4), signed(value, digits), "muted", "end")
    d.text((6, 12), texts["y"], "muted")


def _curve(d: Drawing, feature: Facts, texts: Facts) -> None:
    """Draw the mean contribution along a number, its middle 80 %, and the histogram under it."""
    left = 46 if not feature["missing"] else 96
    y = Scale(*_reach(feature), 172, 22)
    x = Scale(feature["low"], feature["high"], left, 440, feature["bend"])
    _effect_axis(d, y, (46, 440), texts)
    bins = feature["bins"]
    band = [(x(b["value"]), y(b["high"])) for b in bins] + [(x(b["value"]), y(b["low"])) for b in reversed(bins)]
    d.area(band, PALE, 0.5)
    d.line([(x(b["value"]), y(b["mean"])) for b in bins], BRAND, 2.4)
    _histogram(d, feature["histogram"], (left, 440))
    _number_axis(d, x, feature)
    if feature["missing"]:
        _missing(d, feature, y, texts)


def _histogram(d: Drawing, counts: Sequence[int], ends: tuple[float, float]) -> None:
    """Draw the number of customers along the axis."""
    most, wide = max(counts) or 1, (ends[1] - ends[0]) / len(counts)
    for i, n in enumerate(counts):
        high = 30 * n / most
        d.rect((ends[0] + i * wide + 0.5, 212 - high), (wide - 1, high), "#b4bec7")
    d.line([(ends[0], 212), (ends[1], 212)], RULE)


def _number_axis(d: Drawing, x: Scale, feature: Facts) -> None:
    """Write round numbers under the histogram; on a bent axis 0, 1, 10, ... or 0, 3, 30, ..."""
    values = ticks(x.low, x.high, 6) if not x.bend else _bent_ticks(x)
    scale = 100 if feature["unit"] in ("share", "relative") else 1
    last = -1e9
    for value in values:
        text = short_number(value * scale)
        if x(value) - last > 14 + 6 * len(text):
            d.line([(x(value), 212), (x(value), 216)], RULE)
            d.text((x(value), 229), text, "muted", "middle")
            last = x(value)
    name = "%" if scale == 100 else quantity(0, feature["unit"], "en")[1:].strip()
    d.text((440, 245), name, "tiny", "end")


def _bent_ticks(x: Scale) -> list[float]:
    """Return ticks that double or triple, for an axis that compresses large values."""
    power = 10 ** math.floor(math.log10(max(x.bend, 1e-9)))
    grown = [power * m * 10**k for k in range(9) for m in (1, 2, 5)]
    return [v for v in [0.0, *grown] if x.low <= v <= x.high]


def _missing(d: Drawing, feature: Facts, y: Scale, texts: Facts) -> None:
    """Draw the customers without a value at the left, apart from the curve."""
    gap = feature["missing"]
    rows = gap["rows"] + sum(b["rows"] for b in feature["bins"])
    d.line([(82, 22), (82, 212)], RULE, 1, "2 3")
    d.dot((63, y(gap["mean"])), ACCENT, 4.2)
    d.text((63, 229), texts["missing"], "tiny", "middle")
    d.text((63, 243), share(gap["rows"] / rows), "tiny", "middle")


def _bars(d: Drawing, feature: Facts, texts: Facts) -> None:
    """Draw one horizontal bar for each category (or each of a few numbers)."""
    bins = [*feature["bins"], *([{**feature["missing"], "gap": True}] if feature["missing"] else [])]
    bins = bins[:13]
    low, high = _reach(feature)
    x = Scale(low, high, 184, 404)
    step = min(26.0, 196 / max(1, len(bins)))
    d.height = 46 + step * len(bins)
    total = sum(b["rows"] for b in bins) or 1
    for value in ticks(low, high):
        d.line([(x(value), 20), (x(value), 24 + step * len(bins))], MUTED if value == 0 else GRID)
        d.text((x(value), 38 + step * len(bins)), signed(value, 1 if high - low > 0.4 else 2), "muted", "middle")
    d.text((6, 12), texts["y"], "muted")
    d.text((456, 12), texts["customers"], "muted", "end")
    for i, b in enumerate(bins):
        _bar(d, (x, 24 + step * i, step), (b, _bin_name(b, feature, texts)), total)


def _bar(d: Drawing, place: tuple[Scale, float, float], of: tuple[Facts, str], total: int) -> None:
    """Draw one bar with its name and its share of customers."""
    (x, y, step), (b, name) = place, of
    size = 12 if step > 16 else 11
    d.text((176, y + step / 2 + 3), fit_text(name, size, 172), "muted" if b.get("gap") else "", "end")
    ends = sorted((x(0), x(b["mean"])))
    d.rect((ends[0], y + 3), (max(1.0, ends[1] - ends[0]), max(2.0, step - 6)), ACCENT if b["mean"] > 0 else BRAND)
    d.text((456, y + step / 2 + 3), share(b["rows"] / total), "tiny", "end")


def _bin_name(b: Facts, feature: Facts, texts: Facts) -> str:
    """Name one bar."""
    if b.get("gap"):
        return str(texts["missing"])
    if "value" in b:
        value = quantity(b["value"], feature["unit"], "en")
        return str(texts["more"].format(value=value)) if b["more"] else value
    return str(texts["others"]) if b["label"] is None else str(b["label"])


def family_strip(importance: Facts, names: Mapping[str, str]) -> str:
    """Draw the share of each family in one strip."""
    colors, at = family_colors(importance["families"]), 0.0
    d = Drawing(960, 34, names["title"], names["desc"])
    for f in importance["families"]:
        wide = 960 * f["share"]
        d.rect((at, 0), (wide - 1.5, 34), colors[f["family"]])
        text = f"{f['family']} {share(f['share'])}"
        if wide > 8 * len(text) + 8:
            d.text((at + 10, 21.5), text, "on")
        at += wide
    return d.svg()
