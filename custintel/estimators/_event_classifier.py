"""What the classifiers of an event have in common: which class it is, and probabilities in the order of the classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from custintel.estimators._input import binary_target

__all__ = ["EventClassifier"]


class EventClassifier(ClassifierMixin):  # type: ignore[misc]
    """A classifier of two classes, one of which (`pos_label_`) is the event that it is about.

    Attributes
    ----------
    classes_ : array
        Both labels, sorted: the order of the columns of `predict_proba`.
    pos_label_ : object
        The label of the event.
    """

    pos_label: Any
    pos_label_: Any
    classes_: np.ndarray

    def predict_proba(self, X: Any) -> np.ndarray:
        """Calibrated probabilities of both classes in the order of `classes_`, one row a customer."""
        p = self.event_probability(X)
        both = [1 - p, p]
        return np.column_stack(both if self._event_is_last else both[::-1])

    def decision_function(self, X: Any) -> np.ndarray:
        """Calibrated log-odds of the last of `classes_`, as scikit-learn has it."""
        raw = self.event_log_odds(X)
        return raw if self._event_is_last else -raw

    def predict(self, X: Any) -> np.ndarray:
        """The likelier class of each customer."""
        likely = (self.decision_function(X) > 0).astype(int)
        return np.asarray(self.classes_[likely])

    def event_probability(self, X: Any) -> np.ndarray:
        """Calibrated probability of the event, one a customer."""
        raise NotImplementedError

    def event_log_odds(self, X: Any) -> np.ndarray:
        """Calibrated log-odds of the event, one a customer."""
        raise NotImplementedError

    @property
    def _event_is_last(self) -> bool:
        return bool(self.classes_[-1] == self.pos_label_)

    def _learn_event(self, y: Any) -> np.ndarray:
        """The target as 0.0 and 1.0; `classes_` and `pos_label_` are learned."""
        found = binary_target(y, self.pos_label)
        self.classes_, self.pos_label_ = found.classes, found.event
        return found.y

    def _event_state(self) -> dict[str, Any]:
        """Classes and event as plain data."""
        return {
            "classes": self.classes_.tolist(),
            "classes_dtype": "object" if self.classes_.dtype == object else self.classes_.dtype.str,
            "pos_label": self.pos_label_,
        }

    def _take_event(self, state: Any) -> None:
        """Read back what `_event_state` gave; models saved before it said so are about the last class."""
        self.classes_ = np.asarray(state["classes"], dtype=state.get("classes_dtype"))
        given = state.get("pos_label")
        self.pos_label_ = self.classes_.tolist()[-1] if given is None else given
