"""The top of the desk's page: headline, key figures, cases. Each takes the twin and its texts and returns HTML."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from custintel.explain.reporting import count, escape, number, percent, section, share

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["cases", "header", "tiles"]

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


def header(report: Facts, t: Texts) -> str:
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


def tiles(report: Facts, t: Texts) -> str:
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
    told = numbers | {key: text for key, text in ends(closed).items() if key != "confirmed"}
    found = [_tile(value, names[key]["name"], names[key][form].format(**told)) for key, (value, form) in values.items()]
    return f'<div class="tiles">{"".join(found)}</div>'


def _tile(value: str, name: str, more: str) -> str:
    return f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span><small>{escape(more)}</small></div>'


def cases(report: Facts, t: Texts) -> str:
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
