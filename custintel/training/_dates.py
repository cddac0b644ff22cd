"""The out-of-time split: train on dates whose labels were known on the test date, test on the last labelled date.

With a gap of 15 days, a horizon of 60 and a silence of 30 days, a label is known 105 days after its date:

>>> dates = pd.date_range("2025-02-28", periods=7, freq="ME")
>>> split = split_in_time(dates, known_after=105)
>>> [str(date.date()) for date in split.train], str(split.test.date())
(['2025-02-28', '2025-03-31', '2025-04-30'], '2025-08-31')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from custintel.errors import DateError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TimeSplit", "months_needed", "split_in_time"]


@dataclass(frozen=True)
class TimeSplit:
    """As-of dates to learn from, and the one to be judged on."""

    train: tuple[pd.Timestamp, ...]
    test: pd.Timestamp


def split_in_time(dates: Sequence[pd.Timestamp], known_after: int, history_days: int = 60) -> TimeSplit:
    """Split labelled dates; a train date is at least `known_after` days before the test date."""
    ordered = sorted(pd.Timestamp(date) for date in dates)
    if ordered:
        latest = ordered[-1] - pd.Timedelta(days=known_after)
        train = tuple(date for date in ordered if date <= latest)
        if train:
            return TimeSplit(train, ordered[-1])
    raise DateError(_too_short(ordered, known_after, history_days))


def months_needed(known_after: int, history_days: int) -> int:
    """Calendar months of data from which one train date and one test date are possible.

    The first as-of date needs `history_days` before it, its label `known_after` days to the test date, and the test
    date's label as many days again; dates stand at month ends, so up to a month is lost at each.

    >>> months_needed(known_after=105, history_days=60)
    11
    """
    start = pd.Timestamp("2025-01-01")  # a February counts against us
    first = _month_end(start + pd.Timedelta(days=history_days - 1))
    test = _month_end(first + pd.Timedelta(days=known_after))
    end = test + pd.Timedelta(days=known_after)
    return (end.year - start.year) * 12 + end.month - start.month + 1


def _month_end(date: pd.Timestamp) -> pd.Timestamp:
    return date + pd.offsets.MonthEnd(0)


def _too_short(dates: Sequence[pd.Timestamp], known_after: int, history_days: int) -> str:
    """Message for a history that does not allow an out-of-time test."""
    given = ", ".join(str(date.date()) for date in dates) or "none"
    return (
        "the data are too short for an out-of-time test\n"
        f"  given: as-of dates with closed labels: {given}\n"
        f"  allowed: a test date at least {known_after} days after a train date (its labels are known by then)\n"
        f"  hint: about {months_needed(known_after, history_days)} months of data are needed "
        f"({history_days} days of history, then twice {known_after} days until a label is known)"
    )
