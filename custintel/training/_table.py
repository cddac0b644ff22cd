"""Read a customer table as it is: separators, marks, blanks, numbers written as text.

What is changed on the way in is said in notes, never done in silence:

>>> import pandas as pd
>>> raw = pd.DataFrame({"Call  Failure": ["1", "2", " "], "plan": [" a", "b ", "a"]})
>>> table = tidy(raw)
>>> table.frame["Call Failure"].tolist()
[1.0, 2.0, nan]
>>> print(*table.notes, sep="\\n")
column names written with single spaces: 'Call Failure'
'Call Failure': numbers written as text were read as numbers; 1 cell without a number is missing
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from custintel.errors import CustintelError, DataError, MissingExtraError
from custintel.formulas import restored

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Table", "read_table", "tidy"]

_SEPARATORS = ",;\t|"
_READABLE = (".csv", ".txt", ".tsv", ".parquet", ".xlsx")
_BLANK = ("", "-", "?", "na", "n/a", "nan", "null", "none")
_NUMERIC_SHARE = 0.95


@dataclass(frozen=True)
class Table:
    """A table as read, and what was changed on the way in.

    Attributes
    ----------
    frame : pandas.DataFrame
        Clean names, numbers as numbers, blanks missing.
    notes : tuple of str
        What was changed.

    Examples
    --------
    >>> Table(pd.DataFrame({"a": [1]})).notes
    ()
    """

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_table(place: str | Path | pd.DataFrame) -> Table:
    """Read a CSV (any of ``, ; tab |``), Parquet or Excel file, or take a data frame, and tidy it.

    Parameters
    ----------
    place : str, pathlib.Path or pandas.DataFrame
        The file or the frame.

    Examples
    --------
    >>> read_table(pd.DataFrame({"minutes": ["1", "2"]})).frame["minutes"].tolist()
    [1, 2]
    """
    if isinstance(place, pd.DataFrame):
        return tidy(place)
    path = Path(place)
    _check_readable(path)
    try:
        return _read_file(path)
    except CustintelError:
        raise
    except (ValueError, KeyError, OSError, BadZipFile) as error:
        kind = path.suffix[1:].lower()
        raise DataError(f"{path.name} cannot be read as {kind}\n  given: {type(error).__name__}: {error}") from error


def _read_file(path: Path) -> Table:
    """By its suffix."""
    if path.suffix.lower() == ".parquet":
        return tidy(pd.read_parquet(path))
    if path.suffix.lower() == ".xlsx":
        return tidy(_read_excel(path))
    return _read_text(path)


def _check_readable(path: Path) -> None:
    """The file exists and is of a kind that can be read."""
    if not path.is_file():
        raise DataError(f"no such file: {path}\n  allowed: a file of type {', '.join(_READABLE)}")
    if path.suffix.lower() not in _READABLE:
        raise DataError(f"cannot read {path.name}\n  given: {path.suffix}\n  allowed: {', '.join(_READABLE)}")


def _read_excel(path: Path) -> pd.DataFrame:
    """First sheet of a workbook."""
    if find_spec("openpyxl") is None:
        raise MissingExtraError("openpyxl", "excel", "reading .xlsx")
    return restored(pd.read_excel(path))


def _read_text(path: Path) -> Table:
    """A delimited text file: encoding and separator are found, blanks after separators dropped."""
    text, encoding = _decode(path.read_bytes())
    if not text.strip():
        raise DataError(f"{path.name} is empty")
    separator = find_separator(text)
    frame = pd.read_csv(io.StringIO(text), sep=separator, skipinitialspace=True, low_memory=False)
    table = tidy(restored(frame), decimal_comma=separator == ";")
    notes = [f"read with the separator {separator!r}"] if separator != "," else []
    notes += [f"not UTF-8: read as {encoding}"] if encoding != "utf-8-sig" else []
    return Table(table.frame, (*notes, *table.notes))


def _decode(content: bytes) -> tuple[str, str]:
    """Text and the encoding that fitted; a byte-order mark is dropped."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1"), "latin-1"


def find_separator(text: str) -> str:
    r"""The separator that cuts the first lines into the most columns, equally many in each.

    >>> find_separator("a;b;c\n1,5;2;3\n")
    ';'
    """
    lines = text[:100_000].splitlines()[:30]

    def fit(separator: str) -> tuple[bool, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator, skipinitialspace=True) if row]
        return len(set(widths)) == 1, min(widths, default=0)

    even = [s for s in _SEPARATORS if fit(s)[0] and fit(s)[1] > 1]
    return max(even or _SEPARATORS, key=lambda s: fit(s)[1])


