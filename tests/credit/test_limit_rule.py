"""Limits of a scorecard: the budget is met where they were learned, and nobody's limit depends on the others."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from custintel.credit import CreditScorecard
from custintel.errors import ConfigurationError, DataError

LIMITS = {"loss_budget": 2.0, "lgd": 0.8, "tenure_days": "tenure", "mean_bill": "bill", "cap": 10_000.0, "floor": 0.5}


@pytest.fixture(scope="module")
def customers() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    late = rng.poisson(1, 2000)
    X = pd.DataFrame({"late": late, "tenure": rng.integers(1, 2000, 2000), "bill": rng.gamma(4, 9, 2000)})
    return X, (rng.random(2000) < expit(late - 3)).astype(int)


@pytest.fixture(scope="module")
def card(customers: tuple[pd.DataFrame, np.ndarray]) -> CreditScorecard:
    return CreditScorecard(limits=LIMITS).fit(*customers)


def test_the_expected_loss_of_those_learned_from_meets_the_budget(
    card: CreditScorecard, customers: tuple[pd.DataFrame, np.ndarray]
) -> None:
    X, _ = customers
    loss = (card.event_probability(X) * LIMITS["lgd"] * card.credit_limit(X)).mean()
    assert loss == pytest.approx(2.0, rel=1e-6)


def test_a_limit_is_the_customers_own(card: CreditScorecard, customers: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, _ = customers
    some = X.iloc[[5, 900, 13]]
    pd.testing.assert_series_equal(card.credit_limit(some), card.credit_limit(X).loc[some.index])


def test_unknown_tenure_or_bill_has_no_limit(card: CreditScorecard) -> None:
    X = pd.DataFrame({"late": [0, 0, 0], "tenure": [900.0, np.nan, 900.0], "bill": [30.0, 30.0, np.nan]})
    assert card.credit_limit(X).isna().tolist() == [False, True, True]


def test_limits_are_kept(card: CreditScorecard, customers: tuple[pd.DataFrame, np.ndarray]) -> None:
    again = CreditScorecard.from_state(json.loads(json.dumps(card.to_state()[0])))
    pd.testing.assert_series_equal(again.credit_limit(customers[0]), card.credit_limit(customers[0]))
    assert again.limits == {**LIMITS, "utilisation": 1.0}


def test_mistakes_are_told(customers: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = customers
    with pytest.raises(DataError, match="no bill"):
        CreditScorecard(limits=LIMITS).fit(X.drop(columns="bill"), y)
    with pytest.raises(DataError, match="no limit can be set"):
        CreditScorecard(limits=LIMITS).fit(X.assign(bill=np.nan), y)
    with pytest.raises(ConfigurationError, match="without limits"):
        CreditScorecard().fit(X, y).credit_limit(X)
    with pytest.raises(ConfigurationError, match="must be above 0"):
        CreditScorecard(limits={**LIMITS, "loss_budget": 0.0}).fit(X, y)
    with pytest.raises(ConfigurationError, match="given: budget"):
        CreditScorecard(limits={"budget": 1.0}).fit(X, y)
