"""Churn labels as of dates: population, churn in the window, other causes, censoring."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

import pandas as pd

from custintel.builder.aggregation.day_buckets import date_sql
from custintel.builder.row_request import check_period
from custintel.builder.sql_steps import with_sql
from custintel.dates import AsOf, read_dates
from custintel.errors import ConfigurationError
from custintel.functions.function_context import Step
from custintel.questions._outcome import ChurnDefinition
from custintel.questions.activity_and_endings import (
    activity_step,
    billing_step,
    dates_step,
    endings_step,
    first_events_step,
    has_activity,
    lines_step,
    silences_step,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.warehouse import Warehouse


Rhythm = Literal["month", "half_month", "week"]
_RHYTHMS = {"month": "ME", "half_month": "SME", "week": "W-SUN"}

# a postpaid line is active with any event, a prepaid line with one of its own
_ACTIVE = """exists (
        select 1 from recent as r
        where r.customer_id = c.customer_id and r.as_of = d.as_of
            and (r.own = 1 or coalesce(b.billing_type, c.billing_type) = 'postpaid')
    )"""


def churn_labels(
    wh: Warehouse, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex, definition: ChurnDefinition | None = None
) -> pd.DataFrame:
    """Who of the population at each date left in (date + gap, date + gap + horizon].

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    as_of : date or list of dates
        The dates asked about.
    definition : ChurnDefinition, optional
        Gap, horizon, dormancy, population.

    Returns
    -------
    pandas.DataFrame
        Index (as_of, customer_id), rows of the population only (without those who leave by the end of the gap);
        ``label`` 1.0, 0.0 or missing (censored, or an involuntary exit), ``cause``, ``churn_date``, ``billing_type``.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> days = pd.date_range("2025-01-01", "2025-06-30")
    >>> calls = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out", "event_time": days})
    >>> silent = calls[calls["event_time"] < "2025-04-01"].assign(customer_id="b")
    >>> wh = Warehouse.from_frames(usage=pd.concat([calls, silent]))
    >>> churn_labels(wh, "2025-02-28")[["label", "churn_date"]]
                            label churn_date
    as_of      customer_id
    2025-02-28 a              0.0        NaT
               b              1.0 2025-04-01
    """
    definition = definition or ChurnDefinition()
    days, last = read_days(wh, as_of)
    if definition.cause in ("arrears", "fraud"):
        counted = [first_events_step(wh, definition.cause)]
    else:
        counted = [silences_step(definition.dormancy_days, last), exits_step(definition), first_exits_step()]
    return ordered_frame(wh, [*population_steps(wh, days, definition), *counted, _labels_step(last, definition)])


def churn_population(
    wh: Warehouse, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex, definition: ChurnDefinition | None = None
) -> pd.DataFrame:
    """Whom a churn model is asked about at each date: in service and active, with nothing known from later days.

    Labels leave out those of them who leave by the end of the gap; a score must not, because it cannot know.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> calls = pd.DataFrame({"customer_id": ["a", "b"], "service": "sms", "direction": "out",
    ...                       "event_time": pd.to_datetime(["2025-03-20", "2025-02-01"])})
    >>> churn_population(Warehouse.from_frames(usage=calls), "2025-03-20")
                           billing_type
    as_of      customer_id
    2025-03-20 a                prepaid
    """
    definition = definition or ChurnDefinition()
    days, _ = read_days(wh, as_of)
    last = Step("rows", "select as_of, customer_id, billing_type from population", "the population")
    return ordered_frame(wh, [*population_steps(wh, days, definition), last])


def label_dates(
    wh: Warehouse, definition: ChurnDefinition | None = None, history_days: int = 60, every: Rhythm = "month"
) -> list[pd.Timestamp]:
    """As-of dates with enough days of data before them and closed labels.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    definition : ChurnDefinition, optional
        What counts as churn; it says when a label is closed.
    history_days : int
        Days of data before the first date.
    every : {"month", "half_month", "week"}
        Month ends; the 15th and the month end; or Sundays. More dates show the same leavers at more distances.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> days = pd.date_range("2025-01-01", "2025-09-30")
    >>> calls = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out", "event_time": days})
    >>> [str(day.date()) for day in label_dates(Warehouse.from_frames(usage=calls))]
    ['2025-03-31', '2025-04-30', '2025-05-31']
    """
    if every not in _RHYTHMS:
        raise ConfigurationError(f"unknown rhythm of as-of dates\n  given: {every!r}\n  allowed: {', '.join(_RHYTHMS)}")
    definition = definition or ChurnDefinition()
    first, last = wh.period
    earliest = first + pd.Timedelta(days=history_days - 1)
    latest = last - pd.Timedelta(days=definition.longest)
    return list(pd.date_range(earliest, latest, freq=_RHYTHMS[every])) if earliest <= latest else []


def read_days(wh: Warehouse, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex) -> tuple[list[date], date]:
    """Read as-of dates; return them and the last day that the tables cover."""
    days = read_dates(as_of)
    check_period(days, wh.period)
    return days, wh.period[1].date()


def ordered_frame(wh: Warehouse, steps: Sequence[Step]) -> pd.DataFrame:
    """Run steps; return their rows in order, with index (as_of, customer_id)."""
    frame = wh.engine.sql(f"{with_sql(steps)}\norder by 1, 2")
    frame["as_of"] = pd.to_datetime(frame["as_of"]).astype("datetime64[ns]")
    if "churn_date" in frame:
        frame["churn_date"] = pd.to_datetime(frame["churn_date"]).astype("datetime64[ns]")
    return frame.set_index(["as_of", "customer_id"])


def population_steps(wh: Warehouse, days: Sequence[date], definition: ChurnDefinition) -> list[Step]:
    """Return the steps that find whom the definition asks about, as of each date."""
    types = ", ".join(f"'{name}'" for name in definition.billing_types)
    active = f"\n    and {_ACTIVE}" if has_activity(wh) else ""
    sql = f"""\
