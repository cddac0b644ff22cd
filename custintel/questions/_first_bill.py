"""Labels of the first bill: will a line that has just begun pay it?

A line is asked about in its first days, as long as none of its bills has fallen due. The label is 1 where its first
bill was not paid in full some days after it was due, 0 where it was, and missing where no first bill fell due inside
the window or the data end before. `amount` is what the first bill asked for, in u.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custintel.builder.aggregation.day_buckets import date_sql
from custintel.errors import DataError
from custintel.functions.function_context import Step
from custintel.questions._arrears_and_fraud import PAID_IN_FULL
from custintel.questions.outcome_labels import ordered_frame, read_days
from custintel.questions.service_history import activity_step, billing_step, dates_step, endings_step, lines_step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pandas as pd

    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse

FIRST_DAYS = 28
LATE_DAYS = 5


def first_bill_labels(wh: Warehouse, as_of: Any, question: Question) -> pd.DataFrame:
    """Whether the first bill of each new line stays unpaid.

    Parameters
    ----------
    wh : Warehouse
        With tables ``customers``, ``bills`` and ``payments``.
    as_of : date or list of dates
        The dates asked about.
    question : Question
        Its ``late`` is the number of days after the due day on which an unpaid bill counts, ``first_days`` the number
        of days of service in which a line is asked about.

    Returns
    -------
    pandas.DataFrame
        Index (as_of, customer_id); ``label``, ``outcome_date`` (the day on which it is known), ``amount`` (u) and
        ``billing_type``.
    """
    days, last = read_days(wh, as_of)
    late = question.days("late", LATE_DAYS)
    steps = [*_new_lines(wh, days, question), _first_bills(wh, late), _labels(last, question)]
    return ordered_frame(wh, steps)


def first_bill_population(wh: Warehouse, as_of: Any, question: Question) -> pd.DataFrame:
    """New lines of which no bill has fallen due by each date."""
    days, _ = read_days(wh, as_of)
    rows = Step("rows", "select as_of, customer_id, billing_type from new_lines", "the population")
    return ordered_frame(wh, [*_new_lines(wh, days, question), rows])


def _new_lines(wh: Warehouse, days: Sequence[date], question: Question) -> list[Step]:
    absent = [name for name in ("customers", "bills", "payments") if name not in wh.tables]
    if absent:
        raise DataError(
            f"labels of first_bill need the tables customers, bills and payments\n  given: no {', '.join(absent)}"
        )
    within, first = question.days("first_days", FIRST_DAYS), wh.period[0].date()
    sql = f"""\
select d.as_of, c.customer_id, coalesce(b.billing_type, c.billing_type) as billing_type
from lines as c
cross join as_of_dates as d
left join billing as b on b.customer_id = c.customer_id and b.as_of = d.as_of
where c.began <= d.as_of and c.began > d.as_of - {within} and c.began >= {date_sql(first)}
    and coalesce(b.billing_type, c.billing_type) = 'postpaid'
    and not exists (select 1 from endings as e where e.customer_id = c.customer_id and e.day <= d.as_of)
    and not exists (
        select 1 from {wh.relation("bills")} as w
        where w.customer_id = c.customer_id and w.visible_date <= d.as_of and w.due_date <= d.as_of
    )"""
    about = f"postpaid lines in their first {within} days of which no bill has fallen due"
    steps = [dates_step(sorted(days)), activity_step(wh), endings_step(wh), lines_step(wh), billing_step(wh)]
    return [*steps, Step("new_lines", sql, about)]


def _first_bills(wh: Warehouse, late: int) -> Step:
    sql = f"""\
select b.customer_id, cast(b.due_date + {late} as date) as day, b.amount,
    case when coalesce(sum(q.amount), 0) < {PAID_IN_FULL} * b.amount then 1 else 0 end as unpaid
from (
    select customer_id, bill_id, due_date, amount,
        row_number() over (partition by customer_id order by due_date, bill_id) as place
    from {wh.relation("bills")}
    where amount > 0 and due_date is not null
) as b
left join {wh.relation("payments")} as q
    on q.bill_id = b.bill_id and q.status = 'ok' and q.event_date <= b.due_date + {late}
where b.place = 1
group by b.customer_id, b.bill_id, b.due_date, b.amount"""
    return Step(
        "first_bills", sql, f"the first bill of each line, and whether it was unpaid {late} days after it was due"
    )


def _labels(last: date, question: Question) -> Step:
    end = question.end_days
    sql = f"""\
select
    p.as_of,
    p.customer_id,
    case
        when p.as_of > {date_sql(last)} - {end} or f.day is null or f.day > p.as_of + {end} then null
        else cast(f.unpaid as double)
    end as label,
    f.day as outcome_date,
    f.amount,
    p.billing_type
from new_lines as p
left join first_bills as f on f.customer_id = p.customer_id
where f.day is null or f.day > p.as_of + {question.gap_days}"""
    return Step("labels", sql, "labels; a line whose first bill counts by the end of the gap is left out")
