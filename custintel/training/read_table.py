"""Read a customer table as it is: separators, marks, blanks, numbers written as text.

What is changed on the way in is said in notes, never done in silence:

>>> import pandas as pd
>>> raw = pd.DataFrame({"Call  Failure": ["1", "2", " "], "plan": [" a", "b ", "a"]})
>>> table = clean_table(raw)
>>> table.frame["Call Failure"].tolist()
[1.0, 2.0, nan]
>>> print(*table.notes, sep="\\n")
column names written with single spaces: 'Call Failure'
'Call Failure': numbers written as text were read as numbers; 1 cell without a number is missing
"""

from __future__ import annotations

import csv
import difflib
import io
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from pandas.api.types import is_object_dtype

from custintel.errors import CustintelError, DataError, MissingExtraError
from custintel.files.spreadsheet_cells import unescape_formula, unescape_formulas
from custintel.identifiers import header_hint, identifier_text, may_identify, names_of_columns
from custintel.training._flat_table_dates import read_as_dates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


_SEPARATORS = ",;\t|"
_READABLE = (".csv", ".txt", ".tsv", ".parquet", ".xlsx")
_BLANK = ("", "-", "?", "na", "n/a", "nan", "null", "none")
_NUMERIC_SHARE = 0.95
_NUMBERS = "numbers written as text were read as numbers"
# what pandas takes for missing in a text file
_MISSING = ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
            "NA", "NULL", "NaN", "None", "n/a", "nan", "null")  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table as read, and what was changed on the way in.

    Attributes
    ----------
    frame : pandas.DataFrame
        Clean names, numbers as numbers, blanks missing.
    notes : tuple of str
        What was changed.
    written : Mapping of str to pandas.Series
        Columns that may name customers, and named levels of the index, as the table holds them: 007 is not 7.

    Examples
    --------
    >>> Table(pd.DataFrame({"a": [1]})).notes
    ()
    """

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    written: Mapping[str, Any] = field(default_factory=dict)

    def identifiers(self, column: str) -> np.ndarray:
        """The identifiers of a column or index level as text, ``None`` where there is none.

        Parameters
        ----------
        column : str
            One of `written`.

        Examples
        --------
        >>> read_table(pd.DataFrame({"line_id": [7.0, None]})).identifiers("line_id").tolist()
        ['7', None]
        """
        return identifier_text(self.written[column], column)

    def indexed_by(self, column: str) -> Table:
        """The table with the customers of a column, or of an index level, as its index ``customer_id``.

        Parameters
        ----------
        column : str
            One of `written`; it is no column of the result.

        Examples
        --------
        >>> table = read_table(pd.DataFrame({"line_id": ["007"], "bill": [9.9]}))
        >>> table.indexed_by("line_id").frame.index
        Index(['007'], dtype='object', name='customer_id')
        """
        customers = pd.Index(self.identifiers(column), dtype=object, name="customer_id")
        dates = self.frame.index.get_level_values("as_of") if "as_of" in self.frame.index.names else None
        index = customers if dates is None else pd.MultiIndex.from_arrays([dates, customers])
        index = index.set_names(["as_of", "customer_id"]) if isinstance(index, pd.MultiIndex) else index
        frame = self.frame.drop(columns=column, errors="ignore").set_axis(index)
        return replace(self, frame=frame, notes=tuple(n for n in self.notes if not n.startswith(f"{column!r}: ")))


def read_table(place: str | Path | pd.DataFrame, identifier: str | None = None, *, may_be_empty: bool = False) -> Table:
    """Read a CSV (any of ``, ; tab |``), Parquet or Excel file, or take a data frame, and tidy it.

    Every door that takes a flat table reads it here, so that a column means the same in all of them.

    Parameters
    ----------
    place : str, pathlib.Path or pandas.DataFrame
        The file or the frame.
    identifier : str, optional
        A column that names customers, beside those whose names say so: kept as written in ``Table.written``.
    may_be_empty : bool
        Whether a header without rows is a table.

    Raises
    ------
    DataError
        There is no such file, it is of another kind, it cannot be read, or it is empty.

    Examples
    --------
    >>> read_table(pd.DataFrame({"minutes": ["1", "2"]})).frame["minutes"].tolist()
    [1, 2]
    """
    table = _read(place, identifier)
    if not may_be_empty or not table.frame.shape[1]:
        _check_filled(table.frame)
    return table


def _read(place: str | Path | pd.DataFrame, identifier: str | None) -> Table:
    if isinstance(place, pd.DataFrame):
        return _tidied(place, place, identifier)
    path = Path(place)
    _check_readable(path)
    try:
        return _read_file(path, identifier)
    except CustintelError:
        raise
    except (ValueError, KeyError, OSError, BadZipFile) as error:
        kind = path.suffix[1:].lower()
        raise DataError(f"{path.name} cannot be read as {kind}\n  given: {type(error).__name__}: {error}") from error


def _read_file(path: Path, identifier: str | None) -> Table:
    """By its suffix."""
    if path.suffix.lower() == ".parquet":
        frame = pd.read_parquet(path)
        return _tidied(frame, _as_stored(path, frame, identifier), identifier)
    if path.suffix.lower() == ".xlsx":
        return _read_excel(path, identifier)
    return _read_text(path, identifier)


def find_column(frame: pd.DataFrame, name: str, role: str) -> str:
    """The column of that name, forgiving case and spaces; otherwise an error with the nearest names."""
    if name in frame.columns:
        return name
    plain = {_folded(c): str(c) for c in frame.columns}
    asked = _folded(name)
    if asked in plain:
        return plain[asked]
    shown = ", ".join(map(repr, names_of_columns(frame.columns)[:30]))
    hint = header_hint(frame.columns) or _nearest(asked, plain)
    raise DataError(
        f"the table has no {role} column {name!r}\n  allowed: {shown}" + (f"\n  hint: {hint}" if hint else "")
    )


def _nearest(asked: str, plain: Mapping[str, str]) -> str:
    near = [plain[n] for n in difflib.get_close_matches(asked, plain, n=3)]
    return f"did you mean {', '.join(map(repr, near))}?" if near else ""


def _folded(name: object) -> str:
    return " ".join(str(name).lower().split())


def _of_customers(names: Iterable[Any], identifier: str | None) -> list[Any]:
    """Columns that may name customers: by their names, or because the caller says so."""
    asked = None if identifier is None else _folded(identifier)
    return [name for name in names if may_identify(name) or _folded(name) == asked]


def _tidied(frame: pd.DataFrame, stored: pd.DataFrame, identifier: str | None, decimal_comma: bool = False) -> Table:
    """The frame made tidy; its identifiers as they are stored."""
    _check_cells(frame)
    table = clean_table(frame, decimal_comma)
    columns = {" ".join(str(name).split()): stored[name] for name in _of_customers(stored.columns, identifier)}
    named = [(level, str(name)) for level, name in enumerate(frame.index.names) if name is not None]
    levels = {name: frame.index.get_level_values(level) for level, name in named}
    return replace(table, written={**levels, **columns})


def _check_cells(frame: pd.DataFrame) -> None:
    """Refuse columns whose cells hold several values: lists, arrays, mappings, and structs of a Parquet file."""
    named = zip(names_of_columns(frame.columns), frame.items(), strict=True)
    nested = [name for name, (_, column) in named if is_object_dtype(column) and column.map(_is_nested).any()]
    if not nested:
        return
    shown = ", ".join(map(repr, nested[:10])) + (f" and {len(nested) - 10} more" if len(nested) > 10 else "")
    raise DataError(
        f"columns hold lists or structs: {shown}\n"
        "  allowed: numbers, texts, dates, true and false; one value in a cell\n"
        "  hint: make columns of what is inside (a length, a sum, a field each), or leave these columns out"
    )


def _is_nested(cell: object) -> bool:
    return isinstance(cell, (list, tuple, set, dict, np.ndarray))


def _as_stored(path: Path, frame: pd.DataFrame, identifier: str | None) -> pd.DataFrame:
    """Columns of a Parquet file that may name customers: whole numbers with gaps stay whole numbers."""
    names = _of_customers(frame.columns, identifier)
    return pd.read_parquet(path, columns=names, dtype_backend="numpy_nullable") if names else frame[names]


def _check_filled(frame: pd.DataFrame) -> None:
    if frame.empty:
        raise DataError(f"the table is empty\n  given: {len(frame)} rows, {frame.shape[1]} columns")


def _check_readable(path: Path) -> None:
    """The file exists and is of a kind that can be read."""
    if not path.is_file():
        raise DataError(f"no such file: {path}\n  allowed: a file of type {', '.join(_READABLE)}")
    if path.suffix.lower() not in _READABLE:
        raise DataError(f"cannot read {path.name}\n  given: {path.suffix}\n  allowed: {', '.join(_READABLE)}")


def _read_excel(path: Path, identifier: str | None) -> Table:
    """First sheet of a workbook."""
    if find_spec("openpyxl") is None:
        raise MissingExtraError("openpyxl", "excel", "reading .xlsx")
    with pd.ExcelFile(path, engine="openpyxl") as book:
        header = list(pd.read_excel(book, nrows=0).columns)
        frame: pd.DataFrame = pd.read_excel(book, sheet_name=0, **_as_written(header, identifier, object))
    stored = frame[_of_customers(header, identifier)].map(_digits_of_excel)
    return _formulas_restored(_quietly(_tidied(frame, stored, identifier)))


def _digits_of_excel(cell: Any) -> Any:
    """A spreadsheet keeps 15 digits of a number; longer whole numbers are floats that look whole."""
    return float(cell) if isinstance(cell, int) and abs(cell) >= 2**53 else cell


def _as_written(header: Sequence[Any], identifier: str | None, kind: type) -> dict[str, Any]:
    """Keywords of a pandas reader that leave identifiers alone: no numbers, and a customer NA is not missing."""
    customers = _of_customers(header, identifier)
    missing = {name: list(_MISSING) for name in header if name not in customers}
    return {"dtype": dict.fromkeys(customers, kind), "keep_default_na": False, "na_values": missing}


def _read_text(path: Path, identifier: str | None) -> Table:
    """A delimited text file: encoding and separator are found, blanks after separators dropped."""
    text, encoding = _decode(path.read_bytes())
    if not text.strip():
        raise DataError(f"{path.name} is empty")
    separator = find_separator(text)
    header = list(pd.read_csv(io.StringIO(text), sep=separator, skipinitialspace=True, nrows=0).columns)
    how: dict[str, Any] = {"sep": separator, "skipinitialspace": True, "low_memory": False}
    frame: pd.DataFrame = pd.read_csv(io.StringIO(text), **how, **_as_written(header, identifier, str))
    table = _formulas_restored(_quietly(_tidied(frame, frame, identifier, decimal_comma=separator == ";")))
    notes = [f"read with the separator {separator!r}"] if separator != "," else []
    notes += [f"not UTF-8: read as {encoding}"] if encoding != "utf-8-sig" else []
    return replace(table, notes=(*notes, *table.notes))


def _formulas_restored(table: Table) -> Table:
    """Texts as they were before formulas were escaped; after numbers are found, so that an escaped +44 stays a text."""
    written = {str(unescape_formula(name)): column.map(unescape_formula) for name, column in table.written.items()}
    return replace(table, frame=unescape_formulas(table.frame), written=written)


def _quietly(table: Table) -> Table:
    """Without notes on numbers that were text only because they might have been identifiers."""
    usual = {f"{name!r}: {_NUMBERS}" for name in table.written}
    return replace(table, notes=tuple(note for note in table.notes if note not in usual))


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


def clean_table(frame: pd.DataFrame, decimal_comma: bool = False) -> Table:
    """Clean names, strip text, read numbers written as text, make blanks missing; say what was done.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table; it is not changed.
    decimal_comma : bool
        Whether ``1,5`` in a text column is a number.

    Examples
    --------
    >>> clean_table(pd.DataFrame({" a ": [True]})).frame.columns.tolist()
    ['a']
    """
    names, notes = _clean_names(frame.columns)
    if not len(frame):
        return Table(frame.set_axis(names, axis=1), tuple(notes))
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
        shown = dict(zip(clean, names_of_columns(clean), strict=True))
        told = ", ".join(repr(shown[name]) for name in twice)
        raise DataError(f"column names occur twice: {told}\n  hint: {header_hint(clean) or 'rename them'}")
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
        return _whole(numbers), _NUMBERS + _count_lost(lost)
    dates = read_as_dates(text.mask(blank))
    if dates.dates is not None:
        return dates.dates, dates.note
    return text.where(text != "", other=np.nan), dates.note


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
