"""Customers in the order of their score, highest first: the one structure behind all ranking metrics.

Equal scores form one step of the ranking; within a step the given order is kept. Weights may be counts of a bootstrap
sample, so that a metric is computed again without sorting again. The module also says which class of a fitted
classifier is the event, and how likely it is.

>>> r = rank([0, 1, 1], [0.2, 0.9, 0.2])
>>> r.positives.tolist(), r.negatives.tolist()
([1.0, 1.0], [0.0, 1.0])
>>> from sklearn.linear_model import LogisticRegression
>>> model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], ["bad", "bad", "good", "good"])
>>> event_of(model)
'good'
>>> model.pos_label_ = "bad"  # as the classifiers of custintel say it
>>> bool(event_probability(model, [[0.0]])[0] > 0.5)
True
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from custintel.errors import DataError


@dataclass(frozen=True)
class Ranking:
    """Outcomes and scores in descending order of the score; `starts` are the first rows of each distinct score."""

    y: np.ndarray
    score: np.ndarray
    weight: np.ndarray
    order: np.ndarray
    starts: np.ndarray

    @cached_property
    def positives(self) -> np.ndarray:
        """Weight of targets at each distinct score."""
        return np.add.reduceat(self.weight * self.y, self.starts)

    @cached_property
    def negatives(self) -> np.ndarray:
        """Weight of the others at each distinct score."""
        return np.add.reduceat(self.weight * (1 - self.y), self.starts)

    @property
    def rate(self) -> float:
        """Share of targets."""
        return float(self.weight @ self.y / self.weight.sum())

    def reweighted(self, weight: np.ndarray) -> Ranking:
        """The same customers with other weights (in the original order)."""
        return replace(self, weight=weight[self.order])


def rank(y_true: Any, y_score: Any) -> Ranking:
    """Check outcomes and scores and put them in order."""
    outcome, score = checked(y_true, y_score)
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    return Ranking(outcome[order], ordered, np.ones(len(order)), order, starts)


def outcomes(y_true: Any) -> np.ndarray:
    """Outcomes as floats; labels that are no numbers are refused, because nothing says which one is the event."""
    try:
        return np.asarray(y_true, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            "outcomes must be 0 or 1: which label is the event cannot be told here\n"
            "  given: labels that are no numbers\n"
            "  hint: give y == the label of the event, such as y == 'bad'"
        ) from None


def checked(y_true: Any, y_score: Any) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes as 0.0/1.0 and finite scores of the same length."""
    outcome, score = outcomes(y_true).ravel(), np.asarray(y_score, dtype=np.float64).ravel()
    if len(outcome) != len(score):
        raise DataError(f"outcomes and scores differ in length: {len(outcome)} and {len(score)}")
    if len(outcome) == 0:
        raise DataError("no customers: outcomes and scores are empty")
    if not np.isin(outcome, (0.0, 1.0)).all():
        raise DataError(
            "outcomes must be 0 or 1\n  hint: leave censored customers (NaN) out before measuring; "
            "of other labels give y == the label of the event"
        )
    if not np.isfinite(score).all():
        raise DataError(f"{int((~np.isfinite(score)).sum())} score(s) are missing or infinite")
    return outcome, score


def event_of(classifier: Any) -> Any:
    """The class that the classifier names as the event (``pos_label_``), otherwise the last one, as in scikit-learn.

    Parameters
    ----------
    classifier : classifier
        Fitted, with ``classes_``.
    """
    given = getattr(classifier, "pos_label_", None)
    return np.asarray(classifier.classes_).tolist()[-1] if given is None else given


def event_probability(classifier: Any, X: Any) -> np.ndarray:
    """Probability of the event for each row: the column of ``predict_proba`` that belongs to it.

    Parameters
    ----------
    classifier : classifier
        Fitted, with ``predict_proba`` and ``classes_``.
    X : data frame or array
        Customers.
    """
    chances = np.asarray(classifier.predict_proba(X))
    return np.asarray(chances[:, _place(classifier)])


def _place(classifier: Any) -> int:
    known = np.asarray(getattr(classifier, "classes_", [0, 1])).tolist()
    given = getattr(classifier, "pos_label_", None)
    return len(known) - 1 if given is None else known.index(given)
