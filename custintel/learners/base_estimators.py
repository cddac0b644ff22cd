"""Base classes of the learners: `TableEstimator` reads customer tables, `EventClassifier` has two classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from custintel.errors import DataError
from custintel.learners.check_input import as_table, binary_target
from custintel.learners.ensemble.lightgbm_boosters import TrainingTable
from custintel.learners.feature_contract import MIN_LEVEL_COUNT, FeatureContract, learn_contract

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pandas as pd


CELLS_FOR_ONE_THREAD = 20_000_000


class TableEstimator(BaseEstimator):  # type: ignore[misc]
    """Any customer table in: numbers, texts, categories, dates, missing values as they are."""

    contract_: FeatureContract
    min_level_count: int = MIN_LEVEL_COUNT
    n_features_in_: int
    feature_names_in_: np.ndarray

    def encode(self, X: Any) -> np.ndarray:
        """Matrix of the used columns (`contract_.used`)."""
        check_is_fitted(self)
        return self.contract_.encode(as_table(self, X, fitting=False))

    def _table_state(self) -> dict[str, Any]:
        """Class, parameters and contract as plain data: the beginning of every `to_state`."""
        check_is_fitted(self)
        given = self.get_params()
        if "random_state" in given:
            given["random_state"] = integer_seed(given["random_state"])
        return {
            "class": type(self).__name__,
            "params": given,
            "named": hasattr(self, "feature_names_in_"),
            "contract": self.contract_.to_state(),
        }

    @classmethod
    def _from_table_state(cls, state: Mapping[str, Any]) -> Self:
        """An estimator with what `_table_state` gave: the beginning of every `from_state`."""
        model = cls(**state["params"])
        model.contract_ = FeatureContract.from_state(state["contract"])
        model.n_features_in_ = len(model.contract_.columns)
        if state["named"]:
            model.feature_names_in_ = np.asarray(model.contract_.names, dtype=object)
        return model

    def _learn_table(
        self, X: Any, *others: Any, groups: Any = None, forbidden: Collection[str] = ()
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """The table, and its matrix without forbidden columns; `contract_` is learned."""
        table = as_table(self, X, fitting=True)
        check_consistent_length(table, groups, *others)
        self.contract_ = learn_contract(table, self.min_level_count, groups, forbidden)
        return table, self.contract_.encode(table)

    def _training_table(self, matrix: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> TrainingTable:
        """What the boosters learn from; further columns after those of the contract are numbers."""
        categorical = tuple(k for k, c in enumerate(self.contract_.used) if c.categories)
        return TrainingTable(matrix, y, weight, categorical)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


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
        return {**self._labels_state(), "pos_label": self.pos_label_}

    def _labels_state(self) -> dict[str, Any]:
        """Classes as plain data."""
        return {
            "classes": self.classes_.tolist(),
            "classes_dtype": "object" if self.classes_.dtype == object else self.classes_.dtype.str,
        }

    def _take_labels(self, state: Any) -> None:
        """Read back what `_labels_state` gave."""
        self.classes_ = np.asarray(state["classes"], dtype=state.get("classes_dtype"))

    def _take_event(self, state: Any) -> None:
        """Read back what `_event_state` gave; models saved before it said so are about the last class."""
        self._take_labels(state)
        given = state.get("pos_label")
        self.pos_label_ = self.classes_.tolist()[-1] if given is None else given


def numeric_target(y: Any, what: str = "y") -> np.ndarray:
    """A target of numbers, without missing or infinite ones."""
    if y is None:
        raise DataError(f"{what} is missing: the estimator requires y to be passed, but the target y is None")
    values = np.asarray(column_or_1d(y, warn=True), dtype=np.float64)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise DataError(
            f"{what} has {bad} value(s) that are NaN or infinity\n  hint: leave out rows whose outcome is not known"
        )
    return values


def integer_seed(random_state: Any) -> int:
    """An integer seed, for NumPy and LightGBM."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def lightgbm_threads(n_jobs: int | None, cells: int) -> int:
    """Threads for LightGBM (0: one a core): one for small tables unless told otherwise.

    Small tables gain little from more, and threads that wait for one another lose tenfold when another process holds a
    core.
    """
    if n_jobs is None:
        return 1 if cells <= CELLS_FOR_ONE_THREAD else 0
    return max(int(n_jobs), 0)
