"""Money with individual values: against brute force and against the published measure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta as beta_law
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from custintel.errors import ConfigurationError, DataError
from custintel.metrics import best_campaign, contact_value, empc_individual
from custintel.metrics.campaign_profit import empc
from custintel.metrics.individual_profit import profit_scorer


def brute(y: np.ndarray, score: np.ndarray, clv: np.ndarray, d: np.ndarray, f: float) -> float:
    """Every cut-off for every acceptance share on a fine grid."""
    gains = [(0.0, 0.0)]
    for cut in sorted(set(score), reverse=True):
        chosen = score >= cut
        gains.append(((y * (clv - d))[chosen].sum(), (f + (1 - y) * d)[chosen].sum()))
    grid = (np.arange(200_000) + 0.5) / 200_000
    best = np.max([g * grid - c for g, c in gains], axis=0)
    return float((best * beta_law.pdf(grid, 6, 14)).mean() / len(y))


@pytest.mark.parametrize("seed", range(6))
def test_individual_empc_equals_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, clv, d = (rng.random(60) < 0.3).astype(float), rng.normal(150, 150, 60), rng.uniform(0, 20, 60)
    score = rng.integers(0, 12, 60) + y * 3
    assert empc_individual(y, score, clv, d, contact_cost=2.0).score == pytest.approx(
        brute(y, score, clv, d, 2.0), abs=1e-6
    )


@pytest.mark.parametrize("kind", ["random", "constant", "perfect", "inverted"])
def test_with_equal_values_it_is_the_published_measure(kind: str) -> None:
    rng = np.random.default_rng(1)
    y = (rng.random(500) < 0.2).astype(float)
    score = {"random": rng.random(500), "constant": np.ones(500), "perfect": y, "inverted": -y}[kind]
    ours, published = empc_individual(y, score, clv=200.0), empc(y, score)
    for a, b in zip(ours, published, strict=True):
        assert a == pytest.approx(b, abs=1e-9)


def test_ranking_by_profit_earns_more_than_by_probability() -> None:
    rng = np.random.default_rng(2)
    p, clv = rng.beta(1, 5, 20_000), rng.lognormal(5, 1, 20_000)
    y = (rng.random(20_000) < p).astype(int)
    assert empc_individual(y, contact_value(p, clv), clv).score > empc_individual(y, p, clv).score


LIMITS = [({}, 3, "profit"), ({"capacity": 1}, 1, "capacity"), ({"budget": 4.0, "cost": 2.0}, 2, "budget")]


@pytest.mark.parametrize(("how", "contacts", "why"), LIMITS)
def test_campaign_is_as_large_as_it_pays_and_may_be(how: dict[str, float], contacts: int, why: str) -> None:
    found = best_campaign([5.0, -1.0, 3.0, 2.0], **how)  # type: ignore[arg-type]
    assert (found.contacts, found.limited_by) == (contacts, why)


def test_no_campaign_when_nothing_pays() -> None:
    found = best_campaign([-1.0, -2.0])
    assert (found.contacts, found.profit, found.next_contact) == (0, 0.0, 0.0)


def test_scorer_reads_values_from_the_table_and_rewards_the_better_model() -> None:
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"x": rng.normal(size=2000), "noise": rng.normal(size=2000), "pv": rng.lognormal(5, 0.5, 2000)})
    y = (rng.random(2000) < 1 / (1 + np.exp(-2 * X["x"] + 1))).astype(int)
    scorer = profit_scorer(clv="pv", capacity=0.2)
    good = cross_val_score(LogisticRegression(), X, y, scoring=scorer).mean()
    poor = cross_val_score(LogisticRegression(), X.assign(x=0.0), y, scoring=scorer).mean()
    assert good > poor


def test_bad_input_is_explained() -> None:
    with pytest.raises(DataError, match="0 and 1"):
        empc_individual([2, 0], [0.1, 0.2], 100)
    with pytest.raises(ConfigurationError, match="known for every"):
        empc_individual([1, 0], [0.1, 0.2], [100, np.nan])
    with pytest.raises(ConfigurationError, match="capacity"):
        best_campaign([1.0], capacity=-1)
    with pytest.raises(ConfigurationError, match=r"score.*one for each outcome"):
        empc_individual([1, 0], [0.1], 100)
    with pytest.raises(ConfigurationError, match="no customers"):
        empc_individual([], [], 100)
    with pytest.raises(ConfigurationError, match=r"clv.*one for each customer"):
        empc_individual([1, 0], [0.1, 0.2], [1, 2, 3])
    with pytest.raises(ConfigurationError, match=r"alpha.*positive"):
        empc_individual([1, 0], [0.1, 0.2], 100, alpha=-1)
    with pytest.raises(ConfigurationError, match="not a share"):
        best_campaign([1.0, 2.0], capacity=0.5)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="known for every"):
        best_campaign([1.0, np.nan])
    with pytest.raises(ConfigurationError, match=r"cost.*negative"):
        best_campaign([1.0, 2.0], budget=3.0, cost=[1.0, -1.0])
    with pytest.raises(ConfigurationError, match="not a probability"):
        contact_value([0.2, 7.0], 100)


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_outcomes_of_one_kind_have_a_value_too(outcome: float) -> None:
    y, score, clv, d = np.full(3, outcome), np.array([0.3, 0.2, 0.1]), np.array([100.0, 9.0, 300.0]), np.full(3, 10.0)
    assert empc_individual(y, score, clv, d).score == pytest.approx(brute(y, score, clv, d, 1.0), abs=1e-6)
