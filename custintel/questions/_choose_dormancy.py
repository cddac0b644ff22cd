"""How long must a prepaid line be silent before it has churned? The data say.

`dormancy_curve` counts how many lines come back after each length of silence; `choose_dormancy` takes the shortest
length after which few do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from custintel.builder.aggregation.day_buckets import date_sql
from custintel.builder.sql_steps import with_sql
from custintel.errors import DataError, Problem, raise_problems
from custintel.functions.function_context import Step
from custintel.questions._churn_exits import silences_step
from custintel.questions.service_history import activity_step, has_activity, lines_step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pandas as pd

    from custintel.warehouse import Warehouse


def dormancy_curve(wh: Warehouse, days: Sequence[int] = (15, 30, 60, 90), ahead: int = 90) -> pd.DataFrame:
    """Share of prepaid lines that come back after some days of silence.

    Choose as ``dormancy_days`` the shortest silence after which fewer than 5 % come back. Only silences that could be
    watched to the end are counted: the data must reach `ahead` days beyond their last day.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    days : list of int
        Lengths of silence, in days.
    ahead : int
        Days over which a line may come back.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.warehouse import Warehouse
    >>> calls = pd.DataFrame({"customer_id": ["a", "a", "a", "b", "c"], "service": "sms", "direction": "out",
    ...     "event_time": pd.to_datetime(["2025-01-01", "2025-02-10", "2025-12-31", "2025-01-05", "2025-01-07"])})
    >>> dormancy_curve(Warehouse.from_frames(usage=calls), days=(15, 60))
       silent_days  silences  returned  share_back
    0           15         4         1        0.25
    1           60         3         0        0.00
    """
    if not has_activity(wh):
        raise DataError("no table tells on which days a line was active\n  allowed: usage, recharges")
    last = wh.period[1].date()
    counts = "\nunion all\n".join(_count_sql(n, ahead, last) for n in sorted(days))
    share = "cast(returned as double) / nullif(silences, 0)"
    step = Step(
        "curve", f"select silent_days, silences, returned, {share} as share_back\nfrom (\n{counts}\n) as c", "curve"
    )
    steps = [activity_step(wh), lines_step(wh), silences_step(min(days), last), _prepaid_step(), step]
    return wh.engine.sql(f"{with_sql(steps)}\norder by silent_days")


def _prepaid_step() -> Step:
    sql = """\
select s.start, s.back
from silences as s
join lines as c on c.customer_id = s.customer_id and c.billing_type = 'prepaid'"""
    return Step("prepaid_silences", sql, "silences of prepaid lines")


def _count_sql(days: int, ahead: int, last: date) -> str:
    """Silences that reached a length early enough to be watched, and those that ended within the days ahead."""
    reached = f"start + {days - 1}"
    return f"""\
select
    {days} as silent_days,
    count(*) as silences,
    count(case when back <= {reached} + {ahead} then 1 end) as returned
