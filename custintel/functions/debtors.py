"""Debtors nearby: lines that we ended for debt and that share a household, an account or a device with the customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions._declared import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions._question import Question
    from custintel.functions._step import Step

__all__ = ["debtors"]


@sql_function(
    "debtors",
    reads=[
        Reads("customers", optional=("household_id", "account_id")),
        Reads("terminations", required=("cause",)),
        Reads("usage", optional=("device_id",), days=180),
    ],
    gives={
        "household_debtors": ("customers.household_id",),
        "account_debtors": ("customers.account_id",),
        "device_debtors": ("usage.device_id",),
    },
)
def debtors(question: Question) -> list[Step]:
    """Other lines ended by us (``involuntary``) of the same household, account, or devices of the last 180 days."""
    return [_ended(question), _devices(question), _reused(question), _answer(question)]


def _ended(question: Question) -> Step:
    sql = f"""select distinct c.customer_id, c.as_of, c.household_id, c.account_id
from (
{question.rows("customers", everyone=True)}
) as c
join (
{question.rows("terminations", everyone=True)}
) as t on t.customer_id = c.customer_id and t.as_of = c.as_of
where t.cause = 'involuntary'"""
    return question.step("ended", sql, "lines that were ended for debt")


def _devices(question: Question) -> Step:
    sql = f"""select distinct customer_id, as_of, device_id
from (
{question.rows("usage", everyone=True)}
) as u
where device_id is not null"""
    return question.step("devices", sql, "one row a line and device")


def _reused(question: Question) -> Step:
    sql = f"""select mine.customer_id, mine.as_of, count(distinct theirs.customer_id) as debtors
from {question.name}_devices as mine
join {question.name}_devices as theirs on theirs.device_id = mine.device_id and theirs.as_of = mine.as_of
join {question.name}_ended as e on e.customer_id = theirs.customer_id and e.as_of = theirs.as_of
where theirs.customer_id <> mine.customer_id and mine.customer_id in (select customer_id from spine)
group by mine.customer_id, mine.as_of"""
    return question.step("reused", sql, "debtors whose device the customer uses")


def _answer(question: Question) -> Step:
    sql = f"""select
    c.customer_id,
    c.as_of,
    {_others("household")} as household_debtors,
    {_others("account")} as account_debtors,
    coalesce(r.debtors, 0) as device_debtors
from (
{question.rows("customers")}
) as c
left join {question.name}_reused as r on r.customer_id = c.customer_id and r.as_of = c.as_of
{_join(question, "household")}
{_join(question, "account")}
left join {question.name}_ended as own on own.customer_id = c.customer_id and own.as_of = c.as_of"""
    return question.step("answer", sql, "debtors near each customer")


def _others(kind: str) -> str:
    """Debtors of the group without the customer, who may be one; missing where the group is not known."""
    own = "case when own.customer_id is not null then 1 else 0 end"
    return f"case when c.{kind}_id is not null then coalesce({kind}.debtors, 0) - {own} end"


def _join(question: Question, kind: str) -> str:
    return f"""left join (
    select as_of, {kind}_id, count(*) as debtors
    from {question.name}_ended
    where {kind}_id is not null
    group by as_of, {kind}_id
) as {kind} on {kind}.{kind}_id = c.{kind}_id and {kind}.as_of = c.as_of"""
