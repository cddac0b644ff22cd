"""ProfitThreshold: a threshold by money."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from custintel.errors import ConfigurationError
from custintel.learners import ProfitThreshold
from custintel.metrics import contact_value


def customers(rows: int = 3000) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=rows), "pv": rng.lognormal(5, 0.7, rows)})
    return X, (rng.random(rows) < 1 / (1 + np.exp(-1.5 * X["x"] + 2))).astype(int)


def test_threshold_earns_more_than_one_half() -> None:
    X, y = customers()
    half, rest = slice(0, 1500), slice(1500, None)
    model = ProfitThreshold(LogisticRegression(), clv="pv").fit(X[half], y[half])
    made = contact_value(y.astype(float), X["pv"])[rest]
    ours = made[model.predict(X[rest]) == 1].sum()
    usual = made[model.estimator_.predict(X[rest]) == 1].sum()
    assert ours > 1.2 * usual > 0


def test_capacity_is_kept() -> None:
    X, y = customers()
    assert ProfitThreshold(LogisticRegression(), capacity=0.05).fit(X, y).predict(X).mean() <= 0.06


def test_nobody_is_contacted_when_no_contact_pays() -> None:
    X, y = customers(500)
    model = ProfitThreshold(LogisticRegression(), clv=12.0).fit(X, y)
    assert model.profit_ == 0.0
    assert model.predict(X).sum() == 0


def test_bad_parameters() -> None:
    X, y = customers(100)
    with pytest.raises(ConfigurationError, match="capacity"):
        ProfitThreshold(LogisticRegression(), capacity=2.0).fit(X, y)


FAILURES = {
    "check_classifiers_train": "the threshold is set by profit, not at one half",
    "check_classifiers_one_label_sample_weights": "who is not worth a contact gets the other class",
}


@parametrize_with_checks(
    [ProfitThreshold(LogisticRegression(), clv=40.0, cv=3)], expected_failed_checks=lambda _: FAILURES
)
@pytest.mark.filterwarnings("ignore:which label is the event was guessed")
def test_scikit_learn_check(estimator: Any, check: Any) -> None:
    check(estimator)
