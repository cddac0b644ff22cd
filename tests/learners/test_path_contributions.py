"""Contributions along a straight path add up, and are what the mathematics says they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from custintel.learners import ChurnSurvival
from custintel.learners.path_contributions import path_contributions, without_month
from custintel.learners.survival_curves import survival_from_hazards, survival_slope


def test_a_linear_answer_gives_each_column_its_own_part() -> None:
    parts = np.random.default_rng(0).normal(size=(5, 3, 4))
    weights = np.array([1.0, -2.0, 0.5])
    found, base = path_contributions(parts, lambda z: z @ weights, lambda z: np.tile(weights, (len(z), 1)))
    np.testing.assert_allclose(found, np.einsum("rpc,p->rc", parts[:, :, :-1], weights))
    assert base == pytest.approx(parts[0, :, -1] @ weights)


def test_a_curved_answer_adds_up() -> None:
    rng = np.random.default_rng(1)
    parts = rng.normal(size=(50, 2, 4))
    parts[:, :, -1] = [0.3, -0.2]

    def answer(z: np.ndarray) -> np.ndarray:
        return expit(z[:, 0]) * z[:, 1]

    def slope(z: np.ndarray) -> np.ndarray:
        p = expit(z[:, 0])
        return np.column_stack([p * (1 - p) * z[:, 1], p])

    found, base = path_contributions(parts, answer, slope)
    np.testing.assert_allclose(found.sum(axis=1) + base, answer(parts.sum(axis=2)), atol=1e-12)


def test_the_part_of_the_month_goes_to_the_columns() -> None:
    given = np.array([[1.0, -3.0, 2.0, 0.5], [0.0, 0.0, 2.0, 0.5]])
    np.testing.assert_allclose(without_month(given), [[1.5, -1.5, 0.5], [1.0, 1.0, 0.5]])


def test_the_slope_of_survival_is_its_derivative() -> None:
    rng = np.random.default_rng(2)
    z, weight = rng.normal(-2, 0.5, size=(1, 4, 2)), rng.normal(size=(1, 4))

    def worth(log_odds: np.ndarray) -> float:
        return float((weight * survival_from_hazards(expit(log_odds))).sum())

    step = 1e-6 * np.eye(8).reshape(8, 1, 4, 2)
    numeric = np.array([(worth(z + d) - worth(z - d)) / 2e-6 for d in step]).reshape(4, 2)
    np.testing.assert_allclose(survival_slope(expit(z), weight)[0], numeric, atol=1e-8)


def test_reasons_of_survival_add_up_to_the_log_odds_of_leaving() -> None:
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"in_contract": rng.random(900) < 0.5, "noise": rng.random(900)})
    months = np.minimum(rng.geometric(np.where(X["in_contract"], 0.02, 0.15)), 8)
    model = ChurnSurvival(n_jobs=1).fit(X, months, cause=np.where(months < 8, "voluntary", None))
    found = model.contributions(X)
    leaves = 1 - model.survival(X, 3)[3].to_numpy()
    np.testing.assert_allclose(found.sum(axis=1) + model.expected_value_, np.log(leaves / (1 - leaves)), atol=1e-9)
    assert found["in_contract"].abs().mean() > 5 * found["noise"].abs().mean()
    assert (found.loc[X["in_contract"], "in_contract"] < 0).all()
