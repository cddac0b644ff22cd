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

    Texts and categories have no type here: where a rule orders them, they are read as numbers.

    >>> known_columns(pd.DataFrame({"minutes": [1.5], "abroad": [True], "plan": ["S"]}))
    {'minutes': 'number', 'abroad': 'condition', 'plan': None}
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
    return "date" if pd.api.types.is_datetime64_any_dtype(column.dtype) else None
