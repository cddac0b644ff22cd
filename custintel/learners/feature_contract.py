"""The feature contract: what each column of a customer table is, learned once and applied at every scoring.

First stands the contract and how it is learned, then how the values of a column are read as numbers, dates or text. A
column is a *number*, a *date*, a *category*, or it is left out (*constant*, *empty*, *identifier*):

>>> table = pd.DataFrame({"plan": ["S", "M", "S"], "bill": ["12.5", " ", "9"], "roaming": [True, False, True]})
>>> contract = learn_contract(table, min_level_count=1)
>>> [(c.name, c.kind) for c in contract.columns]
[('plan', 'category'), ('bill', 'number'), ('roaming', 'number')]

The table becomes a matrix of floats; whatever is missing or unreadable is NaN:

>>> contract.encode(table)
array([[ 1. , 12.5,  1. ],
       [ 0. ,  nan,  0. ],
       [ 1. ,  9. ,  1. ]])

A level of a category that fewer than `min_level_count` customers have (10 unless told otherwise) is pooled with the
other rare ones: what few customers have in common is their personal data, and no model keeps it. Levels that were never
seen belong to the same pool; where training had none, they are missing.

>>> plans = pd.DataFrame({"plan": ["S"] * 12 + ["M"] * 11 + ["family Smith"]})
>>> learn_contract(plans).columns[0].categories
('M', 'S', '(other)')
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from custintel.errors import DataError, Problem, QualityWarning, raise_problems
from custintel.identifiers import differ_in_most_rows, header_hint, identify_rows, names_of_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


MIN_LEVEL_COUNT = 10
Kind = Literal["number", "date", "category", "constant", "empty", "identifier", "forbidden"]
_POOL = "(other)"
_USED = ("number", "date", "category")
_MOST_CATEGORIES = 250
_NUMBER_SHARE = 0.95
_UNSEEN_SHARE = 0.01
_STRANGE_SHARE = 0.10
_DAY = pd.Timedelta(days=1)
_SECONDS = 86_400
_DATE_PATTERN = r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
_ALL_NEEDED = "the table needs all columns of the training table; their order does not matter"


@dataclass(frozen=True)
class Column:
    """One column: its kind, its categories in the order of their codes, the range seen in training.

    The range is that of all but a few customers: `min_level_count` have `low` or less, and as many `high` or more.

    With `pooled_levels` the last category is the pool of rare levels: how many there were, and the share of the rows
    that had one of them.
    """

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    missing: int = 0
    unreadable: int = 0
    pooled_levels: int = 0
    pooled_share: float = 0.0

    @property
    def levels(self) -> tuple[str, ...]:
        """The categories without the pool of rare ones."""
        return self.categories[:-1] if self.pooled_levels else self.categories

    @property
    def used(self) -> bool:
        """Whether the models read this column."""
        return self.kind in _USED

    def encode(self, values: pd.Series) -> tuple[np.ndarray, int]:
        """Floats for the models, and how many values could not be read or were never seen in training."""
        if self.kind == "category":
            return _codes(values, self)
        if self.kind == "date":
            return read_date(values)
        return read_number(values)


class EncodedTable(NamedTuple):
    """A customer table, its contract and its matrix: several estimators learn from it, and it is encoded once."""

    table: pd.DataFrame
    contract: FeatureContract
    matrix: np.ndarray


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
                f"  given: {', '.join(names_of_columns(table.columns)[:20])}{', ...' if table.shape[1] > 20 else ''}\n"
                f"  hint: {header_hint(table.columns) or _ALL_NEEDED}"
            )


def learn_contract(
    table: pd.DataFrame,
    min_level_count: int = MIN_LEVEL_COUNT,
    customers: Any = None,
    forbidden: Collection[str] = (),
) -> FeatureContract:
    """Learn the kinds, categories and ranges of all columns; warn about what is left out or unreadable.

    Parameters
    ----------
    table : DataFrame
        One row a customer, or a customer and a date.
    min_level_count : int
        Levels of a category that fewer customers have are pooled.
    customers : array-like, optional
        Customer of each row; otherwise the level ``customer_id`` of the index, if it has one, or each row for itself.
    forbidden : collection of str
        Columns that nothing is learned from and nothing is kept of.

    Raises
    ------
    ConfigurationError
        When `min_level_count` is below 1.
    """
    if min_level_count < 1:
        raise_problems([Problem("min_level_count", "too small", str(min_level_count), "1 or more")])
    k_anonymity = _KAnonymity(min_level_count, _customers(table, customers))
    contract = FeatureContract(
        tuple(
            Column(str(name), "forbidden") if name in forbidden else _learn_column(str(name), table[name], k_anonymity)
            for name in table.columns
        )
    )
    _warn_left_out(contract)
    _warn_unreadable(contract)
    return contract


@dataclass(frozen=True)
class _KAnonymity:
    """How many customers make a level frequent, and the customer of each row (None: one row each)."""

    least: int
    customers: np.ndarray | None

    def frequent(self, present: pd.Series, rows: np.ndarray) -> pd.Series:
        """Rows of each level that enough customers have."""
        counts = present.value_counts()
        counts = counts[counts >= self.least]
        if self.customers is None or counts.empty or self.least == 1:
            return counts
        holders = pd.Series(self.customers[rows]).groupby(present.to_numpy()).nunique()
        return counts[holders.reindex(counts.index).to_numpy() >= self.least]

    def range(self, numbers: np.ndarray) -> tuple[float | None, float | None]:
        """The values that enough customers are at or below, and at or above: the extremes belong to one person.

        None where so few customers have a value that the two would cross.
        """
        given = ~np.isnan(numbers)
        values = pd.Series(numbers[given])
        own = None if self.customers is None else values.groupby(self.customers[given])
        lowest = np.sort(values if own is None else own.min())
        highest = np.sort(values if own is None else own.max())
        if len(lowest) < 2 * self.least:
            return None, None
        return float(lowest[self.least - 1]), float(highest[-self.least])


def _customers(table: pd.DataFrame, given: Any) -> np.ndarray | None:
    if given is None and "customer_id" in table.index.names:
        given = table.index.get_level_values("customer_id")
    if given is None:
        return None
    codes = pd.factorize(np.asarray(given))[0]
    return None if codes.max(initial=0) == len(codes) - 1 else codes


def _learn_column(name: str, values: pd.Series, k_anonymity: _KAnonymity) -> Column:
    numbers = as_number(values)
    if numbers is not None:
        if identify_rows(values):
            return Column(name, "identifier", missing=int(np.isnan(numbers).sum()))
        kind: Kind = "date" if pd.api.types.is_datetime64_any_dtype(values.dtype) else "number"
        return _learn_number(name, kind, (numbers, 0), k_anonymity)
    return _learn_text(name, values, k_anonymity)


def _learn_number(name: str, kind: Kind, read: tuple[np.ndarray, int], k_anonymity: _KAnonymity) -> Column:
    numbers, unreadable = read
    missing = int(np.isnan(numbers).sum())
    if missing == len(numbers):
        return Column(name, "empty", missing=missing)
    constant = missing == 0 and float(numbers.min()) == float(numbers.max())
    low, high = k_anonymity.range(numbers)
    return Column(name, "constant" if constant else kind, (), low, high, missing, unreadable)


def _learn_text(name: str, values: pd.Series, k_anonymity: _KAnonymity) -> Column:
    text = as_text(values)
    present = text[~is_blank(text)]
    if not isinstance(values.dtype, pd.CategoricalDtype) and len(present):
        if identify_rows(present):  # before they become numbers
            return Column(name, "identifier", missing=len(text) - len(present))
        numbers = pd.to_numeric(present, errors="coerce")
        if numbers.notna().mean() >= _NUMBER_SHARE:
            return _learn_number(name, "number", read_number(values), k_anonymity)
        if is_date_text(present):
            return _learn_number(name, "date", read_date(values), k_anonymity)
    return _learn_category(name, text, k_anonymity)


def _learn_category(name: str, text: pd.Series, k_anonymity: _KAnonymity) -> Column:
    filled = ~is_blank(text).to_numpy()
    present = text[filled]
    levels, missing = present.nunique(), len(text) - len(present)
    if not levels:
        return Column(name, "empty", missing=missing)
    if differ_in_most_rows(levels, len(present)):
        return Column(name, "identifier", missing=missing)
    counts = k_anonymity.frequent(present, filled).drop(_POOL, errors="ignore")
    # ties by name, so that the categories do not depend on the order of the rows
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:_MOST_CATEGORIES]
    kept = tuple(sorted(str(value) for value, _ in ranked))
    pooled = levels - len(kept)
    share = (len(present) - sum(count for _, count in ranked)) / len(text)
    categories = (*kept, _POOL) if pooled else kept
    kind: Kind = "constant" if len(categories) == 1 and missing == 0 else "category"
    return Column(name, kind, categories, missing=missing, pooled_levels=pooled, pooled_share=share)


def _codes(values: pd.Series, column: Column) -> tuple[np.ndarray, int]:
    """Codes of the levels, and how many were never seen; those in the pool only where they are far more than before."""
    text = as_text(values)
    codes = pd.Index(column.levels, dtype=object).get_indexer(pd.Index(text, dtype=object)).astype(np.float64)
    strange = (codes < 0) & ~is_blank(text).to_numpy()
    codes[codes < 0] = np.nan
    unseen = int(strange.sum())
    if column.pooled_levels:
        codes[strange] = len(column.levels)
        usual = (3 * column.pooled_share + _STRANGE_SHARE) * len(text)
        unseen = unseen if unseen > usual else 0
    return codes, unseen


def _warn_unread(unread: dict[str, int], rows: int) -> None:
    told = ", ".join(f"{name} ({count} of {rows})" for name, count in unread.items())
    warnings.warn(
        f"values never seen in training or unreadable are treated as missing or rare: {told}",
        QualityWarning,
        stacklevel=4,
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


# --- reading the values of a column, whatever pandas type they come in


def as_number(values: pd.Series) -> np.ndarray | None:
    """Floats with NaN for missing and infinite values; None when the type is not numeric, boolean or temporal."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return None
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return _days(values)
    if pd.api.types.is_timedelta64_dtype(dtype):
        return _finite(values.dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan) / _SECONDS)
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        return _finite(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return _from_objects(values)


def read_number(values: pd.Series) -> tuple[np.ndarray, int]:
    """Floats, and how many values that are neither missing nor blank could not be read."""
    numbers = as_number(values)
    if numbers is not None:
        return numbers, 0
    text = as_text(values)
    found = _finite(pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan))
    return found, int((np.isnan(found) & ~is_blank(text).to_numpy()).sum())


