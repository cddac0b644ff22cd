"""How well a score separates targets from others: AUC, Gini, average precision, Kolmogorov-Smirnov, lift."""

from __future__ import annotations

from typing import Any

import numpy as np

from custintel.errors import DataError
from custintel.metrics.score_ranking import Ranking, rank


def auc(y_true: Any, y_score: Any) -> float:
    """Probability that a random target has a higher score than a random other customer; ties count half.

    Parameters
    ----------
    y_true : array-like of 0 and 1
        Outcomes.
    y_score : array-like
        Scores.

    Examples
    --------
    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    return ranked_auc(_with_both_classes(rank(y_true, y_score)))


def gini(y_true: Any, y_score: Any) -> float:
    """Gini coefficient of a score, 2 AUC - 1: how credit managers state discrimination.

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and scores.

    Examples
    --------
    >>> gini([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.5
    """
    return 2 * auc(y_true, y_score) - 1


def average_precision(y_true: Any, y_score: Any) -> float:
    """Area under the precision-recall steps.

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and scores.

    Examples
    --------
    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """
    return ranked_average_precision(_with_both_classes(rank(y_true, y_score)))


def ks_score(y_true: Any, y_score: Any) -> float:
    """Largest distance between the score distributions of targets and others (Kolmogorov-Smirnov).

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and scores.

    Examples
    --------
    >>> ks_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.5
    """
    return ranked_ks(_with_both_classes(rank(y_true, y_score)))


def lift_score(y_true: Any, y_score: Any, at: float = 0.1) -> float:
    """Rate of targets among the highest scores, over the rate among all.

    Equal scores are taken in the given order. The most that can be reached is `max_lift(y, at)`.

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and scores.
    at : float
        Share of customers taken from the top.

    Examples
    --------
    >>> lift_score([1, 0, 1, 0], [0.9, 0.2, 0.8, 0.1], at=0.5)
    2.0
    """
    return ranked_lift(_with_targets(rank(y_true, y_score)), at)


def max_lift(y_true: Any, at: float = 0.1) -> float:
    """The highest possible lift: ``min(1 / at, 1 / rate)``, where `at` is the share of the whole customers taken.

    Parameters
    ----------
    y_true : array-like
        Outcomes (0, 1).
    at : float
        Share of customers taken from the top.

    Examples
    --------
    >>> max_lift([1, 0, 0, 0])
    4.0
    """
    found = _with_targets(rank(y_true, np.zeros(len(y_true))))
    total = found.weight.sum()
    return float(min(total / _taken(total, at), 1 / found.rate))


def ranked_auc(r: Ranking) -> float:
    """AUC of a ranking; NaN with one class only."""
    total = r.positives.sum() * r.negatives.sum()
    below = r.negatives.sum() - np.cumsum(r.negatives)
    return float(r.positives @ (below + 0.5 * r.negatives) / total) if total > 0 else float("nan")


def ranked_average_precision(r: Ranking) -> float:
    """Average precision of a ranking."""
    hits = np.cumsum(r.positives)
    taken = hits + np.cumsum(r.negatives)
    precision = np.divide(hits, taken, out=np.zeros_like(hits), where=taken > 0)
    return float(r.positives @ precision / hits[-1]) if hits[-1] > 0 else float("nan")


def ranked_ks(r: Ranking) -> float:
    """KS of a ranking."""
    hits, misses = np.cumsum(r.positives), np.cumsum(r.negatives)
    if hits[-1] == 0 or misses[-1] == 0:
        return float("nan")
    return float(np.abs(hits / hits[-1] - misses / misses[-1]).max())


def ranked_lift(r: Ranking, at: float = 0.1) -> float:
    """Lift of a ranking."""
    total = r.weight.sum()
    size = _taken(total, at)
    taken = np.clip(size - (np.cumsum(r.weight) - r.weight), 0.0, r.weight)
    return float((taken @ r.y / size) / r.rate) if r.rate > 0 else float("nan")


def _taken(total: float, at: float) -> float:
    """Whole customers taken from the top."""
    return float(max(1.0, np.floor(at * total + 0.5)))


def _with_both_classes(r: Ranking) -> Ranking:
    if r.rate in (0.0, 1.0):
        raise DataError(f"all {len(r.y)} outcomes are {int(r.rate)}: a ranking needs both outcomes to be measured")
    return r


def _with_targets(r: Ranking) -> Ranking:
    if r.rate == 0.0:
        raise DataError(f"none of the {len(r.y)} customers is a target: lift is not defined")
    return r
