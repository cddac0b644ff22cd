"""Labels of arrears and of fraud: what counts, from which day, and what is not known yet."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from three_postpaid_lines import PAID, tables

from custintel.errors import DataError
from custintel.questions import Question, question_labels
from custintel.warehouse import Warehouse

ARREARS = Question("arrears", gap_days=1, horizon_days=60, active_within_days=400, billing_types=("postpaid",))
FRAUD = Question("fraud", gap_days=1, horizon_days=60, active_within_days=400, billing_types=("postpaid",))


def label(wh: Warehouse, day: str, definition: Question) -> dict[str, float]:
    return question_labels(wh, day, definition).droplevel("as_of")["label"].to_dict()


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
    found = question_labels(wh, "2025-03-31", ARREARS).loc["2025-03-31"]
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
        question_labels(Warehouse.from_frames(usage=usage), "2025-03-31", FRAUD)


def test_the_days_after_the_due_day_may_be_others() -> None:
    wh = tables([p for p in PAID if p[0] != "a3"] + [("a3", "2025-05-10", 30.0, "ok")], [])
    patient = Question(
        "arrears",
        gap_days=1,
        horizon_days=90,
        active_within_days=400,
        billing_types=("postpaid",),
        settings={"late": "60d"},
    )
    assert label(wh, "2025-03-31", ARREARS)["a"] == 1.0
    assert label(wh, "2025-03-31", patient)["a"] == 0.0
