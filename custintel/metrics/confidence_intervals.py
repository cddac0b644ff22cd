"""How sure a metric is: bootstrap intervals over customers.

The metrics of this package are computed again from counts, without sorting again; any other function works too, slower.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from custintel.metrics.calibration import brier, ece_score, ranked_brier, ranked_ece
from custintel.metrics.campaign_profit import empc_score, ranked_empc
from custintel.metrics.discrimination import (
    auc,
    average_precision,
    ks_score,
    lift_score,
    max_lift,
    ranked_auc,
    ranked_average_precision,
    ranked_ks,
    ranked_lift,
)
from custintel.metrics.score_ranking import checked, rank

Metric = Callable[..., Any]
_FAST: dict[Any, Metric] = {
    auc: ranked_auc,
    average_precision: ranked_average_precision,
    brier: ranked_brier,
    ece_score: ranked_ece,
    empc_score: ranked_empc,
    ks_score: ranked_ks,
    lift_score: ranked_lift,
}


class Interval(NamedTuple):
    """A metric and the limits between which it lies with 95 % confidence."""

    value: float
    low: float
    high: float


def bootstrap_interval(
    metric: Metric, y_true: Any, y_score: Any, n_resamples: int = 200, random_state: int = 0, groups: Any = None
) -> Interval:
    """Value of a metric with a 95 % interval over resampled customers; it contains the value and keeps its bounds.

    The percentile interval is right where resampling moves the metric up as often as down. Metrics that add up
    distances, or look for a maximum (calibration error, KS, EMPC), grow by resampling: their percentile interval may
    lie above the value itself. So the bias of resampling (mean of the samples less the value) is taken off: once for
    what resampling added to the value, and once more for what chance had added to the value before; the interval
    reaches over both, and the value. It ends where the metric does, for lift at the best possible lift.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_score) -> float``; a `functools.partial` fixes parameters.
    y_true, y_score : array-like
        Outcomes (0, 1) and scores.
    n_resamples : int
        Number of samples.
    random_state : int
        Seed of the samples.
    groups : array-like, optional
        Customer of each row: all rows of a customer are drawn together.

    Notes
    -----
    Bias by bootstrap and percentile intervals: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters
    10 and 13. Of scores that are calibrated to the last digit the error is 0, the end of what is possible; there the
    interval often stays above it.

    Examples
    --------
    >>> y, p = [0, 1] * 50, [0.3, 0.7] * 50
    >>> bootstrap_interval(auc, y, p, n_resamples=20)
    Interval(value=1.0, low=1.0, high=1.0)
    """
    outcome, score = checked(y_true, y_score)
    codes = None if groups is None else _group_codes(groups)
    draw = partial(_counts, np.random.default_rng(random_state), len(outcome), codes)
    again = _fast(metric, outcome, score) or partial(_slow, metric, outcome, score)
    values = np.array([again(draw()) for _ in range(n_resamples)])
    return interval_around(float(metric(outcome, score)), values, metric_bounds(metric, outcome))


def interval_around(value: float, values: np.ndarray, bounds: tuple[float, float] = (-np.inf, np.inf)) -> Interval:
    """The 95 % interval of a value from resampled values, without the bias of resampling, inside the bounds.

    >>> low, high = interval_around(0.02, np.linspace(0.03, 0.05, 41), (0.0, 1.0))[1:]
    >>> low, round(high, 4)
    (0.0, 0.0295)
    """
    known = values[np.isfinite(values)]  # a sample without one of the classes has no value
    if not len(known):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(known, [0.025, 0.975])
    bias = float(known.mean()) - value
    low, high = min(low - bias, low - 2 * bias), max(high - bias, high - 2 * bias)
    least, most = bounds
    return Interval(value, float(min(max(low, least), value)), float(max(min(high, most), value)))


def metric_bounds(metric: Metric, y_true: np.ndarray) -> tuple[float, float]:
    """The least and the greatest value a metric of this package can have for these outcomes.

    >>> metric_bounds(partial(lift_score, at=0.5), np.array([0.0, 0.0, 0.0, 1.0]))
    (0.0, 2.0)
    """
    function, fixed = (metric.func, metric.keywords) if isinstance(metric, partial) else (metric, {})
    if function is lift_score:
        return 0.0, max_lift(y_true, fixed.get("at", 0.1)) if y_true.sum() else np.inf
    if function is empc_score:
        return 0.0, np.inf
    return (0.0, 1.0) if function in _FAST else (-np.inf, np.inf)


def resampled_rows(rows: int, groups: Any, n_resamples: int, random_state: int = 0) -> list[np.ndarray]:
    """Rows of each sample of customers, for metrics of several columns; all rows of a customer are drawn together.

    >>> [len(sample) for sample in resampled_rows(4, None, 2)]
    [4, 4]
    """
    if not rows:
        return []
    rng, every = np.random.default_rng(random_state), np.arange(rows)
    codes = None if groups is None else _group_codes(groups)
    return [np.repeat(every, _counts(rng, rows, codes).astype(np.int64)) for _ in range(n_resamples)]


def _group_codes(groups: Any) -> np.ndarray:
    return np.unique(np.asarray(groups), return_inverse=True)[1].ravel()


def _counts(rng: np.random.Generator, rows: int, codes: np.ndarray | None) -> np.ndarray:
    size = rows if codes is None else int(codes.max()) + 1
    drawn = np.bincount(rng.integers(0, size, size), minlength=size).astype(np.float64)
    return drawn if codes is None else drawn[codes]


def _fast(metric: Metric, y_true: np.ndarray, y_score: np.ndarray) -> Callable[[np.ndarray], float] | None:
    function, fixed = (metric.func, metric.keywords) if isinstance(metric, partial) else (metric, {})
    plain = isinstance(metric, partial) and bool(metric.args)
    if function not in _FAST or plain or "return_fraction" in fixed:
        return None
    ranking, core = rank(y_true, y_score), _FAST[function]
    return lambda counts: float(core(ranking.reweighted(counts), **fixed))


def _slow(metric: Metric, y_true: np.ndarray, y_score: np.ndarray, counts: np.ndarray) -> float:
    rows = np.repeat(np.arange(len(y_true)), counts.astype(np.int64))
    return float(metric(y_true[rows], y_score[rows])) if 0 < y_true[rows].sum() < len(rows) else float("nan")


def wilson(positives: float, rows: float, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share (Wilson 1927); with the default `z` each side leaves out 2.5 %.

    Parameters
    ----------
    positives, rows : float
        Counts; without rows nothing is known, and the interval is all of 0 to 1.
    z : float
        Standard errors to each side.

    Examples
    --------
    >>> low, high = wilson(5, 10)
    >>> round(low, 3), round(high, 3)
    (0.237, 0.763)
    """
    if not rows:
        return 0.0, 1.0
    share, z2 = positives / rows, z**2
    centre = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = z / (1 + z2 / rows) * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2))
    # at the ends exactly, where rounding would leave the share itself outside
    low = 0.0 if positives == 0 else max(0.0, centre - half)
    return low, 1.0 if positives == rows else min(1.0, centre + half)
