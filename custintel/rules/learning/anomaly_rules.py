"""Rules for groups of unusual customers, which no label has named: each group is described by one short rule.

A rule is mined on one half of the customers and judged on the other. Of rules that describe a group about equally well,
the shorter one is taken. New kinds of fraud (`custintel.fraud.relearn`) are described the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.errors import Problem, raise_problems
from custintel.learners import AnomalyScore
from custintel.rules._rule import Rule
from custintel.rules._rule_columns import FeatureMatrix, prepare_table
from custintel.rules.learning._mine_rules import TreePath, cut_holds, mine_tree_paths, path_condition, round_limits
from custintel.rules.learning.rule_overlap import covering_rule
from custintel.rules.rule_condition import condition_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from custintel.rules._rule_base import RuleBase
    from custintel.rules.rule_condition import Node

_COST_OF_A_CONDITION = 0.02
_FEWEST = 8


@dataclass(frozen=True)
class GroupDescription:
    """A rule for a group, and how well it tells the group on customers it was not mined from."""

    node: Node
    precision: float
    coverage: float
    customers: int

    def to_evidence(self) -> dict[str, Any]:
        """Plain data to keep with the rule: of the group, not of confirmed cases."""
        return {
            "group_precision": self.precision,
            "group_coverage": self.coverage,
            "group_customers": self.customers,
        }


def describe_group(
    X: pd.DataFrame, member: np.ndarray, *, forbidden: Iterable[str] = (), random_state: int = 0
) -> GroupDescription | None:
    """The best short rule for the members of a group; None when there are fewer than eight or none is told.

    Parameters
    ----------
    X : DataFrame
        Features of all customers.
    member : array of bool
        Who belongs to the group.
    forbidden : iterable of str
        Columns that the rule may not read.
    random_state : int
        Seed of the halves and of the trees.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"calls": np.arange(400.0), "texts": np.arange(400.0) % 7})
    >>> found = describe_group(X, X["calls"].to_numpy() >= 350)
    >>> bool(found.precision > 0.9 and found.coverage > 0.8)
    True
    """
    member = np.asarray(member, dtype=bool)
    if member.sum() < _FEWEST or member.all():
        return None
    matrix = FeatureMatrix.from_table(prepare_table(X)[0], forbidden)
    half = _halves(member, random_state)
    columns = [np.sort(v[~np.isnan(v)]) for v in matrix.values.T]
    paths = {
        round_limits(p, columns)
        for p in mine_tree_paths(matrix, member.astype(float), np.flatnonzero(half), random_state)
    }
    if not paths:
        return None
    judged = {path: _precision_and_coverage(matrix.values[~half], member[~half], path) for path in sorted(paths)}
    best = max(judged, key=lambda path: judged[path][2] - _COST_OF_A_CONDITION * len(path))
    precision, coverage, f1 = judged[best]
    if not f1:
        return None
    return GroupDescription(path_condition(best, matrix), precision, coverage, int(_fires(matrix.values, best).sum()))


def _halves(member: np.ndarray, seed: int) -> np.ndarray:
    """A random half with half of the members."""
    half = np.zeros(len(member), dtype=bool)
    rng = np.random.default_rng(seed)
    for value in (False, True):
        half[rng.permutation(np.flatnonzero(member == value))[::2]] = True
    return half


def _precision_and_coverage(values: np.ndarray, member: np.ndarray, path: TreePath) -> tuple[float, float, float]:
    """Precision, coverage and their harmonic mean."""
    fired = _fires(values, path)
    hits = float((fired & member).sum())
    precision, coverage = hits / max(fired.sum(), 1), hits / max(member.sum(), 1)
    return float(precision), float(coverage), float(2 * precision * coverage / max(precision + coverage, 1e-9))


def _fires(values: np.ndarray, path: TreePath) -> np.ndarray:
    fired = np.ones(len(values), dtype=bool)
    for cut in path:
        fired &= cut_holds(values, cut)
    return fired


@dataclass(frozen=True)
class DiscoverySettings:
    """How unusual customers become proposals.

    Parameters
    ----------
    share : float
        Share of the customers that is looked at as unusual.
    max_clusters : int
        Most groups into which they are cut.
    min_customers : int
        Smallest group.
    min_precision : float
        Least share of the group among the customers that its rule fires on.
    peers : tuple of str
        Columns that make peer groups (`AnomalyScore`).
    forbidden : tuple of str
        Columns that no rule may read.
    random_state : int
        Seed.
    """

    share: float = 0.01
    max_clusters: int = 6
    min_customers: int = 15
    min_precision: float = 0.6
    peers: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = field(default=())
    random_state: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share < 0.5:
            raise_problems([Problem("DiscoverySettings.share", "not a share", str(self.share), "above 0, below 0.5")])


def propose_anomaly_rules(
    base: RuleBase,
    X: pd.DataFrame,
    settings: DiscoverySettings | None = None,
    *,
    by: str = "discovery",
    at: Any = None,
) -> pd.DataFrame:
    """Cluster the most unusual customers and propose a short rule for each cluster that has one.

    The rules are only proposed (origin *anomaly*): unusual is not guilty, so a person has to look at customers of the
    group before the rule may fire.

    Parameters, result and errors: `RuleMiner.propose_anomaly_rules`.

    Examples
    --------
    >>> from custintel import RuleBase
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"calls": rng.poisson(20, 2000), "cells": rng.poisson(9, 2000), "texts": rng.poisson(5, 2000)})
    >>> X.iloc[:25] = [400, 1, 0]
    >>> found = propose_anomaly_rules(RuleBase(), X, DiscoverySettings(share=0.02))
    >>> bool((found["rule"] != "").any())
    True
    """
    settings = settings or DiscoverySettings()
    table = prepare_table(X)[0]
    group = _clusters(table.drop(columns=[c for c in settings.forbidden if c in table]), settings)
    rows = [_proposed(base, table, group == k, (k, settings, by, at)) for k in range(group.max() + 1)]
    return pd.DataFrame(rows, columns=["customers", "when", "precision", "coverage", "rule", "why"])


def _clusters(table: pd.DataFrame, settings: DiscoverySettings) -> np.ndarray:
    """Cluster of each unusual customer, -1 for all others; small clusters are dropped."""
    from sklearn.cluster import AgglomerativeClustering

    unusual = AnomalyScore(peers=settings.peers, random_state=settings.random_state).fit(table)
    score = unusual.score_samples(table).to_numpy()
    top = np.argsort(-score, kind="stable")[: max(int(settings.share * len(table)), 2)]
    out = np.full(len(table), -1)
    if len(top) < settings.min_customers:
        return out
    places = unusual.peer_shares(table.iloc[top])
    numbers = [c for c in places if pd.api.types.is_numeric_dtype(table[c].dtype)] or list(places)
    shares = places[numbers].fillna(0.5).to_numpy()
    found = AgglomerativeClustering(n_clusters=min(settings.max_clusters, len(top) // 2)).fit_predict(shares)
    sizes = np.bincount(found)
    large = np.flatnonzero(sizes >= settings.min_customers)
    for place, k in enumerate(large):
        out[top[found == k]] = place
    return out


def _proposed(
    base: RuleBase, table: pd.DataFrame, member: np.ndarray, run: tuple[int, DiscoverySettings, str, Any]
) -> Mapping[str, Any]:
    number, settings, by, at = run
    row: dict[str, Any] = {"customers": int(member.sum()), "when": "", "precision": 0.0, "coverage": 0.0, "rule": ""}
    found = describe_group(table, member, forbidden=settings.forbidden, random_state=settings.random_state)
    if found is None:
        return {**row, "why": "no short rule tells the group"}
    row |= {"when": condition_text(found.node), "precision": found.precision, "coverage": found.coverage}
    if found.precision < settings.min_precision:
        return {**row, "why": "the rule fires on too many others"}
    reason = covering_rule(base, found.node, table)
    if reason:
        return {**row, "why": reason}
    rule = Rule(f"unusual_{len(base) + 1:03d}", row["when"], origin="anomaly", about=f"Unusual group {number + 1}")
    base.add(rule, by=by, reason="unusual customers alike in this", evidence=found.to_evidence(), at=at)
    return {**row, "rule": rule.id, "why": "proposed"}
