"""The search: seeded, trial 0 is the default, the default wins ties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from custintel.errors import DataError
from custintel.training._folds import fold_rows
from custintel.training._tuning import tune_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Learner:
    """Probability from one column, blurred by the parameter: the smaller the blur the better."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.blur = float(params.get("blur", 1.0))

    def fit(self, X: pd.DataFrame, y: pd.Series, groups: Any = None) -> None:
        pass

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        noise = np.random.default_rng(0).normal(size=len(X)) * self.blur
        return np.column_stack([np.zeros(len(X)), X["x"] + noise])


@pytest.fixture
def data() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    return pd.DataFrame({"x": x}), pd.Series((x + rng.normal(size=600) > 1).astype(int))


def test_a_clear_gain_is_taken(data: tuple[pd.DataFrame, pd.Series]) -> None:
    tuning = tune_parameters(_Learner, *data, None, {"blur": {"low": 0.001, "high": 3.0, "log": True}}, (12, 0))
    assert tuning.params["blur"] < 0.5
    assert tuning.trials["trial"].tolist() == list(range(12))
    assert pd.isna(tuning.trials.loc[0, "blur"])


def test_the_default_wins_ties(data: tuple[pd.DataFrame, pd.Series]) -> None:
    tuning = tune_parameters(_Learner, *data, None, {"idle": [1, 2, 3]}, (5, 0))
    assert tuning.params == {}


def test_bad_trials_are_stopped_early(data: tuple[pd.DataFrame, pd.Series]) -> None:
    tuning = tune_parameters(_Learner, *data, None, {"blur": {"low": 0.001, "high": 50.0}}, (20, 0))
    assert "stopped early" in set(tuning.trials["state"])


def test_the_same_seed_gives_the_same_trials(data: tuple[pd.DataFrame, pd.Series]) -> None:
    space = {"blur": {"low": 0.01, "high": 3.0}, "kind": ["a", "b"]}
    tables = [tune_parameters(_Learner, *data, None, space, (6, 3)).trials.drop(columns="seconds") for _ in range(2)]
    pd.testing.assert_frame_equal(*tables)


def test_customers_stand_on_one_side_of_a_fold() -> None:
    groups = np.repeat(np.arange(40), 3)
    y = pd.Series(np.repeat(np.arange(40) % 2, 3))
    for learn, test in fold_rows(y, groups, 4, 0):
        assert not set(groups[learn]) & set(groups[test])


def test_too_few_for_folds() -> None:
    with pytest.raises(DataError, match="too few rows of one class"):
        fold_rows(pd.Series([0] * 10 + [1]), None, 3, 0)
