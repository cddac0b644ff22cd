"""From an operator's tables, or one flat table, to a trained and evaluated model."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.adapters.adapter import LearnerSettings, TrainingRows
from custintel.adapters.registry import adapter_named
from custintel.artifact import Model
from custintel.catalogue.model_spec import ModelSpec, load_model_spec
from custintel.errors import ConfigurationError, QualityWarning
from custintel.progress import track
from custintel.reports.model.evaluation import Evaluation
from custintel.reports.model.own_section import section_facts
from custintel.training._champion_on_same_rows import champion_metrics, champion_note
from custintel.training._leak_check import Leak, find_leaks, warn_of_leaks
from custintel.training._read_flat_table import TableQuestion
from custintel.training._time_split_and_folds import binary_answer, out_of_time_folds, stratified_folds
from custintel.training._training_run import Run
from custintel.training._tune_parameters import TunedLearner, Tuning, earlier_parameters, tune_parameters
from custintel.training._write_mlflow_run import TrainingRecord, write_mlflow_run
from custintel.training.dataset import Dataset, dataset_from_table, dataset_from_warehouse
from custintel.training.evaluate_model import decile_edges, describe_columns
from custintel.training.mlflow_store import import_mlflow, store_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from custintel.adapters.adapter import LearnerAdapter
    from custintel.training._time_split_and_folds import Fold
    from custintel.warehouse import Warehouse


_FEW_EVENTS = 20
_FOLDS = 5
_CELLS_FOR_THREADS = 2_000_000
_PEER_COLUMN = "billing_type"  # reasons compare a customer with those billed the same way


@dataclass(frozen=True)
class TrainingOptions:
    """How a model is trained, apart from its data."""

    tune: int
    random_state: int
    refit: bool
    keep_leaks: bool | Sequence[str]


@dataclass(frozen=True)
class _Task:
    """What is asked, by which learner, on which rows, and how."""

    spec: ModelSpec
    adapter: LearnerAdapter
    dataset: Dataset
    options: TrainingOptions

    def new_estimator(self, params: Mapping[str, Any]) -> Any:
        """The learner of the specification; a constraint may name columns by a pattern such as ``outage_*``."""
        X = self.dataset.learn.X
        signs = {
            str(column): int(sign)
            for pattern, sign in self.spec.constraints.items()
            for column in X.columns
            if fnmatchcase(str(column), pattern)
        }
        given = {**dict(self.spec.learner.get("params") or {}), **params}
        settings = LearnerSettings(given, signs, self.options.random_state, _threads(X.shape))
        return self.adapter.new_estimator(settings)

    def fit(self, params: Mapping[str, Any], rows: TrainingRows) -> Any:
        """A new estimator, taught on these rows."""
        return self.adapter.fit(self.new_estimator(params), rows)


@dataclass(frozen=True)
class _FittedModel:
    """The estimator to deliver, the one that was evaluated, and what it says of rows it has not seen."""

    final: Any
    evaluated: Any
    rows: TrainingRows
    predicted: pd.DataFrame


def train(  # noqa: PLR0913  (the public door; its keywords are the options of the command line)
    name: str,
    wh: Warehouse | None = None,
    *,
    table: str | Path | pd.DataFrame | None = None,
    target: str | None = None,
    id_column: str | None = None,
    date_column: str | None = None,
    pos_label: Any = None,
    treatment: str | None = None,
    offer: str | None = None,
    tune: int = 0,
    random_state: int = 0,
    refit: bool = False,
    keep_leaks: bool | Sequence[str] = False,
    tracking: bool = True,
    store: str | Path | None = None,
    promote: bool = False,
    models_path: str | Path | None = None,
    features_path: str | Path | None = None,
) -> Run:
    """Train the model of ``models/NAME.yaml`` and evaluate it on rows it has not seen.

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
        Column of the flat table to predict: two values for a yes-or-no question, amounts, or classes, as the model of
        that name asks.
    id_column : str, optional
        Column of the flat table that names the customer; found by its name when not given. The model keeps its name,
        and `score` reads customers from it.
    date_column : str, optional
        Column of the flat table that says when a row was taken; found by its name when not given. Where there is one,
        the model is judged on later days than those it learned from.
    pos_label : object, optional
        Value of `target` that is the event. Without it a known word for yes (yes, true, churned, bad, ...) is the
        event, of numbers the larger one, otherwise the rarer value, with a warning.
    treatment : str, optional
        Column of the flat table of an experiment that says who was treated, or with which treatment.
    offer : str, optional
        Column of the flat table of campaigns that names the offer which was made.
    tune : int
        Number of Optuna trials; 0 keeps the default parameters, which are good.
    random_state : int
        Seed of everything random.
    refit : bool
        Deliver a model fitted again on all closed dates, the test date included: more and fresher rows. Its metrics
        are those of the evaluated model, a fair estimate because that one was in the same position on the test date. By
        default the delivered model is the one that was judged.
    keep_leaks : bool or list of str
        Keep columns (all, or these) that look like consequences of the label; by default they are left out with a
        `LeakageWarning`, because a model that learned a leak is worthless and looks excellent.
    tracking : bool
        Write the run to MLflow.
    store : str or path, optional
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
        store_uri(store)
    spec = load_model_spec(name, models_path, features_path)
    adapter = adapter_of_spec(spec)
    options = TrainingOptions(tune, random_state, refit, keep_leaks)
    if table is not None:
        answers = {name: column for name, column in (("treatment", treatment), ("offer", offer)) if column is not None}
        asked = TableQuestion(str(target), spec.question["type"], answers, id_column, date_column, pos_label)
        dataset = dataset_from_table(table, asked, adapter)
    else:
        assert wh is not None
        dataset = dataset_from_warehouse(wh, spec, adapter, features_path, random_state)
    starting_points = earlier_parameters(spec.name, spec.search, store) if tracking and tune > 0 else ()
    run, learned_from = _train_and_evaluate(_Task(spec, adapter, dataset, options), starting_points)
    if not tracking:
        return run
    run = _beside_champion(run, dataset, spec, store)
    params = {**asdict(options), **run.model.estimator.get_params()}
    record = TrainingRecord(run.model, run.evaluation, params, learned_from.X, learned_from.y, started, promote)
    return Run(run.model, run.evaluation, write_mlflow_run(record, store))


