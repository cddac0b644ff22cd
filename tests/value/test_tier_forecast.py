"""The forecast of value tiers: chances that add up, thresholds that stay, and a state that can be read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel.artifact import Model, load_model
from custintel.errors import DataError
from custintel.value import TierForecast, ValueTiers

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("basic", "gold", "top")
LIMITS = {"public": [300.0, 800.0], "key accounts": [3_000.0, 8_000.0]}


def customers(rows: int = 600) -> tuple[pd.DataFrame, pd.Series, ValueTiers]:
    rng = np.random.default_rng(0)
    key = (rng.random(rows) < 0.2).astype(float)
    annual = rng.gamma(2, 250, rows) * np.where(key == 1, 10, 1)
    X = pd.DataFrame({"annual_value": annual, "key_account": key, "silent": (rng.random(rows) < 0.2) * 1.0})
    tiers = ValueTiers(names=NAMES, thresholds=LIMITS).fit()
    segment = np.where(key == 1, "key accounts", "public")
    later = tiers.tier_of(annual * rng.lognormal(0, 0.1, rows), segment=segment).to_numpy(dtype=object)
    later[(X["silent"] == 1) & (rng.random(rows) < 0.8)] = "left"
    return X, pd.Series(later), tiers


@pytest.fixture(scope="module")
def fitted() -> TierForecast:
    X, later, tiers = customers()
    return TierForecast(effort="fast", n_jobs=1).fit(X, later, tiers=tiers)


def test_chances_of_all_tiers_add_up_to_one(fitted: TierForecast) -> None:
    chances = fitted.predict_proba(customers()[0])
    assert chances.shape == (600, 4)
    assert (chances >= 0).all()
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)


def test_each_segment_has_its_own_thresholds(fitted: TierForecast) -> None:
    X = pd.DataFrame({"annual_value": [900.0, 900.0, np.nan], "key_account": [0.0, 1.0, 0.0], "silent": 0.0})
    today = fitted.tier_today(X)
    assert today.tolist()[:2] == ["top", "basic"]
    assert pd.isna(today[2])
    assert fitted.predict(X.iloc[:2]).tolist() == ["top", "basic"]


def test_it_learns_who_leaves_and_who_stays_in_the_tier(fitted: TierForecast) -> None:
    X = pd.DataFrame({"annual_value": [500.0, 500.0], "key_account": 0.0, "silent": [1.0, 0.0]})
    gone, here = fitted.predict_proba(X)
    assert gone[0] > 0.6
    assert here[2] > 0.8


def test_contributions_are_those_of_holding_the_tier_of_today(fitted: TierForecast) -> None:
    X = customers()[0].head(50)
    found = fitted.contributions(X)
    assert list(found.columns) == list(X.columns)
    level = fitted.tier_today(X).map({name: k for k, name in enumerate(NAMES, 1)})
    chances = fitted.predict_proba(X)
    holds = np.array([chances[row, k:].sum() for row, k in enumerate(level)])
    raw = found.sum(axis=1) + fitted.expected_value_
    assert np.corrcoef(raw.rank(), pd.Series(holds).rank())[0, 1] > 0.95  # calibration keeps the order


def test_it_is_saved_and_read_back(fitted: TierForecast, tmp_path: Path) -> None:
    again = load_model(Model("tiers", fitted).save(tmp_path / "tiers")).estimator
    X = customers()[0]
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert again.tiers_.version_ == fitted.tiers_.version_
    assert again.predict(X).tolist() == fitted.predict(X).tolist()


def test_labels_that_are_no_tiers_are_refused() -> None:
    X, later, tiers = customers(60)
    with pytest.raises(DataError, match="labels that are no tiers\n  given: silver\n  allowed: left, basic, gold, top"):
        TierForecast().fit(X, later.replace("gold", "silver"), tiers=tiers)
    with pytest.raises(DataError, match="one class only"):
        TierForecast().fit(X, ["basic"] * 60, tiers=tiers)
    with pytest.raises(DataError, match="1 value"):
        TierForecast().fit(X, later.where(later.index > 0), tiers=tiers)
