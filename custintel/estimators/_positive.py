"""Logistic regression whose weights cannot be negative."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

__all__ = ["fit_positive"]


def fit_positive(Z: np.ndarray, y: np.ndarray, penalty: float, start: np.ndarray | None = None) -> np.ndarray:
    """Intercept and weights of zero or more that make log loss plus penalty/2 of their squares smallest.

    Parameters
    ----------
    Z : array of shape (rows, columns)
        Columns of which each may only raise the probability.
    y : array of shape (rows,)
        0 or 1.
    penalty : float
        Weight of the squares; the intercept is free.
    start : array, optional
        Where to begin: an earlier solution.

    Examples
    --------
    >>> Z = np.array([[0.0, 1.0], [0.0, 0.0], [1.0, 1.0], [1.0, 0.0]] * 10)
    >>> fit_positive(Z, np.array([0, 0, 1, 0.0] * 10), 0.1)[1:].min() > 0
    np.True_
    >>> fit_positive(-Z, np.array([0, 0, 1, 0.0] * 10), 0.1)[1:].tolist()
    [0.0, 0.0]
    """
    if start is None:
        rate = np.clip(y.mean(), 1e-6, 1 - 1e-6)
        start = np.append(np.log(rate / (1 - rate)), np.zeros(Z.shape[1]))

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        raw = beta[0] + Z @ beta[1:]
        away = expit(raw) - y
        value = np.logaddexp(0.0, raw).sum() - y @ raw + 0.5 * penalty * beta[1:] @ beta[1:]
        return float(value), np.append(away.sum(), Z.T @ away + penalty * beta[1:])

    bounds = [(None, None), *[(0.0, None)] * Z.shape[1]]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300})
    return np.asarray(found.x)
