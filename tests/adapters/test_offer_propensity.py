"""The adapter of OfferPropensity: what is scored, how good it is, and what the report says of it."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from custintel import train
from custintel.adapters.adapter import LearnerSettings, TrainingRows
from custintel.adapters.registry import adapter_named
from custintel.artifact import Model
from custintel.errors import ConfigurationError, DataError
from custintel.learners import OfferPropensity
from custintel.metrics.discrimination import auc
from custintel.reports.model.evaluation import Evaluation
from custintel.reports.model.own_section import draw_section, section_facts
from custintel.training._time_split_and_folds import stratified_folds

if TYPE_CHECKING:
    from pathlib import Path

ADAPTER = adapter_named("OfferPropensity")


def contacts(count: int = 3000, seed: int = 0, effect: float = 0.4) -> TrainingRows:
    """More data is taken up by those who use much, the discount by anybody; some customers have two contacts."""
    rng = np.random.default_rng(seed)
    customers = pd.Index([f"c{k}" for k in rng.integers(0, count, count)], name="customer_id")
    X = pd.DataFrame({"use": rng.gamma(2, 5, count), "in_contract": rng.random(count) < 0.5}, index=customers)
    offer = rng.choice(["more_data", "discount", "rare"], count, p=[0.5, 0.49, 0.01])
    chance = np.where((offer == "more_data") & (X["use"] > 10), effect, 0.05)
    y = pd.Series((rng.random(count) < chance).astype(int), index=customers)
    return TrainingRows(X, y, pd.DataFrame({"offer": offer}, index=customers), customers.to_numpy())


def fitted(rows: TrainingRows, **params: Any) -> OfferPropensity:
    model: OfferPropensity = ADAPTER.fit(ADAPTER.new_estimator(LearnerSettings(params, n_jobs=1)), rows)
    return model


@pytest.fixture(scope="module")
def model() -> OfferPropensity:
    return fitted(contacts(), eligible={"discount": "not in_contract"})


@pytest.fixture(scope="module")
def evaluation(model: OfferPropensity) -> Evaluation:
    rows = contacts(2000, 1)
    predicted = ADAPTER.judged(model, rows)
    metadata = {"metrics": ADAPTER.metrics(rows, predicted, {}, 0)}
    return Evaluation(
        Model("offer", model, metadata), rows.X, rows.y, predicted["probability_1"], predicted=predicted,
        answers=rows.answers,
    )  # fmt: skip


def test_offers_are_ranked_among_those_allowed(model: OfferPropensity) -> None:
    X = pd.DataFrame({"use": [2.0, 30.0, 30.0], "in_contract": [False, False, True]}, index=["a", "b", "c"])
    found = ADAPTER.predict(model, X)
    assert list(found.columns) == [column.name for column in ADAPTER.columns(model)]
    assert found.loc["b", "offer_1"] == "more_data"
    assert "discount" not in found.loc["c", ["offer_1", "offer_2", "offer_3"]].tolist()
    assert found.loc["c", "offer_3"] == ""
    assert pd.isna(found.loc["c", "probability_3"])
    chances = found[["probability_1", "probability_2"]].to_numpy()
    assert (chances[:, 0] >= chances[:, 1]).all()
    np.testing.assert_allclose(found["probability_1"], model.propensity(X).max(axis=1))


def test_nobody_is_lost_who_may_have_no_offer() -> None:
    rules = dict.fromkeys(("more_data", "discount", "rare"), "use < 10")
    model = fitted(contacts(600), eligible=rules)
    found = ADAPTER.predict(model, pd.DataFrame({"use": [50.0, 5.0], "in_contract": False}))
    assert found["offer_1"].tolist()[0] == ""
    assert found["probability_1"].tolist()[0] == 0.0
    assert found["probability_1"].tolist()[1] > 0


def test_the_offer_made_is_judged_whatever_the_rules_say_today(model: OfferPropensity) -> None:
    rows = contacts(500, 2)
    found = ADAPTER.judged(model, rows)
    plain = fitted(contacts()).propensity(rows.X)
    made = plain.to_numpy()[np.arange(500), plain.columns.get_indexer(pd.Index(rows.answers["offer"]))]
    np.testing.assert_allclose(found["probability"], made)


def test_metrics_are_those_of_the_offers_made(evaluation: Evaluation) -> None:
    predicted, metrics, y = evaluation.predicted, evaluation.model.metadata["metrics"], evaluation.y
    assert predicted is not None
    assert metrics["auc"]["value"] == pytest.approx(auc(y, predicted["probability"]))
    mine = (predicted["offer"] == "more_data").to_numpy()
    assert metrics["auc_more_data"]["value"] == pytest.approx(auc(y[mine], predicted["probability"][mine]))
    assert "auc_rare" not in metrics
    assert metrics["auc_more_data"]["value"] > 0.75
    assert metrics["log_loss"]["value"] < metrics["log_loss_of_rates"]["value"]
    assert metrics["ece"]["value"] < 0.03
    assert set(ADAPTER.metric_words) <= set(metrics)
    for metric in metrics.values():
        assert metric["low"] <= metric["value"] <= metric["high"]


def test_sections_say_what_was_measured(evaluation: Evaluation) -> None:
    sections = ADAPTER.sections(evaluation)
    take_up, first = sections
    table = take_up.blocks[0]
    by_offer = {row[0]: row for row in table.rows}
    mine = evaluation.answers["offer"] == "more_data"
    assert by_offer["more_data"][1:4] == (
        int(mine.sum()), int(evaluation.y[mine.to_numpy()].sum()),
        pytest.approx(100 * evaluation.y[mine.to_numpy()].mean()),
    )  # fmt: skip
    assert by_offer["more_data"][6] == pytest.approx(by_offer["more_data"][3], abs=3)
    lines = {line.name: line for line in take_up.blocks[1].lines}
    assert lines["more_data"].y[-1] > 3 * lines["more_data"].y[0]
    assert "rare" not in lines
    assert sum(first.blocks[1].values) == pytest.approx(100)
    assert all("<" in draw_section(section_facts(section)) for section in sections)


def test_the_headline_knows_when_it_knows_nothing(evaluation: Evaluation) -> None:
    assert ADAPTER.headline(evaluation)[0].startswith("The model tells who takes up which offer")
    rows = contacts(1200, 3, effect=0.05)
    nothing = fitted(contacts(1200, 4, effect=0.05))
    predicted = ADAPTER.judged(nothing, rows)
    metadata = {"metrics": ADAPTER.metrics(rows, predicted, {}, 0)}
    told = Evaluation(
        Model("offer", nothing, metadata), rows.X, rows.y, predicted["probability_1"], predicted=predicted
    )
    assert "do not tell reliably" in ADAPTER.headline(told)[0]


def test_contributions_explain_the_first_offer(model: OfferPropensity) -> None:
    X = contacts(300, 5).X.reset_index(drop=True)
    first = ADAPTER.predict(model, X)
    total = model.contributions(X).sum(axis=1) + model.starting_log_odds(X)
    np.testing.assert_allclose(1 / (1 + np.exp(-total)), first["probability_1"])
    assert Model("m", model).explained


def test_one_offer_needs_no_name() -> None:
    rows = contacts(800)
    rows = TrainingRows(rows.X, rows.y, rows.answers[[]], rows.groups)
    model = fitted(rows)
    found = ADAPTER.judged(model, rows)
    assert found["offer_1"].unique().tolist() == ["offer"]
    assert "auc_offer" not in ADAPTER.metrics(rows, found, {}, 0)


def test_what_cannot_be_learned_is_refused() -> None:
    rows = contacts(300)
    with pytest.raises(DataError, match="too few answers in the test date"):
        ADAPTER.check(TrainingRows(rows.X, rows.y * 0, rows.answers), "the test date")
    with pytest.raises(ConfigurationError, match="no constraints"):
        ADAPTER.new_estimator(LearnerSettings(constraints={"use": 1}))


@pytest.mark.data
def test_take_up_in_hillstrom_is_that_of_the_estimator(data_folder: Path) -> None:
    table = pd.read_csv(data_folder / "hillstrom" / "hillstrom.csv").sample(3000, random_state=0)
    table = table[table["segment"] != "No E-Mail"].drop(columns=["conversion", "spend"])
    table = table.drop_duplicates([c for c in table.columns if c not in ("segment", "visit")])
    run = train("offer", table=table, target="visit", offer="segment", tracking=False)
    X, y, answers = run.evaluation.X, run.evaluation.y, run.evaluation.answers
    assert answers is not None
    assert "segment" not in X.columns
    p = np.full(len(y), np.nan)
    for learn, test in stratified_folds(y, None, 5, 0):
        model = OfferPropensity(n_jobs=1).fit(X.iloc[learn], y.iloc[learn], offer=answers["offer"].iloc[learn])
        chances = model.propensity(X.iloc[test])
        p[test] = chances.to_numpy()[np.arange(len(test)), chances.columns.get_indexer(answers["offer"].iloc[test])]
    assert run.metrics["auc"]["value"] == pytest.approx(auc(y, p))


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::custintel.errors.QualityWarning")  # months that the earlier calls have not seen
def test_take_up_in_time_is_that_of_the_estimator(data_folder: Path) -> None:
    with zipfile.ZipFile(data_folder / "uci_bank_marketing" / "bank-additional.zip") as folder:
        calls = pd.read_csv(folder.open("bank-additional/bank-additional-full.csv"), sep=";")
    table = calls.drop(columns="duration").iloc[::12].reset_index(drop=True)
    table = table[~table.drop(columns="y").duplicated()].reset_index(drop=True)
    late = np.arange(len(table)) >= 0.8 * len(table)
    table["taken_on"] = pd.to_datetime(np.where(late, "2010-06-30", "2009-06-30"))
    run = train("offer", table=table, target="y", date_column="taken_on", tracking=False)
    X, y = run.evaluation.X, run.evaluation.y
    assert len(y) == late.sum()
    early = table.loc[~late, list(X.columns)]
    model = OfferPropensity(n_jobs=1).fit(early, (table.loc[~late, "y"] == "yes").astype(int))
    assert run.metrics["auc"]["value"] == pytest.approx(auc(y, model.propensity(X)["offer"]))
