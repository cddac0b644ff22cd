"""Three postpaid lines with two bills each: who paid them, and which cases were found."""

from __future__ import annotations

import numpy as np
import pandas as pd

from custintel.warehouse import Warehouse

PAID = [(f"{c}{m}", f"2025-0{m}-18", 30.0, "ok") for c in "abc" for m in (3, 4)]


def tables(payments: list[tuple[str, str, float, str]], cases: list[tuple[str, str, str]]) -> Warehouse:
    """Bills of a, b and c due on 20 March and 20 April, and use on every day until the end of July."""
    days = pd.date_range("2025-01-01", "2025-07-31")
    usage = pd.concat(
        [pd.DataFrame({"customer_id": c, "service": "voice", "direction": "out", "event_time": days}) for c in "abc"]
    )
    customers = pd.DataFrame(
        {"customer_id": list("abc"), "billing_type": "postpaid", "activation_date": pd.Timestamp("2024-01-01")}
    )
    bills = pd.DataFrame(
        [(f"{c}{m}", c, f"2025-0{m}-02", f"2025-0{m}-20", 30.0) for c in "abc" for m in (3, 4)],
        columns=["bill_id", "customer_id", "event_time", "due_date", "amount"],
    ).astype({"event_time": "datetime64[ns]", "due_date": "datetime64[ns]"})
    paid = pd.DataFrame(payments, columns=["bill_id", "event_time", "amount", "status"]).assign(
        customer_id=lambda f: f["bill_id"].str[0], payment_id=lambda f: np.arange(len(f)).astype(str)
    )
    found = pd.DataFrame(cases, columns=["customer_id", "event_time", "kind"]).assign(
        case_id=lambda f: np.arange(len(f)).astype(str)
    )
    as_time = {"event_time": "datetime64[ns]"}
    return Warehouse.from_frames(
        usage=usage, customers=customers, bills=bills, payments=paid.astype(as_time), cases=found.astype(as_time)
    )
