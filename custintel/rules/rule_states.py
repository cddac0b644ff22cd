"""The life of a rule: its states, the transitions that are allowed, and the state of all rules replayed from the log.

Times of the log are UTC; a time without a zone is taken as UTC.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from custintel.dates import read_moment
from custintel.errors import ConfigurationError, DataError, ModelError, Problem
from custintel.rules._event_log import changed_log_text
from custintel.rules._rule import Rule
from custintel.rules._similarity import Profile
from custintel.rules.rule_score import RuleWeights, is_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_WRITTEN = "%Y-%m-%dT%H:%M:%S.%fZ"
_LENGTH = len("2025-03-01T00:00:00.000000Z")


def utc_time(at: str | datetime | None) -> datetime:
    """A time in UTC; now when None.

    >>> utc_time("2025-03-01").isoformat()
    '2025-03-01T00:00:00+00:00'
    """
    if at is None:
        return datetime.now(UTC)
    found = read_moment(at).to_pydatetime(warn=False)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def days_between(since: str | datetime | None, until: str | datetime | None) -> float:
    """Days from one time to another, fractions included; None is now.

    >>> days_between("2025-03-01", "2025-03-02T12:00")
    1.5
    """
    return (utc_time(until) - utc_time(since)).total_seconds() / 86_400


def is_log_time(text: object) -> bool:
    """Whether a text is a time just as a log has it: such texts are in order where their times are.

    >>> is_log_time("2025-03-01T00:00:00.000000Z"), is_log_time("2025-03-01"), is_log_time("zzz")
    (True, False, False)
    """
    if not isinstance(text, str) or len(text) != _LENGTH or not text.isascii():
        return False
    try:
        return datetime.strptime(text, _WRITTEN).strftime(_WRITTEN) == text
    except ValueError:
        return False


State = Literal["draft", "proposed", "shadow", "active", "watch", "retired", "rejected"]
STATES: tuple[State, ...] = get_args(State)
INITIAL_STATES: tuple[State, ...] = ("draft", "proposed")
"""Where a rule may begin."""

TRANSITIONS: Mapping[State, tuple[State, ...]] = {
    "draft": ("proposed", "rejected"),
    "proposed": ("shadow", "rejected"),
    "shadow": ("active", "rejected", "retired"),
    "active": ("watch", "retired"),
    "watch": ("active", "retired"),
    "retired": ("proposed",),
    "rejected": ("proposed",),
}
"""Where a rule may go from each state. Nothing becomes active that has not been in the shadow."""


@dataclass(frozen=True)
class RuleEntry:
    """One version of a rule and where it stands."""

    rule: Rule
    state: State
    since: str
    by: str
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class ReplayedLog:
    """All that a log says, event by event; what is impossible is refused.

    Rules that were written by an earlier version and can no longer be read are `unreadable`: by identity, with the
    reason. They are set aside, and what is said of them later is passed over.
    """

    entries: dict[str, RuleEntry] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    score: Mapping[str, Any] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    _versions: dict[str, list[str]] = field(default_factory=dict)
    _history: dict[str, list[tuple[str, State]]] = field(default_factory=dict)
    _last: Mapping[str, Any] | None = None
    _count: int = 0

    def follows(self, events: Sequence[Mapping[str, Any]]) -> bool:
        """Whether what was replayed is the beginning of these events."""
        return not self._count or (len(events) >= self._count and events[self._count - 1] is self._last)

    def extend(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Replay the events that are new.

        Raises
        ------
        DataError
            An event that no rule base writes: an unknown one, a state that is none, a move that is not allowed.
        """
        for event in events[self._count :]:
            self._apply(event)
            self._last, self._count = event, self._count + 1

    def versions(self, name: str) -> list[RuleEntry]:
        """Versions of a rule by its name, or the one of name@version, in the order in which they were added."""
        ids = [name] if name in self.entries else self._versions.get(name, [])
        return [self.entries[id_] for id_ in ids if id_ in self.entries]

    def state_at(self, id_: str, at: str) -> State:
        """The state of a version at a time; retired when it was not there yet."""
        past = self._history.get(id_, [])
        place = bisect_right([since for since, _ in past], at)
        return past[place - 1][1] if place else "retired"

    def added(self, event: Mapping[str, Any]) -> None:
        """A version was added."""
        id_, state = str(event["rule"]), event["state"]
        _require(state in INITIAL_STATES, f"a rule cannot begin as {state!r}")
        _require(id_ not in self.entries and id_ not in self.unreadable, f"{id_} is added twice")
        rule = Rule.from_state(event["content"])
        try:
            same = rule.id == id_
        except ConfigurationError as error:
            self.unreadable[id_] = str(error)
            return
        _require(same, f"the content of {id_} is another version's")
        self.entries[id_] = RuleEntry(
            rule, state, event["time"], event["by"], event["reason"], event.get("evidence", {})
        )
        self._versions.setdefault(rule.name, []).append(id_)
        self._history[id_] = [(str(event["time"]), state)]

    def moved(self, event: Mapping[str, Any]) -> None:
        """A version went to another state, by a move that is allowed or back to where it was at an earlier time."""
        if (before := self._known(event)) is None:
            return
        id_, state, by, reason = before.rule.id, event["state"], event["by"], event["reason"]
        if "rollback_to" in event:
            _require(state == self.state_at(id_, str(event["rollback_to"])), f"{id_} was not {state!r} at that time")
            _require(bool(by.strip() and reason.strip()), "a rollback without a person and a reason")
        else:
            problem = transition_problem(before, state, by, reason)
            _require(problem is None, problem.wrong if problem else "")
        evidence = {**before.evidence, **event.get("evidence", {})}
        since = str(event["time"])
        self.entries[id_] = replace(before, state=state, since=since, by=by, reason=reason, evidence=evidence)
        self._history[id_].append((since, state))

    def noted(self, event: Mapping[str, Any]) -> None:
        """Evidence was added."""
        if (before := self._known(event)) is not None:
            evidence = {**before.evidence, **event["evidence"]}
            self.entries[before.rule.id] = replace(before, evidence=evidence)

    def profiled(self, event: Mapping[str, Any]) -> None:
        """Profiles were learned."""
        # a new mapping: rules that were compiled keep the profiles they were compiled with
        learned = {subject: Profile.from_state(state) for subject, state in event["profiles"].items()}
        self.profiles = {**self.profiles, **learned}

    def combined(self, event: Mapping[str, Any]) -> None:
        """A score was learned."""
        score = dict(event["score"])
        unknown = [id_ for id_ in score["rules"] if id_ not in self.entries and id_ not in self.unreadable]
        _require(not unknown, "its score is made of rules that there are not")
        _require(
            _is_list_of_texts(score["rules"]) and _is_list_of_texts(score["numbers"]),
            "its score names no rules or no columns",
        )
        _require(_is_probability(score["threshold"]), "the threshold of its score is no probability")
        if score.get("weights") is not None:
            weights = RuleWeights.from_state(score["weights"])
            _require(len(weights.match) == len(score["rules"]), "the weights of its score are not those of its rules")
        _require(
            _is_finite_mapping(score.get("calibration")), "the calibration of its score is not made of finite numbers"
        )
        self.score = score

    def _apply(self, event: Mapping[str, Any]) -> None:
        try:
            apply = _APPLY.get(str(event["event"]))
            _require(apply is not None, f"{event['event']!r} is no event of a rule base")
            _check_form(event)
            _require(event["time"] >= (self._last or event)["time"], "it is earlier than the one before")
            assert apply is not None
            apply(self, event)
        except ModelError as error:
            raise DataError(
                changed_log_text(f"event {self._count + 1} is impossible: {str(error).splitlines()[0]}")
            ) from error
        except (_ImpossibleError, KeyError, TypeError, ValueError, AttributeError) as error:
            reason = str(error) if isinstance(error, _ImpossibleError) else "it is not of the form of an event"
            raise DataError(changed_log_text(f"event {self._count + 1} is impossible: {reason}")) from error

    def _known(self, event: Mapping[str, Any]) -> RuleEntry | None:
        id_ = str(event["rule"])
        _require(id_ in self.entries or id_ in self.unreadable, f"there is no rule {id_}")
        return self.entries.get(id_)