select d.as_of, c.customer_id, coalesce(b.billing_type, c.billing_type) as billing_type
from lines as c
cross join as_of_dates as d
left join billing as b on b.customer_id = c.customer_id and b.as_of = d.as_of
where c.began <= d.as_of
    and coalesce(b.billing_type, c.billing_type) in ({types})
    and not exists (select 1 from endings as e where e.customer_id = c.customer_id and e.day <= d.as_of){active}"""
    about = "lines in service and active in the days before each date"
    steps = [dates_step(sorted(days)), activity_step(wh), endings_step(wh), lines_step(wh), billing_step(wh)]
    return [*steps, _recent_step(definition, days), Step("population", sql, about)]


def _recent_step(definition: ChurnDefinition, days: Sequence[date]) -> Step:
    within = definition.active_within_days
    oldest = min(days) - timedelta(days=within)
    sql = f"""\
select a.customer_id, d.as_of, max(a.own) as own
from activity as a
join as_of_dates as d on a.day <= d.as_of and a.day > d.as_of - {within} and a.seen <= d.as_of
where a.day > {date_sql(oldest)}
group by a.customer_id, d.as_of"""
    return Step("recent", sql, f"lines with an event in the {within} days up to each date that was seen by then")


def exits_step(definition: ChurnDefinition) -> Step:
    """Everything by which a line of the population leaves after the date, up to the end of the horizon."""
    end = definition.end_days
    sql = f"""\
select p.as_of, p.customer_id, e.day, e.cause
from population as p
join endings as e on e.customer_id = p.customer_id and e.day > p.as_of and e.day <= p.as_of + {end}
union all
select p.as_of, p.customer_id, s.start as day, 'dormancy' as cause
from population as p
join silences as s on s.customer_id = p.customer_id
    and s.start <= p.as_of + {end} and (s.back is null or s.back > p.as_of + 1)
where p.billing_type = 'prepaid'"""
    return Step("exits", sql, "endings after each date, and for prepaid the silences not over by then")


def first_exits_step() -> Step:
    """The first exit counts; on the same day a row of the operator comes before silence."""
    order = "day, case when cause = 'dormancy' then 1 else 0 end, cause"
    sql = f"""\
select as_of, customer_id, day, cause
from (
    select as_of, customer_id, day, cause, row_number() over (partition by as_of, customer_id order by {order}) as place
    from exits
) as r
where place = 1"""
    return Step("first_exits", sql, "the first exit of each line after each date")


def _labels_step(last: date, definition: ChurnDefinition) -> Step:
    closed = {name: last - timedelta(days=definition.days_needed(name)) for name in ("postpaid", "prepaid")}
    is_open = " or ".join(f"p.billing_type = '{name}' and p.as_of > {date_sql(day)}" for name, day in closed.items())
    asked = "x.cause <> 'involuntary'" if definition.cause == "voluntary" else f"x.cause = '{definition.cause}'"
    sql = f"""\
select
    p.as_of,
    p.customer_id,
    case
        when {is_open} then null
        when x.cause is null or x.cause = 'death' or x.day > p.as_of + {definition.end_days} then cast(0 as double)
        when {asked} then cast(1 as double)
        else null
    end as label,
    x.cause,
    x.day as churn_date,
    p.billing_type
from population as p
left join first_exits as x on x.as_of = p.as_of and x.customer_id = p.customer_id
where x.day is null or x.day > p.as_of + {definition.gap_days}"""
    return Step("labels", sql, "labels; those who leave by the end of the gap are left out")