def _beside_champion(run: Run, dataset: Dataset, spec: ModelSpec, store: str | Path | None) -> Run:
    """The run with the metrics of the champion on the same rows, where there is one that can answer them."""
    if dataset.judge is None:
        return run
    evaluation, seed = run.evaluation, int(run.model.metadata["random_state"])
    found = champion_metrics(spec.name, dataset.judge, spec.costs, seed, store)
    if found is None:
        return run
    notes = (*evaluation.notes, champion_note(found, run.metrics))
    return replace(run, evaluation=replace(evaluation, notes=notes, extra={**evaluation.extra, "champion": found}))


def adapter_of_spec(spec: ModelSpec) -> LearnerAdapter:
    """The adapter of the learner that a specification names; one that does not take its target is refused."""
    adapter = adapter_named(str(spec.learner["class"]))
    target = spec.question["type"]
    if target not in adapter.targets:
        raise ConfigurationError(
            f"{spec.name}: {adapter.learner} does not answer this question\n  given: a target of {target}\n"
            f"  allowed: {', '.join(adapter.targets)}\n  hint: another learner in {spec.where}"
        )
    return adapter


def _check_source(wh: Any, table: Any, target: str | None) -> None:
    """Exactly one source, and a target for a flat table."""
    if (wh is None) == (table is None):
        given = "both" if wh is not None else "neither"
        raise ConfigurationError(f"give a warehouse or a table\n  given: {given}\n  allowed: one of the two")
    if table is not None and target is None:
        raise ConfigurationError(
            "a flat table needs the name of the column to predict\n  hint: target='Churn' (--target Churn)"
        )


