"""One MLflow run per training: parameters, metrics with intervals, windows, data digest, trials, report, model."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from custintel.files.atomic_write import scratch_folder
from custintel.files.process_identity import current_process, parse_process
from custintel.training.mlflow_flavor import ModelFlavor, median_row
from custintel.training.mlflow_store import REPORT_FOLDER, open_store, store_folder, store_uri

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from custintel.artifact import Model
    from custintel.reports.model.evaluation import Evaluation


_OWNER = "custintel_owner"
_WINDOWS = ("train_as_of", "test_as_of", "gap_days", "horizon_days", "dormancy_days")


@dataclass(frozen=True)
class TrainingRecord:
    """What is written to MLflow about a training: the model, its evaluation, its parameters, and when it began."""

    model: Model
    evaluation: Evaluation
    params: Mapping[str, Any]
    X_train: pd.DataFrame
    y_train: pd.Series
    started: float
    promote: bool = False


@dataclass(frozen=True)
class TrackedRun:
    """Where the run and the model stand in MLflow."""

    store: str
    run_id: str
    version: str
    alias: str


def write_mlflow_run(record: TrainingRecord, store: str | Path | None = None) -> TrackedRun:
    """Write one finished run; the first version of a model becomes ``champion``, later ones ``challenger``."""
    uri = store_uri(store)
    model = record.model
    with open_store(uri) as mlflow, scratch_folder() as folder, _mlflow_writes_into(folder):
        client = mlflow.MlflowClient()
        experiment = _experiment(client, f"custintel-{model.name}", uri)
        _close_killed_runs(client, experiment)
        run = client.create_run(
            experiment,
            start_time=int(record.started * 1000),
            tags={_OWNER: current_process().text},
            run_name=str(model.version),
        )
        run_id = str(run.info.run_id)
        try:
            _log_parameters_and_metrics(client, run_id, record)
            _log_data_digests(mlflow, run_id, record)
            _log_trials_and_report(client, run_id, record, folder)
            version = _log_model(client, run.info, record)
            alias = _set_version_alias(client, model.name, version, record.promote)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id, "FINISHED")
    return TrackedRun(uri, run_id, version, alias)


@contextmanager
def _mlflow_writes_into(folder: Path) -> Iterator[None]:
    """MLflow's temporary files among ours, which the next process removes when this one is killed."""
    from mlflow.utils import file_utils

    before = file_utils.create_tmp_dir
    file_utils.create_tmp_dir = lambda: tempfile.mkdtemp(dir=folder)
    try:
        yield
    finally:
        file_utils.create_tmp_dir = before


def _close_killed_runs(client: Any, experiment: str) -> None:
    """Runs of processes that are gone would say RUNNING for ever."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        owner = parse_process(run.data.tags.get(_OWNER, ""))
        if owner is not None and owner.dead:
            client.set_terminated(run.info.run_id, "KILLED")


def _experiment(client: Any, name: str, uri: str) -> str:
    """The experiment of that name; its artifacts lie beside an SQLite store."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    folder = store_folder(uri)
    store = (folder / "mlruns" / name).as_uri() if folder is not None else None
    return str(client.create_experiment(name, artifact_location=store))


def _log_parameters_and_metrics(client: Any, run_id: str, record: TrainingRecord) -> None:
    """Parameters, metrics with both ends of their intervals, windows and digest as tags; one request."""
    from mlflow.entities import Metric, Param, RunTag

    metadata = record.model.metadata
    now = int(time.time() * 1000)
    champion = record.evaluation.extra.get("champion") or {"metrics": {}}
    judged = {**metadata["metrics"], **{f"champion_{name}": found for name, found in champion["metrics"].items()}}
    metrics = [Metric(name, value, now, 0) for name, value in _flat_metrics(judged).items()]
    params = [Param(name, str(value)[:500]) for name, value in record.params.items()]
    tags = {name: metadata["windows"].get(name) for name in _WINDOWS}
    tags |= {"data_digest": metadata.get("data_digest"), "custintel": metadata.get("library_version")}
    tags |= {"leaks": [leak["column"] for leak in record.evaluation.leaks] or None}
    written = [RunTag(name, _as_text(value)) for name, value in tags.items() if value is not None]
    client.log_batch(run_id, metrics=metrics, params=params, tags=written)


