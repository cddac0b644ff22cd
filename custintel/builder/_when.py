"""As-of dates: checked against the data, put in order; `custintel.dates` reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.dates import AsOf, read_dates
from custintel.errors import DateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    import pandas as pd

    from custintel.catalogue import Entry

__all__ = ["AsOf", "check_period", "date_batches", "read_dates"]

BUCKETS = 120
"""Time buckets of one plan: the bucket of a record is looked for edge by edge."""


def date_batches(days: Iterable[date], entries: Iterable[Entry]) -> Iterator[list[date]]:
    """The dates in ascending order, cut so that the windows of no family make more buckets than one plan can hold.

    >>> from datetime import date
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
