"""The columns that rules read: a customer table as a matrix for mining, read as numbers, and the types of columns.

In the matrix, numbers stay as they are and each frequent level of a category becomes a column.

>>> matrix = FeatureMatrix.from_table(pd.DataFrame({"minutes": [1.0, 2.0, None] * 10, "plan": ["S", "M", "S"] * 10}))
>>> [c.text(0.5, ">") for c in matrix.columns]
['minutes > 0.5', "plan = 'S'"]
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from custintel.catalogue import Catalogue
from custintel.errors import DataError
from custintel.learners.feature_contract import MIN_LEVEL_COUNT, learn_contract
from custintel.rules.rule_condition import Condition

if TYPE_CHECKING:
    from custintel.expressions.check_types import ValueType
    from custintel.learners.feature_contract import Column


_MOST_LEVELS = 25
Side = Literal[">", "<="]


@dataclass(frozen=True)
class MatrixColumn:
    """One column of numbers: a feature, or whether a feature has one of its values."""

    name: str
    level: str | None = None
    is_bool: bool = False

    def condition(self, limit: float, side: Side) -> Condition:
        """The condition of the language that a cut of this column stands for."""
        subject = _quoted(self.name)
        if self.level is not None:
            return Condition(subject, "=" if side == ">" else "<>", self.level)
        if self.is_bool:
            return Condition(subject, "=", side == ">")
        return Condition(subject, side, float(limit))

    def text(self, limit: float, side: Side) -> str:
        """The condition as text."""
        return self.condition(limit, side).text


@dataclass(frozen=True)
class FeatureMatrix:
    """The columns and their values (rows x columns, float32, NaN where missing)."""

    columns: tuple[MatrixColumn, ...]
    values: np.ndarray

    @classmethod
    def from_table(
        cls, X: pd.DataFrame, forbidden: Iterable[str] = (), min_level_count: int = MIN_LEVEL_COUNT
    ) -> FeatureMatrix:
        """Columns of a table, without forbidden ones, identifiers, constants and dates, and without rare levels."""
        banned = {str(name) for name in forbidden}
        contract = learn_contract(X, min_level_count, forbidden=banned)
        unknown = sorted(banned - set(contract.names))
        if unknown:
            raise DataError(f"forbidden columns that the table does not have: {', '.join(unknown)}")
        used = [c for c in contract.used if c.kind != "date"]
        if not used:
            raise DataError("no column is left that rules could use\n  hint: rules read numbers and categories")
        columns: list[MatrixColumn] = []
        parts: list[np.ndarray] = []
        for column in used:
            if column.kind == "category":
                found = _levels(column.name, column.encode(X[column.name])[0], column)
            else:
                is_bool = bool(pd.api.types.is_bool_dtype(X[column.name].dtype))
                found = [(MatrixColumn(column.name, None, is_bool), column.encode(X[column.name])[0])]
            columns += [c for c, _ in found]
            parts += [np.asarray(v, dtype=np.float64) for _, v in found]
        return cls(tuple(columns), np.asfortranarray(np.column_stack(parts)))


def prepare_table(X: pd.DataFrame, forbidden: Iterable[str] = ()) -> tuple[pd.DataFrame, list[str]]:
    """The table with texts that are numbers made numbers, so that rules can compare them; and their names."""
    contract = learn_contract(X, forbidden=set(forbidden))
    texts = [c.name for c in contract.used if c.kind == "number" and not pd.api.types.is_numeric_dtype(X[c.name].dtype)]
    return read_as_numbers(X, texts), texts


def read_as_numbers(X: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Some columns read as numbers, unreadable values missing; categories as texts."""
    changed: dict[str, Any] = {name: pd.to_numeric(X[name], errors="coerce") for name in names}
    for name in X.columns:
        if isinstance(X[name].dtype, pd.CategoricalDtype) and name not in changed:
            changed[str(name)] = X[name].astype(object)
    return X.assign(**changed) if changed else X


def _levels(name: str, codes: np.ndarray, column: Column) -> list[tuple[MatrixColumn, np.ndarray]]:
    """One column for each frequent value; two values need one column. No rule names a rare value."""
    known = codes[~np.isnan(codes)].astype(np.int64)
    counts = np.bincount(known, minlength=len(column.categories))[: len(column.levels)]
    frequent = np.argsort(-counts, kind="stable")[: 1 if len(column.categories) == 2 else _MOST_LEVELS]
    missing = np.isnan(codes)
    return [
        (MatrixColumn(name, column.levels[k]), np.where(missing, np.nan, (codes == k).astype(np.float64)))
        for k in frequent
    ]


def _quoted(name: str) -> str:
    """A column's name as the language writes it."""
    plain = _PLAIN.fullmatch(name) and name not in _WORDS
    return name if plain else '"' + name.replace('"', '""') + '"'


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset({"and", "or", "not", "in", "is", "null", "case", "when", "then", "else", "end", "between", "true",
                    "false", "select", "from", "where", "date", "cast", "distinct", "as"})  # fmt: skip


ColumnSource: TypeAlias = pd.DataFrame | Catalogue | Iterable[str]


def column_types(given: ColumnSource) -> dict[str, ValueType | None]:
    """Names and types of the columns of a table or catalogue; of names alone no types.

    Texts are read as numbers where a rule compares them with numbers.

    >>> column_types(pd.DataFrame({"minutes": [1.5], "abroad": [True], "plan": ["S"]}))
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
