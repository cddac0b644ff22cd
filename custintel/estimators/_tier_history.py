"""The months that come in, and what an earlier assignment says of the time before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.errors import DataError
from custintel.estimators._tier_memory import Memory

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["memory_of", "months_of"]

_NEEDED = ("customer_id", "month", "value")
_KEPT = (*_NEEDED, "own_tier", "pending", "pending_tier", "months")


def months_of(monthly: pd.DataFrame, history: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.DatetimeIndex]:
    """The rows in the order of months, and the months, one after the other without a hole.

    Parameters
    ----------
    monthly : DataFrame
        customer_id, month, value.
    history : DataFrame or None
        An earlier assignment, which the months must follow.
    """
    _need(monthly, _NEEDED, "the months")
    if monthly.empty:
        raise DataError("no month of any customer is given")
    first_days = pd.to_datetime(monthly["month"]).dt.to_period("M").dt.to_timestamp()
    frame = monthly.assign(month=first_days).sort_values("month", kind="stable")
    _check_rows(frame)
    months = pd.date_range(frame["month"].iloc[0], frame["month"].iloc[-1], freq="MS")
    holes = months.difference(pd.DatetimeIndex(frame["month"].unique()))
    if len(holes):
        raise DataError(
            f"{len(holes)} months have no customer at all\n  given: {_words(holes)}\n"
            "  hint: a customer without a row has left; a whole month without rows is a hole in the data"
        )
    if history is not None and len(history):
        _check_follows(months[0], history)
    return frame, months


def memory_of(history: pd.DataFrame, customers: pd.Index, names: Sequence[str], smoothing: int) -> Memory:
    """What an earlier assignment says of these customers at its end."""
    frame = history.assign(month=pd.to_datetime(history["month"]))
    end = frame["month"].max()
    last = frame[frame["month"] == end].set_index("customer_id").reindex(customers)
    memory = Memory.blank(len(customers), smoothing - 1)
    memory.own, memory.goal = _numbers(last["own_tier"], names), _numbers(last["pending_tier"], names)
    memory.pending, memory.months = (last[key].fillna(0).to_numpy(np.int64) for key in ("pending", "months"))
    for back in range(smoothing - 1):
        month = frame[frame["month"] == end - pd.DateOffset(months=back)].set_index("customer_id")
        _check_long_enough(memory.months > back, customers.isin(month.index), smoothing)
        value = month["value"].reindex(customers).to_numpy(np.float64)
        memory.recent[:, smoothing - 2 - back] = np.where(memory.months > back, value, np.nan)
    return memory


def _numbers(tiers: pd.Series, names: Sequence[str]) -> np.ndarray:
    """Places of tiers among the names; -1 for none."""
    known = tiers.dropna()
    unknown = sorted(set(known) - set(names))
    if unknown:
        raise DataError(
            f"the history has other tiers\n  given: {', '.join(map(str, unknown))}\n  allowed: {', '.join(names)}"
        )
    return tiers.map({name: k for k, name in enumerate(names)}).fillna(-1).to_numpy(np.int64)


def _check_long_enough(asked: np.ndarray, there: np.ndarray, smoothing: int) -> None:
    if (asked & ~there).any():
        raise DataError(
            f"the history is too short: it lacks values of {int((asked & ~there).sum())} customers\n"
            f"  allowed: the last {smoothing} months that `assign` returned"
        )


def _check_follows(first: pd.Timestamp, history: pd.DataFrame) -> None:
    _need(history, _KEPT, "the history")
    due = pd.to_datetime(history["month"]).max() + pd.offsets.MonthBegin(1)
    if first != due:
        raise DataError(
            f"the months do not follow the history\n  given: {first:%Y-%m} as the first\n  allowed: {due:%Y-%m}\n"
            "  hint: months that are decided already stay as they are; a month left out would make everybody new"
        )


def _check_rows(frame: pd.DataFrame) -> None:
    twice = int(frame.duplicated(["customer_id", "month"]).sum())
    if twice:
        raise DataError(f"{twice} rows repeat a customer and month\n  hint: add up the values of a month first")
    nobody = int(frame["customer_id"].isna().sum())
    if nobody:
        raise DataError(f"{nobody} rows have no customer_id")
    endless = int(np.isinf(frame["value"].to_numpy(np.float64)).sum())
    if endless:
        raise DataError(f"{endless} values are infinite\n  hint: a value that is not known is missing (NaN)")


def _need(frame: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    absent = [name for name in columns if name not in frame]
    if absent:
        raise DataError(f"columns are missing: {', '.join(absent)}\n  given: {what}\n  allowed: {', '.join(columns)}")


def _words(months: pd.DatetimeIndex) -> str:
    shown = ", ".join(f"{month:%Y-%m}" for month in months[:5])
    return shown if len(months) <= 5 else f"{shown}, ..."
