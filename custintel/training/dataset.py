"""The dataset of a question: training rows, test rows and where they come from, from a warehouse or a flat table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from custintel.builder import FeatureBuilder
from custintel.builder.feature_frame import column_meanings, has_meanings
from custintel.errors import DataError
from custintel.expressions.parse import parse
from custintel.questions.check_question import check_labels, check_question
from custintel.questions.question import question_from_spec
from custintel.questions.question_labels import question_dates, question_labels
from custintel.training._read_flat_table import FlatTable, read_flat_table
from custintel.training._time_split_and_folds import OutOfTimeRows, TimeSplit, out_of_time_rows, split_in_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from custintel.catalogue.model_spec import ModelSpec
    from custintel.questions import Question
    from custintel.warehouse import Warehouse


_LEAST_ROWS_OF_A_CLASS = 10


def _no_dates() -> pd.DataFrame:
    """The population of a table without dates."""
    return pd.DataFrame(columns=["as_of", "role", "rows", "positives", "censored"])


@dataclass(frozen=True)
class Dataset:
    """Training rows, test rows (None: the same rows, out of fold), and where they come from."""

    X: pd.DataFrame
    y: pd.Series
    groups: Any
    X_test: pd.DataFrame | None
    y_test: pd.Series | None
    target: str
    digest: str
    windows: Mapping[str, Any] = field(default_factory=dict)
    population: pd.DataFrame = field(default_factory=_no_dates)
    data_dictionary: pd.DataFrame | None = None
    quality: pd.DataFrame | None = None
    quality_reasons: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
    id_column: str | None = None
    out_of_time: OutOfTimeRows | None = None

    def without(self, columns: list[str]) -> Dataset:
        """The same without some columns."""
        if not columns:
            return self
        if len(columns) == self.X.shape[1]:
            raise DataError(
                "every column looks like a consequence of the label: nothing is left to learn from\n"
                f"  given: {', '.join(columns)}\n  hint: keep_leaks=True keeps them"
            )
        X_test = None if self.X_test is None else self.X_test.drop(columns=columns)
        return replace(self, X=self.X.drop(columns=columns), X_test=X_test)


def dataset_from_table(
    table: str | Path | pd.DataFrame,
    target: str,
    id_column: str | None,
    date_column: str | None = None,
    pos_label: Any = None,
) -> Dataset:
    """A flat table: judged on later rows where these have dates, by cross-validation where they have none."""
    flat = read_flat_table(table, target, id_column, date_column, pos_label)
    _check_classes(flat.y, f"the table, target {flat.target!r}")
    digest = hashlib.sha256(pd.util.hash_pandas_object(flat.X.assign(**{"": flat.y}), index=False).to_numpy().tobytes())
    out_of_time = out_of_time_rows(flat.y)
    usable = out_of_time if out_of_time is not None and out_of_time.both_classes_present(flat.y) else None
    return Dataset(
        flat.X,
        flat.y,
        flat.groups,
        None,
        None,
        flat.target,
        digest.hexdigest()[:16],
        _split_facts(flat, usable),
        data_dictionary=column_meanings(flat.X) if has_meanings(flat.X) else None,
        notes=(*flat.notes, _split_note(flat, out_of_time, usable)),
        id_column=flat.id_column,
        out_of_time=usable,
    )


def _split_facts(flat: FlatTable, usable: OutOfTimeRows | None) -> dict[str, Any]:
    """How a flat table is judged, as data."""
    if usable is None:
        return {"folds": 5}
    first, last = (str(day.date()) for day in (usable.test_dates[0], usable.test_dates[-1]))
    known = str(usable.train_dates[-1].date())
    return {"date_column": flat.date_column, "learned_to": known, "judged_from": first, "judged_to": last}


def _split_note(flat: FlatTable, out_of_time: OutOfTimeRows | None, usable: OutOfTimeRows | None) -> str:
    """The same in words."""
    if usable is not None:
        rows, others = int(usable.test_rows.sum()), "" if flat.groups is None else ", other customers"
        return (
            f"out of time by {flat.date_column!r}: all metrics come from {rows:,} rows of "
            f"{usable.test_dates[0].date()} to {usable.test_dates[-1].date()}, by models that learned from rows to "
            f"{usable.train_dates[-1].date()}{others}; the delivered model learned from all rows (on which day a label "
            "was known, a flat table does not say)"
        )
    why = "no dates in a flat table" if out_of_time is None else "too few of one class on one side of any date"
    return f"{why}: all metrics come from five-fold cross-validation on the same rows"


def in_population(X: pd.DataFrame, population: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """Whether each row meets ``population.where`` of the specification, a condition on features; all without one.

    >>> in_population(pd.DataFrame({"tenure_days": [10.0, 400.0]}), {"where": "tenure_days > 90"}).tolist()
    [False, True]
    """
    where = population.get("where")
    if not where:
        return np.ones(len(X), dtype=bool)
    met: npt.NDArray[np.bool_] = np.asarray(parse(str(where), "population.where").numpy(X), dtype=np.float64) == 1
    return met


def without_excluded(X: pd.DataFrame, spec: ModelSpec) -> pd.DataFrame:
    """The columns that a specification does not exclude by name or pattern."""
    return X.drop(columns=[c for c in X.columns if any(fnmatchcase(c, pattern) for pattern in spec.exclude)])


def dataset_from_warehouse(wh: Warehouse, spec: ModelSpec, features_path: str | Path | None) -> Dataset:
    """An operator's tables: labels, out-of-time split, features of all dates in one pass."""
    question = question_from_spec(spec.as_dict())
    check_question(wh, question)
    history = int(spec.dates.get("history_days", 60))
    dates = question_dates(wh, question, history_days=history, every=spec.dates.get("every", "month"))
    split = split_in_time(dates, question.label_delay_days, history)
    labels = question_labels(wh, [*split.train, split.test], question)
    check_labels(labels, question)
    builder = FeatureBuilder(spec.topics, features_path, skip_unavailable=True)
    X = _features(builder, wh, split, labels)
    notes = _left_out_note(X)
    X = X[in_population(X, spec.population)]
    labels = labels.loc[X.index]
    X = without_excluded(X, spec)
    known = labels["label"].dropna().astype(np.int64)
    learn, judge = _labels_of_dates(known, split.train), _labels_of_dates(known, (split.test,))
    for part, role in ((learn, "the train dates"), (judge, "the test date")):
        _check_classes(part, role)
    return Dataset(
        X.loc[learn.index],
        learn,
        learn.index.get_level_values("customer_id").to_numpy(),
        X.loc[judge.index],
        judge,
        target=question.kind or spec.name,
        digest=wh.digest(),
        windows=_windows(split, question),
        population=_population(labels, split),
        data_dictionary=builder.describe(),
        quality=wh.report.frame(),
        quality_reasons=wh.report.reasons(),
        notes=notes,
    )


