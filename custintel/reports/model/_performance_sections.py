"""The sections on who was looked at and how good the scores are. Each takes the twin and returns HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custintel.html.chart_axes import ACCENT, BRAND, MUTED, PALE
from custintel.html.number_format import UNKNOWN, count, number, percent, share, short_number
from custintel.html.page import bar, escape, figure, legend, section, side_by_side, table, table_columns
from custintel.reports.model._headline_and_key_metrics import outcome_words, texts
from custintel.reports.model.charts._calibration_gain_profit_charts import (
    calibration_chart,
    gain_chart,
    interval_strip,
    profit_chart,
)
from custintel.reports.model.charts._timeline_and_trials_charts import timeline_chart

Facts = Mapping[str, Any]

_DOTS = f"repeating-linear-gradient(90deg,{MUTED} 0 2px,#fff 2px 5px)"
_PALE_ACCENT = "#efc4b2"


def population_section(report: Facts) -> str:
    """Show dates and windows, or say that there are none."""
    t, facts = texts()["sections"]["population"], report["population"]
    if facts.get("later"):
        return section(t["title"], t["later"].format(rows=count(facts["test_rows"]), **facts["later"]), _roles(facts))
    if not facts["windows"]:
        return section(t["title"], t["flat"].format(rows=count(facts["test_rows"])), _roles(facts))
    c = texts()["charts"]["timeline"]
    right = escape(c["right"].format(rate=outcome_words(report)["rate"].lower()))
    above = f'{legend(_window_key(facts["windows"]))}<p class="say right">{right}</p>'
    drawn = f"<figure>{above}{timeline_chart(facts, c)}</figure>"
    closed = "customers" if facts.get("same_dates") else {True: "yes", False: "no", None: "unknown"}[facts["closed"]]
    return section(t["title"], t["lead"].format(closed=t["closed"][closed]), drawn)


def _window_key(w: Facts) -> list[tuple[str, str]]:
    """Return the colours of the windows with their lengths."""
    c = texts()["charts"]["timeline"]
    entries = [
        (PALE, "back", w["observation_days"]),
        (_DOTS, "gap", w["gap_days"]),
        (BRAND, "train", w["horizon_days"]),
        (ACCENT, "test", w["horizon_days"]),
        (_PALE_ACCENT, "wait", w["dormancy_days"]),
    ]
    return [(color, c[name].format(days=days)) for color, name, days in entries if days]


def _roles(facts: Facts) -> str:
    """List training and test rows of a table without dates."""
    if not facts["rows"]:
        return ""
    names = texts()["charts"]["timeline"]["roles"]
    rows = [[escape(r["role"]), count(r["rows"]), count(r["positives"]), percent(r["rate"])] for r in facts["rows"]]
    return table(table_columns(names, role="", rows="n", positives="n", rate="n"), rows)


def metrics_section(report: Facts) -> str:
    """Show every metric with its interval, then gain and calibration."""
    t, words = texts(), texts()["sections"]["quality_of_scores"]
    known = [m for m in report["metrics"] if m["value"] is not None]
    if not known:
        return section(words["title"], t["undefined"], "")
    columns = table_columns(t["measure_columns"], measure="", value="n", interval="n", where="w", chance="n")
    body = table(columns, [_metric_row(m, outcome_words(report)) for m in known])
    return section(words["title"], words["lead"], body + side_by_side(_gain(report), _calibration(report)))


def own_metrics_section(report: Facts) -> str:
    """Show the learner's own measures with their intervals."""
    t, found = texts(), report.get("own_metrics") or []
    if not found:
        return ""
    columns = table_columns(t["measure_columns"], measure="", value="n", interval="n", chance="n")
    words = t["sections"]["own_measures"]
    return section(words["title"], words["lead"], table(columns, [_own_metric_row(m) for m in found]))


def _own_metric_row(m: Facts) -> list[str]:
    said = f'<b>{escape(m["title"])}</b><br><span class="say">{escape(m["say"])}</span>'
    value, low, high, chance = (number(m[key], m["digits"]) for key in ("value", "low", "high", "chance"))
    return [said, f"<b>{value}</b>", f"{low} to {high}", "" if m["chance"] is None else chance]


