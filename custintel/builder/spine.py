"""The spine: the rows that must come out, whether or not there is a record for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder.aggregation.day_buckets import date_sql
from custintel.builder.sql_steps import values_sql
from custintel.contracts.time_checks import ENDS
from custintel.errors import DataError
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from custintel.builder.source_tables import Sources


"""Causes of a termination that end a line; the others (migration, number_change, ...) only look as if they did."""

_ROWS = "customers and dates: one row each comes out"


def dates_step(dates: Sequence[date]) -> Step:
    """The as-of dates."""
    return Step("as_of_dates", values_sql([(date_sql(day),) for day in dates], [AS_OF]), "the as-of dates")


def spine_steps(sources: Sources, dates: Sequence[date]) -> list[Step]:
    """Customers in service at each date; without a table of customers, all with an event up to it."""
    sql = _served_sql(sources) if "customers" in sources else _active_sql(sources)
    return [dates_step(dates), Step("spine", sql, _ROWS)]


def customer_spine_steps(dates: Sequence[date], relation: str) -> list[Step]:
    """Exactly the customers of a relation, at each date."""
    sql = f"select c.customer_id, d.{AS_OF}\nfrom {relation} as c cross join as_of_dates as d"
    return [dates_step(dates), Step("spine", sql, _ROWS)]


def row_spine_steps(dates: Sequence[date], relation: str) -> list[Step]:
    """Exactly the pairs of a relation that fall on these dates: each customer at its own."""
    sql = f"select c.customer_id, d.{AS_OF}\nfrom {relation} as c join as_of_dates as d on d.{AS_OF} = c.{AS_OF}"
    return [dates_step(dates), Step("spine", sql, _ROWS)]


def _served_sql(sources: Sources) -> str:
    lines = [
        f"select c.customer_id, d.{AS_OF}",
        f"from {sources['customers'].relation} as c cross join as_of_dates as d",
        f"where c.activation_date <= d.{AS_OF}",
    ]
    if "terminations" in sources:
        causes = ", ".join(f"'{cause}'" for cause in ENDS)
        lines += [
            "    and not exists (",
            f"        select 1 from {sources['terminations'].relation} as e",
            f"        where e.customer_id = c.customer_id and e.cause in ({causes})",
            f"            and e.event_date <= d.{AS_OF} and e.visible_date <= d.{AS_OF}",
            "    )",
        ]
    return "\n".join(lines)


def _active_sql(sources: Sources) -> str:
    events = [sources[t].relation for t in sources.tables if sources.has_events(t)]
    if not events:
        raise DataError(
            "no table tells which customers there are\n"
            f"  given: {', '.join(sources.tables) or 'no tables'}\n"
            "  allowed: customers, or any table with customer_id and a time (usage, bills, payments, ...)"
        )
    seen = "\n    union all ".join(
        f"select customer_id, min(visible_date) as seen from {relation} group by customer_id" for relation in events
    )
    grouped = f"select customer_id, min(seen) as seen from (\n    {seen}\n) as e group by customer_id"
    return f"select c.customer_id, d.{AS_OF}\nfrom (\n{grouped}\n) as c join as_of_dates as d on c.seen <= d.{AS_OF}"
