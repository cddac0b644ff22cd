"""Labels of arrears and of fraud: what counts, from which day, and what is not known yet."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import DataError
from custintel.questions import Outcome, outcome_labels
from custintel.warehouse import Warehouse

ARREARS = Outcome(gap_days=1, horizon_days=60, active_within_days=400, billing_types=("postpaid",), kind="arrears")
FRAUD = Outcome(gap_days=1, horizon_days=60, active_within_days=400, billing_types=("postpaid",), kind="fraud")


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


def label(wh: Warehouse, day: str, definition: Outcome) -> dict[str, float]:
    return outcome_labels(wh, day, definition).droplevel("as_of")["label"].to_dict()


def test_late_failed_and_partial_payments_are_arrears() -> None:
    payments = [p for p in PAID if p[0] not in ("a3", "b3")]
    payments += [
        ("a3", "2025-05-01", 30.0, "ok"),
        ("b3", "2025-03-25", 20.0, "ok"),
        ("b3", "2025-03-26", 10.0, "failed"),
    ]
    found = label(tables(payments, []), "2025-03-31", ARREARS)
    assert found == {"a": 1.0, "b": 1.0, "c": 0.0}


def test_it_happens_thirty_days_after_the_due_day() -> None:
    wh = tables([p for p in PAID if p[0] != "a3"], [])
    found = outcome_labels(wh, "2025-03-31", ARREARS).loc["2025-03-31"]
    assert found.loc["a", "outcome_date"] == pd.Timestamp("2025-04-19")
    assert label(wh, "2025-04-30", ARREARS)["a"] == 0.0


def test_what_the_data_cannot_tell_yet_is_missing() -> None:
    wh = tables(PAID, [])
    assert np.isnan(label(wh, "2025-07-15", ARREARS)["a"])


def test_fraud_counts_from_the_day_of_confirmation_and_known_cases_are_left_out() -> None:
    wh = tables(PAID, [("a", "2025-04-10", "sim_box"), ("b", "2025-03-01", "irsf"), ("c", "2025-04-10", "arrears")])
    assert label(wh, "2025-03-31", FRAUD) == {"a": 1.0, "c": 0.0}
    assert label(wh, "2025-01-31", FRAUD)["a"] == 0.0


def test_without_the_tables_the_labels_are_refused() -> None:
    days = pd.date_range("2025-01-01", "2025-07-31")
    usage = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out", "event_time": days})
    with pytest.raises(DataError, match="cases"):
        outcome_labels(Warehouse.from_frames(usage=usage), "2025-03-31", FRAUD)
