"""The card: points are whole, monotone, add up, double the odds, and the whole card is the model."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.utils.estimator_checks import parametrize_with_checks

from custintel import CreditScorecard
from custintel.artifact import Model
from custintel.credit._scorecard_bins import BinSettings, information_value, learn_bins
from custintel.errors import ConfigurationError
from custintel.metrics.discrimination import auc

DATA = Path(os.environ.get("CUSTINTEL_DATA", "../shared/data"))


def customers(rows: int = 4000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Late bills and a short tenure are bad, one plan is worse, noise is noise; some values are missing."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "late_bills": rng.poisson(0.8, rows).astype(float),
            "tenure": rng.exponential(800, rows),
            "plan": rng.choice(["S", "M", "L", "rare"], rows, p=[0.5, 0.3, 0.195, 0.005]),
            "noise": rng.random(rows),
        }
    )
    odds = -2.2 + 0.9 * X["late_bills"] - 0.001 * X["tenure"] + 0.8 * (X["plan"] == "S")
    y = (rng.random(rows) < expit(odds)).astype(int)
    return X.mask(rng.random(X.shape) < 0.04), y


@pytest.fixture(scope="module")
def card() -> CreditScorecard:
    return CreditScorecard().fit(*customers())


def test_points_add_up_to_the_score_and_the_score_is_the_model(card: CreditScorecard) -> None:
    X, _ = customers(500, seed=1)
    score = card.points(X)
    assert score.dtype == np.int64
    assert (card.points_by_column(X).sum(axis=1) == score).all()
    odds = (1 - card.predict_proba(X)[:, 1]) / card.predict_proba(X)[:, 1]
    np.testing.assert_allclose(odds, 50 * 2 ** ((score - 600) / 20))


def test_points_only_fall_with_more_late_bills_and_rise_with_tenure(card: CreditScorecard) -> None:
    table = card.points_
    known = table[table["bin"] != "missing"]
    assert (known.loc[known["column"] == "late_bills", "points"].diff().dropna() <= 0).all()
    assert (known.loc[known["column"] == "tenure", "points"].diff().dropna() >= 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([-1, 0, 1]))
def test_bad_rates_of_bins_never_turn(seed: int, direction: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(600) < 0.1, np.nan, np.round(rng.gamma(2, 3, 600), int(rng.integers(0, 3))))
    y = (rng.random(600) < np.clip(0.2 + 0.1 * np.sin(np.nan_to_num(x)) + 0.02 * np.nan_to_num(x), 0, 1)).astype(float)
    bins = learn_bins(x, y, BinSettings(), direction=direction)
    steps = np.diff(bins.bad_rate[:-1])
    assert (steps >= 0).all() if direction == 1 else (steps <= 0).all() if direction == -1 else _one_way(steps)
    assert sum(bins.share) == pytest.approx(1.0)
    assert information_value(bins, float(y.mean())) >= 0


def _one_way(steps: np.ndarray) -> bool:
    return bool((steps >= 0).all() or (steps <= 0).all())


def test_it_tells_bad_customers_and_means_what_it_says(card: CreditScorecard) -> None:
    X, y = customers(20_000, seed=2)
    p = card.predict_proba(X)[:, 1]
    assert auc(y, p) > 0.72
    assert abs(p.mean() - y.mean()) < 0.01
    assert "noise" not in set(card.points_["column"])


def test_bands_are_in_order(card: CreditScorecard) -> None:
    found = card.bands(*customers(20_000, seed=3))
    assert found["bad_rate"].is_monotonic_increasing
    assert (found["expected"] - found["bad_rate"]).abs().max() < 0.03
    assert found["customers"].sum() == 20_000


def test_reasons_name_what_cost_most(card: CreditScorecard) -> None:
    X = pd.DataFrame({"late_bills": [6.0, 0.0], "tenure": [2000.0, 3000.0], "plan": ["L", "L"], "noise": [0.5, 0.5]})
    found = card.reasons(X)
    assert found.iloc[0, 0].startswith("late_bills: above")
    assert not str(found.iloc[1, 0]).startswith("late_bills")


def test_a_given_direction_is_kept_or_the_column_is_silent() -> None:
    X, y = customers()
    card = CreditScorecard(monotone={"late_bills": -1}).fit(X, y)
    points = card.points_[(card.points_["column"] == "late_bills") & (card.points_["bin"] != "missing")]["points"]
    assert (points.diff().dropna() >= 0).all()


def test_unseen_levels_and_missing_values_have_their_bin(card: CreditScorecard) -> None:
    X = pd.DataFrame({"late_bills": [None], "tenure": [None], "plan": ["new"], "noise": [None]}).astype({"plan": str})
    with pytest.warns(match="plan"):
        parts = card.points_by_column(X)
    told = card.points_[card.points_["bin"] == "missing"].set_index("column")["points"]
    assert (parts.drop(columns="(base)").iloc[0] == told.reindex(parts.columns[1:])).all()


def test_another_scale_says_the_same_about_the_odds() -> None:
    X, y = customers()
    one, two = CreditScorecard().fit(X, y), CreditScorecard(pdo=60, base_score=1000, base_odds=1).fit(X, y)
    np.testing.assert_allclose(one.predict_proba(X), two.predict_proba(X), atol=0.02)


def test_it_is_kept_without_pickle(card: CreditScorecard, tmp_path: Path) -> None:
    X, _ = customers(300, seed=4)
    again = Model.load(Model("credit", card).save(tmp_path / "card")).estimator
    assert (again.points(X) == card.points(X)).all()
    pd.testing.assert_frame_equal(again.points_, card.points_)
    assert json.dumps(card.to_state()[0])


def test_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as told:
        CreditScorecard(monotone={"plan": 1, "tenure": 3}, pdo=0).fit(*customers(300))
    assert all(word in str(told.value) for word in ("plan", "unknown direction", "pdo"))


@pytest.mark.skipif(not (DATA / "german_credit").exists(), reason="third-party data absent (CUSTINTEL_DATA)")
def test_german_credit_at_the_level_of_the_literature() -> None:
    table = pd.read_csv(DATA / "german_credit" / "creditdata.csv")
    label = table.columns[-1]
    y, X = (table[label] == "BadLoan").to_numpy().astype(int), table.drop(columns=label)
    order = np.random.default_rng(0).permutation(len(y))
    found = []
    for k in range(5):
        away = order % 5 == k
        p = CreditScorecard().fit(X[~away], y[~away]).predict_proba(X[away])[:, 1]
        found.append(auc(y[away], p))
    assert np.mean(found) > 0.75


@parametrize_with_checks(
    [CreditScorecard()],
    expected_failed_checks=lambda _: {
        "check_dataframe_column_names_consistency": "columns are matched by name: another order is not an error"
    },
)
@pytest.mark.filterwarnings("ignore::custintel.errors.QualityWarning")
def test_scikit_learn_check(estimator: Any, check: Any) -> None:
    check(estimator)


def test_contributions_add_up_to_the_log_odds(card: CreditScorecard) -> None:
    X, _ = customers(500, seed=1)
    total = card.contributions(X).sum(axis=1) + card.expected_value_
    np.testing.assert_allclose(total, card.event_log_odds(X))


def test_rows_of_a_customer_choose_the_penalty_from_one_side() -> None:
    X, y = customers(1500)
    twice, both = pd.concat([X, X], ignore_index=True), np.concatenate([y, y])
    groups = np.tile(np.arange(len(X)), 2)
    once = CreditScorecard().fit(X, y)
    assert CreditScorecard().fit(twice, both, groups=groups).bins_.keys() == once.bins_.keys()


def test_bands_follow_the_score_and_are_kept(card: CreditScorecard) -> None:
    X, _ = customers(500, seed=1)
    again = CreditScorecard.from_state(json.loads(json.dumps(card.to_state()[0])))
    by_band = card.points(X).groupby(card.band(X))
    assert list(by_band.groups) == list("ABCDE")
    assert (by_band.min().to_numpy()[:-1] > by_band.max().to_numpy()[1:]).all()
    pd.testing.assert_series_equal(again.band(X), card.band(X))
    with pytest.raises(ConfigurationError, match="no number of bands"):
        CreditScorecard(band_count=40).fit(*customers(300))


def test_a_constraint_may_name_a_number_that_says_nothing_here() -> None:
    X, y = customers(600)
    card = CreditScorecard(monotone={"outage_hours": 1}).fit(X.assign(outage_hours=0.0), y)
    assert "outage_hours" not in card.card_
