"""Ties to confirmed fraud: contacts of the last 90 days whose line has a confirmed case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions._declared import Reads, sql_function
from custintel.functions._lines import CUSTOMERS, met, numbers

if TYPE_CHECKING:
    from custintel.functions._question import Question
    from custintel.functions._step import Step

__all__ = ["fraud_ties"]


@sql_function(
    "fraud_ties",
    reads=[Reads("usage", required=("other_party",), days=90), CUSTOMERS, Reads("cases", required=("kind",))],
    gives={"fraud_contacts": (), "fraud_events": (), "days_since_fraud": ()},
)
def fraud_ties(question: Question) -> list[Step]:
    """Contacts of each customer in the last 90 days whose fraud was confirmed by the date; arrears are no fraud."""
    return [numbers(question), _fraud(question), _answer(question)]


def _fraud(question: Question) -> Step:
    sql = f"""select n.customer_id, n.as_of, n.msisdn, n.since, n.until, f.fraud_day
from {question.name}_numbers as n
join (
    select customer_id, as_of, max(event_date) as fraud_day
    from (
{question.rows("cases", everyone=True)}
    ) as c
    where kind <> 'arrears'
    group by customer_id, as_of
) as f on f.customer_id = n.customer_id and f.as_of = n.as_of"""
    return question.step("fraud", sql, "the numbers of lines whose fraud was confirmed")


def _answer(question: Question) -> Step:
    sql = f"""select
    customer_id,
    as_of,
    count(*) as fraud_contacts,
    sum(n) as fraud_events,
    min(date_diff('day', fraud_day, as_of)) as days_since_fraud
from (
{met(question, "fraud", "g.fraud_day")}
) as m
group by customer_id, as_of"""
    return question.step("answer", sql, "contacts of each customer whose fraud was confirmed")
