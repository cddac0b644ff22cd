"""Matters that customer care has not solved yet, and contacts that come again on the same topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_registry import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions.function_context import FunctionContext, Step


_SOLVED, _TOPIC = ("care.resolved_time",), ("care.topic",)


@sql_function(
    "unsolved",
    reads=[Reads("care", required=("kind", "event_time"), optional=("topic", "resolved_time"), days=180)],
    outputs={
        "open_cases": _SOLVED,
        "oldest_open_days": _SOLVED,
        "open_days": _SOLVED,
        "repeats_7": _TOPIC,
        "repeats_30": _TOPIC,
        "repeated_topics": _TOPIC,
    },
)
def unsolved_care(context: FunctionContext) -> list[Step]:
    """Contacts of 180 days still open at the end of the day, and those that repeat a topic within 7 and 30 days."""
    return [_contacts(context), _answer(context)]


def _contacts(context: FunctionContext) -> Step:
    before = "lag(event_time) over (partition by customer_id, as_of, topic order by event_time)"
    sql = f"""select
    customer_id,
    as_of,
    topic,
    date_diff('day', event_date, as_of) as age,
    case when resolved_time is null then 1 else 0 end as still_open,
    case when topic is not null then date_diff('second', {before}, event_time) end as pause
from (
{context.rows_sql("care")}
) as c"""
    return context.step("contacts", sql, "contacts with the pause since the last one on the same topic")


def _answer(context: FunctionContext) -> Step:
    day = 86_400
    sql = f"""select
    customer_id,
    as_of,
    sum(still_open) as open_cases,
    max(case when still_open = 1 then age end) as oldest_open_days,
    sum(case when still_open = 1 then age else 0 end) as open_days,
    count(case when pause <= {7 * day} then 1 end) as repeats_7,
    count(case when pause <= {30 * day} then 1 end) as repeats_30,
    count(distinct case when pause <= {30 * day} then topic end) as repeated_topics
from {context.name}_contacts
group by customer_id, as_of"""
    return context.step("answer", sql, "open and repeated matters of each customer")