def tidy(frame: pd.DataFrame, decimal_comma: bool = False) -> Table:
    """Clean names, strip text, read numbers written as text, make blanks missing; say what was done.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table; it is not changed.
    decimal_comma : bool
        Whether ``1,5`` in a text column is a number.

    Examples
    --------
    >>> tidy(pd.DataFrame({" a ": [True]})).frame.columns.tolist()
    ['a']
    """
    if frame.empty:
        raise DataError(f"the table is empty\n  given: {len(frame)} rows, {frame.shape[1]} columns")
    names, notes = _clean_names(frame.columns)
    columns: dict[str, pd.Series] = {}
    for position, name in enumerate(names):
        columns[name], note = _clean_column(frame.iloc[:, position], decimal_comma)
        notes += [f"{name!r}: {note}"] if note else []
    clean = pd.DataFrame(columns, index=frame.index)
    clean.attrs = frame.attrs  # a feature table says there what its columns mean
    return Table(clean, tuple(notes))


def _clean_names(names: Iterable[object]) -> tuple[list[str], list[str]]:
    """Names with single spaces, unique, and a note on those that changed inside."""
    given = [str(name) for name in names]
    clean = [" ".join(name.split()) for name in given]
    twice = sorted({name for name in clean if clean.count(name) > 1})
    if twice:
        raise DataError(f"column names occur twice: {', '.join(map(repr, twice))}\n  hint: rename them")
    changed = [new for old, new in zip(given, clean, strict=True) if old.strip() != new]
    note = f"column names written with single spaces: {', '.join(map(repr, changed))}"
    return clean, [note] if changed else []


def _clean_column(column: pd.Series, decimal_comma: bool) -> tuple[pd.Series, str]:
    """One column cleaned, with a note when its kind or its number of missing cells changed."""
    if not _is_text(column):
        return column, ""
    text = column.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    blank = text.isna() | text.map(lambda cell: isinstance(cell, str) and cell.lower() in _BLANK)
    numbers = _as_numbers(text.mask(blank), decimal_comma)
    if numbers is not None:
        lost = int(numbers.isna().sum() - column.isna().sum())
        return _whole(numbers), "numbers written as text were read as numbers" + _count_lost(lost)
    moments = _as_dates(text.mask(blank))
    if moments is not None:
        return moments, "dates written as text were read as dates"
    return text.where(text != "", other=np.nan), ""


def _is_text(column: pd.Series) -> bool:
    """Object or string columns; categories and numbers stay as they are."""
    return bool(pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)) and not isinstance(
        column.dtype, pd.CategoricalDtype
    )


def _as_numbers(text: pd.Series, decimal_comma: bool) -> pd.Series | None:
    """Numbers, when nearly every cell is one; codes with leading zeros are text."""
    filled = text.dropna()
    if filled.empty or filled.map(lambda cell: isinstance(cell, bool)).any():
        return None
    written = filled.astype(str)
    if written.str.match(r"^0\d").any():
        return None
    if decimal_comma:
        written = written.str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(written, errors="coerce")
    return numbers.reindex(text.index) if numbers.notna().mean() >= _NUMERIC_SHARE else None


def _whole(numbers: pd.Series) -> pd.Series:
    """Integers stay integers when nothing is missing."""
    if numbers.notna().all() and (numbers % 1 == 0).all() and (numbers.abs() < 2**53).all():
        return numbers.astype("int64")
    return numbers.astype("float64")


def _count_lost(cells: int) -> str:
    """The tail of the note on cells that hold no number."""
    if cells == 0:
        return ""
    return f"; {cells} cell{'s' if cells > 1 else ''} without a number {'are' if cells > 1 else 'is'} missing"


def _as_dates(text: pd.Series) -> pd.Series | None:
    """Dates, when every filled cell starts like 2025-01-31."""
    filled = text.dropna()
    if filled.empty or not filled.map(lambda c: isinstance(c, str) and bool(re.match(r"\d{4}-\d\d-\d\d", c))).all():
        return None
    moments = pd.to_datetime(text, errors="coerce", format="ISO8601")
    return moments if moments.notna().sum() == len(filled) else None
