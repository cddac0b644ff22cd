"""Arrears: which bills are open or overdue as of a date, matched with their payments bill by bill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_registry import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions.function_context import FunctionContext, Step


# less than half the smallest coin is a rounding difference, not a debt
_CENT = 0.005
_DUE = ("bills.due_date",)


@sql_function(
    "arrears",
    reads=[
        Reads("bills", required=("bill_id", "amount"), optional=("due_date",)),
        Reads("payments", required=("bill_id", "amount", "status")),
    ],
    outputs={
        "open_amount": (),
        "overdue_amount": _DUE,
        "overdue_bills": _DUE,
        "days_past_due": _DUE,
        "paid_share": _DUE,
    },
)
def arrears(context: FunctionContext) -> list[Step]:
    """Open and overdue bills of each customer and date.

    A bill counts once it is visible, a payment once it is visible and its status is ``ok``; money is matched with the
    bill it names. A bill is overdue when its due day has passed and it is not paid in full; without a due day it is
    open, never overdue.
    """
    return [_paid(context), _bills(context), _customers(context)]


def _paid(context: FunctionContext) -> Step:
    sql = f"""select customer_id, as_of, bill_id, sum(cast(amount as double)) as paid
from (
{context.rows_sql("payments")}
) as p
where status = 'ok'
group by customer_id, as_of, bill_id"""
    return context.step("paid", sql, "money that came for each bill")


def _bills(context: FunctionContext) -> Step:
    sql = f"""select
    b.customer_id,
    b.as_of,
    b.due_date,
    greatest(cast(b.amount as double), 0) as billed,
    least(coalesce(p.paid, 0), greatest(cast(b.amount as double), 0)) as paid,
    greatest(cast(b.amount as double) - coalesce(p.paid, 0), 0) as unpaid
from (
{context.rows_sql("bills")}
) as b
left join {context.name}_paid as p
    on p.customer_id = b.customer_id and p.as_of = b.as_of and p.bill_id = b.bill_id"""
    return context.step("bills", sql, "what was billed and paid, bill by bill")


def _customers(context: FunctionContext) -> Step:
    overdue = f"due_date < as_of and unpaid > {_CENT}"
    due = "due_date <= as_of"
    sql = f"""select
    customer_id,
    as_of,
    sum(unpaid) as open_amount,
    sum(case when {overdue} then unpaid else 0 end) as overdue_amount,
    count(case when {overdue} then 1 end) as overdue_bills,
    coalesce(max(case when {overdue} then date_diff('day', due_date, as_of) end), 0) as days_past_due,
    sum(case when {due} then paid end) / nullif(sum(case when {due} then billed end), 0) as paid_share
from {context.name}_bills
group by customer_id, as_of"""
    return context.step("customers", sql, "open and overdue bills of each customer and date")
