"""The sections of the page: summary, key figures, cases, rules, precision charts, changes, and delay.

Each function takes the facts of the report and the texts of its language, and returns HTML.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from custintel.html.chart_axes import ACCENT, BRAND, GRID, MUTED, RULE
from custintel.html.number_format import count, number, percent, share
from custintel.html.page import bar, escape, figure, section, side_by_side, table, table_columns
from custintel.html.svg_drawing import Drawing, Scale, ticks
from custintel.rules.rule_evidence import evidence_sentences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


Facts = Any
Texts = Any


def money(value: float | None) -> str:
    """Write an amount without decimals."""
    return number(value, 0)


def ends(facts: Mapping[str, Any]) -> dict[str, str]:
    """Write the share of confirmed alarms with its interval and counts."""
    return {
        "closed": count(facts["closed"]),
        "confirmed": count(facts["confirmed"]),
        "precision": percent(facts["precision"]),
        "low": percent(facts["low"]),
        "high": percent(facts["high"]),
    }


def header_section(report: Facts, t: Texts) -> str:
    """Return the head of the page."""
    said = "".join(f'<p class="verdict">{escape(text)}</p>' for text in _verdicts(report, t))
    eyebrow = t["eyebrow"].format(month=report["month"])
    return (
        f'<header>\n<div class="eyebrow">{escape(eyebrow)}</div>\n<h1>{escape(_headline(report, t))}</h1>\n{said}\n'
        "</header>"
    )


def _headline(report: Facts, t: Texts) -> str:
    h = report["headline"]
    form = "none" if not h["cases"] else "unpriced" if not h["expected_loss"] else "one" if h["cases"] == 1 else "some"
    return str(t["headline"][form].format(cases=count(h["cases"]), loss=money(h["expected_loss"])))


def _verdicts(report: Facts, t: Texts) -> list[str]:
    h, v = report["headline"], t["verdict"]
    numbers = {key: count(h[key]) for key in ("alarms", "rules", "match", "resembles")}
    said = [v["alarms"].format(**numbers)] if h["alarms"] else []
    said.append(v["closed"].format(**ends(h["closed"])) if h["closed"]["closed"] else v["unclosed"])
    below = [rule["rule"] for rule in report["performance"]["rules"] if rule["verdict"] == "below"]
    return [*said, *([v["below"].format(rules=", ".join(below[:4]))] if below else [])]


def tiles_section(report: Facts, t: Texts) -> str:
    """Return the key figures."""
    h, names, closed = report["headline"], t["tiles"], report["headline"]["closed"]
    numbers = {key: count(h[key]) for key in ("match", "resembles", "urgent")} | {
        "confirmed": count(h["confirmed_cases"])
    }
    values = {
        "alarms": (count(h["alarms"]), "more"),
        "cases": (count(h["cases"]), "more"),
        "loss": (money(h["expected_loss"]), "more"),
        "ahead": (money(h["savable_loss"]), "more"),
        "saved": (money(h["saved_loss"]), "more" if h["confirmed_cases"] else "none"),
        "precision": (percent(closed["precision"]), "more" if closed["closed"] else "none"),
    }
    values_in_words = numbers | {key: text for key, text in ends(closed).items() if key != "confirmed"}
    found = [
        _tile(value, names[key]["name"], names[key][form].format(**values_in_words))
        for key, (value, form) in values.items()
    ]
    return f'<div class="tiles">{"".join(found)}</div>'


def _tile(value: str, name: str, more: str) -> str:
    return f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span><small>{escape(more)}</small></div>'


def cases_section(report: Facts, t: Texts) -> str:
    """Show the cases as cards."""
    s, found = t["sections"]["cases"], report["cases"]
    if not found["items"]:
        return section(s["title"], s["none"], "")
    cards = "".join(_card(case, t) for case in found["items"])
    left = found["total"] - len(found["items"])
    more = f'<p class="say below">{escape(s["more"].format(more=count(left)))}</p>' if left else ""
    return section(s["title"], s["lead"], f'<div class="cases">{cards}</div>{more}')


def _card(case: Facts, t: Texts) -> str:
    c = t["case"]
    name = c["customer"].format(customer=case["customer_id"])
    loss = c["loss"].format(loss=money(case["expected_loss"])) if case["expected_loss"] else ""
    alarms = "".join(_alarm(alarm, t) for alarm in case["alarms"])
    return (
        f'<div class="case s{case["severity"]}"><div class="top"><b>{escape(name)}</b><em>{escape(loss)}</em></div>'
        f'<div class="do">{escape(case["action"] or c["no_action"])}</div>'
        f'<div class="say">{escape(_facts(case, t))}</div>{alarms}</div>'
    )


def _facts(case: Facts, t: Texts) -> str:
    """Say severity, first alarm, outcome and saved loss in one line."""
    c = t["case"]
    said = [c["severity"].format(severity=case["severity"])]
    said += [c["since"].format(first=str(case["first"])[:10])] if case["first"] else []
    said += [t["outcomes"][case["outcome"]]] if case["outcome"] != "open" else []
    form = {"confirmed": "saved_confirmed", "open": "saved"}.get(case["outcome"])
    said += [c[form].format(saved=money(case["saved_loss"]))] if form and case["saved_loss"] else []
    return " · ".join(said)


def _alarm(alarm: Facts, t: Texts) -> str:
    c = t["case"]
    near = "" if alarm["tier"] == "match" else c["similarity"].format(similarity=_near(alarm["similarity"])) + " · "
    how = near + c["precision" if alarm["proved"] else "unproved"].format(precision=share(alarm["precision"]))
    looks = {"matched": "yes", "missed": "no", "unknown": "open"}
    items = "".join(
        f'<li class="{look}">{escape(text)}</li>' for key, look in looks.items() for text in alarm[key] or []
    )
    return (
        f"<h3><span>{escape(alarm['rule'])}</span>{badge(alarm['tier'], t['tiers'])}</h3>"
        f'<div class="say">{escape(how)}</div><ul>{items}</ul>'
    )


def _near(similarity: float) -> str:
    """Write a similarity rounded down: only a match is similar by all of 100 %."""
    return share(math.floor(similarity * 100) / 100)


def badge(look: str, names: Mapping[str, str]) -> str:
    """Return a state or tier as a small coloured label."""
    return f'<span class="badge {escape(look)}">{escape(names.get(look, look))}</span>'


_WIDTH, _HEIGHT = 462, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 410.0, 16.0, 146.0

ChartFacts = dict[str, Any]


def precision_chart(rule: ChartFacts, months: Sequence[str], texts: Mapping[str, str]) -> str:
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


def _points(d: Drawing, x: Scale, y: Scale, points: Sequence[tuple[int, ChartFacts]]) -> None:
    d.line([(x(k), y(p["precision"])) for k, p in points], MUTED, 1.0)
    for k, p in points:
        d.line([(x(k), y(p["low"])), (x(k), y(p["high"]))], BRAND, 1.6)
        d.dot((x(k), y(p["precision"])), BRAND, 4)
        d.text((x(k), _BOTTOM + 16), f"n {p['closed']}", "tiny", "middle")


_CHARTS = 5
_LINES = 40


def rules_section(report: Facts, t: Texts) -> str:
    """Show the alarms of each rule."""
    s, found = t["sections"]["rules"], report["alarms"]
    if not found:
        return section(s["title"], s["none"], "")
    most = max(r["match"] + r["resembles"] for r in found)
    columns = table_columns(
        t["columns"], rule="rule", state="t", match="n", resembles="n", bar="b", stated="n", measured="n", loss="n"
    )
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


def performance_section(report: Facts, t: Texts) -> str:
    """Show precision by month, of all rules and of those with most closed alarms, and all rules in a table."""
    s, found = t["sections"]["performance"], report["performance"]
    if not found["rules"]:
        return section(s["title"], s["none"], "")
    months, shown = found["months"], found["rules"][:_CHARTS]
    c = t["charts"]["all"]
    whole = figure(
        c["title"], c["caption"].format(**ends(found["all"]["total"])), precision_chart(found["all"], months, c)
    )
    drawn = side_by_side(whole, *(_chart(rule, months, t) for rule in shown))
    columns = table_columns(
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
    shown = f"<b>{verdict}</b>" if rule["verdict"] == "below" else verdict
    stated = "" if rule["stated"] is None else percent(rule["stated"])
    name, interval = f"<b>{escape(rule['rule'])}</b>", escape(t["interval"].format(**total))
    return [name, total["closed"], total["confirmed"], total["precision"], interval, stated, shown]


def life_section(report: Facts, t: Texts) -> str:
    """Show what changed in the month."""
    s, found = t["sections"]["life"], report["life"]
    title = s["title"].format(month=report["month"])
    if not found["rules"]:
        return section(title, s["none"], "")
    counts = " · ".join(f"{t['counts'].get(name, name)}: {n}" for name, n in found["counts"].items())
    columns = table_columns(t["columns"], time="t", rule="", change="", by="", reason="")
    rows = [_changed(line, t) for line in found["rules"][:_LINES]]
    lead = s["lead"].format(events=count(found["events"]), head=found["head"])
    return section(title, lead, f"<p><b>{escape(counts)}</b></p>{table(columns, rows)}")


def _changed(line: Facts, t: Texts) -> list[str]:
    chain = " → ".join(badge(state, t["states"]) for state in line["states"])
    name = f'<b>{escape(line["rule"])}</b> <span class="say">{escape(line["version"][:6])}</span>'
    return [escape(line["time"]), name, chain, escape(line["by"]), escape(line["reason"])]


def learned_section(report: Facts, t: Texts) -> str:
    """Show the rules that the data proposed this month, with their evidence in words."""
    s, found = t["sections"]["learned"], report["learned"]
    title = s["title"].format(month=report["month"])
    if not found:
        return section(title, s["none"], "")
    columns = table_columns(t["columns"], rule="rule", origin="", state="t", evidence="rule")
    return section(title, s["lead"], table(columns, [_learned(rule, t) for rule in found]))


def _learned(rule: Facts, t: Texts) -> list[str]:
    said = " ".join(evidence_sentences(rule["evidence"], rule["parents"], t))
    return [named(rule), escape(t["origins"][rule["origin"]]), badge(rule["state"], t["states"]), escape(said)]


def catches_section(report: Facts, t: Texts) -> str:
    """Say which share of the confirmed cases was caught by rules that the data proposed."""
    s, found = t["share"], report["catches"]
    if not found["catches"]:
        return section(t["sections"]["share"]["title"], s["none"], "")
    numbers = {key: count(found[key]) for key in ("mined", "catches", "only")}
    numbers |= {key: percent(found[key]) for key in ("share", "low", "high")}
    return section(t["sections"]["share"]["title"], "", f"<p>{escape(s['said'].format(**numbers))}</p>")


def unused_section(report: Facts, t: Texts) -> str:
    """List rules that may alarm and did not."""
    s, found = t["sections"]["unused"], report["unused"]
    if not found:
        return section(s["title"], s["none"], "")
    columns = table_columns(t["columns"], rule="rule", state="t", kind="", since="t", days="n")
    rows = [
        [named(r), badge(r["state"], t["states"]), escape(r["kind"]), escape(r["since"]), count(r["days"])]
        for r in found
    ]
    return section(s["title"], s["lead"], table(columns, rows))


def delay_section(report: Facts, t: Texts) -> str:
    """Show days from start to alarm by kind, where starts are known."""
    s, found = t["sections"]["delay"], report["delay"]
    if not found:
        return ""
    columns = table_columns(t["columns"], kind="", cases="n", caught="n", median="n", middle="n")
    return section(s["title"], s["lead"], table(columns, [_late(row, t) for row in found]))


def _late(row: Facts, t: Texts) -> list[str]:
    middle = t["interval"].format(low=number(row["low"], 1), high=number(row["high"], 1))
    caught = [number(row["median"], 1), escape(middle)] if row["caught"] else ["", ""]
    return [escape(row["kind"]), count(row["cases"]), count(row["caught"]), *caught]
