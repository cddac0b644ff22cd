"""The parts of the classifier, each against something known."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from custintel.learners import TableClassifier
from custintel.learners.ensemble._effort import plan_fit
from custintel.learners.ensemble._part_of_whole_sums import ColumnSums, part_groups
from custintel.learners.ensemble._row_order_drift import auc_loss, order_matters
from custintel.learners.ensemble.blend_and_calibration import (
    Calibration,
    blend_weights,
    choose_calibration,
    log_loss_raw,
)
from custintel.learners.ensemble.inner_folds import fold_of_rows, inner_splits
from custintel.learners.ensemble.logistic_regression import PENALTIES, LinearPart, fit_ridge, learn_design, penalty_path
from custintel.learners.feature_contract import FeatureContract, learn_contract


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


def test_blend_prefers_what_helps() -> None:
    X, y = _rows(rows=4000)
    truth, half = X @ [1.0, -1.0, 0.5, 0.0] - 1, X @ [1.0, 0, 0, 0]
    rest = X @ [0, -1.0, 0.5, 0] - 1
    weights = blend_weights(np.array([np.zeros(4000), half * 2, rest * 2]), y, np.ones(4000))
    assert weights[0] < 0.3
    assert weights[1:].min() > 0.3
    only = blend_weights(np.array([truth, -truth]), y, np.ones(4000))
    assert only.tolist() == [1.0, 0.0]


DISTORTIONS = {
    "none": lambda t: t,
    "platt": lambda t: 0.5 * t + 1,
    "beta": lambda t: np.where(t < -1, -1 + 0.3 * (t + 1), 2 * (t + 1) - 1),
    "isotonic": lambda t: np.floor(2.5 * t) + 0.001 * t,
}


@pytest.mark.parametrize("name", DISTORTIONS)
def test_calibration_finds_the_truth(name: str) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(-1.2, 1.5, 20_000)
    y = (rng.random(20_000) < expit(truth)).astype(float)
    raw = DISTORTIONS[name](truth)
    found = choose_calibration(y, raw, np.ones(20_000), np.arange(20_000) % 5)
    assert found.method == name or name in ("beta", "isotonic")
    assert log_loss_raw(y, found.log_odds(raw), np.ones(20_000)) < log_loss_raw(y, truth, np.ones(20_000)) + 0.01
    grid = np.linspace(-12, 12, 4001)
    assert (np.diff(found.log_odds(grid)) > 0).all()
    again = Calibration.from_state(json.loads(json.dumps(found.to_state())))
    np.testing.assert_array_equal(again.probability(grid), found.probability(grid))


def test_few_rows_are_not_recalibrated() -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(-1, 1, 200)
    y = (rng.random(200) < expit(raw)).astype(float)
    assert choose_calibration(y, raw, np.ones(200), np.arange(200) % 5).method == "none"


GROUPS = [
    (["Total day charge", "Total eve charge", "Total night charge"], ((0, 1, 2),)),
    (["DayMins", "EveMins", "NightMins", "Age"], ((0, 1, 2),)),
    (["calls_in", "calls_out", "calls_missed", "sms_in", "sms_out"], ((0, 1, 2),)),
    (["bill_30d", "bill_60d", "bill_90d"], ()),
    (["x1", "x2", "x3"], ()),
    (["f_1", "f_2", "f_3"], ()),
    (["age", "tenure", "bill"], ()),
    (["MonthlyCharges", "TotalCharges"], ()),
    ([f"part_{a}{b}" for a in "abcdefghi" for b in "abcdefgh"], ()),
]


@pytest.mark.parametrize(("names", "expected"), GROUPS)
def test_parts_of_a_whole_by_name(names: list[str], expected: tuple[tuple[int, ...], ...]) -> None:
    assert part_groups(names) == expected


def test_parts_with_negative_amounts_or_constraints_are_not_summed() -> None:
    names = ["calls_in", "calls_out", "calls_missed"]
    matrix = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, -1.0]])
    assert ColumnSums.learn(matrix, names, np.zeros(3, dtype=bool)).groups == ()
    assert ColumnSums.learn(np.abs(matrix), names, np.array([True, False, False])).groups == ()
    assert ColumnSums.learn(np.abs(matrix), names, np.zeros(3, dtype=bool)).groups == ((0, 1, 2),)


def test_credit_keeps_row_totals() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.gamma(2, 1, (500, 5))
    matrix[::9, 1] = np.nan
    sums = ColumnSums.learn(matrix, ["a_x", "b_x", "c_x", "y", "z"], np.zeros(5, dtype=bool))
    parts = rng.normal(size=(500, 6))
    credited = sums.credit_parts(parts, matrix)
    np.testing.assert_allclose(credited.sum(axis=1), parts.sum(axis=1), atol=1e-12)
    np.testing.assert_array_equal(credited[:, 3:], parts[:, 3:5])


def test_a_sum_is_learned_and_explained_by_its_parts() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.gamma(4, 1, (3000, 4)), columns=["day_fee", "eve_fee", "night_fee", "intl_fee"])
    y = (table.sum(axis=1) > 19).astype(int)
    model = TableClassifier(effort="fast", n_jobs=1).fit(table[:2000], y[:2000])
    assert (model.predict(table[2000:]) == y[2000:]).mean() > 0.97
    parts = model.contributions(table[2000:])
    assert list(parts.columns) == list(table.columns)
    odds = model.log_odds(table[2000:])
    np.testing.assert_allclose(parts.sum(axis=1) + model.expected_value_, odds, atol=1e-9)


def test_contract_survives_json() -> None:
    table = pd.DataFrame(
        {"plan": ["a", "b", None], "n": [1.5, None, 2], "d": pd.to_datetime(["2025-01-01"] * 2 + [None])}
    )
    contract = learn_contract(table)
    again = FeatureContract.from_state(json.loads(json.dumps(contract.to_state())))
    assert again == contract
    np.testing.assert_array_equal(again.encode(table), contract.encode(table))


PLANS = [(500, 100, 5, 5), (50_000, 5000, 4, 4), (300_000, 30_000, 6, 1), (100, 19, 0, 0)]


@pytest.mark.parametrize(("rows", "minority", "folds", "used"), PLANS)
def test_plan_by_size(rows: int, minority: int, folds: int, used: int) -> None:
    plan = plan_fit(rows, minority, "auto")
    assert (plan.folds, plan.used) == (folds, used)


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


def test_small_tables_are_refitted_on_all_rows() -> None:
    """Trees say how many rows they were grown on: bagging takes 80 % of all rows, not of four fifths of them."""
    X, y = _rows()
    ensemble = TableClassifier(n_jobs=1).fit(X, y).ensemble_
    seen = {b.dump_model()["tree_info"][0]["tree_structure"]["internal_count"] for b in ensemble.boosters}
    assert min(seen) > 0.75 * len(y)
    assert len(set(ensemble.texts)) == len(ensemble.texts)


def test_the_path_of_penalties_agrees_with_each_fit_alone() -> None:
    """The curvature is kept from one penalty to the next; where it no longer fits, new ones are computed."""
    X, y = _rows()
    for outcome in (y, (X[:, 0] > 0).astype(float)):
        path = penalty_path(X, outcome, np.ones(len(y)))
        alone = [fit_ridge(X, outcome, np.ones(len(y)), penalty) for penalty in PENALTIES]
        np.testing.assert_allclose(path, alone, atol=1e-5)
