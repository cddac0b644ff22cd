"""The score of a rule base: one probability from the rules that a customer resembles or exceeds.

With enough cases: small boosted trees over two columns a rule, similarity and exceedance. More similarity to a rule can
only raise the probability; exceedance (`RuleSet.exceedance`: how far beyond the limits, in percentiles of legitimate
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

PENALTY = 2.0


@dataclass(frozen=True)
class RuleWeights:
    """Logistic regression on matches and similarities whose weights cannot be negative: the score with few cases.

    To match or to resemble a rule of fraud more can only raise the probability.

    >>> similarity = np.array([[1.0, 0.2], [0.3, 0.1], [0.9, 1.0], [0.1, 0.0]] * 20)
    >>> weights = RuleWeights.fit(similarity, np.array([1.0, 0.0, 1.0, 0.0] * 20))
    >>> bool(weights.probability(similarity)[0] > 0.8)
    True
    """

    intercept: float
    match: tuple[float, ...]
    resemble: tuple[float, ...]

    @classmethod
    def fit(cls, similarity: np.ndarray, y: np.ndarray, penalty: float = PENALTY) -> RuleWeights:
        """From similarities (customers x rules; 1 is a match) and outcomes."""
        found = fit_positive(_weights_design(similarity), y, penalty)
        rules = similarity.shape[1]
        return cls(float(found[0]), tuple(found[1 : rules + 1].tolist()), tuple(found[rules + 1 :].tolist()))

    def log_odds(self, similarity: np.ndarray) -> np.ndarray:
        """Log-odds of each customer."""
        return np.asarray(self.intercept + _weights_design(similarity) @ np.array([*self.match, *self.resemble]))

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
    def from_state(cls, state: Mapping[str, Any]) -> RuleWeights:
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


def _weights_design(similarity: np.ndarray) -> np.ndarray:
    return np.hstack([(similarity >= 1).astype(np.float64), similarity])


_FOLDS = 5
_FEWEST_FOR_TREES = 60


class ScoreInputs(NamedTuple):
    """Similarity and exceedance of customers for rules (customers x rules each), and what was set aside (`attrs`)."""

    similarity: np.ndarray
    exceedance: np.ndarray
    attrs: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True)
class RuleScore:
    """The learned score: trees or, with few cases, weights; and the probability from which on a customer is a case."""

    trees: Boosters | None
    weights: RuleWeights | None
    calibration: Calibration
    threshold: float

    def log_odds(self, inputs: ScoreInputs) -> np.ndarray:
        """Calibrated log-odds of each customer."""
        return np.asarray(self.calibration.log_odds(self._raw(inputs)))

    def probability(self, inputs: ScoreInputs) -> np.ndarray:
        """Probability of each customer."""
        return np.asarray(expit(self.log_odds(inputs)))

    def contributions(self, inputs: ScoreInputs) -> np.ndarray:
        """What each rule adds to the log-odds before calibration (customers x rules)."""
        if self.trees is None:
            assert self.weights is not None
            return self.weights.contributions(inputs.similarity)
        parts, rules = self.trees.contributions(_design(inputs)), inputs.similarity.shape[1]
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
        weights = None if state["weights"] is None else RuleWeights.from_state(state["weights"])
        return cls(trees, weights, Calibration.from_state(state["calibration"]), float(state["threshold"]))

    def _raw(self, inputs: ScoreInputs) -> np.ndarray:
        if self.trees is not None:
            return self.trees.raw(_design(inputs))
        assert self.weights is not None
        return self.weights.log_odds(inputs.similarity)


def fit_score(inputs: ScoreInputs, y: np.ndarray, seed: int = 0) -> RuleScore:
    """Learn the score; calibration and threshold come from customers that a fold left out.

    Parameters
    ----------
    inputs : ScoreInputs
        Of the customers to learn from.
    y : array
        1 for cases, 0 for legitimate customers.
    seed : int
        Seed of folds and trees.
    """
    y = np.asarray(y, dtype=np.float64)
    fold = fold_of_rows(y, _FOLDS, None, seed)
    enough = min(y.sum(), len(y) - y.sum()) >= _FEWEST_FOR_TREES and inputs.similarity.shape[1] > 0
    trees, weights, unseen = (_fit_trees if enough else _fit_weights)(inputs, y, fold)
    calibration = choose_calibration(y, unseen, np.ones(len(y)), fold)
    return RuleScore(trees, weights, calibration, best_f1_threshold(calibration.probability(unseen), y))


def best_f1_threshold(p: np.ndarray, y: np.ndarray) -> float:
    """The cut with the largest mean of both classes' F1.

    >>> best_f1_threshold(np.array([0.9, 0.8, 0.3, 0.1]), np.array([1, 1, 0, 0]))
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


def _fit_trees(
    inputs: ScoreInputs, y: np.ndarray, fold: np.ndarray
) -> tuple[Boosters | None, RuleWeights | None, np.ndarray]:
    rules = inputs.similarity.shape[1]
    fewest = int(min(y.sum(), len(y) - y.sum()))
    trees = TreeSettings(8, int(np.clip(fewest / 40, 5, 20)), 0.05, 0.3, 3.0, 600)
    training = TrainingTable(_design(inputs), y, monotone=(1,) * rules + (0,) * rules)
    found = fit_boosters(training, "probability", fold=fold, trees=trees)
    return found.boosters, None, np.asarray(logit(np.clip(found.out_of_fold, 1e-9, 1 - 1e-9)))


def _fit_weights(
    inputs: ScoreInputs, y: np.ndarray, fold: np.ndarray
) -> tuple[Boosters | None, RuleWeights | None, np.ndarray]:
    unseen = np.empty(len(y))
    for k in np.unique(fold):
        away = fold == k
        unseen[away] = RuleWeights.fit(inputs.similarity[~away], y[~away]).log_odds(inputs.similarity[away])
    return None, RuleWeights.fit(inputs.similarity, y), unseen


def _design(inputs: ScoreInputs) -> np.ndarray:
    return np.hstack([inputs.similarity, inputs.exceedance])
