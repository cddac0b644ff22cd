"""The champion, judged on the same rows as the model that was trained beside it.

Metrics of two trainings come from different months, so they do not compare. Here both models answer the same rows, and
whoever decides on a promotion sees both figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.adapters.registry import adapter_of
from custintel.artifact import Model, load_model
from custintel.errors import CustintelError
from custintel.training.mlflow_store import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from custintel.adapters.adapter import TrainingRows


def champion_metrics(
    name: str, rows: TrainingRows, costs: Mapping[str, float], random_state: int, store: str | Path | None
) -> dict[str, Any] | None:
    """Version and metrics of the champion of a model on these rows; None without one, or where it cannot answer them.

    ``seen`` says that it learned from rows of these dates, so that its figures flatter it.
    """
    found = _champion(name, store)
    if found is None or not set(found.feature_names) <= {str(column) for column in rows.X.columns}:
        return None
    adapter = adapter_of(found.estimator)
    try:
        metrics = adapter.metrics(rows, adapter.judged(found.estimator, rows), costs, random_state)
    except (CustintelError, KeyError, ValueError):
        return None  # a champion of another kind of question cannot be compared
    return {"version": str(found.version), "metrics": metrics, "seen": _has_seen(found, rows.X.index)}


def champion_note(found: Mapping[str, Any], metrics: Mapping[str, Mapping[str, float]]) -> str:
    """Both models on the same rows, in words.

    >>> mine, other = {"auc": {"value": 0.71}}, {"auc": {"value": 0.7}}
    >>> champion_note({"version": "ab12", "metrics": other, "seen": False}, mine)
    'on the same rows: this model auc 0.7100; the champion (version ab12) auc 0.7000'
    """
    both = [name for name in metrics if name in found["metrics"]][:3]
    mine = ", ".join(f"{name} {metrics[name]['value']:.4f}" for name in both)
    other = ", ".join(f"{name} {found['metrics'][name]['value']:.4f}" for name in both)
    seen = "; the champion learned from rows of these dates, which flatters it" if found["seen"] else ""
    return f"on the same rows: this model {mine}; the champion (version {found['version']}) {other}{seen}"


def _champion(name: str, store: str | Path | None) -> Model | None:
    """The champion of a model in MLflow, if there is one that can be read."""
    with open_store(store) as mlflow:
        try:
            mlflow.MlflowClient().get_model_version_by_alias(name, "champion")
        except mlflow.exceptions.MlflowException:
            return None
        try:
            return load_model(f"models:/{name}@champion")
        except CustintelError:
            return None


def _has_seen(model: Model, index: pd.Index) -> bool:
    """Whether a model learned from dates of these rows."""
    windows = model.metadata.get("windows") or {}
    learned = [
        *(windows.get("train_as_of") or ()),
        *((windows.get("test_as_of") or ()) if model.metadata.get("refit") else ()),
    ]
    if "as_of" not in index.names or not learned:
        return False
    return bool(max(map(pd.Timestamp, learned)) >= index.get_level_values("as_of").min())
