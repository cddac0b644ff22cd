"""Communities of lines that call each other, and how near those who left are.

A tie is a pair of lines of ours that were in touch in both directions in the last 90 days, as far as either side's
records show. Communities are found by label propagation: every line begins with a label of its own and four times
takes the label with the greatest weight among its ties, its own counting as its strongest tie. Of equal weights, the
label of the line with more calls and texts to its ties wins, then with the stronger tie, with later contacts, with more
ties, and only at last with the smaller identity: the outcome hardly depends on how lines are called. Weights are whole
numbers, so it is the same on every engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions._contact_ties import CUSTOMERS, TERMINATIONS, held_by_sql, leavers, number_holders
from custintel.functions.function_registry import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions.function_context import FunctionContext, Step


_ROUNDS = 4
_RANK = 2_000_000_000


@sql_function(
    "community",
    reads=[Reads("usage", required=("other_party", "direction"), days=90), CUSTOMERS, TERMINATIONS],
    outputs={
        "ties": (),
        "tie_weight": (),
        "silent_ties": (),
        "ties_of_ties": (),
        "left_ties_of_ties": (),
        "closed_share": (),
        "community_size": (),
        "community_left": (),
        "community_inside": (),
    },
)
def community(context: FunctionContext) -> list[Step]:
    """Ties, ties of ties and community of each line."""
    rounds = [_round(context, n) for n in range(1, _ROUNDS + 1)]
    before = [number_holders(context), leavers(context), _contacts(context), _directed(context), _ties(context)]
    before += [_lines(context)]
    after = [_communities(context), _second(context), _closed(context), _own(context), _answer(context)]
    return [*before, *rounds, *after]


def _contacts(context: FunctionContext) -> Step:
    sql = f"""select
    customer_id,
    as_of,
    other_party,
    count(*) as n,
    max(case when direction = 'out' then 1 else 0 end) as sent,
    max(case when direction = 'in' then 1 else 0 end) as got,
    max(event_date) as last_day
from (
{context.rows_sql("usage", all_customers=True)}
) as u
where other_party in (select msisdn from {context.name}_numbers)
group by customer_id, as_of, other_party"""
    return context.step("contacts", sql, "contacts of all lines with numbers of ours")


def _directed(context: FunctionContext) -> Step:
    sql = f"""select c.as_of, c.customer_id as line, n.customer_id as other, max(c.n) as n, max(c.last_day) as last_day
from {context.name}_contacts as c
join {context.name}_numbers as n on {held_by_sql("n", "c")}
where c.sent = 1 and c.got = 1 and n.customer_id <> c.customer_id
group by c.as_of, c.customer_id, n.customer_id"""
    return context.step("directed", sql, "pairs in touch in both directions, as one side saw them")


def _ties(context: FunctionContext) -> Step:
    seen = f"{context.name}_directed"
    sql = f"""select as_of, line, other, max(n) as n, max(last_day) as last_day
from (
    select as_of, line, other, n, last_day from {seen}
    union all
    select as_of, other as line, line as other, n, last_day from {seen}
) as d
group by as_of, line, other"""
    return context.step("ties", sql, "ties, once from either side")


def _lines(context: FunctionContext) -> Step:
    # numbers of ten digits each, so that texts are in the order of the numbers
    ages = "sum(date_diff('day', last_day, as_of))"
    rank = [f"{_RANK} - sum(n)", f"{_RANK} - max(n)", f"{_RANK} + {ages}", f"{_RANK} - count(*)"]
    label = " || ".join([*(f"cast({number} as varchar)" for number in rank), "line"])
    sql = f"""select as_of, line, {label} as label, max(n) as strongest
from {context.name}_ties
group by as_of, line"""
    return context.step("labels_0", sql, "every line with a label of its own")


def _round(context: FunctionContext, number: int) -> Step:
    last = f"{context.name}_labels_{number - 1}"
    sql = f"""select as_of, line, label, strongest
