"""Which column of a flat table names the customers: asked for, recorded in training, or found by its name.

>>> import pandas as pd
>>> from custintel.training.read_table import read_table
>>> table = read_table(pd.DataFrame({"bill": [9.5, 7.0], "msisdn": ["0044", "0045"]}))
>>> who = customer_column_for_scoring(table)
>>> who.column, who.note
('msisdn', "customer_id is the column 'msisdn', recognised by its name (another one: id_column=, --id-column)")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from custintel.identifiers import are_identifiers, known_identifier, may_identify
from custintel.training.read_table import find_column

if TYPE_CHECKING:
    from collections.abc import Collection

    from custintel.training.read_table import Table


_NAMES_THE_ROW = 0.9
_FEW = 30  # of fewer rows nearly all are different in any column
_OTHER = "(another one: id_column=, --id-column)"


@dataclass(frozen=True)
class CustomerColumn:
    """The column or index level that names the customers (None: the row number does), and how that was decided."""

    column: str | None
    note: str = ""


def customer_column_for_training(table: Table, asked: str | None, target: str) -> CustomerColumn:
    """The given column; one with a well-known name; or one that is named like an identifier and almost unique."""
    if asked is not None:
        return CustomerColumn(_asked(table, asked))
    columns = [name for name in table.written if name != target and not _is_measure(table.written[name])]
    found = known_identifier(columns)
    if found is None:
        found = next((n for n in columns if may_identify(n) and nearly_unique(table.written[n])), None)
    if found is None:
        return CustomerColumn(None)
    return CustomerColumn(found, f"{found!r} names the customers and is no feature {_OTHER}")


def customer_column_for_scoring(
    table: Table, asked: str | None = None, recorded: str | None = None, features: Collection[str] = ()
) -> CustomerColumn:
    """The given column, the one that training found, one with a well-known name, the labels of an index, or none.

    Parameters
    ----------
    table : Table
        As `read_table` gives it; `asked` or `recorded` must have been named there.
    asked : str, optional
        What the user says.
    recorded : str, optional
        What the model knows from its training.
    features : collection of str
        Columns that the model learned from: they are nobody's name unless asked for.
    """
    if asked is not None:
        given = _asked(table, asked)
        return CustomerColumn(given, f"customer_id is the column {given!r}, as asked")
    known = None if recorded is None else _like(table, recorded)
    if known is not None:
        return CustomerColumn(known, f"customer_id is the column {known!r}, as in training {_OTHER}")
    found = known_identifier(name for name in table.written if name not in features)
    if found is not None:
        return CustomerColumn(found, f"customer_id is the column {found!r}, recognised by its name {_OTHER}")
    gone = "" if recorded is None else f" (the column {recorded!r} of training is not there)"
    return CustomerColumn(None, _of_index(table.frame.index) + gone)


def other_identifiers(frame: pd.DataFrame) -> list[str]:
    """Columns beside the one that names the customers that would name them, too: they are no features.

    >>> lines = range(880000831495, 880000831545)
    >>> other_identifiers(pd.DataFrame({"bill": [i % 7 for i in range(50)], "IMEI": 1, "line": lines}))
    ['IMEI', 'line']
    """
    return [str(name) for name in frame.columns if _identifies(name, frame[name])]


def _identifies(name: object, column: pd.Series) -> bool:
    if _is_measure(column):
        return False
    if known_identifier([name]) is not None:
        return True
    if len(column) < _FEW:
        return False
    return (may_identify(name) and nearly_unique(column)) or are_identifiers(column)


def nearly_unique(column: pd.Series | pd.Index) -> bool:
    """Whether nearly every row has a value of its own."""
    return float(column.nunique()) / max(len(column), 1) >= _NAMES_THE_ROW


def _asked(table: Table, name: str) -> str:
    """The column that the user means, which may be a level of the index."""
    return _like(table, name) or find_column(table.frame, name, "id")


def _like(table: Table, name: str) -> str | None:
    """A column or level of that name in `written`, forgiving case and spaces."""
    plain = {" ".join(known.lower().split()): known for known in reversed(list(table.written))}
    return name if name in table.written else plain.get(" ".join(name.lower().split()))


def _is_measure(column: pd.Series | pd.Index) -> bool:
    """Numbers with a fraction measure something, moments date something; they name nobody."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return True
    if not pd.api.types.is_float_dtype(column.dtype):
        return False
    return bool((pd.Series(column).dropna() % 1 != 0).any())


def _of_index(index: pd.Index) -> str:
    if isinstance(index, pd.RangeIndex):
        return "customer_id is the row number: no column names the customers (id_column= or --id-column names one)"
    return "customer_id is the label of the index: no column names the customers (id_column= names one)"