def read_date(values: pd.Series) -> tuple[np.ndarray, int]:
    """Days since 1970-01-01, and how many values that are neither missing nor blank could not be read."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return _days(values), 0
    text = as_text(values)
    dates = pd.to_datetime(text.where(~is_blank(text)), errors="coerce", format="ISO8601")
    days = _days(dates)
    return days, int((np.isnan(days) & ~is_blank(text).to_numpy()).sum())


def as_text(values: pd.Series) -> pd.Series:
    """Text without outer blanks, None for missing; 2 and 2.0 and "2" read the same."""
    codes, uniques = pd.factorize(values)
    words = np.array([*(_cell_text(v) for v in uniques), None], dtype=object)
    return pd.Series(words[codes], index=values.index, dtype=object)


def is_blank(text: pd.Series) -> pd.Series:
    """Missing or empty after stripping."""
    return text.isna() | (text == "")


def is_date_text(present: pd.Series) -> bool:
    """Whether (almost) all texts look like ISO dates."""
    return bool(present.str.fullmatch(_DATE_PATTERN).mean() >= 0.95)


def _cell_text(value: Any) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return str(value).strip()


def _from_objects(values: pd.Series) -> np.ndarray | None:
    if values.dtype != object:
        return None
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in ("integer", "floating", "mixed-integer-float", "boolean", "decimal", "empty"):
        return _finite(pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan))
    if kind in ("datetime64", "datetime", "date"):
        return _days(pd.to_datetime(values, errors="coerce"))
    return None


def _days(values: pd.Series) -> np.ndarray:
    plain = values.dt.tz_localize(None) if values.dt.tz is not None else values
    return ((plain - pd.Timestamp(0)) / _DAY).to_numpy(dtype=np.float64, na_value=np.nan)


def _finite(numbers: np.ndarray) -> np.ndarray:
    if np.isinf(numbers).any():
        numbers = np.where(np.isinf(numbers), np.nan, numbers)
    return numbers
