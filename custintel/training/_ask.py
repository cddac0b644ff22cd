"""`ask`: what a question would learn from and be judged on, counted before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from custintel.adapters.adapter import TrainingRows
from custintel.builder import FeatureBuilder
from custintel.catalogue.model_spec import load_model_spec, model_in_file
from custintel.errors import DataError, DateError
from custintel.questions.check_question import check_labels, check_question
from custintel.questions.question import question_from_spec
from custintel.questions.question_labels import question_dates, question_labels
from custintel.questions.whole_months import fitted_to_data
from custintel.training._time_split_and_folds import split_in_time
from custintel.training._train import adapter_of_spec
from custintel.training.dataset import judged_rows, meets_population
from custintel.training.question_counts import QuestionCounts, counts_by_date

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.adapters.adapter import LearnerAdapter
    from custintel.catalogue.model_spec import ModelSpec
    from custintel.questions import Question
    from custintel.warehouse import Warehouse

_SUFFIXES = (".yaml", ".yml")


def ask(
    question: str | Path,
    wh: Warehouse,
    *,
    models_path: str | Path | None = None,
    features_path: str | Path | None = None,
) -> QuestionCounts:
    """Count what a question asks for, by date, before anything is trained.

    Labels are made as `train` makes them. Of the features, only those columns are built that the condition of the
    population reads, so that the rows counted are the rows that a model would see.

    Parameters
    ----------
    question : str or path
        Name of a question of ``models/`` (or of `models_path`), or a YAML file of your own.
    wh : Warehouse
        The operator's tables.
    models_path, features_path : path, optional
        Folders with your own models and features.

    Returns
    -------
    QuestionCounts
        ``frame``: a row for each as-of date, with its role, rows, events and what is not known; ``words()``: the same
        in sentences, with what is missing; ``write(path)``: a page with a chart.

    Raises
    ------
    ConfigurationError
        With every mistake of the file.
    DataError
        When tables are missing, nobody is asked, all answers are equal, or an experiment has no control group.
    DateError
        When the window is longer than the data.

    Examples
    --------
    >>> from custintel import Warehouse
    >>> days = pd.date_range("2025-01-01", "2025-12-31")
    >>> calls = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out", "event_time": days})
    >>> silent = calls[calls["event_time"] < "2025-04-20"].assign(customer_id="b")
    >>> counts = ask("churn_prepaid", Warehouse.from_frames(usage=pd.concat([calls, silent])))
    >>> counts.frame[["role", "rows", "events"]].head(2).to_dict("list")
    {'role': ['learn', 'learn'], 'rows': [2, 2], 'events': [1, 1]}
    """
    if Path(question).suffix in _SUFFIXES:
        question, models_path = model_in_file(Path(question)), Path(question).parent
    spec = load_model_spec(str(question), models_path, features_path)
    adapter = adapter_of_spec(spec)
    history = int(spec.dates["history_days"])
    asked = fitted_to_data(wh, question_from_spec(spec.as_dict()), history)
    check_question(wh, asked)
    roles = _roles_of_dates(wh, spec, asked, adapter)
    labels = _labels_of_dates(wh, roles, asked)
    rows = pd.DataFrame(index=labels.index)
    labels = labels[meets_population(rows, wh, spec.population, features_path)]
    check_labels(labels, asked)
    builder = FeatureBuilder(spec.topics, features_path, skip_unavailable=True)
    return QuestionCounts(
        name=spec.name,
        about=spec.about,
        question=asked,
        learner=str(spec.learner["class"]),
        frame=counts_by_date(labels, roles.dates, asked),
        period=wh.period,
        missing=(*roles.problems, *_too_few(labels, roles, adapter)),
        left_out=tuple(builder.left_out_of(wh)),
        arms=_arms(labels),
    )


@dataclass(frozen=True)
class _DateRoles:
    """What each as-of date would be used for, and why dates do not suffice if they do not."""

    dates: Mapping[pd.Timestamp, str]
    problems: tuple[str, ...] = ()


def _roles_of_dates(wh: Warehouse, spec: ModelSpec, asked: Question, adapter: LearnerAdapter) -> _DateRoles:
    """Dates to learn from and to be judged on, as `train` takes them, and later ones that are not known yet."""
    history, every = int(spec.dates["history_days"]), spec.dates["every"]
    closed = question_dates(wh, asked, history_days=history, every=every)
    later = question_dates(wh, asked, history_days=history, every=every, closed=False)[len(closed) :]
    open_dates = dict.fromkeys([day for day in later if day not in closed], "not known yet")
    if spec.dates.get("test", adapter.split) != "time":
        return _DateRoles({**dict.fromkeys(closed, "learn and judge"), **open_dates})
    try:
        split = split_in_time(closed, asked.label_delay_days, history)
    except DateError as error:
        if not closed:
            raise
        return _DateRoles({**dict.fromkeys(closed, "known"), **open_dates}, (_first_lines(error),))
    roles = {day: "learn" if day in split.train else "judge" if day == split.test else "not used" for day in closed}
    return _DateRoles({**roles, **open_dates})


def _labels_of_dates(wh: Warehouse, roles: _DateRoles, asked: Question) -> pd.DataFrame:
    """Labels of all dates; those that train uses are made together, because a contact counts at one date only."""
    used = [day for day, role in roles.dates.items() if role in ("learn", "judge", "learn and judge")]
    others = [day for day in roles.dates if day not in used]
    parts = [question_labels(wh, days, asked) for days in (used, others) if days]
    if used:
        check_labels(parts[0], asked)
    return pd.concat([part for part in parts if len(part)] or parts[:1])


def _too_few(labels: pd.DataFrame, roles: _DateRoles, adapter: LearnerAdapter) -> tuple[str, ...]:
    """What the learner would refuse for want of rows, on each side of the split."""
    role = labels.index.get_level_values("as_of").map(roles.dates)
    used = labels[role.isin(["learn", "judge", "learn and judge"]) & labels["label"].notna()]
    if not len(used) or roles.problems:
        return ()
    judged = next((day for day, name in roles.dates.items() if name == "judge"), None)
    test = judged_rows(used, judged, 0)
    sides = ("the train dates", "the test date") if judged else ("the rows to learn from", "the rows to be judged on")
    return tuple(
        line
        for rows, side in zip((used[~test], used[test]), sides, strict=True)
        for line in _refusal(adapter, rows, side)
    )


def _refusal(adapter: LearnerAdapter, rows: pd.DataFrame, side: str) -> list[str]:
    """Why a learner would refuse some labelled rows, as one line; nothing if it would not."""
    try:
        adapter.check(TrainingRows(pd.DataFrame(index=rows.index), rows["label"], rows.drop(columns="label")), side)
    except DataError as error:
        return [_first_lines(error)]
    return []


def _first_lines(error: Exception) -> str:
    """An error as one line."""
    return "; ".join(line.strip() for line in str(error).splitlines())


def _arms(labels: pd.DataFrame) -> Mapping[str, tuple[int, float]]:
    """Rows and share (or mean) of each treatment or offer; empty where a question is not about contacts."""
    arm = next((name for name in ("treatment", "offer") if name in labels), None)
    if arm is None:
        return {}
    known = labels[labels["label"].notna()]
    return {str(name): (len(part), float(part.mean())) for name, part in known.groupby(arm)["label"]}
