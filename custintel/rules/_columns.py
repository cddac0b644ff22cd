"""The columns that a rule may read, with their types as far as they are known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import pandas as pd

from custintel.catalogue import Catalogue

if TYPE_CHECKING:
    from custintel.expressions import ValueType

__all__ = ["Columns", "known_columns"]

Columns: TypeAlias = pd.DataFrame | Catalogue | Iterable[str]


def known_columns(given: Columns) -> dict[str, ValueType | None]:
    """Names and types of the columns of a table or catalogue; of names alone no types.

    Texts are read as numbers where a rule compares them with numbers.

    >>> known_columns(pd.DataFrame({"minutes": [1.5], "abroad": [True], "plan": ["S"]}))
    {'minutes': 'number', 'abroad': 'condition', 'plan': 'text'}
    """
    if isinstance(given, pd.DataFrame):
        return {str(name): _type_of(given[name]) for name in given.columns}
    if isinstance(given, Catalogue):
        return {entry.column: None for entry in given.entries()}
    return {str(name): None for name in given}


def _type_of(column: pd.Series) -> ValueType | None:
    if pd.api.types.is_bool_dtype(column.dtype):
        return "condition"
    if pd.api.types.is_numeric_dtype(column.dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "date"
    found = pd.api.types.infer_dtype(column, skipna=True)
    return "condition" if found == "boolean" else "text" if found in ("string", "categorical") else None
