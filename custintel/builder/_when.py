"""As-of dates as given by the caller: read, checked against the data, put in order."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, cast

import pandas as pd

from custintel.errors import DateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from custintel.catalogue import Entry

__all__ = ["AsOf", "check_period", "date_batches", "read_dates"]

AsOf = str | date | pd.Timestamp
"""A day: the question is asked at its end."""

BUCKETS = 120
"""Time buckets of one plan: the bucket of a record is looked for edge by edge."""


def date_batches(days: Iterable[date], entries: Iterable[Entry]) -> Iterator[list[date]]:
    """The dates in ascending order, cut so that the windows of no family make more buckets than one plan can hold.

    >>> from custintel.catalogue import Catalogue
    >>> days = [date(2025, 1, 1 + n) for n in range(31)]
    >>> [len(batch) for batch in date_batches(days, Catalogue.load(families=["usage"]).entries())]
    [30, 1]
    """
    windows: dict[str, set[int]] = {}
    for entry in entries:
        if entry.kind != "derived":
            windows.setdefault(entry.family, set()).add(entry.window or 0)
    size = max(1, BUCKETS // (1 + max(map(len, windows.values()), default=0)))
    ordered = sorted(days)
    yield from (ordered[start : start + size] for start in range(0, len(ordered), size))


def read_dates(as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex, repeated: bool = False) -> list[date]:
    """The days meant, in the order given; the same day twice is a mistake unless it may be repeated.

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
    if twice and not repeated:
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