def _features(builder: FeatureBuilder, wh: Warehouse, split: TimeSplit, labels: pd.DataFrame) -> pd.DataFrame:
    """Features of the labelled rows of all dates, in the order of the labels."""
    X = builder.build(wh, [*split.train, split.test])
    absent = labels.index.difference(X.index)
    if len(absent):
        raise DataError(f"{len(absent)} of {len(labels)} labelled customers have no features")
    return X.loc[labels.index]


def _labels_of_dates(labels: pd.Series, dates: tuple[pd.Timestamp, ...]) -> pd.Series:
    return labels[labels.index.get_level_values("as_of").isin(dates)]


def _left_out_note(X: pd.DataFrame) -> tuple[str, ...]:
    """Families and features that the operator's tables do not allow, in one note."""
    facts = X.attrs.get("custintel", {})
    lines = facts.get("left_out") or []
    count = facts.get("left_out_columns", len(facts.get("skipped") or {}))
    said = f"{count} feature{'' if count == 1 else 's'} left out, because of the tables: {'; '.join(lines)}"
    return (said,) if lines else ()


def _windows(split: TimeSplit, question: Question) -> dict[str, Any]:
    """Both windows in dates and days."""
    return {
        "train_as_of": [str(date.date()) for date in split.train],
        "test_as_of": [str(split.test.date())],
        "gap_days": question.gap_days,
        "horizon_days": question.horizon_days,
        # silence ends prepaid lines only: where none are asked about, labels do not wait for it
        "dormancy_days": question.label_delay_days - question.end_days,
    }


def _population(labels: pd.DataFrame, split: TimeSplit) -> pd.DataFrame:
    """Rows, events and censored rows by date."""
    by_date = labels["label"].groupby(level="as_of")
    table = pd.DataFrame({"rows": by_date.size(), "positives": by_date.sum(), "censored": by_date.apply(_censored)})
    table = table.reset_index()
    table.insert(1, "role", np.where(table["as_of"] == split.test, "test", "train"))
    return table.assign(positives=table["positives"].astype(np.int64))


def _censored(labels: pd.Series) -> int:
    return int(labels.isna().sum())


def _check_classes(y: pd.Series, where: str) -> None:
    """Enough of both answers to learn and to judge."""
    events, others = int(y.sum()), int(len(y) - y.sum())
    if min(events, others) < _LEAST_ROWS_OF_A_CLASS:
        raise DataError(
            f"too few of one class in {where}\n  given: {events} events and {others} others\n"
            f"  allowed: at least {_LEAST_ROWS_OF_A_CLASS} of each"
        )
