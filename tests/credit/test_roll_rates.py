"""Stages of arrears, and the rates at which customers roll from one to the next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.credit import roll_rates
from custintel.credit._roll_rates import ARREARS_STAGES, arrears_stages
from custintel.errors import DataError
from custintel.warehouse import Warehouse


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


PAID = [(f"{c}{m}", f"2025-0{m}-18", 30.0, "ok") for c in "abc" for m in (3, 4)]


def test_stages_follow_the_oldest_bill_not_paid_in_full() -> None:
    payments = [p for p in PAID if p[0] not in ("a3", "a4", "b3")]
    payments += [("b3", "2025-04-25", 30.0, "ok"), ("a4", "2025-04-18", 5.0, "ok")]
    found = arrears_stages(tables(payments, []), ["2025-03-31", "2025-04-30", "2025-05-31", "2025-07-31"])
    assert found.loc["a"].tolist() == ["1-30", "31-60", "61-90", "91-150"]
    assert found.loc["b"].tolist() == ["1-30", "current", "current", "current"]
    assert found.loc["c"].tolist() == ["current"] * 4


def test_rates_of_a_simulated_operator_are_those_it_was_made_with() -> None:
    wh = Warehouse.simulate(customers=2000, months=9, seed=2)
    found = roll_rates(wh, pd.date_range("2025-03-31", "2025-09-30", freq="ME"))
    shares = found.drop(columns="customers")
    np.testing.assert_allclose(shares.sum(axis=1)[found["customers"] > 0], 1.0)
    assert 0.22 <= shares.loc["1-30", "31-60"] <= 0.38
    assert shares.loc["61-90", ["91-150", "written off"]].sum() >= 0.6
    assert list(found.index) == list(ARREARS_STAGES)
    with pytest.raises(DataError, match="two dates"):
        roll_rates(wh, ["2025-03-31"])
