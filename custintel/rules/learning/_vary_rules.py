"""Variants of the rules there are: one limit moved, one condition left out; proved before they are proposed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.errors import DataError
from custintel.learners.check_input import binary_target
from custintel.rules._match_numpy import Table
from custintel.rules._rule_columns import readable
from custintel.rules.learning._mine_rules import shorter
from custintel.rules.learning._prove_rules import Proof, discoveries
from custintel.rules.learning.rule_overlap import implies
from custintel.rules.rule_condition import AllOf, Condition, Node, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custintel.rules._rule import Rule
    from custintel.rules._rule_base import RuleBase


_STEPS = (-0.2, -0.1, -0.05, 0.05, 0.1, 0.2)
_PARTS = 2


@dataclass(frozen=True)
class _Found:
    """A variant of a rule, with its proof and that of the rule on the same customers."""

    parent: Rule
    node: Node
    proof: Proof
    before: Proof


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
        if isinstance(part, Condition) and part.ordered:
            for moved in _moved(part, X):
                found[_all_of((*others, moved))] = None
    return [one for one in found if one != node]


def propose_mutations(  # noqa: PLR0913 - who, when and chance are options
    base: RuleBase, X: pd.DataFrame, y: Any, *, most: int = 10, by: str = "mutation", at: Any = None, seed: int = 0
) -> pd.DataFrame:
    """Propose variants that are better than the rule they come from on customers they were not chosen on.

    A variant is chosen on one half of the customers and proved on the other; of all proofs at most 5 % may be false
    (Benjamini, Hochberg 1995). It is better with a higher lower bound of precision at no less recall, or with more
    recall at no lower bound.

    Parameters
    ----------
    base : RuleBase
        Its rules in the shadow, active or on watch whose features the table has.
    X, y
        Labelled customers; `y` is 0 and 1 (1 is a case), or two labels by the rule of `RuleBase.learn`.
    most : int
        Most proposals.
    by, at : str, time
        Who and when, for the log.
    seed : int
        Seed of the halves.

    Returns
    -------
    DataFrame
        rule (the new one), parent, when, precision (lower bound), recall, and both of the parent on the same customers.
    """
    target = binary_target(y).y
    table = readable(X)[0]
    if len(table) != len(target):
        raise DataError(f"customers and outcomes differ in number: {len(table)} and {len(target)}")
    half = np.random.default_rng(seed).permutation(len(target)) % _PARTS == 0
    found = list(_better(base.within(table.columns), table, target, half))
    if found:
        kept = discoveries(np.array([one.proof.chance for one in found]))
        found = [one for one, keep in zip(found, kept, strict=True) if keep]
    rows = [_added(base, one, by, at) for one in sorted(found, key=_gain, reverse=True)[:most]]
    return pd.DataFrame(
        rows, columns=["rule", "parent", "when", "precision", "recall", "parent_precision", "parent_recall"]
    )


def _better(base: RuleBase, X: pd.DataFrame, y: np.ndarray, half: np.ndarray) -> Iterator[_Found]:
    """The best variant of each rule by one half of the customers, if the other half says so too."""
    table = Table(X, {})
    living = [rule.node for rule in base]
    for rule in base.in_state("shadow", "active", "watch").values():
        chosen = _chosen(rule.node, table, y, half)
        if chosen is None or any(implies(chosen, node) and implies(node, chosen) for node in living):
            continue
        before, after = (Proof.of(table.match(node)[~half], y[~half]) for node in (rule.node, chosen))
        if _beats(after, before):
            yield _Found(rule, chosen, after, before)


def _chosen(node: Node, table: Table, y: np.ndarray, half: np.ndarray) -> Node | None:
    own = Proof.of(table.match(node)[half], y[half])
    tried = [(Proof.of(table.match(one)[half], y[half]), one) for one in variants(node, table.X)]
    good = [(proof, one) for proof, one in tried if _beats(proof, own)]
    return max(good, key=lambda pair: pair[0].lower + pair[0].recall)[1] if good else None


def _beats(one: Proof, other: Proof) -> bool:
    more = one.lower > other.lower and one.recall >= other.recall
    return more or (one.recall > other.recall and one.lower >= other.lower)


def _gain(found: _Found) -> float:
    return (found.proof.lower - found.before.lower) + (found.proof.recall - found.before.recall)


def _added(base: RuleBase, found: _Found, by: str, at: Any) -> dict[str, Any]:
    taken = sum(1 for rule in base if rule.name.startswith(f"{found.parent.name}_v"))
    name, when = f"{found.parent.name}_v{taken + 2}", text_of(found.node)
    own = replace(found.parent, name=name, when=when, parameters={})
    rule = replace(own, origin="derived", parents=(found.parent.id,))
    base.add(rule, by=by, reason=f"better than {found.parent.id}", evidence=found.proof.to_evidence(), at=at)
    return {
        "rule": rule.id, "parent": found.parent.id, "when": when,
        "precision": found.proof.lower, "recall": found.proof.recall,
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
            plain = next((v for v in shorter(exact) if abs(v - exact) <= 0.02 * max(abs(exact), 1e-9)), exact)
            yield replace(condition, value=plain)


def _all_of(parts: tuple[Node, ...]) -> Node:
    ordered = tuple(sorted(dict.fromkeys(parts), key=str))
    return ordered[0] if len(ordered) == 1 else AllOf(ordered)
