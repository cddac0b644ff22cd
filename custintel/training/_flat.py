"""A flat customer table made ready for learning: label, identity, and columns that say nothing put apart."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.builder import has_words
from custintel.errors import DataError
from custintel.training._table import Table, read_table
from custintel.training._target import read_target

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FlatData", "find_column", "read_flat"]

_ID_NAME = re.compile(r"(^|[^a-z])(id|msisdn|imsi|phone|subscriber)([^a-z]|$)|id$", re.IGNORECASE)
_NAMES_THE_ROW = 0.9
_COARSE = 0.2


@dataclass(frozen=True)
class FlatData:
    """Features, label and identity of a customer table, and what was done to get them."""

    X: pd.DataFrame
    y: pd.Series
    groups: pd.Series | None
    target: str
    positive: str
    notes: tuple[str, ...]


def read_flat(
    place: str | Path | pd.DataFrame, target: str, id_column: str | None = None, pos_label: Any = None
) -> FlatData:
    """Read the table, find label and identity, remove exact duplicates, leave out empty columns."""
    table = _keyed(read_table(place), id_column)
    target = find_column(table.frame, target, "target")
    label = read_target(table.frame[target], pos_label)
    notes = [*table.notes, label.note]
    frame = table.frame.loc[label.y.index].assign(**{target: label.y})
    if label.unlabelled:
        notes.append(f"{label.unlabelled} rows without a value of {target!r} were left out")
    identity, note = _identity(frame.drop(columns=target), id_column)
    notes += note
    frame, note = _without_duplicates(frame)
    notes += note
    X, note = _informative(_indexed(frame, identity).drop(columns=target))
    y = pd.Series(frame[target].to_numpy(), index=X.index, name=target)
    return FlatData(X, y, _groups(X, identity), target, label.positive, (*notes, *note, *_missing(X)))


def _keyed(table: Table, id_column: str | None) -> Table:
    """A feature table whose keys were written as columns: the keys are no features."""
    keys = [key for key in ("as_of", "customer_id") if key in table.frame.columns]
    if id_column is not None or "customer_id" not in keys or not has_words(table.frame):
        return table
    return replace(table, frame=table.frame.set_index(keys))


def find_column(frame: pd.DataFrame, name: str, role: str) -> str:
    """The column of that name, forgiving case and spaces; otherwise an error with the nearest names."""
    if name in frame.columns:
        return name
    plain = {" ".join(str(c).lower().split()): str(c) for c in frame.columns}
    asked = " ".join(name.lower().split())
    if asked in plain:
        return plain[asked]
    near = [plain[n] for n in difflib.get_close_matches(asked, plain, n=3)]
    shown = ", ".join(map(repr, frame.columns[:30]))
    hint = f"\n  hint: did you mean {', '.join(map(repr, near))}?" if near else ""
    raise DataError(f"the table has no {role} column {name!r}\n  allowed: {shown}{hint}")


def _identity(frame: pd.DataFrame, id_column: str | None) -> tuple[str | None, list[str]]:
    """The column that names the customer: the given one, or one that is named so and almost unique."""
    if id_column is not None:
        return find_column(frame, id_column, "id"), []
    for name in frame.columns:
        if _ID_NAME.search(str(name)) and not _is_measure(frame[name]) and _distinct(frame[name]) >= _NAMES_THE_ROW:
            return str(name), [f"{name!r} names the customers and is no feature (another one: id_column=)"]
    return None, []


def _is_measure(column: pd.Series) -> bool:
    """Numbers with a fraction measure something; they name nobody."""
    return bool(pd.api.types.is_float_dtype(column)) and bool((column.dropna() % 1 != 0).any())


def _distinct(column: pd.Series) -> float:
    """Share of distinct values among the rows."""
    return float(column.nunique()) / max(len(column), 1)


def _without_duplicates(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Exact duplicate rows once: a copy on both sides of a fold would be learned by heart.

    A named index tells rows apart. Where a fifth of the rows or more are copies, the table is coarse and they are
    different customers: they stay, on one side of every fold.
    """
    twice = frame.duplicated()
    if _named(frame.index) or not twice.any():
        return frame, []
    if twice.mean() >= _COARSE:
        told = f"{int(twice.sum())} rows equal another one: taken for different customers, kept on one side of a fold"
        return frame, [told]
    return frame[~twice], [f"{int(twice.sum())} exact duplicate rows were removed"]


def _indexed(frame: pd.DataFrame, identity: str | None) -> pd.DataFrame:
    """Indexed by customer, or by the row number of the table."""
    if identity is None:
        return frame if _named(frame.index) else frame.rename_axis(index="row")
    return frame.set_index(frame[identity].astype(str).rename("customer_id")).drop(columns=identity)


def _named(index: pd.Index) -> bool:
    """Whether the index tells rows apart: it has a name, or is (as_of, customer_id) of a feature table."""
    return all(name is not None for name in index.names)


def _groups(X: pd.DataFrame, identity: str | None) -> pd.Series | None:
    """Rows that belong to one side of a fold: those of one customer, or equal ones."""
    customers = X.index.get_level_values("customer_id") if "customer_id" in X.index.names else None
    if customers is not None and not customers.is_unique:
        return pd.Series(customers, index=X.index, name="customer_id")
    if identity is None and X.duplicated().any():
        return pd.Series(pd.util.hash_pandas_object(X.astype(str), index=False).to_numpy(), index=X.index, name="row")
    return None


def _informative(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Without columns that are empty, constant, or only number the rows; each is named."""
    reasons = {str(name): _says_nothing(frame[name]) for name in frame.columns}
    notes = [
        f"left out, {why}: {', '.join(repr(n) for n, w in reasons.items() if w == why)}"
        for why in dict.fromkeys(filter(None, reasons.values()))
    ]
    kept = [name for name, why in reasons.items() if not why]
    if not kept:
        raise DataError("no column is left to learn from\n  given: " + "; ".join(notes))
    return frame[kept], notes


def _says_nothing(column: pd.Series) -> str:
    """Why a column cannot be a feature, or nothing."""
    if column.isna().all():
        return "all values missing"
    if column.nunique(dropna=False) == 1:
        return "constant"
    if _counts_rows(column):
        return "a row number"
    text = not pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_datetime64_any_dtype(column)
    if text and len(column) >= 30 and _distinct(column) >= _NAMES_THE_ROW:
        return "different in nearly every row"
    return ""


def _missing(X: pd.DataFrame) -> list[str]:
    """A note on the columns with missing cells and their numbers."""
    cells = X.isna().sum()
    cells = cells[cells > 0].sort_values(ascending=False)
    shown = ", ".join(f"{str(name)!r} {count:,}" for name, count in cells.head(10).items())
    more = f" and {len(cells) - 10} more columns" if len(cells) > 10 else ""
    return [f"missing values, kept as missing: {shown}{more}"] if len(cells) else []


def _counts_rows(column: pd.Series) -> bool:
    """Whole numbers that go up by one from row to row (gaps left by removed rows allowed)."""
    if not pd.api.types.is_integer_dtype(column) or len(column) < 30 or not column.is_monotonic_increasing:
        return False
    values = column.to_numpy(dtype=np.int64)
    return bool(column.is_unique and values[0] in (0, 1) and values[-1] - values[0] < 1.2 * len(values))
