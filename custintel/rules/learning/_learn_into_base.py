"""Rules learned in one place taken into another base."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from custintel.learners.check_input import binary_target
from custintel.rules._rule_columns import prepare_table

if TYPE_CHECKING:
    import pandas as pd

    from custintel.rules._rule import Rule
    from custintel.rules._rule_base import RuleBase
    from custintel.rules.learning._learn_rules import LearnSettings


def learn_into(  # noqa: PLR0913 - the options of learning
    base: RuleBase,
    X: pd.DataFrame,
    y: Any,
    settings: LearnSettings | None = None,
    *,
    times: Any = None,
    by: str = "learn_into",
    pos_label: Any = None,
    **facts: Any,
) -> list[Rule]:
    """Mine rules from labelled customers into a base that may have others: new ones go into its shadow.

    The distributions of legitimate customers are learned from the table, and the score of the base anew, where the
    table can answer all rules that are in the shadow or fire.

    Parameters, result and errors: `RuleMiner.learn`.
    """
    target = binary_target(y, pos_label).y
    learned = type(base).learn(X, target, settings, times=times)
    added = merge_rules(base, learned, by=by, reason="mined and proved on untouched customers", **facts)
    if added:
        table, numbers = prepare_table(X, settings.forbidden if settings else ())
        base.learn_profiles(table[target == 0], by=by)
        if set(base.compile("shadow", "active", "watch").columns) <= set(table.columns):
            base.learn_score(table, target, numbers)
    return added


def merge_rules(base: RuleBase, learned: RuleBase, *, by: str, reason: str, **facts: Any) -> list[Rule]:
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
    **facts
        Fields of `Rule` that they get: kind, loss, review_cost, severity, action, ...

    Returns
    -------
    list of Rule
        Those that were added.

    Examples
    --------
    >>> from custintel.rules import RuleBase
    >>> base, learned = RuleBase(), RuleBase()
    >>> _ = base.propose("mined_01", "minutes > 600", by="me"), learned.propose("mined_01", "cells < 3", by="me")
    >>> [rule.name for rule in merge_rules(base, learned, by="me", reason="mined")]
    ['mined_02']
    """
    known = {entry.rule.version for entry in base.entries.values()}
    fresh = [entry for entry in learned.entries.values() if entry.rule.version not in known]
    added = []
    for entry in fresh:
        rule = replace(entry.rule, name=_free_name(entry.rule.name, base), **facts)
        base.add(rule, by=by, reason=reason, evidence=entry.evidence)
        base.shadow(rule.id, by=by, reason=reason)
        added.append(rule)
    return added


def _free_name(name: str, base: RuleBase) -> str:
    stem, number = name.rstrip("0123456789").rstrip("_"), 1
    while name in base:
        number += 1
        name = f"{stem}_{number:02d}"
    return name
