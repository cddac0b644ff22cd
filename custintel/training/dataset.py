"""The dataset of a question: rows to learn from, rows to be judged on, and where they come from.

From an operator's tables rows are judged on a later date, or on other customers of the same dates where the question
is an experiment; from a flat table on later rows, or by cross-validation where it has no dates.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from custintel.adapters.adapter import TrainingRows
from custintel.builder import FeatureBuilder
from custintel.builder.feature_frame import column_meanings, has_meanings
from custintel.errors import DataError
from custintel.expressions.parse import parse
from custintel.questions.check_question import check_labels, check_question
from custintel.questions.question import question_from_spec
from custintel.questions.question_labels import question_dates, question_labels
from custintel.questions.whole_months import fitted_to_data
from custintel.training._read_flat_table import FlatTable, TableQuestion, read_flat_table
from custintel.training._time_split_and_folds import (
    OutOfTimeRows,
    out_of_time_rows,
    rows_of_a_third,
    split_in_time,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from custintel.adapters.adapter import LearnerAdapter
    from custintel.catalogue.model_spec import ModelSpec
    from custintel.questions import Question
    from custintel.warehouse import Warehouse


def _no_dates() -> pd.DataFrame:
    """The population of a table without dates."""
    return pd.DataFrame(columns=["as_of", "role", "rows", "positives", "censored"])


@dataclass(frozen=True)
class Dataset:
    """Rows to learn from, rows to be judged on (None: the same rows, out of fold), and where they come from."""

    learn: TrainingRows
    judge: TrainingRows | None
    target_type: str
    target: str
    digest: str
    label_delay_days: int = 0
    windows: Mapping[str, Any] = field(default_factory=dict)
    population: pd.DataFrame = field(default_factory=_no_dates)
    data_dictionary: pd.DataFrame | None = None
    quality: pd.DataFrame | None = None
    quality_reasons: pd.DataFrame | None = None
    coverage: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    id_column: str | None = None
    out_of_time: OutOfTimeRows | None = None

    def without(self, columns: list[str]) -> Dataset:
        """The same without some columns."""
        if not columns:
            return self
        if len(columns) == self.learn.X.shape[1]:
            raise DataError(
                "every column looks like a consequence of the label: nothing is left to learn from\n"
                f"  given: {', '.join(columns)}\n  hint: keep_leaks=True keeps them"
            )
        judge = None if self.judge is None else self.judge.without(columns)
        return replace(self, learn=self.learn.without(columns), judge=judge)


def dataset_from_table(table: str | Path | pd.DataFrame, question: TableQuestion, adapter: LearnerAdapter) -> Dataset:
    """A flat table: judged on later rows where these have dates, by cross-validation where they have none."""
    flat = read_flat_table(table, question)
    rows = TrainingRows(flat.X, flat.y, flat.answers, flat.groups)
    adapter.check(rows, f"the table, target {flat.target!r}")
    digest = hashlib.sha256(pd.util.hash_pandas_object(flat.X.assign(**{"": flat.y}), index=False).to_numpy().tobytes())
    out_of_time = out_of_time_rows(flat.y)
    usable = out_of_time if out_of_time is not None and _both_sides_serve(rows, out_of_time, adapter) else None
    return Dataset(
        rows,
        None,
        target_type=question.target_type,
        target=flat.target,
        digest=digest.hexdigest()[:16],
        windows=_split_facts(flat, usable),
        data_dictionary=column_meanings(flat.X) if has_meanings(flat.X) else None,
        notes=(*flat.notes, _split_note(flat, out_of_time, usable)),
        id_column=flat.id_column,
        out_of_time=usable,
    )


def _both_sides_serve(rows: TrainingRows, split: OutOfTimeRows, adapter: LearnerAdapter) -> bool:
    """Whether the earlier rows can be learned from, and the later ones judged on."""
    try:
        for side in (split.train_rows, split.test_rows):
            adapter.check(rows.take(np.flatnonzero(side)), "one side of the split")
    except DataError:
        return False
    return True


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


def meets_population(
    X: pd.DataFrame, wh: Warehouse, population: Mapping[str, Any], features_path: str | Path | None
) -> npt.NDArray[np.bool_]:
    """Whether each row meets the condition of its population; columns that it reads and `X` lacks are built for it."""
    read = sorted(population_columns(population))
    if set(read) - set(map(str, X.columns)):
        dates = list(X.index.get_level_values("as_of").unique())
        X = _features(FeatureBuilder(None, features_path, read), wh, dates, X)
    met = in_population(X, population)
    if not met.any():
        raise DataError(
            "nobody is asked: no customer meets the condition of the population on any date\n"
            f"  given: {population.get('where')}\n  hint: custintel features describe says what the columns hold"
        )
    return met


def population_columns(population: Mapping[str, Any]) -> frozenset[str]:
    """The columns that ``population.where`` of the specification reads.

    >>> population_columns({"where": "tenure_days > 90"})
    frozenset({'tenure_days'})
    """
    where = population.get("where")
    return frozenset(parse(str(where), "population.where").columns) if where else frozenset()


def without_excluded(X: pd.DataFrame, spec: ModelSpec) -> pd.DataFrame:
    """The columns that a specification does not exclude by name or pattern."""
    return X.drop(columns=[c for c in X.columns if any(fnmatchcase(c, pattern) for pattern in spec.exclude)])


def dataset_from_warehouse(
    wh: Warehouse, spec: ModelSpec, adapter: LearnerAdapter, features_path: str | Path | None, random_state: int = 0
) -> Dataset:
    """An operator's tables: labels, split of the question's own kind, features of all dates in one pass."""
    history = int(spec.dates.get("history_days", 60))
    question = fitted_to_data(wh, question_from_spec(spec.as_dict()), history)
    check_question(wh, question)
    dates = question_dates(wh, question, history_days=history, every=spec.dates.get("every", "month"))
    by_time = spec.dates.get("test", adapter.split) == "time"
    split = split_in_time(dates, question.label_delay_days, history) if by_time else None
    asked = [*split.train, split.test] if split else list(dates)
    labels = question_labels(wh, asked, question)
    check_labels(labels, question)
    builder = FeatureBuilder(spec.topics, features_path, skip_unavailable=True)
    built = _features(builder, wh, asked, labels)
    notes = _left_out_note(built)
    X = with_extra_features(built, adapter.extra_features(wh, asked, spec.as_dict()))
    inside = meets_population(X, wh, spec.population, features_path)
    X, labels = without_excluded(X[inside], spec), labels[inside]
    test = judged_rows(labels, split.test if split else None, random_state)
    kept = ~_shared_rings(labels, test)
    customers = X.index.get_level_values("customer_id").to_numpy()
    rows, known = TrainingRows(X, labels["label"], labels.drop(columns="label"), customers), labels["label"].notna()
    learn, judge = (_known_rows(rows, part, question.target_type) for part in (known & ~test & kept, known & test))
    for part, role in ((learn, "the train dates"), (judge, "the test date")):
        adapter.check(part, role)
    return Dataset(
        learn,
        judge,
        target_type=question.target_type,
        target=question.kind or spec.name,
        digest=wh.digest(),
        label_delay_days=question.label_delay_days,
        windows=_windows(labels.index, test, question),
        population=_population(labels, test, question.target_type),
        data_dictionary=_dictionary(builder, adapter),
        quality=wh.report.frame(),
        quality_reasons=wh.report.reasons(),
        coverage=table_coverage(wh),
        notes=notes,
    )


def table_coverage(wh: Warehouse) -> tuple[Mapping[str, Any], ...]:
    """Rows, and first and last day of the events, of each table that has days."""
    dated = [name for name in wh.tables if "event_date" in wh.columns(name)]
    parts = [
        f"select '{name}' as \"table\", count(*) as n, min(event_date) as first_day, max(event_date) as last_day "
        f"from {wh.relation(name)}"
        for name in dated
    ]
    found = wh.engine.sql("\nunion all\n".join(parts) + "\norder by 1") if parts else pd.DataFrame()
    return tuple(
        {"table": row["table"], "rows": int(row["n"]), **{k: str(row[k])[:10] for k in ("first_day", "last_day")}}
        for row in found.to_dict("records")
    )


def _features(builder: FeatureBuilder, wh: Warehouse, dates: list[pd.Timestamp], labels: pd.DataFrame) -> pd.DataFrame:
    """Features of the labelled rows of all dates, in the order of the labels; a customer may have several."""
    X = builder.build(wh, dates)
    if not isinstance(X.index, pd.MultiIndex):
        X = pd.concat({dates[0]: X}, names=["as_of", "customer_id"])
    absent = labels.index.difference(X.index)
    if len(absent):
        raise DataError(f"{len(absent)} of {len(labels)} labelled customers have no features")
    return X.loc[labels.index] if labels.index.is_unique else X.iloc[X.index.get_indexer(labels.index)]


def with_extra_features(X: pd.DataFrame, extra: pd.DataFrame | None) -> pd.DataFrame:
    """The columns of the learner's own beside those of the catalogue."""
    if extra is None:
        return X
    own = extra.drop(columns=[name for name in extra.columns if name in X.columns])
    joined = own.reindex(X.index)  # a customer of whom the learner knows nothing of its own has missing values
    return pd.concat([X, joined], axis=1)


