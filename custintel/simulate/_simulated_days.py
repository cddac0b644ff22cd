"""Days of the simulation: counted from the start, cut into calendar months and into weeks of seven days."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Ints


NEVER = 1_000_000  # a day that does not come


@dataclass(frozen=True)
class Calendar:
    """Months from a start date.

    Examples
    --------
    >>> days = Calendar(dt.date(2025, 1, 1), 3)
    >>> days.first, days.total
    ((0, 31, 59, 90), 90)
    >>> days.cycle_day(1, np.array([10]))
    array([40])
    """

    start: dt.date
    months: int

    @cached_property
    def first(self) -> tuple[int, ...]:
        """First day of each month and of the month after the last."""
        return tuple((self._month_start(m) - self.start).days for m in range(self.months + 1))

    @property
    def total(self) -> int:
        """Days of all months."""
        return self.first[-1]

    def length(self, month: int) -> int:
        """Days of a month."""
        return self.first[month + 1] - self.first[month]

    def cycle_day(self, month: int, cycle: Ints) -> Ints:
        """Day on which a billing cycle falls in a month; months before the start are allowed."""
        return np.asarray((self._month_start(month) - self.start).days + cycle - 1)

    def weeks(self, month: int) -> range:
        """Weeks that start in a month."""
        return range(-(-self.first[month] // 7), -(-self.first[month + 1] // 7))

    def year_share(self, day: float) -> float:
        """Share of the calendar year gone on a day."""
        return (self.start + dt.timedelta(days=int(day))).timetuple().tm_yday / 365.25

    def date(self, day: int) -> dt.date:
        """Calendar date of a day."""
        return self.start + dt.timedelta(days=int(day))

    def dates(self, days: Ints) -> npt.NDArray[np.datetime64]:
        """Dates of many days; NEVER becomes a missing date."""
        day = np.asarray(days, dtype=np.int64)
        found = np.datetime64(self.start, "D") + day.astype("timedelta64[D]")
        return np.where(np.abs(day) >= NEVER, np.datetime64("NaT", "D"), found)

    def times(self, seconds: Ints) -> npt.NDArray[np.datetime64]:
        """Timestamps of seconds since the start."""
        return np.asarray(
            np.datetime64(self.start, "us")
            + (np.asarray(seconds, dtype=np.int64) * 1_000_000).astype("timedelta64[us]")
        )

    def _month_start(self, month: int) -> dt.date:
        years, index = divmod(self.start.month - 1 + month, 12)
        year = self.start.year + years
        day = min(self.start.day, calendar.monthrange(year, index + 1)[1])
        return dt.date(year, index + 1, day)
