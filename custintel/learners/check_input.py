"""What comes in at the door of an estimator: tables, arrays, targets; checked, with errors that teach."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from custintel.errors import DataError
from custintel.learners.event_class import choose_event, event_position, label_text, warn_guessed_event


class BinaryTarget(NamedTuple):
    """A target of two labels.

    Attributes
    ----------
    y : array
        1.0 where the event is, 0.0 elsewhere.
    classes : array
        Both labels, sorted as scikit-learn does.
    event : object
        The label of the event.
    """

    y: np.ndarray
    classes: np.ndarray
    event: Any

    @property
    def labels(self) -> np.ndarray:
        """The labels of the rows, as they were given."""
        position = self.classes.tolist().index(self.event)
        return np.asarray(self.classes[np.where(self.y == 1, position, 1 - position)])


def as_table(estimator: Any, X: Any, *, fitting: bool) -> pd.DataFrame:
    """A pandas table with text column names, from pandas, Polars, Arrow or an array."""
    if not isinstance(X, pd.DataFrame) and hasattr(X, "to_pandas"):
        X = X.to_pandas()
    if not isinstance(X, pd.DataFrame):
        return _from_array(estimator, X, fitting=fitting)
    table = X.set_axis([str(c) for c in X.columns], axis=1)
    _check_names(table)
    if fitting:
        _check_size(table)
        _remember_names(estimator, X)
    return table


def binary_target(y: Any, pos_label: Any = None) -> BinaryTarget:
    """A target of two labels as 0.0 and 1.0, where 1.0 is the event.

    Parameters
    ----------
    y : array-like
        Two different values.
    pos_label : object, optional
        The label of the event. Without it a known word for yes (yes, true, churned, bad, fraud, ...) is the event, of
        numbers the larger one, otherwise the rarer label.

    Raises
    ------
    DataError
        For missing labels, and for fewer or more than two.
    ConfigurationError
        When no row has `pos_label`.

    Warns
    -----
    QualityWarning
        When the event was guessed: neither label is a known word, and the numbers are not 0 and 1 (or -1 and 1).

    Examples
    --------
    >>> binary_target(["good", "bad", "good"])
    BinaryTarget(y=array([0., 1., 0.]), classes=array(['bad', 'good'], dtype='<U4'), event='bad')
    """
    if y is None:
        raise DataError("the estimator requires y to be passed, but the target y is None")
    values = column_or_1d(y, warn=True)
    missing = int(pd.isna(values).sum())
    if missing:
        raise DataError(
            f"the target has {missing} missing value(s) (NaN)\n"
            "  hint: rows whose outcome is not known yet are censored; leave them out of the training table"
        )
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        raise DataError("the target contains infinity\n  hint: a target has two values, such as 0 and 1")
    if values.dtype == object:  # truth values of a column that had gaps are objects
        values = pd.Series(values).infer_objects().to_numpy()
    check_classification_targets(values)
    classes, codes = np.unique(values, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"the target has one class only: {classes.tolist()}\n  hint: both outcomes are needed to learn")
    if len(classes) > 2:
        raise DataError(
            "Only binary classification is supported. The type of the target is multiclass.\n"
            f"  given: {len(classes)} classes: {', '.join(map(str, classes[:6]))}"
        )
    position = _event_position(classes, codes.ravel(), pos_label)
    return BinaryTarget((codes.ravel() == position).astype(np.float64), classes, classes.tolist()[position])


def _event_position(classes: np.ndarray, codes: np.ndarray, pos_label: Any) -> int:
    """Place of the event among the two classes: the one asked for, or by the common rule."""
    labels = [label_text(label) for label in classes.tolist()]
    if pos_label is not None:
        return event_position(pos_label, labels)
    choice = choose_event(labels, np.bincount(codes, minlength=2).tolist())
    warn_guessed_event(labels, choice, stacklevel=5)
    return choice.position


def _from_array(estimator: Any, X: Any, *, fitting: bool) -> pd.DataFrame:
    array = validate_data(estimator, X, reset=fitting, dtype=None, ensure_all_finite=False)
    names = [f"x{i}" for i in range(array.shape[1])] if fitting else estimator.contract_.names
    table = pd.DataFrame(array, columns=names)
    return table.infer_objects() if array.dtype == object else table


def _check_names(table: pd.DataFrame) -> None:
    twice = table.columns[table.columns.duplicated()].unique()
    if len(twice):
        raise DataError(f"column names occur more than once: {', '.join(twice)}\n  hint: rename or drop one of each")


def _check_size(table: pd.DataFrame) -> None:
    if table.shape[0] == 0 or table.shape[1] == 0:
        raise DataError(
            f"the table is empty: {table.shape[0]} row(s), {table.shape[1]} column(s)\n"
            "  hint: check the filter or the join that made it"
        )


def _remember_names(estimator: Any, X: pd.DataFrame) -> None:
    estimator.n_features_in_ = X.shape[1]
    if all(isinstance(c, str) for c in X.columns):
        estimator.feature_names_in_ = np.asarray(X.columns, dtype=object)
    elif hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
