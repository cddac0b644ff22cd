"""From the rules a customer matches and resembles to one probability.

A logistic regression on matches and similarities whose weights cannot be negative: to match or to resemble a rule of
fraud more can only raise the probability.

>>> similarity = np.array([[1.0, 0.2], [0.3, 0.1], [0.9, 1.0], [0.1, 0.0]] * 20)
>>> y = np.array([1.0, 0.0, 1.0, 0.0] * 20)
>>> combiner = Combiner.fit(similarity, y)
>>> bool(combiner.probability(similarity)[0] > 0.8)
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from custintel.estimators import fit_positive

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PENALTY", "Combiner"]

PENALTY = 2.0


@dataclass(frozen=True)
class Combiner:
    """Weights of matching and of resembling each rule."""

    intercept: float
    match: tuple[float, ...]
    resemble: tuple[float, ...]

    @classmethod
    def fit(cls, similarity: np.ndarray, y: np.ndarray, penalty: float = PENALTY) -> Combiner:
        """From similarities (customers x rules; 1 is a match) and outcomes."""
        found = fit_positive(_design(similarity), y, penalty)
        rules = similarity.shape[1]
        return cls(float(found[0]), tuple(found[1 : rules + 1].tolist()), tuple(found[rules + 1 :].tolist()))

    def log_odds(self, similarity: np.ndarray) -> np.ndarray:
        """Log-odds of each customer."""
        return np.asarray(self.intercept + _design(similarity) @ np.array([*self.match, *self.resemble]))

    def probability(self, similarity: np.ndarray) -> np.ndarray:
        """Probability of each customer."""
        return np.asarray(expit(self.log_odds(similarity)))

    def contributions(self, similarity: np.ndarray) -> np.ndarray:
        """What each rule adds to the log-odds (customers x rules)."""
        return np.asarray((similarity >= 1) * np.array(self.match) + similarity * np.array(self.resemble))

    def to_state(self) -> dict[str, Any]:
        """Plain data."""
        return {"intercept": self.intercept, "match": list(self.match), "resemble": list(self.resemble)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Combiner:
        """Read back what `to_state` gave."""
        return cls(state["intercept"], tuple(state["match"]), tuple(state["resemble"]))


def _design(similarity: np.ndarray) -> np.ndarray:
    return np.hstack([(similarity >= 1).astype(np.float64), similarity])
