"""SQL of the facts behind labels: active days, endings, lines, billing types. Pure text; nothing is run here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder.aggregation.day_buckets import date_sql
from custintel.builder.sql_steps import values_sql
from custintel.contracts.time_checks import ENDS
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
