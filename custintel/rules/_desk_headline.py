"""The figures at the top of the desk's report, and its cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.metrics import wilson
from custintel.rules._desk_outcomes import verdicts

if TYPE_CHECKING:
    from custintel.rules._desk_material import Desk

__all__ = ["case_facts", "headline", "share_facts"]

_SHOWN = 12
_OUTCOMES = {True: "confirmed", False: "refuted", None: "open"}


def headline(desk: Desk) -> dict[str, Any]:
    """Counts and money."""
    alarms, cases = desk.alarms, desk.cases
    told = verdicts(cases["outcome"])
    live = told.isna()
    return {
        "alarms": len(alarms),
        "rules": int(alarms["rule"].nunique()),
        "match": int(alarms["tier"].eq("match").sum()),
        "resembles": int(alarms["tier"].eq("resembles").sum()),
        "cases": int(live.sum()),
        "urgent": int((live & cases["severity"].ge(4)).sum()),
        "expected_loss": float(cases["expected_loss"][live].sum()),
        "confirmed_cases": int(told.eq(True).sum()),
        "saved_loss": float(cases["saved_loss"][told.eq(True)].sum()),
        "savable_loss": float(cases["saved_loss"][live].sum()),
        "closed": share_facts(desk.closed),
    }


def share_facts(closed: pd.DataFrame) -> dict[str, Any]:
    """How many alarms were closed, how many confirmed, and Wilson's interval of their share."""
    n, hits = len(closed), int(closed["confirmed"].sum())
    low, high = wilson(hits, n)
    return {"closed": n, "confirmed": hits, "precision": hits / n if n else None, "low": low, "high": high}


def case_facts(desk: Desk) -> dict[str, Any]:
    """The most urgent cases with their alarms; open ones before closed ones."""
    told = verdicts(desk.cases["outcome"])
    ordered = pd.concat([desk.cases[told.isna()], desk.cases[told.notna()]])
    ranked = desk.alarms.sort_values(["tier", "similarity"], ascending=[True, False])
    alarms = dict(list(ranked.drop_duplicates(["customer_id", "rule"]).groupby("customer_id")))
    shown = ordered.head(_SHOWN).to_dict("records")
    items = [_case(case, alarms.get(case["customer_id"]), desk) for case in shown]
    return {"total": len(ordered), "items": items}


def _case(case: dict[Any, Any], alarms: pd.DataFrame | None, desk: Desk) -> dict[str, Any]:
    outcome = _OUTCOMES[verdicts(pd.Series([case["outcome"]])).iloc[0]]
    told = [] if alarms is None else [_alarm(row, desk) for row in alarms.to_dict("records")]
    kept = ("customer_id", "tier", "similarity", "expected_loss", "saved_loss", "severity", "action")
    return {**{key: case[key] for key in kept}, "first": case.get("first"), "outcome": outcome, "alarms": told}


def _alarm(row: dict[Any, Any], desk: Desk) -> dict[str, Any]:
    kept = ("rule", "kind", "tier", "similarity", "precision", "matched", "missed", "unknown")
    entry = desk.by_name.get(row["rule"])
    evidence = {} if entry is None else entry.evidence
    proved = ("precision" if row["tier"] == "match" else "precision_resembles") in evidence
    return {**{key: row.get(key) for key in kept}, "proved": proved, "words": desk.words(row["rule"])}
