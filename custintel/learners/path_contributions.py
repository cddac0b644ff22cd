"""Exact contributions to an answer that is a smooth function of additive parts, such as survival or discounted value.

The parts (the log-odds of a hazard, the margin of a month) are sums of contributions of the columns, as tree SHAP gives
them. The answer is not. On the straight way from the parts of the average customer to those of the customer, every
column moves the answer by its contribution times the slope of the answer: the integral of that is what the column
contributes (Aumann, Shapley 1974), and the contributions of all columns add up to the whole difference.

>>> parts = np.array([[[1.0, 2.0, 0.5]]])  # one customer, one part: two columns, and what the average customer has
>>> found, base = path_contributions(parts, lambda z: z[:, 0] ** 2, lambda z: 2 * z)
>>> base, found.round(6).tolist()
(0.25, [[4.0, 8.0]])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(8)


def path_contributions(
    parts: np.ndarray, answer: Callable[[np.ndarray], np.ndarray], slope: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, float]:
    """Contribution of each column to the answer, and the answer for the average customer.

    Parameters
    ----------
    parts : array of shape (rows, parts, columns + 1)
        Contributions of the columns to each part; the last one is the part of the average customer, the same for all.
    answer : callable
        Parts (rows x parts) to the answer of each row.
    slope : callable
        Parts (rows x parts) to the derivatives of the answer by each of them.
    """
    own, start = parts[:, :, :-1], parts[:, :, -1]
    move = own.sum(axis=2)
    mean_slope = np.zeros_like(start)
    for point, weight in zip(_POINTS, _WEIGHTS, strict=True):
        mean_slope += weight / 2 * slope(start + (point + 1) / 2 * move)
    found = np.einsum("rp,rpc->rc", mean_slope, own)
    whole = answer(start + move) - answer(start)
    return found + _spread(whole - found.sum(axis=1), found), float(answer(start[:1])[0])


def without_month(parts: np.ndarray) -> np.ndarray:
    """Contributions to a booster that was also asked about a month: what the month adds goes to the other columns.

    `parts` has a last column but one for the month, and the expected value last.
    """
    own, month, base = parts[:, :-2], parts[:, -2], parts[:, -1]
    return np.column_stack([own + _spread(month, own), base])


def _spread(amount: np.ndarray, own: np.ndarray) -> np.ndarray:
    """An amount for each row, given to its columns in proportion to what they contribute either way."""
    size = np.abs(own)
    total = size.sum(axis=1, keepdims=True)
    even = np.full_like(own, 1.0 / max(own.shape[1], 1))
    share = np.divide(size, total, out=even, where=total > 0)
    return np.asarray(amount[:, None] * share)
