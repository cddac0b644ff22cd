"""From an operator's tables, or one flat table, to a judged model."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.artifact import Model
from custintel.catalogue.model_spec import ModelSpec, load_model_spec
from custintel.errors import ConfigurationError, QualityWarning
from custintel.learners import ChurnClassifier, TableClassifier
from custintel.progress import track
from custintel.reports.model.evaluation import Evaluation
from custintel.training._leak_check import Leak, find_leaks, warn_of_leaks
from custintel.training._run import Run
from custintel.training._time_split_and_folds import fold_rows, folds_in_time
from custintel.training._tuning import Tuning, tune_parameters, warm_starts
from custintel.training.dataset import Material, from_table, from_warehouse, outcome_from_spec
from custintel.training.judge_model import decile_edges, describe_columns, judge
from custintel.training.mlflow_run import Record, track_run
from custintel.training.mlflow_store import import_mlflow, store_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from custintel.training._time_split_and_folds import Fold
    from custintel.warehouse import Warehouse


_FOLDS = 5
_CELLS_FOR_THREADS = 2_000_000
_CLASSIFIERS: Mapping[str, type[TableClassifier]] = {
    "ChurnClassifier": ChurnClassifier,
    "TableClassifier": TableClassifier,
}
_PEER_COLUMN = "billing_type"  # reasons compare a customer with those billed the same way


@dataclass(frozen=True)
class _How:
    """How a training is done, apart from its data."""

    tune: int
    seed: int
    refit: bool
    keep_leaks: bool | Sequence[str]


@dataclass(frozen=True)
class _Fitted:
    """The estimator to deliver, the one that was judged, and its probabilities."""

    delivered: TableClassifier
    judged: TableClassifier
    X: pd.DataFrame
    y: pd.Series
    p: pd.Series


def train(  # noqa: PLR0913  (the public door; its keywords are the options of the command line)
    name: str,
    wh: Warehouse | None = None,
    *,
    table: str | Path | pd.DataFrame | None = None,
    target: str | None = None,
    id_column: str | None = None,
    date: str | None = None,
    pos_label: Any = None,
    tune: int = 0,
    seed: int = 0,
    refit: bool = False,
    keep_leaks: bool | Sequence[str] = False,
    tracking: bool = True,
    tracking_uri: str | Path | None = None,
    promote: bool = False,
    models_path: str | Path | None = None,
    features_path: str | Path | None = None,
) -> Run:
    """Train the model of ``models/NAME.yaml`` and judge it on rows it has not seen.

    From a warehouse: the last as-of date whose labels are closed is the test date; the model learns from dates whose
    labels were already known on that day. From a flat table: the last third of its dates is the test, customers with
    several rows stand on one side; without dates, five-fold cross-validation.

    Parameters
    ----------
    name : str
        Name of the model specification.
    wh : Warehouse, optional
        The operator's tables.
    table : path or DataFrame, optional
        A flat customer table (CSV, Parquet, Excel) instead of a warehouse; needs `target`.
    target : str, optional
        Column of the flat table with two values.
    id_column : str, optional
        Column of the flat table that names the customer; found by its name when not given. The model keeps its name,
        and `score` reads customers from it.
    date : str, optional
        Column of the flat table that says when a row was taken; found by its name when not given. Where there is one,
        the model is judged on later days than those it learned from.
    pos_label : object, optional
        Value of `target` that is the event. Without it a known word for yes (yes, true, churned, bad, ...) is the
        event, of numbers the larger one, otherwise the rarer value, with a warning.
    tune : int
        Number of Optuna trials; 0 keeps the default parameters, which are good.
    seed : int
        Seed of everything random.
    refit : bool
        Deliver a model fitted again on all closed dates, the test date included: more and fresher rows. Its figures
        are those of the judged model, a fair estimate because that one was in the same position on the test date. By
        default the delivered model is the one that was judged.
    keep_leaks : bool or list of str
        Keep columns (all, or these) that look like consequences of the label; by default they are left out with a
        `LeakageWarning`, because a model that learned a leak is worthless and looks excellent.
    tracking : bool
        Write the run to MLflow.
    tracking_uri : str or path, optional
        Address of the store, or a folder for an SQLite one; by default ``MLFLOW_TRACKING_URI`` or the working folder.
    promote : bool
        Make this version the ``champion``; otherwise only the first version becomes it, later ones ``challenger``.
    models_path, features_path : path, optional
        Folders with own models and features.

    Returns
    -------
    Run
        Model, evaluation, metrics, and where they stand in MLflow.

    Examples
    --------
    >>> table = pd.DataFrame({"bill": [7 * i % 60 for i in range(60)], "left": ["no", "yes"] * 30})
    >>> run = train("churn", table=table, target="left", tracking=False)
    >>> run.model.feature_names
    ['bill']
    """
    started = time.time()
    _check_source(wh, table, target)
    if tracking:
        import_mlflow()  # now, not after ten minutes of work
        store_uri(tracking_uri)
    spec = load_model_spec(name, models_path, features_path)
    _check_question(spec)
    how = _How(tune, seed, refit, keep_leaks)
    if table is not None:
        material = from_table(table, str(target), id_column, date, pos_label)
    else:
        assert wh is not None
        material = from_warehouse(wh, spec, features_path)
    starts = warm_starts(spec.name, spec.search, tracking_uri) if tracking and tune > 0 else ()
    run, train_rows = _learn(spec, material, how, starts)
    if not tracking:
        return run
    params = {**asdict(how), **run.model.estimator.get_params()}
    record = Record(run.model, run.evaluation, params, *train_rows, started, promote)
    return Run(run.model, run.evaluation, track_run(record, tracking_uri))


def _check_question(spec: ModelSpec) -> None:
    """A model of value is no classifier: it has a fit and a back-test of its own."""
    if spec.label.get("kind") == "future_margin":
        raise ConfigurationError(
            f"{spec.name} asks for an amount\n  given: label kind future_margin\n  allowed: churn\n"
            "  hint: custintel.training.value_training.fit_value_model(wh) fits it, backtest_value judges it"
        )


def _check_source(wh: Any, table: Any, target: str | None) -> None:
    """Exactly one source, and a target for a flat table."""
    if (wh is None) == (table is None):
        given = "both" if wh is not None else "neither"
        raise ConfigurationError(f"give a warehouse or a table\n  given: {given}\n  allowed: one of the two")
    if table is not None and target is None:
        raise ConfigurationError(
            "a flat table needs the name of the column to predict\n  hint: target='Churn' (--target Churn)"
        )


def _learn(
    spec: ModelSpec, material: Material, how: _How, starts: Sequence[Mapping[str, Any]] = ()
) -> tuple[Run, tuple[pd.DataFrame, pd.Series]]:
    """Leak check, tuning, fit, judgement; the run is not tracked yet."""
    leaks = find_leaks(material.X, material.y, how.seed)
    kept = _kept(leaks, how)
    warn_of_leaks(leaks, kept)
    material = material.without([leak.column for leak in leaks if leak.column not in kept])
    tuning = _tuned(spec, material, how, starts)
    fitted = _fit(spec, material, how, tuning)
    model = Model(spec.name, fitted.delivered, _metadata(spec, material, fitted, how))
    evaluation = Evaluation(
        model=model if fitted.judged is fitted.delivered else Model(spec.name, fitted.judged, model.metadata),
        X=fitted.X,
        y=fitted.y,
        p=fitted.p,
        population=material.population,
        quality=material.quality,
        quality_reasons=material.quality_reasons,
        leaks=tuple(asdict(leak) for leak in leaks),
        trials=None if tuning is None else tuning.trials,
        notes=(*material.notes, *_choices(how, leaks, tuning)),
    )
    return Run(model, evaluation), (material.X, material.y)


def _kept(leaks: tuple[Leak, ...], how: _How) -> set[str]:
    """Suspicious columns that stay by the user's wish."""
    if isinstance(how.keep_leaks, bool):
        return {leak.column for leak in leaks} if how.keep_leaks else set()
    return set(how.keep_leaks)


