"""Calibration on probabilities whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from custintel.metrics import ece_score
from custintel.metrics.calibration import brier, calibration_line, calibration_table


@pytest.fixture(scope="module")
def honest() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    p = rng.beta(2, 5, 50_000)
    return (rng.random(50_000) < p).astype(int), p


def test_honest_probabilities(honest: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = honest
    line = calibration_line(y, p)
    assert ece_score(y, p) < 0.006
    assert line.slope == pytest.approx(1, abs=0.04)
    assert line.intercept == pytest.approx(0, abs=0.04)
    table = calibration_table(y, p)
    inside = (table["low"] <= table["predicted"]) & (table["predicted"] <= table["high"])
    assert inside.sum() >= 8


def test_overconfident_probabilities_have_a_small_slope(honest: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = honest
    odds = 2 * np.log(p / (1 - p)) + 1
    line = calibration_line(y, 1 / (1 + np.exp(-odds)))
    assert line.slope == pytest.approx(0.5, abs=0.02)
    assert line.intercept == pytest.approx(-0.5, abs=0.03)


def test_ece_is_the_weighted_gap() -> None:
    y, p = [0, 0, 0, 0, 1, 1, 1, 0], [0.1, 0.1, 0.1, 0.1, 0.5, 0.5, 0.5, 0.5]
    assert ece_score(y, p, n_bins=2) == pytest.approx((0.1 * 4 + 0.25 * 4) / 8)
    assert ece_score(y, p, n_bins=1) == pytest.approx(abs(0.3 - 3 / 8))
    assert brier(y, p) == pytest.approx((4 * 0.01 + 4 * 0.25) / 8)


def test_calibration_line_of_certain_scores_is_finite() -> None:
    line = calibration_line([0, 1, 0, 1], [0.0, 1.0, 0.0, 1.0])
    assert np.isfinite([line.intercept, line.slope]).all()
