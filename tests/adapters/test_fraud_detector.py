"""The fraud detector from the door: rings, rules of the library inside, columns, metrics and sections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from custintel.adapters.adapter import LearnerSettings, TrainingRows
from custintel.adapters.registry import adapter_named
from custintel.artifact import Model
from custintel.errors import QualityWarning
from custintel.reports.model.evaluation import Evaluation

if TYPE_CHECKING:
    from pathlib import Path

ADAPTER = adapter_named("FraudDetector")
pytestmark = pytest.mark.filterwarnings("ignore:too few of one kind")  # six rings are few, and say so


def rows(lines: int = 300, dates: int = 4, seed: int = 0) -> TrainingRows:
    """Lines on several dates; one in ten is a SIM box with a device that many lines have used, five to a device."""
    rng = np.random.default_rng(seed)
    box = np.repeat(np.arange(lines) % 10 == 0, dates)
    n = lines * dates
    days = pd.date_range("2025-01-31", periods=dates, freq="ME")
    line = np.repeat([f"C{k}" for k in range(lines)], dates)
    index = pd.MultiIndex.from_arrays([np.tile(days, lines), line], names=["as_of", "customer_id"])
    calls = rng.poisson(np.where(box, 90, 30))
    X = pd.DataFrame(
        {
            "dialled_calls_7d": calls.astype(float),
            "max_lines_per_device": np.where(box & (rng.random(n) < 0.7), 60.0, 1.0 + rng.poisson(1, n)),
            "cells_used_7d": rng.poisson(np.where(box, 2, 8)).astype(float),
        },
        index,
    )
    y = pd.Series(box.astype(int), index, name="label")
    ring = np.where(box, [f"ring {int(name[1:]) // 50}" for name in line], None)
    answers = pd.DataFrame(
        {
            "kind": np.where(box, "sim_box", None),
            "loss": np.where(box, 120.0, np.nan),
            "ring": ring,
            "outcome_date": pd.Series(index.get_level_values("as_of")).where(box).to_numpy() + np.timedelta64(30, "D"),
        },
        index,
    )
    return TrainingRows(X, y, answers, line)


@pytest.fixture(scope="module")
def learned() -> Model:
    given = rows()
    estimator = ADAPTER.fit(ADAPTER.new_estimator(LearnerSettings({"loss": 150.0}, n_jobs=1)), given)
    return Model("fraud", estimator, {"spec": {"costs": {"review_share": 0.05, "review_cost": 5.0}}})


def test_what_belongs_together_is_the_ring_or_the_customer() -> None:
    spy = Mock()
    ADAPTER.fit(spy, rows())
    groups = pd.Series(spy.fit.call_args.kwargs["groups"], rows().X.index)
    assert set(groups[rows().y == 1]) == {f"ring {k}" for k in range(6)}
    assert groups[rows().y == 0].nunique() == 270


def test_the_rules_of_the_library_that_the_columns_allow_are_inside(learned: Model) -> None:
    assert [rule.name for rule in learned.estimator.rules] == ["sim_bank"]
    assert "max_lines_per_device" in learned.feature_names


def test_predictions_name_rules_kind_and_expected_loss(learned: Model) -> None:
    new = rows(60, 1, seed=1)
    found = ADAPTER.predict(learned.estimator, new.X)
    assert [column.name for column in ADAPTER.columns(learned.estimator)] == list(found.columns)
    banks = (new.X["max_lines_per_device"] >= 50).to_numpy()
    assert (found["rules_met"].str.contains("sim_bank") == banks).all()
    np.testing.assert_allclose(found["expected_loss"], 150.0 * found["probability"], atol=1e-9)
    assert (found.loc[banks, "kind"] == "sim_box").all()
    assert found.index.equals(new.X.index)


def test_rows_of_a_few_rings_are_few_cases() -> None:
    with pytest.warns(QualityWarning, match="given: 2 cases, 90 others"):
        ADAPTER.fit(ADAPTER.new_estimator(LearnerSettings({}, n_jobs=1)), rows(100, 3))


def test_kinds_of_few_lines_are_not_named() -> None:
    few = rows(90)
    estimator = ADAPTER.fit(ADAPTER.new_estimator(LearnerSettings({}, n_jobs=1)), few)
    assert list(estimator.kinds_.prior) == ["other"]


def test_the_saved_model_brings_its_rules(learned: Model, tmp_path: Path) -> None:
    new = rows(60, 1, seed=1)
    again = Model.load(learned.save(tmp_path / "fraud"))
    pd.testing.assert_frame_equal(ADAPTER.predict(again.estimator, new.X), ADAPTER.predict(learned.estimator, new.X))
    entry = again.estimator.rules.entry("sim_bank")
    assert (entry.state, entry.reason) == ("active", "built in")


def test_the_same_rows_give_the_same_state() -> None:
    given = rows(100, 2)
    both = [ADAPTER.fit(ADAPTER.new_estimator(LearnerSettings({}, n_jobs=1)), given).to_state() for _ in range(2)]
    assert both[0] == both[1]


def test_metrics_count_what_the_reviews_find_and_cost(learned: Model) -> None:
    new = rows(100, 2, seed=2)
    predicted = ADAPTER.predict(learned.estimator, new.X).assign(probability=np.linspace(1, 0, len(new)))
    found = ADAPTER.metrics(new, predicted, {"review_share": 0.05, "review_cost": 4.0}, 0)
    first = new.y.to_numpy()[:10]
    assert found["review_precision"]["value"] == first.mean()
    assert found["review_recall"]["value"] == first.sum() / new.y.sum()
    assert found["cost_without_reviews"]["value"] == pytest.approx(120.0 * new.y.mean())
    lost = 120.0 * (new.y.sum() - first.sum()) + 10 * 4.0
    assert found["cost_per_account"]["value"] == pytest.approx(lost / len(new))
    assert set(ADAPTER.metric_words) <= set(found)


def test_sections_say_budget_lead_kinds_and_rules(learned: Model) -> None:
    new = rows(200, 2, seed=3)
    predicted = ADAPTER.predict(learned.estimator, new.X)
    evaluation = Evaluation(
        learned, new.X, new.y, predicted["probability"], predicted=predicted, answers=new.answers
    )  # fmt: skip
    sections = {section.title: section for section in ADAPTER.sections(evaluation)}
    assert list(sections) == ["Review budget", "How early", "Kinds", "Rules"]
    budget = sections["Review budget"].blocks[0]
    assert {row[0]: row[2] for row in budget.rows}[20] == 20  # twenty reviews, all of them cases
    assert sections["How early"].blocks[0].rows[0][3:] == (30.0, 30.0, 30.0)
    assert sections["Kinds"].blocks[0].rows[0][:2] == ("sim_box", 20)
    few = ADAPTER.sections(replace(evaluation, smallest_group=50))
    assert few[2].blocks[0].rows[0][0] == "other kinds"
