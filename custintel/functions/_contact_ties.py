"""Who is behind a number: steps that functions about contacts share.

Numbers are recycled. A number stands for the line that held it on the last day of contact: the latest activated up to
that day. A line that changed its number is found under the new one only, because the tables keep one number a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_registry import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions.function_context import FunctionContext, Step


CUSTOMERS = Reads("customers", required=("msisdn",))
TERMINATIONS = Reads("terminations", required=("cause",), optional=("destination_operator",))


def number_holders(context: FunctionContext) -> Step:
    """Which line held which number from which day, until the next line got it."""
    sql = f"""select
    customer_id,
    as_of,
    msisdn,
    event_date as since,
    lead(event_date) over (partition by as_of, msisdn order by event_date, customer_id) as until
from (
{context.rows_sql("customers", all_customers=True)}
) as c
where msisdn is not null"""
    return context.step("numbers", sql, "which line held which number, and until when")


def held_by_sql(number: str, contact: str) -> str:
    """The condition that a contact's number belonged to a line on the last day of contact."""
    return (
        f"{number}.as_of = {contact}.as_of and {number}.msisdn = {contact}.other_party"
        f" and {contact}.last_day >= {number}.since"
        f" and ({number}.until is null or {contact}.last_day < {number}.until)"
    )


def contacts_among_sql(context: FunctionContext, lines: str, columns: str) -> str:
    """Each customer's contacts (``p``: n, last_day) among the lines of a step, whose numbers have holders (``g``)."""
    return f"""select p.customer_id, p.as_of, p.n, {columns}
from (
    select customer_id, as_of, other_party, count(*) as n, max(event_date) as last_day
    from (
{context.rows_sql("usage")}
    ) as u
    where other_party in (select msisdn from {context.name}_{lines})
    group by customer_id, as_of, other_party
) as p
join {context.name}_{lines} as g on {held_by_sql("g", "p")}
where g.customer_id <> p.customer_id"""


def leavers(context: FunctionContext) -> Step:
    """Lines that left of their own will, when, and to whom they took their number."""
    sql = f"""select
    customer_id,
    as_of,
    max(event_date) as left_day,
    max(case when cause = 'port_out' then 1 else 0 end) as ported,
    max(case when cause = 'port_out' then destination_operator end) as operator
from (
{context.rows_sql("terminations", all_customers=True)}
) as e
where cause in ('voluntary', 'port_out')
group by customer_id, as_of"""
    return context.step("left", sql, "lines that left of their own will")


# Ties to those who left: contacts of the last 90 days whose line has ended, as far as that is known.


@sql_function(
    "ties",
    reads=[Reads("usage", required=("other_party",), days=90), CUSTOMERS, TERMINATIONS],
    outputs={
        "left_contacts": (),
        "left_lately": (),
        "left_close": (),
        "left_events": (),
        "days_since_left": (),
        "ported_contacts": (),
        "ported_to": ("terminations.destination_operator",),
    },
)
def ties_to_churned(context: FunctionContext) -> list[Step]:
    """Contacts of each customer who left (asked to end the line or take the number away), if known.

    Lines ended by us, by death or by silence do not count as having left.
    """
    return [
        number_holders(context),
        leavers(context),
        _churned_numbers(context),
        _churned_contacts(context),
        _operators(context),
        _answer(context),
    ]


def _churned_numbers(context: FunctionContext) -> Step:
    sql = f"""select n.customer_id, n.as_of, n.msisdn, n.since, n.until, l.left_day, l.ported, l.operator
from {context.name}_numbers as n
join {context.name}_left as l on l.customer_id = n.customer_id and l.as_of = n.as_of"""
    return context.step("gone", sql, "the numbers of those who left")


def _churned_contacts(context: FunctionContext) -> Step:
    sql = contacts_among_sql(context, "gone", "g.left_day, g.ported, g.operator")
    return context.step("met", sql, "contacts who left, and how much they were in touch")


def _operators(context: FunctionContext) -> Step:
    sql = f"""select customer_id, as_of, operator
from (
    select
        customer_id,
        as_of,
        operator,
        row_number() over (partition by customer_id, as_of order by count(*) desc, operator) as place
    from {context.name}_met
    where operator is not null
    group by customer_id, as_of, operator
) as o
where place = 1"""
    return context.step("operators", sql, "the operator to which most contacts took their number")


def _answer(context: FunctionContext) -> Step:
    sql = f"""select
    m.customer_id,
    m.as_of,
    count(*) as left_contacts,
    count(case when date_diff('day', m.left_day, m.as_of) < 30 then 1 end) as left_lately,
    count(case when m.n >= 10 then 1 end) as left_close,
    sum(m.n) as left_events,
    min(date_diff('day', m.left_day, m.as_of)) as days_since_left,
    sum(m.ported) as ported_contacts,
    max(o.operator) as ported_to
from {context.name}_met as m
left join {context.name}_operators as o on o.customer_id = m.customer_id and o.as_of = m.as_of
group by m.customer_id, m.as_of"""
    return context.step("answer", sql, "contacts of each customer who left")


