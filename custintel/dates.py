"""Days and times as people and programs give them: what has one meaning is read, what may have two is refused.

`read_day` and `read_dates` read as-of dates, `read_moment` times with a time of day, and `day_order` says whether a
column of texts such as ``03/04/2025`` writes the day or the month first.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, NoReturn, cast

import numpy as np
import pandas as pd

from custintel.errors import DateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


AsOf = str | date | pd.Timestamp | np.datetime64
"""A day: the question is asked at its end."""

_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2}|\d{8})"
    r"([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?)?"
    r"(?P<zone> ?(Z|[+-]\d{2}(:?\d{2})?))?",
    re.ASCII,
)
_THREE = re.compile(r"(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})\b.*", re.ASCII | re.DOTALL)
_SHOWN = 60  # signs of what was given
_LIKE = "'2025-06-30'"
_UNITS_BELOW_DAY = ("h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")


def read_dates(as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex, repeated: bool = False) -> list[date]:
    """The days meant, in the order given; the same day twice is a mistake unless it may be repeated.

    Parameters
    ----------
    as_of : day or sequence of days
        ISO text (``2025-06-30``), `datetime.date`, `datetime.datetime`, `pandas.Timestamp` or `numpy.datetime64`.
    repeated : bool
        Whether the same day may come twice.

    Raises
    ------
    DateError
        For what is no day, may mean two days, or has a time of day other than midnight or a zone.

    Examples
    --------
    >>> read_dates(["2025-06-30", "2025-05-31"])
    [datetime.date(2025, 6, 30), datetime.date(2025, 5, 31)]
    """
    given: list[AsOf] = list(
        cast("Sequence[AsOf]", as_of) if pd.api.types.is_list_like(as_of) else [cast("AsOf", as_of)]
    )
    if not given:
        raise DateError("no as-of date\n  given: []\n  allowed: a day such as '2025-06-30', or a list of days")
    days = [read_day(one) for one in given]
    twice = sorted(str(day) for day, times in Counter(days).items() if times > 1)
    if twice and not repeated:
        raise DateError(f"as-of dates given twice: {', '.join(twice)}\n  hint: give each date once")
    return days


def read_day(given: object, what: str = "an as-of date") -> date:
    """The day meant.

    Parameters
    ----------
    given : day
        ISO text (``2025-06-30``), `datetime.date`, `datetime.datetime`, `pandas.Timestamp` or `numpy.datetime64`.
    what : str
        What the day is, for the error.

    Raises
    ------
    DateError
        For what is no day, may mean two days, or has a time of day other than midnight or a zone.

    Examples
    --------
    >>> read_day("2025-06-30")
    datetime.date(2025, 6, 30)
    >>> read_day("03/04/2025")
    Traceback (most recent call last):
        ...
    custintel.errors.DateError: an as-of date that cannot be read
      given: '03/04/2025'
      allowed: a day such as '2025-06-30'
      hint: it may be 3 April or 4 March: write '2025-04-03' or '2025-03-04'
    """
    found = _moment(given)
    if found is None:
        _refuse(given, what)
    if found.tzinfo is not None:
        hint = f"days are the operator's local days: give the day alone, such as {found.date().isoformat()!r}"
        raise DateError(f"{what} with a time zone\n  given: {given}\n  hint: {hint}")
    if _has_time(found):
        hint = "features look at what had happened and arrived by the end of a day: give the day alone"
        raise DateError(f"{what} with a time of day\n  given: {given}\n  hint: {hint}")
    return found.date()


def read_moment(given: object, what: str = "a time", local: bool = False) -> pd.Timestamp:
    """A time, with or without a time of day.

    Parameters
    ----------
    given : time
        ISO text, `datetime.date`, `datetime.datetime`, `pandas.Timestamp` or `numpy.datetime64`.
    what : str
        What the time is, for the error.
    local : bool
        Whether it must be a local time, without a zone.

    Raises
    ------
    DateError
        For what is no time, or may mean two.

    Examples
    --------
    >>> read_moment("2025-06-30T12:00")
    Timestamp('2025-06-30 12:00:00')
    """
    found = _moment(given)
    if found is None:
        _refuse(given, what)
    if local and found.tzinfo is not None:
        raise DateError(f"{what} with a time zone\n  given: {given}\n  hint: give the operator's local time alone")
    return found


def read_time_column(column: pd.Series, what: str) -> pd.Series:
    """A column of times as ``datetime64``: times as they are, texts in ISO form; missing stays missing.

    Parameters
    ----------
    column : pandas.Series
        Times, days, or texts such as ``2025-06-30`` and ``2025-06-30 12:00``.
    what : str
        What the column is, for the error.

    Raises
    ------
    DateError
        For values that are no times, may mean two, or have a zone.

    Examples
    --------
    >>> read_time_column(pd.Series(["2025-06-30", None]), "as_of").tolist()
    [Timestamp('2025-06-30 00:00:00'), NaT]
    """
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return column
    codes, distinct = pd.factorize(column.astype(object))
    found = [_moment(one) for one in distinct]
    wrong = sum(one is None or one.tzinfo is not None for one in found)
    if wrong:
        raise DateError(_refused_column(what, list(distinct), wrong))
    read = pd.Series([*found, pd.NaT], dtype="datetime64[ns]")
    return pd.Series(read.to_numpy()[codes], index=column.index, name=column.name)


def _refused_column(what: str, values: Sequence[object], wrong: int) -> str:
    """Why a column cannot be read, without its values."""
    order = day_order(values).order
    hint = f"pd.to_datetime(column, format={order_formats(order)[0]!r}) reads days" if order else ""
    allowed = "local times without a zone, texts such as 2025-06-30 or 2025-06-30 12:00"
    text = f"{what}: {wrong} of {len(values)} different values cannot be read as times\n  allowed: {allowed}"
    return text + (f"\n  hint: {hint}" if hint else "")


def _has_time(moment: pd.Timestamp) -> bool:
    return bool(moment != moment.normalize())


def _moment(given: object) -> pd.Timestamp | None:
    """The time meant, None for what cannot be one."""
    if isinstance(given, str):
        return _of_text(given.strip())
    if isinstance(given, np.datetime64):
        return _of_numpy(given)
    if isinstance(given, date):  # a datetime is one too
        return _stamp(given)
    return None


def _of_text(text: str) -> pd.Timestamp | None:
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    zone = (found["zone"] or "").strip()
    plain = text[: found.start("zone")] if zone else text
    try:
        # nanoseconds are cut, because the standard library reads microseconds
        return _stamp(datetime.fromisoformat(plain.replace(",", ".")[:26] + zone))
    except ValueError:
        return None


def _of_numpy(given: np.datetime64) -> pd.Timestamp | None:
    """Months and years of numpy are no days."""
    if np.isnat(given) or np.datetime_data(given.dtype)[0] not in ("D", *_UNITS_BELOW_DAY):
        return None
    return _stamp(given)


def _stamp(given: date | np.datetime64) -> pd.Timestamp | None:
    try:
        found = pd.Timestamp(given)
    except (ValueError, OverflowError):
        return None
    return None if pd.isna(found) else found


def _refuse(given: object, what: str) -> NoReturn:
    hint = _hint(given)
    shown = repr(given) if len(repr(given)) <= _SHOWN else f"{repr(given)[:_SHOWN]}..."
    wrong = f"{what} that cannot be read\n  given: {shown}\n  allowed: a day such as {_LIKE}"
    raise DateError(wrong + (f"\n  hint: {hint}" if hint else "")) from None


def _hint(given: object) -> str:
    """How to say it so that it has one meaning."""
    if isinstance(given, bool):
        return ""
    if isinstance(given, int | float | np.number):
        return _hint_of_number(str(int(given)) if math.isfinite(given) else "")
    if not isinstance(given, str):
        return ""
    if re.fullmatch(r"\d{4}-\d{2}", given.strip(), re.ASCII):
        return f"a month has many days: write one of them, such as {given.strip() + '-28'!r}"
    three = _THREE.fullmatch(given.strip())
    return _hint_of_number(given.strip()) if three is None else _hint_of_parts(*three.groups())


def _hint_of_number(digits: str) -> str:
    if len(digits) == 8 and (day := _iso(digits[:4], digits[4:6], digits[6:])):
        return f"a number may count days or seconds: write {day!r}"
    if digits.isdigit() and len(digits) in (10, 13):
        return "seconds or milliseconds since 1970 depend on the zone: write the operator's local day"
    if digits.isdigit() and len(digits) == 5:
        return f"the days of a spreadsheet depend on its epoch: write the day, such as {_LIKE}"
    return ""


def _hint_of_parts(first: str, second: str, third: str) -> str:
    if len(first) == 4:
        day = _iso(first, second, third)
        return f"write {day!r}" if day else ""
    if len(third) != 4:
        return f"a year has four digits: write the day as {_LIKE}"
    day_first, month_first = _iso(third, second, first), _iso(third, first, second)
    if day_first and month_first and day_first != month_first:
        said = " or ".join(f"{int(d[8:])} {date.fromisoformat(d):%B}" for d in (day_first, month_first))
        return f"it may be {said}: write {day_first!r} or {month_first!r}"
    return f"write {day_first or month_first!r}" if day_first or month_first else ""


def _iso(year: str, month: str, day: str) -> str:
    """The day in ISO form; empty if the calendar does not have it."""
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""


# columns of texts -----------------------------------------------------------------------------------------------------

Order = Literal["day first", "month first"]

_TIME = "( [0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?( [AaPp][Mm])?)?"
_BIG = "(1[3-9]|2[0-9]|3[01])"
_SMALL = "(0?[1-9]|1[0-2])"
PATTERNS = {
    "iso": "[0-9]{4}[-/ ][0-9]{1,2}[-/ ][0-9]{1,2}.*",
    "day_first": f"{_BIG}[-/.]{_SMALL}[-/.][0-9]{{4}}{_TIME}",
    "month_first": f"{_SMALL}[-/.]{_BIG}[-/.][0-9]{{4}}{_TIME}",
    "either": f"{_SMALL}[-/.]{_SMALL}[-/.][0-9]{{4}}{_TIME}",
    "short_year": f"[0-9]{{1,2}}[-/.][0-9]{{1,2}}[-/.][0-9]{{2}}{_TIME}",
    "number": "[+-]?[0-9]+([.][0-9]*)?",
}
"""Forms of a date in a text, as regular expressions that Python, DuckDB and Spark read alike; one fits, or none."""

ADVICE = {
    "undecided": "no day after the twelfth tells which comes first, the day or the month",
    "mixed": "some values write the day first and some the month",
    "short_year": "years have two digits",
    "number": "numbers are no dates unless it is said what they count",
}
"""Why the texts of a column cannot be read as dates."""
_STRAY = 0.1  # share of the deciding values that may contradict the others: slips, which are set aside


@dataclass(frozen=True)
class DateCounts:
    """How many texts of a column have which form (`PATTERNS`).

    Examples
    --------
    >>> DateCounts(day_first=18, either=12).order
    'day first'
    >>> DateCounts(either=12).problem
    'undecided'
    """

    iso: int = 0
    day_first: int = 0
    month_first: int = 0
    either: int = 0
    short_year: int = 0
    number: int = 0

    def __add__(self, other: DateCounts) -> DateCounts:
        return DateCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def _slashed(self) -> int:
        return self.day_first + self.month_first + self.either

    @property
    def _leading(self) -> str:
        """The form of most values; ISO where as many are."""
        others = {"slashed": self._slashed, "short_year": self.short_year, "number": self.number}
        sizes = {"iso": self.iso, **others}
        return max(sizes, key=lambda name: sizes[name]) if any(sizes.values()) else "iso"

    @property
    def order(self) -> Order | None:
        """Day or month first; None for ISO, and for what cannot be decided."""
        decide, against = max(self.day_first, self.month_first), min(self.day_first, self.month_first)
        if self._leading != "slashed" or not decide or against > _STRAY * decide:
            return None
        return "day first" if self.day_first > self.month_first else "month first"

    @property
    def problem(self) -> str:
        """Why the column cannot be read, a key of `ADVICE`; empty if it can."""
        if self._leading != "slashed":
            return "" if self._leading == "iso" else self._leading
        if self.order is not None:
            return ""
        return "mixed" if self.day_first and self.month_first else "undecided"


def day_order(texts: Iterable[object]) -> DateCounts:
    """Count the forms of the texts of a whole column; missing and foreign values are not counted.

    Examples
    --------
    >>> day_order(["03/04/2025", "21/04/2025", None]).order
    'day first'
    >>> day_order(["03/04/2025", "21/04/2025", "04/22/2025"]).problem
    'mixed'
    """
    forms = {name: re.compile(pattern) for name, pattern in PATTERNS.items()}
    counts = dict.fromkeys(PATTERNS, 0)
    for text in texts:
        if isinstance(text, str):
            name = next((n for n, form in forms.items() if form.fullmatch(text.strip())), None)
            if name is not None:
                counts[name] += 1
    return DateCounts(**counts)


def order_formats(order: Order) -> list[str]:
    """The formats (of `strptime`) in which a column with this order may be written.

    Examples
    --------
    >>> order_formats("month first")[:2]
    ['%m/%d/%Y', '%m/%d/%Y %H:%M']
    """
    first, second = ("%d", "%m") if order == "day first" else ("%m", "%d")
    times = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
    return [f"{first}{sign}{second}{sign}%Y{time}" for sign in "/.-" for time in times]
