"""Weighted log loss on the log-odds scale.

>>> round(log_loss_raw(np.array([0.0, 1.0]), np.zeros(2), np.ones(2)), 6)
0.693147
"""

from __future__ import annotations

import numpy as np

__all__ = ["base_log_odds", "log_loss_raw"]


def log_loss_raw(y: np.ndarray, raw: np.ndarray, weight: np.ndarray) -> float:
    """Mean log loss of log-odds `raw`."""
    return float(np.average(np.logaddexp(0.0, raw) - y * raw, weights=weight))


def base_log_odds(y: np.ndarray, weight: np.ndarray) -> float:
    """Log-odds of the base rate."""
    rate = float(np.average(y, weights=weight))
    return float(np.log(rate / (1 - rate)))
