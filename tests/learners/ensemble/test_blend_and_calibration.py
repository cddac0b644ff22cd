"""Blending and calibration, each against a known truth."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit

from custintel.learners.ensemble.blend_and_calibration import (
    Calibration,
    blend_weights,
    choose_calibration,
    log_loss_raw,
)


def _rows(seed: int = 0, rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4))
    return X, (rng.random(rows) < expit(X @ [1.0, -1.0, 0.5, 0.0] - 1)).astype(float)


def test_blend_prefers_what_helps() -> None:
    X, y = _rows(rows=4000)
    truth, half = X @ [1.0, -1.0, 0.5, 0.0] - 1, X @ [1.0, 0, 0, 0]
    rest = X @ [0, -1.0, 0.5, 0] - 1
    weights = blend_weights(np.array([np.zeros(4000), half * 2, rest * 2]), y, np.ones(4000))
    assert weights[0] < 0.3
    assert weights[1:].min() > 0.3
    only = blend_weights(np.array([truth, -truth]), y, np.ones(4000))
    assert only.tolist() == [1.0, 0.0]


DISTORTIONS = {
    "none": lambda t: t,
    "platt": lambda t: 0.5 * t + 1,
    "beta": lambda t: np.where(t < -1, -1 + 0.3 * (t + 1), 2 * (t + 1) - 1),
    "isotonic": lambda t: np.floor(2.5 * t) + 0.001 * t,
}


@pytest.mark.parametrize("name", DISTORTIONS)
def test_calibration_finds_the_truth(name: str) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(-1.2, 1.5, 20_000)
    y = (rng.random(20_000) < expit(truth)).astype(float)
    raw = DISTORTIONS[name](truth)
    found = choose_calibration(y, raw, np.ones(20_000), np.arange(20_000) % 5)
    assert found.method == name or name in ("beta", "isotonic")
    assert log_loss_raw(y, found.log_odds(raw), np.ones(20_000)) < log_loss_raw(y, truth, np.ones(20_000)) + 0.01
    grid = np.linspace(-12, 12, 4001)
    assert (np.diff(found.log_odds(grid)) > 0).all()
    again = Calibration.from_state(json.loads(json.dumps(found.to_state())))
    np.testing.assert_array_equal(again.probability(grid), found.probability(grid))


def test_few_rows_are_not_recalibrated() -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(-1, 1, 200)
    y = (rng.random(200) < expit(raw)).astype(float)
    assert choose_calibration(y, raw, np.ones(200), np.arange(200) % 5).method == "none"
