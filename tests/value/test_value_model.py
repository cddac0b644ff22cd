"""ValueModel: what it adds up to, what it refuses, what it keeps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.value import ValueModel
from custintel.value._value_model import discount_factors

N, H = 1500, 8


def made(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Customers whose margin follows the run rate (some cost more than they bring) and who leave out of contract."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"run_rate": rng.normal(10, 8, N), "in_contract": rng.random(N) < 0.5, "grows": rng.random(N)})
    level = X["run_rate"].to_numpy() + 6 * X["grows"].to_numpy() - 3
    hazard = np.where(X["in_contract"], 0.01, 0.12)
    months = rng.geometric(hazard)
    left = months <= H
    margins = level[:, None] + rng.normal(0, 2, (N, H))
    margins[np.arange(1, H + 1) > months[:, None]] = 0.0
    truth = level * ((1 - hazard)[:, None] ** (np.arange(H) + 0.5)).sum(axis=1)
    return X, margins, np.minimum(months, H), np.where(left, "voluntary", None), truth


@pytest.fixture(scope="module")
def fitted() -> ValueModel:
    X, margins, months, cause, _ = made()
    return ValueModel(horizon=H, annual_discount=0.0, n_jobs=1).fit(X, margins, months=months, cause=cause)


def test_it_finds_the_value_of_customers_it_has_not_seen(fitted: ValueModel) -> None:
    X, margins, _, _, truth = made(1)
    value = fitted.predict(X)
    assert np.corrcoef(value, truth)[0, 1] > 0.97
    assert value.sum() / margins.sum() == pytest.approx(1.0, abs=0.06)
    # the run rate alone does not
    assert np.corrcoef(X["run_rate"], truth)[0, 1] < 0.95


def test_value_may_be_negative(fitted: ValueModel) -> None:
    X, _, _, _, truth = made(2)
    value = fitted.predict(X)
    assert (value < 0).mean() == pytest.approx((truth < 0).mean(), abs=0.04)


def test_parts_explain_the_value(fitted: ValueModel) -> None:
    X = made(3)[0].head(50)
    parts = fitted.decompose(X)
    assert parts.index.equals(X.index)
    np.testing.assert_allclose(parts["pv"], parts["months"] * parts["margin"] + parts["after_exit"])
    assert parts["months"].between(0, H).all()
    assert parts.loc[X["in_contract"], "months"].min() > parts.loc[~X["in_contract"], "months"].max()


def test_discount_is_monthly() -> None:
    X, margins, months, cause, _ = made()
    table = X.head(400)
    plain, dear = (
        ValueModel(horizon=4, annual_discount=d).fit(table, margins[:400], months=months[:400], cause=cause[:400])
        for d in (0.0, 1.0)
    )
    stays, margin = plain.by_month(table)
    expected = (stays * margin + (1 - stays) * plain.after_exit_) @ (2.0 ** (-np.arange(1, 5) / 12))
    np.testing.assert_allclose(dear.predict(table), expected)
    assert discount_factors(12, 1.0)[-1] == pytest.approx(0.5)


def test_a_horizon_longer_than_the_data_is_refused_or_flagged() -> None:
    X, margins, months, cause, _ = made()
    with pytest.raises(ConfigurationError, match="longer than the data"):
        ValueModel(horizon=24).fit(X, margins, months=months, cause=cause)
    # customers may have been watched for longer than margins are known
    with pytest.raises(ConfigurationError, match="up to 3 months"):
        ValueModel(horizon=6).fit(X, margins[:, :3], months=months, cause=cause)
    model = ValueModel(horizon=24, extrapolate=True).fit(X, margins, months=months, cause=cause)
    assert model.observed_months_ == H
    assert (model.decompose(X)["months"] > fitted_months(model, X)).all()


def fitted_months(model: ValueModel, X: pd.DataFrame) -> pd.Series:
    return model.decompose(X, months=H)["months"]


def test_saved_and_read_it_predicts_the_same(fitted: ValueModel) -> None:
    X = made(4)[0]
    again = ValueModel.from_state(*fitted.to_state())
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert again.observed_months_ == fitted.observed_months_


def test_margins_not_known_yet_are_not_zero() -> None:
    X, margins, months, cause, _ = made()
    late = margins.copy()
    late[: N // 2, 4:] = np.nan  # the younger half was watched for four months
    watched = np.where(np.arange(N) < N // 2, np.minimum(months, 4), months)
    reason = np.where((np.arange(N) < N // 2) & (months > 4), None, cause)
    value = ValueModel(horizon=H, annual_discount=0.0).fit(X, late, months=watched, cause=reason).predict(X)
    assert value.sum() / margins.sum() == pytest.approx(1.0, abs=0.06)


def test_bad_margins_are_refused() -> None:
    X, margins, _, _, _ = made()
    with pytest.raises(DataError, match="infinity"):
        ValueModel(horizon=H).fit(X, np.where(margins > 30, np.inf, margins))
    with pytest.raises(DataError, match="no future margin"):
        ValueModel(horizon=H).fit(X, np.full_like(margins, np.nan))
    with pytest.raises(ConfigurationError, match="2 mistakes"):
        ValueModel(horizon=0, annual_discount=-2.0).fit(X, margins)
