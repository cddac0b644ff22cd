"""Whether one rule says what another says already: by logic, and by the customers on whom they raise alarms.

>>> from custintel.expressions.parse import parse
>>> from custintel.rules.rule_condition import condition_tree
>>> narrow, wide = (condition_tree(parse(t)) for t in ("calls > 90 and cells < 3", "calls > 60"))
>>> implies(narrow, wide), implies(wide, narrow)
(True, False)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.rules._match_numpy import TableMatcher
from custintel.rules.rule_condition import COMPARE, AllOf, AnyOf, Condition, Node

if TYPE_CHECKING:
    from custintel.rules._rule_base import RuleBase


def implies(one: Node, other: Node) -> bool:
    """Whether every customer that matches `one` certainly matches `other`.

    Sound, not complete: True is proved by the limits alone; False may mean "not known".

    Parameters
    ----------
    one, other : Node
        Conditions of two rules.
    """
    if isinstance(one, AnyOf):
        return all(implies(part, other) for part in one.parts)
    if isinstance(other, AllOf):
        return all(implies(one, part) for part in other.parts)
    if isinstance(one, AllOf) and any(implies(part, other) for part in one.parts):
        return True
    if isinstance(other, AnyOf):
        return any(implies(one, part) for part in other.parts)
    return isinstance(one, Condition) and isinstance(other, Condition) and _narrower(one, other)


def rule_overlap(base: RuleBase, X: pd.DataFrame) -> pd.DataFrame:
    """Pairs of rules by the customers that both match, most alike first.

    Parameters
    ----------
    base : RuleBase
        Its rules in the shadow, active or on watch.
    X : DataFrame
        Features.

    Returns
    -------
    DataFrame
        rule, other, both, jaccard, share_of_rule, share_of_other, implied (the rule's limits prove the other's).
    """
    rules = base.compile("shadow", "active", "watch")
    fired = rules.match(X).to_numpy().astype(np.int64)
    common, alarms, ids = fired.T @ fired, fired.sum(axis=0), list(rules.nodes)
    rows = [
        {
            "rule": ids[i], "other": ids[j], "both": int(common[i, j]),
            "jaccard": common[i, j] / max(alarms[i] + alarms[j] - common[i, j], 1),
            "share_of_rule": common[i, j] / max(alarms[i], 1), "share_of_other": common[i, j] / max(alarms[j], 1),
            "implied": implies(rules.nodes[ids[i]], rules.nodes[ids[j]]),
        }
        for i in range(len(ids))
        for j in range(len(ids))
        if i != j
    ]  # fmt: skip
    columns = ["rule", "other", "both", "jaccard", "share_of_rule", "share_of_other", "implied"]
    return pd.DataFrame(rows, columns=columns).sort_values("jaccard", ascending=False, kind="stable", ignore_index=True)


def covering_rule(base: RuleBase, node: Node, X: pd.DataFrame, most: float = 0.7) -> str:
    """The rule of the base that makes a candidate superfluous, and why; '' when there is none.

    Parameters
    ----------
    base : RuleBase
        Its rules that were not retired or rejected.
    node : Node
        Conditions of the candidate.
    X : DataFrame
        Features, to see on whom both raise alarms.
    most : float
        Jaccard overlap of alarms from which two rules count as one.
    """
    living = base.restricted_to(X.columns).compile("draft", "proposed", "shadow", "active", "watch")
    for id_, other in living.nodes.items():
        if implies(node, other):
            return f"{id_} covers it by its limits"
    fired, alarms = _match(node, X), living.match(X)
    for id_ in living.nodes:
        both, either = (fired & alarms[id_]).sum(), (fired | alarms[id_]).sum()
        if either and both / either >= most:
            return f"{id_} alarms on the same customers ({both / either:.0%})"
    return ""


def _match(node: Node, X: pd.DataFrame) -> np.ndarray:
    return TableMatcher(X, {}).match(node)


def _narrower(one: Condition, other: Condition) -> bool:
    """Whether a condition on a subject proves another one on the same subject."""
    if one.subject != other.subject:
        return False
    if one == other or other.comparison == "known":
        return one.comparison != "null"
    if one.comparison in (">", ">=", "<", "<="):
        return _beyond(one, other)
    if one.comparison == "=" and not isinstance(one.value, tuple):
        return _holds(one.value, other)
    if one.comparison == "in" and isinstance(one.value, tuple):
        return all(_holds(value, other) for value in one.value)
    if one.comparison == "not in" and isinstance(one.value, tuple):
        return other.comparison in ("<>", "not in") and set(_values(other)) <= set(one.value)
    return False


def _beyond(one: Condition, other: Condition) -> bool:
    """A half line within another one, or away from single values."""
    rising = one.comparison in (">", ">=")
    if not isinstance(one.value, (int, float)):
        return False
    if other.comparison in ("<>", "not in"):
        return not any(isinstance(v, str) or COMPARE[one.comparison](v, one.value) for v in _values(other))
    if other.comparison not in ((">", ">=") if rising else ("<", "<=")):
        return False
    if not isinstance(other.value, (int, float)):
        return False
    further = one.value > other.value if rising else one.value < other.value
    return further or (
        one.value == other.value and not (one.comparison.endswith("=") and not other.comparison.endswith("="))
    )


def _values(condition: Condition) -> tuple[object, ...]:
    return condition.value if isinstance(condition.value, tuple) else (condition.value,)


def _holds(value: object, condition: Condition) -> bool:
    """Whether a value meets a condition; False where the two cannot be compared."""
    if condition.comparison in ("in", "not in"):
        return (value in _values(condition)) == (condition.comparison == "in")
    if condition.comparison not in COMPARE or isinstance(value, str) != isinstance(condition.value, str):
        return False
    return bool(COMPARE[condition.comparison](value, condition.value))
