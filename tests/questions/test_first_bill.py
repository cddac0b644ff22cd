"""Labels of the first bill: who is asked, what counts, and what is not known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import DataError
from custintel.questions import Question
from custintel.questions.question_labels import question_labels, question_population
from custintel.warehouse import Warehouse

QUESTION = Question("first_bill", horizon_days=60, settings={"late": "5d", "first_days": "28d"})
JOINED = {
    "on_time": "2025-03-10",
    "late": "2025-03-10",
    "in_part": "2025-03-10",
    "prepaid": "2025-03-10",
    "old": "2025-01-20",
    "no_bill": "2025-03-12",
    "gone": "2025-03-10",
}


def operator(bill: str = "2025-03-20", last: str = "2025-07-31") -> Warehouse:
    """Seven lines; each postpaid one but one has a bill of 30 u, due 18 days after it was made, and a second one."""
    lines = pd.DataFrame({"customer_id": list(JOINED), "activation_date": pd.to_datetime(list(JOINED.values()))})
    lines["billing_type"] = np.where(lines["customer_id"] == "prepaid", "prepaid", "postpaid")
    payers = [name for name in JOINED if name not in ("prepaid", "no_bill")]
    made = pd.Timestamp(bill)
    bills = pd.DataFrame(
        [(f"{name}{k}", name, made + pd.Timedelta(days=31 * k), 30.0) for name in payers for k in (0, 1)],
        columns=["bill_id", "customer_id", "event_time", "amount"],
    )
    bills["due_date"] = bills["event_time"] + pd.Timedelta(days=18)
    due = made + pd.Timedelta(days=18)
    payments = pd.DataFrame(
        [
            ("on_time0", "on_time", due + pd.Timedelta(days=5), 30.0),
            ("late0", "late", due + pd.Timedelta(days=6), 30.0),
            ("in_part0", "in_part", due, 20.0),
            ("gone0", "gone", due, 30.0),
        ],
        columns=["bill_id", "customer_id", "event_time", "amount"],
    ).assign(status="ok", payment_id=lambda f: f["bill_id"])
    ends = pd.DataFrame({"customer_id": ["gone"], "event_time": pd.Timestamp("2025-03-12"), "cause": "voluntary"})
    days = pd.date_range("2025-01-01", last)
    usage = pd.DataFrame({"customer_id": "old", "service": "voice", "direction": "out", "event_time": days})
    return Warehouse.from_frames(customers=lines, bills=bills, payments=payments, terminations=ends, usage=usage)


def label(wh: Warehouse, day: str, question: Question = QUESTION) -> dict[str, float]:
    return question_labels(wh, day, question).droplevel("as_of")["label"].to_dict()


def test_what_is_unpaid_or_paid_in_part_after_some_days_counts() -> None:
    found = label(operator(), "2025-03-16")
    assert np.isnan(found.pop("no_bill"))
    assert found == {"on_time": 0.0, "late": 1.0, "in_part": 1.0}


def test_the_days_after_the_due_day_are_the_questions_own() -> None:
    patient = Question("first_bill", horizon_days=60, settings={"late": "6d"})
    assert label(operator(), "2025-03-16", patient)["late"] == 0.0


def test_asked_are_new_postpaid_lines_of_which_no_bill_is_due() -> None:
    wh = operator()
    asked = {day: set(question_population(wh, day, QUESTION).index.get_level_values(1)) for day in
             ("2025-03-09", "2025-03-16", "2025-04-06", "2025-04-07")}  # fmt: skip
    assert asked["2025-03-09"] == set()
    assert asked["2025-03-16"] == {"on_time", "late", "in_part", "no_bill"}
    assert asked["2025-04-06"] == {"on_time", "late", "in_part", "no_bill"}
    assert asked["2025-04-07"] == {"no_bill"}  # the first bills of the others are due


def test_after_its_first_days_a_line_is_not_asked_about() -> None:
    brief = Question("first_bill", horizon_days=60, settings={"first_days": "6d"})
    assert set(question_population(operator(), "2025-03-16", brief).index.get_level_values(1)) == {"no_bill"}


def test_lines_that_began_before_the_data_have_no_first_bill() -> None:
    lines = operator().frame("customers").assign(activation_date=pd.Timestamp("2024-12-30"))
    wh = Warehouse.from_frames(customers=lines, **{n: operator().frame(n) for n in ("bills", "payments", "usage")})
    assert question_population(wh, "2025-01-05", QUESTION).empty


def test_a_bill_that_is_late_for_the_window_or_the_data_has_no_label() -> None:
    short = Question("first_bill", horizon_days=20, settings={"late": "5d"})
    assert all(np.isnan(value) for value in label(operator(), "2025-03-16", short).values())
    ended = label(operator(last="2025-05-14"), "2025-03-16")
    assert all(np.isnan(value) for value in ended.values())


def test_what_happens_after_the_window_moves_no_label() -> None:
    wh = operator()
    paid_later = wh.frame("payments").assign(event_time=lambda f: f["event_time"] + pd.Timedelta(days=90))
    both = pd.concat([wh.frame("payments"), paid_later.assign(payment_id=lambda f: f["payment_id"] + "x")])
    frames = {name: wh.frame(name) for name in ("customers", "bills", "terminations", "usage")}
    assert str(label(Warehouse.from_frames(payments=both, **frames), "2025-03-16")) == str(label(wh, "2025-03-16"))


def test_without_bills_it_is_refused() -> None:
    wh = operator()
    with pytest.raises(DataError, match="bills"):
        question_labels(Warehouse.from_frames(customers=wh.frame("customers"), usage=wh.frame("usage")),
                        "2025-03-16", QUESTION)  # fmt: skip
