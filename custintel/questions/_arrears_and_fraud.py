"""SQL of the events that arrears and fraud labels count. Pure text; nothing is run here.

- *arrears*: a bill that is not paid in full some days after it was due (30 by default); the event falls on that day.
- *fraud*: a case that was confirmed (``cases``, any kind but arrears); the event falls on the day of confirmation, not
  on the day on which the fraud began, because nobody knew of it then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.errors import DataError
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from custintel.questions._outcome import Outcome
    from custintel.warehouse import Warehouse


PAID_IN_FULL = 0.99


def counted_events_step(wh: Warehouse, outcome: Outcome) -> Step:
    """The event that counts for each line and date: for arrears the next one, for fraud the first one ever."""
    kind = outcome.kind
    needed = {"arrears": ("bills", "payments"), "fraud": ("cases",)}[kind]
    absent = [name for name in needed if name not in wh.tables]
    if absent:
        raise DataError(f"labels of {kind} need the table(s) {', '.join(needed)}\n  given: no {', '.join(absent)}")
    events = _late_bills(wh, outcome.late_days) if kind == "arrears" else _confirmed_cases(wh)
    after = "and e.day > p.as_of" if kind == "arrears" else ""
    sql = f"""\
select p.as_of, p.customer_id, min(e.day) as day, '{kind}' as cause
from population as p
join (
{events}
) as e on e.customer_id = p.customer_id {after}
group by p.as_of, p.customer_id"""
    return Step("first_exits", sql, f"the event of {kind} that counts for each line and date")


def _late_bills(wh: Warehouse, late: int) -> str:
    return f"""select b.customer_id, cast(b.due_date + {late} as date) as day
from {wh.relation("bills")} as b
left join {wh.relation("payments")} as q
    on q.bill_id = b.bill_id and q.status = 'ok' and q.event_date <= b.due_date + {late}
where b.amount > 0
group by b.customer_id, b.bill_id, b.due_date, b.amount
having coalesce(sum(q.amount), 0) < {PAID_IN_FULL} * b.amount"""


def _confirmed_cases(wh: Warehouse) -> str:
    return f"""select customer_id, event_date as day
from {wh.relation("cases")}
where kind <> 'arrears'"""
