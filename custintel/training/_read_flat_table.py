"""A flat customer table made ready for learning: label, customers, dates, and columns that cannot be features left out.

Which of two answers is the event follows the rule of all learners (`custintel.learners.event_class.choose_event`):

>>> target = read_target(pd.Series(["FAUX", "VRAI", "FAUX"], name="Churn"))
>>> target.y.tolist(), target.positive, target.note
([0, 1, 0], 'VRAI', "'Churn': 'VRAI' is the event, 'FAUX' is not")
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.builder.feature_frame import has_meanings
from custintel.errors import DataError
from custintel.identifiers import identifier_problems
from custintel.learners.event_class import choose_event, event_position, label_text, warn_guessed_event
from custintel.learners.feature_contract import read_number
from custintel.training._flat_table_dates import row_dates
from custintel.training._flat_table_warnings import table_warnings
from custintel.training.customer_column import customer_column_for_training, nearly_unique, other_identifiers
from custintel.training.read_table import Table, find_column, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FEWEST_SHOWN, _MOST_SHOWN = 10, 8
_MANY_DUPLICATES = 0.2
_MANY_DATES = 60
_SNAPSHOT = re.compile(r"as.?of|date|day|month|period|time|snapshot|observ|日期|账期|月份", re.IGNORECASE)
_OF_THE_CUSTOMER = re.compile(
    r"birth|dob|start|begin|end|since|sign|activ|join|regist|open|creat|first|last|next|previous|expir|due|contract|"
    r"install|enrol|churn|left|close|terminat|出生|开户|入网|生效|到期|首次|最近",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Target:
    """The answers of the rows that have one (a yes or no as 1 and 0), what 1 stands for, and how this was decided."""

    y: pd.Series
    positive: str
    note: str
    unlabelled: int = 0


@dataclass(frozen=True)
class TableQuestion:
    """Which column of a flat table is to be predicted, what kind of answer it holds, and what other columns say.

    Attributes
    ----------
    target : str
        The column to predict.
    target_type : str
        yes_no, amount, class, response (take-up) or experiment (the outcome of one).
    answers : mapping of str to str
        Further facts about the outcome, by the column that holds them: ``{"treatment": "segment"}``. No features.
    id_column, date_column : str, optional
        Columns that name the customer and date the row; found by their names when not given.
    pos_label : object, optional
        The value that stands for yes.
    """

    target: str
    target_type: str = "yes_no"
    answers: Mapping[str, str] = field(default_factory=dict)
    id_column: str | None = None
    date_column: str | None = None
    pos_label: Any = None


def read_answer(column: pd.Series, question: TableQuestion) -> Target:
    """The target column as the kind of answer that is asked for; rows without an answer are left out and counted."""
    if question.target_type == "amount" or _is_measured_outcome(column, question):
        return _read_amount(column)
    if question.target_type == "class":
        return _read_classes(column)
    return read_target(column, question.pos_label)


def _is_measured_outcome(column: pd.Series, question: TableQuestion) -> bool:
    """Whether an experiment is judged by an amount (what was spent), not by a yes or no."""
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return question.target_type == "experiment" and numeric and column.nunique() > 2


def _read_amount(column: pd.Series) -> Target:
    """A column of amounts; texts that are no numbers are refused."""
    values, unreadable = read_number(column)
    if unreadable:
        raise DataError(
            f"the target {str(column.name)!r} is no column of amounts\n  given: {unreadable} value(s) that are no "
            "numbers\n  allowed: numbers\n  hint: a question with classes or with yes and no needs another model"
        )
    known = pd.Series(values, index=column.index, name=column.name).dropna()
    if known.nunique() < 2:
        raise DataError(f"the target {str(column.name)!r} is constant: nothing can be learned")
    note = f"{str(column.name)!r}: amounts from {known.min():,.6g} to {known.max():,.6g}"
    return Target(known, "", note, len(column) - len(known))


def _read_classes(column: pd.Series) -> Target:
    """A column of classes as text."""
    known = column.dropna().map(label_text)
    if known.nunique() < 2:
        raise DataError(f"the target {str(column.name)!r} has a single class: nothing can be learned")
    note = f"{str(column.name)!r}: {known.nunique()} classes ({_frequent_answers(known)})"
    return Target(known, "", note, len(column) - len(known))


def read_target(column: pd.Series, pos_label: Any = None) -> Target:
    """Turn a column of two answers into 0 and 1; rows without an answer are left out and counted."""
    known = column.dropna()
    answers = known.map(label_text)
    values = sorted(answers.unique())
    if len(values) != 2:
        raise DataError(_not_two_classes(str(column.name), len(values), _frequent_answers(answers)))
    positive, why = _event(values, answers, pos_label)
    negative = next(v for v in values if v != positive)
    y = (answers == positive).astype(np.int64)
    note = f"{str(column.name)!r}: {positive!r} is the event, {negative!r} is not{why}"
    return Target(y, positive, note, len(column) - len(known))


def _event(values: list[str], answers: pd.Series, pos_label: Any) -> tuple[str, str]:
    """The answer that stands for the event, and a reason when it is a guess (or the user's)."""
    if pos_label is not None:
        return values[event_position(pos_label, values)], " (as asked)"
    choice = choose_event(values, [int((answers == value).sum()) for value in values])
    warn_guessed_event(values, choice, stacklevel=5)
    return values[choice.position], f" ({choice.guess})" if choice.guess else ""


def _frequent_answers(answers: pd.Series) -> str:
    """Answers of ten customers or more: a rarer one may be somebody's name."""
    counts = answers.value_counts()
    told = sorted(counts.index[counts >= _FEWEST_SHOWN])
    rare = len(counts) - len(told)
    shown = [*map(repr, told[:_MOST_SHOWN]), *(["..."] if len(told) > _MOST_SHOWN else [])]
    return ", ".join([*shown, *([f"{rare} rare ones"] if rare else [])])


def _not_two_classes(name: str, count: int, shown: str) -> str:
    """Message for a target that is not a yes-or-no question."""
    if count < 2:
        return (
            f"the target {name!r} has a single class: nothing can be learned\n"
            f"  given: {shown or 'no value at all'}\n  allowed: two different values"
        )
    return (
        f"the target {name!r} has {count} different values\n  given: {shown}\n"
        "  allowed: two different values\n  hint: a yes-or-no question is needed; group the values into two first"
    )


@dataclass(frozen=True)
class FlatTable:
    """Features, label and identity of a customer table, and what was done to get them.

    Rows with a date have it in the index, as ``as_of``; `id_column` and `date_column` are their columns in the table.
    """

    X: pd.DataFrame
    y: pd.Series
    groups: pd.Series | None
    target: str
    positive: str
    notes: tuple[str, ...]
    answers: pd.DataFrame
    id_column: str | None = None
    date_column: str | None = None


def read_flat_table(table: str | Path | pd.DataFrame, question: TableQuestion) -> FlatTable:
    """Read the table, find label, identity and date, remove exact duplicates, leave out empty columns."""
    read = _without_key_columns(read_table(table, question.id_column), question.id_column)
    target = find_column(read.frame, question.target, "target")
    facts = {name: find_column(read.frame, column, name) for name, column in question.answers.items()}
    identity = customer_column_for_training(read, question.id_column, target)
    read = read if identity.column is None else read.indexed_by(identity.column)
    label = read_answer(read.frame[target].reset_index(drop=True), question)
    notes = [*read.notes, label.note, *filter(None, [identity.note])]
    frame = read.frame.iloc[label.y.index].assign(**{target: label.y.to_numpy()})
    if label.unlabelled:
        notes.append(f"{label.unlabelled} rows without a value of {target!r} were left out")
    frame, note = _without_duplicates(frame, identity.column)
    frame, dated, told = _indexed_by_date(frame, question.date_column, target)
    notes += [*note, *told, *_repeated_customer_notes(frame.index)]
    answers = pd.DataFrame({name: frame[column].to_numpy() for name, column in facts.items()})
    frame, note = _without_identifiers(frame.drop(columns=list(facts.values())), target)
    notes += note
    if label.y.dtype != object and set(label.y.unique()) <= {0, 1}:
        notes += table_warnings(frame.drop(columns=target), frame[target].to_numpy(np.float64))
    X, note = _informative_columns(_with_named_index(frame).drop(columns=target))
    y = pd.Series(frame[target].to_numpy(), index=X.index, name=target)
    notes += [*note, *_missing_value_notes(X)]
    answers = answers.set_axis(X.index)
    return FlatTable(X, y, _groups(X), target, label.positive, tuple(notes), answers, identity.column, dated)


def _without_key_columns(table: Table, id_column: str | None) -> Table:
    """A feature table whose keys were written as columns: the keys are no features."""
    if id_column is not None or "as_of" not in table.frame.columns or not has_meanings(table.frame):
        return table
    return replace(table, frame=table.frame.set_index("as_of"))


def _without_duplicates(frame: pd.DataFrame, identity: str | None) -> tuple[pd.DataFrame, list[str]]:
    """Exact duplicate rows once: a copy on both sides of a fold would be learned by heart.

    A named index tells rows apart. Where a fifth of the rows or more are copies, the table is coarse and they are
    different customers: they stay, on one side of every fold.
    """
    twice = (frame if identity is None else frame.reset_index()).duplicated().to_numpy()
    if (identity is None and _has_named_index(frame.index)) or not twice.any():
        return frame, []
    if identity is None and twice.mean() >= _MANY_DUPLICATES:
        told = f"{int(twice.sum())} rows equal another one: taken for different customers, kept on one side of a fold"
        return frame, [told]
    return frame[~twice], [f"{int(twice.sum())} exact duplicate rows were removed"]


def _indexed_by_date(frame: pd.DataFrame, asked: str | None, target: str) -> tuple[pd.DataFrame, str | None, list[str]]:
    """The frame with the date of each row in its index, as ``as_of``; the column; notes on how it was found."""
    if "as_of" in frame.index.names and asked is None:
        return frame, "as_of", []
    name, notes = _date_column(frame.drop(columns=target), asked)
    if name is None:
        return frame, None, notes
    days = pd.DatetimeIndex(row_dates(frame[name], name)).normalize()
    if days.isna().any():
        notes.append(f"{int(np.sum(days.isna()))} rows without a date in {name!r} were learned from and not judged on")
    if days.nunique() > _MANY_DATES:
        days = days.to_period("M").to_timestamp()
    others = frame.index if len(frame.index.names) == 1 else frame.index.get_level_values("customer_id")
    index = pd.MultiIndex.from_arrays([days, others], names=["as_of", others.name or "row"])
    return frame.drop(columns=name).set_axis(index), name, notes


def _date_column(frame: pd.DataFrame, asked: str | None) -> tuple[str | None, list[str]]:
    """The column that dates the rows: the given one, or the only one that is named like the day of a snapshot."""
    if asked is not None:
        return find_column(frame, asked, "date"), []
    dated = [str(name) for name in frame.columns if pd.api.types.is_datetime64_any_dtype(frame[name])]
    found = [name for name in dated if _SNAPSHOT.search(name) and not _OF_THE_CUSTOMER.search(name)]
    if len(found) == 1 and frame[found[0]].nunique() > 1:
        return found[0], [f"{found[0]!r} dates the rows and is no feature (another one: date_column=, --date-column)"]
    if not dated:
        return None, []
    shown = ", ".join(map(repr, dated[:5]))
    return None, [f"dates in {shown} were taken for facts about the customer; if one of them is the day on which a row "
                  "was taken, date_column= (--date-column) judges the model on later days"]  # fmt: skip


def _repeated_customer_notes(index: pd.Index) -> list[str]:
    """Notes on rows without a customer, and on customers with several rows."""
    if "customer_id" not in index.names:
        return []
    texts = index.get_level_values("customer_id").to_numpy(dtype=object)
    told = {True: "each was taken for a customer of its own", False: "they stand on one side of every fold"}
    return [f"{problem}: {told['no identifier' in problem]}" for problem in identifier_problems(texts)]


def _with_named_index(frame: pd.DataFrame) -> pd.DataFrame:
    """Indexed by customer, or by the row number of the table."""
    return frame if _has_named_index(frame.index) else frame.rename_axis(index="row")


def _has_named_index(index: pd.Index) -> bool:
    """Whether the index tells rows apart: it has a name, or is (as_of, customer_id) of a feature table."""
    return all(name is not None for name in index.names)


def _groups(X: pd.DataFrame) -> pd.Series | None:
    """Rows that belong to one side of a fold: those of one customer, or equal ones."""
    if "customer_id" in X.index.names:
        who = pd.Series(X.index.get_level_values("customer_id").to_numpy(dtype=object), index=X.index)
        if who.dropna().is_unique:
            return None
        # no identifier: a customer of its own; pandas before 3 takes texts with a zero byte to end there
        nobody = [f"\x1f{row}" for row in range(len(who))]
        return who.where(who.notna(), pd.Series(nobody, index=X.index, dtype=object)).rename("customer_id")
    if X.duplicated().any():
        return pd.Series(pd.util.hash_pandas_object(X.astype(str), index=False).to_numpy(), index=X.index, name="row")
    return None


def _informative_columns(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Without columns that are empty, constant, or only number the rows; each is named."""
    reasons = {str(name): _why_uninformative(frame[name]) for name in frame.columns}
    notes = [
        f"left out, {why}: {', '.join(repr(n) for n, w in reasons.items() if w == why)}"
        for why in dict.fromkeys(filter(None, reasons.values()))
    ]
    kept = [name for name, why in reasons.items() if not why]
    if not kept:
        raise DataError("no column is left to learn from\n  given: " + "; ".join(notes))
    return frame[kept], notes


def _why_uninformative(column: pd.Series) -> str:
    """Why a column cannot be a feature, or nothing."""
    if column.isna().all():
        return "all values missing"
    if column.nunique(dropna=False) == 1:
        return "constant"
    if _is_row_number(column):
        return "a row number"
    text = not pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_datetime64_any_dtype(column)
    if text and len(column) >= 30 and nearly_unique(column):
        return "different in nearly every row"
    return ""


def _without_identifiers(frame: pd.DataFrame, target: str) -> tuple[pd.DataFrame, list[str]]:
    """Without further columns that name customers: what is learned of them is written into models and reports."""
    names = other_identifiers(frame.drop(columns=target))
    told = f"left out, identifiers: {', '.join(map(repr, names))} (rename a column that is a quantity)"
    return (frame.drop(columns=names), [told]) if names else (frame, [])


def _missing_value_notes(X: pd.DataFrame) -> list[str]:
    """A note on the columns with missing cells and their numbers."""
    cells = X.isna().sum()
    cells = cells[cells > 0].sort_values(ascending=False)
    shown = ", ".join(f"{str(name)!r} {count:,}" for name, count in cells.head(10).items())
    more = f" and {len(cells) - 10} more columns" if len(cells) > 10 else ""
    return [f"missing values, kept as missing: {shown}{more}"] if len(cells) else []


def _is_row_number(column: pd.Series) -> bool:
    """Whole numbers that go up by one from row to row (gaps left by removed rows allowed)."""
    if not pd.api.types.is_integer_dtype(column) or len(column) < 30 or not column.is_monotonic_increasing:
        return False
    values = column.to_numpy(dtype=np.int64)
    return bool(column.is_unique and values[0] in (0, 1) and values[-1] - values[0] < 1.2 * len(values))
