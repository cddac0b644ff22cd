"""The picture of a rule's precision, month by month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custintel.explain.reporting import ACCENT, BRAND, GRID, MUTED, RULE, Drawing, Scale, share, ticks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["precision_chart"]

_WIDTH, _HEIGHT = 462, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 410.0, 16.0, 146.0

Facts = dict[str, Any]


def precision_chart(rule: Facts, months: Sequence[str], texts: Mapping[str, str]) -> str:
    """Draw the share of confirmed alarms by month with intervals, and the stated precision as a dashed line."""
    d = Drawing(_WIDTH, _HEIGHT, str(rule.get("rule", texts.get("title", ""))), texts["desc"])
    x, y = Scale(-0.5, len(months) - 0.5, _LEFT, _RIGHT), Scale(0, 1, _BOTTOM, _TOP)
    _grid(d, x, y, months)
    if rule.get("stated") is not None:
        d.line([(_LEFT, y(rule["stated"])), (_RIGHT, y(rule["stated"]))], ACCENT, 1.4, "5 4")
        d.text((_RIGHT + 5, y(rule["stated"]) + 4), share(rule["stated"]), "accent")
    _points(d, x, y, [(months.index(p["month"]), p) for p in rule["points"] if p["month"] in months])
    return d.svg()


def _grid(d: Drawing, x: Scale, y: Scale, months: Sequence[str]) -> None:
    for value in ticks(0, 1, 4):
        d.line([(_LEFT, y(value)), (_RIGHT, y(value))], GRID if value else RULE)
        d.text((_LEFT - 6, y(value) + 4), share(value), "muted", "end")
    for k, month in enumerate(months):
        if (len(months) - 1 - k) % 3 == 0:
            d.text((x(k), _BOTTOM + 34), month, "muted", "middle")


def _points(d: Drawing, x: Scale, y: Scale, points: Sequence[tuple[int, Facts]]) -> None:
    d.line([(x(k), y(p["precision"])) for k, p in points], MUTED, 1.0)
    for k, p in points:
        d.line([(x(k), y(p["low"])), (x(k), y(p["high"]))], BRAND, 1.6)
        d.dot((x(k), y(p["precision"])), BRAND, 4)
        d.text((x(k), _BOTTOM + 16), f"n {p['closed']}", "tiny", "middle")
