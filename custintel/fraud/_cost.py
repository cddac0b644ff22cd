"""What a way of choosing whom to review costs: losses that run on, reviews, and customers wrongly barred."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["cost_per_account"]


def cost_per_account(
    y: Any, score: Any, budget: int, loss: Any = 200.0, review_cost: float = 5.0, stopped: float = 1.0
) -> float:
    """Cost of one account when the `budget` accounts of highest score are reviewed and cases among them stopped.

    Parameters
    ----------
    y : array-like
        1 for cases.
    score : array-like
        Higher is reviewed first; ties are split evenly (as the mean over all orders).
    budget : int
        How many accounts are reviewed.
    loss : float or array-like
        Loss of a case that is not stopped, in u.
    review_cost : float
        Cost of one review, in u.
    stopped : float
        Share of the loss that stopping a case saves.

    Examples
    --------
    >>> cost_per_account([1, 0, 0, 1], [0.9, 0.5, 0.2, 0.1], budget=1, loss=100.0, review_cost=4.0)
    26.0
    """
    truth, rank = np.asarray(y, dtype=np.float64), np.asarray(score, dtype=np.float64)
    lost = truth * np.broadcast_to(np.asarray(loss, dtype=np.float64), truth.shape)
    budget = min(int(budget), len(truth))
    if budget == 0:
        return float(lost.sum() / len(truth))
    cut = np.sort(rank)[::-1][budget - 1]
    above, tied = rank > cut, rank == cut
    share = (budget - above.sum()) / tied.sum()
    saved = stopped * (lost[above].sum() + share * lost[tied].sum())
    return float((lost.sum() - saved + budget * review_cost) / len(truth))
