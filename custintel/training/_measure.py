"""What a judged model is worth: metrics with intervals, decile cut-offs, and what its columns mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from custintel import metrics

__all__ = ["decile_edges", "describe_columns", "judge"]

_REPEATS = 200
_Metric = Callable[..., Any]


def judge(y: pd.Series, p: pd.Series, costs: Mapping[str, float], seed: int = 0) -> dict[str, dict[str, float]]:
    """Value and 95 % interval (bootstrap over customers) of each metric."""
    answer, score = y.to_numpy(np.float64), p.to_numpy(np.float64)
    groups = _customers(p)
    judged = {}
    for name, metric in _metrics(costs).items():
        interval = metrics.bootstrap_interval(metric, answer, score, n=_REPEATS, seed=seed, groups=groups)
        judged[name] = {key: float(value) for key, value in interval._asdict().items()}
    return judged


def _customers(p: pd.Series) -> Any:
    """Customer of each row, when some have several."""
    if "customer_id" not in p.index.names:
        return None
    customers = p.index.get_level_values("customer_id")
    return None if customers.is_unique else customers.to_numpy()


def _metrics(costs: Mapping[str, float]) -> dict[str, _Metric]:
    """The metrics of a churn model; profit with the costs of its specification."""
    money: dict[str, Any] = {name: float(costs[name]) for name in ("clv", "d", "f", "alpha", "beta") if name in costs}
    return {
        "auc": metrics.auc,
        "average_precision": metrics.average_precision,
        "lift_10": partial(metrics.lift_score, at=0.1),
        "brier": metrics.brier,
        "ece": metrics.ece_score,
        "empc": partial(metrics.empc_score, **money),
    }


def decile_edges(p: pd.Series) -> list[float]:
    """Nine cut-offs, highest first: a score at or above the first is in decile 1.

    >>> decile_edges(pd.Series(np.arange(1, 101) / 100))[:2]
    [0.91, 0.81]
    """
    ordered = np.sort(p.to_numpy(np.float64))[::-1]
    places = np.ceil(np.arange(1, 10) * len(ordered) / 10).astype(int) - 1
    return [float(edge) for edge in ordered[places]]


def describe_columns(X: pd.DataFrame, catalogue: pd.DataFrame | None = None) -> list[dict[str, Any]]:
    """One entry a column: the words of the catalogue, and the typical value to compare a customer with."""
    words = {} if catalogue is None else {str(row["column"]): row for row in catalogue.to_dict("records")}
    return [{"column": str(n), **_words(words.get(str(n), {})), "median": _typical(X[n])} for n in X.columns]


def _words(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Name, unit and meaning of missing, as plain values."""
    keys = ("about", "about_zh", "unit", "missing", "family", "feature", "window")
    return {key: _plain(row[key]) for key in keys if key in row and not _absent(row[key])}


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _typical(column: pd.Series) -> float | str | None:
    """Median of numbers, most frequent value of everything else."""
    filled = column.dropna()
    if filled.empty:
        return None
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return float(np.float64(filled.median()))
    return str(filled.astype(str).mode().iloc[0])
