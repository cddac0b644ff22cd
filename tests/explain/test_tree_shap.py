"""tree_shap: additive, equal to LightGBM, and honest about what it needs."""

from __future__ import annotations

import sys

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from custintel.errors import DataError, MissingExtraError
from custintel.explain import tree_shap

QUIET = {"verbose": -1, "num_threads": 1, "num_leaves": 8, "min_data_in_leaf": 10, "seed": 0}


@pytest.fixture
def X() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=300)
    numbers[::7] = np.nan
    return pd.DataFrame(
        {"n": numbers, "c": pd.Categorical(rng.choice(["x", "y", "z"], 300)), "k": rng.integers(0, 5, 300)}
    )


def test_additive_with_missing_values_and_categories(X: pd.DataFrame) -> None:
    y = (X["n"].fillna(1) > 0) ^ (X["c"] == "y")
    booster = lgb.train({**QUIET, "objective": "binary"}, lgb.Dataset(X, y), num_boost_round=10)
    found = tree_shap(booster, X)
    np.testing.assert_allclose(found.values.sum(1) + found.base_values, booster.predict(X, raw_score=True), atol=1e-9)
    assert found.feature_names == ["n", "c", "k"]


def test_several_classes(X: pd.DataFrame) -> None:
    booster = lgb.train({**QUIET, "objective": "multiclass", "num_class": 3}, lgb.Dataset(X, X["k"] % 3), 5)
    found = tree_shap(booster, X)
    assert found.values.shape == (300, 3, 3)
    np.testing.assert_allclose(found.values.sum(1) + found.base_values, booster.predict(X, raw_score=True), atol=1e-9)


def test_wrong_width(X: pd.DataFrame) -> None:
    booster = lgb.train(QUIET, lgb.Dataset(X[["n"]], X["k"]), 2)
    with pytest.raises(DataError, match=r"given: 3 columns\n  allowed: 1 columns: n"):
        tree_shap(booster, X)


def test_without_shap(X: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shap", None)
    booster = lgb.train(QUIET, lgb.Dataset(X[["n"]], X["k"]), 2)
    with pytest.raises(MissingExtraError, match=r"custintel\[shap\]"):
        tree_shap(booster, X[["n"]])