def _choices(how: _How, leaks: tuple[Leak, ...], tuning: Tuning | None) -> list[str]:
    """What the reader must know about decisions taken."""
    notes = []
    kept = _kept(leaks, how)
    for leak in leaks:
        done = "kept as asked" if leak.column in kept else "left out"
        notes.append(f"{leak.column!r} looks like a consequence of the label and was {done}")
    if tuning is not None:
        won = ", ".join(f"{name} {value}" for name, value in tuning.params.items()) or "the default ones stayed"
        notes.append(f"parameters were searched ({tuning.judged}): {won}")
    if how.refit:
        notes.append("the delivered model was fitted again with the test date; the figures are those of the judged one")
    return notes


def _learner(spec: ModelSpec, X: pd.DataFrame, seed: int, params: Mapping[str, Any]) -> TableClassifier:
    """The learner of the specification; a constraint may name columns by a pattern such as ``outage_*``."""
    signs = {
        str(column): int(sign)
        for pattern, sign in spec.constraints.items()
        for column in X.columns
        if fnmatchcase(str(column), pattern)
    }
    given = {**dict(spec.learner.get("params") or {}), **params}
    learner = _CLASSIFIERS[str(spec.learner["class"])]
    return learner(**{"monotone": signs or None, "random_state": seed, "n_jobs": _threads(X.shape), **given})


def _threads(size: tuple[int, int]) -> int | None:
    """One thread for a small table: several would wait for each other longer than they work."""
    return 1 if size[0] * size[1] < _CELLS_FOR_THREADS else None


