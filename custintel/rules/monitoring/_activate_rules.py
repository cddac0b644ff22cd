"""Activation: the policy under which a rule leaves the shadow and may alarm, and the approval of a person.

Nothing becomes active by itself unless a policy states so; whatever it activates, the log says under which policy and
on which numbers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.errors import Problem, raise_problems
from custintel.metrics.confidence_intervals import wilson
from custintel.rules.monitoring.alarm_outcomes import last_state_change, recorded_outcomes
from custintel.rules.rule_states import days_between, utc_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from custintel.rules._rule_base import RuleBase
    from custintel.rules.rule_states import RuleEntry, State


_SHORTEST = 1.0
_COLUMNS = (
    "rule", "version", "decision", "reason", "days", "alarms", "closed", "confirmed", "precision", "lower", "stated",
    "alarms_per_day", "benefit",
)  # fmt: skip


@dataclass(frozen=True)
class ActivationPolicy:
    """What a rule must have shown in the shadow before it may alarm.

    Parameters
    ----------
    name : str
        Name by which the log tells it.
    automatic : bool
        Whether rules that meet everything are activated; otherwise they are only named, and a person activates them.
    min_alarms : int
        Alarms of the shadow (tier match) whose outcome is known.
    min_days : float
        Days in the shadow.
    min_precision : float
        Floor of the precision of the shadow.
    require_stated : bool
        Whether the precision of the shadow must reach the one that the rule's evidence states, too.
    z : float
        Standard errors of the lower bound (Wilson) that must reach both; 1.645 leaves out 5 %.
    max_alarms_per_day : float, optional
        Alarms a day that all firing rules together may raise.
    min_benefit : float
        What an alarm must be worth after its review, in u: lower bound x loss - review cost is more than this.
    loss, review_cost : float
        In u, for rules that state none.
    kinds : tuple of str, optional
        Kinds of fraud and arrears whose rules may be activated; all when None. Rules of other kinds need a person, and
        so does every rule described from anomalies, which no confirmed case speaks for.

    Examples
    --------
    >>> policy = ActivationPolicy(automatic=True, min_alarms=50, kinds=("sim_box",))
    >>> policy.min_precision
    0.5
    """

    name: str = "default"
    automatic: bool = False
    min_alarms: int = 20
    min_days: float = 14.0
    min_precision: float = 0.5
    require_stated: bool = True
    z: float = 1.645
    max_alarms_per_day: float | None = None
    min_benefit: float = 0.0
    loss: float = 0.0
    review_cost: float = 0.0
    kinds: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        least = {"min_alarms": 1, "min_days": 0, "min_precision": 0, "z": 0, "loss": 0, "review_cost": 0}
        problems = [
            Problem(f"ActivationPolicy.{name}", "too small", str(getattr(self, name)), f"{limit} or more")
            for name, limit in least.items()
            if getattr(self, name) < limit
        ]
        if self.min_precision > 1:
            problems.append(Problem("ActivationPolicy.min_precision", "not a share", str(self.min_precision)))
        raise_problems(problems)

    def to_state(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "kinds": None if self.kinds is None else list(self.kinds)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ActivationPolicy:
        """Read back what `to_state` gave."""
        kinds = state.get("kinds")
        return cls(**{**state, "kinds": None if kinds is None else tuple(kinds)})


def apply_policy(
    base: RuleBase, policy: ActivationPolicy, *, by: str = "", at: str | datetime | None = None
) -> pd.DataFrame:
    """Which rules of the shadow a policy lets alarm; they are activated when the policy is automatic.

    Parameters, result and errors: `RuleMonitor.apply_policy`.

    Examples
    --------
    >>> from custintel.rules import Rule, RuleBase
    >>> from custintel.rules.monitoring.alarm_outcomes import record_outcomes
    >>> base = RuleBase()
    >>> rule = base.add(Rule("burst", "minutes > 30", loss=200, review_cost=5), by="an analyst", at="2025-03-01")
    >>> base.shadow("burst", by="an analyst", reason="three cases", at="2025-03-01")
    >>> X = pd.DataFrame({"minutes": [40] * 30}, index=pd.RangeIndex(30, name="customer_id"))
    >>> known = pd.DataFrame({"customer_id": range(30), "outcome": ["fraud"] * 27 + ["not"] * 3})
    >>> _ = record_outcomes(base, base.alarms(X, None, "shadow"), known, by="fraud desk", at="2025-03-20")
    >>> apply_policy(base, ActivationPolicy(), at="2025-03-20")[["rule", "decision"]].to_dict("records")
    [{'rule': 'burst', 'decision': 'ready'}]
    >>> found = apply_policy(base, ActivationPolicy(automatic=True), at="2025-03-20")
    >>> base.entry("burst").state, base.entry("burst").reason
    ('active', 'policy default: 27 of 30 alarms of the shadow confirmed, at least 0.77')
    """
    facts = [_facts(base, id_, policy, at) for id_, entry in base.entries.items() if entry.state == "shadow"]
    facts.sort(key=lambda row: -row["benefit"] * row["alarms_per_day"])
    spent = sum(_alarms_a_day(base, id_, at) for id_ in base.in_state())
    rows = []
    for fact in facts:
        reasons = _reasons(base.entries[fact["id"]], fact, policy, spent)
        if not reasons:
            spent += fact["alarms_per_day"]
        rows.append({**fact, **_decided(base, fact, policy, reasons, by, at)})
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _facts(base: RuleBase, id_: str, policy: ActivationPolicy, at: str | datetime | None) -> dict[str, Any]:
    entry = base.entries[id_]
    seen = recorded_outcomes(base, id_)
    seen = seen[seen["seq"] > last_state_change(base, id_)["seq"]]
    closed = seen[(seen["tier"] == "match") & seen["confirmed"].notna()]
    confirmed = int((closed["confirmed"] == 1).sum())
    lower = wilson(confirmed, len(closed), policy.z)[0]
    return {
        "id": id_, "rule": entry.rule.name, "version": entry.rule.version,
        "days": days_between(entry.since, utc_time(at)), "alarms": len(seen), "closed": len(closed),
        "confirmed": confirmed, "precision": confirmed / len(closed) if len(closed) else float("nan"), "lower": lower,
        "stated": float(entry.evidence.get("precision", "nan")), "alarms_per_day": _alarms_a_day(base, id_, at),
        "benefit": lower * (entry.rule.loss or policy.loss) - (entry.rule.review_cost or policy.review_cost),
    }  # fmt: skip


def _alarms_a_day(base: RuleBase, id_: str, at: str | datetime | None) -> float:
    """Alarms recorded since the rule came into its state, of all tiers: each costs a review."""
    seen = recorded_outcomes(base, id_)
    days = max(days_between(base.entries[id_].since, utc_time(at)), _SHORTEST)
    return float((seen["seq"] > last_state_change(base, id_)["seq"]).sum()) / days


def _reasons(entry: RuleEntry, fact: Mapping[str, Any], policy: ActivationPolicy, spent: float) -> list[str]:
    """Why a rule must wait; none when it need not."""
    stated = fact["stated"] if policy.require_stated else 0.0
    lower, budget = fact["lower"], policy.max_alarms_per_day
    why = {
        "described from anomalies: a person decides": entry.rule.origin == "anomaly",
        f"kind {entry.rule.kind or 'not stated'}: a person decides": policy.kinds is not None
        and entry.rule.kind not in policy.kinds,
        f"{fact['closed']} known outcomes, {policy.min_alarms} needed": fact["closed"] < policy.min_alarms,
        f"{fact['days']:.1f} days, {policy.min_days:g} needed": fact["days"] < policy.min_days,
        f"precision at least {lower:.2f}, floor {policy.min_precision:.2f}": lower < policy.min_precision,
        f"precision at least {lower:.2f}, stated {stated:.2f}": lower < stated,
        f"an alarm is worth {fact['benefit']:.4g} u, more than {policy.min_benefit:.4g} needed": fact["benefit"]
        <= policy.min_benefit,
    }
    reasons = [reason for reason, holds in why.items() if holds]
    if budget is not None and spent + fact["alarms_per_day"] > budget:
        reasons.append(f"{fact['alarms_per_day']:.3g} alarms a day on top of {spent:.3g}, budget {budget:g}")
    return reasons


def _decided(
    base: RuleBase, fact: Mapping[str, Any], policy: ActivationPolicy, reasons: list[str], by: str, at: Any
) -> dict[str, str]:
    """The decision, carried out where the policy says so."""
    if reasons:
        return {"decision": "waits", "reason": "; ".join(reasons)}
    summary = f"{fact['confirmed']} of {fact['closed']} alarms of the shadow confirmed, at least {fact['lower']:.2f}"
    if not policy.automatic:
        return {"decision": "ready", "reason": f"{summary}; policy {policy.name} leaves it to a person"}
    reason = f"policy {policy.name}: {summary}"
    base.activate(fact["id"], by=by or f"policy {policy.name}", reason=reason, evidence=_evidence(fact, policy), at=at)
    return {"decision": "activated", "reason": reason}


def _evidence(fact: Mapping[str, Any], policy: ActivationPolicy) -> dict[str, Any]:
    """The policy and its numbers; a rule that stated no precision is held to the lower bound of its shadow."""
    numbers = {name: fact[name] for name in _COLUMNS if name in fact and not pd.isna(fact[name])}
    kept = {} if "stated" in numbers else {"precision": fact["lower"]}
    return {"policy": policy.to_state(), "shadow": numbers, **kept}


_NEXT: Mapping[State, State] = {"draft": "proposed", "proposed": "shadow", "shadow": "active", "watch": "active"}
"""Where approval takes a rule from each state."""


def next_approval(base: RuleBase, name: str) -> tuple[RuleEntry, State]:
    """The version of a rule that waits for approval, and the state that approval brings it to.

    Parameters, result and errors: `RuleMonitor.next_approval`.

    Examples
    --------
    >>> from custintel.rules import RuleBase
    >>> base = RuleBase()
    >>> rule = base.propose("burst", "minutes > 30", by="me")
    >>> next_approval(base, "burst")[1]
    'shadow'
    """
    entry = base.entry(name)
    waiting = [e for e in base.entries.values() if name in (e.rule.name, e.rule.id) and e.state in _NEXT]
    where = f"rule {name}"
    if not waiting:
        allowed = ", ".join(_NEXT)
        raise_problems([Problem(where, "does not wait for approval", entry.state, allowed, _hint(entry))])
    if len(waiting) > 1:
        versions = ", ".join(f"{e.rule.id} ({e.state})" for e in waiting)
        raise_problems([Problem(where, "several versions wait for approval", name, versions, "name the version")])
    return waiting[0], _NEXT[waiting[0].state]


def _hint(entry: RuleEntry) -> str:
    return "it alarms already" if entry.state == "active" else "propose it again: custintel rules import FILE.yaml"
