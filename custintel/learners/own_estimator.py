"""`OwnEstimator`: a scikit-learn estimator of the user's own on any customer table, saved without pickle."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from custintel.errors import ConfigurationError, DataError, ModelError
from custintel.learners._plain_attributes import NotPlainError, fitted_attributes, set_attributes
from custintel.learners._several_classes import class_codes, has_several_classes
from custintel.learners.base_estimators import TableEstimator, integer_seed, numeric_target
from custintel.learners.check_input import binary_target
from custintel.learners.ensemble.logistic_regression import LinearDesign, learn_design
from custintel.learners.feature_contract import MIN_LEVEL_COUNT
from custintel.learners.own_classes import allowed_class, class_path, find_class

if TYPE_CHECKING:
    from collections.abc import Mapping


_CHUNK = 200_000


def _tells_classes(estimator: OwnEstimator) -> bool:
    return bool(is_classifier(estimator.new_inner()))


class OwnEstimator(TableEstimator):
    """A scikit-learn classifier or regressor of your own, on any customer table.

    The table may hold numbers, text, categories, booleans, dates and missing values: numbers are standardised, missing
    ones stand at the mean with a column that says so, categories have a column for each level (more than 60 levels are
    left out). What was learned is saved as plain data, never as pickle: by ``to_state`` and ``from_state`` of the
    class, or by its fitted attributes where these are numbers, texts and arrays, as those of linear models are. A class
    for which neither works is refused before it is taught.

    Parameters
    ----------
    learner : str or class
        Name of the class with its package, such as ``sklearn.linear_model.Ridge`` or ``my_package.MyClassifier``, or
        the class itself. A classifier needs ``predict_proba``.
    params : mapping, optional
        Parameters of that class.
    pos_label : object, optional
        The label of the event, where there are two classes; as in `TableClassifier`.
    min_level_count : int
        Levels of a category that fewer customers have are pooled into one; none of them is kept in the model.
    random_state : int, RandomState or None
        Seed, for classes that have one.

    Attributes
    ----------
    inner_ : estimator
        The fitted estimator of that class.
    classes_ : array
        Labels of a classifier, sorted.
    pos_label_ : object
        The label of the event, of two.
    expected_value_ : float or array
        Prediction for a customer with the median of every number and the most frequent category (of several classes one
        probability each); contributions start here.
    contract_, feature_names_in_, n_features_in_
        Columns seen in `fit`.

    Examples
    --------
    >>> table = pd.DataFrame({"plan": ["S", "M"] * 50, "minutes": range(100)})
    >>> bill = 10 + table["minutes"] + 5 * (table["plan"] == "M")
    >>> model = OwnEstimator("sklearn.linear_model.Ridge", params={"alpha": 0.01}).fit(table, bill)
    >>> model.predict(table.head(2)).round().tolist()
    [10.0, 16.0]
    """

    inner_: Any
    classes_: np.ndarray
    pos_label_: Any
    design_: LinearDesign
    medians_: np.ndarray

    def __init__(
        self,
        learner: Any = "sklearn.linear_model.LogisticRegression",
        *,
        params: Mapping[str, Any] | None = None,
        pos_label: Any = None,
        min_level_count: int = MIN_LEVEL_COUNT,
        random_state: Any = 0,
    ) -> None:
        self.learner = learner
        self.params = params
        self.pos_label = pos_label
        self.min_level_count = min_level_count
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Learn from customers `X` and their outcome `y`: two classes or more, or amounts.

        Parameters
        ----------
        X : data frame or array
            One row a customer.
        y : array-like
            What the class of the learner takes.
        groups : array-like, optional
            Customer of each row; kept from being told apart by rare levels only.

        Raises
        ------
        ConfigurationError
            When the class is not there, takes other parameters, or could not be saved.
        """
        inner = self.new_inner()
        check_learner(inner)
        target = self._learn_target(inner, y)
        _, matrix = self._learn_table(X, target, groups=groups)
        levels = np.array([len(c.categories) for c in self.contract_.used], dtype=np.int64)
        self.design_ = learn_design(matrix, levels, np.ones(len(matrix)), True)
        self.medians_ = _medians(matrix, levels)
        if not self.design_.blocks:
            raise DataError(
                f"no column can be learned from (n_samples={len(matrix)}): all are empty, constant or identifiers\n"
                "  hint: check the table"
            )
        self.inner_ = inner.fit(self.design_.expand(matrix), target)
        self._learn_start()
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class, or the expected amount, of each customer."""
        check_is_fitted(self)
        if not hasattr(self, "classes_"):
            return self._answers(self.encode(X))[:, 0]
        return np.asarray(self.classes_[self._answers(self.encode(X)).argmax(axis=1)])

    @available_if(_tells_classes)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class as the learner gives it (not calibrated), in the order of `classes_`."""
        check_is_fitted(self)
        return self._answers(self.encode(X))

    def score(self, X: Any, y: Any) -> float:
        """Accuracy of a classifier, R squared of a regressor, as scikit-learn has it.

        Parameters
        ----------
        X : data frame or array
            Customers.
        y : array-like
            Their outcome.
        """
        measure = accuracy_score if hasattr(self, "classes_") else r2_score
        return float(measure(y, self.predict(X)))

    def contributions(self, X: Any, kernel: Any = None, *, target: Any = None) -> pd.DataFrame:  # noqa: ARG002
        """What each column adds to the prediction: approximate, from what the prediction is without it.

        A column's part is the prediction less that with the column at its median (or most frequent category). The parts
        of a row are then brought to add up, with `expected_value_`, to its prediction (the probability of the event, of
        the class asked for, or the amount): what is missing, because columns act together, goes to the columns in
        proportion to their parts.

        Parameters
        ----------
        X : data frame or array
            Customers.
        kernel : object
            Not used; other learners have it.
        target : object, optional
            Of several classes the one to explain; the likeliest of each row when None.
        """
        check_is_fitted(self)
        matrix = self.encode(X)
        full = self._answers(matrix)
        asked = self._explained(full, target)
        rows = np.arange(len(matrix))
        parts = np.empty(matrix.shape)
        for j, median in enumerate(self.medians_):
            changed = matrix.copy()
            changed[:, j] = median
            parts[:, j] = full[rows, asked] - self._answers(changed)[rows, asked]
        start = np.atleast_1d(self._start)[asked]
        used = [c.name for c in self.contract_.used]
        index = X.index if isinstance(X, pd.DataFrame) else None
        frame = pd.DataFrame(_adding_up(parts, full[rows, asked] - start), index=index, columns=used)
        return frame.reindex(columns=self.contract_.names, fill_value=0.0)

    @property
    def expected_value_(self) -> float | np.ndarray:
        """Prediction for a customer with the median of every column."""
        if not hasattr(self, "classes_"):
            return float(self._start[0])
        return float(self._start[self._event_place]) if len(self.classes_) == 2 else self._start

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data."""
        check_is_fitted(self)
        state = self._table_state()
        state["params"] |= {"learner": class_path(self.learner), "params": dict(self.params or {})}
        own, texts = inner_state(self.inner_)
        state |= {
            "design": self.design_.to_state(),
            "medians": self.medians_.tolist(),
            "inner": own,
            "classes": None,
            "start": self._start.tolist(),
        }
        if hasattr(self, "classes_"):
            state |= {
                "classes": self.classes_.tolist(),
                "classes_dtype": "object" if self.classes_.dtype == object else self.classes_.dtype.str,
                "pos_label": getattr(self, "pos_label_", None),
            }
        return state, texts

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], texts: Mapping[str, str], extra_classes: Mapping[str, Any] | None = None
    ) -> Self:
        """Read back what `to_state` gave; classes other than linear models of scikit-learn must be allowed."""
        model = cls._from_table_state(state)
        kind = allowed_class(str(state["params"]["learner"]), extra_classes or {})
        model.learner = kind if not str(kind.__module__).startswith("sklearn.") else state["params"]["learner"]
        model.design_ = LinearDesign.from_state(state["design"])
        model.medians_ = np.asarray(state["medians"], dtype=np.float64)
        if state["classes"] is not None:
            model.classes_ = np.asarray(state["classes"], dtype=state["classes_dtype"])
            if len(model.classes_) == 2:
                model.pos_label_ = state["pos_label"]
        model.inner_ = restored_inner(kind, model._inner_params(kind), state["inner"], texts)
        model._start = np.asarray(state["start"], dtype=np.float64)
        model._check_restored()
        return model

    def new_inner(self) -> Any:
        """An estimator of the user's class that has not been fitted."""
        kind = find_class(self.learner)
        try:
            return kind(**self._inner_params(kind))
        except TypeError as error:
            raise ConfigurationError(
                f"{class_path(self.learner)} does not take these parameters: {error}\n  hint: see params of the learner"
            ) from error

    def _inner_params(self, kind: Any) -> dict[str, Any]:
        """The given parameters, and the seed for a class that has one."""
        given = dict(self.params or {})
        if "random_state" in inspect.signature(kind).parameters:
            given.setdefault("random_state", integer_seed(self.random_state))
        return given

    def _learn_target(self, inner: Any, y: Any) -> np.ndarray:
        """Amounts, or the places of labels among the classes."""
        for name in ("classes_", "pos_label_"):
            if hasattr(self, name):
                delattr(self, name)
        if is_regressor(inner):
            return numeric_target(y)
        if has_several_classes(y):
            self.classes_, codes = class_codes(y)
            return codes.astype(np.int64)
        found = binary_target(y, self.pos_label)
        self.classes_, self.pos_label_ = found.classes, found.event
        return np.where(self._event_place == 1, found.y, 1 - found.y).astype(np.int64)

    def _answers(self, matrix: np.ndarray) -> np.ndarray:
        """Probabilities of the classes, or the amount as one column."""
        parts = []
        for start in range(0, max(len(matrix), 1), _CHUNK):
            design = self.design_.expand(matrix[start : start + _CHUNK])
            if hasattr(self, "classes_"):
                parts.append(np.asarray(self.inner_.predict_proba(design), dtype=np.float64))
            else:
                parts.append(np.asarray(self.inner_.predict(design), dtype=np.float64).reshape(-1, 1))
        return np.concatenate(parts)

    def _learn_start(self) -> None:
        self._start = self._answers(self.medians_[None, :])[0]

    def _explained(self, answers: np.ndarray, target: Any) -> np.ndarray:
        """The column of the answers that each row is explained for."""
        if not hasattr(self, "classes_"):
            return np.zeros(len(answers), dtype=np.int64)
        labels = self.classes_.tolist()
        if target is not None:
            if target not in labels:
                told = ", ".join(map(repr, labels))
                raise DataError(f"no such class to explain\n  given: {target!r}\n  allowed: {told}")
            return np.full(len(answers), labels.index(target))
        if len(labels) == 2:
            return np.full(len(answers), self._event_place)
        return np.asarray(answers.argmax(axis=1))

    @property
    def _event_place(self) -> int:
        return int(self.classes_.tolist().index(self.pos_label_))

    def _check_restored(self) -> None:
        """One customer is asked about: what was saved fits together and gives numbers."""
        try:
            answer = self._answers(self.medians_[None, :])
        except Exception as error:
            raise ModelError(f"the saved estimator does not answer: {type(error).__name__}") from error
        wanted = (1, len(self.classes_) if hasattr(self, "classes_") else 1)
        if answer.shape != wanted or not np.isfinite(answer).all() or self._start.shape != wanted[1:]:
            raise ModelError("the saved estimator gives other answers than it should")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        try:
            inner = self.new_inner().__sklearn_tags__()
        except (ConfigurationError, AttributeError):
            return tags
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags, tags.regressor_tags = inner.classifier_tags, inner.regressor_tags
        tags.target_tags = inner.target_tags
        tags.target_tags.multi_output = False
        return tags


