"""How good predicted amounts are: their sum, their order, and tenths of the customers.

>>> came, said = np.array([1.0, 3.0, 2.0]), np.array([2.0, 3.0, 2.5])
>>> portfolio_ratio(came, said), round(rank_correlation(came, said), 3)
(1.25, 1.0)
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def portfolio_ratio(came: np.ndarray, said: np.ndarray) -> float:
    """Sum predicted over sum that came; missing where nothing came.

    >>> portfolio_ratio(np.array([1.0, 3.0]), np.array([2.0, 3.0]))
    1.25
    """
    total = float(came.sum())
    return float(said.sum()) / total if total else float("nan")


def rank_correlation(came: np.ndarray, said: np.ndarray, of_constant: float = float("nan")) -> float:
    """Spearman's rank correlation; `of_constant` where one side is constant.

    >>> rank_correlation(np.array([1.0, 1.0]), np.array([1.0, 2.0]), of_constant=0.0)
    0.0
    """
    ranks = np.array([rankdata(came), rankdata(said)])
    return float(np.corrcoef(ranks)[0, 1]) if ranks.std(axis=1).all() else of_constant


def tenths(predicted: np.ndarray) -> np.ndarray:
    """1 to 10 by descending prediction, ties in the order of the rows.

    >>> tenths(np.arange(20.0))[[0, 19]].tolist()
    [10, 1]
    """
    place = np.empty(len(predicted), dtype=np.int64)
    place[np.argsort(-predicted, kind="stable")] = np.arange(len(predicted))
    return np.asarray(place * 10 // max(len(predicted), 1) + 1)
