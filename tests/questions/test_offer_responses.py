"""Labels of offers made: one contact in the life of a customer, one expected row."""

from __future__ import annotations

import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.questions import Question, question_labels
from custintel.questions.question_labels import question_dates
from custintel.warehouse import Warehouse

# as of 30 April: contacts of 2 May to 31 May count, and answers of the 20 days after each
QUESTION = Question("response", gap_days=1, horizon_days=30, settings={"window": "20d"})
AS_OF = pd.Timestamp("2025-04-30")

# day of the contact, day of the answer, held back; expected label
CONTACTS = [
    ("before the gap is over", "05-01", "05-03", False, "no row"),
    ("on the first day", "05-02", "05-03", False, 1.0),
    ("answered on the day itself", "05-10", "05-10", False, 1.0),
    ("answered on the last day", "05-10", "05-30", False, 1.0),
    ("answered too late", "05-10", "05-31", False, 0.0),
    ("answered before it was made", "05-10", "05-09", False, 0.0),
    ("never answered", "05-10", None, False, 0.0),
    ("held back", "05-10", None, True, "no row"),
    ("on the last day", "05-31", None, False, 0.0),
    ("after the horizon", "06-01", None, False, "no row"),
]


def operator(contacts: pd.DataFrame, end: str = "2025-12-31", **tables: pd.DataFrame) -> Warehouse:
    """Customers who call every day from January to the end, and the contacts made with them."""
    days = pd.date_range("2025-01-01", end)
    people = pd.Series(contacts["customer_id"].unique())
    calls = pd.DataFrame({"customer_id": people}).merge(pd.DataFrame({"event_time": days}), how="cross")
    return Warehouse.from_frames(usage=calls.assign(service="voice", direction="out"), contacts=contacts, **tables)


def contact(customer: str, day: str, answer: str | None = None, **more: object) -> dict[str, object]:
    return {
        "contact_id": f"{customer} {day} {more.get('offer_id')}",
        "customer_id": customer,
        "offer_id": "bonus",
        "event_time": pd.Timestamp(f"2025-{day}"),
        "response_time": pd.NaT if answer is None else pd.Timestamp(f"2025-{answer}"),
        "control": False,
        **more,
    }


@pytest.mark.parametrize(("name", "day", "answer", "control", "expected"), CONTACTS, ids=[c[0] for c in CONTACTS])
def test_each_contact(name: str, day: str, answer: str | None, control: bool, expected: object) -> None:
    del name
    wh = operator(pd.DataFrame([contact("a", day, answer, control=control), contact("b", "05-20")]))
    found = question_labels(wh, AS_OF, QUESTION)["label"].droplevel("as_of")
    assert found.get("a", "no row") == expected
    assert found["b"] == 0.0


def test_a_customer_has_a_row_for_each_offer() -> None:
    rows = [contact("a", "05-10", "05-12", offer_id="bonus"), contact("a", "05-20", offer_id="discount")]
    found = question_labels(operator(pd.DataFrame(rows)), AS_OF, QUESTION)
    assert found["offer"].tolist() == ["bonus", "discount"]
    assert found["label"].tolist() == [1.0, 0.0]
    assert found["outcome_date"].tolist()[0] == pd.Timestamp("2025-05-12")


def test_a_contact_counts_once_at_the_latest_date_before_it() -> None:
    wh = operator(pd.DataFrame([contact("a", "05-10"), contact("a", "05-20")]))
    found = question_labels(wh, ["2025-04-20", "2025-04-30", "2025-05-15"], QUESTION)
    assert [str(day.date()) for day in found.index.get_level_values("as_of")] == ["2025-04-30", "2025-05-15"]


def test_an_answer_that_may_still_come_is_censored() -> None:
    wh = operator(pd.DataFrame([contact("a", "05-10", "05-11"), contact("a", "05-11")]), end="2025-05-30")
    found = question_labels(wh, AS_OF, QUESTION)["label"]
    assert found.iloc[0] == 1.0
    assert pd.isna(found.iloc[1])


def test_only_the_population_is_asked() -> None:
    contacts = pd.DataFrame([contact("a", "05-10"), contact("gone", "05-10"), contact("silent", "05-10")])
    ends = pd.DataFrame({"customer_id": ["gone"], "event_time": pd.to_datetime(["2025-04-15"]), "cause": "voluntary"})
    wh = operator(contacts, terminations=ends)
    wh = Warehouse.from_frames(
        usage=wh.frame("usage").query("customer_id != 'silent' or event_time < '2025-04-01'")[
            ["customer_id", "event_time", "service", "direction"]
        ],
        contacts=contacts,
        terminations=ends,
    )
    assert question_labels(wh, AS_OF, QUESTION).index.get_level_values("customer_id").tolist() == ["a"]


def test_offers_may_be_named() -> None:
    rows = [contact("a", "05-10", offer_id="bonus"), contact("b", "05-10", offer_id="discount")]
    wh = operator(pd.DataFrame(rows))
    one = Question("response", gap_days=1, horizon_days=30, settings={"window": "20d", "offers": ["discount"]})
    assert question_labels(wh, AS_OF, one)["offer"].tolist() == ["discount"]
    other = Question("response", gap_days=1, horizon_days=30, settings={"offers": ["device"]})
    with pytest.raises(ConfigurationError, match="device"):
        question_labels(wh, AS_OF, other)


def test_dates_are_those_with_contacts_whose_answers_are_known() -> None:
    wh = operator(pd.DataFrame([contact("a", "05-10"), contact("a", "08-10"), contact("a", "12-20")]))
    found = question_dates(wh, QUESTION, history_days=60)
    assert [str(day.date()) for day in found] == ["2025-04-30", "2025-07-31"]


def test_a_table_without_answers_is_refused() -> None:
    rows = pd.DataFrame([contact("a", "05-10")])
    with pytest.raises(DataError, match="response_time"):
        question_labels(operator(rows.drop(columns="response_time")), AS_OF, QUESTION)
    with pytest.raises(DataError, match="contacts"):
        question_labels(Warehouse.from_frames(usage=operator(rows).frame("usage")[
            ["customer_id", "event_time", "service", "direction"]]), AS_OF, QUESTION)  # fmt: skip


def test_the_window_is_a_duration() -> None:
    with pytest.raises(ConfigurationError, match="window is no number of days"):
        Question("response", settings={"window": 20})
