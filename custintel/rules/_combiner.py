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

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from custintel.errors import ModelError
from custintel.estimators import fit_positive

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PENALTY", "Combiner", "is_finite"]

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
        """Read back what `to_state` gave.

        Raises
        ------
        ModelError
            A weight is no finite number or is below zero, or the rules differ in number.
        """
        match, resemble = list(state["match"]), list(state["resemble"])
        weights_fit = all(is_finite(weight) and weight >= 0 for weight in (*match, *resemble))
        if not weights_fit or not is_finite(state["intercept"]) or len(match) != len(resemble):
            raise ModelError(
                "the weights of its score are not those of rules\n"
                "  allowed: finite numbers, of zero or more, one of matching and one of resembling for each rule"
            )
        return cls(float(state["intercept"]), tuple(map(float, match)), tuple(map(float, resemble)))


def is_finite(number: object) -> bool:
    """Whether it is a number that a float can hold.

    >>> is_finite(0.5), is_finite(10**400), is_finite("1"), is_finite(float("nan"))
    (True, False, False, False)
    """
    return isinstance(number, (int, float)) and not isinstance(number, bool) and abs(number) <= sys.float_info.max


def _design(similarity: np.ndarray) -> np.ndarray:
    return np.hstack([(similarity >= 1).astype(np.float64), similarity])
