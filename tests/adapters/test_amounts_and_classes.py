"""Amounts, classes and estimators of the user's own, from training to scores and report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from custintel.adapters.adapter import LearnerSettings, TrainingRows
from custintel.adapters.registry import adapter_named, adapter_of
from custintel.errors import ConfigurationError, DataError
from custintel.learners import TableClassifier, TableRegressor
from custintel.learners.own_estimator import OwnEstimator
from custintel.scoring import score
from custintel.training import train

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 600
FAST = "{class: TableClassifier, params: {effort: fast}}"
OWN = "{class: sklearn.linear_model.LogisticRegression, params: {max_iter: 500}}"
_rng = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "customer_id": [f"c{i}" for i in range(ROWS)],
        "plan": _rng.choice(["S", "M", "L"], ROWS),
        "data_gb": _rng.gamma(2, 5, ROWS),
        "tenure": _rng.integers(0, 60, ROWS),
    }
)
AMOUNT = np.where(_rng.random(ROWS) < 0.4, 0.0, TABLE["data_gb"] * _rng.gamma(3, 1, ROWS))
CHANCE = 1 / (1 + np.exp(3 - TABLE["tenure"] / 10))
TIER = np.where(_rng.random(ROWS) < CHANCE, "gold", np.where(TABLE["plan"] == "S", "none", "silver"))
TIER = np.where(_rng.random(ROWS) < 0.2, _rng.choice(["gold", "none", "silver"], ROWS), TIER)

QUESTIONS = {
    "amount": "target: sum(data_mb)",
    "class": "target: case when sum(data_mb) > 5000 then 'gold' else 'none' end\n  type: class",
}


def _train(folder: Path, kind: str, learner: str, answer: Any) -> Any:
    text = f"model: use\nabout: How much data\nquestion:\n  source: usage\n  {QUESTIONS[kind]}\n  horizon: 30d\n"
    (folder / "use.yaml").write_text(text + f"learner: {learner}\n", encoding="utf-8")
    table = TABLE.assign(answer=answer)
    return train("use", table=table, target="answer", tracking=False, models_path=folder)


def _scored(folder: Path, run: Any) -> pd.DataFrame:
    place = run.model.save(folder / "model")
    run.report(folder / "report.html")
    return score(place, table=TABLE, id_column="customer_id")


@pytest.mark.parametrize(
    "learner", ["{class: TableRegressor, params: {effort: fast}}", "{class: sklearn.linear_model.Ridge}"]
)
def test_an_amount_goes_the_whole_way(tmp_path: Path, learner: str) -> None:
    run = _train(tmp_path, "amount", learner, AMOUNT)
    metrics = run.metrics
    assert metrics["sum_ratio"]["low"] < 1 < metrics["sum_ratio"]["high"]
    assert metrics["spearman"]["value"] > 0.15
    assert ("coverage" in metrics) == ("TableRegressor" in learner)
    found = _scored(tmp_path, run)
    assert found["amount"].is_monotonic_decreasing
    assert found["decile"].is_monotonic_increasing
    assert found["decile"].between(1, 10).all()
    assert "Expected against actual amounts" in (tmp_path / "report.html").read_text(encoding="utf-8")
    names = [column["name"] for column in run.model.metadata["score_columns"]]
    assert set(names) <= set(found.columns)


@pytest.mark.parametrize(
    "learner",
    [
        "{class: TableClassifier, params: {effort: fast}}",
        "{class: sklearn.linear_model.LogisticRegression, params: {max_iter: 500}}",
    ],
)
def test_classes_go_the_whole_way(tmp_path: Path, learner: str) -> None:
    run = _train(tmp_path, "class", learner, TIER)
    assert run.metrics["accuracy"]["value"] > 0.5
    assert run.metrics["macro_auc"]["value"] > 0.65
    found = _scored(tmp_path, run)
    chances = found[["probability_gold", "probability_none", "probability_silver"]]
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    np.testing.assert_allclose(found["probability"], chances.max(axis=1))
    assert set(found["class"]) <= {"gold", "none", "silver"}
    assert "Classes taken for one another" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_two_classes_by_name_need_no_event(tmp_path: Path) -> None:
    run = _train(tmp_path, "class", FAST, np.where(TIER == "gold", "gold", "none"))
    found = _scored(tmp_path, run)
    assert {"class", "probability_gold", "probability_none"} <= set(found.columns)


def _rows(y: Any) -> TrainingRows:
    X = TABLE.drop(columns="customer_id").head(len(y))
    return TrainingRows(X, pd.Series(y, index=X.index), pd.DataFrame(index=X.index))


@pytest.mark.parametrize(
    ("learner", "y", "told"),
    [
        ("TableRegressor", [1.0] * 30, "all amounts are the same"),
        ("TableRegressor", [1.0, 2.0] * 5, "too few rows"),
        ("TableClassifier", ["a"] * 30, "second most frequent"),
        ("TableClassifier", ["a"] * 30 + ["b"] * 3, "given: 3 of 33"),
        ("sklearn.linear_model.Ridge", [1.0] * 30, "all amounts are the same"),
        ("sklearn.linear_model.LogisticRegression", ["a"] * 30, "second most frequent"),
        ("TableRegressor", [], "no rows|too few"),
    ],
)
def test_rows_that_teach_nothing_are_told(learner: str, y: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        adapter_named(learner).check(_rows(y), "the table")


def test_own_classes_know_no_constraints() -> None:
    with pytest.raises(ConfigurationError, match="knows no constraints"):
        adapter_named("sklearn.linear_model.Ridge").new_estimator(LearnerSettings(constraints={"tenure": 1}))


def test_adapters_are_found_by_estimator() -> None:
    assert adapter_of(OwnEstimator()).learner == "OwnEstimator"
    assert adapter_of(TableRegressor()).rank_column(TableRegressor()) == "amount"
    assert adapter_of(TableClassifier()).targets == ("yes_no", "class")


def test_tuning_prefers_the_better_estimator() -> None:
    adapter, rows = adapter_named("TableRegressor"), _rows(AMOUNT)
    good = adapter.fit(TableRegressor(effort="fast", n_jobs=1), rows)
    bad = adapter.fit(TableRegressor(effort="fast", n_jobs=1), _rows(AMOUNT[::-1]))
    assert adapter.tuning_score(good, rows) > adapter.tuning_score(bad, rows)
    classes, tiers = adapter_named("TableClassifier"), _rows(TIER)
    fitted = classes.fit(TableClassifier(effort="fast", n_jobs=1), tiers)
    assert -1.1 < classes.tuning_score(fitted, tiers) < 0
