"""Rules learned in one place taken into another base, and the rules that a table can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.rules._rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custintel.rules._base import RuleBase

__all__ = ["absorb", "answerable"]


def absorb(base: RuleBase, learned: RuleBase, *, by: str, reason: str) -> list[Rule]:
    """Take the rules of another base into the shadow of this one, with their evidence.

    A rule whose conditions the base has already, under whatever name and in whatever state, is left out; a name that is
    taken gets the next free number.

    Parameters
    ----------
    base : RuleBase
        The base that is added to.
    learned : RuleBase
        Such as `RuleBase.learn` gives.
    by, reason : str
        Who adds them and why.

    Returns
    -------
    list of Rule
        Those that were added.

    Examples
    --------
    >>> from custintel.rules import RuleBase
    >>> base, learned = RuleBase(), RuleBase()
    >>> _ = base.propose("mined_01", "minutes > 600", by="me"), learned.propose("mined_01", "cells < 3", by="me")
    >>> [rule.name for rule in absorb(base, learned, by="me", reason="mined")]
    ['mined_02']
    """
    known = {entry.rule.version for entry in base.entries.values()}
    fresh = [entry for entry in learned.entries.values() if entry.rule.version not in known]
    added = []
    for entry in fresh:
        rule = Rule.from_state({**entry.rule.to_state(), "name": _free_name(entry.rule.name, base)})
        base.add(rule, by=by, reason=reason, evidence=entry.evidence)
        base.shadow(rule.id, by=by, reason=reason)
        added.append(rule)
    return added


def answerable(base: RuleBase, columns: Iterable[str]) -> tuple[RuleBase, list[Rule]]:
    """A copy of the base in which only rules fire that a table with these columns can answer, and the other rules.

    Parameters
    ----------
    base : RuleBase
        The base; it is not changed.
    columns : iterable of str
        Features that are there.

    Examples
    --------
    >>> from custintel.rules import RuleBase
    >>> answerable(RuleBase(), ["minutes"])
    (RuleBase(empty; 0 events), [])
    """
    known = frozenset(columns)
    absent = {id_: rule for id_, rule in base.in_state().items() if not rule.columns <= known}
    able = base.copy()
    for id_ in absent:
        last = str(able.log.events[-1]["time"])
        able.retire(id_, by="custintel", reason="its features are missing in this table", at=last)
    return able, list(absent.values())


def _free_name(name: str, base: RuleBase) -> str:
    stem, number = name.rstrip("0123456789").rstrip("_"), 1
    while name in base:
        number += 1
        name = f"{stem}_{number:02d}"
    return name