def _dictionary(builder: FeatureBuilder, adapter: LearnerAdapter) -> pd.DataFrame:
    """What the columns mean: those of the catalogue, and those that the learner reads beside them."""
    own = [
        {"column": c.name, "unit": c.unit, "about": c.about, "about_zh": c.about_zh, "reason": c.reason}
        for c in adapter.extra_columns()
    ]
    return pd.concat([builder.describe(), pd.DataFrame(own)], ignore_index=True) if own else builder.describe()


def _known_rows(rows: TrainingRows, chosen: Any, target: str) -> TrainingRows:
    """Some rows with known answers; a yes or no is a whole number."""
    found = rows.take(np.flatnonzero(chosen))
    return replace(found, y=found.y.astype(np.int64)) if target == "yes_no" else found


def judged_rows(labels: pd.DataFrame, test: pd.Timestamp | None, random_state: int) -> npt.NDArray[np.bool_]:
    """The rows that are judged: those of the test date, or of about a third of the customers (rings whole)."""
    if test is not None:
        return np.asarray(labels.index.get_level_values("as_of") == test)
    customers = pd.Series(labels.index.get_level_values("customer_id").astype(str), labels.index)
    groups = customers if "ring" not in labels else labels["ring"].where(labels["ring"].notna(), customers)
    return rows_of_a_third(groups.to_numpy(object), (labels["label"] == 1).to_numpy(), random_state)


