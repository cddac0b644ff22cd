"""Reading the values of a column as numbers, dates or text, whatever pandas type they come in.

>>> as_text(pd.Series([1, 2.0, None, "x "], dtype=object)).tolist()
['1', '2', None, 'x']
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["as_number", "as_text", "is_blank", "is_date_text", "read_date", "read_number"]

_DAY = pd.Timedelta(days=1)
_SECONDS = 86_400
_DATE_PATTERN = r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"


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
    words = np.array([*(_word(v) for v in uniques), None], dtype=object)
    return pd.Series(words[codes], index=values.index, dtype=object)


def is_blank(text: pd.Series) -> pd.Series:
    """Missing or empty after stripping."""
    return text.isna() | (text == "")


def is_date_text(present: pd.Series) -> bool:
    """Whether (almost) all texts look like ISO dates."""
    return bool(present.str.fullmatch(_DATE_PATTERN).mean() >= 0.95)


def _word(value: Any) -> str:
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
