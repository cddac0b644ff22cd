"""Uplift metrics against literal values and the truth of simulations."""

from __future__ import annotations

import numpy as np
import pytest

from custintel.errors import DataError
from custintel.metrics import qini_score, uplift_table
from custintel.metrics.uplift_metrics import compare_uplift, qini_curve, uplift_at


def campaign(rows: int = 6000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    treated, effect = rng.random(rows) < 0.5, rng.random(rows) * 0.3
    return (rng.random(rows) < 0.1 + effect * treated).astype(int), effect, treated


def test_curve_ends_at_the_total_uplift_and_does_not_depend_on_the_scale_of_scores() -> None:
    y, effect, treated = campaign()
    curve = qini_curve(y, effect, treated)
    total = y[treated].sum() - y[~treated].sum() * treated.sum() / (~treated).sum()
    assert curve["incremental"].iloc[-1] == pytest.approx(total)
    assert (
        qini_score(y, np.exp(5 * effect), treated, n_resamples=0).value
        == qini_score(y, effect, treated, n_resamples=0).value
    )


def test_perfect_order_is_one_and_chance_is_near_zero() -> None:
    y, _, treated = campaign()
    best = 2.0 * (y == treated) + treated
    assert qini_score(y, best, treated, n_resamples=0).value == pytest.approx(1.0)
    assert abs(qini_score(y, np.random.default_rng(1).random(len(y)), treated, n_resamples=0).value) < 0.03
    assert qini_score(y, np.zeros(len(y)), treated, n_resamples=0).value == pytest.approx(0.0)


def test_curve_equals_the_formula_counted_by_hand() -> None:
    y = np.array([1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0])
    treated = np.array([1, 1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 0], dtype=bool)
    score = np.array([9, 9, 8, 7, 6, 6, 5, 4, 3, 2, 1, 0]) / 10
    expected = [0.0]
    for cut in sorted(set(score), reverse=True):
        t, c = treated & (score >= cut), ~treated & (score >= cut)
        expected.append(y[t].sum() - (y[c].sum() * t.sum() / c.sum() if c.any() else 0.0))
    assert qini_curve(y, score, treated)["incremental"].tolist() == pytest.approx(expected)


def test_bootstrap_tells_a_good_ranking_from_noise() -> None:
    y, effect, treated = campaign()
    noise = np.random.default_rng(1).random(len(y))
    assert qini_score(y, effect, treated, n_resamples=100).detectable
    assert not qini_score(y, noise, treated, n_resamples=100).detectable
    assert compare_uplift(y, effect, noise, treated, n_resamples=100).p_value < 0.02
    assert compare_uplift(y, effect, effect + 1e-12, treated, n_resamples=50).difference == pytest.approx(0.0)


def test_tables_measure_what_is_there() -> None:
    y, effect, treated = campaign(20_000)
    table = uplift_table(y, effect, treated, groups=5)
    assert ((table["low"] <= table["predicted"]) & (table["predicted"] <= table["high"])).sum() >= 4
    assert uplift_at(y, effect, treated, 0.2) == pytest.approx(table["measured"].iloc[0])
    assert uplift_at(y, effect, treated, 1.0) == pytest.approx(y[treated].mean() - y[~treated].mean())


def test_weights_undo_unequal_propensities() -> None:
    rng = np.random.default_rng(2)
    old = rng.random(40_000) < 0.5
    p = np.where(old, 0.8, 0.2)
    treated = rng.random(40_000) < p
    y = (rng.random(40_000) < np.where(old, 0.5, 0.1) + 0.05 * treated).astype(int)
    weight = 1 / np.where(treated, p, 1 - p)
    assert uplift_at(y, rng.random(40_000), treated, 1.0) > 0.2
    assert uplift_at(y, rng.random(40_000), treated, 1.0, weight) == pytest.approx(0.05, abs=0.02)


def test_bad_input_is_explained() -> None:
    with pytest.raises(DataError, match="one arm only"):
        qini_curve([1, 0], [0.1, 0.2], [True, True])
    with pytest.raises(DataError, match="0 and 1"):
        qini_score([2.5, 0.0], [0.1, 0.2], [True, False])
    with pytest.raises(DataError, match="lengths"):
        uplift_at([1], [0.1, 0.2], [True, False])
    with pytest.raises(DataError, match="positive"):
        qini_curve([1, 0], [0.1, 0.2], [True, False], sample_weight=[1.0, 0.0])
