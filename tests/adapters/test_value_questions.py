"""Value, tiers and survival through the one door: trained, judged, reported, saved, and scored."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel import Warehouse, load_model, score, train
from custintel.adapters.registry import adapter_of
from custintel.errors import QualityWarning
from custintel.value import customer_value

if TYPE_CHECKING:
    from custintel.training import Run

SHIPPED = Path(__file__).resolve().parents[2] / "models"
TOPICS = ("recharges", "current_plan", "customer_profile", "daily_activity", "surveys")
QUESTIONS = ("value", "tiers", "survival")


def few_topics(folder: Path) -> Path:
    """The shipped questions with few features, so that they are quickly learned."""
    for name in QUESTIONS:
        text = (SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")
        own = re.sub(r"topics: \[[^]]*\]", f"topics: [{', '.join(TOPICS)}]", text)
        (folder / f"{name}.yaml").write_text(own, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def operator() -> Warehouse:
    return Warehouse.simulate(customers=400, months=8, seed=3)


@pytest.fixture(scope="module")
def runs(operator: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = few_topics(tmp_path_factory.mktemp("models"))
    with warnings.catch_warnings(action="ignore", category=QualityWarning):
        return {name: train(name, operator, tracking=False, models_path=folder) for name in QUESTIONS}


@pytest.fixture(scope="module")
def lists(operator: Warehouse, runs: dict[str, Run]) -> dict[str, pd.DataFrame]:
    with warnings.catch_warnings(action="ignore", category=QualityWarning):
        return {name: score(run.model, operator) for name, run in runs.items()}


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_metric_has_words_and_an_interval(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    assert set(run.metrics) == set(adapter_of(run.model.estimator).metric_words)
    for found in run.metrics.values():
        assert found["low"] <= found["value"] <= found["high"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_scored_columns_are_those_the_model_names(
    runs: dict[str, Run], lists: dict[str, pd.DataFrame], name: str
) -> None:
    named = [column["name"] for column in runs[name].model.metadata["score_columns"]]
    assert named == [column for column in lists[name].columns if column in named]
    assert set(lists[name].columns) - set(named) <= {
        *("customer_id", "as_of", "model", "model_version", "decile", "action", "action_zh"),
        *(f"reason_{k}_{language}" for k in (1, 2, 3) for language in ("en", "zh")),
    }
    assert lists[name]["customer_id"].is_unique


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_saved_model_scores_the_same(
    operator: Warehouse, runs: dict[str, Run], lists: dict[str, pd.DataFrame], name: str, tmp_path: Path
) -> None:
    with warnings.catch_warnings(action="ignore", category=QualityWarning):
        again = score(load_model(runs[name].model.save(tmp_path / name)), operator)
    pd.testing.assert_frame_equal(again, lists[name])


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_report_has_the_learners_own_sections(runs: dict[str, Run], name: str, tmp_path: Path) -> None:
    page = runs[name].report(tmp_path / f"{name}.html").read_text(encoding="utf-8")
    titles = {
        "value": ("Predicted and actual value by tenth", "How much of the value the list captures", "Against simple"),
        "tiers": ("Tiers of today", "Migration", "Chances and what came", "begins at"),
        "survival": ("Who is still here", "Leaving by tenth", "Why customers leave"),
    }
    for title in titles[name]:
        assert title in page


@pytest.mark.parametrize("name", QUESTIONS)
def test_reasons_add_up_to_the_answer(runs: dict[str, Run], name: str) -> None:
    model, X = runs[name].model.estimator, runs[name].evaluation.X.head(40)
    total = model.contributions(X).sum(axis=1).to_numpy() + model.expected_value_
    if name == "value":
        np.testing.assert_allclose(total, model.predict(X), atol=1e-8)
    elif name == "survival":
        months = min(3, model.observed_months_)
        leaves = 1 - model.survival(X, months)[months].to_numpy()
        np.testing.assert_allclose(total, np.log(leaves / (1 - leaves)), atol=1e-6)
    else:
        assert np.isfinite(total).all()


def test_the_three_values_add_up(operator: Warehouse, lists: dict[str, pd.DataFrame], runs: dict[str, Run]) -> None:
    values = lists["value"].set_index("customer_id")
    np.testing.assert_allclose(values["total"], values[["hv", "cv", "pv", "cross_sell"]].sum(axis=1))
    plain = customer_value(operator, "2025-08-31").loc[values.index]
    pd.testing.assert_frame_equal(values[["hv", "cv", "run_rate"]], plain[["hv", "cv", "run_rate"]], check_names=False)
    assert values["pv"].is_monotonic_decreasing
    assert (values["tier"].ne("") | values["tier_reason"].ne("")).all()
    assert runs["value"].model.estimator.horizon == 2


def test_chances_of_tiers_add_up(lists: dict[str, pd.DataFrame]) -> None:
    tiers = lists["tiers"]
    names = ["left", "bronze", "silver", "gold", "platinum"]
    np.testing.assert_allclose(tiers[[f"p_{name}" for name in names]].sum(axis=1), 1.0)
    held = tiers[tiers["tier"] != ""]
    assert set(held["tier"]) <= set(names[1:])
    assert held["months_in_tier"].ge(1).all()
    bronze = held[held["tier"] == "bronze"]
    np.testing.assert_allclose(bronze["falls"], bronze["p_left"])
    np.testing.assert_allclose(bronze["rises"] + bronze["falls"] + bronze["p_bronze"], 1.0)


def test_chances_to_stay_fall_with_time(lists: dict[str, pd.DataFrame]) -> None:
    stays = lists["survival"]
    assert (stays["stays_3m"] >= stays["stays_6m"]).all()
    assert (stays["stays_6m"] >= stays["stays_12m"]).all()
    np.testing.assert_allclose(stays["leaves_3m"], 1 - stays["stays_3m"])
    assert stays["expected_months"].between(0, 12).all()
    assert stays["days_used_30d"].between(0, 1).all()
    assert set(stays["likeliest_cause"]) <= {"voluntary", "involuntary", "death"}


def test_values_of_a_plain_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"run_rate": rng.gamma(2, 10, 300), "plan": rng.choice(["S", "M"], 300)})
    table["next_year"] = 12 * table["run_rate"] + np.where(table["plan"] == "M", 60.0, 0.0) + rng.normal(0, 120, 300)
    run = train("value", table=table, target="next_year", tracking=False)
    found = score(run.model, table=table.drop(columns="next_year"))
    assert found["pv"].sum() == pytest.approx(table["next_year"].sum(), rel=0.05)
    assert 0.7 < run.metrics["rank_correlation"]["value"] < 0.95
    run.report(tmp_path / "value.html")