def _flat_metrics(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """``auc``, ``auc_low`` and ``auc_high`` from ``{"auc": {"value": ..., "low": ..., "high": ...}}``."""
    flat: dict[str, float] = {}
    for name, parts in metrics.items():
        for part, value in parts.items():
            if isinstance(value, (int, float)) and value == value:
                flat[name if part == "value" else f"{name}_{part}"] = float(value)
    return flat


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _log_data_digests(mlflow: Any, run_id: str, record: TrainingRecord) -> None:
    """Digest and schema of the training and test tables; the rows themselves are not stored."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    evaluation = record.evaluation
    tables = {"training": (record.X_train, record.y_train), "testing": (evaluation.X, evaluation.y)}
    inputs = []
    for context, (X, y) in tables.items():
        label = "label" if "label" not in X.columns else "label (target)"
        frame = _plain_frame(X).assign(**{label: y.to_numpy()})
        facts = mlflow.data.from_pandas(frame, targets=label, name=f"{evaluation.model.name}-{context}").to_dict()
        inputs.append(DatasetInput(Dataset(**facts), [InputTag("mlflow.data.context", context)]))
    mlflow.MlflowClient().log_inputs(run_id, inputs)


def _plain_frame(X: pd.DataFrame) -> pd.DataFrame:
    """Doubles and strings, as the signature says."""
    medians = median_row(X)
    columns = {n: X[n].astype("float64" if medians[n].dtype == "float64" else object) for n in medians.columns}
    return pd.DataFrame(columns).reset_index(drop=True)


def _log_trials_and_report(client: Any, run_id: str, record: TrainingRecord, folder: Path) -> None:
    """Trials, question, features, coverage; the report as HTML and JSON, so that it can be drawn again from MLflow."""
    from custintel.reports.model.model_report import write_report

    evaluation = record.evaluation
    if evaluation.trials is not None:
        client.log_table(run_id, evaluation.trials.astype(object).where(evaluation.trials.notna(), None), "trials.json")
    write_report(evaluation, folder / REPORT_FOLDER / "report.html")
    client.log_artifacts(run_id, str(folder / REPORT_FOLDER), REPORT_FOLDER)
    metadata = record.model.metadata
    client.log_text(
        run_id, _yaml({k: v for k, v in (metadata.get("spec") or {}).items() if k != "actions"}), "question.yaml"
    )
    client.log_dict(run_id, {"features": metadata.get("features") or []}, "features.json")
    if evaluation.extra.get("coverage"):
        client.log_dict(run_id, {"tables": list(evaluation.extra["coverage"])}, "coverage.json")


def _yaml(spec: Mapping[str, Any]) -> str:
    """The question as it was asked, in the form of its file."""
    text: str = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)
    return text


def _log_model(client: Any, run: Any, record: TrainingRecord) -> str:
    """The delivered model in MLflow's folder and registry; its version there."""
    from mlflow.models import Model as MlflowModel

    model = record.model
    # made by hand, because MLflow would put it into the experiment that is active in this process
    store = client.create_logged_model(run.experiment_id, name="model", source_run_id=run.run_id)
    info = MlflowModel.log(
        artifact_path=None,
        name="model",
        model_id=store.model_id,
        run_id=run.run_id,
        flavor=ModelFlavor(model, median_row(record.X_train[model.feature_names])),
        registered_model_name=model.name,
        await_registration_for=0,
    )
    return str(info.registered_model_version)


def _set_version_alias(client: Any, name: str, version: str, promote: bool) -> str:
    """Champion when there is none or when asked; otherwise challenger.

    The metrics of two trainings come from different months, so the better metric alone moves nobody up.
    """
    aliases = client.get_registered_model(name).aliases
    alias = "champion" if promote or "champion" not in aliases else "challenger"
    client.set_registered_model_alias(name, alias, version)
    return alias
