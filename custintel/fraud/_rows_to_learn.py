"""Which rows a detector learns from, where a line has many dates.

Every row of a case is learned from; of a legitimate line a few dates, drawn by lot, tell as much as all of them. The
share that was drawn corrects the probabilities afterwards (King and Zeng 2001), so that they are those of all rows.
"""

from __future__ import annotations

import numpy as np

_ROWS_OF_A_GROUP = 3


def one_row_a_group(y: np.ndarray, groups: np.ndarray | None, seed: int) -> np.ndarray:
    """Places of one row of each group (of those that are cases, where it has some), drawn by lot; all without groups.

    A rule is proved by how many different lines it finds, not by how often it finds the same one.

    >>> one_row_a_group(np.array([0, 1, 0, 0]), np.array(["a", "a", "b", "c"]), 0).tolist()
    [1, 2, 3]
    """
    if groups is None:
        return np.arange(len(y))
    rank = _rank_in_group(y, groups, seed)
    return np.flatnonzero(rank == 0)


def rows_to_learn(y: np.ndarray, groups: np.ndarray | None, seed: int) -> tuple[np.ndarray, float]:
    """Places of all cases and of at most three legitimate rows of each group, and the share of the latter.

    >>> rows, share = rows_to_learn(np.array([1, 1, 1, 1, 0, 0, 0, 0]), np.array(list("aaaabbbb")), 0)
    >>> len(rows), share
    (7, 0.75)
    """
    if groups is None:
        return np.arange(len(y)), 1.0
    legitimate = np.flatnonzero(y == 0)
    few = legitimate[_rank_in_group(y[legitimate], groups[legitimate], seed) < _ROWS_OF_A_GROUP]
    return np.sort(np.concatenate([np.flatnonzero(y == 1), few])), len(few) / max(len(legitimate), 1)


def _rank_in_group(y: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """Place of each row among those of its group in a lot that draws cases first."""
    lot = np.random.default_rng(seed).permutation(len(y))
    order = lot[np.lexsort((-y[lot], groups[lot].astype(str)))]
    codes = np.unique(groups[order].astype(str), return_inverse=True)[1].ravel()
    starts = np.searchsorted(codes, codes, side="left")
    rank = np.empty(len(y), dtype=np.int64)
    rank[order] = np.arange(len(y)) - starts
    return rank
