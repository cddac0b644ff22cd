"""UpliftModel on experiments whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from custintel.errors import ConfigurationError, DataError
from custintel.learners import UpliftModel

LEARNERS = ["dr", "r", "x", "t", "s"]


def experiment(
    rows: int = 3000, seed: int = 0, share: float = 0.5, effect: float = 0.25
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Customers, outcome, treatment, true effect: it works for those on plan S only."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"plan": rng.choice(["S", "M"], rows), "age": rng.normal(40, 10, rows), "noise": rng.random(rows)})
    tau = np.where(X["plan"] == "S", effect, 0.0)
    treated = rng.random(rows) < share
    y = (rng.random(rows) < 0.15 + 0.004 * (X["age"] - 40).clip(-20, 20) + tau * treated).astype(int)
    return X, y, treated, tau


@pytest.mark.parametrize("learner", LEARNERS)
def test_every_learner_finds_for_whom_it_works(learner: Any) -> None:
    X, y, treated, _ = experiment()
    model = UpliftModel(learner=learner, n_jobs=1).fit(X, y, treatment=treated, propensity="constant")
    new, _, _, tau = experiment(1000, seed=1)
    found = model.predict(new)[True]
    assert np.corrcoef(found, tau)[0, 1] > 0.8
    assert abs(found.mean() - tau.mean()) < 0.05
    assert model.effects_[True].differs


@pytest.mark.parametrize("learner", ["dr", "x"])
def test_few_treated_customers_are_enough(learner: Any) -> None:
    X, y, treated, _ = experiment(5000, share=0.1)
    model = UpliftModel(learner=learner, n_jobs=1).fit(X, y, treatment=treated, propensity="constant")
    new, _, _, tau = experiment(1000, seed=1)
    assert np.corrcoef(model.predict(new)[True], tau)[0, 1] > 0.7


def test_nothing_is_found_where_nothing_is() -> None:
    X, y, treated, _ = experiment(effect=0.0)
    model = UpliftModel(n_jobs=1).fit(X, y, treatment=treated, propensity="constant")
    assert not model.effects_[True].detectable
    assert "no detectable uplift" in model.words()[0]
    assert model.predict(X)[True].std() < 0.02


def test_false_alarms_are_as_rare_as_promised() -> None:
    alarms = []
    for seed in range(8):
        X, y, treated, _ = experiment(400, seed=seed, effect=0.0)
        model = UpliftModel(n_jobs=1).fit(X, y, treatment=treated, propensity="constant")
        alarms.append(model.effects_[True].detectable)
    assert np.sum(alarms) <= 2


def test_several_arms_each_against_control() -> None:
    rng = np.random.default_rng(0)
    X, *_ = experiment(3000)
    arm = rng.choice(["control", "mail", "call"], 3000)
    tau = {"mail": np.where(X["plan"] == "S", 0.2, 0.0), "call": np.full(3000, 0.1), "control": np.zeros(3000)}
    y = (rng.random(3000) < 0.1 + np.select([arm == a for a in tau], list(tau.values()))).astype(int)
    model = UpliftModel(n_jobs=1).fit(X, y, treatment=arm, propensity="constant")
    found = model.predict(X)
    assert list(found.columns) == ["call", "mail"]
    assert found["call"].mean() == pytest.approx(0.1, abs=0.05)
    assert np.corrcoef(found["mail"], tau["mail"])[0, 1] > 0.8
    assert list(model.summary().index) == ["call", "mail"]
    assert set(model.overlap_["arm"]) == {"control", "call", "mail"}


def test_logged_propensities_undo_what_targeting_did() -> None:
    rng = np.random.default_rng(0)
    X, *_ = experiment(3000)
    old = X["age"] > 40
    propensity = np.where(old, 0.8, 0.2)
    treated = rng.random(3000) < propensity
    y = (rng.random(3000) < np.where(old, 0.5, 0.1) + 0.05 * treated).astype(int)
    logged = np.where(treated, propensity, 1 - propensity)
    naive = y[treated].mean() - y[~treated].mean()
    found = UpliftModel(n_jobs=1).fit(X, y, treatment=treated, propensity=logged).effects_[True].effect
    assert naive > 0.2
    assert found == pytest.approx(0.05, abs=0.05)
    model = UpliftModel(n_jobs=1, observational=True).fit(X, y, treatment=treated)
    assert model.design_ == "observational"
    assert model.effects_[True].effect == pytest.approx(0.05, abs=0.06)
    assert "observational" in model.words()[0]


def test_amounts_are_outcomes_too() -> None:
    X, _, treated, tau = experiment()
    spend = np.random.default_rng(0).gamma(2, 5, len(X)) + 40 * tau * treated
    model = UpliftModel(n_jobs=1).fit(X, spend, treatment=treated, propensity=0.5)
    assert np.corrcoef(model.predict(X)[True], tau)[0, 1] > 0.9


def test_intervals_of_the_average_cover_the_truth() -> None:
    covered = []
    for seed in range(10):
        X, y, treated, tau = experiment(400, seed=seed)
        low, high = UpliftModel(n_jobs=1).fit(X, y, treatment=treated, propensity="constant").effects_[True][2:4]
        covered.append(low <= tau.mean() <= high)
    assert np.sum(covered) >= 8


def test_standard_errors_are_of_the_size_of_the_errors() -> None:
    X, y, treated, _ = experiment()
    model = UpliftModel(n_jobs=1).fit(X, y, treatment=treated, propensity="constant")
    new, _, _, tau = experiment(1000, seed=1)
    z = (model.predict(new)[True] - tau) / model.standard_error(new)[True]
    assert 0.4 < np.sqrt((z**2).mean()) < 2.5


def test_state_brings_back_the_same_model() -> None:
    X, y, treated, _ = experiment(800)
    for learner in ("s", "x"):
        model = UpliftModel(learner=learner, n_jobs=1).fit(X, y, treatment=treated.astype(int), propensity="constant")  # type: ignore[arg-type]
        again = UpliftModel.from_state(*model.to_state())
        pd.testing.assert_frame_equal(model.predict(X), again.predict(X))
        assert again.words() == model.words()


def test_auto_keeps_the_default_unless_another_is_clearly_better() -> None:
    X, y, treated, _ = experiment(800)
    model = UpliftModel(learner="auto", n_jobs=1).fit(X, y, treatment=treated, propensity="constant")
    assert model.fits_[True].learner in LEARNERS


BAD = [
    ({}, "no treatment column"),
    ({"treatment": "ones"}, "one arm only"),
    ({"treatment": "given"}, "nothing is said"),
    ({"treatment": "given", "propensity": 1.0}, r"inside \(0, 1\)"),
    ({"treatment": "given", "propensity": "guess"}, "unknown propensity"),
    ({"treatment": "names", "propensity": "constant"}, "which arm is control"),
    ({"treatment": "rare", "propensity": "constant"}, "less than 5"),
    ({"treatment": "holes", "propensity": "constant"}, "are missing"),
]


@pytest.mark.parametrize(("how", "said"), BAD, ids=[said for _, said in BAD])
def test_bad_input_is_explained(how: dict[str, Any], said: str) -> None:
    X, y, treated, _ = experiment(200)
    columns: dict[str, Any] = {
        "ones": np.ones(200), "given": treated, "names": np.where(treated, "a", "b"),
        "rare": np.arange(200) < 4, "holes": np.where(np.arange(200) < 3, np.nan, treated),
    }  # fmt: skip
    given = {**how, **({"treatment": columns[how["treatment"]]} if "treatment" in how else {})}
    with pytest.raises(DataError, match=said):
        UpliftModel(n_jobs=1).fit(X, y, **given)


def test_unknown_learner() -> None:
    X, y, treated, _ = experiment(200)
    with pytest.raises(ConfigurationError, match="learner"):
        UpliftModel(learner="q").fit(X, y, treatment=treated, propensity="constant")  # type: ignore[arg-type]


class WithTreatment(UpliftModel):
    """An uplift model cannot be fitted to X and y alone: here every other row is treated, so that checks can run."""

    def fit(self, X: Any, y: Any, **_: Any) -> Any:  # type: ignore[override]
        rows = 0 if y is None else len(np.asarray(y))
        return super().fit(X, y, treatment=np.arange(rows) % 2, propensity="constant")

    def predict(self, X: Any) -> Any:
        return super().predict(X).to_numpy().ravel()


FAILURES = {
    "check_dataframe_column_names_consistency": "columns are matched by name: another order is not an error",
    "check_fit2d_1sample": "an experiment needs customers in both arms",
}


@parametrize_with_checks([WithTreatment(n_jobs=1)], expected_failed_checks=lambda _: FAILURES)
@pytest.mark.filterwarnings("ignore::custintel.errors.QualityWarning")
def test_scikit_learn_check(estimator: Any, check: Any) -> None:
    check(estimator)


def test_arms_that_not_everybody_could_be_given() -> None:
    rng = np.random.default_rng(1)
    X, *_ = experiment(4000)
    campaign = rng.choice(["call", "mail"], 4000)
    chance = np.where(campaign == "call", 0.7, 0.4)
    treated = rng.random(4000) < chance
    # the mail was sent in bad times: its controls must not be compared with the called ones
    level = np.where(campaign == "mail", 0.3, 0.1)
    y = (rng.random(4000) < level + 0.2 * (treated & (campaign == "call"))).astype(int)
    arm = np.where(treated, campaign, "control")
    own = {a: np.where(campaign == a, chance, np.nan) for a in ("call", "mail")}
    model = UpliftModel(n_jobs=1).fit(X, y, treatment=arm, propensity=pd.DataFrame({"control": 1 - chance, **own}))
    assert model.effects_["call"].effect == pytest.approx(0.2, abs=0.05)
    assert model.effects_["mail"].effect == pytest.approx(0.0, abs=0.05)
    pooled = UpliftModel(n_jobs=1).fit(X, y, treatment=arm, propensity="constant").effects_["mail"].effect
    assert abs(pooled) > 0.08
    overlap = model.overlap_.set_index("arm")
    assert overlap.loc["call", "propensity"] == pytest.approx(0.7)
    with pytest.raises(DataError, match="could not have been given"):
        UpliftModel(n_jobs=1).fit(X, y, treatment=arm, propensity=pd.DataFrame({"control": np.nan, **own}))


@pytest.mark.parametrize("learner", ["dr", "r", "x"])
def test_contributions_add_up_to_the_effect(learner: Any) -> None:
    X, y, treated, _ = experiment(1500)
    model = UpliftModel(learner=learner, n_jobs=1).fit(X, y, treatment=treated, propensity="constant")
    parts = model.contributions(X)
    base = model.predict(X)[True] - parts.sum(axis=1)
    assert base.std() == pytest.approx(0.0, abs=1e-12)
    assert parts.abs().mean().idxmax() == "plan"
    assert model.feature_importance().sum() == pytest.approx(1.0)
    own = model.contributions(X, kernel=lambda booster, matrix: booster.predict(matrix, pred_contrib=True))
    pd.testing.assert_frame_equal(own, parts)


@pytest.mark.parametrize("learner", ["t", "s"])
def test_differences_of_probabilities_have_no_contributions(learner: Any) -> None:
    X, y, treated, _ = experiment(600)
    model = UpliftModel(learner=learner, n_jobs=1).fit(X, y, treatment=treated, propensity="constant")
    assert not hasattr(model, "contributions")
    assert model.feature_importance().index[0] in X.columns


def test_an_arm_with_evidence_comes_before_a_larger_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y, treated, _ = experiment(400)
    arm = np.where(treated, "call", np.where(np.arange(400) % 3 == 0, "rare", "control"))
    model = UpliftModel(n_jobs=1).fit(X, y, treatment=arm, propensity="constant")
    known = {"call": (0.05, 0.15), "rare": (-0.2, 0.6)}
    model.effects_ = {
        a: model.effects_[a]._replace(low=low, high=high, slope_p=1.0) for a, (low, high) in known.items()
    }
    effects = pd.DataFrame({"call": [0.1, 0.01], "rare": [0.3, 0.3]})
    errors = pd.DataFrame({"call": [0.02, 0.02], "rare": [0.2, 0.2]})
    monkeypatch.setattr(model, "predict", lambda _: effects)
    monkeypatch.setattr(model, "standard_error", lambda _: errors)
    assert model.best_arms(X.iloc[:2]).tolist() == ["call", "rare"]