def _shared_rings(labels: pd.DataFrame, test: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Rows to learn from that belong to a ring of which a member is judged: a ring stands on one side."""
    if "ring" not in labels.columns:
        return np.zeros(len(labels), dtype=bool)
    judged = labels.loc[test, "ring"].dropna().unique()
    return np.asarray(labels["ring"].isin(judged)) & ~test


def _left_out_note(X: pd.DataFrame) -> tuple[str, ...]:
    """Families and features that the operator's tables do not allow, in one note."""
    facts = X.attrs.get("custintel", {})
    lines = facts.get("left_out") or []
    count = facts.get("left_out_columns", len(facts.get("skipped") or {}))
    said = f"{count} feature{'' if count == 1 else 's'} left out, because of the tables: {'; '.join(lines)}"
    return (said,) if lines else ()


def _windows(index: pd.Index, test: npt.NDArray[np.bool_], question: Question) -> dict[str, Any]:
    """Both windows in dates and days."""
    return {
        "train_as_of": _days(index[~test]),
        "test_as_of": _days(index[test]),
        "gap_days": question.gap_days,
        "horizon_days": question.end_days - question.gap_days,
        # silence ends prepaid lines only: where none are asked about, labels do not wait for it
        "dormancy_days": question.label_delay_days - question.end_days,
    }


def _days(index: pd.Index) -> list[str]:
    return [str(day.date()) for day in index.get_level_values("as_of").unique().sort_values()]


def _population(labels: pd.DataFrame, test: npt.NDArray[np.bool_], target: str) -> pd.DataFrame:
    """Rows, events (of a yes-or-no answer, or exits) and censored rows by date and role."""
    role = np.where(test, "test", "train")
    events = labels["label"] if pd.api.types.is_numeric_dtype(labels["label"]) else labels["label"].notna()
    if target == "duration":
        events = labels["cause"].notna()
    frame = pd.DataFrame({"rows": 1, "positives": events.fillna(0), "censored": labels["label"].isna()})
    keys = [labels.index.get_level_values("as_of"), pd.Index(role, name="role")]
    table = frame.groupby(keys).sum().reset_index()
    whole = table["positives"] == table["positives"].round()
    return table.astype({"positives": np.int64, "censored": np.int64}) if whole.all() else table
