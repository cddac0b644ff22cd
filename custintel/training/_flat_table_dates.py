"""Columns of a flat table that hold days: as objects, or as texts that are decided on the whole column.

>>> read_as_dates(pd.Series(["03/04/2025", "25/04/2025"])).note
'dates written as text, the day first, were read as dates'
>>> read_as_dates(pd.Series(["03/04/2025", "05/04/2025"])).note
'looks like dates, left as text: no day after the twelfth tells which comes first, the day or the month'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.dates import ADVICE, day_order, order_formats
from custintel.errors import DataError

if TYPE_CHECKING:
    from custintel.dates import DateCounts, Order


_SHARE = 0.95  # of the texts have the form of a date, as of those that are numbers
_ISO = re.compile(r"\d{4}([-/])\d\d\1\d\d")
_MONTH = re.compile(r"\d{4}[-/.]?(0[1-9]|1[0-2])")
_DIGITS_OF_DAY = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")


@dataclass(frozen=True)
class ReadDates:
    """Dates as ``datetime64``, or nothing; and what is to be said."""

    dates: pd.Series | None = None
    note: str = ""


def read_as_dates(column: pd.Series) -> ReadDates:
    """The dates that a column of objects or texts holds, if it holds any.

    Parameters
    ----------
    column : pandas.Series
        Objects or texts, missing where nothing is given.
    """
    filled = column.dropna()
    if filled.empty:
        return ReadDates()
    if all(isinstance(cell, date) for cell in filled):
        return _of_objects(column, filled)
    if not all(isinstance(cell, str) for cell in filled):
        return ReadDates()
    return _of_texts(column, filled)


def _of_objects(column: pd.Series, filled: pd.Series) -> ReadDates:
    """`datetime.date` and `datetime.datetime` objects, as pandas reads them from a ``date32`` of Parquet."""
    if any(getattr(cell, "tzinfo", None) is not None for cell in filled):
        return ReadDates()
    found = pd.Series(filled.to_numpy(dtype="datetime64[us]"), index=filled.index)
    return ReadDates(found.reindex(column.index))


def _of_texts(column: pd.Series, filled: pd.Series) -> ReadDates:
    if all(_ISO.match(cell) for cell in filled):
        read = pd.to_datetime(column, errors="coerce", format="ISO8601")
        if read.notna().sum() == len(filled):
            return ReadDates(read, "dates written as text were read as dates")
    if not filled.str[:1].str.isdigit().mean() >= _SHARE:
        return ReadDates()
    counts = day_order(filled)
    slashed = counts.day_first + counts.month_first + counts.either
    if counts.order and slashed >= _SHARE * len(filled):
        return _ordered(column, counts.order)
    if slashed + counts.short_year + counts.iso >= _SHARE * len(filled):
        return ReadDates(note=f"looks like dates, left as text: {_trouble(counts)}")
    return ReadDates()


def _trouble(counts: DateCounts) -> str:
    return ADVICE.get(counts.problem, "not every value is a day of the calendar in one and the same form")


def _ordered(column: pd.Series, order: Order) -> ReadDates:
    """Texts of one order; what contradicts it is missing and counted."""
    given = pd.Series(column.dropna().str.strip().unique(), dtype=object)
    found = pd.Series(pd.NaT, index=given.index, dtype="datetime64[us]")
    for form in order_formats(order):
        left = found.isna()
        if not left.any():
            break
        found[left] = pd.to_datetime(given[left], format=form, errors="coerce").astype("datetime64[us]")
    read = pd.to_datetime(column.str.strip().map(dict(zip(given, found, strict=True))))
    lost = int(read.isna().sum() - column.isna().sum())
    told = f"; {lost} cell{'s' if lost > 1 else ''} that cannot be read so {'are' if lost > 1 else 'is'} missing"
    return ReadDates(read, f"dates written as text, the {order}, were read as dates{told if lost else ''}")


def row_dates(column: pd.Series, name: str) -> pd.Series:
    """The dates of the column that dates the rows, without a zone.

    Raises
    ------
    DataError
        The column holds no dates, or dates that may mean two days.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.dt.tz_localize(None) if column.dt.tz is not None else column
    given, hint = _described(column)
    raise DataError(
        f"the column {name!r} holds no dates that can be read\n  given: {given}\n"
        f"  allowed: dates, or texts like 2025-01-31{hint and f'{chr(10)}  hint: {hint}'}"
    )


def _described(column: pd.Series) -> tuple[str, str]:
    """What a column holds instead of dates, without any of it, and how it becomes dates."""
    filled = column.dropna()
    kind = "numbers" if pd.api.types.is_numeric_dtype(column) else "texts"
    texts = [_plain(cell) for cell in filled.unique()]
    if texts and all(_MONTH.fullmatch(text) for text in texts):
        hint = "a month has many days: write the day on which the rows were taken, such as its last (2025-01-31)"
        return f"{kind} of a year and a month", hint
    if texts and all(_DIGITS_OF_DAY.fullmatch(text) for text in texts):
        return f"{kind} like 20250131", 'pd.to_datetime(column.astype(str), format="%Y%m%d") reads them'
    note = "" if kind == "numbers" else read_as_dates(filled.astype(object)).note
    if not note:
        return kind, ""
    hint = 'write 2025-01-31, or read them first: pd.to_datetime(column, format="%d/%m/%Y"), "%m/%d/%Y" for month first'
    return f"{kind}: {note.split(': ', 1)[-1]}", hint


def _plain(cell: object) -> str:
    """A cell as text; a whole float (of numbers with gaps) without its point."""
    is_whole = isinstance(cell, (float, np.floating)) and float(cell).is_integer()
    return str(int(cell)) if is_whole else str(cell).strip()  # type: ignore[call-overload]
