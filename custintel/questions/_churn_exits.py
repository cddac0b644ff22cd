"""SQL of churn: the exits of postpaid and prepaid lines. Pure text; nothing is run here.

A *postpaid* line churns with the first row of ``terminations`` that ends it. A *prepaid* line has no contract to end:
it churns on the first day of a silence of ``dormancy_days`` (a run of days without an outgoing or chargeable event), or
with a row of ``terminations`` if that comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder.aggregation.day_buckets import date_sql
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from datetime import date

    from custintel.questions._outcome import Outcome


def silences_step(days: int, last: date) -> Step:
    """Runs of at least some days without an own event, after a day with one."""
    sql = f"""\
select customer_id, cast(day + 1 as date) as start, back
from (
    select customer_id, day, lead(day) over (partition by customer_id order by day) as back
    from (select distinct customer_id, day from activity where own = 1) as d
) as d
where date_diff('day', day, coalesce(back, {date_sql(last)} + 1)) > {days}"""
    return Step("silences", sql, f"runs of {days} days or more without an own event, and the day of the return")


def exits_step(outcome: Outcome) -> Step:
    """Everything by which a line of the population leaves after the date, up to the end of the horizon."""
    end = outcome.end_days
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
