"""The facts of the report as plain data: summary, cases, alarms, precision of rules, their changes, and delay.

Each function takes the data of the month and returns what one section of the page shows.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.metrics.confidence_intervals import wilson
from custintel.rules.monitoring.alarm_outcomes import parse_outcomes
from custintel.rules.rule_evidence import evidence_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from custintel.reports.fraud_desk._desk_data import FraudDeskData
    from custintel.rules.rule_states import RuleEntry


_SHOWN = 12
_OUTCOMES = {True: "confirmed", False: "refuted", None: "open"}


def headline_facts(desk: FraudDeskData) -> dict[str, Any]:
    """Counts and money."""
    alarms, cases = desk.alarms, desk.cases
    confirmed = parse_outcomes(cases["outcome"])
    live = confirmed.isna()
    return {
        "alarms": len(alarms),
        "rules": int(alarms["rule"].nunique()),
        "match": int(alarms["tier"].eq("match").sum()),
        "resembles": int(alarms["tier"].eq("resembles").sum()),
        "cases": int(live.sum()),
        "urgent": int((live & cases["severity"].ge(4)).sum()),
        "expected_loss": float(cases["expected_loss"][live].sum()),
        "confirmed_cases": int(confirmed.eq(True).sum()),
        "saved_loss": float(cases["saved_loss"][confirmed.eq(True)].sum()),
        "savable_loss": float(cases["saved_loss"][live].sum()),
        "closed": share_facts(desk.closed),
    }


def share_facts(closed: pd.DataFrame) -> dict[str, Any]:
    """How many alarms were closed, how many confirmed, and Wilson's interval of their share."""
    n, hits = len(closed), int(closed["confirmed"].sum())
    low, high = wilson(hits, n)
    return {"closed": n, "confirmed": hits, "precision": hits / n if n else None, "low": low, "high": high}


def case_facts(desk: FraudDeskData) -> dict[str, Any]:
    """The most urgent cases with their alarms; open ones before closed ones."""
    confirmed = parse_outcomes(desk.cases["outcome"])
    ordered = pd.concat([desk.cases[confirmed.isna()], desk.cases[confirmed.notna()]])
    ranked = desk.alarms.sort_values(["tier", "similarity"], ascending=[True, False])
    alarms = dict(list(ranked.drop_duplicates(["customer_id", "rule"]).groupby("customer_id")))
    shown = ordered.head(_SHOWN).to_dict("records")
    items = [_case(case, alarms.get(case["customer_id"]), desk) for case in shown]
    return {"total": len(ordered), "items": items}


def _case(case: dict[Any, Any], alarms: pd.DataFrame | None, desk: FraudDeskData) -> dict[str, Any]:
    outcome = _OUTCOMES[parse_outcomes(pd.Series([case["outcome"]])).iloc[0]]
    shown = [] if alarms is None else [_alarm(row, desk) for row in alarms.to_dict("records")]
    kept = ("customer_id", "tier", "similarity", "expected_loss", "saved_loss", "severity", "action")
    return {**{key: case[key] for key in kept}, "first": case.get("first"), "outcome": outcome, "alarms": shown}


def _alarm(row: dict[Any, Any], desk: FraudDeskData) -> dict[str, Any]:
    kept = ("rule", "kind", "tier", "similarity", "precision", "matched", "missed", "unknown")
    entry = desk.by_name.get(row["rule"])
    evidence = {} if entry is None else entry.evidence
    proved = ("precision" if row["tier"] == "match" else "precision_resembles") in evidence
    return {**{key: row.get(key) for key in kept}, "proved": proved, "words": desk.words(row["rule"])}


Event = dict[str, Any]


def change_facts(desk: FraudDeskData) -> dict[str, Any]:
    """One line a rule that changed in the month, the latest first, and how many changes of each kind there were."""
    lines: dict[str, Event] = {}
    counts: Counter[str] = Counter()
    for event in _changes(desk):
        counts["added" if event["new"] else event["states"][-1]] += 1
        lines[event["rule"]] = _joined(lines.pop(event["rule"], None), event)
    head = desk.base.head[:12]
    return {
        "rules": list(reversed(lines.values())),
        "counts": counts,
        "events": len(desk.base.log.events),
        "head": head,
    }


