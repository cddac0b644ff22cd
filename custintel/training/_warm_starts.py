"""Where a search begins: parameters of earlier runs of the same model, from MLflow.

What was delivered and the best trial of each of the last runs, as far as they lie in the search space:

>>> space = {"leaves": {"low": 4, "high": 31}, "l2": {"low": 0.1, "high": 30.0}, "kind": ["a", "b"]}
>>> within(space, {"leaves": "12", "l2": "900.0", "kind": "b", "seed": "7"})
{'leaves': 12, 'kind': 'b'}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from custintel.replacing import scratch_folder
from custintel.training._store import open_store

__all__ = ["warm_starts", "within"]

_RUNS = 3
_TRIALS = "trials.json"


def warm_starts(model: str, space: Mapping[str, Any], place: str | Path | None = None) -> tuple[dict[str, Any], ...]:
    """Parameters that served the model called `model` before, newest first; none without earlier runs."""
    with open_store(place) as mlflow:
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name(f"custintel-{model}")
        if experiment is None:
            return ()
        runs = client.search_runs(
            [experiment.experiment_id],
            "attributes.status = 'FINISHED'",
            max_results=_RUNS,
            order_by=["attributes.start_time DESC"],
        )
        given = [params for run in runs for params in (run.data.params, _best_trial(mlflow, run.info.run_id))]
    found = [within(space, params) for params in given]
    return tuple(params for k, params in enumerate(found) if params and params not in found[:k])


def within(space: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that the search space knows and allows, as numbers or choices."""
    values = {name: _read(rule, params.get(name)) for name, rule in space.items()}
    return {name: value for name, value in values.items() if value is not None}


def _read(rule: Any, value: Any) -> Any:
    """One value of a rule (``{low, high}`` or a list of choices); None when it is not allowed there."""
    if isinstance(rule, (list, tuple)):
        return next((choice for choice in rule if str(choice) == str(value)), None)
    if not (isinstance(rule, Mapping) and {"low", "high"} <= set(rule)):
        return None  # the search itself says what is wrong with the rule
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    low, high = rule["low"], rule["high"]
    if not low <= number <= high:
        return None
    return round(number) if isinstance(low, int) and isinstance(high, int) else number


def _best_trial(mlflow: Any, run_id: str) -> Mapping[str, Any]:
    """Parameters of the best trial that a run has looked at; empty when it did not search."""
    if _TRIALS not in {item.path for item in mlflow.MlflowClient().list_artifacts(run_id)}:
        return {}
    with scratch_folder() as folder:
        path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=_TRIALS, dst_path=folder)
        table = json.loads(Path(path).read_text(encoding="utf-8"))
    trials = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    judged = [t for t in trials if t.get("state") == "complete" and t.get("auc") is not None]
    return max(judged, key=lambda t: float(t["auc"]), default={})
