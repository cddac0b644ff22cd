"""`OwnEstimator`: any scikit-learn estimator on customer tables, and its state without pickle."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from custintel.artifact import Model, load_model
from custintel.errors import ConfigurationError, DataError, ModelError
from custintel.learners.own_estimator import OwnEstimator

if TYPE_CHECKING:
    from pathlib import Path


class MeanByPlan(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A regressor with a state of its own."""

    def __init__(self, shrink: float = 0.0) -> None:
        self.shrink = shrink

    def fit(self, X: Any, y: Any) -> Self:
        """Keep an object that no JSON holds."""
        self.means_ = {"all": float(np.mean(y)), "slope": float((X[:, 0] * y).mean())}
        return self

    def predict(self, X: Any) -> np.ndarray:
        """A straight line."""
        return np.asarray(self.means_["all"] + (1 - self.shrink) * self.means_["slope"] * X[:, 0])

    def to_state(self) -> dict[str, Any]:
        """Plain data."""
        return {"shrink": self.shrink, "means": self.means_}

    @classmethod
    def from_state(cls, state: Any) -> Self:
        """Read back."""
        model = cls(state["shrink"])
        model.means_ = dict(state["means"])
        return model


class NoProbabilities(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that cannot be used."""

    def fit(self, X: Any, y: Any) -> Self:
        """Nothing is learned."""
        return self


def _customers(rows: int = 300) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "plan": rng.choice(["S", "M", "L"], rows),
            "minutes": np.where(rng.random(rows) < 0.1, np.nan, rng.gamma(2, 50, rows)),
            "tenure": rng.integers(0, 72, rows),
            "constant": 1,
        },
        index=[f"c{i}" for i in range(rows)],
    )
    odds = 2.0 * (table["plan"] == "S") - table["tenure"] / 24 + 0.3
    amount = 5 + 0.2 * table["minutes"].fillna(100) + 10 * (table["plan"] == "L")
    return table, np.where(rng.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no"), amount.to_numpy()


LINEAR = [
    ("sklearn.linear_model.LogisticRegression", {"C": 0.5}),
    ("sklearn.naive_bayes.GaussianNB", {}),
    ("sklearn.discriminant_analysis.LinearDiscriminantAnalysis", {}),
    ("sklearn.linear_model.LinearRegression", {}),
    ("sklearn.linear_model.Ridge", {"alpha": 2.0}),
    ("sklearn.linear_model.ElasticNet", {"alpha": 0.01}),
    ("sklearn.linear_model.HuberRegressor", {"max_iter": 1000}),
    ("sklearn.linear_model.PoissonRegressor", {}),
    ("sklearn.linear_model.TweedieRegressor", {"power": 1.5}),
]


@pytest.mark.parametrize(("path", "params"), LINEAR)
def test_what_is_saved_says_the_same(path: str, params: dict[str, Any], tmp_path: Path) -> None:
    table, left, amount = _customers()
    y = left if path.split(".")[-1] in ("LogisticRegression", "GaussianNB", "LinearDiscriminantAnalysis") else amount
    model = OwnEstimator(path, params=params).fit(table, y)
    again = load_model(Model("own", model).save(tmp_path / "own")).estimator
    np.testing.assert_array_equal(again.predict(table), model.predict(table))
    parts = model.contributions(table)
    pd.testing.assert_frame_equal(again.contributions(table), parts)
    target = model.predict_proba(table)[:, 1] if y is left else model.predict(table)
    np.testing.assert_allclose(parts.sum(axis=1) + model.expected_value_, target, atol=1e-9)
    assert (parts["constant"] == 0).all()


def test_contributions_of_a_straight_line_are_exact() -> None:
    table, _, amount = _customers()
    table["minutes"] = table["minutes"].fillna(100.0)
    model = OwnEstimator("sklearn.linear_model.LinearRegression").fit(table, amount)
    parts = model.contributions(table)
    np.testing.assert_allclose(parts["minutes"], 0.2 * (table["minutes"] - table["minutes"].median()), atol=1e-6)


def test_several_classes() -> None:
    table, _, amount = _customers()
    y = np.select([amount > 40, amount > 25], ["gold", "silver"], "none")
    model = OwnEstimator(params={"max_iter": 1000}).fit(table, y)
    p = model.predict_proba(table)
    assert model.classes_.tolist() == ["gold", "none", "silver"]
    assert (model.predict(table) == y).mean() > 0.7
    parts = model.contributions(table, target="gold")
    np.testing.assert_allclose(parts.sum(axis=1) + model.expected_value_[0], p[:, 0], atol=1e-9)
    with pytest.raises(DataError, match="no such class"):
        model.contributions(table, target="tin")


def test_the_event_may_be_the_first_label() -> None:
    table, left, _ = _customers()
    words = np.where(left == "yes", "churned", "stayed")
    model = OwnEstimator().fit(table, words)
    assert model.pos_label_ == "churned"
    p = model.predict_proba(table)
    assert np.mean(p[words == "churned", 0]) > np.mean(p[words == "stayed", 0])
    np.testing.assert_allclose(model.contributions(table).sum(axis=1) + model.expected_value_, p[:, 0], atol=1e-9)


def test_a_class_with_a_state_of_its_own_must_be_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _, amount = _customers()
    model = OwnEstimator(MeanByPlan, params={"shrink": 0.5}).fit(table, amount)
    path = json.loads(json.dumps(model.to_state()[0]))["params"]["learner"]
    assert path.endswith(".MeanByPlan")
    folder = Model("own", model).save(tmp_path / "own")
    with pytest.raises(ModelError, match=r"(?s)not allowed.*MeanByPlan.*extra_classes"):
        load_model(folder)
    again = load_model(folder, extra_classes={path: MeanByPlan}).estimator
    np.testing.assert_array_equal(again.predict(table), model.predict(table))
    monkeypatch.setenv("CUSTINTEL_OWN_CLASSES", f"x.Y, {path}")
    monkeypatch.setitem(sys.modules, MeanByPlan.__module__, sys.modules[__name__])
    assert load_model(folder).estimator.predict(table).shape == (300,)


def test_a_file_decides_no_import(tmp_path: Path) -> None:
    table, _, amount = _customers()
    state, _ = OwnEstimator("sklearn.linear_model.Ridge").fit(table, amount).to_state()
    for path in ("antigravity.Any", "os.system", "sklearn.linear_model.Ridge.fit", "subprocess.Popen", "", "x"):
        state["params"]["learner"] = path
        with pytest.raises(ModelError, match="not allowed"):
            OwnEstimator.from_state(state, {})


@pytest.mark.parametrize(
    ("learner", "told"),
    [
        ("sklearn.ensemble.RandomForestRegressor", r"(?s)cannot be saved without pickle.*to_state"),
        ("sklearn.cluster.KMeans", "neither a classifier nor a regressor"),
        (NoProbabilities, "no probabilities"),
        ("no_such_package.Thing", "no class of this name"),
        ("Ridge", "no class of this name"),
        ("sklearn.linear_model.ridge_regression", "no class of this name"),
    ],
)
def test_what_cannot_be_used_is_told_before_training(learner: Any, told: str) -> None:
    table, _, amount = _customers()
    with pytest.raises(ConfigurationError, match=told):
        OwnEstimator(learner).fit(table, amount)


def test_unknown_parameters_are_told() -> None:
    table, _, amount = _customers()
    with pytest.raises(ConfigurationError, match="does not take these parameters"):
        OwnEstimator("sklearn.linear_model.Ridge", params={"alfa": 1}).fit(table, amount)


CHANGES = [
    lambda s: s["inner"]["attributes"].__setitem__("predict", 1),
    lambda s: s["inner"]["attributes"].__setitem__("__class__", "x"),
    lambda s: s["inner"]["attributes"]["coef_"].__setitem__("dtype", "O"),
    lambda s: s["inner"]["attributes"]["coef_"]["array"].pop(),
    lambda s: s["inner"]["attributes"].pop("coef_"),
    lambda s: s["start"].append(1.0),
    lambda s: s["inner"]["attributes"]["coef_"]["array"].__setitem__(0, float("inf")),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_state_is_refused(change: Any) -> None:
    table, _, amount = _customers()
    state, _ = OwnEstimator("sklearn.linear_model.Ridge").fit(table, amount).to_state()
    state = json.loads(json.dumps(state))
    OwnEstimator.from_state(state, {})
    change(state)
    with pytest.raises((ModelError, ValueError, TypeError)):
        OwnEstimator.from_state(state, {})
