"""The linear part: ridge and its path, against scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from custintel.learners.ensemble.logistic_regression import PENALTIES, LinearPart, fit_ridge, learn_design, penalty_path


def _rows(seed: int = 0, rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4))
    return X, (rng.random(rows) < expit(X @ [1.0, -1.0, 0.5, 0.0] - 1)).astype(float)


@pytest.mark.parametrize("penalty", [1.0, 30.0])
def test_ridge_agrees_with_scikit_learn(penalty: float) -> None:
    X, y = _rows()
    weight = np.random.default_rng(1).integers(1, 4, len(y)).astype(float)
    reference = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=5000).fit(X, y, sample_weight=weight)
    beta = fit_ridge(X, y, weight, penalty)
    np.testing.assert_allclose(beta, [*reference.intercept_, *reference.coef_[0]], atol=1e-6)


def test_ridge_of_a_separable_table_is_finite() -> None:
    X = np.linspace(-1, 1, 40)[:, None]
    beta = fit_ridge(X, (X[:, 0] > 0).astype(float), np.ones(40), 1.0)
    assert np.isfinite(beta).all()
    assert beta[1] > 1


def test_linear_contributions_add_up_from_the_average_customer() -> None:
    X, y = _rows()
    X[::7, 1] = np.nan
    X[:, 3] = np.random.default_rng(2).integers(0, 3, len(y))
    design = learn_design(X, np.array([0, 0, 0, 3]), np.ones(len(y)), False)
    beta = fit_ridge(design.expand(X), y, np.ones(len(y)), 3.0)
    part = LinearPart(design, float(beta[0]), beta[1:])
    parts = part.contributions(X)
    np.testing.assert_allclose(part.intercept + parts.sum(axis=1), part.log_odds(X), atol=1e-12)
    np.testing.assert_allclose(parts.mean(axis=0), 0, atol=1e-9)
    again = LinearPart.from_state(json.loads(json.dumps(part.to_state())))
    np.testing.assert_array_equal(again.log_odds(X), part.log_odds(X))


def test_the_path_of_penalties_agrees_with_each_fit_alone() -> None:
    """The curvature is kept from one penalty to the next; where it no longer fits, new ones are computed."""
    X, y = _rows()
    for outcome in (y, (X[:, 0] > 0).astype(float)):
        path = penalty_path(X, outcome, np.ones(len(y)))
        alone = [fit_ridge(X, outcome, np.ones(len(y)), penalty) for penalty in PENALTIES]
        np.testing.assert_allclose(path, alone, atol=1e-5)
