"""Exact contributions of a tree model, in the form the shap package plots."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    import pandas as pd
    import shap
    from lightgbm import Booster
    from numpy.typing import NDArray


def tree_shap(booster: Booster, X: pd.DataFrame) -> shap.Explanation:
    """Return exact path-dependent SHAP values of a LightGBM booster.

    Parameters
    ----------
    booster : lightgbm.Booster
        A trained booster, or a LightGBM estimator with `booster_`.
    X : DataFrame
        The columns the booster was trained on, encoded as in training.

    Returns
    -------
    shap.Explanation
        Values in the unit of the raw score (log-odds); row by row, values + base value = raw score.

    Examples
    --------
    >>> import lightgbm as lgb, pandas as pd
    >>> X = pd.DataFrame({"a": np.arange(40.0), "b": 1.0})
    >>> quiet = {"verbose": -1, "min_data_in_leaf": 5, "num_threads": 1}
    >>> booster = lgb.train(quiet, lgb.Dataset(X, X["a"] > 20), num_boost_round=3)
    >>> found = tree_shap(booster, X)
    >>> found.values.shape, found.feature_names
    ((40, 2), ['a', 'b'])
    >>> bool(np.allclose(found.values.sum(axis=1) + found.base_values, booster.predict(X, raw_score=True)))
    True
    """
    shap = _shap()
    booster = getattr(booster, "booster_", booster)
    names = list(booster.feature_name())
    _check_columns(X, names)
    values, base = _contributions(booster, X, len(names))
    return shap.Explanation(values=values, base_values=base, data=X.to_numpy(), feature_names=names)


def _shap() -> Any:
    """Import shap when it is asked for."""
    with warnings.catch_warnings():  # shap 0.51 builds colour maps in a way matplotlib 3.11 deprecates
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return import_module("shap")
        except ImportError as missing:
            raise MissingExtraError("shap", "shap", "tree_shap") from missing


def _check_columns(X: pd.DataFrame, names: list[str]) -> None:
    """Refuse a table that does not have as many columns as the booster."""
    if X.shape[1] != len(names):
        raise DataError(
            f"the table does not fit the booster\n  given: {X.shape[1]} columns\n"
            f"  allowed: {len(names)} columns: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}"
        )


def _contributions(booster: Booster, X: pd.DataFrame, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return values and base values; with several classes, the class is the last axis."""
    raw = np.asarray(booster.predict(X, pred_contrib=True), dtype=np.float64)
    if raw.shape[1] > width + 1:
        raw = raw.reshape(len(X), -1, width + 1).transpose(0, 2, 1)
    return raw[:, :width], raw[:, width]
