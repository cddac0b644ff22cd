"""What stands beside the labels of fraud: the kind and loss of the case, and the ring of the line."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from custintel.questions import Question
from custintel.questions._fraud_cases import rings_of
from custintel.questions.question_labels import question_labels
from custintel.warehouse import Warehouse

LINES = ["payer_1", "payer_2", "phone_1", "phone_2", "sold_1", "sold_2", "box_of_dealer", "honest"]


def operator() -> Warehouse:
    """Confirmed lines that share a payer, a phone, a corrupt dealer; one is sold by him and of another kind."""
    days = pd.date_range("2025-01-01", "2025-07-31", freq="7D")
    usage = pd.concat(
        [
            pd.DataFrame({"customer_id": name, "service": "voice", "direction": "out", "event_time": days,
                          "device_id": "phone" if name.startswith("phone") else name})
            for name in LINES
        ]
    )  # fmt: skip
    customers = pd.DataFrame(
        {
            "customer_id": LINES,
            "billing_type": "postpaid",
            "activation_date": pd.Timestamp("2024-01-01"),
            "account_id": ["A", "A", *(f"A{k}" for k in range(6))],
            "dealer_id": [None, None, None, None, "D", "D", "D", "D"],
        }
    )
    cases = pd.DataFrame(
        {
            "case_id": list("1234567"),
            "customer_id": LINES[:-1],
            "event_time": pd.Timestamp("2025-04-10"),
            "kind": ["irsf", "irsf", "sim_box", "sim_box", "dealer", "dealer", "sim_box"],
            "loss": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0],
        }
    )
    return Warehouse.from_frames(usage=usage, customers=customers, cases=cases)


QUESTION = Question("fraud", gap_days=1, horizon_days=60)


def test_kind_and_loss_are_those_of_the_case() -> None:
    found = question_labels(operator(), "2025-03-31", QUESTION).droplevel("as_of")
    assert found.loc["phone_2", ["label", "kind", "loss"]].tolist() == [1.0, "sim_box", 40.0]
    assert found.loc["honest", ["kind", "loss", "ring"]].isna().all()


def test_before_its_window_a_case_has_a_ring_but_no_kind() -> None:
    found = question_labels(operator(), "2025-01-31", QUESTION).droplevel("as_of")
    assert found.loc["phone_1", "label"] == 0.0
    assert pd.isna(found.loc["phone_1", "kind"])
    assert found.loc["phone_1", "ring"] == found.loc["phone_2", "ring"]


def test_rings_share_payer_phone_or_corrupt_dealer() -> None:
    ring = question_labels(operator(), "2025-03-31", QUESTION).droplevel("as_of")["ring"]
    assert ring["payer_1"] == ring["payer_2"]
    assert ring["phone_1"] == ring["phone_2"]
    assert ring["sold_1"] == ring["sold_2"]
    assert ring.dropna().nunique() == 4  # the box of another kind has only the dealer in common: a ring of its own


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30))
def test_rings_are_the_parts_that_marks_connect(pairs: list[tuple[int, int]]) -> None:
    marks = pd.DataFrame(pairs, columns=["customer_id", "mark"])
    found = rings_of(pd.RangeIndex(13), marks)
    reached = {line: {line} for line in range(13)}
    for _ in range(13):
        for line, mark in pairs:
            near = {other for other, its in pairs if its == mark} | {line}
            joined = set().union(*(reached[other] for other in near))
            for other in joined:
                reached[other] |= joined
    assert all((found[a] == found[b]) == (b in reached[a]) for a in range(13) for b in range(13))
