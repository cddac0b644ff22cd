"""Inner folds: stratified, the rows of one customer always on one side.

>>> fold = fold_of_rows(np.array([0, 1, 0, 1]), 2, groups=np.array(["a", "a", "b", "b"]), random_state=0)
>>> (fold[[0, 2, 0]] == fold[[1, 3, 2]]).tolist()
[True, True, False]
"""

from __future__ import annotations

import numpy as np

Split = tuple[np.ndarray, np.ndarray]


def fold_of_rows(y: np.ndarray, folds: int, groups: np.ndarray | None, random_state: int) -> np.ndarray:
    """Fold number of every row; groups are dealt out in turn within each class."""
    codes = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1].ravel()
    has_target = np.zeros(codes.max() + 1, dtype=np.int8)
    np.maximum.at(has_target, codes, y.astype(np.int8))
    fold = np.empty(len(has_target), dtype=np.int64)
    rng = np.random.default_rng(random_state)
    for label in (0, 1):
        members = rng.permutation(np.flatnonzero(has_target == label))
        fold[members] = np.arange(len(members)) % folds
    return fold[codes]


def inner_splits(fold: np.ndarray, used: int) -> list[Split]:
    """Training and validation rows of the first `used` folds."""
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(used)]
