"""Brute force for the functions of the catalogue: plain loops over rows, written apart from their SQL.

Each takes ``seen``, which gives all rows of a table that are visible as of the date (a list without a time: whole;
values that are written later than their row: missing until they are known), one customer, and the date.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

Row = dict[str, Any]
Seen = Callable[[str], list[Row]]


def day(value: Any) -> date:
    return value.date() if hasattr(value, "date") else value


def of(customer: str, rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["customer_id"] == customer]


def arrears(seen: Seen, customer: str, as_of: date) -> Row:
    bills, money = [], [p for p in of(customer, seen("payments")) if p["status"] == "ok"]
    for bill in of(customer, seen("bills")):
        payments = [p for p in money if p["bill_id"] == bill["bill_id"]]
        billed = max(bill["amount"], 0.0)
        paid = sum(p["amount"] for p in payments)
        due = bill["due_date"]
        late = 0 if due is None else (as_of - day(due)).days
        bills.append({"billed": billed, "paid": min(paid, billed), "left": max(billed - paid, 0.0), "late": late})
        bills[-1]["due"] = due is not None and late >= 0
    overdue = [b for b in bills if b["late"] > 0 and b["left"] > 0.005]
    due = [b for b in bills if b["due"]]
    billed = sum(b["billed"] for b in due)
    return {
        "open_amount": sum(b["left"] for b in bills) if bills else None,
        "overdue_amount": sum(b["left"] for b in overdue) if bills else None,
        "overdue_bills": len(overdue) if bills else None,
        "days_past_due": max((b["late"] for b in overdue), default=0) if bills else None,
        "paid_share": sum(b["paid"] for b in due) / billed if billed else None,
    }


ORACLES: dict[str, Callable[[Seen, str, date], Row]] = {"arrears": arrears}
