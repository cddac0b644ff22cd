"""`AnomalyScore`: how unusual a customer is among its peers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from custintel.errors import DataError, Problem, raise_problems
from custintel.learners.base_estimators import TableEstimator, integer_seed
from custintel.learners.check_input import as_table
from custintel.learners.feature_contract import MIN_LEVEL_COUNT, Column, EncodedTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_QUANTILES = 101
_FEWEST_PEERS = 50
_SMALLEST_TAIL = 1e-4


class AnomalyScore(TableEstimator):
    """Share of the customers seen in `fit` that are less unusual: 0 (ordinary) to 1.

    Numbers become percentiles among the customer's peers, so that a business line is not unusual for being one;
    categories become the share of customers that have them. Two views are averaged: an isolation forest (Liu, Ting,
    Zhou 2008), which sees rare combinations, and the product of tail probabilities (ECOD; Li et al. 2022), which sees
    extremes. Anomalies propose; they accuse nobody.

    Parameters
    ----------
    peers : sequence of str
        Columns of categories whose combinations are peer groups; groups of fewer than 50 use everybody's percentiles.
    trees, sample : int
        Size of the isolation forest.
    min_level_count : int
        Levels of a category that fewer customers have are pooled into one; none of them is kept in the model.
    random_state : int, RandomState or None
        Seed.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"calls": rng.poisson(20, 500), "cells": rng.poisson(8, 500)})
    >>> unusual = AnomalyScore().fit(X)
    >>> bool(unusual.score_samples(pd.DataFrame({"calls": [300, 20], "cells": [1, 8]})).iloc[0] > 0.99)
    True
    """

    def __init__(
        self,
        *,
        peers: Sequence[str] = (),
        trees: int = 100,
        sample: int = 256,
        min_level_count: int = MIN_LEVEL_COUNT,
        random_state: Any = 0,
    ) -> None:
        self.peers = peers
        self.trees = trees
        self.sample = sample
        self.min_level_count = min_level_count
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 - the interface of scikit-learn
        """Learn what is usual; `y` is ignored."""
        table, codes = self._learn_table(X)
        return self._fit_codes(table, codes)

    def fit_encoded(self, encoded: EncodedTable) -> Self:
        """Learn as `fit` does, from a table that is encoded already."""
        table = as_table(self, encoded.table, fitting=True)
        self.contract_ = encoded.contract
        return self._fit_codes(table, encoded.matrix)

    def _fit_codes(self, table: pd.DataFrame, codes: np.ndarray) -> Self:
        self._check_peers(table)
        if len(table) < 2:
            raise DataError("what is usual cannot be learned from n_samples = 1")
        self.frequencies_ = {k: _frequencies(codes[:, k], c) for k, c in self._categories()}
        matrix = self._levels_as_shares(codes)
        self.percentiles_ = _learn_percentiles(matrix, self._peer_groups(table))
        shares = self._shares(table, matrix)
        self.forest_ = _grow_forest(shares, min(self.sample, len(shares)), self.trees, integer_seed(self.random_state))
        views = self._two_scores(shares)
        self.references_ = tuple(np.quantile(v, np.linspace(0, 1, 1001)) for v in views)
        self.reference_ = np.quantile(self._mean_rank(views), np.linspace(0, 1, 1001))
        return self

    def score_samples(self, X: Any) -> pd.Series:
        """How unusual each customer is, 0 to 1."""
        check_is_fitted(self)
        table = as_table(self, X, fitting=False)
        rank = self.score_encoded(EncodedTable(table, self.contract_, self.contract_.encode(table)))
        return pd.Series(rank, index=X.index if isinstance(X, pd.DataFrame) else None, name="anomaly")

    def score_encoded(self, encoded: EncodedTable) -> np.ndarray:
        """The same as `score_samples`, from a table that is encoded already."""
        check_is_fitted(self)
        views = self._two_scores(self._shares(encoded.table, self._levels_as_shares(encoded.matrix)))
        return _rank(self.reference_, self._mean_rank(views))

    def peer_shares(self, X: Any) -> pd.DataFrame:
        """Percentile of each value among peers (share of customers for categories), NaN where missing."""
        check_is_fitted(self)
        table = as_table(self, X, fitting=False)
        shares = self.percentiles_.shares(
            self._levels_as_shares(self.contract_.encode(table)), self._peer_groups(table)
        )
        return pd.DataFrame(shares, index=table.index, columns=[c.name for c in self.contract_.used])

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data; there are no boosters."""
        return {
            **self._table_state(),
            "frequencies": {str(k): v.tolist() for k, v in self.frequencies_.items()},
            "percentiles": self.percentiles_.to_state(),
            "forest": [tree.to_state() for tree in self.forest_],
            "references": [r.tolist() for r in (*self.references_, self.reference_)],
        }, {}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], boosters: Mapping[str, str] | None = None) -> Self:  # noqa: ARG003
        """Read back what `to_state` gave."""
        model = cls._from_table_state(state)
        model.frequencies_ = {int(k): np.asarray(v) for k, v in state["frequencies"].items()}
        model.percentiles_ = _Percentiles.from_state(state["percentiles"])
        model.forest_ = tuple(_Tree.from_state(tree) for tree in state["forest"])
        *parts, whole = (np.asarray(r) for r in state["references"])
        model.references_, model.reference_ = tuple(parts), whole
        return model

    def _categories(self) -> list[tuple[int, Any]]:
        return [(k, column) for k, column in enumerate(self.contract_.used) if column.kind == "category"]

    def _levels_as_shares(self, codes: np.ndarray) -> np.ndarray:
        """Categories as the share of customers that have them: rare ones are low."""
        matrix = codes.astype(np.float64)
        for k, shares in self.frequencies_.items():
            known = ~np.isnan(matrix[:, k])
            matrix[known, k] = shares[matrix[known, k].astype(np.int64)]
        return matrix

    def _shares(self, table: pd.DataFrame, matrix: np.ndarray) -> np.ndarray:
        """Percentiles with missing values in the middle: what is not known is not unusual."""
        return np.asarray(np.nan_to_num(self.percentiles_.shares(matrix, self._peer_groups(table)), nan=0.5))

    def _two_scores(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not self.forest_:
            return np.zeros(len(shares)), np.zeros(len(shares))
        depth = np.mean([tree.depth(shares) for tree in self.forest_], axis=0)
        tails = -np.log(np.maximum(np.stack([shares, 1 - shares]), _SMALLEST_TAIL)).sum(axis=2)
        return -depth, tails.max(axis=0)

    def _mean_rank(self, views: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return np.asarray(np.mean([_rank(r, v) for r, v in zip(self.references_, views, strict=True)], axis=0))

    def _peer_groups(self, table: pd.DataFrame) -> np.ndarray:
        if not self.peers:
            return np.full(len(table), "", dtype=object)
        return np.asarray(table[list(self.peers)].astype(str).agg("|".join, axis=1), dtype=object)

    def _check_peers(self, table: pd.DataFrame) -> None:
        unknown = [name for name in self.peers if name not in table]
        raise_problems([Problem("peers", "no such column", name, ", ".join(table.columns)) for name in unknown])


@dataclass(frozen=True)
class _Percentiles:
    """Quantiles of every column by peer group; '' stands for everybody."""

    knots: Mapping[str, np.ndarray]

    def shares(self, matrix: np.ndarray, groups: np.ndarray) -> np.ndarray:
        out = np.empty(matrix.shape)
        known = np.where([g in self.knots for g in groups], groups, "") if len(self.knots) > 1 else groups
        for group in np.unique(known.astype(str)):
            rows, knots = known == group, self.knots.get(group, self.knots[""])
            for k in range(matrix.shape[1]):
                out[rows, k] = _percentile(knots[k], matrix[rows, k])
        return out

    def to_state(self) -> dict[str, Any]:
        return {group: _json_rows(knots) for group, knots in self.knots.items()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> _Percentiles:
        return cls({group: np.asarray(v, dtype=np.float64) for group, v in state.items()})


@dataclass(frozen=True)
class _Tree:
    """A tree of an isolation forest as arrays; `length` is the expected depth at which a leaf isolates."""

    left: np.ndarray
    right: np.ndarray
    column: np.ndarray
    limit: np.ndarray
    length: np.ndarray

    def depth(self, shares: np.ndarray) -> np.ndarray:
        node = np.zeros(len(shares), dtype=np.int64)
        rows = np.arange(len(shares))
        while len(rows):
            at = node[rows]
            rows, at = rows[self.left[at] >= 0], at[self.left[at] >= 0]
            below = shares[rows, self.column[at]] <= self.limit[at]
            node[rows] = np.where(below, self.left[at], self.right[at])
        return np.asarray(self.length[node])

    def to_state(self) -> dict[str, Any]:
        return {name: getattr(self, name).tolist() for name in self.__dataclass_fields__}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> _Tree:
        return cls(**{name: np.asarray(values) for name, values in state.items()})


def _frequencies(codes: np.ndarray, column: Column) -> np.ndarray:
    """Share of customers with each level; of pooled ones their mean; one that was never seen has none."""
    counts = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=len(column.categories) + 1)
    shares = counts / max(counts.sum(), 1)
    if column.pooled_levels:
        shares[len(column.levels)] /= column.pooled_levels
    return np.asarray(shares)


def _learn_percentiles(matrix: np.ndarray, groups: np.ndarray) -> _Percentiles:
    names, counts = np.unique(groups.astype(str), return_counts=True)
    large = [str(n) for n, c in zip(names, counts, strict=True) if c >= _FEWEST_PEERS and n != ""]
    rows = {"": np.ones(len(matrix), dtype=bool), **{name: groups == name for name in large}}
    return _Percentiles({name: _quantiles_by_column(matrix[own]) for name, own in rows.items()})


def _quantiles_by_column(matrix: np.ndarray) -> np.ndarray:
    """Quantiles of the known values of every column; NaN where nothing is known."""
    out = np.full((matrix.shape[1], _QUANTILES), np.nan)
    for k, column in enumerate(matrix.T):
        known = column[~np.isnan(column)]
        if len(known):
            out[k] = np.quantile(known, np.linspace(0, 1, _QUANTILES))
    return out


def _json_rows(knots: np.ndarray) -> list[list[float | None]]:
    """Lists without NaN, which is no JSON."""
    return [[None if math.isnan(v) else v for v in row] for row in knots.tolist()]


def _percentile(knots: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Percentile with ties in their middle; NaN where the value or the column is not known."""
    if np.isnan(knots[0]):
        return np.full(len(x), np.nan)
    grid = np.linspace(0, 1, _QUANTILES)
    values, first, count = np.unique(knots, return_index=True, return_counts=True)
    middle = (grid[first] + grid[first + count - 1]) / 2
    found = np.interp(x, values, middle)
    outside = np.where(x < values[0], 0.0, np.where(x > values[-1], 1.0, found))
    return np.where(np.isnan(x), np.nan, outside)


def _grow_forest(shares: np.ndarray, sample: int, trees: int, random_state: int) -> tuple[_Tree, ...]:
    from sklearn.ensemble import IsolationForest

    if not shares.shape[1]:
        return ()
    forest = IsolationForest(n_estimators=trees, max_samples=sample, random_state=random_state).fit(shares)
    return tuple(_tree_arrays(one.tree_) for one in forest.estimators_)


def _tree_arrays(tree: Any) -> _Tree:
    left, right = tree.children_left.astype(np.int64), tree.children_right.astype(np.int64)
    depth = np.zeros(len(left))
    for node in range(len(left)):
        if left[node] >= 0:
            depth[left[node]] = depth[right[node]] = depth[node] + 1
    length = depth + _expected_path_length(tree.n_node_samples.astype(np.float64))
    return _Tree(left, right, np.maximum(tree.feature, 0).astype(np.int64), tree.threshold.copy(), length)


def _expected_path_length(n: np.ndarray) -> np.ndarray:
    """Mean depth at which further cuts would isolate one of n customers (Liu, Ting, Zhou 2008)."""
    many = 2 * (np.log(np.maximum(n - 1, 1)) + np.euler_gamma) - 2 * (n - 1) / np.maximum(n, 1)
    return np.where(n > 2, many, np.where(n == 2, 1.0, 0.0))


def _rank(reference: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.asarray(np.interp(x, reference, np.linspace(0, 1, len(reference))))