# Ties to confirmed fraud: contacts of the last 90 days whose line has a confirmed case.


@sql_function(
    "fraud_ties",
    reads=[Reads("usage", required=("other_party",), days=90), CUSTOMERS, Reads("cases", required=("kind",))],
    outputs={"fraud_contacts": (), "fraud_events": (), "days_since_fraud": ()},
)
def fraud_ties(context: FunctionContext) -> list[Step]:
    """Contacts of each customer in the last 90 days whose fraud was confirmed by the date; arrears are no fraud."""
    return [number_holders(context), _fraud(context), _fraud_answer(context)]


def _fraud(context: FunctionContext) -> Step:
    sql = f"""select n.customer_id, n.as_of, n.msisdn, n.since, n.until, f.fraud_day
from {context.name}_numbers as n
join (
    select customer_id, as_of, max(event_date) as fraud_day
    from (
{context.rows_sql("cases", all_customers=True)}
    ) as c
    where kind <> 'arrears'
    group by customer_id, as_of
) as f on f.customer_id = n.customer_id and f.as_of = n.as_of"""
    return context.step("fraud", sql, "the numbers of lines whose fraud was confirmed")


def _fraud_answer(context: FunctionContext) -> Step:
    sql = f"""select
    customer_id,
    as_of,
    count(*) as fraud_contacts,
    sum(n) as fraud_events,
    min(date_diff('day', fraud_day, as_of)) as days_since_fraud
from (
{contacts_among_sql(context, "fraud", "g.fraud_day")}
) as m
group by customer_id, as_of"""
    return context.step("answer", sql, "contacts of each customer whose fraud was confirmed")


# Debtors nearby: lines that we ended for debt and that share a household, an account or a device with the customer.


@sql_function(
    "debtors",
    reads=[
        Reads("customers", optional=("household_id", "account_id")),
        Reads("terminations", required=("cause",)),
        Reads("usage", optional=("device_id",), days=180),
    ],
    outputs={
        "household_debtors": ("customers.household_id",),
        "account_debtors": ("customers.account_id",),
        "device_debtors": ("usage.device_id",),
    },
)
def debtors(context: FunctionContext) -> list[Step]:
    """Other lines ended by us (``involuntary``) of the same household, account, or devices of the last 180 days."""
    return [_lines_cut(context), _devices(context), _shared_with_debtors(context), _debt_answer(context)]


def _lines_cut(context: FunctionContext) -> Step:
    sql = f"""select distinct c.customer_id, c.as_of, c.household_id, c.account_id
from (
{context.rows_sql("customers", all_customers=True)}
) as c
join (
{context.rows_sql("terminations", all_customers=True)}
) as t on t.customer_id = c.customer_id and t.as_of = c.as_of
where t.cause = 'involuntary'"""
    return context.step("ended", sql, "lines that were ended for debt")


def _devices(context: FunctionContext) -> Step:
    sql = f"""select distinct customer_id, as_of, device_id
from (
{context.rows_sql("usage", all_customers=True)}
) as u
where device_id is not null"""
    return context.step("devices", sql, "one row a line and device")


def _shared_with_debtors(context: FunctionContext) -> Step:
    sql = f"""select mine.customer_id, mine.as_of, count(distinct theirs.customer_id) as debtors
from {context.name}_devices as mine
join {context.name}_devices as theirs on theirs.device_id = mine.device_id and theirs.as_of = mine.as_of
join {context.name}_ended as e on e.customer_id = theirs.customer_id and e.as_of = theirs.as_of
where theirs.customer_id <> mine.customer_id and mine.customer_id in (select customer_id from spine)
group by mine.customer_id, mine.as_of"""
    return context.step("reused", sql, "debtors whose device the customer uses")


def _debt_answer(context: FunctionContext) -> Step:
    sql = f"""select
    c.customer_id,
    c.as_of,
    {_other_debtors_sql("household")} as household_debtors,
    {_other_debtors_sql("account")} as account_debtors,
    coalesce(r.debtors, 0) as device_debtors
from (
{context.rows_sql("customers")}
) as c
left join {context.name}_reused as r on r.customer_id = c.customer_id and r.as_of = c.as_of
{_group_join_sql(context, "household")}
{_group_join_sql(context, "account")}
left join {context.name}_ended as own on own.customer_id = c.customer_id and own.as_of = c.as_of"""
    return context.step("answer", sql, "debtors near each customer")


def _other_debtors_sql(kind: str) -> str:
    """Debtors of the group without the customer, who may be one; missing where the group is not known."""
    own = "case when own.customer_id is not null then 1 else 0 end"
    return f"case when c.{kind}_id is not null then coalesce({kind}.debtors, 0) - {own} end"


def _group_join_sql(context: FunctionContext, kind: str) -> str:
    return f"""left join (
    select as_of, {kind}_id, count(*) as debtors
    from {context.name}_ended
    where {kind}_id is not null
    group by as_of, {kind}_id
) as {kind} on {kind}.{kind}_id = c.{kind}_id and {kind}.as_of = c.as_of"""
