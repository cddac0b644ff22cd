"""The adapter of UpliftModel: what is scored, what an experiment shows, and what it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from custintel import train
from custintel.adapters.adapter import LearnerSettings, TrainingRows
from custintel.adapters.registry import adapter_named
from custintel.artifact import Model
from custintel.errors import ConfigurationError, DataError
from custintel.learners import UpliftModel
from custintel.metrics import qini_score
from custintel.reports.model.evaluation import Evaluation
from custintel.reports.model.own_section import draw_section, section_facts
from custintel.training._time_split_and_folds import stratified_folds

if TYPE_CHECKING:
    from pathlib import Path

ADAPTER = adapter_named("UpliftModel")
COSTS = {"clv": 100.0, "contact_cost": 5.0, "offer_cost": 10.0, "take_up": 0.1}  # 6 u a contact


def experiment(rows: int = 3000, seed: int = 0, effect: float = 0.3, arms: tuple[str, ...] = ("call",)) -> TrainingRows:
    """Each arm was tried against controls of its own; the first one works for those on plan S only, others never."""
    rng = np.random.default_rng(seed)
    customers = pd.Index([f"c{k}" for k in rng.integers(0, rows, rows)], name="customer_id")
    X = pd.DataFrame({"plan": rng.choice(["S", "M"], rows), "noise": rng.random(rows)}, index=customers)
    offer = rng.choice(arms, rows)
    chance = np.where(offer == arms[0], 0.5, 0.7)
    treated = rng.random(rows) < chance
    works = treated & (offer == arms[0]) & (X["plan"] == "S").to_numpy()
    y = pd.Series((rng.random(rows) < 0.4 + effect * works).astype(int), index=customers)
    answers = pd.DataFrame(
        {"treatment": np.where(treated, offer, "control"), "offer": offer,
         "propensity": np.where(treated, chance, 1 - chance)}, index=customers
    )  # fmt: skip
    return TrainingRows(X, y, answers, customers.to_numpy())


def fitted(rows: TrainingRows, **params: Any) -> UpliftModel:
    model: UpliftModel = ADAPTER.fit(ADAPTER.new_estimator(LearnerSettings(params, n_jobs=1)), rows)
    return model


def evaluated(model: UpliftModel, rows: TrainingRows) -> Evaluation:
    predicted = ADAPTER.judged(model, rows)
    metadata = {"metrics": ADAPTER.metrics(rows, predicted, COSTS, 0), "spec": {"costs": COSTS}}
    return Evaluation(
        Model("uplift", model, metadata), rows.X, rows.y, predicted["uplift"], predicted=predicted, answers=rows.answers
    )


@pytest.fixture(scope="module")
def model() -> UpliftModel:
    return fitted(experiment())


@pytest.fixture(scope="module")
def evaluation(model: UpliftModel) -> Evaluation:
    return evaluated(model, experiment(2000, 1))


@pytest.fixture(scope="module")
def two_arms() -> Evaluation:
    arms = ("call", "letter")
    return evaluated(fitted(experiment(4000, arms=arms)), experiment(3000, 1, arms=arms))


@pytest.fixture(scope="module")
def nothing() -> Evaluation:
    return evaluated(fitted(experiment(effect=0.0)), experiment(1000, 1, effect=0.0))


def test_gains_are_told_from_no_evidence(model: UpliftModel) -> None:
    X = pd.DataFrame({"plan": ["S", "M"], "noise": 0.5}, index=["s", "m"])
    found = ADAPTER.predict(model, X)
    assert list(found.columns) == [column.name for column in ADAPTER.columns(model)]
    assert found.loc["s", "evidence"] == "gain"
    assert found.loc["m", "evidence"] == "no evidence"
    assert found.loc["s", "uplift"] == pytest.approx(0.3, abs=0.08)
    assert found.loc["m", "uplift_low"] < 0 < found.loc["m", "uplift_high"]
    assert found["treatment"].tolist() == ["call", "call"]


def test_no_evidence_is_an_answer(nothing: Evaluation) -> None:
    assert nothing.predicted is not None
    assert set(nothing.predicted["evidence"]) == {"no evidence"}
    assert ADAPTER.headline(nothing)[0].startswith("This experiment gives no evidence that call changes the outcome: ")
    assert "no evidence that the ranking beats chance" in ADAPTER.headline(nothing)[-1]
    policies = ADAPTER.sections(nothing)[-1].blocks
    assert "no evidence that any of these policies" in policies[1].sentences[0]


def test_harm_is_named() -> None:
    model = fitted(experiment(effect=-0.3))
    found = ADAPTER.predict(model, pd.DataFrame({"plan": ["S"], "noise": 0.5}))
    assert found["evidence"].tolist() == ["harm"]


def test_metrics_agree_with_the_truth_and_with_qini_score(evaluation: Evaluation) -> None:
    metrics, answers, predicted = evaluation.model.metadata["metrics"], evaluation.answers, evaluation.predicted
    assert answers is not None
    assert predicted is not None
    treated = (answers["treatment"] == "call").to_numpy()
    plain = qini_score(evaluation.y, predicted["uplift_of_call"], treated, 1 / answers["propensity"], n_resamples=0)
    assert metrics["qini"]["value"] == pytest.approx(plain.value)
    assert metrics["qini"]["low"] > 0
    assert metrics["average_effect"]["low"] < 0.15 < metrics["average_effect"]["high"]
    assert metrics["uplift_30"]["low"] < 0.3 < metrics["uplift_30"]["high"]
    # half of the customers gain 0.3 x 100 u for 6 u
    assert metrics["policy_value"]["low"] < 0.5 * (30 - 6) < metrics["policy_value"]["high"]
    assert set(ADAPTER.metric_words) <= set(metrics)


def test_each_arm_is_judged_against_its_own_controls(two_arms: Evaluation) -> None:
    metrics, predicted = two_arms.model.metadata["metrics"], two_arms.predicted
    assert predicted is not None
    assert metrics["average_effect_call"]["low"] < 0.15 < metrics["average_effect_call"]["high"]
    assert metrics["average_effect_letter"]["low"] < 0 < metrics["average_effect_letter"]["high"]
    assert metrics["qini_call"]["low"] > 0
    assert {"uplift_of_call", "uplift_of_letter"} <= set(predicted)
    on_s = (two_arms.X["plan"] == "S").to_numpy()
    assert set(predicted.loc[on_s, "treatment"]) == {"call"}
    said = ADAPTER.headline(two_arms)
    assert said[0] == "1 of 2 treatments changes the outcome by more than chance explains (95 %)"
    assert any("no evidence that letter changes the outcome" in sentence for sentence in said)


def test_rows_that_a_score_cannot_tell_apart_count_in_part() -> None:
    rows = experiment(1000, 1, effect=0.0)
    flat = pd.DataFrame(
        {"uplift": 0.1, "uplift_of_call": 0.1, "treatment": "call", "evidence": "gain"}, index=rows.X.index
    )
    metrics = ADAPTER.metrics(rows, flat, {}, 0)
    assert metrics["uplift_30"]["value"] == pytest.approx(metrics["average_effect"]["value"])
    assert metrics["qini"]["value"] == pytest.approx(0.0, abs=1e-12)


def test_amounts_have_no_qini() -> None:
    rows = experiment(1500, 1)
    rows = TrainingRows(rows.X, rows.y * 10.0 + 1, rows.answers, rows.groups)
    found = evaluated(fitted(rows), rows)
    assert "qini" not in found.model.metadata["metrics"]
    assert found.model.metadata["metrics"]["average_effect"]["value"] == pytest.approx(1.5, abs=0.6)
    assert len(ADAPTER.headline(found)) == 1
    assert ADAPTER.sections(found)


def test_sections_show_qini_groups_and_policies(evaluation: Evaluation, two_arms: Evaluation) -> None:
    effects, ranking, policies = ADAPTER.sections(evaluation)
    assert effects.blocks[1].rows[0][0] == "call"
    curve, groups = ranking.blocks
    assert [line.name for line in curve.lines] == ["by predicted uplift", "random order"]
    assert curve.lines[0].y[-1] == pytest.approx(curve.lines[1].y[-1])
    assert max(np.subtract(curve.lines[0].y, curve.lines[1].y)) > 1
    assert groups.rows[0][5] > groups.rows[-1][5]
    value = {row[0]: row[2] for row in policies.blocks[0].rows}
    assert value["nobody"] == 0
    assert value["those for whom a gain above the cost is expected"] > value["everybody, with their best treatment"]
    assert policies.blocks[1].sentences[0].startswith("Of the policies that earn more than contacting nobody")
    shares = {row[0]: row[1] for row in policies.blocks[0].rows}
    assert shares["everybody, with their best treatment"] == 100
    assert len(ADAPTER.sections(two_arms)[1].blocks) == 3
    assert all("<" in draw_section(section_facts(section)) for section in ADAPTER.sections(two_arms))


def test_reasons_where_the_model_knows_for_whom(model: UpliftModel, nothing: Evaluation) -> None:
    X = experiment(200, 2).X.reset_index(drop=True)
    assert Model("m", model).explained
    away = ADAPTER.predict(model, X)["uplift"] - model.contributions(X).sum(axis=1)
    assert away.std() == pytest.approx(0.0, abs=1e-12)
    assert 0 < model.smallest_contribution_ < 0.01
    assert nothing.model.estimator.smallest_contribution_ == float("inf")
    assert not Model("m", fitted(experiment(600), learner="t")).explained


def test_what_cannot_be_learned_is_refused() -> None:
    rows = experiment(400)
    treated, held = (np.flatnonzero(rows.answers["treatment"] == arm) for arm in ("call", "control"))
    for given, said in (
        (rows.take(treated), "no control group in the train dates"),
        (
            rows.take(np.append(treated, held[:3])),
            "too few customers",
        ),
        (TrainingRows(rows.X, rows.y * 0, rows.answers), "the same for everybody"),
        (TrainingRows(rows.X, rows.y, rows.answers[["offer"]]), "no treatment"),
    ):
        with pytest.raises(DataError, match=said):
            ADAPTER.check(given, "the train dates")
    with pytest.raises(ConfigurationError, match="no constraints"):
        ADAPTER.new_estimator(LearnerSettings(constraints={"noise": 1}))


@pytest.mark.data
def test_hillstrom_through_the_door_is_that_of_the_estimator(data_folder: Path) -> None:
    table = pd.read_csv(data_folder / "hillstrom" / "hillstrom.csv").sample(4000, random_state=0)
    table = table[table["segment"] != "Mens E-Mail"].drop(columns=["conversion", "spend"])
    table = table.drop_duplicates([c for c in table.columns if c not in ("segment", "visit")])
    run = train("uplift", table=table, target="visit", treatment="segment", tracking=False)
    X, y, answers = run.evaluation.X, run.evaluation.y, run.evaluation.answers
    assert answers is not None
    effect = np.full(len(y), np.nan)
    for learn, test in stratified_folds(y, None, 5, 0):
        fold = UpliftModel(n_jobs=1).fit(
            X.iloc[learn], y.iloc[learn], treatment=answers["treatment"].iloc[learn], propensity="constant"
        )
        effect[test] = fold.predict(X.iloc[test])["Womens E-Mail"]
    treated = (answers["treatment"] == "Womens E-Mail").to_numpy()
    assert run.metrics["qini"]["value"] == pytest.approx(qini_score(y, effect, treated, n_resamples=0).value)
    whole = UpliftModel(n_jobs=1).fit(X, y, treatment=answers["treatment"], propensity="constant")
    assert run.model.estimator.effects_ == whole.effects_


def test_outcomes_that_are_all_the_same_are_no_certainty() -> None:
    rows = experiment(300, 1, effect=0.0)
    rows = TrainingRows(rows.X, rows.y * 0 + 1, rows.answers, rows.groups)
    said = pd.DataFrame({"uplift": 0.1, "uplift_of_call": 0.1, "treatment": "call", "evidence": "gain"}, rows.X.index)
    metrics = ADAPTER.metrics(rows, said, COSTS, 0)
    treated = int((rows.answers["treatment"] == "call").sum())
    limit = 3 / treated + 3 / (300 - treated)
    assert metrics["average_effect"] == pytest.approx({"value": 0.0, "low": -limit, "high": limit})
    assert metrics["policy_value"] == pytest.approx({"value": -6.0, "low": -6 - 100 * limit, "high": -6 + 100 * limit})
    assert "qini" not in metrics