def check_learner(inner: Any) -> None:
    """Refuse a class that cannot be used or saved, before anything is taught.

    Raises
    ------
    ConfigurationError
        With what is missing, and what to do.
    """
    name = type(inner).__name__
    if not (is_classifier(inner) or is_regressor(inner)):
        raise ConfigurationError(
            f"{name} is neither a classifier nor a regressor of scikit-learn\n"
            "  hint: derive it from ClassifierMixin or RegressorMixin, and BaseEstimator"
        )
    if is_classifier(inner) and not hasattr(inner, "predict_proba"):
        raise ConfigurationError(f"{name} gives no probabilities\n  hint: it needs predict_proba")
    if not _has_own_state(type(inner)):
        _check_attributes(inner)


def inner_state(inner: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The state of the user's estimator, by its own ``to_state`` or by its fitted attributes."""
    if not _has_own_state(type(inner)):
        return {"attributes": fitted_attributes(inner)}, {}
    given = inner.to_state()
    data, texts = given if isinstance(given, tuple) else (given, {})
    return {"state": data}, dict(texts)


def restored_inner(kind: Any, params: dict[str, Any], state: Mapping[str, Any], texts: Mapping[str, str]) -> Any:
    """Read back what `inner_state` gave."""
    if "state" in state:
        own = getattr(kind, "from_state", None)
        if own is None:
            raise ModelError(f"{kind.__name__} has no from_state any more\n  hint: the version that saved the model")
        takes_texts = len(inspect.signature(own).parameters) > 1
        return own(state["state"], texts) if takes_texts else own(state["state"])
    inner = kind(**params)
    set_attributes(inner, state["attributes"])
    return inner


def _has_own_state(kind: Any) -> bool:
    return hasattr(kind, "to_state") and hasattr(kind, "from_state")


def _check_attributes(inner: Any) -> None:
    """Teach a copy forty rows: can what it has learned be written?"""
    from sklearn.base import clone

    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = np.arange(40) % 2 if is_classifier(inner) else 2.0 + np.abs(X[:, 0])
    trial = clone(inner)
    trial.fit(X, y)
    try:
        json.dumps(fitted_attributes(trial))
    except (NotPlainError, TypeError) as error:
        raise ConfigurationError(
            f"what {type(inner).__name__} learns cannot be saved without pickle: {error}\n"
            "  allowed: fitted attributes that are numbers, texts or arrays, or a class with to_state and from_state\n"
            "  hint: write to_state(self) -> plain data and from_state(cls, data) for it, or use a linear model,\n"
            "  TableClassifier or TableRegressor"
        ) from error


def _medians(matrix: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The median of each number, and the most frequent code of each category."""
    found = np.empty(matrix.shape[1])
    for j, count in enumerate(levels):
        known = matrix[~np.isnan(matrix[:, j]), j]
        found[j] = float(np.bincount(known.astype(np.int64)).argmax()) if count else float(np.median(known))
    return found


def _adding_up(parts: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Parts that add up to the total of their row: the rest goes to them in proportion to their size.

    >>> _adding_up(np.array([[1.0, 3.0]]), np.array([8.0]))
    array([[2., 6.]])
    """
    rest = total - parts.sum(axis=1)
    size = np.abs(parts)
    whole = size.sum(axis=1, keepdims=True)
    even = np.full(parts.shape, 1 / max(parts.shape[1], 1))
    return np.asarray(parts + rest[:, None] * np.divide(size, whole, out=even, where=whole > 1e-12))