class _ImpossibleError(Exception):
    """An event that no rule base writes."""


def _require(holds: bool, wrong: str) -> None:
    if not holds:
        raise _ImpossibleError(wrong)


def _is_list_of_texts(given: object) -> bool:
    return isinstance(given, list) and all(isinstance(text, str) for text in given)


def _is_probability(given: object) -> bool:
    return isinstance(given, (int, float)) and not isinstance(given, bool) and 0 <= given <= 1


def _is_finite_mapping(given: object) -> bool:
    """Whether a mapping holds only texts, finite numbers and lists of such numbers."""
    if not isinstance(given, dict):
        return False
    numbers = [n for value in given.values() for n in (value if isinstance(value, list) else [value])]
    return all(is_finite(n) for n in numbers if not isinstance(n, str))


def _check_form(event: Mapping[str, Any]) -> None:
    """What every event has: a time that can be compared as a text, and texts that say who and why."""
    _require(is_log_time(event["time"]), "its time is not one of UTC such as 2025-03-01T00:00:00.000000Z")
    _require(isinstance(event["by"], str) and isinstance(event["reason"], str), "by and reason are not texts")
    _require(isinstance(event.get("evidence", {}), dict), "its evidence is no mapping")


def transition_problem(entry: RuleEntry, state: State, by: str, reason: str) -> Problem | None:
    """Why a rule may not go to a state; None when it may."""
    where = f"rule {entry.rule.id}"
    if state not in TRANSITIONS[entry.state]:
        allowed = ", ".join(TRANSITIONS[entry.state])
        return Problem(where, f"cannot go from {entry.state} to {state}", state, allowed, "see the states of a rule")
    if not by.strip() or not reason.strip():
        return Problem(where, f"going to {state} needs a person and a reason", f"by={by!r}, reason={reason!r}")
    return None


_APPLY: Mapping[str, Callable[[ReplayedLog, Mapping[str, Any]], None]] = {
    "added": ReplayedLog.added,
    "moved": ReplayedLog.moved,
    "noted": ReplayedLog.noted,
    "profiled": ReplayedLog.profiled,
    "combined": ReplayedLog.combined,
}
