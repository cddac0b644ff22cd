"""Review of the rules that fire: those whose alarms are no longer confirmed as stated are watched, then retired.

What the tests do by default, computed exactly (`review_characteristics`): a rule stated at a precision of 0.9 whose
precision falls to 0.4 leaves *active* after 11 confirmed outcomes (median; nine of ten times within 17) and is retired
within 30 in 98 of 100 cases. A rule that keeps the precision it states is suspected in at most 5 % of runs of 200
outcomes, and retired in at most 0.2 %; one that is better than stated (stated is a lower bound) in fewer. Outcomes are
confirmed ones of alarms of tier *match*, one a customer and month, in the order in which they were recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from custintel.errors import Problem, raise_problems
from custintel.rules.monitoring._sequential_tests import PrecisionMonitor, PrecisionPosterior, Sensitivity
from custintel.rules.monitoring.alarm_outcomes import last_state_change, recorded_outcomes
from custintel.rules.rule_states import days_between, utc_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from custintel.rules._rule_base import RuleBase
    from custintel.rules.monitoring._sequential_tests import Phase
    from custintel.rules.rule_states import RuleEntry


_PRIOR_WHILE_WATCHED = 10.0
_MOVES: tuple[Phase, ...] = ("watch", "retired", "active")
_COLUMNS = (
    "rule", "version", "state", "to", "done", "reason", "stated", "outcomes", "confirmed", "precision", "below_stated",
    "sum", "limit",
)  # fmt: skip


@dataclass(frozen=True)
class ReviewSettings:
    """When a rule is suspected, given up, or trusted again.

    Parameters
    ----------
    sensitivity : Sensitivity
        The sequential tests.
    decay : float
        What an outcome still counts in the estimate of the precision when one more has come.
    floor : float, optional
        Precision below which a watched rule is not worth having; by default where its review costs as much as it saves
        (review cost / loss), 0 when the rule states neither.
    retire_probability : float
        Probability of being below the floor from which a watched rule is retired.
    idle_days : int, optional
        An active rule without a confirmed alarm of its own for so many days is watched; never when None. It counts only
        while outcomes of some rules come in.
    default_precision : float
        Stated precision of a rule whose evidence states none.
    automatic : tuple of str
        Moves that a review makes by itself; others it only proposes.

    Examples
    --------
    >>> ReviewSettings(floor=0.2, automatic=("watch",)).idle_days
    180
    """

    sensitivity: Sensitivity = field(default_factory=Sensitivity)
    decay: float = 0.98
    floor: float | None = None
    retire_probability: float = 0.95
    idle_days: int | None = 180
    default_precision: float = 0.5
    automatic: tuple[Phase, ...] = _MOVES

    def __post_init__(self) -> None:
        shares = {
            "retire_probability": self.retire_probability,
            "default_precision": self.default_precision,
            "decay": self.decay,
            "floor": self.floor or 0,
        }
        problems = [
            Problem(f"ReviewSettings.{name}", "not a share", str(value), "0 to 1")
            for name, value in shares.items()
            if not 0 <= value <= 1
        ]
        strange = sorted(set(self.automatic) - set(_MOVES))
        if strange:
            problems.append(Problem("ReviewSettings.automatic", "unknown move", ", ".join(strange), ", ".join(_MOVES)))
        raise_problems(problems)


class _Step(NamedTuple):
    """A move that a review proposes: where to, after how many outcomes of the rule's life, why, and the numbers."""

    to: Phase
    start: int
    reason: str
    numbers: dict[str, Any]


def stated_precision(entry: RuleEntry, default_precision: float = 0.5) -> float:
    """The precision that a rule is said to keep: of its evidence, or `default_precision`.

    Parameters
    ----------
    entry : RuleEntry
        A version of a rule (`RuleBase.entry`).
    default_precision : float
        What to take when nothing is stated.
    """
    return float(entry.evidence.get("precision", default_precision))


def review_characteristics(
    stated: float, precision: float, sensitivity: Sensitivity | None = None, outcomes: int = 200
) -> dict[str, float]:
    """What a review does to a rule of a stated precision that really has another one; exact, not simulated.

    Parameters
    ----------
    stated, precision : float
        What is stated and what is true.
    sensitivity : Sensitivity, optional
        The tests.
    outcomes : int
        Number of confirmed outcomes looked at.

    Returns
    -------
    dict
        Probability to have been suspected (``left_active``) and to be ``retired`` after that many outcomes; outcomes
        until the rule leaves *active* in one, five and nine of ten cases (``p10``, ``median``, ``p90``; infinite where
        it takes more than 5,000).

    Examples
    --------
    >>> found = review_characteristics(stated=0.9, precision=0.4, outcomes=30)
    >>> found["median"], round(found["retired"], 2)
    (11.0, 0.98)
    """
    monitor = PrecisionMonitor.for_precision(stated, sensitivity)
    active = monitor.still_active(precision, max(outcomes, 5000))
    delays = {name: _first_true(active <= 1 - q) for name, q in (("p10", 0.1), ("median", 0.5), ("p90", 0.9))}
    retired = 1 - monitor.never_retired(precision, outcomes)
    return {"left_active": float(1 - active[outcomes]), "retired": retired, **delays}


