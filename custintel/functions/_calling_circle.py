"""The calling circle as a whole: how it leans on few, how it shifts, who moved to a competitor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_registry import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions.function_context import FunctionContext, Step


_DESTINATION = ("usage.destination",)
_OPERATOR = ("usage.destination", "usage.other_operator")


@sql_function(
    "circle",
    reads=[Reads("usage", required=("other_party",), optional=("destination", "other_operator"), days=90)],
    outputs={
        "pareto_share": (),
        "circle_likeness": (),
        "close_silent": (),
        "closest_silence": (),
        "moved_contacts": _DESTINATION,
        "moved_events": _DESTINATION,
        "main_competitor": _OPERATOR,
        "main_competitor_contacts": _OPERATOR,
        "main_competitor_growth": _OPERATOR,
    },
)
def calling_circle(context: FunctionContext) -> list[Step]:
    """The contacts of each customer over 90 days, once a contact: calls and texts, lately and before, on which net.

    The closest contact is the one with most calls and texts; equal ones go by their number. A contact moved to a
    competitor if all calls and texts on the net came before all those off the net.
    """
    return [_contacts(context), _ranked(context), _operators(context), _answer(context)]


def _contacts(context: FunctionContext) -> Step:
    lately = "date_diff('day', event_date, as_of) < 30"
    sql = f"""select
    customer_id,
    as_of,
    other_party,
    cast(count(*) as double) as n,
    cast(count(case when {lately} then 1 end) as double) as n_lately,
    max(event_date) as last_day,
    max(case when destination = 'on_net' then event_date end) as on_net_last,
    min(case when destination = 'off_net' then event_date end) as off_net_first,
    max(case when destination = 'off_net' then other_operator end) as operator
from (
{context.rows_sql("usage")}
) as u
where other_party is not null
group by customer_id, as_of, other_party"""
    return context.step("contacts", sql, "one row a contact")


def _ranked(context: FunctionContext) -> Step:
    over = "over (partition by customer_id, as_of order by n desc, last_day desc, other_party"
    sql = f"""select
    *,
    row_number() {over}) as place,
    sum(n) {over} rows between unbounded preceding and current row) as reached,
    sum(n) over (partition by customer_id, as_of) as total
from {context.name}_contacts"""
    return context.step("ranked", sql, "contacts in the order of calls and texts")


def _operators(context: FunctionContext) -> Step:
    sql = f"""select customer_id, as_of, operator, contacts, n_lately / 30 - (n - n_lately) / 60 as growth
from (
    select
        customer_id,
        as_of,
        operator,
        count(*) as contacts,
        sum(n) as n,
        sum(n_lately) as n_lately,
        row_number() over (partition by customer_id, as_of order by sum(n) desc, operator) as place
    from {context.name}_contacts
    where operator is not null
    group by customer_id, as_of, operator
) as o
where place = 1"""
    return context.step("operators", sql, "the competitor with most calls and texts")


def _answer(context: FunctionContext) -> Step:
    moved = "c.on_net_last < c.off_net_first"
    before = "(c.n - c.n_lately)"
    sql = f"""select
    c.customer_id,
    c.as_of,
    cast(count(case when c.reached - c.n < ceil(0.8 * c.total) then 1 end) as double) / count(*) as pareto_share,
    sum(c.n_lately * {before})
        / nullif(sqrt(sum(c.n_lately * c.n_lately)) * sqrt(sum({before} * {before})), 0) as circle_likeness,
    count(case when c.place <= 5 and c.n_lately = 0 then 1 end) as close_silent,
    max(case when c.place = 1 then date_diff('day', c.last_day, c.as_of) end) as closest_silence,
    count(case when {moved} then 1 end) as moved_contacts,
    sum(case when {moved} then c.n else 0 end) as moved_events,
    max(o.operator) as main_competitor,
    max(o.contacts) as main_competitor_contacts,
    max(o.growth) as main_competitor_growth
from {context.name}_ranked as c
left join {context.name}_operators as o on o.customer_id = c.customer_id and o.as_of = c.as_of
group by c.customer_id, c.as_of"""
    return context.step("answer", sql, "the circle of each customer")
