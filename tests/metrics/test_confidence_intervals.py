"""Intervals: the fast way equals resampled rows, and they cover what they should."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custintel.metrics import ece_score, empc_score, ks_score, lift_score, psi, qini_score
from custintel.metrics.calibration import brier
from custintel.metrics.confidence_intervals import bootstrap_interval, metric_bounds, wilson
from custintel.metrics.discrimination import auc, average_precision
from custintel.metrics.uplift_metrics import compare_uplift


def _sample(seed: int, rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(rows) < 0.25).astype(int)
    return y, np.round(1 / (1 + np.exp(-rng.normal(size=rows) - y + 1)), 2)


@pytest.mark.parametrize("metric", [auc, average_precision, brier, ece_score, empc_score, ks_score, lift_score])
def test_fast_way_equals_resampled_rows(metric: object) -> None:
    y, p = _sample(0)
    fast = bootstrap_interval(metric, y, p, n_resamples=30)  # type: ignore[arg-type]
    slow = bootstrap_interval(lambda a, b: metric(a, b), y, p, n_resamples=30)  # type: ignore[operator]
    # equal scores at a cut of the ranking may fall in another order
    bounded = fast[2] if metric is lift_score else None  # a metric that is not known to the package has no bounds
    assert fast == pytest.approx((*slow[:2], bounded or slow[2]), abs=0.03 if metric is ece_score else 1e-9)
    assert fast.low < fast.value < fast.high


def test_parameters_by_partial() -> None:
    y, p = _sample(1)
    found = bootstrap_interval(partial(empc_score, clv=500), y, p, n_resamples=20)
    assert found.value == empc_score(y, p, clv=500)
    assert found.low < found.value < found.high


def test_interval_covers_the_truth() -> None:
    truth = auc(*_sample(99, 200_000))
    hits = [
        i.low <= truth <= i.high for i in (bootstrap_interval(auc, *_sample(s), n_resamples=100) for s in range(60))
    ]
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
    assert bootstrap_interval(auc, y, p, n_resamples=20, random_state=5) == bootstrap_interval(
        auc, y, p, n_resamples=20, random_state=5
    )


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


METRICS = [auc, average_precision, brier, ece_score, empc_score, ks_score, lift_score, partial(lift_score, at=0.3)]


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(30, 300),
    rate=st.floats(0.05, 0.9),
    strength=st.sampled_from([0.0, 0.5, 3.0, 50.0]),
    customers=st.sampled_from([None, 3]),
)
def test_an_interval_contains_its_value_and_keeps_the_bounds(metric, seed, rows, rate, strength, customers) -> None:
    rng = np.random.default_rng(seed)
    y = (rng.random(rows) < rate).astype(int)
    y[:2] = 0, 1
    p = 1 / (1 + np.exp(-np.clip(strength * (y - 0.5) + rng.normal(size=rows), -30, 30)))
    groups = None if customers is None else np.arange(rows) // customers
    found = bootstrap_interval(metric, y, p, n_resamples=20, random_state=seed, groups=groups)
    least, most = metric_bounds(metric, y.astype(float))
    assert least <= found.low <= found.value <= found.high <= most + 1e-12


def _calibrated(seed: int, rows: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows) - 1.5
    return (rng.random(rows) < 1 / (1 + np.exp(-x))).astype(int), 1 / (1 + np.exp(-strength * x))


def test_the_interval_of_the_calibration_error_covers_the_truth() -> None:
    """Of scores that are too sure by 60 %; the percentile interval of calibrated ones lies above their own value."""
    truth = ece_score(*_calibrated(99, 200_000, 1.6))
    found = [bootstrap_interval(ece_score, *_calibrated(s, 300, 1.6), n_resamples=100) for s in range(40)]
    assert np.mean([i.low <= truth <= i.high for i in found]) > 0.85
    assert bootstrap_interval(ece_score, *_calibrated(1, 2000, 1.0)).low < 0.01


@pytest.mark.parametrize(("positives", "rows"), [(0, 7), (7, 7), (1, 3), (0, 100_003), (100_003, 100_003)])
def test_the_interval_of_a_share_contains_it(positives: int, rows: int) -> None:
    low, high = wilson(positives, rows)
    assert 0 <= low <= positives / rows <= high <= 1


def test_the_intervals_of_uplift_contain_their_values() -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        treated, y, first, second = rng.random((4, 60)) < 0.4
        if len(set(zip(y, treated, strict=True))) < 4:
            continue
        qini = qini_score(y.astype(int), rng.random(60), treated, n_resamples=9, random_state=seed)
        assert qini.low <= qini.value <= qini.high
        pair = compare_uplift(y.astype(int), first + 0.0, second + 0.0, treated, n_resamples=9, random_state=seed)
        assert pair.low <= pair.difference <= pair.high
