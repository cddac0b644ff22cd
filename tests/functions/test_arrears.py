"""Arrears, on bills and payments small enough to check by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.errors import DataError
from custintel.warehouse import Warehouse

BILLS = pd.DataFrame(
    [
        ("b1", "a", "2025-03-31", "2025-04-14", 30.0),
        ("b2", "a", "2025-04-30", "2025-05-14", 40.0),
        ("b3", "a", "2025-05-31", "2025-06-14", 50.0),
        ("b4", "b", "2025-05-31", None, 20.0),
        ("b5", "c", "2025-04-30", "2025-05-14", 25.0),
    ],
    columns=["bill_id", "customer_id", "event_time", "due_date", "amount"],
)
PAYMENTS = pd.DataFrame(
    [
        ("p1", "a", "b1", "2025-04-20", "2025-04-20", "ok", 30.0),
        ("p2", "a", "b2", "2025-05-10", "2025-05-10", "failed", 40.0),
        ("p3", "a", "b2", "2025-05-20", "2025-06-05", "ok", 10.0),
        ("p4", "a", "b2", "2025-06-20", "2025-06-20", "ok", 30.0),
        ("p5", "c", "b5", "2025-05-14", "2025-05-14", "ok", 25.001),
    ],
    columns=["payment_id", "customer_id", "bill_id", "event_time", "arrival_time", "status", "amount"],
)
# as of, customer: open amount, overdue amount, overdue bills, days past due, bucket, share of the amounts due
EXPECTED = {
    ("2025-04-14", "a"): (30.0, 0.0, 0.0, 0.0, "none", 0.0),
    ("2025-04-15", "a"): (30.0, 30.0, 1.0, 1.0, "1-30", 0.0),
    ("2025-05-31", "a"): (90.0, 40.0, 1.0, 17.0, "1-30", 30 / 70),  # of p3, paid on 20 May, nobody knows before June
    ("2025-06-15", "a"): (80.0, 80.0, 2.0, 32.0, "31-60", 40 / 120),
    ("2025-06-30", "a"): (50.0, 50.0, 1.0, 16.0, "1-30", 70 / 120),
    ("2025-06-30", "b"): (20.0, 0.0, 0.0, 0.0, "none", None),
    ("2025-06-30", "c"): (0.0, 0.0, 0.0, 0.0, "none", 1.0),
}
COLUMNS = [
    "outstanding_amount",
    "overdue_amount",
    "overdue_bills",
    "days_past_due",
    "days_past_due_bucket",
    "paid_share_of_due",
]
CUSTOMERS = pd.DataFrame({"customer_id": ["a", "b", "c"], "billing_type": "postpaid", "activation_date": "2025-01-01"})


@pytest.fixture(scope="module")
def built() -> pd.DataFrame:
    late = pd.DataFrame({"customer_id": ["c"], "event_time": ["2025-07-01"], "service": "sms", "direction": "out"})
    wh = Warehouse.from_frames(bills=BILLS, payments=PAYMENTS, customers=CUSTOMERS, usage=late)
    dates = sorted({day for day, _ in EXPECTED})
    return FeatureBuilder(["open_bills"]).build(wh, dates)


@pytest.mark.parametrize("row", EXPECTED, ids=" ".join)
def test_by_hand(built: pd.DataFrame, row: tuple[str, str]) -> None:
    found = [None if pd.isna(value) else value for value in built.loc[(pd.Timestamp(row[0]), row[1]), COLUMNS]]
    assert found == pytest.approx(EXPECTED[row])


def test_without_due_days_only_what_is_open_is_known() -> None:
    wh = Warehouse.from_frames(bills=BILLS.drop(columns="due_date"), payments=PAYMENTS)
    X = FeatureBuilder(["open_bills"]).build(wh, "2025-05-31")
    assert list(X) == ["outstanding_amount"]
    assert X.attrs["custintel"]["skipped"]["overdue_amount"] == "no column due_date in bills"


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ({"bills": BILLS}, "no table payments"),
        ({"bills": BILLS, "payments": PAYMENTS.drop(columns="status")}, "no column status in payments"),
    ],
)
def test_what_is_absent_is_said(tables: dict[str, pd.DataFrame], reason: str) -> None:
    wh = Warehouse.from_frames(**tables)
    X = FeatureBuilder(["open_bills", "billing"], skip_unavailable=True).build(wh, "2025-05-31")
    assert {X.attrs["custintel"]["skipped"][column] for column in COLUMNS} == {reason}
    with pytest.raises(DataError, match=f"family open_bills: {reason}"):
        FeatureBuilder(["open_bills", "billing"]).build(wh, "2025-05-31")
