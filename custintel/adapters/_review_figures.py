"""What reviews find and cost when the rows of highest probability are reviewed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.fraud import cost_per_account

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

REVIEW_SHARE = 0.01
REVIEW_COST = 5.0
LOSS = 200.0


@dataclass(frozen=True)
class ReviewedRows:
    """Rows whose answer is known, in the order of their score, with what a case loses.

    Attributes
    ----------
    y, score : array
        1 for cases, and the probability.
    loss : array
        Loss of each case that is not stopped, in u; that of the average case where it is not known.
    share, review_cost : float
        Share of the rows that is reviewed, and the cost of a review in u.
    """

    y: np.ndarray
    score: np.ndarray
    loss: np.ndarray
    share: float = REVIEW_SHARE
    review_cost: float = REVIEW_COST

    @classmethod
    def of(cls, y: pd.Series, score: pd.Series, answers: pd.DataFrame | None, costs: Mapping[str, Any]) -> ReviewedRows:
        """From the answers of the rows and the costs of the specification."""
        truth = y.to_numpy(np.float64)
        loss = np.full(len(truth), np.nan)
        if answers is not None and "loss" in answers:
            loss = answers["loss"].to_numpy(np.float64)
        known = loss[(truth == 1) & ~np.isnan(loss)]
        usual = float(costs.get("loss", known.mean() if len(known) else LOSS))
        return cls(
            truth,
            score.to_numpy(np.float64),
            np.where(np.isnan(loss), usual, loss),
            float(costs.get("review_share", REVIEW_SHARE)),
            float(costs.get("review_cost", REVIEW_COST)),
        )

    @property
    def score_and_loss(self) -> np.ndarray:
        """Both columns, to be resampled together."""
        return np.column_stack([self.score, self.loss])

    def budget(self, rows: int) -> int:
        """How many of so many rows are reviewed."""
        return max(1, round(self.share * rows)) if rows else 0

    def measures(self) -> dict[str, Callable[[Any, Any], float]]:
        """Precision and recall of the reviews, and what an account costs with and without them."""

        def cost(y: Any, both: Any, share: float = 1.0) -> float:
            return cost_per_account(y, both[:, 0], int(share * self.budget(len(y))), both[:, 1], self.review_cost)

        return {
            "review_precision": lambda y, both: float(y[self._first(both[:, 0])].mean()) if len(y) else np.nan,
            "review_recall": lambda y, both: float(y[self._first(both[:, 0])].sum() / max(y.sum(), 1)),
            "cost_per_account": cost,
            "cost_without_reviews": lambda y, both: cost(y, both, 0.0),
        }

    def _first(self, score: np.ndarray) -> np.ndarray:
        return np.argsort(-score, kind="stable")[: self.budget(len(score))]

    def at(self, reviews: int) -> dict[str, float]:
        """What so many reviews find and cost."""
        first = np.argsort(-self.score, kind="stable")[:reviews]
        hits = float(self.y[first].sum())
        return {
            "reviews": float(reviews),
            "cases": hits,
            "precision": hits / max(reviews, 1),
            "recall": hits / max(float(self.y.sum()), 1.0),
            "cost": cost_per_account(self.y, self.score, reviews, self.loss, self.review_cost),
        }
