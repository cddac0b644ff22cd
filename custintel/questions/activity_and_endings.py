"""SQL of the facts behind labels: active days, silent runs, endings, billing types. Pure text, nothing is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder.aggregation.day_buckets import date_sql
from custintel.builder.sql_steps import values_sql
from custintel.contracts.time_checks import ENDS
from custintel.errors import DataError
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from custintel.warehouse import Warehouse


def has_activity(wh: Warehouse) -> bool:
    """Whether the tables tell on which days a line was used."""
    return "usage" in wh.tables or "recharges" in wh.tables


def dates_step(dates: Sequence[date]) -> Step:
    """The as-of dates."""
    return Step("as_of_dates", values_sql([(date_sql(day),) for day in dates], ["as_of"]), "the as-of dates")


def activity_step(wh: Warehouse) -> Step:
    """One row a line and day with any event: when it was first seen, and whether the line itself was active."""
    own = {"usage": "max(case when direction = 'out' then 1 else 0 end)", "recharges": "1"}
    parts = [
        f"select customer_id, event_date as day, min(visible_date) as seen, {flag} as own\n"
        f"from {wh.relation(table)}\ngroup by customer_id, event_date"
        for table, flag in own.items()
        if table in wh.tables
    ]
    # '' says text: a bare null becomes an integer in DuckDB 1.4
    nothing = "select '' as customer_id, cast(null as date) as day, cast(null as date) as seen, 0 as own where false"
    sql = "\nunion all\n".join(parts) or nothing
    return Step("activity", sql, "days with an event; own: outgoing or chargeable")


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


def endings_step(wh: Warehouse) -> Step:
    """Rows that end a line, by cause."""
    causes = ", ".join(f"'{cause}'" for cause in ENDS)
    nothing = "select '' as customer_id, cast(null as date) as day, '' as cause where false"
    sql = (
        f"select customer_id, event_date as day, cause from {wh.relation('terminations')}\nwhere cause in ({causes})"
        if "terminations" in wh.tables
        else nothing
    )
    return Step("endings", sql, "requests and decisions that end a line")


def lines_step(wh: Warehouse) -> Step:
    """Every line with the day its service began and its billing type at the end of the data."""
    if "customers" in wh.tables:
        sql = f"select customer_id, activation_date as began, billing_type from {wh.relation('customers')}"
    else:
        # without customers, terminations tell of contracts; without them, silence is the only sign
        kind = "postpaid" if "terminations" in wh.tables else "prepaid"
        sql = f"select customer_id, min(day) as began, '{kind}' as billing_type from activity group by customer_id"
    return Step("lines", sql, "all lines")


def billing_step(wh: Warehouse) -> Step:
    """The billing type of the plan in force at each date, where plans tell."""
    nothing = "select '' as customer_id, cast(null as date) as as_of, '' as billing_type where false"
    known = {"subscriptions", "plans"} <= set(wh.tables) and "billing_type" in wh.columns("plans")
    if not known:
        return Step("billing", nothing, "no plan history tells the billing type")
    sql = f"""\
select customer_id, as_of, billing_type
from (
    select
        t.customer_id,
        d.as_of,
        p.billing_type,
        row_number() over (
            partition by t.customer_id, d.as_of order by t.start_date desc, t.visible_date desc, t.plan_id
        ) as place
    from {wh.relation("subscriptions")} as t
    join as_of_dates as d on t.event_date <= d.as_of
    join {wh.relation("plans")} as p on p.plan_id = t.plan_id
) as r
where place = 1"""
    return Step("billing", sql, "billing type of the plan in force at each date")


# Events of credit and fraud that a label can ask about. Pure text, nothing is run.
#
# - *arrears*: a bill that is not paid in full 30 days after it was due; it happens on that day.
# - *fraud*: a case that was confirmed (``cases``, any kind but arrears); it happens on the day of confirmation, not
#   on the day on which the fraud began, because nobody knew it then.


LATE_DAYS = 30
_PAID_IN_FULL = 0.99


def first_events_step(wh: Warehouse, cause: str) -> Step:
    """The event that counts for each line and date: for arrears the next one, for fraud the first one ever."""
    needed = {"arrears": ("bills", "payments"), "fraud": ("cases",)}[cause]
    absent = [name for name in needed if name not in wh.tables]
    if absent:
        raise DataError(f"labels of {cause} need the table(s) {', '.join(needed)}\n  given: no {', '.join(absent)}")
    events = _late_bills(wh) if cause == "arrears" else _confirmed_cases(wh)
    after = "and e.day > p.as_of" if cause == "arrears" else ""
    sql = f"""\
select p.as_of, p.customer_id, min(e.day) as day, '{cause}' as cause
from population as p
join (
{events}
) as e on e.customer_id = p.customer_id {after}
group by p.as_of, p.customer_id"""
    return Step("first_exits", sql, f"the event of {cause} that counts for each line and date")


def _late_bills(wh: Warehouse) -> str:
    return f"""select b.customer_id, cast(b.due_date + {LATE_DAYS} as date) as day
from {wh.relation("bills")} as b
left join {wh.relation("payments")} as q
    on q.bill_id = b.bill_id and q.status = 'ok' and q.event_date <= b.due_date + {LATE_DAYS}
where b.amount > 0
group by b.customer_id, b.bill_id, b.due_date, b.amount
having coalesce(sum(q.amount), 0) < {_PAID_IN_FULL} * b.amount"""


def _confirmed_cases(wh: Warehouse) -> str:
    return f"""select customer_id, event_date as day
from {wh.relation("cases")}
where kind <> 'arrears'"""