from (
    select
        as_of,
        line,
        label,
        max(strongest) as strongest,
        row_number() over (partition by as_of, line order by sum(weight) desc, label) as place
    from (
        select t.as_of, t.line, l.label, t.n as weight, o.strongest
        from {context.name}_ties as t
        join {last} as l on l.as_of = t.as_of and l.line = t.other
        join {last} as o on o.as_of = t.as_of and o.line = t.line
        union all
        select as_of, line, label, strongest as weight, strongest from {last}
    ) as w
    group by as_of, line, label
) as c
where place = 1"""
    return context.step(f"labels_{number}", sql, f"labels after round {number}")


def _communities(context: FunctionContext) -> Step:
    sql = f"""select l.as_of, l.label, count(*) as size, count(e.customer_id) as gone
from {context.name}_labels_{_ROUNDS} as l
left join {context.name}_left as e on e.customer_id = l.line and e.as_of = l.as_of
group by l.as_of, l.label"""
    return context.step("communities", sql, "size of each community, and how many of it left")


def _second(context: FunctionContext) -> Step:
    sql = f"""select s.as_of, s.line, count(*) as reached, count(e.customer_id) as gone
from (
    select distinct a.as_of, a.line, b.other
    from {context.name}_ties as a
    join {context.name}_ties as b on b.as_of = a.as_of and b.line = a.other and b.other <> a.line
    where a.line in (select customer_id from spine)
) as s
left join {context.name}_ties as d on d.as_of = s.as_of and d.line = s.line and d.other = s.other
left join {context.name}_left as e on e.customer_id = s.other and e.as_of = s.as_of
where d.line is null
group by s.as_of, s.line"""
    return context.step("second", sql, "lines two ties away, and how many of them left")


def _closed(context: FunctionContext) -> Step:
    sql = f"""select a.as_of, a.line, cast(count(*) as double) as closed
from {context.name}_ties as a
join {context.name}_ties as b on b.as_of = a.as_of and b.line = a.line and b.other > a.other
join {context.name}_ties as c on c.as_of = a.as_of and c.line = a.other and c.other = b.other
where a.line in (select customer_id from spine)
group by a.as_of, a.line"""
    return context.step("closed", sql, "pairs of a line's ties that are tied to each other")


def _own(context: FunctionContext) -> Step:
    labels = f"{context.name}_labels_{_ROUNDS}"
    sql = f"""select
    t.as_of,
    t.line,
    max(l.label) as label,
    cast(count(*) as double) as ties,
    sum(t.n) as tie_weight,
    count(case when date_diff('day', t.last_day, t.as_of) >= 30 then 1 end) as silent_ties,
    cast(sum(case when o.label = l.label then t.n else 0 end) as double) / sum(t.n) as inside
from {context.name}_ties as t
join {labels} as l on l.as_of = t.as_of and l.line = t.line
join {labels} as o on o.as_of = t.as_of and o.line = t.other
where t.line in (select customer_id from spine)
group by t.as_of, t.line"""
    return context.step("own", sql, "the ties of each line")


def _answer(context: FunctionContext) -> Step:
    sql = f"""select
    t.line as customer_id,
    t.as_of,
    t.ties,
    t.tie_weight,
    t.silent_ties,
    coalesce(s.reached, 0) as ties_of_ties,
    coalesce(s.gone, 0) as left_ties_of_ties,
    case when t.ties > 1 then coalesce(c.closed, 0) / (t.ties * (t.ties - 1) / 2) end as closed_share,
    m.size as community_size,
    cast(m.gone as double) / m.size as community_left,
    t.inside as community_inside
from {context.name}_own as t
join {context.name}_communities as m on m.as_of = t.as_of and m.label = t.label
left join {context.name}_second as s on s.as_of = t.as_of and s.line = t.line
left join {context.name}_closed as c on c.as_of = t.as_of and c.line = t.line"""
    return context.step("answer", sql, "ties and community of each customer")
