"""Where MLflow keeps runs and models: by default an SQLite file in the working folder, artifacts beside it."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import warnings
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Any

from custintel.errors import MissingExtraError, ModelError, Problem, raise_problems
from custintel.files.atomic_write import atomic_new_file, scratch_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


REPORT_FOLDER = "report"
_DATABASE = "mlflow.db"
_SQLITE = "sqlite:///"
_MEANS_MORE = re.compile(r"\?|%[0-9a-fA-F]{2}")  # in an address: where options begin, and a sign by its number
_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
_NOISY = ("mlflow", "alembic", "sqlalchemy", "urllib3", "git")


def store_uri(store: str | Path | None = None) -> str:
    """The tracking address: a given address or folder, the environment's, or ``mlflow.db`` in the working folder.

    Raises
    ------
    ConfigurationError
        The name of the folder, or the path in an SQLite address, would be read as something else.

    Examples
    --------
    >>> store_uri("/data/demo")
    'sqlite:////data/demo/mlflow.db'
    >>> store_uri("https://mlflow.example.org")
    'https://mlflow.example.org'
    """
    if store is None:
        store = os.environ.get("MLFLOW_TRACKING_URI") or Path.cwd()
    text = str(store)
    if text.startswith(_SQLITE):
        _check_path(text.removeprefix(_SQLITE), text)
        return text
    if ":/" in text or text.startswith(("databricks", "uc")):
        return text
    file = Path(store).resolve() / _DATABASE
    _check_path(str(file), str(file.parent))
    return f"{_SQLITE}{file}"


def _check_path(path: str, given: str) -> None:
    """Refuse a path that an address would read as another one."""
    if _MEANS_MORE.search(path):
        hint = "rename the folder, work in another one, or give another folder as store"
        raise_problems([Problem("store of MLflow", "not a folder for it", given, "a path without ? or %20", hint)])


def store_folder(uri: str) -> Path | None:
    """Folder of an SQLite store; None for a server.

    >>> str(store_folder("sqlite:////data/demo/mlflow.db"))
    '/data/demo'
    """
    if not uri.startswith(_SQLITE):
        return None
    return Path(uri.removeprefix(_SQLITE)).resolve().parent


@contextmanager
def open_store(store: str | Path | None = None) -> Iterator[Any]:
    """MLflow turned to a store for the length of a block, and quiet; its former address comes back afterwards."""
    uri = store_uri(store)
    folder = store_folder(uri)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with _quiet():
        mlflow = import_mlflow()
        if folder is not None:
            _make_database(Path(uri.removeprefix(_SQLITE)))
        with _addresses_restored(mlflow):
            mlflow.set_tracking_uri(uri)
            mlflow.set_registry_uri(uri)
            yield mlflow


@contextmanager
def _addresses_restored(mlflow: Any) -> Iterator[None]:
    """Both addresses as they were, an address that was not set included: then MLflow derives it, as before.

    Setting an address also sets its environment variable. So the variables tell what was set, by whichever way.
    """
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    variables = {name: os.environ.get(name) for name in _VARIABLES}
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
        for name, value in variables.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        if mlflow.get_tracking_uri() != before[0]:
            mlflow.set_tracking_uri(before[0])
        if mlflow.get_registry_uri() != before[1]:
            mlflow.set_registry_uri(before[1])


def _make_database(store: Path) -> None:
    """A new SQLite store appears whole: MLflow cannot open one that a killed process left half made."""
    if store.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with atomic_new_file(store) as fresh:
        SqlAlchemyStore(f"sqlite:///{fresh}", (store.parent / "mlruns").as_uri()).engine.dispose()


def import_mlflow() -> Any:
    """MLflow, or the error that says how to get it."""
    try:
        import mlflow
    except ImportError as error:
        raise MissingExtraError("mlflow", "train", "tracking (tracking=False trains without it)") from error
    return mlflow


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings and no INFO lines of MLflow and of what it is built on; `filterwarnings` of the caller come back."""
    loggers = [logging.getLogger(name) for name in _NOISY]
    levels = [logger.level for logger in loggers]
    bar = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
    before = os.environ.get(bar)
    # "Successfully registered model" is printed to stderr, whatever the level of the logger
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        os.environ[bar] = "false"
        _set_levels(loggers, [logging.ERROR] * len(loggers))
        try:
            yield
        finally:
            _set_levels(loggers, levels)
            os.environ.pop(bar)
            if before is not None:
                os.environ[bar] = before


def _set_levels(loggers: list[logging.Logger], levels: list[int]) -> None:
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def fetch_report(model: str, store: str | Path | None = None) -> dict[str, Any]:
    """The JSON twin of a report: of the newest run of a model (its name), of an address, or a ``report.json`` file."""
    if model.endswith(".json"):
        return _read_report(Path(model))
    with open_store(store) as mlflow, scratch_folder() as folder:
        try:
            run_id = _run_of(mlflow.MlflowClient(), model)
            found = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=REPORT_FOLDER, dst_path=folder)
        except mlflow.exceptions.MlflowException as error:
            raise ModelError(
                f"no report of {model}: {error.message}\n  given: store {store_uri(store)}\n"
                "  hint: check the name and the store (--store, MLFLOW_TRACKING_URI)"
            ) from error
        return _read_report(Path(found) / "report.json")


def _run_of(client: Any, model: str) -> str:
    """The run behind an address."""
    if model.startswith("runs:/"):
        return model.removeprefix("runs:/").split("/")[0]
    if not model.startswith("models:/") and "/" not in model and "@" not in model:
        return _latest_run(client, model)
    address = model.removeprefix("models:/")
    if "@" in address:
        return str(client.get_model_version_by_alias(*address.split("@", 1)).run_id)
    name, _, version = address.partition("/")
    if not version:
        raise ModelError(
            f"no address of a model: {model}\n  allowed: models:/churn@champion, models:/churn/3, runs:/ID"
        )
    return str(client.get_model_version(name, version).run_id)


def _latest_run(client: Any, name: str) -> str:
    """The newest finished run of a model."""
    experiment = client.get_experiment_by_name(f"custintel-{name}")
    found = [] if experiment is None else client.search_runs(
        [experiment.experiment_id],
        "attributes.status = 'FINISHED'",
        max_results=1,
        order_by=["attributes.start_time DESC"],
    )  # fmt: skip
    if not found:
        raise ModelError(
            f"no finished run of {name}\n  allowed: the name of a trained model, models:/churn@champion, runs:/ID\n"
            f"  hint: custintel train {name} TABLES, or another store (--store)"
        )
    return str(found[0].info.run_id)


def _read_report(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(f"no such file: {path}")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