def _changes(desk: FraudDeskData) -> Iterator[Event]:
    """Events of the month that added or moved a rule, with the state before."""
    state: dict[str, str] = {}
    for event in desk.base.log.events:
        if event["event"] not in ("added", "moved"):
            continue
        before, state[event["rule"]] = state.get(event["rule"]), event["state"]
        if str(event["time"])[:7] == str(desk.month):
            yield _change(event, before)


def _change(event: Mapping[str, Any], before: str | None) -> Event:
    name, _, version = str(event["rule"]).partition("@")
    states = [event["state"]] if before is None else [before, event["state"]]
    who_and_why = {key: str(event.get(key, "")) for key in ("by", "reason")}
    return {
        "rule": name,
        "version": version,
        "time": event["time"][:10],
        "new": before is None,
        "states": states,
        **who_and_why,
    }


def _joined(earlier: Event | None, later: Event) -> Event:
    """Several changes of one rule as one chain of states."""
    if earlier is None or earlier["version"] != later["version"]:
        return later
    return {**later, "new": earlier["new"], "states": [*earlier["states"], *later["states"][-1:]]}


def learned_rule_facts(desk: FraudDeskData) -> list[dict[str, Any]]:
    """Rules of the month that the data proposed, with their evidence."""
    added = {
        str(event["rule"]): str(event["time"])[:10]
        for event in desk.base.log.events
        if event["event"] == "added" and str(event["time"])[:7] == str(desk.month)
    }
    entries = {id_: entry for id_, entry in desk.base.entries.items() if entry.rule.origin != "expert"}
    return [_learned(entry, added[id_], desk) for id_, entry in entries.items() if id_ in added]


def _learned(entry: RuleEntry, time: str, desk: FraudDeskData) -> dict[str, Any]:
    rule = entry.rule
    return {
        "rule": rule.name,
        "words": desk.rule_words(rule),
        "when": rule.expression.text,
        "origin": rule.origin,
        "state": entry.state,
        "time": time,
        "parents": [parent.split("@")[0] for parent in rule.parents],
        "evidence": evidence_facts(entry.evidence),
    }


_FEW = 5
_MONTHS, _FEWEST_MONTHS = 12, 6


def alarm_facts(desk: FraudDeskData) -> list[dict[str, Any]]:
    """One entry a rule that alarmed, the busiest first."""
    found = [_alarms_of(str(name), rows, desk) for name, rows in desk.alarms.groupby("rule", sort=False)]
    return sorted(found, key=lambda r: (-r["match"] - r["resembles"], -r["expected_loss"], r["rule"]))


def _alarms_of(name: str, rows: pd.DataFrame, desk: FraudDeskData) -> dict[str, Any]:
    closed = desk.compared[desk.compared["rule"] == name]
    return {
        **_identity(name, desk),
        "match": int(rows["tier"].eq("match").sum()),
        "resembles": int(rows["tier"].eq("resembles").sum()),
        "expected_loss": float(rows["expected_loss"].sum()),
        "measured": share_facts(closed),
    }


def _identity(name: str, desk: FraudDeskData) -> dict[str, Any]:
    entry = desk.by_name.get(name)
    known = {} if entry is None else {"state": entry.state, "kind": entry.rule.kind, "origin": entry.rule.origin}
    return {"rule": name, "words": desk.words(name), "stated": _stated(entry), **known}


def _stated(entry: RuleEntry | None) -> float | None:
    found = None if entry is None else entry.evidence.get("precision")
    return float(found) if isinstance(found, int | float) else None


def performance_facts(desk: FraudDeskData) -> dict[str, Any]:
    """Precision of all rules together and of each, by month; those with most closed alarms first."""
    closed = desk.compared
    rules = [{**_identity(str(name), desk), **_course(rows, desk)} for name, rows in closed.groupby("rule")]
    rules.sort(key=lambda r: (-r["total"]["closed"], r["rule"]))
    return {
        "months": _months(desk),
        "all": _course(closed, desk),
        "rules": [{**rule, "verdict": verdict(rule["total"], rule["stated"])} for rule in rules],
    }


