"""As-of dates as given by the caller: read, checked against the data, put in order."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, cast

import pandas as pd

from custintel.errors import DateError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AsOf", "check_period", "read_dates"]

AsOf = str | date | pd.Timestamp
"""A day: the question is asked at its end."""


def read_dates(as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex) -> list[date]:
    """The days meant, in the order given.

    >>> read_dates(["2025-06-30", "2025-05-31"])
    [datetime.date(2025, 6, 30), datetime.date(2025, 5, 31)]
    """
    given: list[AsOf] = list(
        cast("Sequence[AsOf]", as_of) if pd.api.types.is_list_like(as_of) else [cast("AsOf", as_of)]
    )
    if not given:
        raise DateError("no as-of date\n  given: []\n  allowed: a day such as '2025-06-30', or a list of days")
    days = [_read_date(one) for one in given]
    twice = sorted({str(day) for day in days if days.count(day) > 1})
    if twice:
        raise DateError(f"as-of dates given twice: {', '.join(twice)}\n  hint: give each date once")
    return days


def _read_date(given: AsOf) -> date:
    moment = _moment(given)
    if moment is None:
        raise DateError(f"an as-of date that cannot be read\n  given: {given!r}\n  allowed: a day such as '2025-06-30'")
    if moment != moment.normalize():
        hint = "features look at what had happened and arrived by the end of a day: give the day alone"
        raise DateError(f"an as-of date with a time of day\n  given: {given}\n  hint: {hint}")
    return moment.date()


def _moment(given: AsOf) -> pd.Timestamp | None:
    try:
        moment = pd.Timestamp(given)
    except (ValueError, TypeError):
        return None
    return None if pd.isna(moment) else moment


def check_period(days: Sequence[date], period: tuple[pd.Timestamp, pd.Timestamp]) -> None:
    """Refuse dates that the data cannot answer."""
    first, last = (moment.date() for moment in period)
    outside = [str(day) for day in days if not first <= day <= last]
    if outside:
        raise DateError(
            f"as-of dates outside the data: {', '.join(outside)}\n"
            f"  allowed: {first} to {last}, the days that the tables cover\n"
            "  hint: after the last day nothing is known yet, and before the first there is nothing to ask"
        )
