"""The sections of the page, in reading order. Each takes the twin and returns HTML, or nothing when it has no data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custintel.explain import _charts, _effect_charts
from custintel.explain._blocks import bar, escape, figure, key, section, table
from custintel.explain._figures import UNKNOWN, count, human_number, number, percent, share, when
from custintel.explain._headline import outcome_words
from custintel.explain._texts import texts

__all__ = ["SECTIONS"]

Facts = Mapping[str, Any]


def _population(report: Facts) -> str:
    """Show dates and windows, or say that there are none."""
    t, facts = texts()["sections"]["population"], report["population"]
    if not facts["windows"]:
        return section(t["title"], t["flat"].format(rows=count(facts["test_rows"])), _roles(facts))
    c, w = texts()["charts"]["timeline"], facts["windows"]
    entries = [(_charts.PALE, c["back"].format(days=w["observation_days"] or UNKNOWN))]
    if w["gap_days"]:
        entries.append(
            (
                f"repeating-linear-gradient(90deg,{_charts.MUTED} 0 2px,#fff 2px 5px)",
                c["gap"].format(days=w["gap_days"]),
            )
        )
    entries.append((_charts.BRAND, c["train"].format(days=w["horizon_days"])))
    entries.append((_charts.ACCENT, c["test"].format(days=w["horizon_days"])))
    if w["dormancy_days"]:
        entries.append(("#efc4b2", c["wait"].format(days=w["dormancy_days"])))
    right = c["right"].format(rate=outcome_words(report)["rate"].lower())
    drawn = f'{key(entries)}<p class="say" style="text-align:right;margin:0">{right}</p>{_charts.timeline(facts, c)}'
    return section(t["title"], t["lead"], drawn)


def _roles(facts: Facts) -> str:
    """List training and test rows of a table without dates."""
    if not facts["rows"]:
        return ""
    rows = [[escape(r["role"]), count(r["rows"]), count(r["positives"]), percent(r["rate"])] for r in facts["rows"]]
    names = texts()["charts"]["timeline"]["roles"]
    return table([("", names["role"]), ("n", names["rows"]), ("n", names["positives"]), ("n", names["rate"])], rows)


def _measures(report: Facts) -> str:
    """Show every measure with its interval, then gain and calibration."""
    t = texts()
    lead = t["sections"]["quality_of_scores"]["lead"]
    known = [m for m in report["metrics"] if m["value"] is not None]
    if not known:
        return section(t["sections"]["quality_of_scores"]["title"], t["undefined"], "")
    names = t["measure_columns"]
    columns = [
        ("", names["measure"]),
        ("n", names["value"]),
        ("n", names["interval"]),
        ("w", names["where"]),
        ("n", names["chance"]),
    ]
    body = table(columns, [_measure_row(m, outcome_words(report)) for m in known])
    pictures = _gain(report) + _calibration(report)
    return section(
        t["sections"]["quality_of_scores"]["title"],
        lead,
        f'{body}<div class="two" style="margin-top:26px">{pictures}</div>',
    )


def _measure_row(m: Facts, words: Mapping[str, str]) -> list[str]:
    """Return one line of the table of measures."""
    t = texts()["measures"][m["name"]]
    digits = t["digits"]
    said = f'<b>{escape(t["name"])}</b><br><span class="say">{escape(t["say"].format(**words))}</span>'
    ends = f"{number(m['low'], digits)} to {number(m['high'], digits)}"
    chance = "" if m["chance"] is None else number(m["chance"], digits)
    return [said, f"<b>{number(m['value'], digits)}</b>", ends, _charts.interval_strip(m), chance]


def _gain(report: Facts) -> str:
    """Show the gain curve."""
    if not report["gain"]:
        return ""
    c, captured = texts()["charts"]["gain"], report["gain"]["captured"]
    said = c["caption"].format(ten=share(captured[10]), thirty=share(captured[30]))
    return figure(c["title"], said, _charts.gain_chart(report["gain"], c))


def _calibration(report: Facts) -> str:
    """Show the calibration curve; read one of its points aloud."""
    c, points = texts()["charts"]["calibration"], report["calibration"]["points"]
    if not points:
        return ""
    point = points[-1]
    form = c["caption" if report["outcome"] == "churn" else "caption_other"]
    said = form.format(score=percent(point["score"]), rate=percent(point["rate"]))
    return figure(c["title"], said, _charts.calibration_chart(report["calibration"], c))


def _deciles(report: Facts) -> str:
    """Show the ten groups."""
    t, names, rows = texts()["sections"]["deciles"], texts()["decile_columns"], report["deciles"]
    if not rows:
        return ""
    order = ("decile", "rows", "score", "positives", "rate", "lift", "found")
    looks = ("", "n", "n", "n", "w", "n", "n")
    most = max(r["rate"] for r in rows) or 1.0
    body = table(
        [(look, names[name]) for look, name in zip(looks, order, strict=True)], [_decile(r, most) for r in rows]
    )
    return section(t["title"], t["lead"], body)


def _decile(r: Facts, most: float) -> list[str]:
    """Return one line of the decile table."""
    rate = bar(r["rate"] / most, percent(r["rate"]), _charts.ACCENT if r["lift"] and r["lift"] >= 1 else "")
    ends = f'<span class="say">{percent(r["low"])} to {percent(r["high"])}</span>'
    lift = UNKNOWN if r["lift"] is None else f"{number(r['lift'], 2)}"
    return [
        str(r["decile"]),
        count(r["rows"]),
        percent(r["score"]),
        count(r["positives"]),
        rate + ends,
        lift,
        share(r["found"]),
    ]


def _money(report: Facts) -> str:
    """Show the profit curve and its costs."""
    profit = report["profit"]
    if not profit:
        return ""
    t, c, costs = texts()["sections"]["money"], texts()["charts"], profit["costs"]
    lead = t["lead"].format(accepted=share(profit["accepted"]), clv=human_number(costs["clv"] - costs["d"]),
                            d=human_number(costs["d"]), f=human_number(costs["f"]))  # fmt: skip
    form = c["profit"]["caption" if profit["best_share"] else "caption_none"]
    said = form.format(
        share=share(profit["best_share"]), profit=number(profit["best_profit"]), all=number(profit["contact_all"])
    )
    curve = figure(c["profit"]["title"], said, _charts.profit_chart(profit, c["profit"]))
    listed = figure(c["costs"]["title"], c["costs"]["caption"], _costs(profit))
    return section(t["title"], lead, f'<div class="two">{curve}{listed}</div>')


def _costs(profit: Facts) -> str:
    """List the costs and the outcome of the best campaign."""
    t, costs = texts()["costs"], profit["costs"]
    rows = [[escape(t[name]), human_number(costs[name])] for name in ("clv", "d", "f")]
    accepted = t["accepted"].format(alpha=human_number(costs["alpha"]), beta=human_number(costs["beta"]))
    rows.append([escape(accepted), share(profit["accepted"])])
    rows.append([escape(t["best_share"]), share(profit["best_share"])])
    if profit["best_score"] is not None:
        rows.append([escape(t["best_score"]), percent(profit["best_score"])])
    rows.append(
        [
            escape(t["best_profit"]),
            f"{number(profit['best_profit'])} ({number(profit['low'])} to {number(profit['high'])})",
        ]
    )
    rows.append([escape(t["contact_all"]), number(profit["contact_all"])])
    return table([("", t["name"]), ("n", t["value"])], rows)


def _effects(report: Facts) -> str:
    """Show importance by family and by feature, then the dependence of the strongest."""
    facts, t, c = report["importance"], texts()["sections"]["effects"], texts()["charts"]
    if not facts["features"]:
        return ""
    lead = t["lead"].format(rows=count(facts["rows"]), used=facts["used"], columns=facts["columns"])
    first = facts["features"][0]
    said = c["importance"]["caption"].format(first=first["about"], share=percent(first["share"]))
    bars = figure(c["importance"]["title"], said, _effect_charts.importance_chart(facts, c["importance"]), "wide")
    return section(t["title"], lead, f"{_families(facts)}{bars}{_dependence(report)}")


def _families(facts: Facts) -> str:
    """Show the share of each family, unless there is one only."""
    if len(facts["families"]) < 2:
        return ""
    c = texts()["charts"]["families"]
    colors = _effect_charts.family_colors(facts["families"])
    entries = [(colors[f["family"]], f"{f['family']} {percent(f['share'])}") for f in facts["families"]]
    return figure(c["title"], c["caption"], _effect_charts.family_strip(facts, c) + key(entries), "wide")


def _dependence(report: Facts) -> str:
    """Show how the values of the strongest features move the score."""
    c = texts()["charts"]["dependence"]
    drawn = [
        figure(
            f["about"],
            c["caption_number" if f["kind"] == "number" else "caption_bars"],
            _effect_charts.dependence_chart(f, c),
        )
        for f in report["dependence"]
    ]
    return f'<div class="two">{"".join(drawn)}</div>'


def _examples(report: Facts) -> str:
    """Tell three customers in words."""
    t = texts()["sections"]["examples"]
    if not report["examples"]:
        return ""
    people = "".join(_person(person, report) for person in report["examples"])
    return section(t["title"], t["lead"], f'<div class="three">{people}</div>')


def _person(person: Facts, report: Facts) -> str:
    """Tell one customer."""
    t = texts()["levels"][person["level"]]
    name = t["name"].format(**outcome_words(report))
    said = t["say"].format(below=share(person["percentile"]), above=share(1 - person["percentile"]))
    ups, downs = (3, 1) if person["level"] == "high" else (2, 2) if person["level"] == "middle" else (1, 3)
    told = [("up", r) for r in person["up"][:ups]] + [("down", r) for r in person["down"][:downs]]
    items = "".join(
        f'<li class="{way}">{escape(r["en"])}<small lang="zh">{escape(r["zh"])}</small></li>' for way, r in told
    )
    items = items or f"<li>{escape(texts()['no_reason'])}</li>"
    return (
        f'<div class="person {person["level"]}"><h3>{escape(name)}</h3><div class="p">{percent(person["probability"])}</div>'
        f'<div class="say">{escape(said)}</div><ul>{items}</ul></div>'
    )


def _stability(report: Facts) -> str:
    """Show how the model did from date to date."""
    facts, t, words = report["stability"], texts()["sections"]["stability"], texts()["stability"]
    if facts["psi"] is None and len(facts["dates"]) < 2:
        return ""
    lead = t["lead"]
    if facts["psi"] is not None:
        form = "psi_good" if facts["psi"] < 0.1 else "psi_fair" if facts["psi"] <= 0.25 else "psi_poor"
        lead = words[form].format(psi=number(facts["psi"], 3))
    names = words["columns"]
    columns = [
        ("", names["as_of"]),
        ("n", names["rows"]),
        ("n", names["rate"]),
        ("n", names["score"]),
        ("n", names["auc"]),
    ]
    rows = [
        [when(d["as_of"]), count(d["rows"]), percent(d["rate"]), percent(d["score"]), number(d["auc"], 3)]
        for d in facts["dates"]
    ]
    return section(t["title"], lead, table(columns, rows) if len(rows) > 1 else "")


def _quality(report: Facts) -> str:
    """Show what was kept of each table, and why the rest was set aside."""
    facts, t, words = report["quality"], texts()["sections"]["quality"], texts()["quality"]
    if not facts:
        return ""
    names = words["columns"]
    columns = [
        ("", names["table"]),
        *(("n", names[k]) for k in ("rows_in", "kept", "set_aside", "duplicates")),
        ("w", names["lost"]),
    ]
    lost = [(r["set_aside"] + r["duplicates"]) / r["rows_in"] if r["rows_in"] else 0.0 for r in facts["tables"]]
    most = max([*lost, 0.01])
    rows = [[escape(r["table"]), *(count(r[k]) for k in ("rows_in", "kept", "set_aside", "duplicates")), bar(share_ / most, percent(share_), _charts.ACCENT)]
            for r, share_ in zip(facts["tables"], lost, strict=True)]  # fmt: skip
    return section(t["title"], t["lead"], table(columns, rows) + _reasons(facts))


def _reasons(facts: Facts) -> str:
    """List the reasons why rows were set aside."""
    if not facts["reasons"]:
        return ""
    names = texts()["quality"]["reason_columns"]
    rows = [
        [escape(r[k] if r[k] is not None else "") for k in ("table", "column", "reason")] + [count(r["rows"])]
        for r in facts["reasons"]
    ]
    listed = table([("", names["table"]), ("", names["column"]), ("", names["reason"]), ("n", names["rows"])], rows)
    return f'<div style="margin-top:22px">{figure(texts()["quality"]["reasons"], "", listed)}</div>'


def _tuning(report: Facts) -> str:
    """Show the trials and the best settings."""
    facts, t, c = report["tuning"], texts()["sections"]["tuning"], texts()["charts"]
    if not facts:
        return ""
    best = facts["best"]
    lead = t["lead"].format(trials=facts["trials"], stopped=facts["stopped"], failed=facts["failed"],
                            trial=best["trial"], value=number(best["value"], 4))  # fmt: skip
    drawn = figure(c["trials"]["title"], c["trials"]["caption"], _charts.trials(facts, c["trials"]))
    settings = [
        [escape(k), escape(human_number(v) if isinstance(v, float) else v)] for k, v in best["settings"].items()
    ]
    names = c["settings"]
    listed = figure(names["title"], names["caption"], table([("", names["name"]), ("n", names["value"])], settings))
    return section(t["title"], lead, f'<div class="two">{drawn}{listed if settings else ""}</div>')


def _card(report: Facts) -> str:
    """Show the card of the model and its limits."""
    t, names, limits = texts()["sections"]["card"], texts()["card"], texts()["limits"]
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(_said(report['card'][k]))}</dd>"
        for k, name in names.items()
        if report["card"].get(k) not in (None, {}, [], "")
    )
    listed = "".join(f"<li>{escape(item)}</li>" for item in limits["items"])
    return section(
        t["title"],
        t["lead"],
        f'<dl>{items}</dl><div class="note" style="margin-top:18px"><h3>{escape(limits["title"])}</h3><ul>{listed}</ul></div>',
    )


def _said(value: Any) -> str:
    """Write a fact of the card: mappings as `key value` pairs."""
    if isinstance(value, Mapping):
        return "; ".join(f"{k.replace('_', ' ')} {_said(v)}" for k, v in value.items() if v not in (None, {}, [], ""))
    if isinstance(value, list):
        return ", ".join(_said(v) for v in value)
    return str(value)


SECTIONS = (
    _population, _measures, _deciles, _money, _effects, _examples, _stability, _quality, _tuning, _card,
)  # fmt: skip
