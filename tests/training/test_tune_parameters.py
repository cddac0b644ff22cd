"""The search: seeded, trial 0 is the default, the default wins ties."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from custintel.adapters.adapter import TrainingRows
from custintel.adapters.registry import adapter_named
from custintel.errors import DataError
from custintel.training._time_split_and_folds import stratified_folds, tuning_folds
from custintel.training._tune_parameters import (
    TunedLearner,
    Tuning,
    earlier_parameters,
    restrict_to_space,
    tune_parameters,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class _Learner:
    """Probability from one column, blurred by the parameter: the smaller the blur the better."""

    classes_, pos_label_ = np.array([0, 1]), 1

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.blur = float(params.get("blur", 1.0))

    def get_params(self) -> dict[str, float]:
        return {"blur": self.blur}

    def fit(self, X: pd.DataFrame, y: pd.Series, groups: Any = None) -> _Learner:
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        noise = np.random.default_rng(0).normal(size=len(X)) * self.blur
        return np.column_stack([np.zeros(len(X)), X["x"] + noise])


def _tuned(learner: Any, data: tuple[pd.DataFrame, pd.Series], space: Mapping[str, Any], **options: Any) -> Tuning:
    X, y = data
    task = TunedLearner(learner, adapter_named("TableClassifier"), TrainingRows(X, y, pd.DataFrame(index=X.index)))
    return tune_parameters(task, space, **options)


@pytest.fixture
def data() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    return pd.DataFrame({"x": x}), pd.Series((x + rng.normal(size=600) > 1).astype(int))


def test_a_clear_gain_is_taken(data: tuple[pd.DataFrame, pd.Series]) -> None:
    tuning = _tuned(_Learner, data, {"blur": {"low": 0.001, "high": 3.0, "log": True}}, trials=12, random_state=0)
    assert tuning.params["blur"] < 0.5
    assert tuning.trials["trial"].tolist() == list(range(12))
    assert pd.isna(tuning.trials.loc[0, "blur"])


def test_the_default_wins_ties(data: tuple[pd.DataFrame, pd.Series]) -> None:
    tuning = _tuned(_Learner, data, {"idle": [1, 2, 3]}, trials=5, random_state=0)
    assert tuning.params == {}


def test_bad_trials_are_stopped_early(data: tuple[pd.DataFrame, pd.Series]) -> None:
    tuning = _tuned(_Learner, data, {"blur": {"low": 0.001, "high": 50.0}}, trials=20, random_state=0)
    assert "stopped early" in set(tuning.trials["state"])


def test_the_same_seed_gives_the_same_trials(data: tuple[pd.DataFrame, pd.Series]) -> None:
    space = {"blur": {"low": 0.01, "high": 3.0}, "kind": ["a", "b"]}
    tables = [_tuned(_Learner, data, space, trials=6, random_state=3).trials.drop(columns="seconds") for _ in range(2)]
    pd.testing.assert_frame_equal(*tables)


def test_customers_stand_on_one_side_of_a_fold() -> None:
    groups = np.repeat(np.arange(40), 3)
    y = pd.Series(np.repeat(np.arange(40) % 2, 3))
    for learn, test in stratified_folds(y, groups, 4, 0):
        assert not set(groups[learn]) & set(groups[test])


def test_too_few_for_folds() -> None:
    with pytest.raises(DataError, match="too few rows of one class"):
        stratified_folds(pd.Series([0] * 10 + [1]), None, 3, 0)


def _dated(months: int, customers: int = 90) -> pd.Series:
    """Labels of customers at month ends; every third customer leaves."""
    dates = pd.date_range("2025-01-31", periods=months, freq="ME")
    rows = pd.MultiIndex.from_product([dates, [f"c{i}" for i in range(customers)]], names=["as_of", "customer_id"])
    return pd.Series(np.tile(np.arange(customers) % 3 == 0, months).astype(int), index=rows)


def test_dated_rows_are_judged_later_and_on_other_customers() -> None:
    y = _dated(6)
    judging = tuning_folds(y, y.index.get_level_values("customer_id"), 0, label_delay_days=60)
    assert len(judging.search) == 3
    assert len(judging.final) == 6
    assert judging.final[:3] == judging.search
    for learn, test in judging.final:
        train_rows, test_rows = (y.index[rows].get_level_values("as_of") for rows in (learn, test))
        assert (test_rows.min() - train_rows.max()).days >= 60
        assert not set(y.index[learn].get_level_values(1)) & set(y.index[test].get_level_values(1))
    judged = [set(y.index[test]) for _, test in judging.search]
    assert set.union(*judged) == set(y.index[y.index.get_level_values(0) >= "2025-05-31"])
    assert sum(map(len, judged)) == len(set.union(*judged))
    repeated = [set(y.index[test]) for _, test in judging.final[3:]]
    assert all(again not in judged for again in repeated)


@pytest.mark.parametrize(
    ("y", "told"),
    [
        (_dated(3), r"closer than labels are known.*other customers"),  # 105 days apart is not possible
        (_dated(1), "^cross-validation; 3 folds, 2 repeats"),
        (_dated(6, 30), "^cross-validation"),  # three leavers a fold and date cannot be judged
        (_dated(6).reset_index(drop=True), "^cross-validation"),
        (_dated(6, 4000), "; 3 folds$"),  # 24,000 rows are enough without a repeat
    ],
)
def test_how_parameters_are_judged_is_said(y: pd.Series, told: str) -> None:
    groups = y.index.get_level_values("customer_id") if "customer_id" in y.index.names else None
    assert pd.Series([tuning_folds(y, groups, 0, label_delay_days=105).description]).str.contains(told).all()


def test_the_search_begins_with_the_default_and_then_with_what_served_before(
    data: tuple[pd.DataFrame, pd.Series],
) -> None:
    space = {"blur": {"low": 0.001, "high": 3.0, "log": True}, "idle": [1, 2, 3]}
    starting_points = [{"blur": 0.002, "idle": 3}, {"blur": 2.5}]
    trials = _tuned(_Learner, data, space, trials=4, random_state=0, starting_points=starting_points).trials
    assert pd.isna(trials.loc[0, "blur"])
    assert trials.loc[1, ["blur", "idle"]].tolist() == [0.002, 3]
    assert trials.loc[2, "blur"] == 2.5


def test_a_gain_within_the_noise_of_the_folds_is_not_taken() -> None:
    """One fold much better, the others a little worse: the mean is higher, and it is noise."""

    class Lucky(_Learner):
        def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
            better = self.blur < 1 and 0 in X.index
            return super().predict_proba(X) if not better else np.column_stack([X["x"], X["truth"] + X["x"]])

    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    y = pd.Series((x + rng.normal(size=300) > 1).astype(int))
    table = pd.DataFrame({"x": x, "truth": y * 0.5})
    assert _tuned(Lucky, (table, y), {"blur": [0.99]}, trials=3, random_state=0).params == {}


def test_values_outside_the_search_space_are_not_tried() -> None:
    space = {"leaves": {"low": 4, "high": 31}, "rate": {"low": 0.02, "high": 0.15}, "kind": ["a", "b"], "bad": 3}
    given = {"leaves": "64", "rate": "0.05", "kind": "c", "bad": "3", "effort": "auto"}
    assert restrict_to_space(space, given) == {"rate": 0.05}
    assert restrict_to_space(space, {"leaves": 9.0, "rate": None}) == {"leaves": 9}


def test_warm_starts_come_from_earlier_runs_of_the_same_model(tmp_path: Path) -> None:
    from custintel.training.mlflow_store import open_store

    space = {"leaves": {"low": 4, "high": 31}, "l2": {"low": 0.1, "high": 30.0}}
    assert earlier_parameters("churn", space, tmp_path) == ()
    with open_store(tmp_path) as mlflow:
        client = mlflow.MlflowClient()
        experiment = client.create_experiment("custintel-churn", artifact_location=(tmp_path / "runs").as_uri())
        for leaves, trials in (("7", None), ("None", {"leaves": [None, 5, 9], "auc": [0.6, 0.8, 0.7]})):
            run = client.create_run(experiment).info.run_id
            client.log_param(run, "leaves", leaves)
            if trials:
                table = {
                    "columns": ["state", *trials],
                    "data": [["complete", *row] for row in zip(*trials.values(), strict=True)],
                }
                client.log_text(run, json.dumps(table), "trials.json")
            client.set_terminated(run, "FINISHED")
    assert earlier_parameters("churn", space, tmp_path) == ({"leaves": 5}, {"leaves": 7})
    assert earlier_parameters("fraud", space, tmp_path) == ()
