"""`TableClassifier` of three classes and more: probabilities, explanation, state."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from custintel.artifact import Model, load_model
from custintel.errors import DataError, ModelError
from custintel.learners import ChurnClassifier, TableClassifier

LABELS = np.array(["gold", "none", "silver"])


def _customers(rows: int = 600, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Customers, their class, and its true chances."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"plan": rng.choice(["S", "M", "L"], rows), "bill": rng.gamma(2, 20, rows)})
    score = np.column_stack([table["bill"] / 20 - 3, np.zeros(rows), (table["plan"] == "M") * 1.5 - 0.5])
    chance = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    codes = (rng.random((rows, 1)) > chance.cumsum(axis=1)).sum(axis=1)
    return table, LABELS[codes], chance


@pytest.fixture(scope="module")
def fitted() -> TableClassifier:
    table, y, _ = _customers()
    return TableClassifier(n_jobs=1).fit(table, y)


def test_probabilities_add_up_and_are_near_the_true_ones(fitted: TableClassifier) -> None:
    table, y, chance = _customers(4000, seed=1)
    p = fitted.predict_proba(table)
    assert fitted.classes_.tolist() == LABELS.tolist()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert log_loss(y, p) < log_loss(y, chance) + 0.03
    assert (fitted.predict(table) == LABELS[p.argmax(axis=1)]).all()
    np.testing.assert_allclose(fitted.decision_function(table), np.log(p))
    shares = pd.Series(y).value_counts(normalize=True)[LABELS]
    np.testing.assert_allclose(p.mean(axis=0), shares, atol=0.06)


def test_contributions_speak_for_the_class_asked_for(fitted: TableClassifier) -> None:
    table, _, _ = _customers(50, seed=2)
    for k, label in enumerate(fitted.classes_):
        parts = fitted.contributions(table, target=label)
        np.testing.assert_allclose(parts.sum(axis=1) + fitted.expected_value_[k], fitted.log_odds(table)[:, k])
    gold = fitted.contributions(table, target="gold")
    assert np.corrcoef(gold["bill"], table["bill"])[0, 1] > 0.7
    likeliest = fitted.contributions(table)
    row = int(np.flatnonzero(fitted.predict(table) == "gold")[0])
    pd.testing.assert_series_equal(likeliest.iloc[row], gold.iloc[row])
    assert fitted.feature_importance().sum() == pytest.approx(1)


def test_a_class_that_is_not_there_cannot_be_explained(fitted: TableClassifier) -> None:
    with pytest.raises(DataError, match=r"'bronze'\n.*'gold', 'none', 'silver'"):
        fitted.contributions(_customers(5)[0], target="bronze")


def test_several_classes_have_no_event(fitted: TableClassifier) -> None:
    assert not hasattr(fitted, "pos_label_")
    with pytest.raises(DataError, match=r"no event among 3 classes"):
        fitted.event_probability(_customers(5)[0])


@pytest.mark.parametrize("y", [[1, 2, 3], [1.0, 2.0, 3.0], ["a", "b", "c"]])
def test_labels_come_back_as_they_were(y: list[Any]) -> None:
    table, target, _ = _customers(200)
    labels = np.array(y)[np.searchsorted(LABELS, target)]
    model = TableClassifier(effort="fast", n_jobs=1).fit(table, labels)
    assert model.classes_.tolist() == sorted(y)
    assert set(model.predict(table)) <= set(y)


def test_a_class_of_few_customers_keeps_its_chance() -> None:
    table, y, _ = _customers(800)
    y = np.where(np.arange(800) % 100 == 0, "rare", y)
    p = TableClassifier(n_jobs=1).fit(table, y).predict_proba(table)
    assert p[:, 2].mean() == pytest.approx(0.01, abs=0.01)


def test_rows_without_weight_may_not_hold_the_only_rows_of_a_class() -> None:
    table, y, _ = _customers(60)
    with pytest.raises(DataError, match="2 of 3 classes only"):
        TableClassifier(n_jobs=1).fit(table, y, sample_weight=(y != "gold").astype(float))


def test_fitting_again_on_two_classes_forgets_the_third() -> None:
    table, y, _ = _customers(200)
    model = TableClassifier(effort="fast", n_jobs=1).fit(table, y)
    model.fit(table, y == "gold")
    assert model.predict_proba(table).shape == (200, 2)
    assert model.event_probability(table).shape == (200,)


def test_a_saved_model_says_the_same(tmp_path: Any) -> None:
    table, y, _ = _customers()
    model = ChurnClassifier(effort="fast", n_jobs=1).fit(table, y)
    again = load_model(Model("level", model).save(tmp_path / "level")).estimator
    np.testing.assert_array_equal(again.predict_proba(table), model.predict_proba(table))
    pd.testing.assert_frame_equal(again.contributions(table), model.contributions(table))
    assert (again.predict(table) == model.predict(table)).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["classes"].pop(),
        lambda s: s["classes"].__setitem__(0, s["classes"][1]),
        lambda s: s["class_ensembles"].pop(),
        lambda s: s["class_ensembles"][0]["ensemble"].__setitem__("linear_weight", 7.0),
        lambda s: s["class_ensembles"][1]["calibration"].__setitem__("slope", -1.0),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change: Any) -> None:
    from custintel.learners.saved_state_schemas import check_state

    table, y, _ = _customers(300)
    state, texts = TableClassifier(effort="fast", n_jobs=1).fit(table, y).to_state()
    state, columns = json.loads(json.dumps(state)), dict.fromkeys(texts, 2)
    check_state(state, columns)
    change(state)
    with pytest.raises(ModelError, match="no TableClassifier that custintel saved"):
        check_state(state, columns)
