"""Survival and cumulative incidence from hazards, and how survival changes with them.

>>> hazards = np.array([[[0.1], [0.5]]])  # one customer, two months, one cause
>>> survival_from_hazards(hazards).round(2).tolist()
[[0.9, 0.45]]
"""

from __future__ import annotations

import numpy as np

_LEAST = 1e-6


def survival_from_hazards(hazards: np.ndarray) -> np.ndarray:
    """Chance to be still there after each month, from hazards (customers x months x causes)."""
    leaving = np.minimum(hazards.sum(axis=2), 1.0)
    return np.asarray(np.cumprod(1 - leaving, axis=1))


def cumulative_incidence(hazards: np.ndarray, survival: np.ndarray) -> np.ndarray:
    """Chance to have left for each cause by each month (customers x months x causes)."""
    before = np.concatenate([np.ones((len(survival), 1)), survival[:, :-1]], axis=1)
    total = hazards.sum(axis=2, keepdims=True)
    scaled = hazards / np.maximum(total, 1.0)
    return np.asarray(np.cumsum(before[:, :, None] * scaled, axis=1))


def survival_slope(hazards: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Derivatives of sum(weight x survival) by the log-odds of each hazard.

    Parameters
    ----------
    hazards : array of shape (customers, months, causes)
        Hazards.
    weight : array of shape (customers, months)
        Weight of the chance to be still there after each month.
    """
    survival = survival_from_hazards(hazards)
    later = np.cumsum((weight * survival)[:, ::-1], axis=1)[:, ::-1]
    staying = np.maximum(1 - hazards.sum(axis=2), _LEAST)
    return np.asarray(-hazards * (1 - hazards) * (later / staying)[:, :, None])
