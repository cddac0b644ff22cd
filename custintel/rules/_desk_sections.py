"""The sections on rules: alarms, precision, life, what was learned. Each takes the twin and its texts, returns HTML."""

from __future__ import annotations

from typing import Any

from custintel.explain.reporting import bar, count, escape, figure, heads, number, percent, section, share, table, two
from custintel.rules._desk_charts import precision_chart
from custintel.rules._desk_top import badge, ends, money
from custintel.rules._evidence import evidence_sentences

__all__ = ["catches", "delay", "learned", "life", "performance", "rules", "unused"]

Facts = Any
Texts = Any

_CHARTS = 5
_LINES = 40


def rules(report: Facts, t: Texts) -> str:
    """Show the alarms of each rule."""
    s, found = t["sections"]["rules"], report["alarms"]
    if not found:
        return section(s["title"], s["none"], "")
    most = max(r["match"] + r["resembles"] for r in found)
    columns = heads(t["columns"], rule="rule", state="t", match="n", resembles="n", bar="b", stated="n", measured="n",
                    loss="n")  # fmt: skip
    return section(s["title"], s["lead"], table(columns, [_rule(r, most, t) for r in found]))


def _rule(r: Facts, most: int, t: Texts) -> list[str]:
    alarms = r["match"] + r["resembles"]
    measured = r["measured"]
    found = f"{share(measured['precision'])} ({count(measured['closed'])})" if measured["closed"] else ""
    stated = "" if r["stated"] is None else share(r["stated"])
    loss = money(r["expected_loss"]) if r["expected_loss"] else ""
    return [
        named(r), badge(r.get("state", ""), t["states"]), count(r["match"]), count(r["resembles"]),
        bar(alarms / most, count(alarms)), stated, found, loss,
    ]  # fmt: skip


def named(rule: Facts) -> str:
    """Return the name of a rule with its words under it."""
    return f'<b>{escape(rule["rule"])}</b><span class="say">{escape(rule["words"])}</span>'


def performance(report: Facts, t: Texts) -> str:
    """Show precision by month, of all rules and of those with most closed alarms, and all rules in a table."""
    s, found = t["sections"]["performance"], report["performance"]
    if not found["rules"]:
        return section(s["title"], s["none"], "")
    months, shown = found["months"], found["rules"][:_CHARTS]
    c = t["charts"]["all"]
    whole = figure(
        c["title"], c["caption"].format(**ends(found["all"]["total"])), precision_chart(found["all"], months, c)
    )
    drawn = two(whole, *(_chart(rule, months, t) for rule in shown))
    columns = heads(
        t["columns"], rule="", closed="n", confirmed="n", measured="n", interval="n", stated="n", verdict="t"
    )
    listed = table(columns, [_kept(rule, t) for rule in found["rules"]])
    return section(s["title"], s["lead"], f'{drawn}<div class="below">{listed}</div>')


def _chart(rule: Facts, months: list[str], t: Texts) -> str:
    c, stated = t["charts"]["rule"], share(rule["stated"])
    form = c["caption_plain"] if rule["stated"] is None else c["caption"]
    said = form.format(**ends(rule["total"]), stated=stated, verdict=t["verdicts"][rule["verdict"]])
    return figure(rule["rule"], said, precision_chart(rule, months, c))


def _kept(rule: Facts, t: Texts) -> list[str]:
    total = ends(rule["total"])
    verdict = escape(t["verdicts"][rule["verdict"]])
    told = f"<b>{verdict}</b>" if rule["verdict"] == "below" else verdict
    stated = "" if rule["stated"] is None else percent(rule["stated"])
    name, interval = f"<b>{escape(rule['rule'])}</b>", escape(t["interval"].format(**total))
    return [name, total["closed"], total["confirmed"], total["precision"], interval, stated, told]


def life(report: Facts, t: Texts) -> str:
    """Show what changed in the month."""
    s, found = t["sections"]["life"], report["life"]
    title = s["title"].format(month=report["month"])
    if not found["rules"]:
        return section(title, s["none"], "")
    counts = " · ".join(f"{t['counts'].get(name, name)}: {n}" for name, n in found["counts"].items())
    columns = heads(t["columns"], time="t", rule="", change="", by="", reason="")
    rows = [_changed(line, t) for line in found["rules"][:_LINES]]
    lead = s["lead"].format(events=count(found["events"]), head=found["head"])
    return section(title, lead, f"<p><b>{escape(counts)}</b></p>{table(columns, rows)}")


def _changed(line: Facts, t: Texts) -> list[str]:
    chain = " → ".join(badge(state, t["states"]) for state in line["states"])
    name = f'<b>{escape(line["rule"])}</b> <span class="say">{escape(line["version"][:6])}</span>'
    return [escape(line["time"]), name, chain, escape(line["by"]), escape(line["reason"])]


def learned(report: Facts, t: Texts) -> str:
    """Show the rules that the data proposed this month, with their evidence in words."""
    s, found = t["sections"]["learned"], report["learned"]
    title = s["title"].format(month=report["month"])
    if not found:
        return section(title, s["none"], "")
    columns = heads(t["columns"], rule="rule", origin="", state="t", evidence="rule")
    return section(title, s["lead"], table(columns, [_learned(rule, t) for rule in found]))


def _learned(rule: Facts, t: Texts) -> list[str]:
    said = " ".join(evidence_sentences(rule["evidence"], rule["parents"], t))
    return [named(rule), escape(t["origins"][rule["origin"]]), badge(rule["state"], t["states"]), escape(said)]


def catches(report: Facts, t: Texts) -> str:
    """Say which share of the confirmed cases was caught by rules that the data proposed."""
    s, found = t["share"], report["catches"]
    if not found["catches"]:
        return section(t["sections"]["share"]["title"], s["none"], "")
    numbers = {key: count(found[key]) for key in ("mined", "catches", "only")}
    numbers |= {key: percent(found[key]) for key in ("share", "low", "high")}
    return section(t["sections"]["share"]["title"], "", f"<p>{escape(s['said'].format(**numbers))}</p>")


def unused(report: Facts, t: Texts) -> str:
    """List rules that may alarm and did not."""
    s, found = t["sections"]["unused"], report["unused"]
    if not found:
        return section(s["title"], s["none"], "")
    columns = heads(t["columns"], rule="rule", state="t", kind="", since="t", days="n")
    rows = [
        [named(r), badge(r["state"], t["states"]), escape(r["kind"]), escape(r["since"]), count(r["days"])]
        for r in found
    ]
    return section(s["title"], s["lead"], table(columns, rows))


def delay(report: Facts, t: Texts) -> str:
    """Show days from start to alarm by kind, where starts are known."""
    s, found = t["sections"]["delay"], report["delay"]
    if not found:
        return ""
    columns = heads(t["columns"], kind="", cases="n", caught="n", median="n", middle="n")
    return section(s["title"], s["lead"], table(columns, [_late(row, t) for row in found]))


def _late(row: Facts, t: Texts) -> list[str]:
    middle = t["interval"].format(low=number(row["low"], 1), high=number(row["high"], 1))
    caught = [number(row["median"], 1), escape(middle)] if row["caught"] else ["", ""]
    return [escape(row["kind"]), count(row["cases"]), count(row["caught"]), *caught]
