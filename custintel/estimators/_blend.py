"""Blending candidates on the log-odds scale: greedy selection with replacement by out-of-fold log loss.

Selection by twentieths cannot overfit the way free weights do: a candidate that adds nothing gets nothing.
"""

from __future__ import annotations

import numpy as np

from custintel.estimators._losses import log_loss_raw

__all__ = ["blend_weights"]

_STEPS = 20


def blend_weights(raw: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights, one a row of `raw` (candidates x customers), that add up to 1.

    >>> y = np.array([0.0, 1.0, 0.0, 1.0])
    >>> good, noise = 4 * y - 2, np.array([1.0, -1.0, 1.0, -1.0])
    >>> blend_weights(np.array([noise, good]), y, np.ones(4)).tolist()
    [0.0, 1.0]
    """
    counts = np.zeros(len(raw))
    total = np.zeros(raw.shape[1])
    for step in range(_STEPS):
        losses = [log_loss_raw(y, (total + r) / (step + 1), weight) for r in raw]
        best = int(np.argmin(losses))
        counts[best] += 1
        total += raw[best]
    return np.asarray(counts / counts.sum())