def _train_and_evaluate(task: _Task, starting_points: Sequence[Mapping[str, Any]] = ()) -> tuple[Run, TrainingRows]:
    """Leak check, tuning, fit, judgement; the run is not tracked yet."""
    options, leaks = task.options, _leaks(task)
    kept = _kept_leaks(leaks, options)
    warn_of_leaks(leaks, kept)
    dataset = task.dataset.without([leak.column for leak in leaks if leak.column not in kept])
    task = replace(task, dataset=dataset)
    tuning = _tune(task, starting_points)
    fitted = _fit(task, tuning)
    model = Model(task.spec.name, fitted.final, _metadata(task, fitted))
    evaluation = Evaluation(
        model=model if fitted.evaluated is fitted.final else Model(task.spec.name, fitted.evaluated, model.metadata),
        X=fitted.rows.X,
        y=fitted.rows.y,
        p=_rank_score(task.adapter, fitted),
        population=dataset.population,
        quality=dataset.quality,
        quality_reasons=dataset.quality_reasons,
        leaks=tuple(asdict(leak) for leak in leaks),
        trials=None if tuning is None else tuning.trials,
        notes=(*dataset.notes, *_decision_notes(options, leaks, tuning)),
        extra={"coverage": dataset.coverage} if dataset.coverage else {},
        predicted=fitted.predicted,
        answers=fitted.rows.answers,
        metric_words={name: asdict(words) for name, words in task.adapter.metric_words.items()},
    )
    own = tuple(section_facts(section) for section in task.adapter.sections(evaluation))
    evaluation = replace(evaluation, sections=own, headline=task.adapter.headline(evaluation))
    return Run(model, evaluation), dataset.learn


def _rank_score(adapter: LearnerAdapter, fitted: _FittedModel) -> pd.Series:
    """The scored column by which rows are put in order."""
    return fitted.predicted[adapter.rank_column(fitted.evaluated)].rename("probability")


def _leaks(task: _Task) -> tuple[Leak, ...]:
    """Suspicious columns; of columns built as of a date none where signs may rank events alone, or events are few."""
    learn = task.dataset.learn
    if task.dataset.judge is not None and (task.adapter.single_signs or _customers_with_events(task) < _FEW_EVENTS):
        return ()
    return find_leaks(learn.X, binary_answer(learn.y, task.dataset.target_type), task.options.random_state)


def _customers_with_events(task: _Task) -> int:
    """Customers to whom what is asked happened: of few of them some column ranks all by chance."""
    learn = task.dataset.learn
    happened = binary_answer(learn.y, task.dataset.target_type).to_numpy() == 1
    return len(learn.y[happened]) if learn.groups is None else len(set(np.asarray(learn.groups)[happened]))


def _kept_leaks(leaks: tuple[Leak, ...], options: TrainingOptions) -> set[str]:
    """Suspicious columns that stay by the user's wish."""
    if isinstance(options.keep_leaks, bool):
        return {leak.column for leak in leaks} if options.keep_leaks else set()
    return set(options.keep_leaks)


def _decision_notes(options: TrainingOptions, leaks: tuple[Leak, ...], tuning: Tuning | None) -> list[str]:
    """What the reader must know about decisions taken."""
    notes = []
    kept = _kept_leaks(leaks, options)
    for leak in leaks:
        done = "kept as asked" if leak.column in kept else "left out"
        notes.append(f"{leak.column!r} looks like a consequence of the label and was {done}")
    if tuning is not None:
        won = ", ".join(f"{name} {value}" for name, value in tuning.params.items()) or "the default ones stayed"
        notes.append(f"parameters were searched ({tuning.evaluation}): {won}")
    if options.refit:
        notes.append(
            "the delivered model was fitted again with the test date; the metrics are those of the evaluated one"
        )
    return notes


def _threads(size: tuple[int, int]) -> int | None:
    """One thread for a small table: several would wait for each other longer than they work."""
    return 1 if size[0] * size[1] < _CELLS_FOR_THREADS else None


def _tune(task: _Task, starting_points: Sequence[Mapping[str, Any]] = ()) -> Tuning | None:
    """Better parameters, when asked for and found."""
    if task.options.tune <= 0:
        return None
    dataset = task.dataset
    with _quality_warnings_silenced():
        return tune_parameters(
            TunedLearner(task.new_estimator, task.adapter, dataset.learn, dataset.target_type),
            task.spec.search,
            trials=task.options.tune,
            random_state=task.options.random_state,
            label_delay_days=dataset.label_delay_days,
            starting_points=starting_points,
        )


