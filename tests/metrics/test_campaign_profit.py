"""EMPC against brute force; profit curves against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from custintel.errors import ConfigurationError
from custintel.metrics import empc_score
from custintel.metrics.campaign_profit import constant_policy_profit, empc, profit_curve


def _brute_force(y: np.ndarray, p: np.ndarray, clv: float, d: float, f: float, a: float, b: float) -> float:
    """Maximum over all cut-offs at every acceptance share of a fine midpoint grid, weighted by the beta density."""
    cutoffs = np.unique(np.append(p, np.inf))
    caught = np.array([((p >= c) & (y == 1)).mean() for c in cutoffs])
    bothered = np.array([((p >= c) & (y == 0)).mean() for c in cutoffs])
    edges = np.linspace(0, 1, 40_001)
    middle = (edges[1:] + edges[:-1]) / 2
    mass = np.diff(beta.cdf(edges, a, b))
    gain = clv * (1 - d / clv) * middle[:, None] - f
    return float(mass @ (gain * caught - (d + f) * bothered).max(axis=1))


def _sample(seed: int, rows: int, rate: float, digits: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(rows) < rate).astype(int)
    y[:2] = [0, 1]
    return y, np.round(rng.normal(size=rows) + y, digits)


@pytest.mark.parametrize(
    ("seed", "rows", "rate", "digits"),
    [(0, 200, 0.15, 8), (1, 200, 0.15, 0), (2, 150, 0.5, 1), (3, 60, 0.03, 8), (4, 300, 0.9, 1)],
)
@pytest.mark.parametrize("terms", [(200, 10, 1, 6, 14), (50, 10, 5, 2, 3), (1000, 0, 0, 6, 14)])
def test_empc_equals_brute_force(seed: int, rows: int, rate: float, digits: int, terms: tuple[float, ...]) -> None:
    y, p = _sample(seed, rows, rate, digits)
    assert empc_score(y, p, *terms) == pytest.approx(_brute_force(y, p, *terms), abs=1e-6)


def _integral_of_the_better(rate: float) -> float:
    edges = np.linspace(0, 1, 200_001)
    middle = (edges[1:] + edges[:-1]) / 2
    treat_all = (190 * middle - 1) * rate - 11 * (1 - rate)
    return float(np.diff(beta.cdf(edges, 6, 14)) @ np.maximum(treat_all, 0))


@pytest.mark.parametrize("rate", [0.05, 0.15, 0.3, 0.6])
def test_constant_scores_earn_the_better_of_all_and_none(rate: float) -> None:
    y = np.arange(1000) < 1000 * rate
    expected = _integral_of_the_better(rate)
    assert empc_score(y, np.full(1000, 0.3)) == pytest.approx(expected, abs=1e-6)
    assert constant_policy_profit(y) == pytest.approx(expected, abs=1e-6)


def test_a_perfect_score_contacts_the_churners_only() -> None:
    y = np.array([1] * 30 + [0] * 70)
    profit, fraction = empc_score(y, y, return_fraction=True)
    # the mean acceptance is .3; below 1/190 nobody is contacted, which happens with probability 2e-9
    assert profit == pytest.approx(0.3 * (0.3 * 190 - 1), abs=1e-6)
    assert fraction == pytest.approx(0.3, abs=1e-6)


def test_a_reversed_score_is_worth_the_constant_policy() -> None:
    y = np.array([1] * 30 + [0] * 70)
    assert empc_score(y, -y) == pytest.approx(constant_policy_profit(y), abs=1e-12)


@pytest.mark.parametrize("y", [[0, 0, 0], [1, 1, 1]])
def test_one_class_is_a_constant_policy(y: list[int]) -> None:
    assert empc_score(y, [0.1, 0.5, 0.9]) == pytest.approx(constant_policy_profit(y), abs=1e-12)


def test_empc_comes_with_the_constant_policy() -> None:
    y, p = _sample(0, 500, 0.2, 8)
    found = empc(y, p, clv=100)
    assert found.score == empc_score(y, p, clv=100)
    assert found.constant == constant_policy_profit(y, clv=100)
    assert found.gain == found.score - found.constant > 0


def test_order_of_the_rows_does_not_matter() -> None:
    y, p = _sample(5, 400, 0.2, 1)
    shuffled = np.random.default_rng(0).permutation(400)
    assert empc_score(y[shuffled], p[shuffled]) == pytest.approx(empc_score(y, p), abs=1e-12)


def test_impossible_economics_are_told_all_at_once() -> None:
    with pytest.raises(ConfigurationError, match="2 mistakes") as caught:
        empc_score([0, 1], [0.1, 0.2], clv=5, offer_cost=10, alpha=0)
    assert "costs more than the customer is worth" in str(caught.value)


def test_profit_curve_adds_up_by_hand() -> None:
    y, p = [1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]
    curve = profit_curve(y, p, clv=[100, 1, 300, 1], take_up=0.5, offer_cost=10, contact_cost=2, points=4)
    assert curve["profit"].tolist() == [0, 43, 43 - 12, 31 + 143, 174 - 12]
    assert curve["targets"].tolist() == [0, 1, 1, 2, 2]
    assert curve["cutoff"].tolist()[1:] == p


def test_profit_curve_is_the_empc_integrand_at_one_acceptance_share() -> None:
    y, p = _sample(6, 300, 0.2, 8)
    curve = profit_curve(y, p, take_up=0.4, points=300)
    caught, bothered = curve["targets"] / 300, (curve["contacts"] - curve["targets"]) / 300
    expected = 200 * ((0.4 * 0.95 - 0.005) * caught - 0.055 * bothered)
    np.testing.assert_allclose(curve["profit"] / 300, expected, atol=1e-9)
