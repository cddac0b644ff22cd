"""Household and account: the lines that live or pay together, and those among them that left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_registry import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions.function_context import FunctionContext, Step


_HOUSE, _ACCOUNT = ("customers.household_id",), ("customers.account_id",)


@sql_function(
    "household",
    reads=[
        Reads("customers", optional=("household_id", "account_id", "billing_type")),
        Reads("terminations", required=("cause",)),
    ],
    outputs={
        "household_lines": _HOUSE,
        "household_left": _HOUSE,
        "household_new": _HOUSE,
        "household_oldest": _HOUSE,
        "household_prepaid": _HOUSE,
        "account_lines": _ACCOUNT,
        "account_left": _ACCOUNT,
    },
)
def household(context: FunctionContext) -> list[Step]:
    """Lines in service of the same household and account (the customer's own included), and others that left.

    In service: activated and not ended by a request, by us or by death, as far as known. Left: ended within 180 days
    at the request of the customer.
    """
    return [_lines(context), _groups(context, "household"), _groups(context, "account"), _answer(context)]


def _lines(context: FunctionContext) -> Step:
    sql = f"""select
    c.customer_id,
    c.as_of,
    c.household_id,
    c.account_id,
    date_diff('day', c.event_date, c.as_of) as days,
    case when c.billing_type = 'prepaid' then 1 else 0 end as prepaid,
    case when e.end_day is null then 1 else 0 end as served,
    case when date_diff('day', e.left_day, c.as_of) < 180 then 1 else 0 end as gone
from (
{context.rows_sql("customers", all_customers=True)}
) as c
left join (
    select
        customer_id,
        as_of,
        min(event_date) as end_day,
        max(case when cause in ('voluntary', 'port_out') then event_date end) as left_day
    from (
{context.rows_sql("terminations", all_customers=True)}
    ) as t
    where cause in ('voluntary', 'port_out', 'involuntary', 'death')
    group by customer_id, as_of
) as e on e.customer_id = c.customer_id and e.as_of = c.as_of"""
    return context.step("lines", sql, "all lines: in service, or left lately")


def _groups(context: FunctionContext, kind: str) -> Step:
    sql = f"""select
    as_of,
    {kind}_id,
    sum(served) as lines,
    sum(gone) as gone,
    sum(case when days < 90 then served else 0 end) as joined,
    max(case when served = 1 then days end) as oldest,
    sum(served * prepaid) as prepaid
from {context.name}_lines
where {kind}_id is not null
group by as_of, {kind}_id"""
    return context.step(f"{kind}s", sql, f"each {kind}")


def _answer(context: FunctionContext) -> Step:
    sql = f"""select
    l.customer_id,
    l.as_of,
    h.lines as household_lines,
    h.gone - l.gone as household_left,
    h.joined as household_new,
    h.oldest as household_oldest,
    h.prepaid as household_prepaid,
    a.lines as account_lines,
    a.gone - l.gone as account_left
from {context.name}_lines as l
left join {context.name}_households as h on h.household_id = l.household_id and h.as_of = l.as_of
left join {context.name}_accounts as a on a.account_id = l.account_id and a.as_of = l.as_of
where l.customer_id in (select customer_id from spine)"""
    return context.step("answer", sql, "household and account of each customer")
