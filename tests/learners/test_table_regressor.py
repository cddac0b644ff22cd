"""`TableRegressor` on amounts with zeros and heavy tails: sums, quantiles, explanation, state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from custintel.artifact import Model, load_model
from custintel.errors import ConfigurationError, DataError, ModelError
from custintel.learners import TableRegressor
from custintel.learners.saved_state_schemas import check_state

if TYPE_CHECKING:
    from pathlib import Path


def _spending(rows: int = 1500, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Customers, their amount (mostly zero, a few very large), and the true mean of it."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "plan": rng.choice(["S", "M", "L"], rows),
            "visits": rng.gamma(2, 2, rows),
            "since": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 300, rows), unit="D"),
            "noise": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
        },
        index=[f"c{i}" for i in range(rows)],
    )
    chance = 1 / (1 + np.exp(3 - 0.6 * table["visits"].to_numpy()))
    mean = 20 + 20 * (table["plan"] == "L").to_numpy()
    buys = rng.random(rows) < chance
    return table, np.where(buys, mean * rng.lognormal(-0.5, 1.0, rows), 0.0), chance * mean


@pytest.fixture(scope="module")
def fitted() -> TableRegressor:
    table, y, _ = _spending()
    return TableRegressor(n_jobs=1).fit(table, y)


def test_sums_are_right_in_total_and_by_tenth(fitted: TableRegressor) -> None:
    table, y, mean = _spending(20_000, seed=1)
    amount = fitted.predict(table)
    assert (amount >= 0).all()
    assert np.corrcoef(amount, mean)[0, 1] > 0.9
    assert amount.sum() == pytest.approx(mean.sum(), rel=0.12)
    by_tenth = pd.DataFrame({"amount": amount, "y": y}).groupby(pd.qcut(amount, 5, labels=False)).sum()
    np.testing.assert_allclose(by_tenth["amount"], by_tenth["y"], atol=0.06 * y.sum())


def test_the_sum_out_of_fold_is_that_of_the_amounts(fitted: TableRegressor) -> None:
    _, y, _ = _spending()
    assert np.isfinite(fitted.out_of_fold_).all()
    assert fitted.out_of_fold_.sum() == pytest.approx(y.sum())


def test_quantiles_rise_and_cover_what_they_say(fitted: TableRegressor) -> None:
    table, y, _ = _spending(20_000, seed=2)
    shares = [0.9, 0.75, 0.95]
    found = fitted.predict_quantiles(table, shares)
    assert found.columns.tolist() == shares
    assert found.index.equals(table.index)
    for share in shares:
        assert (y <= found[share]).mean() == pytest.approx(share, abs=0.03)
    low = fitted.predict_quantiles(table, (0.05, 0.5))
    assert (low[0.05] == 0).all()
    assert (low[0.5] <= found[0.75] + 1e-9).all()
    assert (found[0.75] <= found[0.9] + 1e-9).all()


def test_amounts_may_be_negative() -> None:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"use": rng.gamma(2, 10, 4000), "age": rng.integers(18, 80, 4000)})
    y = -0.5 * table["use"].to_numpy() + 5 + rng.standard_t(3, 4000) * table["use"].to_numpy() / 4
    model = TableRegressor(effort="fast", n_jobs=1).fit(table[:2000], y[:2000])
    later, truth = table[2000:], y[2000:]
    assert np.corrcoef(model.predict(later), 5 - 0.5 * later["use"])[0, 1] > 0.9
    quantiles = model.predict_quantiles(later)
    assert (truth < quantiles[0.1]).mean() == pytest.approx(0.1, abs=0.03)
    assert (truth < quantiles[0.9]).mean() == pytest.approx(0.9, abs=0.03)
    width = quantiles[0.9] - quantiles[0.1]
    assert np.corrcoef(width, later["use"])[0, 1] > 0.7


def test_contributions_add_up_to_the_blend(fitted: TableRegressor) -> None:
    table, _, _ = _spending(100, seed=4)
    parts = fitted.contributions(table)
    assert parts.columns.tolist() == table.columns.tolist()
    np.testing.assert_allclose(parts.sum(axis=1) + fitted.expected_value_, fitted.blend(table), atol=1e-9)
    assert parts.abs().mean().idxmax() == "visits"
    assert fitted.feature_importance().sum() == pytest.approx(1)


@pytest.mark.parametrize("sign", [-1, 1])
def test_monotone_columns_never_turn(sign: int) -> None:
    table, y, _ = _spending(600)
    model = TableRegressor(monotone={"noise": sign, "visits": sign}, n_jobs=1).fit(table, y)
    for name in ("noise", "visits"):
        grid = pd.concat([table.iloc[:40]] * 25)
        grid[name] = np.repeat(np.linspace(table[name].min(), table[name].max(), 25), 40)
        assert (sign * np.diff(model.predict(grid).reshape(25, 40), axis=0) >= -1e-9).all()


def test_rows_of_a_customer_stay_together() -> None:
    rng = np.random.default_rng(5)
    customer = np.repeat(np.arange(100), 6)
    table = pd.DataFrame({"mark": rng.normal(size=100)[customer], "noise": rng.normal(size=600)})
    y = rng.normal(size=100)[customer]  # known of the customer, but nothing that a stranger has
    free, grouped = (TableRegressor(n_jobs=1).fit(table, y, groups=g) for g in (None, customer))
    assert np.corrcoef(free.out_of_fold_, y)[0, 1] > 0.5
    assert abs(np.corrcoef(grouped.out_of_fold_, y)[0, 1]) < 0.35


def test_few_rows_leave_a_straight_line() -> None:
    table = pd.DataFrame({"minutes": np.arange(40.0)})
    model = TableRegressor(n_jobs=1).fit(table, 2 * table["minutes"])
    assert model.ensemble_.texts == ()
    np.testing.assert_allclose(model.predict(table), 2 * table["minutes"], atol=3)


def test_one_amount_for_all_is_answered() -> None:
    table, _, _ = _spending(100)
    model = TableRegressor(n_jobs=1).fit(table, np.full(100, 7.0))
    np.testing.assert_allclose(model.predict(table), 7.0)


@pytest.mark.parametrize(
    ("y", "told"),
    [([1.0, np.nan] * 50, "NaN or infinity"), ([1.0, np.inf] * 50, "NaN or infinity"), (None, "y is missing")],
)
def test_bad_amounts_are_told(y: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        TableRegressor().fit(_spending(100)[0], y)


@pytest.mark.parametrize("quantiles", [(0.0,), (0.5, 1.0), (float("nan"),), ()])
def test_quantiles_that_are_not_known_are_told(fitted: TableRegressor, quantiles: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"0\.01 to 0\.99"):
        fitted.predict_quantiles(_spending(5)[0], quantiles)


def test_bad_parameters_are_told() -> None:
    table, y, _ = _spending(100)
    with pytest.raises(ConfigurationError, match="2 mistakes"):
        TableRegressor(effort="lazy", monotone={"plan": 1}).fit(table, y)  # type: ignore[arg-type]


def test_a_saved_model_says_the_same(fitted: TableRegressor, tmp_path: Path) -> None:
    table, _, _ = _spending(200, seed=6)
    again = load_model(Model("spending", fitted).save(tmp_path / "spending")).estimator
    np.testing.assert_array_equal(again.predict(table), fitted.predict(table))
    pd.testing.assert_frame_equal(again.predict_quantiles(table), fitted.predict_quantiles(table))
    pd.testing.assert_frame_equal(again.contributions(table), fitted.contributions(table))


CHANGES = [
    lambda s: s["calibration"].__setitem__("factor", -1.0),
    lambda s: s["calibration"].__setitem__("floor", 3.0),
    lambda s: s["calibration"]["knots_x"].append(1.0),
    lambda s: s["quantiles"]["levels"].append(1e9),
    lambda s: s["quantiles"]["shapes"][0].reverse(),
    lambda s: s["quantiles"]["shapes"][0].pop(),
    lambda s: s["quantiles"]["boosters"].__setitem__("objective", "probability"),
    lambda s: s["ensemble"].__setitem__("linear_weight", 2.0),
    lambda s: s.pop("quantiles"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_state_that_does_not_fit_is_refused(fitted: TableRegressor, change: Any) -> None:
    state, texts = fitted.to_state()
    state = json.loads(json.dumps(state))
    columns = {name: 4 + name.startswith("distance") for name in texts}
    check_state(state, columns)
    change(state)
    with pytest.raises(ModelError, match="no TableRegressor that custintel saved"):
        check_state(state, columns)
