"""Candidate rules: the paths of many small trees, with limits a human would write.

Trees of three kinds (boosted stumps of two or three levels, a forest of four) are grown on one part of the customers;
every path from a root is a conjunction. What a path is worth is judged elsewhere, on customers the tree has not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from custintel.rules.rule_condition import AllOf, Condition, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custintel.rules._rule_columns import FeatureMatrix


MOST_CONDITIONS = 4
_TREES = 80
_LEAST_LEAF = 8
Side = Literal[">", "<="]


@dataclass(frozen=True, order=True)
class Cut:
    """One condition on a column of a matrix; both sides leave missing values out."""

    column: int
    side: Side
    limit: float


TreePath = tuple[Cut, ...]


def mine_tree_paths(matrix: FeatureMatrix, y: np.ndarray, rows: np.ndarray, seed: int) -> list[TreePath]:
    """Different paths of up to four conditions, grown on some rows.

    Parameters
    ----------
    matrix : FeatureMatrix
        The customers.
    y : array
        1 for cases, 0 for legitimate customers.
    rows : array of int
        Rows to grow on.
    seed : int
        Seed of sampling.
    """
    found: dict[TreePath, None] = {}
    for shape in _shapes(len(rows), matrix.values.shape[1], seed):
        for path in _paths(_grown(matrix.values[rows], y[rows], shape)):
            if 1 <= len(path) <= MOST_CONDITIONS:
                found[path] = None
    return list(found)


def cut_holds(values: np.ndarray, cut: Cut) -> np.ndarray:
    """Where a cut is known to hold."""
    x = values[:, cut.column]
    return np.asarray(x > cut.limit if cut.side == ">" else x <= cut.limit)


def round_limits(path: TreePath, sorted_columns: list[np.ndarray], tolerance: float = 0.0025) -> TreePath:
    """The same path with limits of few digits, where that moves at most a small share of customers.

    Parameters
    ----------
    path : tuple of Cut
        The path.
    sorted_columns : list of array
        Known values of every column, sorted.
    tolerance : float
        Share of customers that may change sides, in each direction.

    Examples
    --------
    >>> round_limits((Cut(0, ">", 29.83411),), [np.linspace(0, 100, 1001)])
    (Cut(column=0, side='>', limit=30.0),)
    """
    return tuple(Cut(c.column, c.side, _round(c.limit, sorted_columns[c.column], tolerance)) for c in path)


def path_condition(path: TreePath, matrix: FeatureMatrix) -> Node:
    """The path as conditions of the language, in canonical order."""
    parts: list[Condition] = [matrix.columns[c.column].condition(c.limit, c.side) for c in path]
    ordered = tuple(sorted(dict.fromkeys(parts), key=str))
    return ordered[0] if len(ordered) == 1 else AllOf(ordered)


def _round(limit: float, values: np.ndarray, tolerance: float) -> float:
    if not len(values):
        return limit
    place = int(np.searchsorted(values, limit, "right"))
    room = int(tolerance * len(values))
    low = values[max(place - 1 - room, 0)]
    high = values[min(place + room, len(values) - 1)]
    for candidate in rounder_numbers(limit):
        if low <= candidate < high:
            return candidate
    return float(f"{limit:.6g}")


def rounder_numbers(limit: float) -> Iterator[float]:
    """Zero, then numbers of one, two, ... digits next to a limit and below it."""
    yield 0.0
    if limit == 0:
        return
    for digits in range(1, 6):
        yield float(f"{limit:.{digits}g}")
        unit = 10.0 ** (np.floor(np.log10(abs(limit))) - digits + 1)
        yield float(f"{np.floor(limit / unit) * unit:.{digits + 1}g}")


def _shapes(rows: int, columns: int, seed: int) -> list[dict[str, Any]]:
    common = {
        "objective": "binary",
        "verbosity": -1,
        "num_threads": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        # a tree that sees one column only finds no conjunction
        "feature_fraction": max(0.4, min(1.0, 4 / columns)),
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 1.0,
        "min_data_in_leaf": max(_LEAST_LEAF, rows // 500),
    }
    return [
        {**common, "num_leaves": 4, "max_depth": 3, "learning_rate": 0.15},
        {**common, "num_leaves": 8, "max_depth": 4, "learning_rate": 0.1},
        {**common, "boosting": "rf", "num_leaves": 14, "max_depth": 4},
    ]


def _grown(values: np.ndarray, y: np.ndarray, shape: dict[str, Any]) -> Any:
    import lightgbm as lgb

    return lgb.train(shape, lgb.Dataset(values, y, params={"verbosity": -1}), _TREES)


def _paths(model: Any) -> Iterator[TreePath]:
    for tree in model.dump_model()["tree_info"]:
        yield from _walk(tree["tree_structure"], ())


def _walk(node: dict[str, Any], cuts: TreePath) -> Iterator[TreePath]:
    if cuts:
        yield _merged(cuts)
    if "split_feature" in node:
        column, limit = int(node["split_feature"]), float(node["threshold"])
        yield from _walk(node["left_child"], (*cuts, Cut(column, "<=", limit)))
        yield from _walk(node["right_child"], (*cuts, Cut(column, ">", limit)))


def _merged(cuts: TreePath) -> TreePath:
    """Several cuts of one column on one side are one: the narrowest."""
    best: dict[tuple[int, Side], Cut] = {}
    for cut in cuts:
        key = (cut.column, cut.side)
        kept = best.get(key)
        narrower = kept is None or (cut.limit > kept.limit if cut.side == ">" else cut.limit < kept.limit)
        if narrower:
            best[key] = cut
    return tuple(sorted(best.values()))
