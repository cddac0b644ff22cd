"""From the rules a customer resembles, and how far beyond their limits it is, to one probability.

With enough cases: small boosted trees over two columns a rule, similarity and clearness. More similarity to a rule can
only raise the probability; clearness (`RuleSet.clearness`: how far beyond the limits, in percentiles of legitimate
customers) may move it either way, because behaviour far beyond a limit is sometimes of another, innocent kind. With few
cases: a logistic regression on matches and similarities with weights of zero or more.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import expit, logit

from custintel.errors import ModelError
from custintel.learners.ensemble.blend_and_calibration import Calibration, choose_calibration
from custintel.learners.ensemble.inner_folds import fold_of_rows
from custintel.learners.ensemble.lightgbm_boosters import Boosters, TrainingTable, TreeSettings, fit_boosters
from custintel.learners.ensemble.logistic_regression import fit_positive

if TYPE_CHECKING:
    from collections.abc import Mapping

# From the rules a customer matches and resembles to one probability.
#
# A logistic regression on matches and similarities whose weights cannot be negative: to match or to resemble a rule
# of
# fraud more can only raise the probability.
#
# >>> similarity = np.array([[1.0, 0.2], [0.3, 0.1], [0.9, 1.0], [0.1, 0.0]] * 20)
# >>> y = np.array([1.0, 0.0, 1.0, 0.0] * 20)
# >>> combiner = Combiner.fit(similarity, y)
# >>> bool(combiner.probability(similarity)[0] > 0.8)
# True


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
        found = fit_positive(_combiner_design(similarity), y, penalty)
        rules = similarity.shape[1]
        return cls(float(found[0]), tuple(found[1 : rules + 1].tolist()), tuple(found[rules + 1 :].tolist()))

    def log_odds(self, similarity: np.ndarray) -> np.ndarray:
        """Log-odds of each customer."""
        return np.asarray(self.intercept + _combiner_design(similarity) @ np.array([*self.match, *self.resemble]))

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


def _combiner_design(similarity: np.ndarray) -> np.ndarray:
    return np.hstack([(similarity >= 1).astype(np.float64), similarity])


_FOLDS = 5
_FEWEST_FOR_TREES = 60


class Closeness(NamedTuple):
    """Similarity and clearness of customers for rules (customers x rules each), and what was set aside (`attrs`)."""

    similarity: np.ndarray
    clearness: np.ndarray
    attrs: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True)
class RuleScore:
    """The learned score: trees or, with few cases, weights; and the probability from which on a customer is a case."""

    trees: Boosters | None
    weights: Combiner | None
    calibration: Calibration
    threshold: float

    def log_odds(self, near: Closeness) -> np.ndarray:
        """Calibrated log-odds of each customer."""
        return np.asarray(self.calibration.log_odds(self._raw(near)))

    def probability(self, near: Closeness) -> np.ndarray:
        """Probability of each customer."""
        return np.asarray(expit(self.log_odds(near)))

    def contributions(self, near: Closeness) -> np.ndarray:
        """What each rule adds to the log-odds before calibration (customers x rules)."""
        if self.trees is None:
            assert self.weights is not None
            return self.weights.contributions(near.similarity)
        parts, rules = self.trees.contributions(_design(near)), near.similarity.shape[1]
        return np.asarray(parts[:, :rules] + parts[:, rules : 2 * rules])

    def to_state(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "trees": None if self.trees is None else list(self.trees.texts),
            "weights": None if self.weights is None else self.weights.to_state(),
            "calibration": self.calibration.to_state(),
            "threshold": self.threshold,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> RuleScore:
        """Read back what `to_state` gave."""
        trees = None if state["trees"] is None else Boosters.of_texts(state["trees"], "probability")
        weights = None if state["weights"] is None else Combiner.from_state(state["weights"])
        return cls(trees, weights, Calibration.from_state(state["calibration"]), float(state["threshold"]))

    def _raw(self, near: Closeness) -> np.ndarray:
        if self.trees is not None:
            return self.trees.raw(_design(near))
        assert self.weights is not None
        return self.weights.log_odds(near.similarity)


def fit_score(near: Closeness, y: np.ndarray, seed: int = 0) -> RuleScore:
    """Learn the score; calibration and threshold come from customers that a fold left out.

    Parameters
    ----------
    near : Closeness
        Of the customers to learn from.
    y : array
        1 for cases, 0 for legitimate customers.
    seed : int
        Seed of folds and trees.
    """
    y = np.asarray(y, dtype=np.float64)
    fold = fold_of_rows(y, _FOLDS, None, seed)
    enough = min(y.sum(), len(y) - y.sum()) >= _FEWEST_FOR_TREES and near.similarity.shape[1] > 0
    trees, weights, unseen = (_trees if enough else _weights)(near, y, fold)
    calibration = choose_calibration(y, unseen, np.ones(len(y)), fold)
    return RuleScore(trees, weights, calibration, separating(calibration.probability(unseen), y))


def separating(p: np.ndarray, y: np.ndarray) -> float:
    """The cut with the largest mean of both classes' F1.

    >>> separating(np.array([0.9, 0.8, 0.3, 0.1]), np.array([1, 1, 0, 0]))
    0.8
    """
    order = np.argsort(-p, kind="stable")
    hits = np.cumsum(y[order])
    alarms = np.arange(1, len(y) + 1)
    cases, others = y.sum(), len(y) - y.sum()
    quiet = others - (alarms - hits)
    f1 = 2 * hits / (alarms + cases) + 2 * quiet / (len(y) - alarms + others)
    last_of_ties = np.append(np.diff(p[order]) != 0, True)
    return float(p[order][int(np.argmax(np.where(last_of_ties, f1, -1.0)))])


def _trees(near: Closeness, y: np.ndarray, fold: np.ndarray) -> tuple[Boosters | None, Combiner | None, np.ndarray]:
    rules = near.similarity.shape[1]
    fewest = int(min(y.sum(), len(y) - y.sum()))
    trees = TreeSettings(8, int(np.clip(fewest / 40, 5, 20)), 0.05, 0.3, 3.0, 600)
    training = TrainingTable(_design(near), y, monotone=(1,) * rules + (0,) * rules)
    found = fit_boosters(training, "probability", fold=fold, trees=trees)
    return found.boosters, None, np.asarray(logit(np.clip(found.out_of_fold, 1e-9, 1 - 1e-9)))


def _weights(near: Closeness, y: np.ndarray, fold: np.ndarray) -> tuple[Boosters | None, Combiner | None, np.ndarray]:
    unseen = np.empty(len(y))
    for k in np.unique(fold):
        away = fold == k
        unseen[away] = Combiner.fit(near.similarity[~away], y[~away]).log_odds(near.similarity[away])
    return None, Combiner.fit(near.similarity, y), unseen


def _design(near: Closeness) -> np.ndarray:
    return np.hstack([near.similarity, near.clearness])