from prepaid_silences
where {reached} + {ahead} <= {date_sql(last)} and (back is null or back > {reached})"""


_SHOWN = (15, 30, 60, 90)
_ASKED = tuple(range(5, 95, 5))
_FEWEST_SILENCES = 50


@dataclass(frozen=True)
class DormancyChoice:
    """Answer of `choose_dormancy`.

    Attributes
    ----------
    days : int or None
        Days of silence to take as ``Question.dormancy_days``; None when no length asked about qualifies.
    curve : DataFrame
        silent_days, silences, returned, share_back, and ``enough``: silences enough to judge that length.
    ahead : int
        Days over which a line may come back.
    most : float
        Share that may come back.
    """

    days: int | None
    curve: pd.DataFrame
    ahead: int
    most: float

    @property
    def words(self) -> str:
        """The answer, and the curve at 15, 30, 60 and 90 days (or at what was asked), in plain English."""
        shown = self.curve[self.curve["silent_days"].isin({*_SHOWN, self.days})]
        lines = [_curve_sentence(row, self.ahead) for row in (shown if len(shown) else self.curve).itertuples()]
        return "\n".join([self._answer(), *lines])

    def _answer(self) -> str:
        limit = f"fewer than {100 * self.most:.3g} % of the lines come back within {self.ahead} days"
        if self.days is not None:
            return f"After {self.days} days of silence {limit}."
        judged = self.curve.loc[self.curve["enough"], "silent_days"]
        return f"At none of the lengths that can be judged (up to {judged.max()} days of silence) do {limit}."


def choose_dormancy(wh: Warehouse, days: Sequence[int] = _ASKED, ahead: int = 90, most: float = 0.05) -> DormancyChoice:
    """Days of silence after which a prepaid line can be taken to be gone.

    The shortest of `days` after which fewer than `most` of the silent lines come back within `ahead` days. A length is
    judged by at least 50 silences that could be watched to the end.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    days : list of int
        Lengths of silence asked about, in days; 5, 10, ... 90 by default.
    ahead : int
        Days over which a line may come back.
    most : float
        Share of silent lines that may come back, between 0 and 1.

    Raises
    ------
    DataError
        When the data are too short, or too few lines fall silent, to judge any of the lengths.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.warehouse import Warehouse
    >>> year = pd.date_range("2025-01-01", "2025-12-31")
    >>> holiday = (year >= "2025-03-01") & (year < "2025-03-13")
    >>> gone = year < "2025-05-01"
    >>> lives = {f"h{n}": year[~holiday] for n in range(60)} | {f"g{n}": year[gone] for n in range(60)}
    >>> calls = pd.concat([pd.DataFrame({"customer_id": k, "event_time": v}) for k, v in lives.items()])
    >>> wh = Warehouse.from_frames(usage=calls.assign(service="sms", direction="out"))
    >>> choice = choose_dormancy(wh)
    >>> choice.days
    15
    >>> print(choice.words)
    After 15 days of silence fewer than 5 % of the lines come back within 90 days.
    15 days: 0 of 60 came back within 90 days (0.0 %)
    30 days: 0 of 60 came back within 90 days (0.0 %)
    60 days: 0 of 60 came back within 90 days (0.0 %)
    90 days: 0 of 60 came back within 90 days (0.0 %)
    """
    asked = sorted(set(days))
    _check(asked, ahead, most)
    curve = dormancy_curve(wh, asked, ahead)
    curve = curve.assign(enough=curve["silences"] >= _FEWEST_SILENCES)
    if not curve["enough"].any():
        raise DataError(_too_little_data(wh, curve, ahead))
    return DormancyChoice(_shortest_silence(curve[curve["enough"]], most), curve, ahead, most)


def _check(days: Sequence[int], ahead: int, most: float) -> None:
    problems = []
    if not days or days[0] < 1:
        problems.append(Problem("days", "not lengths of silence", str(list(days)), "one or more whole numbers from 1"))
    if ahead < 1:
        problems.append(Problem("ahead", "not a number of days", str(ahead), "1 or more"))
    if not 0 < most < 1:
        problems.append(Problem("most", "not a share", str(most), "between 0 and 1"))
    raise_problems(problems)


def _shortest_silence(judged: pd.DataFrame, most: float) -> int | None:
    fits = judged.loc[judged["share_back"] < most, "silent_days"]
    return int(fits.min()) if len(fits) else None


def _too_little_data(wh: Warehouse, curve: pd.DataFrame, ahead: int) -> str:
    first, last = wh.period
    shortest = int(curve["silent_days"].min())
    have = (last - first).days + 1
    asked = f"a silence of {shortest} days and {ahead} days after it"
    if have < shortest + ahead + 1:
        return (
            f"the horizon is longer than the data\n  given: {have} days of data\n"
            f"  allowed: {shortest + ahead + 1} or more, for {asked}\n  hint: a smaller `ahead`, or more months of data"
        )
    most = int(curve["silences"].max())
    return (
        f"too few silences of prepaid lines to choose from\n  given: at most {most} that could be watched to the end\n"
        f"  allowed: {_FEWEST_SILENCES} or more at one length, for {asked}\n"
        "  hint: more lines or months, or set dormancy: 30d in the question by rule"
    )


def _curve_sentence(row: Any, ahead: int) -> str:
    n, back, of = int(row.silent_days), int(row.returned), int(row.silences)
    share = f"{100 * back / of:.1f} %" if of else "nothing known"
    few = "" if row.enough else ", too few to judge"
    return f"{n} days: {back} of {of} came back within {ahead} days ({share}{few})"
