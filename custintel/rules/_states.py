"""The life of a rule: states, allowed moves, and the state of all rules replayed from the log."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from custintel.errors import Problem
from custintel.rules._ramp import Profile
from custintel.rules._rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MOVES", "STATES", "Entry", "Replay", "State", "move_problem", "replay"]

State = Literal["draft", "proposed", "shadow", "active", "watch", "retired", "rejected"]
STATES: tuple[State, ...] = get_args(State)

MOVES: Mapping[State, tuple[State, ...]] = {
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
class Entry:
    """One version of a rule and where it stands."""

    rule: Rule
    state: State
    since: str
    by: str
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Replay:
    """All that a log says."""

    entries: dict[str, Entry] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    score: Mapping[str, Any] = field(default_factory=dict)


def replay(events: Iterable[Mapping[str, Any]]) -> Replay:
    """The state after some events."""
    found = Replay()
    for event in events:
        _APPLY[str(event["event"])](found, event)
    return found


def move_problem(entry: Entry, state: State, by: str, reason: str) -> Problem | None:
    """Why a rule may not go to a state; None when it may."""
    where = f"rule {entry.rule.id}"
    if state not in MOVES[entry.state]:
        allowed = ", ".join(MOVES[entry.state])
        return Problem(where, f"cannot go from {entry.state} to {state}", state, allowed, "see the states of a rule")
    if not by.strip() or not reason.strip():
        return Problem(where, f"going to {state} needs a person and a reason", f"by={by!r}, reason={reason!r}")
    return None


def _added(found: Replay, event: Mapping[str, Any]) -> None:
    rule = Rule.from_state(event["content"])
    found.entries[rule.id] = Entry(
        rule, event["state"], event["time"], event["by"], event["reason"], event.get("evidence", {})
    )


def _moved(found: Replay, event: Mapping[str, Any]) -> None:
    before = found.entries[event["rule"]]
    evidence = {**before.evidence, **event.get("evidence", {})}
    found.entries[event["rule"]] = replace(
        before, state=event["state"], since=event["time"], by=event["by"], reason=event["reason"], evidence=evidence
    )


def _noted(found: Replay, event: Mapping[str, Any]) -> None:
    before = found.entries[event["rule"]]
    found.entries[event["rule"]] = replace(before, evidence={**before.evidence, **event["evidence"]})


def _profiled(found: Replay, event: Mapping[str, Any]) -> None:
    found.profiles |= {subject: Profile.from_state(state) for subject, state in event["profiles"].items()}


def _combined(found: Replay, event: Mapping[str, Any]) -> None:
    found.score = event["score"]


_APPLY = {"added": _added, "moved": _moved, "noted": _noted, "profiled": _profiled, "combined": _combined}
