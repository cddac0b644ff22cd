"""The next step of a rule that a person approves of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.errors import Problem, raise_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.rules._base import RuleBase
    from custintel.rules._states import Entry, State

__all__ = ["to_approve"]

_NEXT: Mapping[State, State] = {"draft": "proposed", "proposed": "shadow", "shadow": "active", "watch": "active"}
"""Where approval takes a rule from each state."""


def to_approve(base: RuleBase, name: str) -> tuple[Entry, State]:
    """The version of a rule that waits for approval, and the state that approval brings it to.

    Parameters
    ----------
    base : RuleBase
        The base.
    name : str
        Name, or name@version where several versions wait.

    Raises
    ------
    ConfigurationError
        When no version of it waits, or several do.

    Examples
    --------
    >>> from custintel.rules import RuleBase
    >>> base = RuleBase()
    >>> rule = base.propose("burst", "minutes > 30", by="me")
    >>> to_approve(base, "burst")[1]
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


def _hint(entry: Entry) -> str:
    return "it alarms already" if entry.state == "active" else "propose it again: custintel rules import FILE.yaml"
