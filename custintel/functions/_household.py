"""Household and account: the lines that live or pay together, and those among them that left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_registry import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions.function_context import Question, Step


_HOUSE, _ACCOUNT = ("customers.household_id",), ("customers.account_id",)


@sql_function(
    "household",
    reads=[
        Reads("customers", optional=("household_id", "account_id", "billing_type")),
        Reads("terminations", required=("cause",)),
    ],
    gives={
        "household_lines": _HOUSE,
        "household_left": _HOUSE,
        "household_new": _HOUSE,
        "household_oldest": _HOUSE,
        "household_prepaid": _HOUSE,
        "account_lines": _ACCOUNT,
        "account_left": _ACCOUNT,
    },
)
def household(question: Question) -> list[Step]:
    """Lines in service of the same household and account (the customer's own included), and others that left.

    In service: activated and not ended by a request, by us or by death, as far as known. Left: ended within 180 days
    at the request of the customer.
    """
    return [_lines(question), _groups(question, "household"), _groups(question, "account"), _answer(question)]


def _lines(question: Question) -> Step:
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
{question.rows("customers", everyone=True)}
) as c
left join (
    select
        customer_id,
        as_of,
        min(event_date) as end_day,
        max(case when cause in ('voluntary', 'port_out') then event_date end) as left_day
    from (
{question.rows("terminations", everyone=True)}
    ) as t
    where cause in ('voluntary', 'port_out', 'involuntary', 'death')
    group by customer_id, as_of
) as e on e.customer_id = c.customer_id and e.as_of = c.as_of"""
    return question.step("lines", sql, "all lines: in service, or left lately")


def _groups(question: Question, kind: str) -> Step:
    sql = f"""select
    as_of,
    {kind}_id,
    sum(served) as lines,
    sum(gone) as gone,
    sum(case when days < 90 then served else 0 end) as joined,
    max(case when served = 1 then days end) as oldest,
    sum(served * prepaid) as prepaid
from {question.name}_lines
where {kind}_id is not null
group by as_of, {kind}_id"""
    return question.step(f"{kind}s", sql, f"each {kind}")


def _answer(question: Question) -> Step:
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
from {question.name}_lines as l
left join {question.name}_households as h on h.household_id = l.household_id and h.as_of = l.as_of
left join {question.name}_accounts as a on a.account_id = l.account_id and a.as_of = l.as_of
where l.customer_id in (select customer_id from spine)"""
    return question.step("answer", sql, "household and account of each customer")
