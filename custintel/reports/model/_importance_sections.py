"""The sections on what drives the scores and where the model comes from. Each takes the JSON twin and returns HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custintel.html.chart_axes import ACCENT
from custintel.html.number_format import count, format_date, number, percent, share, short_number
from custintel.html.page import bar, escape, figure, legend, section, side_by_side, table, table_columns
from custintel.reports.model._headline_and_key_metrics import asks_yes_or_no, outcome_words, texts
from custintel.reports.model.charts._importance_charts import (
    dependence_chart,
    family_colors,
    family_strip,
    importance_chart,
)
from custintel.reports.model.charts._timeline_and_trials_charts import trials_chart

Facts = Mapping[str, Any]

# how many raising and lowering reasons are told, by level of the score, the telling ones first
_TOLD = {"high": (("up", 3), ("down", 1)), "middle": (("up", 2), ("down", 2)), "low": (("down", 3), ("up", 1))}


def importance_section(report: Facts) -> str:
    """Show importance by family and by feature, then the dependence of the strongest."""
    facts, t, c = report["importance"], texts()["sections"]["effects"], texts()["charts"]["importance"]
    if not facts["features"]:
        return ""
    what = texts()["limits"]["contributions"]["yes_no" if asks_yes_or_no(report) else "other"]
    lead = t["lead"].format(what=what, rows=count(facts["rows"]), used=facts["used"], columns=facts["columns"])
    first = facts["features"][0]
    said = c["caption"].format(first=first["about"], share=percent(first["share"]))
    bars = figure(c["title"], said, importance_chart(facts, c), "wide")
    return section(t["title"], lead, _families(facts) + bars + _dependence(report))


def _families(facts: Facts) -> str:
    """Show the share of each family, unless there is one only."""
    if len(facts["families"]) < 2:
        return ""
    c, colors = texts()["charts"]["families"], family_colors(facts["families"])
    entries = [(colors[f["family"]], f"{f['family']} {percent(f['share'])}") for f in facts["families"]]
    return figure(c["title"], c["caption"], family_strip(facts, c) + legend(entries), "wide")


def _dependence(report: Facts) -> str:
    """Show how the values of the strongest features move the score."""
    c = texts()["charts"]["dependence"]
    drawn = [figure(f["about"], "", dependence_chart(f, c)) for f in report["dependence"]]
    return f'<h3>{escape(c["title"])}</h3><p class="say">{escape(c["caption"])}</p>' + side_by_side(*drawn)


def examples_section(report: Facts) -> str:
    """Tell three customers in words."""
    t = texts()["sections"]["examples"]
    if not report["examples"]:
        return ""
    people = "".join(_person(person, outcome_words(report)) for person in report["examples"])
    return section(t["title"], t["lead"], f'<div class="three">{people}</div>')


def _person(person: Facts, words: Mapping[str, str]) -> str:
    """Tell one customer."""
    t, level = texts()["levels"][person["level"]], person["level"]
    said = t["say"].format(below=share(person["percentile"]), above=share(1 - person["percentile"]), **words)
    told = [_reason(way, r) for way, most in _TOLD[level] for r in person[way][:most]]
    items = "".join(told) or f"<li>{escape(texts()['no_reason'])}</li>"
    return (
        f'<div class="person {level}"><h3>{escape(t["name"].format(**words))}</h3>'
        f'<div class="p">{percent(person["probability"])}</div>'
        f'<div class="say">{escape(said)}</div><ul>{items}</ul></div>'
    )


def _reason(way: str, reason: Facts) -> str:
    """Tell one reason in both languages."""
    return f'<li class="{way}">{escape(reason["en"])}<small lang="zh">{escape(reason["zh"])}</small></li>'


def stability_section(report: Facts) -> str:
    """Show how the model did from date to date."""
    facts, t = report["stability"], texts()["sections"]["stability"]
    if facts["psi"] is None and len(facts["dates"]) < 2:
        return ""
    columns = table_columns(texts()["stability"]["columns"], as_of="", rows="n", rate="n", score="n", auc="n")
    rows = [
        [format_date(d["as_of"]), count(d["rows"]), percent(d["rate"]), percent(d["score"]), number(d["auc"], 3)]
        for d in facts["dates"]
    ]
    lead = t["lead"] if facts["psi"] is None else _shift(facts["psi"])
    return section(t["title"], lead, table(columns, rows) if len(rows) > 1 else "")


def _shift(psi: float) -> str:
    """Say how far the scores have moved."""
    name = "psi_good" if psi < 0.1 else "psi_fair" if psi <= 0.25 else "psi_poor"
    return str(texts()["stability"][name].format(psi=number(psi, 3)))


def quality_section(report: Facts) -> str:
    """Show what was kept of each table, and why the rest was set aside."""
    facts, t = report["quality"], texts()["sections"]["quality"]
    if not facts:
        return ""
    names = texts()["quality"]["columns"]
    columns = table_columns(names, table="", rows_in="n", kept="n", set_aside="n", duplicates="n", lost="w")
    most = max([0.01, *map(_lost, facts["tables"])])
    rows = [_table_row(r, most) for r in facts["tables"]]
    return section(t["title"], t["lead"], table(columns, rows) + _reasons(facts))


def _lost(row: Facts) -> float:
    """Return the share of a table's rows that was not kept."""
    return (row["set_aside"] + row["duplicates"]) / row["rows_in"] if row["rows_in"] else 0.0


