"""Who is behind a number: steps that functions about contacts share.

Numbers are recycled. A number stands for the line that held it on the last day of contact: the latest activated up to
that day. A line that changed its number is found under the new one only, because the tables keep one number a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions._declared import Reads

if TYPE_CHECKING:
    from custintel.functions._question import Question
    from custintel.functions._step import Step

__all__ = ["CUSTOMERS", "TERMINATIONS", "held", "left", "met", "numbers"]

CUSTOMERS = Reads("customers", required=("msisdn",))
TERMINATIONS = Reads("terminations", required=("cause",), optional=("destination_operator",))


def numbers(question: Question) -> Step:
    """Which line held which number from which day, until the next line got it."""
    sql = f"""select
    customer_id,
    as_of,
    msisdn,
    event_date as since,
    lead(event_date) over (partition by as_of, msisdn order by event_date, customer_id) as until
from (
{question.rows("customers", everyone=True)}
) as c
where msisdn is not null"""
    return question.step("numbers", sql, "which line held which number, and until when")


def held(number: str, contact: str) -> str:
    """The condition that a contact's number belonged to a line on the last day of contact."""
    return (
        f"{number}.as_of = {contact}.as_of and {number}.msisdn = {contact}.other_party"
        f" and {contact}.last_day >= {number}.since"
        f" and ({number}.until is null or {contact}.last_day < {number}.until)"
    )


def met(question: Question, lines: str, columns: str) -> str:
    """Each customer's contacts (``p``: n, last_day) among the lines of a step with their numbers (``g``)."""
    return f"""select p.customer_id, p.as_of, p.n, {columns}
from (
    select customer_id, as_of, other_party, count(*) as n, max(event_date) as last_day
    from (
{question.rows("usage")}
    ) as u
    where other_party in (select msisdn from {question.name}_{lines})
    group by customer_id, as_of, other_party
) as p
join {question.name}_{lines} as g on {held("g", "p")}
where g.customer_id <> p.customer_id"""


def left(question: Question) -> Step:
    """Lines that left of their own will, when, and to whom they took their number."""
    sql = f"""select
    customer_id,
    as_of,
    max(event_date) as left_day,
    max(case when cause = 'port_out' then 1 else 0 end) as ported,
    max(case when cause = 'port_out' then destination_operator end) as operator
from (
{question.rows("terminations", everyone=True)}
) as e
where cause in ('voluntary', 'port_out')
group by customer_id, as_of"""
    return question.step("left", sql, "lines that left of their own will")