def _fit(task: _Task, tuning: Tuning | None) -> _FittedModel:
    """Fit and predict unseen rows: the test rows, later rows of a flat table, or each fifth of it in turn."""
    params = {} if tuning is None else tuning.params
    learn, judge = task.dataset.learn, task.dataset.judge
    model = task.fit(params, learn)
    if judge is None:
        predicted, judged = _out_of_fold(task, params)
        return _FittedModel(model, model, learn.take(judged), predicted)
    predicted = task.adapter.judged(model, judge)
    final = task.fit(params, TrainingRows.joined(learn, judge)) if task.options.refit else model
    return _FittedModel(final, model, judge, predicted)


def _out_of_fold(task: _Task, params: Mapping[str, Any]) -> tuple[pd.DataFrame, np.ndarray]:
    """What is said of each judged row by a model that has not seen it, and the places of these rows."""
    rows, parts, places = task.dataset.learn, list[pd.DataFrame](), list[np.ndarray]()
    with _quality_warnings_silenced():
        folds = _cross_validation_folds(task.dataset, task.options.random_state)
        for learn, test in track(iter(folds), "cross-validation", total=len(folds)):
            parts.append(task.adapter.judged(task.fit(params, rows.take(learn)), rows.take(test)))
            places.append(test)
    order = np.argsort(np.concatenate(places), kind="stable")
    return pd.concat(parts).iloc[order], np.concatenate(places)[order]


def _cross_validation_folds(dataset: Dataset, random_state: int) -> list[Fold]:
    """Folds of a flat table: in time where its rows have dates."""
    answer, groups = binary_answer(dataset.learn.y, dataset.target_type), dataset.learn.groups
    if dataset.out_of_time is None:
        return list(stratified_folds(answer, groups, _FOLDS, random_state))
    return out_of_time_folds(answer, groups, dataset.out_of_time, _FOLDS, random_state)


def _quality_warnings_silenced() -> warnings.catch_warnings[None]:
    """The final fit says what is wrong with the data; the fits of the folds need not say it again."""
    return warnings.catch_warnings(action="ignore", category=QualityWarning)


def _metadata(task: _Task, fitted: _FittedModel) -> dict[str, Any]:
    """All that must be known to use and to trust the model, as plain data."""
    dataset, adapter, X = task.dataset, task.adapter, fitted.rows.X
    peers = _PEER_COLUMN if _PEER_COLUMN in X.columns else None
    seed = task.options.random_state
    return {
        "version": _content_version(fitted.final),
        "created": datetime.now(UTC).replace(microsecond=0).isoformat(),
        "spec": _effective_specification(task.spec, dataset, X),
        "source": "table" if dataset.judge is None else "warehouse",
        "target": dataset.target,
        "target_type": dataset.target_type,
        "id_column": dataset.id_column,
        "windows": dict(dataset.windows),
        "peer_column": peers,
        "features": describe_columns(X, dataset.data_dictionary, peers),
        "score_columns": [asdict(column) for column in adapter.columns(fitted.final)],
        "decile_edges": decile_edges(_rank_score(adapter, fitted)) if adapter.deciles else None,
        "metrics": adapter.metrics(fitted.rows, fitted.predicted, task.spec.costs, seed),
        "data_digest": dataset.digest,
        "random_state": seed,
        "refit": task.options.refit,
    }


def _effective_specification(spec: ModelSpec, dataset: Dataset, X: pd.DataFrame) -> dict[str, Any]:
    """The specification without what did not hold: a flat table brings its own rows, dates and columns."""
    given = spec.as_dict()
    if dataset.judge is not None:
        return given
    question = {key: value for key, value in given["question"].items() if key not in ("gap", "horizon")}
    names = list(map(str, X.columns))
    binding = {key: sign for key, sign in given["constraints"].items() if any(fnmatchcase(n, key) for n in names)}
    return {**given, "question": question, "dates": {}, "constraints": binding}


def _content_version(estimator: Any) -> str:
    """A short name of what was learned: the same data, seed and library give the same version."""
    state, texts = estimator.to_state()
    content = json.dumps([state, texts], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:12]