def _tuned(spec: ModelSpec, material: Material, how: _How, starts: Sequence[Mapping[str, Any]] = ()) -> Tuning | None:
    """Better parameters, when asked for and found."""
    if how.tune <= 0:
        return None
    with _repeats_silenced():
        return tune_parameters(
            lambda params: _learner(spec, material.X, how.seed, params),
            material.X,
            material.y,
            material.groups,
            spec.search,
            (how.tune, how.seed),
            known_after=0 if material.X_test is None else _known_after(spec),
            starts=starts,
        )


def _known_after(spec: ModelSpec) -> int:
    """Days until a label is known; dates that are judged stand so far behind those learned from."""
    return outcome_from_spec(spec.as_dict()).longest if spec.label else 0


def _fit(spec: ModelSpec, material: Material, how: _How, tuning: Tuning | None) -> _Fitted:
    """Fit and predict unseen rows: the test date, later rows of a flat table, or each fifth of it in turn."""
    params = {} if tuning is None else tuning.params
    X, y = material.X, material.y

    def fresh() -> TableClassifier:
        return _learner(spec, X, how.seed, params)

    model = fresh().fit(X, y, groups=material.groups)
    if material.X_test is None or material.y_test is None:
        p = _out_of_fold(fresh, material, how.seed).dropna()
        judged = np.ones(len(y), dtype=bool) if material.eras is None else material.eras.late
        return _Fitted(model, model, X[judged], y[judged], p)
    p = pd.Series(model.predict_proba(material.X_test)[:, 1], index=material.X_test.index, name="probability")
    delivered = model
    if how.refit:
        every_X, every_y = pd.concat([X, material.X_test]), pd.concat([y, material.y_test])
        delivered = fresh().fit(every_X, every_y, groups=every_X.index.get_level_values("customer_id").to_numpy())
    return _Fitted(delivered, model, material.X_test, material.y_test, p)


def _out_of_fold(fresh: Any, material: Material, seed: int) -> pd.Series:
    """Probability of each judged row by a model that has not seen it; missing where a row is not judged."""
    p = np.full(len(material.y), np.nan)
    with _repeats_silenced():
        folds = _folds_of(material, seed)
        for learn, test in track(iter(folds), "cross-validation", total=len(folds)):
            groups = None if material.groups is None else np.asarray(material.groups)[learn]
            model = fresh().fit(material.X.iloc[learn], material.y.iloc[learn], groups=groups)
            p[test] = model.predict_proba(material.X.iloc[test])[:, 1]
    return pd.Series(p, index=material.X.index, name="probability")


def _folds_of(material: Material, seed: int) -> list[Fold]:
    """Folds of a flat table: in time where its rows have dates."""
    if material.eras is None:
        return list(fold_rows(material.y, material.groups, _FOLDS, seed))
    return folds_in_time(material.y, material.groups, material.eras, _FOLDS, seed)


def _repeats_silenced() -> warnings.catch_warnings[None]:
    """The final fit says what is wrong with the data; the fits of the folds need not say it again."""
    return warnings.catch_warnings(action="ignore", category=QualityWarning)


def _metadata(spec: ModelSpec, material: Material, fitted: _Fitted, how: _How) -> dict[str, Any]:
    """All that must be known to use and to trust the model, as plain data."""
    peers = _PEER_COLUMN if _PEER_COLUMN in fitted.X.columns else None
    return {
        "version": _content_version(fitted.delivered),
        "created": datetime.now(UTC).replace(microsecond=0).isoformat(),
        "spec": _spec_used(spec, material, fitted.X),
        "source": "table" if material.X_test is None else "warehouse",
        "target": material.target,
        "id_column": material.id_column,
        "windows": dict(material.windows),
        "peer_column": peers,
        "features": describe_columns(fitted.X, material.words, peers),
        "decile_edges": decile_edges(fitted.p),
        "metrics": judge(fitted.y, fitted.p, spec.costs, how.seed),
        "data_digest": material.digest,
        "seed": how.seed,
        "refit": how.refit,
    }


def _spec_used(spec: ModelSpec, material: Material, X: pd.DataFrame) -> dict[str, Any]:
    """The specification without what did not hold: a flat table brings its own rows, dates and columns."""
    given = spec.as_dict()
    if material.X_test is not None:
        return given
    label = {key: value for key, value in given["label"].items() if key not in ("gap_days", "horizon_days")}
    names = list(map(str, X.columns))
    binding = {key: sign for key, sign in given["constraints"].items() if any(fnmatchcase(n, key) for n in names)}
    return {**given, "label": label, "dates": {}, "constraints": binding}


def _content_version(estimator: TableClassifier) -> str:
    """A short name of what was learned: the same data, seed and library give the same version."""
    state, texts = estimator.to_state()
    content = json.dumps([state, texts], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:12]