def _table_row(row: Facts, most: float) -> list[str]:
    """Return one line of the quality table."""
    counts = [count(row[k]) for k in ("rows_in", "kept", "set_aside", "duplicates")]
    return [escape(row["table"]), *counts, bar(_lost(row) / most, percent(_lost(row)), ACCENT)]


def _reasons(facts: Facts) -> str:
    """List the reasons why rows were set aside."""
    if not facts["reasons"]:
        return ""
    names = texts()["quality"]["reason_columns"]
    rows = [[escape(r[k] or "") for k in ("table", "column", "reason")] + [count(r["rows"])] for r in facts["reasons"]]
    listed = table(table_columns(names, table="", column="", reason="", rows="n"), rows)
    return f'<div class="below">{figure(texts()["quality"]["reasons"], "", listed)}</div>'


def tuning_section(report: Facts) -> str:
    """Show the trials and the best settings."""
    facts, t, c = report["tuning"], texts()["sections"]["tuning"], texts()["charts"]
    if not facts:
        return ""
    best, names = facts["best"], c["settings"]
    counts = {k: facts[k] for k in ("trials", "stopped", "failed")}
    lead = t["lead"].format(**counts, trial=best["trial"], value=number(best["value"], 4))
    drawn = figure(c["trials"]["title"], c["trials"]["caption"], trials_chart(facts, c["trials"]))
    settings = [[escape(k), escape(_fact_text(v))] for k, v in best["settings"].items()]
    listed = figure(names["title"], names["caption"], table(table_columns(names, name="", value="n"), settings))
    return section(t["title"], lead, side_by_side(drawn, listed if settings else ""))


def card_section(report: Facts) -> str:
    """Show the card of the model and its limits."""
    t, facts, limits = texts()["sections"]["card"], report["card"], texts()["limits"]
    known = {k: name for k, name in texts()["card"].items() if not _empty(facts.get(k))}
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(_fact_text(facts[k]))}</dd>" for k, name in known.items())
    listed = "".join(f"<li>{escape(item)}</li>" for name in _limits_told(report) for item in limits[name])
    note = f'<div class="note below"><h3>{escape(limits["title"])}</h3><ul>{listed}</ul></div>'
    return section(t["title"], t["lead"], f"<dl>{items}</dl>{note}")


def _limits_told(report: Facts) -> list[str]:
    """Which limits hold: those of every model, of churn, and of yes-or-no questions, whose campaigns are valued."""
    told = {"churn": report["outcome"] == "churn", "yes_no": asks_yes_or_no(report)}
    return ["every", *(name for name, holds in told.items() if holds)]


def _empty(value: object) -> bool:
    """Tell what is not worth a line."""
    return value is None or value in ("", {}, [])


def _fact_text(value: Any) -> str:
    """Write a fact of the card: mappings as `key value` pairs."""
    if isinstance(value, Mapping):
        return "; ".join(f"{str(k).replace('_', ' ')} {_fact_text(v)}" for k, v in value.items() if not _empty(v))
    if isinstance(value, list):
        return ", ".join(_fact_text(v) for v in value)
    return short_number(value) if isinstance(value, float) else str(value)
