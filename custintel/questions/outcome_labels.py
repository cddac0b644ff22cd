"""Labels as of dates: the population, the outcome in its window, competing causes, and censoring."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from custintel.builder.aggregation.day_buckets import date_sql
from custintel.builder.row_request import check_period
from custintel.builder.sql_steps import with_sql
from custintel.dates import AsOf, read_dates
from custintel.functions.function_context import Step
from custintel.questions._arrears_and_fraud import counted_events_step
from custintel.questions._churn_exits import exits_step, first_exits_step, silences_step
from custintel.questions._outcome import Outcome
from custintel.questions.service_history import (
    activity_step,
    billing_step,
    dates_step,
    endings_step,
    has_activity,
    lines_step,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.warehouse import Warehouse


# a postpaid line is active with any event, a prepaid line with one of its own
ACTIVE_SQL = """exists (
        select 1 from recent as r
        where r.customer_id = c.customer_id and r.as_of = d.as_of
            and (r.own = 1 or coalesce(b.billing_type, c.billing_type) = 'postpaid')
    )"""


def outcome_labels(
    wh: Warehouse, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex, outcome: Outcome | None = None
) -> pd.DataFrame:
    """Whether the outcome came to each customer of the population in (date + gap, date + gap + horizon].

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    as_of : date or list of dates
        The dates asked about.
    outcome : Outcome, optional
        Kind, gap, horizon, dormancy and population; churn by default.

    Returns
    -------
    pandas.DataFrame
        Index (as_of, customer_id), rows of the population only (without those to whom the outcome came by the end of
        the gap); ``label`` 1.0, 0.0 or missing (censored, or a competing cause came first), ``cause``,
        ``outcome_date`` and ``billing_type``.

    Raises
    ------
    DataError
        When the tables that the kind of outcome needs are not there.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> days = pd.date_range("2025-01-01", "2025-06-30")
    >>> calls = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out", "event_time": days})
    >>> silent = calls[calls["event_time"] < "2025-04-01"].assign(customer_id="b")
    >>> wh = Warehouse.from_frames(usage=pd.concat([calls, silent]))
    >>> outcome_labels(wh, "2025-02-28")[["label", "outcome_date"]]
                            label outcome_date
    as_of      customer_id
    2025-02-28 a              0.0        NaT
               b              1.0 2025-04-01
    """
    outcome = outcome or Outcome()
    days, last = read_days(wh, as_of)
    if outcome.kind in ("arrears", "fraud"):
        counted = [counted_events_step(wh, outcome)]
    else:
        counted = [silences_step(outcome.dormancy_days, last), exits_step(outcome), first_exits_step()]
    return ordered_frame(wh, [*population_steps(wh, days, outcome), *counted, _labels_step(last, outcome)])


def outcome_population(
    wh: Warehouse, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex, outcome: Outcome | None = None
) -> pd.DataFrame:
    """Whom a question is asked about at each date: in service and active, with nothing known from later days.

    Labels leave out those of them who leave by the end of the gap; a score must not, because it cannot know.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> calls = pd.DataFrame({"customer_id": ["a", "b"], "service": "sms", "direction": "out",
    ...                       "event_time": pd.to_datetime(["2025-03-20", "2025-02-01"])})
    >>> outcome_population(Warehouse.from_frames(usage=calls), "2025-03-20")
                           billing_type
    as_of      customer_id
    2025-03-20 a                prepaid
    """
    outcome = outcome or Outcome()
    days, _ = read_days(wh, as_of)
    last = Step("rows", "select as_of, customer_id, billing_type from population", "the population")
    return ordered_frame(wh, [*population_steps(wh, days, outcome), last])


def read_days(wh: Warehouse, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex) -> tuple[list[date], date]:
    """Read as-of dates; return them and the last day that the tables cover."""
    days = read_dates(as_of)
    check_period(days, wh.period)
    return days, wh.period[1].date()


def ordered_frame(wh: Warehouse, steps: Sequence[Step]) -> pd.DataFrame:
    """Run steps; return their rows in order, with index (as_of, customer_id)."""
    frame = wh.engine.sql(f"{with_sql(steps)}\norder by 1, 2")
    frame["as_of"] = pd.to_datetime(frame["as_of"]).astype("datetime64[ns]")
    if "outcome_date" in frame:
        frame["outcome_date"] = pd.to_datetime(frame["outcome_date"]).astype("datetime64[ns]")
    return frame.set_index(["as_of", "customer_id"])


def population_steps(wh: Warehouse, days: Sequence[date], outcome: Outcome) -> list[Step]:
    """Return the steps that find whom the outcome asks about, as of each date."""
    types = ", ".join(f"'{name}'" for name in outcome.billing_types)
    active = f"\n    and {ACTIVE_SQL}" if has_activity(wh) else ""
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
    return [*steps, recent_step(outcome.active_within_days, days), Step("population", sql, about)]


def recent_step(within: int, days: Sequence[date]) -> Step:
    """Lines with an event in some days up to each date."""
    oldest = min(days) - timedelta(days=within)
    sql = f"""\
select a.customer_id, d.as_of, max(a.own) as own
from activity as a
join as_of_dates as d on a.day <= d.as_of and a.day > d.as_of - {within} and a.seen <= d.as_of
where a.day > {date_sql(oldest)}
group by a.customer_id, d.as_of"""
    return Step("recent", sql, f"lines with an event in the {within} days up to each date that was seen by then")


def _labels_step(last: date, outcome: Outcome) -> Step:
    closed = {name: last - timedelta(days=outcome.days_needed(name)) for name in ("postpaid", "prepaid")}
    is_open = " or ".join(f"p.billing_type = '{name}' and p.as_of > {date_sql(day)}" for name, day in closed.items())
    asked = "x.cause <> 'involuntary'" if outcome.kind == "churn" else f"x.cause = '{outcome.kind}'"
    sql = f"""\
select
    p.as_of,
    p.customer_id,
    case
        when {is_open} then null
        when x.cause is null or x.cause = 'death' or x.day > p.as_of + {outcome.end_days} then cast(0 as double)
        when {asked} then cast(1 as double)
        else null
    end as label,
    x.cause,
    x.day as outcome_date,
    p.billing_type
from population as p
left join first_exits as x on x.as_of = p.as_of and x.customer_id = p.customer_id
where x.day is null or x.day > p.as_of + {outcome.gap_days}"""
    return Step("labels", sql, "labels; those who leave by the end of the gap are left out")
