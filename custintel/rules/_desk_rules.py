"""How the rules do: alarms of each, precision by month against what is stated, rules unused, who catches, delay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.metrics import wilson
from custintel.rules._desk_headline import share_facts

if TYPE_CHECKING:
    from custintel.rules._desk_material import Desk
    from custintel.rules._states import Entry

__all__ = ["alarm_facts", "catch_facts", "delay_facts", "performance", "unused"]

_FEW = 5
_MONTHS, _FEWEST_MONTHS = 12, 6


def alarm_facts(desk: Desk) -> list[dict[str, Any]]:
    """One entry a rule that alarmed, the busiest first."""
    found = [_alarms_of(str(name), rows, desk) for name, rows in desk.alarms.groupby("rule", sort=False)]
    return sorted(found, key=lambda r: (-r["match"] - r["resembles"], -r["expected_loss"], r["rule"]))


def _alarms_of(name: str, rows: pd.DataFrame, desk: Desk) -> dict[str, Any]:
    closed = desk.compared[desk.compared["rule"] == name]
    return {
        **_identity(name, desk),
        "match": int(rows["tier"].eq("match").sum()),
        "resembles": int(rows["tier"].eq("resembles").sum()),
        "expected_loss": float(rows["expected_loss"].sum()),
        "measured": share_facts(closed),
    }


def _identity(name: str, desk: Desk) -> dict[str, Any]:
    entry = desk.by_name.get(name)
    known = {} if entry is None else {"state": entry.state, "kind": entry.rule.kind, "origin": entry.rule.origin}
    return {"rule": name, "words": desk.words(name), "stated": _stated(entry), **known}


def _stated(entry: Entry | None) -> float | None:
    found = None if entry is None else entry.evidence.get("precision")
    return float(found) if isinstance(found, int | float) else None


def performance(desk: Desk) -> dict[str, Any]:
    """Precision of all rules together and of each, by month; those with most closed alarms first."""
    closed = desk.compared
    rules = [{**_identity(str(name), desk), **_course(rows, desk)} for name, rows in closed.groupby("rule")]
    rules.sort(key=lambda r: (-r["total"]["closed"], r["rule"]))
    return {
        "months": _months(desk),
        "all": _course(closed, desk),
        "rules": [{**rule, "verdict": verdict(rule["total"], rule["stated"])} for rule in rules],
    }


def _months(desk: Desk) -> list[str]:
    """The months of the charts: from the first closed alarm on, some at least, a year at most."""
    first = desk.compared["time"].min()
    back = 0 if pd.isna(first) else (desk.month - pd.Period(first, freq="M")).n
    return [str(desk.month - k) for k in range(min(max(back, _FEWEST_MONTHS - 1), _MONTHS - 1), -1, -1)]


def _course(rows: pd.DataFrame, desk: Desk) -> dict[str, Any]:
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


def unused(desk: Desk) -> list[dict[str, Any]]:
    """Rules that may alarm, but have neither an alarm nor a closed one; the oldest first."""
    seen = {*desk.alarms["rule"], *desk.closed["rule"]}
    firing = [e for e in desk.base.entries.values() if e.state in ("active", "watch") and e.rule.name not in seen]
    end = desk.month.end_time
    found = [
        {**_identity(e.rule.name, desk), "since": e.since[:10], "days": (end - pd.Timestamp(e.since[:10])).days}
        for e in firing
    ]
    return sorted(found, key=lambda r: (r["since"], r["rule"]))


def catch_facts(desk: Desk) -> dict[str, Any]:
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


def delay_facts(desk: Desk) -> list[dict[str, Any]]:
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
