"""Drift along the order of the rows, and what the ensemble does about it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from custintel.learners import TableClassifier
from custintel.learners.ensemble._row_order_drift import auc_loss, order_matters


def _periods(rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """One column that says what happens, one that names the period; in the last fifth the first one works backwards."""
    rng = np.random.default_rng(3)
    row = np.arange(rows)
    X = np.column_stack([rng.normal(size=rows), row // 100 + rng.random(rows)])
    odds = 2 * X[:, 0] * np.where(row < 0.8 * rows, 1, -1)
    return X, (rng.random(rows) < expit(odds)).astype(float)


def test_order_matters_only_where_periods_differ() -> None:
    X, y = _periods()
    assert order_matters(X, y)
    shuffled = np.random.default_rng(0).permutation(len(y))
    assert not order_matters(X[shuffled], y[shuffled])
    assert not order_matters(X[:1900], y[:1900])


def test_a_table_sorted_by_a_column_is_not_in_the_order_of_time_unless_it_is_a_date() -> None:
    X, y = _periods()
    X[:, 1] = np.sort(X[:, 1])
    assert not order_matters(X, y)
    assert not order_matters(X * [1, -1], y)
    assert order_matters(X, y, dates=(1,))
    table = pd.DataFrame({"x": X[:, 0], "day": pd.Timestamp("2025-01-01") + pd.to_timedelta(X[:, 1] * 9, unit="D")})
    assert TableClassifier(n_jobs=1, learning_rate=0.3).fit(table, y).drifting_


def test_order_is_not_judged_when_the_table_is_sorted_by_the_outcome() -> None:
    X, y = _periods()
    by_outcome = np.argsort(y, kind="stable")
    assert not order_matters(X[by_outcome], y[by_outcome])


def test_a_customers_label_does_not_look_like_a_period() -> None:
    """Rows of one customer in both halves of the later part would be looked up; groups keep them on one side."""
    rng = np.random.default_rng(0)
    earlier = np.column_stack([rng.normal(size=3200), rng.random(3200)])
    customer = np.append(np.arange(3200), 3200 + np.tile(np.arange(200), 4))
    mark = np.tile(rng.normal(size=200), 4)
    X = np.vstack([earlier, np.column_stack([mark, np.full(800, 2.0)])])
    y = np.append(rng.integers(0, 2, 3200), np.tile(rng.integers(0, 2, 200), 4)).astype(float)
    assert order_matters(X, y)
    assert not order_matters(X, y, groups=customer)


def test_auc_loss_is_that_of_scikit_learn_and_its_error_that_of_the_bootstrap() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(800) < 0.3).astype(float)
    better = y + rng.normal(size=800)
    worse = better + rng.normal(size=800)
    loss, sigma = auc_loss(y, better, worse)
    assert loss == pytest.approx(roc_auc_score(y, better) - roc_auc_score(y, worse), abs=1e-12)
    draws = [rng.integers(0, 800, 800) for _ in range(300)]
    spread = np.std([roc_auc_score(y[d], better[d]) - roc_auc_score(y[d], worse[d]) for d in draws])
    assert sigma == pytest.approx(spread, rel=0.15)


def test_in_drift_the_parts_are_averaged_and_explained() -> None:
    X, y = _periods(2500)
    model = TableClassifier(n_jobs=1, learning_rate=0.3).fit(X, y)
    assert model.drifting_
    assert model.ensemble_.linear_weight == pytest.approx(1 / 3)
    assert sum(model.ensemble_.booster_weights) == pytest.approx(2 / 3)
    parts = model.contributions(X[:50]).sum(axis=1) + model.expected_value_
    np.testing.assert_allclose(parts, model.log_odds(X[:50]), atol=1e-9)
    again = TableClassifier.from_state(*model.to_state())
    assert again.drifting_
    np.testing.assert_array_equal(again.log_odds(X), model.log_odds(X))


def test_in_drift_the_linear_part_follows_new_values_one_range_and_no_further() -> None:
    X, y = _periods(2500)
    linear = TableClassifier(n_jobs=1, learning_rate=0.3).fit(X, y).ensemble_.linear
    beyond = np.column_stack([np.zeros(5), [25, 35, 45, 55, 65]])  # 0 to 25 was seen
    inside, near, far, out, further = linear.log_odds(beyond)
    assert far - near == pytest.approx(near - inside)
    assert far != near
    assert out == further
