"""Variants of known rules: a limit moved or a condition dropped, proposed only when better on held-out customers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.errors import DataError
from custintel.learners.check_input import binary_target
from custintel.rules._match_numpy import TableMatcher
from custintel.rules._rule_columns import prepare_table
from custintel.rules.learning._holdout_precision import HoldoutCounts, benjamini_hochberg
from custintel.rules.learning._mine_rules import rounder_numbers
from custintel.rules.learning.rule_overlap import implies
from custintel.rules.rule_condition import AllOf, Condition, Node, condition_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custintel.rules._rule import Rule
    from custintel.rules._rule_base import RuleBase


_STEPS = (-0.2, -0.1, -0.05, 0.05, 0.1, 0.2)
_PARTS = 2


@dataclass(frozen=True)
class _Variant:
    """A variant of a rule, with its counts and those of the rule on the same held-out customers."""

    parent: Rule
    node: Node
    counts: HoldoutCounts
    before: HoldoutCounts


def variants(node: Node, X: pd.DataFrame) -> list[Node]:
    """The same conditions with one limit moved by 5, 10 or 20 percentiles, or with one of them left out.

    Parameters
    ----------
    node : Node
        Conditions that must all hold; alternatives (*or*) are not varied.
    X : DataFrame
        Customers whose percentiles tell how far to move.
    """
    parts = node.parts if isinstance(node, AllOf) else (node,)
    if not all(isinstance(part, Condition) for part in parts):
        return []
    found: dict[Node, None] = {}
    for k, part in enumerate(parts):
        others = parts[:k] + parts[k + 1 :]
        if others:
            found[_all_of(others)] = None
        if isinstance(part, Condition) and part.is_threshold:
            for moved in _moved(part, X):
                found[_all_of((*others, moved))] = None
    return [one for one in found if one != node]


def propose_variants(  # noqa: PLR0913 - who, when and chance are options
    base: RuleBase,
    X: pd.DataFrame,
    y: Any,
    *,
    max_proposals: int = 10,
    by: str = "propose_variants",
    at: Any = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """Propose variants that are better than the rule they come from on customers they were not chosen on.

    A variant is chosen on one half of the customers and measured on the other; of all findings at most 5 % may be false
    (Benjamini, Hochberg 1995). It is better with a higher lower bound of precision at no less recall, or with more
    recall at no lower bound.

    Parameters, result and errors: `RuleMiner.propose_variants`.
    """
    target = binary_target(y).y
    table = prepare_table(X)[0]
    if len(table) != len(target):
        raise DataError(f"customers and outcomes differ in number: {len(table)} and {len(target)}")
    half = np.random.default_rng(random_state).permutation(len(target)) % _PARTS == 0
    found = list(_better(base.restricted_to(table.columns), table, target, half))
    if found:
        kept = benjamini_hochberg(np.array([one.counts.p_value for one in found]))
        found = [one for one, keep in zip(found, kept, strict=True) if keep]
    rows = [_added(base, one, by, at) for one in sorted(found, key=_gain, reverse=True)[:max_proposals]]
    return pd.DataFrame(
        rows, columns=["rule", "parent", "when", "precision", "recall", "parent_precision", "parent_recall"]
    )


def _better(base: RuleBase, X: pd.DataFrame, y: np.ndarray, half: np.ndarray) -> Iterator[_Variant]:
    """The best variant of each rule by one half of the customers, if the other half says so too."""
    table = TableMatcher(X, {})
    living = [rule.node for rule in base]
    for rule in base.in_state("shadow", "active", "watch").values():
        chosen = _chosen(rule.node, table, y, half)
        if chosen is None or any(implies(chosen, node) and implies(node, chosen) for node in living):
            continue
        before, after = (HoldoutCounts.count(table.match(node)[~half], y[~half]) for node in (rule.node, chosen))
        if _beats(after, before):
            yield _Variant(rule, chosen, after, before)


def _chosen(node: Node, table: TableMatcher, y: np.ndarray, half: np.ndarray) -> Node | None:
    own = HoldoutCounts.count(table.match(node)[half], y[half])
    tried = [(HoldoutCounts.count(table.match(one)[half], y[half]), one) for one in variants(node, table.X)]
    good = [(counts, one) for counts, one in tried if _beats(counts, own)]
    return max(good, key=lambda pair: pair[0].lower + pair[0].recall)[1] if good else None


def _beats(one: HoldoutCounts, other: HoldoutCounts) -> bool:
    more = one.lower > other.lower and one.recall >= other.recall
    return more or (one.recall > other.recall and one.lower >= other.lower)


def _gain(found: _Variant) -> float:
    return (found.counts.lower - found.before.lower) + (found.counts.recall - found.before.recall)


def _added(base: RuleBase, found: _Variant, by: str, at: Any) -> dict[str, Any]:
    taken = sum(1 for rule in base if rule.name.startswith(f"{found.parent.name}_v"))
    name, when = f"{found.parent.name}_v{taken + 2}", condition_text(found.node)
    own = replace(found.parent, name=name, when=when, parameters={})
    rule = replace(own, origin="derived", parents=(found.parent.id,))
    base.add(rule, by=by, reason=f"better than {found.parent.id}", evidence=found.counts.to_evidence(), at=at)
    return {
        "rule": rule.id, "parent": found.parent.id, "when": when,
        "precision": found.counts.lower, "recall": found.counts.recall,
        "parent_precision": found.before.lower, "parent_recall": found.before.recall,
    }  # fmt: skip


def _moved(condition: Condition, X: pd.DataFrame) -> Iterator[Condition]:
    """The condition with its limit some percentiles away, in numbers a human would write."""
    values = np.asarray(condition.expression.numpy(X), dtype=np.float64)
    known = np.sort(values[np.isfinite(values)])
    limit = float(condition.value)  # type: ignore[arg-type]
    if not len(known):
        return
    at = np.searchsorted(known, limit, "right") / len(known)
    for step in _STEPS:
        if 0 < at + step < 1:
            exact = float(np.quantile(known, at + step))
            plain = next((v for v in rounder_numbers(exact) if abs(v - exact) <= 0.02 * max(abs(exact), 1e-9)), exact)
            yield replace(condition, value=plain)


def _all_of(parts: tuple[Node, ...]) -> Node:
    ordered = tuple(sorted(dict.fromkeys(parts), key=str))
    return ordered[0] if len(ordered) == 1 else AllOf(ordered)
