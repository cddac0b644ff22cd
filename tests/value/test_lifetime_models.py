"""sBG, BG/NBD and Gamma-Gamma against the parameters their authors published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel.errors import DataError, QualityWarning
from custintel.value import BetaGeometricNBD, GammaGamma, ShiftedBetaGeometric

if TYPE_CHECKING:
    from pathlib import Path

HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]


@pytest.mark.parametrize(("cohort", "alpha", "beta"), [(HIGH_END, 0.668, 3.806), (REGULAR, 0.704, 1.182)])
def test_sbg_finds_the_published_parameters(cohort: list[int], alpha: float, beta: float) -> None:
    model = ShiftedBetaGeometric().fit(cohort)
    assert (model.alpha_, model.beta_) == (pytest.approx(alpha, abs=2e-3), pytest.approx(beta, abs=4e-3))


def test_retention_rises_and_multiplies_to_survival() -> None:
    model = ShiftedBetaGeometric().fit(REGULAR)
    assert (np.diff(model.retention(20)) > 0).all()
    np.testing.assert_allclose(model.retention(20).cumprod(), model.survival(20))
    np.testing.assert_allclose(model.conditional_survival([0], 20)[0], model.survival(20))
    expected = model.survival(9).to_numpy()[3:] / model.survival(9)[3]
    np.testing.assert_allclose(model.conditional_survival([3], 6)[0], expected)


@pytest.mark.parametrize("age", [1, 4])
def test_residual_lifetime_is_the_discounted_sum_of_survival(age: int) -> None:
    model = ShiftedBetaGeometric().fit(HIGH_END)
    ahead = model.conditional_survival([age - 1], 5000)[0]
    brute = float((ahead / 1.1 ** np.arange(5000)).sum())
    assert model.residual_lifetime(age, 0.1) == pytest.approx(brute, rel=1e-6)


@pytest.mark.parametrize(
    ("cohort", "said"),
    [([10, 11, 9], "grows"), ([10, 10, 10], "nobody has left"), ([10], "three"), ([0, 0, 0], "start")],
)
def test_cohorts_that_cannot_be_are_refused(cohort: list[int], said: str) -> None:
    with pytest.raises(DataError, match=said):
        ShiftedBetaGeometric().fit(cohort)


@pytest.fixture(scope="module")
def cdnow(data_folder: Path) -> pd.DataFrame:
    table = pd.read_csv(data_folder / "cdnow" / "cdnow_customers_summary_with_transactions.csv")
    return table.set_axis(["customer_id", "frequency", "recency", "age", "amount"], axis=1)


@pytest.mark.data
def test_bg_nbd_finds_the_published_parameters(cdnow: pd.DataFrame) -> None:
    model = BetaGeometricNBD().fit(cdnow)
    found = [model.r_, model.alpha_, model.a_, model.b_]
    assert found == [pytest.approx(v, abs=5e-3) for v in (0.243, 4.414, 0.793, 2.426)]
    assert model.log_likelihood_ == pytest.approx(-9582.4, abs=0.1)


@pytest.mark.data
def test_standard_errors_of_cdnow_are_those_of_the_bootstrap_in_size(cdnow: pd.DataFrame) -> None:
    model = BetaGeometricNBD().fit(cdnow)
    again = [BetaGeometricNBD().fit(cdnow.sample(frac=1, replace=True, random_state=k)).r_ for k in range(12)]
    assert model.standard_errors_["r"] == pytest.approx(np.std(again, ddof=1), rel=0.6)
    assert model.standard_errors_.between(0.001, 2).all()
    assert (np.linalg.eigvalsh(model.covariance_) > 0).all()


@pytest.mark.data
def test_expected_purchases_of_the_published_customer(cdnow: pd.DataFrame) -> None:
    # x = 2, t_x = 30.43, T = 38.86: 1.226 purchases in the next 39 weeks (Fader, Hardie, Lee 2005)
    model = BetaGeometricNBD().fit(cdnow)
    row = pd.DataFrame({"frequency": [2], "recency": [30.43], "age": [38.86]})
    assert model.predict(row, 39)[0] == pytest.approx(1.226, abs=2e-3)


@pytest.mark.data
def test_gamma_gamma_finds_the_published_parameters(cdnow: pd.DataFrame) -> None:
    model = GammaGamma().fit(cdnow)
    assert [model.p_, model.q_, model.v_] == [pytest.approx(v, rel=0.01) for v in (6.25, 3.74, 15.44)]


def test_bg_nbd_forecasts_simulated_buyers() -> None:
    rng = np.random.default_rng(0)
    histories, later = [], []
    for rate, gone in zip(rng.gamma(0.8, 1 / 3, 3000), rng.beta(0.8, 3, 3000), strict=True):
        t, times = 0.0, []
        while (t := t + rng.exponential(1 / max(rate, 1e-9))) < 80 and (not times or rng.random() > gone):
            times.append(t)
        seen = [v for v in times if v <= 40]
        histories.append((len(seen), seen[-1] if seen else 0.0, 40.0))
        later.append(len(times) - len(seen))
    X = pd.DataFrame(histories, columns=["frequency", "recency", "age"])
    found = BetaGeometricNBD().fit(X).predict(X, 40)
    assert found.sum() == pytest.approx(sum(later), rel=0.1)
    assert np.corrcoef(found, later)[0, 1] > 0.6


def test_thousands_of_purchases_have_a_finite_forecast() -> None:
    model = BetaGeometricNBD()
    model.r_, model.alpha_, model.a_, model.b_ = 0.243, 4.414, 0.793, 2.426
    x = np.array([2, 500, 3000, 20_000])
    found = model.predict(pd.DataFrame({"frequency": x, "recency": 38.86, "age": 38.86}), 39)
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()
    assert found[3] < 39 * 20_000 / 38.86
    model.a_ = 1.0
    at_one = model.predict(pd.DataFrame({"frequency": x, "recency": 38.86, "age": 38.86}), 39)
    model.a_ = 1.001
    near = model.predict(pd.DataFrame({"frequency": x, "recency": 38.86, "age": 38.86}), 39)
    np.testing.assert_allclose(at_one, near, rtol=0.01)


def test_bad_histories_are_explained() -> None:
    good = pd.DataFrame({"frequency": [1, 0], "recency": [2.0, 0.0], "age": [5.0, 5.0]})
    with pytest.raises(DataError, match="contradict"):
        BetaGeometricNBD().fit(good.assign(recency=[6.0, 0.0]))
    with pytest.raises(DataError, match="not known"):
        BetaGeometricNBD().fit(good.assign(age=[np.nan, 5.0]))
    with pytest.raises(DataError, match="finite"):
        GammaGamma().fit(pd.DataFrame({"frequency": [1, 2], "amount": [np.nan, 3.0]}))
    with pytest.raises(DataError, match="zero"):
        BetaGeometricNBD().fit(good.assign(frequency=0, recency=0.0))
    with pytest.raises(DataError, match="missing: age"):
        BetaGeometricNBD().fit(good.drop(columns="age"))
    with pytest.raises(DataError, match="negative"):
        GammaGamma().fit(pd.DataFrame({"frequency": [1], "amount": [-2.0]}))


def test_summary_counts_days_and_looks_no_further_than_told() -> None:
    bought = pd.DataFrame({"customer_id": ["a"] * 4, "amount": [5.0, 3.0, 4.0, 9.0]})
    bought["event_time"] = pd.to_datetime(["2025-01-01T00", "2025-01-08T09", "2025-01-08T18", "2025-03-01T00"])
    row = BetaGeometricNBD.purchase_summary(bought, "2025-01-29").loc["a"]
    assert row.tolist() == [1.0, 1.0, 4.0, 7.0]


def test_returns_are_no_purchases() -> None:
    bought = pd.DataFrame({"customer_id": ["a", "a", "a", "b", "b"], "amount": [5.0, 9.0, -9.0, 5.0, -2.0]})
    bought["event_time"] = pd.to_datetime(["2025-01-01", "2025-01-15", "2025-01-20", "2025-01-08", "2025-01-09"])
    with pytest.warns(QualityWarning, match="2 of 5 rows have a negative amount"):
        found = BetaGeometricNBD.purchase_summary(bought, "2025-01-29")
    pd.testing.assert_frame_equal(found, BetaGeometricNBD.purchase_summary(bought[bought["amount"] > 0], "2025-01-29"))
    counted = pd.DataFrame({"frequency": [1, 2], "recency": 1.0, "age": 5.0, "amount": [-9.0, 3.0]})
    with pytest.raises(DataError, match="1 mean amounts are negative"):
        BetaGeometricNBD().fit(counted)


def _histories(gone: tuple[float, float] | None) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for rate in rng.gamma(1.5, 0.1, 800):
        chance = rng.beta(*gone) if gone else 0.0
        t, x, last = 0.0, 0, 0.0
        while (t := t + rng.exponential(1 / rate)) < 40:
            x, last = x + 1, t
            if rng.random() < chance:
                break
        rows.append((x, last, 40.0))
    return pd.DataFrame(rows, columns=["frequency", "recency", "age"])


def test_drop_out_that_the_data_do_not_tell_is_warned_of() -> None:
    with pytest.warns(QualityWarning, match="do not tell when customers drop out"):
        BetaGeometricNBD().fit(_histories(None))
    model = BetaGeometricNBD().fit(_histories((1.0, 3.0)))  # silent
    assert model.a_ / (model.a_ + model.b_) == pytest.approx(0.25, abs=0.05)
    assert np.isfinite(model.standard_errors_).all()
