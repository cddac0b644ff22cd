"""Which class is the event: one rule for all estimators, said when it is a guess, decided by pos_label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.model_selection import cross_val_score

from custintel.artifact import Model
from custintel.credit import CreditScorecard
from custintel.errors import ConfigurationError, DataError, QualityWarning
from custintel.learners import OfferPropensity, ProfitThreshold, TableClassifier, UpliftModel
from custintel.learners.check_input import binary_target
from custintel.metrics import GainDisplay, empc_individual, swap_set
from custintel.metrics.discrimination import auc
from custintel.metrics.individual_profit import profit_scorer
from custintel.metrics.score_ranking import event_probability
from custintel.rules import LearnSettings, RuleBase

CLASSIFIERS = [TableClassifier(effort="fast"), CreditScorecard()]


def _table(rows: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"late_bills": rng.poisson(1, rows), "age": rng.integers(18, 80, rows)})
    return X, rng.random(rows) < 1 / (1 + np.exp(2.5 - 1.5 * X["late_bills"]))


@pytest.mark.parametrize(
    ("labels", "event"),
    [
        (["good", "bad", "good"], "bad"),
        (["stayed", "churned", "churned"], "churned"),
        (["legitimate", "fraud", "legitimate"], "fraud"),
        (["yes", "no", "yes"], "yes"),
        ([0, 1, 1], 1),
        ([-1, 1, 1], 1),
        ([True, False, True], True),
        (["0", "1", "1"], "1"),
        (pd.Series(["no", "yes", "yes"], dtype="category"), "yes"),
    ],
)
def test_known_labels_need_no_guess(labels: Any, event: Any) -> None:
    found = binary_target(labels)
    assert found.event == event
    assert found.y.tolist() == [float(label == event) for label in labels]
    assert found.classes.tolist() == sorted(set(labels))
    assert found.labels.tolist() == list(labels)


@pytest.mark.parametrize(
    ("labels", "event"),
    [(["a", "b", "b"], "a"), (["a", "a", "b"], "b"), (["a", "b"], "b"), ([1, 2, 1], 2), ([0, 5], 5)],
)
def test_a_guess_is_warned_of(labels: Any, event: Any) -> None:
    with pytest.warns(QualityWarning, match="guessed.*\n  hint: pos_label="):
        assert binary_target(labels).event == event
    other = next(label for label in labels if label != event)
    assert binary_target(labels, other).event == other


def test_an_unknown_pos_label_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="allowed: 'a', 'b'"):
        binary_target(["a", "b"], "c")


@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)
def test_columns_follow_the_classes_whichever_is_the_event(model: Any) -> None:
    X, bad = _table()
    labels = np.where(bad, "bad", "good")
    fitted = model.fit(X, labels)
    plain = type(model)(**{**model.get_params()}).fit(X, bad)
    assert fitted.classes_.tolist() == ["bad", "good"]
    assert fitted.pos_label_ == "bad"
    both = fitted.predict_proba(X)
    np.testing.assert_allclose(both[:, 0], plain.predict_proba(X)[:, 1], atol=1e-12)
    np.testing.assert_allclose(both.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.event_probability(X), both[:, 0])
    np.testing.assert_array_equal(event_probability(fitted, X), both[:, 0])
    # scikit-learn's conventions: log-odds of the last class, the likelier class, its own scorers
    np.testing.assert_array_equal(fitted.decision_function(X) > 0, both[:, 1] > 0.5)
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[both.argmax(axis=1)])
    assert get_scorer("roc_auc")(fitted, X, labels) == pytest.approx(roc_auc_score(bad, both[:, 0]))


def test_a_scorecard_gives_bad_customers_fewer_points() -> None:
    X, bad = _table()
    card = CreditScorecard().fit(X, np.where(bad, "bad", "good"))
    assert card.points(X)[bad].mean() < card.points(X)[~bad].mean()
    assert card.bands(X, np.where(bad, "bad", "good"))["bad"].sum() == bad.sum()


@pytest.mark.parametrize("model", [*CLASSIFIERS, RuleBase], ids=["TableClassifier", "CreditScorecard", "RuleBase"])
def test_german_credit_is_about_bad_customers(model: Any, data_folder: Any) -> None:
    """On the old commit the good customers were taken for the event, without a word."""
    table = pd.read_csv(data_folder / "german_credit" / "creditdata.csv")
    X = table.drop(columns="Good.Loan")
    y = table["Good.Loan"].map({"GoodLoan": "good", "BadLoan": "bad"})
    if model is RuleBase:
        risk = RuleBase.learn(X, y, LearnSettings(max_rules=5)).score(X)
    else:
        risk = event_probability(model.fit(X, y), X)
    assert roc_auc_score(y == "bad", risk) > 0.7
    assert np.mean(risk) == pytest.approx(0.3, abs=0.05)


def test_german_credit_as_it_comes_is_guessed_aloud(data_folder: Any) -> None:
    table = pd.read_csv(data_folder / "german_credit" / "creditdata.csv")
    X, y = table[["Duration.in.month"]], table["Good.Loan"]
    with pytest.warns(QualityWarning, match="'BadLoan' is, 'GoodLoan' is not"):
        card = CreditScorecard().fit(X, y)
    assert card.pos_label_ == "BadLoan"
    assert CreditScorecard(pos_label="GoodLoan").fit(X, y).pos_label_ == "GoodLoan"


@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)
def test_a_saved_model_keeps_its_event(model: Any, tmp_path: Any) -> None:
    X, bad = _table()
    fitted = model.fit(X, np.where(bad, "bad", "good"))
    again = Model.load(Model("card", fitted).save(tmp_path / "card"))
    assert again.estimator.pos_label_ == "bad"
    np.testing.assert_array_equal(again.predict_proba(X), fitted.event_probability(X))


def test_a_state_without_an_event_is_about_the_last_class() -> None:
    X, bad = _table()
    state, texts = CreditScorecard().fit(X, bad).to_state()
    old = {key: value for key, value in state.items() if key not in ("pos_label", "classes_dtype")}
    assert CreditScorecard.from_state(old, texts).pos_label_ is True


@pytest.mark.parametrize("inner", [TableClassifier(effort="fast"), LogisticRegression()])
def test_the_threshold_is_about_the_event(inner: Any) -> None:
    X, bad = _table()
    labels = np.where(bad, "bad", "good")
    model = ProfitThreshold(inner, clv=100.0).fit(X, labels)
    assert model.pos_label_ == "bad"
    assert model.profit_ > 0
    contacted = model.predict(X) == "bad"
    assert bad[contacted].mean() > bad[~contacted].mean()
    other = ProfitThreshold(inner, clv=100.0, pos_label="good").fit(X, labels)
    assert other.pos_label_ == "good"


def test_money_and_pictures_are_about_the_event() -> None:
    X, bad = _table()
    labels = np.where(bad, "bad", "good")
    scorer = profit_scorer(clv=100.0)
    model = TableClassifier(effort="fast")
    assert scorer(model.fit(X, labels), X, labels) == pytest.approx(scorer(model.fit(X, bad), X, bad))
    pytest.importorskip("matplotlib").use("Agg")
    drawn = GainDisplay.from_estimator(model.fit(X, labels), X, labels)
    np.testing.assert_allclose(drawn.y, GainDisplay.from_estimator(model.fit(X, bad), X, bad).y)


def test_cross_validation_of_scikit_learn_agrees() -> None:
    X, bad = _table()
    model = TableClassifier(effort="fast")
    text = cross_val_score(model, X, np.where(bad, "bad", "good"), scoring="roc_auc", cv=3)
    np.testing.assert_allclose(text, cross_val_score(model, X, bad, scoring="roc_auc", cv=3))


def test_who_took_an_offer() -> None:
    X, bad = _table()
    taken = OfferPropensity().fit(X, np.where(bad, "yes", "no")).propensity(X)["offer"]
    assert roc_auc_score(bad, taken) > 0.6
    other = OfferPropensity(pos_label="no").fit(X, np.where(bad, "yes", "no")).propensity(X)["offer"]
    assert roc_auc_score(bad, other) < 0.4


def test_an_outcome_of_words_has_an_uplift() -> None:
    X, bad = _table()
    treated = np.arange(len(X)) % 2 == 0
    model = UpliftModel().fit(X, np.where(bad, "churned", "active"), treatment=treated, propensity="constant")
    plain = UpliftModel().fit(X, bad.astype(int), treatment=treated, propensity="constant")
    assert model.effects_[True].effect == plain.effects_[True].effect


@pytest.mark.parametrize("measure", [auc, swap_set, empc_individual], ids=["auc", "swap_set", "empc_individual"])
def test_metrics_ask_which_label_is_the_event(measure: Any) -> None:
    more = {"swap_set": {"other_risk": [0.1, 0.9]}, "empc_individual": {"clv": 100.0}}.get(measure.__name__, {})
    with pytest.raises(DataError, match="y == the label of the event"):
        measure(["good", "bad"], [0.2, 0.3], **more)


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda c: type(c).__name__)
def test_truth_values_of_object_dtype_are_labels(classifier: Any) -> None:
    X, y = _table()
    fitted = clone(classifier).fit(X, pd.Series(y, dtype=object))
    assert fitted.classes_.tolist() == [False, True]
    assert np.array_equal(fitted.predict_proba(X), clone(classifier).fit(X, y).predict_proba(X))