def _metric_row(m: Facts, words: Mapping[str, str]) -> list[str]:
    """Return one line of the table of metrics."""
    t = texts()["measures"][m["name"]]
    digits = t["digits"]
    said = f'<b>{escape(t["name"])}</b><br><span class="say">{escape(t["say"].format(**words))}</span>'
    ends = f"{number(m['low'], digits)} to {number(m['high'], digits)}"
    chance = "" if m["chance"] is None else number(m["chance"], digits)
    return [said, f"<b>{number(m['value'], digits)}</b>", ends, interval_strip(m), chance]


def _gain(report: Facts) -> str:
    """Show the gain curve."""
    if not report["gain"]:
        return ""
    c, captured = texts()["charts"]["gain"], report["gain"]["captured"]
    said = c["caption"].format(ten=share(captured[10]), thirty=share(captured[30]))
    return figure(c["title"], said, gain_chart(report["gain"], c))


def _calibration(report: Facts) -> str:
    """Show the calibration curve; read one of its points aloud."""
    c, points = texts()["charts"]["calibration"], report["calibration"]["points"]
    if not points:
        return ""
    form = c["caption" if report["outcome"] == "churn" else "caption_other"]
    said = form.format(score=percent(points[-1]["score"]), rate=percent(points[-1]["rate"]))
    return figure(c["title"], said, calibration_chart(report["calibration"], c))


def deciles_section(report: Facts) -> str:
    """Show the ten groups."""
    t, rows = texts()["sections"]["deciles"], report["deciles"]
    if not rows:
        return ""
    columns = table_columns(
        texts()["decile_columns"], decile="", rows="n", score="n", positives="n", rate="w", interval="n", lift="n",
        found="n",
    )  # fmt: skip
    most = max(r["rate"] for r in rows) or 1.0
    lead = t["lead"].format(groups=t["ten"] if len(rows) == 10 else len(rows))
    return section(t["title"], lead, table(columns, [_decile(r, most) for r in rows]))


def _decile(r: Facts, most: float) -> list[str]:
    """Return one line of the decile table; groups above the average rate stand out."""
    above = r["lift"] is not None and r["lift"] >= 1
    rate = bar(r["rate"] / most, percent(r["rate"]), ACCENT if above else "")
    ends = f'<span class="say">{percent(r["low"])} to {percent(r["high"])}</span>'
    lift = UNKNOWN if r["lift"] is None else number(r["lift"], 2)
    start = [str(r["decile"]), count(r["rows"]), percent(r["score"]), count(r["positives"])]
    return [*start, rate, ends, lift, share(r["found"])]


def profit_section(report: Facts) -> str:
    """Show the profit curve and its costs."""
    profit = report["profit"]
    if not profit:
        return ""
    t, c, costs = texts()["sections"]["money"], texts()["charts"], profit["costs"]
    lead = t["lead"].format(
        accepted=share(profit["accepted"]),
        clv=short_number(costs["clv"] - costs["offer_cost"]),
        offer_cost=short_number(costs["offer_cost"]),
        contact_cost=short_number(costs["contact_cost"]),
    )
    curve = figure(c["profit"]["title"], _campaign(profit), profit_chart(profit, c["profit"]))
    listed = figure(c["costs"]["title"], c["costs"]["caption"], _costs(profit))
    return section(t["title"], lead, side_by_side(curve, listed))


def _campaign(profit: Facts) -> str:
    """Read the profit curve aloud."""
    form = texts()["charts"]["profit"]["caption" if profit["best_share"] else "caption_none"]
    return str(
        form.format(
            share=share(profit["best_share"]),
            profit=number(profit["best_profit"]),
            all=number(profit["contact_all"]),
        )
    )


def _costs(profit: Facts) -> str:
    """List the costs and the outcome of the best campaign."""
    t, costs = texts()["costs"], profit["costs"]
    accepted = t["accepted"].format(alpha=short_number(costs["alpha"]), beta=short_number(costs["beta"]))
    ends = f"{number(profit['low'])} to {number(profit['high'])}"
    rows = [
        *([t[name], short_number(costs[name])] for name in ("clv", "offer_cost", "contact_cost")),
        [accepted, share(profit["accepted"])],
        [t["best_share"], share(profit["best_share"])],
        [t["best_score"], percent(profit["best_score"])],
        [t["best_profit"], f"{number(profit['best_profit'])} ({ends})"],
        [t["contact_all"], number(profit["contact_all"])],
    ]
    return table(table_columns(t, name="", value="n"), [[escape(cell) for cell in row] for row in rows])
