"""Value tiers month after month: who is in which tier, who is about to move, and who moves.

A customer is placed by the first known value. After that the mean of the last months must be beyond a threshold by the
hysteresis for several months running; then the customer moves, to the nearest of the tiers these months pointed to.
The months of an earlier assignment come first: `checked_months` sees that new months follow them, and
`state_from_history` reads what they say about each customer.

>>> limits = np.array([[600.0]])
>>> monthly = MonthlyValues.of(np.array([[45.0, 80.0, 80.0, 80.0]]))
>>> follow_tiers(monthly, HysteresisRule(limits, smoothing=3, hysteresis=0.1, confirmation=2)).tier.tolist()
[[0, 0, 1, 1]]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from custintel.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence


MONTHS_A_YEAR = 12


@dataclass(frozen=True)
class HysteresisRule:
    """Annual thresholds (segments x tiers above the lowest) and how reluctantly they act."""

    limits: np.ndarray
    smoothing: int
    hysteresis: float
    confirmation: int

    def by_threshold(self, annual: np.ndarray, segment: np.ndarray) -> np.ndarray:
        """The tier of a value by the thresholds alone."""
        return np.asarray((annual[:, None] >= self.limits[segment]).sum(axis=1))

    def target_tier(self, annual: np.ndarray, segment: np.ndarray, tier: np.ndarray) -> np.ndarray:
        """Where a value points to when thresholds must be passed by the hysteresis."""
        limits = self.limits[segment]
        room = self.hysteresis * np.abs(limits)
        up = (annual[:, None] > limits + room).sum(axis=1)
        down = (annual[:, None] >= limits - room).sum(axis=1)
        return np.where(up > tier, up, np.where(down < tier, down, tier))


@dataclass
class TierState:
    """What must be known of each customer before the first month: tier (-1: none), pending move, months here, values.

    `recent` has the values of the ``smoothing - 1`` months before, missing ones as NaN.
    """

    tier: np.ndarray
    pending_months: np.ndarray
    pending_tier: np.ndarray
    months: np.ndarray
    recent: np.ndarray

    @classmethod
    def unknown(cls, customers: int, recent: int) -> Self:
        """Nobody is known yet."""
        zero = np.zeros(customers, dtype=np.int64)
        return cls(zero - 1, zero.copy(), zero - 1, zero.copy(), np.full((customers, recent), np.nan))


@dataclass(frozen=True)
class MonthlyValues:
    """Customers x months: value (NaN: not known), whether here at all, and segment."""

    value: np.ndarray
    here: np.ndarray
    segment: np.ndarray

    @classmethod
    def of(cls, value: np.ndarray) -> Self:
        """Customers of one segment who are here in every month."""
        return cls(value, np.ones(value.shape, dtype=bool), np.zeros(value.shape, dtype=np.int64))


@dataclass(frozen=True)
class TierPaths:
    """Customers x months: annual value, own tier, pending months (up positive) and tier, months here, last move."""

    annual: np.ndarray
    tier: np.ndarray
    pending_months: np.ndarray
    pending_tier: np.ndarray
    months: np.ndarray
    move: np.ndarray


def follow_tiers(monthly: MonthlyValues, rule: HysteresisRule, state: TierState | None = None) -> TierPaths:
    """Every customer's way through the months, from what is known of the time before."""
    now = TierState.unknown(len(monthly.value), rule.smoothing - 1) if state is None else state
    values = np.hstack([now.recent, np.where(monthly.here, monthly.value, np.nan)])
    kept = []
    for k in range(monthly.value.shape[1]):
        here, segment = monthly.here[:, k], monthly.segment[:, k]
        now.months = np.where(here, now.months + 1, 0)
        values[now.months == 1, : k + rule.smoothing - 1] = np.nan  # a life before this one does not count
        annual = _annual(values[:, k : k + rule.smoothing])
        before = now.tier
        _one_month(now, rule, annual, segment)
        move = np.where((before >= 0) & (now.months > 1), np.sign(now.tier - before), 0)
        kept.append((annual, now.tier, now.pending_months, now.pending_tier, now.months, move))
    return TierPaths(*(np.column_stack(columns) for columns in zip(*kept, strict=True)))


def _one_month(now: TierState, rule: HysteresisRule, annual: np.ndarray, segment: np.ndarray) -> None:
    """Bring what is known of the customers to the end of the month."""
    here, known = now.months > 0, np.isfinite(annual)
    tier = np.where(now.months > 1, now.tier, -1)
    pending_months, pending_tier = (
        np.where(now.months > 1, old, new) for old, new in ((now.pending_months, 0), (now.pending_tier, -1))
    )
    placed = here & known & (tier < 0)
    judged = here & known & (tier >= 0)
    points_to = np.where(judged, rule.target_tier(annual, segment, tier), tier)
    direction = np.sign(points_to - tier)
    again = (direction != 0) & (np.sign(pending_months) == direction)
    least = np.where(direction > 0, np.minimum(pending_tier, points_to), np.maximum(pending_tier, points_to))
    pending_tier = np.where(judged, np.where(direction == 0, -1, np.where(again, least, points_to)), pending_tier)
    pending_months = np.where(judged, np.where(again, pending_months, 0) + direction, pending_months)
    moves = judged & (direction != 0) & (np.abs(pending_months) >= rule.confirmation)
    now.tier = np.where(placed, rule.by_threshold(annual, segment), np.where(moves, pending_tier, tier))
    now.pending_months, now.pending_tier = np.where(moves, 0, pending_months), np.where(moves, -1, pending_tier)


def _annual(window: np.ndarray) -> np.ndarray:
    """Twelve times the mean of the known values; NaN where none is known."""
    known = np.isfinite(window)
    count = known.sum(axis=1)
    total = np.where(known, window, 0.0).sum(axis=1)
    return np.asarray(np.where(count > 0, MONTHS_A_YEAR * total / np.maximum(count, 1), np.nan))


_NEEDED = ("customer_id", "month", "value")
_KEPT = (*_NEEDED, "own_tier", "pending", "pending_tier", "months")


def checked_months(monthly: pd.DataFrame, history: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.DatetimeIndex]:
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


def state_from_history(history: pd.DataFrame, customers: pd.Index, names: Sequence[str], smoothing: int) -> TierState:
    """What an earlier assignment says of these customers at its end."""
    frame = history.assign(month=pd.to_datetime(history["month"]))
    end = frame["month"].max()
    last = frame[frame["month"] == end].set_index("customer_id").reindex(customers)
    state = TierState.unknown(len(customers), smoothing - 1)
    state.tier, state.pending_tier = _numbers(last["own_tier"], names), _numbers(last["pending_tier"], names)
    state.pending_months, state.months = (last[key].fillna(0).to_numpy(np.int64) for key in ("pending", "months"))
    for back in range(smoothing - 1):
        month = frame[frame["month"] == end - pd.DateOffset(months=back)].set_index("customer_id")
        _check_long_enough(state.months > back, customers.isin(month.index), smoothing)
        value = month["value"].reindex(customers).to_numpy(np.float64)
        state.recent[:, smoothing - 2 - back] = np.where(state.months > back, value, np.nan)
    return state


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
