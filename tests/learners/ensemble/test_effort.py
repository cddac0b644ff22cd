"""How much is tried, by the size of the table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from custintel.learners import TableClassifier
from custintel.learners.ensemble._effort import plan_fit


def _rows(seed: int = 0, rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4))
    return X, (rng.random(rows) < expit(X @ [1.0, -1.0, 0.5, 0.0] - 1)).astype(float)


PLANS = [(500, 100, 5, 5), (50_000, 5000, 4, 4), (300_000, 30_000, 6, 1), (100, 19, 0, 0)]


@pytest.mark.parametrize(("rows", "minority", "folds", "used"), PLANS)
def test_plan_by_size(rows: int, minority: int, folds: int, used: int) -> None:
    plan = plan_fit(rows, minority, "auto")
    assert (plan.folds, plan.used) == (folds, used)


def test_small_tables_are_refitted_on_all_rows() -> None:
    """Trees say how many rows they were grown on: bagging takes 80 % of all rows, not of four fifths of them."""
    X, y = _rows()
    ensemble = TableClassifier(n_jobs=1).fit(X, y).ensemble_
    seen = {b.dump_model()["tree_info"][0]["tree_structure"]["internal_count"] for b in ensemble.boosters}
    assert min(seen) > 0.75 * len(y)
    assert len(set(ensemble.texts)) == len(ensemble.texts)
