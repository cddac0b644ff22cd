"""The options of the indicators: dates, night, weekend, splits, statistics; each is checked once, here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.builder.aggregation.day_buckets import date_sql
from custintel.dates import read_dates
from custintel.errors import ConfigurationError

if TYPE_CHECKING:
    from datetime import date

    from custintel.dates import AsOf


DEFAULT = ("mean", "std")
EXTENDED = ("mean", "std", "median", "skewness", "kurtosis", "min", "max")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(:[0-5]\d)?")
_HOUR = 60


@dataclass(frozen=True)
class IndicatorOptions:
    """How records are put into weeks, parts of the week and parts of the day, and what is said of a distribution."""

    weekly: bool = False
    as_of: date | None = None
    window: int | None = None
    night: tuple[str, str] = ("19:00", "07:00")
    weekend: tuple[int, ...] = (6, 7)
    splits: bool = True
    summary: str = "extended"
    reciprocated: bool = False

    @property
    def statistics(self) -> tuple[str, ...]:
        """The statistics of a distribution."""
        return EXTENDED if self.summary == "extended" else DEFAULT

    @property
    def week_parts(self) -> tuple[str, ...]:
        """Parts of the week, by number."""
        return ("allweek", "weekday", "weekend") if self.splits else ("allweek",)

    @property
    def day_parts(self) -> tuple[str, ...]:
        """Parts of the day, by number."""
        return ("allday", "day", "night") if self.splits else ("allday",)

    @property
    def all_splits(self) -> tuple[tuple[int, str], ...]:
        """Number and name of each split: three times the part of the week, plus the part of the day."""
        return tuple(
            (3 * w + d, f"{a}__{b}") for w, a in enumerate(self.week_parts) for d, b in enumerate(self.day_parts)
        )

    def period_sql(self, day: str) -> str:
        """The number of a day's week, Monday first; one period for all without weeks."""
        return f"({day} - date '1970-01-05') // 7" if self.weekly else "0"

    def week_part_sql(self, day: str) -> str:
        """1 on weekdays, 2 at weekends."""
        return f"case when isodow({day}) in ({', '.join(map(str, self.weekend))}) then 2 else 1 end"

    def day_part_sql(self, moment: str) -> str:
        """1 by day, 2 at night; the bounds of a night that spans midnight are part of it, as in bandicoot."""
        start, end = self.night
        clock = f"cast({moment} as time)"
        if start < end:
            return f"case when {clock} > time '{start}' and {clock} < time '{end}' then 2 else 1 end"
        return f"case when {clock} > time '{end}' and {clock} < time '{start}' then 1 else 2 end"

    def visible_sql(self, alias: str = "t") -> str:
        """What had happened and arrived by the end of the day asked about, and not too long before."""
        if self.as_of is None:
            return "true"
        day = date_sql(self.as_of)
        seen = f"{alias}.event_date <= {day} and {alias}.visible_date <= {day}"
        return seen if self.window is None else f"{seen} and {alias}.event_date > {day} - {self.window}"


def read_options(  # noqa: PLR0913  (the keywords of the public door)
    groupby: str | None,
    as_of: AsOf | None,
    window: int | None,
    night: tuple[str, str],
    weekend: tuple[int, ...],
    splits: bool = True,
    summary: str = "extended",
    reciprocated: bool = False,
) -> IndicatorOptions:
    """Check what was given."""
    _check(groupby in (None, "week"), "groupby", groupby, "None or 'week'")
    _check(summary in ("default", "extended"), "summary", summary, "'default' (mean, std) or 'extended'")
    days = tuple(weekend)
    good = bool(days) and set(days) < set(range(1, 8))
    _check(good, "weekend", weekend, "days from 1 (Monday) to 7 (Sunday), not all of them")
    _check(
        _is_night(night), "night", night, "start and end such as ('19:00', '07:00'), at least an hour apart both ways"
    )
    day = check_dates(as_of, window)
    return IndicatorOptions(groupby == "week", day, window, (night[0], night[1]), days, splits, summary, reciprocated)


def check_dates(as_of: AsOf | None, window: int | None) -> date | None:
    """The day asked about, if any."""
    whole = window is None or (isinstance(window, int) and window > 0)
    _check(whole, "window", window, "a number of days")
    _check(window is None or as_of is not None, "window without as_of", window, "both, or as_of alone")
    return None if as_of is None else read_dates(as_of)[0]


def _check(good: bool, name: str, given: object, allowed: str) -> None:
    if not good:
        raise ConfigurationError(f"{name} cannot be used\n  given: {given!r}\n  allowed: {allowed}")


def _is_night(night: object) -> bool:
    """Both parts of the day last an hour: then a conversation cannot jump over one of them."""
    if not isinstance(night, tuple | list) or len(night) != 2:
        return False
    found = [_CLOCK.fullmatch(str(one)) for one in night]
    if found[0] is None or found[1] is None:
        return False
    start, end = (60 * int(m[1]) + int(m[2]) for m in found if m)
    return _HOUR <= abs(start - end) <= 24 * 60 - _HOUR
