"""The search for better parameters of the learner; the default ones stay unless the gain is significant.

*Search*: Optuna (TPE, seeded) evaluates single-model fits (``effort="fast"``) on grouped folds, out of time where there
are dates. Trial 0 holds the default parameters, and the next ones hold those that served earlier runs of the same model
in MLflow. A trial that falls behind the median after a fold is stopped. *Comparison*: best trial and default are fitted
in full on the same folds, repeated for small tables, and the default stays unless the best one is better by more
than one standard error of the paired difference. No MLflow run is made for a trial: the trials are one table.

>>> space = {"leaves": {"low": 4, "high": 31}, "l2": {"low": 0.1, "high": 30.0}, "kind": ["a", "b"]}
>>> restrict_to_space(space, {"leaves": "12", "l2": "900.0", "kind": "b", "random_state": "7"})
{'leaves': 12, 'kind': 'b'}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.errors import ConfigurationError, MissingExtraError
from custintel.files.atomic_write import scratch_folder
from custintel.progress import track
from custintel.training._time_split_and_folds import Fold, TuningFolds, binary_answer, tuning_folds
from custintel.training.mlflow_store import open_store

if TYPE_CHECKING:
    from custintel.adapters.adapter import LearnerAdapter, TrainingRows

_RUNS = 3  # earlier runs whose parameters are tried
_TRIALS_FILE = "trials.json"
_WARM_UP = 4
_MOST_STARTING_POINTS = 4
_TEST_TO_TRAIN_SIZE = 1 / 2

LearnerFactory = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Tuning:
    """The parameters that won (empty: the default ones), the table of trials, and how they were evaluated, in words."""

    params: Mapping[str, Any]
    trials: pd.DataFrame
    evaluation: str = ""


@dataclass(frozen=True)
class TunedLearner:
    """A function from parameters to an estimator, its adapter, and the rows of the folds of every trial."""

    new_estimator: LearnerFactory
    adapter: LearnerAdapter
    rows: TrainingRows
    target_type: str = "yes_no"

    def scores(
        self,
        params: Mapping[str, Any],
        folds: Sequence[Fold],
        after_fold: Callable[[int, float], None] | None = None,
    ) -> list[float]:
        """Out-of-fold score (AUC of a yes or no) by fold; `after_fold` may stop the work by an exception."""
        scores: list[float] = []
        for train, test in folds:
            model = self.adapter.fit(self.new_estimator(params), self.rows.take(train))
            scores.append(self.adapter.tuning_score(model, self.rows.take(test)))
            if after_fold is not None:
                after_fold(len(scores), float(np.mean(scores)))
        return scores


def tune_parameters(
    task: TunedLearner,
    space: Mapping[str, Any],
    *,
    trials: int,
    random_state: int,
    label_delay_days: int = 0,
    starting_points: Sequence[Mapping[str, Any]] = (),
) -> Tuning:
    """Search `space` in so many trials; the learner is a function of its parameters.

    `label_delay_days` is the number of days until a label is known, `starting_points` are parameters to be tried first.
    """
    answer = binary_answer(task.rows.y, task.target_type)
    folds = tuning_folds(answer, task.rows.groups, random_state, label_delay_days)
    study = _search(task, folds, space, (trials, starting_points), random_state)
    best = study.best_trial
    table = _trials_table(study)
    if best.number == 0:
        return Tuning({}, table, folds.description)
    final = {number: task.scores(params, folds.final) for number, params in ((0, {}), (best.number, best.params))}
    table["final_auc"] = table["trial"].map({number: float(np.mean(scores)) for number, scores in final.items()})
    won = _significantly_better(final[best.number], final[0])
    return Tuning(dict(best.params) if won else {}, table, folds.description)


def _significantly_better(aucs: list[float], default: list[float]) -> bool:
    """Better by more than one standard error of the paired difference.

    Folds share rows to learn from, so the error of their mean is larger than its spread over the root of their number
    (Nadeau and Bengio 2003): with three folds, half as large a part is judged as is learned from.

    >>> _significantly_better([0.81, 0.83, 0.82], [0.80, 0.82, 0.80])
    True
    >>> _significantly_better([0.85, 0.80, 0.80], [0.80, 0.81, 0.81])
    False
    """
    gain = np.asarray(aucs) - np.asarray(default)
    error = gain.std(ddof=1) * np.sqrt(1 / len(gain) + _TEST_TO_TRAIN_SIZE)
    return bool(gain.mean() > error and gain.mean() > 0)


def _search(
    task: TunedLearner,
    folds: TuningFolds,
    space: Mapping[str, Any],
    trials_and_starts: tuple[int, Sequence[Mapping[str, Any]]],
    random_state: int,
) -> Any:
    """An Optuna study over fast fits."""
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("optuna", "train", "tuning") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trials, starting_points = trials_and_starts
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=random_state, n_startup_trials=min(10, max(2, trials // 3))),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_WARM_UP, n_warmup_steps=0),
    )
    for number in track(range(trials), "tuning", total=trials):
        trial = study.ask()
        params = {} if number == 0 else {name: _suggest(trial, name, rule) for name, rule in space.items()}
        _run_trial(study, trial, task, (params, folds.search))
        if number == 0:  # the first trial would take the first of them, and is to be the default
            for start in starting_points[:_MOST_STARTING_POINTS]:
                study.enqueue_trial(dict(start), skip_if_exists=True)
    return study


def _fast(task: TunedLearner) -> dict[str, str]:
    """Single-model fits for the search, where the learner has them."""
    return {"effort": "fast"} if "effort" in task.new_estimator({}).get_params() else {}


def _run_trial(study: Any, trial: Any, task: TunedLearner, what: tuple[Mapping[str, Any], Sequence[Fold]]) -> None:
    """Run one trial; stop it when it falls behind."""
    import optuna

    params, folds = what

    def after_fold(fold: int, mean: float) -> None:
        trial.report(mean, fold)
        if params and trial.should_prune():
            raise optuna.TrialPruned

    try:
        study.tell(trial, float(np.mean(task.scores({**_fast(task), **params}, folds, after_fold))))
    except optuna.TrialPruned:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)


def _suggest(trial: Any, name: str, rule: Any) -> Any:
    """One value: a list is a choice, ``{low, high, log}`` a range (whole numbers when both ends are)."""
    if isinstance(rule, Mapping) and {"low", "high"} <= set(rule):
        low, high, log = rule["low"], rule["high"], bool(rule.get("log", False))
        if isinstance(low, int) and isinstance(high, int):
            return trial.suggest_int(name, low, high, log=log)
        return trial.suggest_float(name, float(low), float(high), log=log)
    if isinstance(rule, (list, tuple)) and rule:
        return trial.suggest_categorical(name, list(rule))
    raise ConfigurationError(
        f"search.{name} is no search range\n  given: {rule!r}\n"
        "  allowed: {low: 4, high: 64, log: true} or a list of values"
    )


def _trials_table(study: Any) -> pd.DataFrame:
    """One row per trial: number, state, AUC of the fast fits, seconds, parameters."""
    rows = []
    for trial in study.trials:
        seconds = trial.duration.total_seconds() if trial.duration else float("nan")
        value = (
            trial.value if trial.value is not None else max(trial.intermediate_values.values(), default=float("nan"))
        )
        state = {"COMPLETE": "complete", "PRUNED": "stopped early"}.get(trial.state.name, trial.state.name.lower())
        rows.append({"trial": trial.number, "state": state, "auc": value, "seconds": round(seconds, 2), **trial.params})
    return pd.DataFrame(rows)


def earlier_parameters(
    model: str, space: Mapping[str, Any], store: str | Path | None = None
) -> tuple[dict[str, Any], ...]:
    """Parameters that served the model called `model` before, newest first; none without earlier runs."""
    with open_store(store) as mlflow:
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
        given = [params for run in runs for params in (run.data.params, _best_earlier_trial(mlflow, run.info.run_id))]
    found = [restrict_to_space(space, params) for params in given]
    return tuple(params for k, params in enumerate(found) if params and params not in found[:k])


def restrict_to_space(space: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
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


def _best_earlier_trial(mlflow: Any, run_id: str) -> Mapping[str, Any]:
    """Parameters of the best trial that a run has looked at; empty when it did not search."""
    if _TRIALS_FILE not in {item.path for item in mlflow.MlflowClient().list_artifacts(run_id)}:
        return {}
    with scratch_folder() as folder:
        path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=_TRIALS_FILE, dst_path=folder)
        table = json.loads(Path(path).read_text(encoding="utf-8"))
    trials = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    evaluated = [t for t in trials if t.get("state") == "complete" and t.get("auc") is not None]
    return max(evaluated, key=lambda t: float(t["auc"]), default={})
