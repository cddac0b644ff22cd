"""OfferPropensity: many offers, eligibility, new offers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.utils.estimator_checks import parametrize_with_checks

from custintel.errors import ConfigurationError, DataError
from custintel.learners import OfferPropensity
from custintel.metrics.discrimination import auc

OFFERS = {"small": 5.0, "large": 20.0, "huge": 40.0}


def contacts(rows: int = 4000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, pd.DataFrame]:
    """Customers, take-up, offers, and the true chances: an offer is taken when its volume fits the use."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"use": rng.gamma(2, 8, rows), "plan": rng.choice(["S", "M"], rows)})
    truth = pd.DataFrame({o: 0.02 + 0.4 * np.exp(-(((X["use"] - gb) / 8) ** 2)) for o, gb in OFFERS.items()})
    offer = rng.choice(list(OFFERS), rows, p=[0.6, 0.3, 0.1])
    chance = truth.to_numpy()[np.arange(rows), pd.Index(OFFERS).get_indexer(offer)]
    return X, (rng.random(rows) < chance).astype(int), offer, truth


@pytest.fixture(scope="module")
def fitted() -> OfferPropensity:
    X, y, offer, _ = contacts()
    volume = pd.DataFrame({"gb": OFFERS})
    return OfferPropensity(eligible={"huge": "use > 10"}, n_jobs=1).fit(X, y, offer=offer, attributes=volume)


def test_chances_are_near_the_truth_on_new_customers(fitted: OfferPropensity) -> None:
    X, y, offer, truth = contacts(2000, seed=1)
    found = fitted.propensity(X)
    for name in ("small", "large"):
        assert np.corrcoef(found[name], truth[name])[0, 1] > 0.85
        assert found[name].mean() == pytest.approx(truth[name].mean(), abs=0.03)
    mine = offer == "large"
    assert auc(y[mine], found["large"][mine]) > 0.7


def test_who_may_not_have_an_offer_gets_none(fitted: OfferPropensity) -> None:
    X = pd.DataFrame({"use": [5.0, 15.0, np.nan], "plan": "S"}, index=["a", "b", "c"])
    found = fitted.propensity(X)
    assert found["huge"].notna().tolist() == [False, True, False]
    only = pd.DataFrame({"small": [True, False, False], "large": False, "huge": [False, True, True]}, index=X.index)
    assert fitted.propensity(X, eligible=only).notna().to_numpy().sum() == 2


def test_rank_is_by_chance_and_predict_is_the_first(fitted: OfferPropensity) -> None:
    X, *_ = contacts(50, seed=2)
    ranked = fitted.rank(X, k=2)
    assert ranked.groupby(level=0)["probability"].is_monotonic_decreasing.all()
    assert ranked.xs(1, level="rank")["offer"].tolist() == fitted.predict(X).tolist()
    assert ranked["contacts"].min() > 100


def test_a_new_offer_is_judged_by_its_attributes(fitted: OfferPropensity) -> None:
    X, *_ = contacts(500, seed=3)
    found = fitted.propensity(X, attributes=pd.DataFrame({"gb": {"like_small": 5.0}}))
    assert np.corrcoef(found["like_small"], found["small"])[0, 1] > 0.5
    ranked = fitted.rank(X, attributes=pd.DataFrame({"gb": {"like_small": 5.0}}), k=4)
    assert ranked[ranked["offer"] == "like_small"]["contacts"].eq(0).all()


def test_an_offer_with_few_contacts_is_drawn_to_the_others() -> None:
    X, y, offer, _ = contacts(2000)
    offer = np.where(np.arange(2000) < 5, "rare", offer)
    y = np.where(np.arange(2000) < 5, 1, y)
    model = OfferPropensity(n_jobs=1).fit(X, y, offer=offer)
    assert model.propensity(X)["rare"].mean() < 0.5


def test_state_brings_back_the_same_model(fitted: OfferPropensity) -> None:
    X, *_ = contacts(100, seed=4)
    again = OfferPropensity.from_state(*fitted.to_state())
    pd.testing.assert_frame_equal(fitted.propensity(X), again.propensity(X))
    plain = OfferPropensity(n_jobs=1).fit(*contacts(300)[:2])
    pd.testing.assert_frame_equal(plain.propensity(X), OfferPropensity.from_state(*plain.to_state()).propensity(X))


def test_bad_input_is_explained(fitted: OfferPropensity) -> None:
    X, y, offer, _ = contacts(300)
    with pytest.raises(ConfigurationError, match="columns that X has not"):
        OfferPropensity(eligible={"small": "age > 18"}).fit(X, y, offer=offer)
    with pytest.raises(ConfigurationError, match="unknown function"):
        OfferPropensity(eligible={"small": "system(use) > 1"}).fit(X, y, offer=offer)
    with pytest.raises(DataError, match="attributes are missing"):
        OfferPropensity().fit(X, y, offer=offer, attributes=pd.DataFrame({"gb": {"small": 5.0}}))
    with pytest.raises(DataError, match="no column for offers"):
        fitted.propensity(X, eligible=pd.DataFrame({"small": True}, index=X.index))


def test_contributions_add_up_to_the_log_odds_of_the_likeliest_offer(fitted: OfferPropensity) -> None:
    X, *_ = contacts(300, seed=5)
    best = fitted.propensity(X).max(axis=1)
    total = fitted.contributions(X).sum(axis=1) + fitted.starting_log_odds(X)
    np.testing.assert_allclose(expit(total), best)
    huge = fitted.contributions(X, offer="huge").sum(axis=1) + fitted.starting_log_odds(X, offer="huge")
    allowed = fitted.propensity(X)["huge"].dropna()
    np.testing.assert_allclose(expit(huge[allowed.index]), allowed)
    assert fitted.contributions(X).abs().mean().idxmax() == "use"
    assert fitted.feature_importance().sum() == pytest.approx(1.0)


def test_who_may_have_no_offer_has_no_contributions() -> None:
    X, y, offer, _ = contacts(600)
    model = OfferPropensity(eligible=dict.fromkeys(OFFERS, "use > 10"), n_jobs=1).fit(X, y, offer=offer)
    asked = pd.DataFrame({"use": [5.0, 20.0], "plan": "S"})
    assert model.predict(asked).tolist()[0] == ""
    assert (model.contributions(asked).iloc[0] == 0).all()
    assert (model.contributions(asked).iloc[1] != 0).any()


class OneOffer(ClassifierMixin, OfferPropensity):
    """With a single offer it is a classifier: whether the offer is taken."""

    def fit(self, X: Any, y: Any, **_: Any) -> Any:  # type: ignore[override]
        super().fit(X, y)
        self.classes_ = np.unique(np.asarray(y))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        p = self.propensity(X).to_numpy()
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> np.ndarray:
        likely = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[likely])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


FAILURES = {
    "check_dataframe_column_names_consistency": "columns are matched by name: another order is not an error",
    "check_classifiers_one_label_sample_weights": "this class of the test does not take weights",
}


@parametrize_with_checks([OneOffer(n_jobs=1)], expected_failed_checks=lambda _: FAILURES)
@pytest.mark.filterwarnings("ignore::custintel.errors.QualityWarning")
def test_scikit_learn_check(estimator: Any, check: Any) -> None:
    check(estimator)