def review_rules(
    base: RuleBase,
    settings: ReviewSettings | None = None,
    *,
    by: str,
    at: str | datetime | None = None,
    drift: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Move active rules to *watch*, watched ones to *retired* or back, by what became of their alarms.

    The result is the same whether rules are reviewed every day or once a month: the tests go through the outcomes one
    by one, and each move notes with which outcome the next test begins.

    Parameters, result and errors: `RuleMonitor.review`.

    Examples
    --------
    >>> from custintel.rules import RuleBase
    >>> from custintel.rules.monitoring.alarm_outcomes import record_outcomes
    >>> base = RuleBase()
    >>> rule = base.propose("burst", "minutes > 30", by="an analyst")
    >>> base.add_evidence("burst", {"precision": 0.9}, by="backtest")
    >>> base.shadow("burst", by="an analyst", reason="three cases")
    >>> base.activate("burst", by="head of fraud", reason="27 of 30 confirmed")
    >>> X = pd.DataFrame({"minutes": [40] * 12}, index=pd.RangeIndex(12, name="customer_id"))
    >>> known = pd.DataFrame({"customer_id": range(12), "outcome": ["fraud", "not", "not"] * 4})
    >>> _ = record_outcomes(base, base.alarms(X), known, by="fraud desk")
    >>> review_rules(base, by="nightly review")[["rule", "state", "to", "outcomes", "confirmed"]]
        rule   state     to  outcomes  confirmed
    0  burst  active  watch        11          4
    """
    settings = settings or ReviewSettings()
    moved = set() if drift is None else set(_ids(drift[drift["verdict"] == "moved"]))
    firing = [id_ for id_, entry in base.entries.items() if entry.state in ("active", "watch")]
    busy = _last_closed(base)
    rows = [row for id_ in firing for row in _Review(base, id_, settings, by, at).rows(busy, drifted=id_ in moved)]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


class _Review:
    """One rule under review."""

    def __init__(self, base: RuleBase, id_: str, settings: ReviewSettings, by: str, at: str | datetime | None) -> None:
        self.base, self.id, self.settings, self.by, self.at = base, id_, settings, by, at
        self.entry = base.entries[id_]
        self.stated = stated_precision(self.entry, settings.default_precision)
        self.monitor = PrecisionMonitor.for_precision(self.stated, settings.sensitivity)
        self.recorded = recorded_outcomes(base, id_)
        self.outcomes = _closed_matches(self.recorded)
        self.start = _first_outcome_of_state(base, id_)

    def rows(self, busy: str, *, drifted: bool) -> list[dict[str, Any]]:
        """Moves done or proposed; the rule as it stands when there are none."""
        state: Any = self.entry.state
        steps = self._steps(busy, drifted=drifted)
        if not steps:
            return [self._row(state, "", False, "", self._numbers(state, self.start, len(self.outcomes)))]
        rows: list[dict[str, Any]] = []
        for step in steps:
            done = step.to in self.settings.automatic
            rows.append(self._row(state, step.to, done, step.reason, step.numbers))
            if not done:
                break
            evidence = {"review": {**step.numbers, "from": step.start}}
            self.base.change_state(self.id, step.to, by=self.by, reason=step.reason, evidence=evidence, at=self.at)
            state = step.to
        return rows

    def _steps(self, busy: str, *, drifted: bool) -> list[_Step]:
        steps = self._steps_of_tests()
        state = steps[-1].to if steps else self.entry.state
        begun = steps[-1].start if steps else self.start
        return [
            *steps,
            *(self._steps_without_outcomes(busy, drifted=drifted) if not steps else ()),
            *self._steps_below_floor(state, begun),
        ]

    def _steps_of_tests(self) -> list[_Step]:
        """Moves of the sequential tests."""
        phase: Any = self.entry.state
        begun, steps = self.start, []
        for move in self.monitor.phase_changes(self.outcomes[self.start :], phase):
            end = self.start + move.after
            recent = self.outcomes[end - move.recent : end]
            numbers = {**self._numbers(phase, begun, end), "sum": move.value, "recent": len(recent)}
            reason = _reason(phase, move.to, recent, self.stated)
            steps.append(_Step(move.to, end, reason, {**numbers, "recent_confirmed": int(recent.sum())}))
            phase, begun = move.to, end
        return steps

    def _steps_without_outcomes(self, busy: str, *, drifted: bool) -> list[_Step]:
        """An active rule is suspected when its features moved, or when it has long caught nothing alone."""
        if self.entry.state != "active":
            return []
        idle = self._idle_days()
        limit = self.settings.idle_days
        numbers = self._numbers("active", self.start, len(self.outcomes))
        if drifted:
            return [_Step("watch", len(self.outcomes), "its features or its firing rate have moved", numbers)]
        if limit is not None and idle > limit and busy and days_between(busy, utc_time(self.at)) <= limit:
            return [_Step("watch", len(self.outcomes), f"no case of its own for {idle:.0f} days", numbers)]
        return []

    def _steps_below_floor(self, state: str, begun: int) -> list[_Step]:
        """A watched rule is retired when it is probably not worth its reviews."""
        floor = self._floor()
        if state != "watch" or not floor or begun == len(self.outcomes):
            return []
        numbers = self._numbers("watch", begun, len(self.outcomes))
        now = PrecisionPosterior.from_outcomes(
            self.outcomes[begun:], self.stated, self.settings.decay, _PRIOR_WHILE_WATCHED
        )
        below = now.below(floor)
        if below <= self.settings.retire_probability:
            return []
        reason = f"precision is below {floor:.2f} with probability {below:.2f}"
        return [_Step("retired", len(self.outcomes), reason, {**numbers, "floor": floor, "below_floor": below})]

    def _floor(self) -> float:
        rule = self.entry.rule
        worth = rule.review_cost / rule.loss if rule.loss > 0 else 0.0
        return worth if self.settings.floor is None else self.settings.floor

    def _idle_days(self) -> float:
        own = self.recorded[(self.recorded["confirmed"] == 1) & self.recorded["unique"]]
        last = max([self.entry.since, *own["recorded"]])
        return days_between(last, utc_time(self.at))

    def _numbers(self, phase: Phase, begun: int, end: int) -> dict[str, Any]:
        part = self.outcomes[begun:end]
        now = PrecisionPosterior.from_outcomes(part, self.stated, self.settings.decay)
        limit = self.monitor.limit if phase == "active" else self.monitor.retire_limit
        return {
            "stated": self.stated, "outcomes": len(part), "confirmed": int(part.sum()), "precision": now.mean,
            "below_stated": now.below(self.stated), "sum": self.monitor.value(part, phase), "limit": limit,
        }  # fmt: skip

    def _row(self, state: str, to: str, done: bool, reason: str, numbers: Mapping[str, Any]) -> dict[str, Any]:
        rule = self.entry.rule
        known = {name: numbers[name] for name in _COLUMNS if name in numbers}
        facts = {"rule": rule.name, "version": rule.version, "state": state, "to": to, "done": done, "reason": reason}
        return {**facts, **known}


def _reason(phase: Phase, to: Phase, recent: np.ndarray, stated: float) -> str:
    summary = f"{int(recent.sum())} of the last {len(recent)} alarms confirmed, stated {stated:.2f}"
    if to == "active":
        return f"keeps its precision again: {summary}"
    return f"precision has fallen: {summary}" if phase == "active" else f"precision stays low: {summary}"


def _closed_matches(recorded: pd.DataFrame) -> np.ndarray:
    """1 and 0 of the alarms that say how precise the rule itself is."""
    closed = recorded[(recorded["tier"] == "match") & recorded["confirmed"].notna()]
    return closed["confirmed"].to_numpy(dtype=np.int64)


def _first_outcome_of_state(base: RuleBase, id_: str) -> int:
    """The outcome with which the test of the present state begins.

    A move by review says so; after a move by a person it is the first one recorded afterwards.
    """
    event = last_state_change(base, id_)
    begin = event.get("evidence", {}).get("review", {}).get("from")
    if begin is not None:
        return int(begin)
    recorded = recorded_outcomes(base, id_)
    return len(_closed_matches(recorded[recorded["seq"] < event["seq"]]))


def _last_closed(base: RuleBase) -> str:
    """Time at which an outcome of any rule was last recorded."""
    times = [event["time"] for event in base.log.events if "outcomes" in event.get("evidence", {})]
    return str(times[-1]) if times else ""


def _ids(frame: pd.DataFrame) -> list[str]:
    return [f"{rule}@{version}" for rule, version in zip(frame["rule"], frame["version"], strict=True)]


def _first_true(passed: np.ndarray) -> float:
    return float(np.argmax(passed)) if passed.any() else float("inf")
