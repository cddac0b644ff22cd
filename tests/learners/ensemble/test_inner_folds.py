"""Inner folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit

from custintel.learners.ensemble.inner_folds import fold_of_rows, inner_splits


def _rows(seed: int = 0, rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4))
    return X, (rng.random(rows) < expit(X @ [1.0, -1.0, 0.5, 0.0] - 1)).astype(float)


def test_folds_are_stratified_and_keep_groups_together() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 300, 1500)
    y = (rng.random(1500) < 0.1).astype(float)
    fold = fold_of_rows(y, 5, groups, random_state=0)
    assert pd.Series(fold).groupby(groups).nunique().max() == 1
    assert np.bincount(fold).min() > 200
    rates = [y[valid].mean() for _, valid in inner_splits(fold, 5)]
    assert min(rates) > 0.05
    alone = fold_of_rows(y, 5, None, random_state=0)
    assert np.ptp(np.bincount(alone, y)) <= 1
