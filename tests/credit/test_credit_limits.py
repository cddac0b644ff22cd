"""Credit limits: the budget is met in expectation and in simulated losses, and limits follow risk and tenure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.credit import LimitSettings, credit_limits
from custintel.errors import ConfigurationError


def customers(rows: int = 30_000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "pd": rng.beta(0.8, 20, rows),
            "tenure_months": rng.exponential(20, rows).astype(int) + 1,
            "mean_bill": rng.lognormal(3.3, 0.5, rows),
        }
    ).rename_axis("customer_id")


@pytest.mark.parametrize("seed", range(5))
def test_simulated_losses_stay_within_a_tenth_of_the_budget(seed: int) -> None:
    table = customers(seed=seed)
    found = credit_limits(table, LimitSettings(loss_budget=30_000))
    rng = np.random.default_rng(100 + seed)
    default = rng.random(len(table)) < table["pd"]
    lost = (default * found.limits * 0.8).sum()
    assert found.expected_loss == pytest.approx(30_000, rel=1e-6)
    assert abs(lost / 30_000 - 1) < 0.10


def test_limits_fall_with_risk_and_rise_with_tenure() -> None:
    table = pd.DataFrame({"pd": [0.005, 0.05, 0.5] * 2, "tenure_months": [2] * 3 + [40] * 3, "mean_bill": 30.0})
    limits = credit_limits(table, LimitSettings(loss_budget=40, floor=0.01)).limits.to_numpy()
    assert (np.diff(limits[:3]) < 0).all()
    assert (limits[3:] > limits[:3]).all()


def test_a_larger_budget_raises_every_limit_or_none() -> None:
    table = customers(2000)
    small, large = (credit_limits(table, LimitSettings(loss_budget=b)).limits for b in (1000, 2000))
    assert (large >= small).all()
    assert large.sum() > small.sum()


def test_floors_and_caps_are_said_to_bind() -> None:
    table = customers(1000)
    tight, loose = LimitSettings(loss_budget=1), LimitSettings(loss_budget=1e9)
    assert "floors" in credit_limits(table, tight).words(1)
    assert (credit_limits(table, tight).limits == 10).all()
    assert "caps" in credit_limits(table, loose).words(1e9)
    assert credit_limits(table, loose).limits.max() == 1000


def test_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as told:
        LimitSettings(loss_budget=0, floor=9, cap=1, scale=(1.0,))
    assert all(word in str(told.value) for word in ("loss_budget", "floor", "scale"))
    with pytest.raises(ConfigurationError, match="mean_bill"):
        credit_limits(pd.DataFrame({"pd": [0.1]}), LimitSettings(loss_budget=1))
    with pytest.raises(ConfigurationError, match="not probabilities"):
        credit_limits(pd.DataFrame({"pd": [3], "tenure_months": [1], "mean_bill": [1]}), LimitSettings(loss_budget=1))
