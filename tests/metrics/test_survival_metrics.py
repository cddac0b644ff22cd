"""Survival metrics against literal examples and brute force."""

from __future__ import annotations

import numpy as np
import pytest

from custintel.errors import DataError
from custintel.metrics import concordance_index, integrated_brier_score
from custintel.metrics.survival_metrics import brier_survival, kaplan_meier, survival_calibration


def brute_concordance(t: np.ndarray, gone: np.ndarray, risk: np.ndarray) -> float:
    agree = pairs = 0.0
    for i in range(len(t)):
        for j in range(len(t)):
            if gone[i] and (t[j] > t[i] or (t[j] == t[i] and not gone[j])):
                pairs += 1
                agree += 1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0
    return agree / pairs


@pytest.mark.parametrize("seed", range(5))
def test_concordance_equals_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    t, gone, risk = rng.integers(1, 8, 60), rng.random(60) < 0.6, rng.integers(0, 5, 60).astype(float)
    assert concordance_index(t, gone, risk) == pytest.approx(brute_concordance(t, gone, risk))


def test_kaplan_meier_of_a_textbook_example() -> None:
    # Freireich's 6-MP group (weeks), as printed in Collett (2003)
    t = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    gone = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    found = kaplan_meier(t, gone)
    assert [round(found[w], 3) for w in (6, 7, 10, 13, 16, 22, 23)] == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]


def test_without_censoring_brier_is_the_mean_squared_error() -> None:
    rng = np.random.default_rng(0)
    t = rng.integers(1, 6, 200)
    S = np.sort(rng.random((200, 4)), axis=1)[:, ::-1]
    expected = [
        ((t > h).astype(float) - S[:, h - 1]) @ ((t > h).astype(float) - S[:, h - 1]) / 200 for h in range(1, 5)
    ]
    np.testing.assert_allclose(brier_survival(t, np.ones(200, bool), S), expected)
    assert integrated_brier_score(t, np.ones(200, bool), S) == pytest.approx(np.mean(expected))


def test_censoring_at_random_leaves_the_brier_score_where_it_was() -> None:
    rng = np.random.default_rng(1)
    n = 60_000
    t = rng.geometric(0.15, n)
    S = np.tile(0.85 ** np.arange(1, 7), (n, 1))
    whole = integrated_brier_score(np.minimum(t, 7), t <= 7, S)
    censor = rng.integers(1, 9, n)
    seen = t <= censor
    assert integrated_brier_score(np.where(seen, t, censor), seen, S) == pytest.approx(whole, abs=0.004)


def test_calibration_of_true_chances_is_near_one() -> None:
    rng = np.random.default_rng(2)
    hazard = rng.uniform(0.02, 0.2, 20_000)
    t = rng.geometric(hazard)
    S = (1 - hazard)[:, None] ** np.arange(1, 7)
    found = survival_calibration(np.minimum(t, 7), t <= 7, S, at=(3, 6))
    assert found["ratio"].between(0.85, 1.15).all()
    assert len(found) == 20


def test_bad_input_is_explained() -> None:
    with pytest.raises(DataError, match="whole month"):
        kaplan_meier([0, 2], [False, True])
    with pytest.raises(DataError, match="customers x months"):
        brier_survival([1, 2], [True, False], [0.5, 0.5])
    with pytest.raises(DataError, match="compared"):
        concordance_index([2, 2], [False, False], [0.1, 0.2])