def _months(desk: FraudDeskData) -> list[str]:
    """The months of the charts: from the first closed alarm on, some at least, a year at most."""
    first = desk.compared["time"].min()
    back = 0 if pd.isna(first) else (desk.month - pd.Period(first, freq="M")).n
    return [str(desk.month - k) for k in range(min(max(back, _FEWEST_MONTHS - 1), _MONTHS - 1), -1, -1)]


def _course(rows: pd.DataFrame, desk: FraudDeskData) -> dict[str, Any]:
    dated = rows[rows["time"].notna()]
    by_month = dated.groupby(dated["time"].dt.to_period("M"))
    first = desk.month - (_MONTHS - 1)
    points = [{"month": str(month), **share_facts(part)} for month, part in by_month if month >= first]
    return {"points": points, "total": share_facts(rows)}


def verdict(total: dict[str, Any], stated: float | None) -> str:
    """What closed alarms say about a stated precision.

    >>> verdict({"closed": 40, "precision": 0.6, "high": 0.74}, 0.9), verdict({"closed": 3}, 0.9)
    ('below', 'few')
    """
    if stated is None:
        return "unstated"
    if total["closed"] < _FEW:
        return "few"
    if total["precision"] >= stated:
        return "keeps"
    return "below" if total["high"] < stated else "doubt"


def unused_rule_facts(desk: FraudDeskData) -> list[dict[str, Any]]:
    """Rules that may alarm, but have neither an alarm nor a closed one; the oldest first."""
    seen = {*desk.alarms["rule"], *desk.closed["rule"]}
    firing = [e for e in desk.base.entries.values() if e.state in ("active", "watch") and e.rule.name not in seen]
    end = desk.month.end_time
    found = [
        {**_identity(e.rule.name, desk), "since": e.since[:10], "days": (end - pd.Timestamp(e.since[:10])).days}
        for e in firing
    ]
    return sorted(found, key=lambda r: (r["since"], r["rule"]))


def catch_facts(desk: FraudDeskData) -> dict[str, Any]:
    """How many confirmed cases were caught by rules that the data proposed, and by no rule of an expert."""
    hits = desk.closed[desk.closed["confirmed"]]
    learned = {name for name, entry in desk.by_name.items() if entry.rule.origin != "expert"}
    own = hits["rule"].isin(learned)
    case = hits["customer_id"].where(hits["customer_id"].notna(), pd.Series(hits.index, hits.index).astype(str))
    any_learned, any_expert = own.groupby(case).any(), (~own).groupby(case).any()
    n, mined = len(any_learned), int(any_learned.sum())
    low, high = wilson(mined, n)
    only = int((any_learned & ~any_expert).sum())
    return {"catches": n, "mined": mined, "only": only, "share": mined / n if n else None, "low": low, "high": high}


def delay_facts(desk: FraudDeskData) -> list[dict[str, Any]]:
    """Days from start to first alarm, by kind, of cases whose start is known."""
    cases = desk.cases
    if "start" not in cases or "first" not in cases:
        return []
    dated = cases[cases["start"].notna()]
    days = (_day(dated["first"]) - _day(dated["start"])).dt.total_seconds() / 86_400
    kinds = dated["kind"] if "kind" in dated else dated["kinds"].map(lambda names: names[0] if len(names) else "")
    return [_delay(str(kind), part) for kind, part in days.clip(lower=0).groupby(kinds)]


def _delay(kind: str, days: pd.Series) -> dict[str, Any]:
    caught = days.dropna()
    q = caught.quantile([0.25, 0.5, 0.75]).tolist()
    return {"kind": kind, "cases": len(days), "caught": len(caught), "low": q[0], "median": q[1], "high": q[2]}


def _day(times: pd.Series) -> pd.Series:
    return pd.to_datetime(times, utc=True, format="ISO8601")
