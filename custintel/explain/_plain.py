"""Make facts plain: what JSON can hold, few digits, no NaN, no identity of a customer.

>>> plain({"as_of": pd.Timestamp("2025-06-30"), "auc": np.float64(0.123456789), "none": float("nan")})
{'as_of': '2025-06-30', 'auc': 0.123457, 'none': None}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["plain"]

DIGITS = 6


def plain(value: Any) -> Any:
    """Return the value as dict, list, str, int, float, bool or None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray | pd.Series | pd.Index):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | bool):
        return value
    return _scalar(value)


def _scalar(value: Any) -> Any:
    """Return one number, date or other scalar as JSON can hold it."""
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return _float(float(value))
    if isinstance(value, pd.Timestamp | np.datetime64 | date):
        return _date(pd.Timestamp(value))
    return None if value is pd.NaT or value is pd.NA else str(value)


def _float(value: float) -> float | None:
    """Keep six digits; what is not finite is unknown."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _date(value: Any) -> str | None:
    """Write a date without its midnight."""
    if pd.isna(value):
        return None
    return str(value.date() if value == value.normalize() else value.isoformat(timespec="seconds"))
