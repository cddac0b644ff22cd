"""Ties to those who left: contacts of the last 90 days whose line has ended, as far as that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions._declared import Reads, sql_function
from custintel.functions._lines import CUSTOMERS, TERMINATIONS, left, met, numbers

if TYPE_CHECKING:
    from custintel.functions._question import Question
    from custintel.functions._step import Step

__all__ = ["ties"]


@sql_function(
    "ties",
    reads=[Reads("usage", required=("other_party",), days=90), CUSTOMERS, TERMINATIONS],
    gives={
        "left_contacts": (),
        "left_lately": (),
        "left_close": (),
        "left_events": (),
        "days_since_left": (),
        "ported_contacts": (),
        "ported_to": ("terminations.destination_operator",),
    },
)
def ties(question: Question) -> list[Step]:
    """Contacts of each customer who left (asked to end the line or take the number away), if known.

    Lines ended by us, by death or by silence do not count as having left.
    """
    return [numbers(question), left(question), _gone(question), _met(question), _operators(question), _answer(question)]


def _gone(question: Question) -> Step:
    sql = f"""select n.customer_id, n.as_of, n.msisdn, n.since, n.until, l.left_day, l.ported, l.operator
from {question.name}_numbers as n
join {question.name}_left as l on l.customer_id = n.customer_id and l.as_of = n.as_of"""
    return question.step("gone", sql, "the numbers of those who left")


def _met(question: Question) -> Step:
    sql = met(question, "gone", "g.left_day, g.ported, g.operator")
    return question.step("met", sql, "contacts who left, and how much they were in touch")


def _operators(question: Question) -> Step:
    sql = f"""select customer_id, as_of, operator
from (
    select
        customer_id,
        as_of,
        operator,
        row_number() over (partition by customer_id, as_of order by count(*) desc, operator) as place
    from {question.name}_met
    where operator is not null
    group by customer_id, as_of, operator
) as o
where place = 1"""
    return question.step("operators", sql, "the operator to which most contacts took their number")


def _answer(question: Question) -> Step:
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
from {question.name}_met as m
left join {question.name}_operators as o on o.customer_id = m.customer_id and o.as_of = m.as_of
group by m.customer_id, m.as_of"""
    return question.step("answer", sql, "contacts of each customer who left")
