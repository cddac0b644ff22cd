"""Intervals: the fast way equals resampled rows, and they cover what they should."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from custintel.metrics import (
    auc,
    average_precision,
    bootstrap_interval,
    brier,
    ece_score,
    empc_score,
    ks_score,
    lift_score,
    psi,
)


def _sample(seed: int, rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(rows) < 0.25).astype(int)
    return y, np.round(1 / (1 + np.exp(-rng.normal(size=rows) - y + 1)), 2)


@pytest.mark.parametrize("metric", [auc, average_precision, brier, ece_score, empc_score, ks_score, lift_score])
def test_fast_way_equals_resampled_rows(metric: object) -> None:
    y, p = _sample(0)
    fast = bootstrap_interval(metric, y, p, n=30)  # type: ignore[arg-type]
    slow = bootstrap_interval(lambda a, b: metric(a, b), y, p, n=30)  # type: ignore[operator]
    # equal scores at a cut of the ranking may fall in another order
    assert fast == pytest.approx(slow, abs=0.03 if metric is ece_score else 1e-9)
    assert fast.low < fast.value < fast.high or metric is ece_score


def test_parameters_by_partial() -> None:
    y, p = _sample(1)
    found = bootstrap_interval(partial(empc_score, clv=500), y, p, n=20)
    assert found.value == empc_score(y, p, clv=500)
    assert found.low < found.value < found.high


def test_interval_covers_the_truth() -> None:
    truth = auc(*_sample(99, 200_000))
    hits = [i.low <= truth <= i.high for i in (bootstrap_interval(auc, *_sample(s), n=100) for s in range(60))]
    assert np.mean(hits) > 0.85


def test_rows_of_a_customer_are_drawn_together() -> None:
    y, p = _sample(2)
    repeated = bootstrap_interval(auc, np.tile(y, 9), np.tile(p, 9), groups=np.tile(np.arange(400), 9))
    single = bootstrap_interval(auc, y, p)
    naive = bootstrap_interval(auc, np.tile(y, 9), np.tile(p, 9))
    assert repeated.high - repeated.low == pytest.approx(single.high - single.low, rel=0.02)
    assert naive.high - naive.low < 0.5 * (single.high - single.low)


def test_same_seed_same_interval() -> None:
    y, p = _sample(3)
    assert bootstrap_interval(auc, y, p, n=20, seed=5) == bootstrap_interval(auc, y, p, n=20, seed=5)


PSI = [
    ([0.0] * 50 + [1.0] * 50, [0.0] * 50 + [1.0] * 50, 0.0),
    (["a"] * 50 + ["b"] * 50, ["a"] * 75 + ["b"] * 25, 0.25 * np.log(1.5) - 0.25 * np.log(0.5)),
    ([1.0, np.nan] * 50, [np.nan, 1.0] * 50, 0.0),
]


@pytest.mark.parametrize(("before", "after", "expected"), PSI)
def test_psi(before: list[object], after: list[object], expected: float) -> None:
    assert psi(before, after) == pytest.approx(expected, abs=1e-12)


def test_psi_sees_a_shift_and_a_new_value() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=5000)
    assert psi(x, rng.normal(size=5000)) < 0.01
    assert psi(x, x + 1) > 0.5
    assert psi(["a"] * 100, ["a"] * 50 + ["new"] * 50) > 1
    assert psi(x, np.where(np.arange(5000) < 1000, np.nan, x)) > 0.2
