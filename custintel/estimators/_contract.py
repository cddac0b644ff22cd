"""The feature contract: what each column of a customer table is, learned once and applied at every scoring.

A column is a *number*, a *date*, a *category*, or it is left out (*constant*, *empty*, *identifier*):

>>> table = pd.DataFrame({"plan": ["S", "M", "S"], "bill": ["12.5", " ", "9"], "roaming": [True, False, True]})
>>> [(c.name, c.kind) for c in learn_contract(table).columns]
[('plan', 'category'), ('bill', 'number'), ('roaming', 'number')]

The table becomes a matrix of floats; whatever is missing, unreadable or unseen is NaN:

>>> learn_contract(table).encode(table)
array([[ 1. , 12.5,  1. ],
       [ 0. ,  nan,  0. ],
       [ 1. ,  9. ,  1. ]])
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from custintel.errors import DataError, QualityWarning
from custintel.estimators._reading import as_number, as_text, is_blank, is_date_text, read_date, read_number

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Column", "FeatureContract", "learn_contract"]

Kind = Literal["number", "date", "category", "constant", "empty", "identifier"]
_USED = ("number", "date", "category")
_MOST_CATEGORIES = 250
_NUMBER_SHARE = 0.95
_IDENTIFIER_SHARE = 0.9
_IDENTIFIER_ROWS = 50
_UNSEEN_SHARE = 0.01


@dataclass(frozen=True)
class Column:
    """One column: its kind, its categories in the order of their codes, the range seen in training."""

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    missing: int = 0
    unreadable: int = 0

    @property
    def used(self) -> bool:
        """Whether the models read this column."""
        return self.kind in _USED

    def encode(self, values: pd.Series) -> tuple[np.ndarray, int]:
        """Floats for the models, and how many values could not be read or were never seen in training."""
        if self.kind == "category":
            return _codes(values, self.categories)
        if self.kind == "date":
            return read_date(values)
        return read_number(values)


@dataclass(frozen=True)
class FeatureContract:
    """All columns of the table a model was fitted on, in their order."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """Names of all columns."""
        return [c.name for c in self.columns]

    @property
    def used(self) -> tuple[Column, ...]:
        """The columns that the models read."""
        return tuple(c for c in self.columns if c.used)

    def encode(self, table: pd.DataFrame, dtype: type[np.floating[Any]] = np.float64) -> np.ndarray:
        """Turn a table into the matrix of the used columns, matched by name."""
        self._check_present(table)
        matrix = np.empty((len(table), len(self.used)), dtype=dtype, order="F")
        unread: dict[str, int] = {}
        for i, column in enumerate(self.used):
            matrix[:, i], count = column.encode(table[column.name])
            if count > _UNSEEN_SHARE * len(table):
                unread[column.name] = count
        if unread:
            _warn_unread(unread, len(table))
        return matrix

    def to_state(self) -> list[dict[str, Any]]:
        """Plain data for the artifact."""
        return [asdict(c) for c in self.columns]

    @classmethod
    def from_state(cls, state: list[Mapping[str, Any]]) -> FeatureContract:
        """Read back what `to_state` gave."""
        return cls(tuple(Column(**{**c, "categories": tuple(c["categories"])}) for c in state))

    def _check_present(self, table: pd.DataFrame) -> None:
        absent = [c.name for c in self.used if c.name not in table.columns]
        if absent:
            raise DataError(
                f"{len(absent)} column(s) of the model are missing in the table: {', '.join(absent)}\n"
                f"  given: {', '.join(map(str, table.columns[:20]))}{', ...' if table.shape[1] > 20 else ''}\n"
                "  hint: the table needs all columns of the training table; their order does not matter"
            )


def learn_contract(table: pd.DataFrame) -> FeatureContract:
    """Learn the kinds, categories and ranges of all columns; warn about what is left out or unreadable."""
    contract = FeatureContract(tuple(_learn_column(str(name), table[name]) for name in table.columns))
    _warn_left_out(contract)
    _warn_unreadable(contract)
    return contract


def _learn_column(name: str, values: pd.Series) -> Column:
    numbers = as_number(values)
    if numbers is not None:
        kind: Kind = "date" if pd.api.types.is_datetime64_any_dtype(values.dtype) else "number"
        return _learn_number(name, kind, numbers, 0)
    return _learn_text(name, values)


def _learn_number(name: str, kind: Kind, numbers: np.ndarray, unreadable: int) -> Column:
    missing = int(np.isnan(numbers).sum())
    if missing == len(numbers):
        return Column(name, "empty", missing=missing)
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    constant = low == high and missing == 0
    return Column(name, "constant" if constant else kind, (), low, high, missing, unreadable)


def _learn_text(name: str, values: pd.Series) -> Column:
    text = as_text(values)
    present = text[~is_blank(text)]
    if not isinstance(values.dtype, pd.CategoricalDtype) and len(present):
        numbers = pd.to_numeric(present, errors="coerce")
        if numbers.notna().mean() >= _NUMBER_SHARE:
            encoded, unreadable = read_number(values)
            return _learn_number(name, "number", encoded, unreadable)
        if is_date_text(present):
            return _learn_number(name, "date", *read_date(values))
    return _learn_category(name, text, present)


def _learn_category(name: str, text: pd.Series, present: pd.Series) -> Column:
    counts = present.value_counts()
    missing = len(text) - len(present)
    if counts.empty:
        return Column(name, "empty", missing=missing)
    if len(present) >= _IDENTIFIER_ROWS and len(counts) > _IDENTIFIER_SHARE * len(present):
        return Column(name, "identifier", missing=missing)
    # ties by name, so that the categories do not depend on the order of the rows
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    kept = tuple(sorted(str(value) for value, _ in ranked[:_MOST_CATEGORIES]))
    constant = len(kept) == 1 and missing == 0
    return Column(name, "constant" if constant else "category", kept, missing=missing)


def _codes(values: pd.Series, categories: tuple[str, ...]) -> tuple[np.ndarray, int]:
    text = as_text(values)
    codes = pd.Index(categories).get_indexer(pd.Index(text)).astype(np.float64)
    codes[codes < 0] = np.nan
    unseen = int((np.isnan(codes) & ~is_blank(text).to_numpy()).sum())
    return codes, unseen


def _warn_unread(unread: dict[str, int], rows: int) -> None:
    told = ", ".join(f"{name} ({count} of {rows})" for name, count in unread.items())
    warnings.warn(
        f"values never seen in training or unreadable are treated as missing: {told}", QualityWarning, stacklevel=4
    )


def _warn_left_out(contract: FeatureContract) -> None:
    names = [c.name for c in contract.columns if c.kind == "identifier"]
    if names:
        warnings.warn(
            f"left out, because almost every row has its own value: {', '.join(names)}\n"
            "  hint: drop identifiers, or make them the index of the table",
            QualityWarning,
            stacklevel=4,
        )


def _warn_unreadable(contract: FeatureContract) -> None:
    told = ", ".join(f"{c.name} ({c.unreadable})" for c in contract.columns if c.unreadable)
    if told:
        message = f"values that are not numbers or dates are treated as missing: {told}"
        warnings.warn(message, QualityWarning, stacklevel=4)
