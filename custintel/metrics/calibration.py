"""Whether predicted probabilities come true: Brier score, expected calibration error, calibration curve and line."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import beta

from custintel.metrics.score_ranking import Ranking, checked, rank

_EDGE = 1e-12


class CalibrationLine(NamedTuple):
    """Logistic recalibration of the score: a perfect score has intercept 0 and slope 1."""

    intercept: float
    slope: float


def brier(y_true: Any, y_score: Any) -> float:
    """Mean squared distance between probability and outcome.

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and probabilities.

    Examples
    --------
    >>> brier([1, 0], [0.5, 0.5])
    0.25
    """
    return ranked_brier(rank(y_true, y_score))


def ece_score(y_true: Any, y_score: Any, n_bins: int = 10) -> float:
    """Expected calibration error: mean distance between predicted and observed rate over bins of equal counts.

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and probabilities.
    n_bins : int
        Number of bins.

    Examples
    --------
    >>> round(ece_score([0, 0, 0, 1], [0.25, 0.25, 0.25, 0.25], n_bins=1), 6)
    0.0
    """
    return ranked_ece(rank(y_true, y_score), n_bins)


def calibration_table(y_true: Any, y_score: Any, n_bins: int = 10) -> pd.DataFrame:
    """Points of the calibration curve: bins of equal counts, lowest scores first, with 95 % intervals (Jeffreys).

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and probabilities.
    n_bins : int
        Number of bins.

    Examples
    --------
    >>> calibration_table([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8], n_bins=2)[["customers", "predicted", "observed"]]
       customers  predicted  observed
    0          2        0.2       0.0
    1          2        0.7       1.0
    """
    outcome, score = checked(y_true, y_score)
    order = np.argsort(score, kind="stable")
    parts = [part for part in np.array_split(order, n_bins) if len(part)]
    count = np.array([len(part) for part in parts])
    hits = np.array([outcome[part].sum() for part in parts])
    return pd.DataFrame(
        {
            "customers": count,
            "predicted": [score[part].mean() for part in parts],
            "observed": hits / count,
            "low": np.where(hits > 0, beta.ppf(0.025, hits + 0.5, count - hits + 0.5), 0.0),
            "high": np.where(hits < count, beta.ppf(0.975, hits + 0.5, count - hits + 0.5), 1.0),
        }
    )


def calibration_line(y_true: Any, y_score: Any) -> CalibrationLine:
    """Intercept and slope of the logistic regression of the outcome on the log-odds of the score.

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and probabilities.

    Examples
    --------
    >>> line = calibration_line([0, 0, 0, 1, 0, 1, 1, 1], [0.25] * 4 + [0.75] * 4)
    >>> round(line.intercept, 6) + 0.0, round(line.slope, 6)
    (0.0, 1.0)
    """
    outcome, score = checked(y_true, y_score)
    x = logit(np.clip(score, _EDGE, 1 - _EDGE))
    A = np.column_stack([np.ones_like(x), x])
    coefficients = np.array([0.0, 1.0])
    for _ in range(50):
        q = expit(A @ coefficients)
        hessian = (A * (q * (1 - q))[:, None]).T @ A + 1e-9 * np.eye(2)
        step = np.clip(np.linalg.solve(hessian, A.T @ (q - outcome)), -2.0, 2.0)
        coefficients = coefficients - step
        if np.abs(step).max() < 1e-10:
            break
    return CalibrationLine(float(coefficients[0]), float(coefficients[1]))


def ranked_brier(r: Ranking) -> float:
    """Brier score of a ranking."""
    return float(np.average((r.score - r.y) ** 2, weights=r.weight))


def ranked_ece(r: Ranking, n_bins: int = 10) -> float:
    """Expected calibration error of a ranking."""
    total = r.weight.sum()
    # a row belongs to the bin where the middle of its weight lies
    middle = np.cumsum(r.weight) - 0.5 * r.weight
    part = np.minimum((middle * n_bins / total).astype(np.int64), n_bins - 1)
    gap = np.bincount(part, r.weight * (r.score - r.y), minlength=n_bins)
    return float(np.abs(gap).sum() / total)
