"""Labels as literal tables: one line of a customer's life, one expected label."""

from __future__ import annotations

import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError, DateError
from custintel.questions import Question, question_dates, question_labels
from custintel.questions._choose_dormancy import dormancy_curve
from custintel.questions.outcome_labels import outcome_population
from custintel.warehouse import Warehouse

# as of 30 June, gap 15, horizon 60: churn counts from 16 July to 13 September; silence needs 30 days
AS_OF = "2025-06-30"
DEFINITION = Question("churn", gap_days=15, horizon_days=60, dormancy_days=30, active_within_days=15)
END = "2025-12-31"
LEFT_OUT = "left out"
CENSORED = "censored"

# customer, days with outgoing events (from:to), end of the line (cause, day); expected label, cause, churn date
POSTPAID = [
    ("stays", ["01-01:12-31"], None, 0.0, None, None),
    ("asks to go on the first day", ["01-01:07-20"], ("voluntary", "07-16"), 1.0, "voluntary", "07-16"),
    ("ports out on the last day", ["01-01:09-13"], ("port_out", "09-13"), 1.0, "port_out", "09-13"),
    ("leaves after the horizon", ["01-01:09-14"], ("voluntary", "09-14"), 0.0, None, None),
    ("leaves on the last day of the gap", ["01-01:07-15"], ("voluntary", "07-15"), LEFT_OUT, None, None),
    ("has left already", ["01-01:06-30"], ("voluntary", "06-30"), LEFT_OUT, None, None),
    ("migrates", ["01-01:12-31"], ("migration", "08-01"), 0.0, None, None),
    ("gets a new number", ["01-01:12-31"], ("number_change", "08-01"), 0.0, None, None),
    ("swaps the card", ["01-01:12-31"], ("sim_swap", "08-01"), 0.0, None, None),
    ("hands the line over", ["01-01:12-31"], ("transfer", "08-01"), 0.0, None, None),
    ("dies", ["01-01:08-01"], ("death", "08-01"), 0.0, "death", "08-01"),
    ("is disconnected", ["01-01:08-01"], ("involuntary", "08-01"), CENSORED, "involuntary", "08-01"),
    ("is disconnected in the gap", ["01-01:07-05"], ("involuntary", "07-05"), LEFT_OUT, None, None),
    ("falls silent", ["01-01:07-20"], None, 0.0, None, None),
    ("was silent before", ["01-01:06-15"], None, LEFT_OUT, None, None),
    ("was active just in time", ["01-01:06-16"], None, 0.0, None, None),
]
PREPAID = [
    ("stays", ["01-01:12-31"], None, 0.0, None, None),
    ("is silent from the first day", ["01-01:07-15"], None, 1.0, "dormancy", "07-16"),
    ("is silent from the last day", ["01-01:09-12"], None, 1.0, "dormancy", "09-13"),
    ("is silent after the horizon", ["01-01:09-13"], None, 0.0, None, None),
    ("is silent in the gap", ["01-01:07-14"], None, LEFT_OUT, None, None),
    ("is silent by the date", ["01-01:06-25"], None, LEFT_OUT, None, None),
    ("is silent too long before", ["01-01:06-10"], None, LEFT_OUT, None, None),
    ("comes back after 30 days", ["01-01:07-31", "08-31:12-31"], None, 1.0, "dormancy", "08-01"),
    ("comes back after 29 days", ["01-01:07-31", "08-30:12-31"], None, 0.0, None, None),
    ("was silent long ago", ["01-01:03-01", "06-01:12-31"], None, 0.0, None, None),
    ("ports out before silence", ["01-01:08-20"], ("port_out", "08-10"), 1.0, "port_out", "08-10"),
    ("is silent before porting out", ["01-01:07-31"], ("port_out", "08-10"), 1.0, "dormancy", "08-01"),
    ("is blocked, then silent", ["01-01:07-31"], ("involuntary", "08-01"), CENSORED, "involuntary", "08-01"),
]


def days_of(ranges: list[str]) -> list[pd.Timestamp]:
    pairs = [r.split(":") for r in ranges]
    return [day for a, b in pairs for day in pd.date_range(f"2025-{a}", f"2025-{b}")]


def one_customer(billing_type: str) -> pd.DataFrame:
    began = pd.Timestamp("2024-01-01")
    return pd.DataFrame({"customer_id": ["a"], "billing_type": billing_type, "activation_date": began})


def warehouse(cases: list[tuple], billing_type: str, end: str = END) -> Warehouse:
    rows = [(c, day) for c, ranges, *_ in cases for day in days_of(ranges) if day <= pd.Timestamp(end)]
    rows += [("anchor", pd.Timestamp("2025-01-01")), ("anchor", pd.Timestamp(end))]
    usage = pd.DataFrame(rows, columns=["customer_id", "event_time"]).assign(service="voice", direction="out")
    ends = [(c, cause[0], pd.Timestamp(f"2025-{cause[1]}")) for c, _, cause, *_ in cases if cause]
    ends = [row for row in ends if row[2] <= pd.Timestamp(end)]
    customers = pd.DataFrame({"customer_id": [*(c for c, *_ in cases), "anchor"]})
    customers = customers.assign(billing_type=billing_type, activation_date=pd.Timestamp("2024-06-01"))
    tables = {"customers": customers, "usage": usage}
    if ends:
        tables["terminations"] = pd.DataFrame(ends, columns=["customer_id", "cause", "event_time"])
    return Warehouse.from_frames(**tables)


@pytest.fixture(scope="module")
def labels() -> dict[str, pd.DataFrame]:
    cases = {"postpaid": POSTPAID, "prepaid": PREPAID}
    return {kind: question_labels(warehouse(rows, kind), AS_OF, DEFINITION) for kind, rows in cases.items()}


@pytest.mark.parametrize(
    ("kind", "case"),
    [(kind, case) for kind, cases in (("postpaid", POSTPAID), ("prepaid", PREPAID)) for case in cases],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_rule(labels, kind, case):
    name, _, _, label, cause, outcome_date = case
    found = labels[kind].xs(pd.Timestamp(AS_OF))
    if label == LEFT_OUT:
        assert name not in found.index
        return
    row = found.loc[name]
    assert row["billing_type"] == kind
    assert pd.isna(row["label"]) if label == CENSORED else row["label"] == label
    assert (None if pd.isna(row["cause"]) else row["cause"]) == cause
    assert (None if pd.isna(row["outcome_date"]) else f"{row['outcome_date']:%m-%d}") == outcome_date


@pytest.mark.parametrize(
    ("kind", "cases", "end", "closed"),
    [
        ("postpaid", POSTPAID, "2025-09-13", True),
        ("postpaid", POSTPAID, "2025-09-12", False),
        ("prepaid", PREPAID, "2025-10-13", True),
        ("prepaid", PREPAID, "2025-10-12", False),
    ],
)
def test_labels_are_closed_only_when_the_data_can_tell(kind, cases, end, closed):
    labels = question_labels(warehouse(cases, kind, end), AS_OF, DEFINITION)["label"]
    known = {name: label for name, _, _, label, *_ in cases if label not in (LEFT_OUT, CENSORED)}
    if closed:
        assert labels.xs(pd.Timestamp(AS_OF)).loc[list(known)].to_dict() == known
    else:
        assert labels.isna().all()


def test_several_dates_are_each_date_alone():
    wh = warehouse(PREPAID, "prepaid")
    dates = ["2025-04-30", "2025-05-31", "2025-06-30"]
    alone = pd.concat([question_labels(wh, day, DEFINITION) for day in dates])
    pd.testing.assert_frame_equal(question_labels(wh, dates, DEFINITION), alone)


def test_population_knows_nothing_of_later_days():
    wh = warehouse(POSTPAID, "postpaid")
    population = outcome_population(wh, AS_OF, DEFINITION).xs(pd.Timestamp(AS_OF)).index
    labelled = question_labels(wh, AS_OF, DEFINITION).xs(pd.Timestamp(AS_OF)).index
    assert set(population) - set(labelled) == {"leaves on the last day of the gap", "is disconnected in the gap"}
    cut = outcome_population(warehouse(POSTPAID, "postpaid", AS_OF), AS_OF, DEFINITION)
    assert list(cut.xs(pd.Timestamp(AS_OF)).index.drop("anchor")) == list(population)


def test_events_that_had_not_arrived_do_not_make_a_line_active():
    calls = pd.DataFrame(
        {
            "customer_id": ["late", "known", "known"],
            "event_time": pd.to_datetime(["2025-06-29", "2025-06-29", "2025-12-31"]),
            "arrival_time": pd.to_datetime(["2025-07-02", "2025-06-29", "2025-12-31"]),
        }
    ).assign(service="sms", direction="out")
    population = outcome_population(Warehouse.from_frames(usage=calls), AS_OF)
    assert list(population.index.get_level_values("customer_id")) == ["known"]


def test_incoming_events_keep_a_postpaid_line_active_and_not_a_prepaid_one():
    days = pd.date_range("2025-01-01", END)
    usage = pd.DataFrame({"event_time": days, "service": "voice", "direction": "in"})
    usage = pd.concat([usage.assign(customer_id=c) for c in ("post", "pre")])
    customers = pd.DataFrame({"customer_id": ["post", "pre"], "billing_type": ["postpaid", "prepaid"]})
    wh = Warehouse.from_frames(usage=usage, customers=customers.assign(activation_date=pd.Timestamp("2024-01-01")))
    assert list(question_labels(wh, AS_OF, DEFINITION).index.get_level_values("customer_id")) == ["post"]


def test_a_top_up_is_activity():
    usage = pd.DataFrame({"customer_id": "a", "event_time": pd.to_datetime(["2025-01-01", END])})
    topups = pd.DataFrame(
        {"customer_id": "a", "event_time": pd.date_range("2025-01-05", END, freq="10D"), "amount": 5.0}
    )
    wh = Warehouse.from_frames(
        usage=usage.assign(service="sms", direction="in"), recharges=topups.assign(recharge_id=topups.index.astype(str))
    )
    assert question_labels(wh, AS_OF, DEFINITION)["label"].tolist() == [0.0]


def test_billing_type_is_that_of_the_plan_in_force():
    """A line that moved from prepaid to postpaid is asked about as what it was at each date."""
    days = pd.date_range("2025-01-01", END)
    wh = Warehouse.from_frames(
        usage=pd.DataFrame({"customer_id": "a", "event_time": days, "service": "voice", "direction": "out"}),
        customers=one_customer("postpaid"),
        plans=pd.DataFrame({"plan_id": ["pre", "post"], "billing_type": ["prepaid", "postpaid"]}),
        subscriptions=pd.DataFrame(
            {"customer_id": "a", "plan_id": ["pre", "post"], "start_date": pd.to_datetime(["2024-01-01", "2025-05-10"])}
        ),
    )
    labels = question_labels(wh, ["2025-04-30", "2025-05-31"], DEFINITION)
    assert labels["billing_type"].tolist() == ["prepaid", "postpaid"]
    only = Question("churn", gap_days=15, billing_types=("prepaid",))
    assert question_labels(wh, ["2025-04-30", "2025-05-31"], only).index.get_level_values("as_of").month.tolist() == [4]


@pytest.mark.parametrize(
    ("definition", "history", "expected"),
    [
        (DEFINITION, 60, ["03-31", "04-30", "05-31", "06-30", "07-31", "08-31"]),
        (
            Question("churn", gap_days=15, billing_types=("postpaid",)),
            60,
            ["03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30"],
        ),
        (DEFINITION, 180, ["06-30", "07-31", "08-31"]),
        (DEFINITION, 59, ["02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31"]),
        (Question("churn", gap_days=15, horizon_days=400), 60, []),
    ],
)
def test_question_dates(definition, history, expected):
    wh = warehouse(PREPAID, "prepaid")
    assert [f"{day:%m-%d}" for day in question_dates(wh, definition, history)] == expected


def test_dormancy_curve_counts_only_silences_that_could_be_watched():
    """Silent for 20 days; for 50 days; from November on (too late to be watched); gone since March."""
    lives = [
        ("a", ["01-01:02-28", "03-21:12-31"]),
        ("b", ["01-01:02-28", "04-20:12-31"]),
        ("c", ["01-01:10-31"]),
        ("d", ["01-01:02-28"]),
    ]
    wh = warehouse([(*life, None, 0.0, None, None) for life in lives], "prepaid")
    curve = dormancy_curve(wh, days=(15, 30, 60), ahead=60).set_index("silent_days")
    # the anchor, silent from 2 January to the end, is one more that stays away; c cannot be watched for 60 days
    assert curve["silences"].to_dict() == {15: 4, 30: 3, 60: 2}
    assert curve["returned"].to_dict() == {15: 2, 30: 1, 60: 0}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda wh: question_labels(wh, "2030-01-01", DEFINITION), DateError, "outside the data"),
        (lambda wh: question_labels(wh, "tomorrow-ish", DEFINITION), DateError, "cannot be read"),
        (lambda wh: question_labels(wh, [], DEFINITION), DateError, "no as-of date"),
        (lambda wh: Question("churn", gap_days=-1, billing_types=("both",)), ConfigurationError, "2 mistakes"),
    ],
)
def test_bad_questions_get_teaching_errors(call, error, words):
    with pytest.raises(error, match=words):
        call(warehouse(PREPAID[:1], "prepaid"))


def test_without_activity_there_is_no_dormancy_curve():
    with pytest.raises(DataError, match="usage, recharges"):
        dormancy_curve(Warehouse.from_frames(customers=one_customer("prepaid")))


def test_as_of_dates_at_three_frequencies() -> None:
    days = pd.date_range("2025-01-01", "2025-07-31")
    calls = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out", "event_time": days})
    wh = Warehouse.from_frames(usage=calls)

    def dates(every: str) -> list[str]:
        found = question_dates(wh, DEFINITION, history_days=60, every=every)  # type: ignore[arg-type]
        return [f"{day:%m-%d}" for day in found]

    assert dates("month") == ["03-31"]
    assert dates("half_month") == ["03-15", "03-31", "04-15"]
    assert dates("week")[:2] == ["03-02", "03-09"]
    with pytest.raises(ConfigurationError, match=r"unknown frequency[\s\S]*month, half_month, week"):
        dates("day")


def test_involuntary_ends_are_a_label_of_their_own() -> None:
    definition = Question("involuntary", gap_days=15, horizon_days=60, billing_types=("postpaid",))
    found = question_labels(warehouse(POSTPAID, "postpaid"), AS_OF, definition).loc[pd.Timestamp(AS_OF)]
    assert found.loc["is disconnected", "label"] == 1.0
    assert found.loc["stays", "label"] == 0.0
    assert found.loc["dies", "label"] == 0.0
    assert pd.isna(found.loc["ports out on the last day", "label"])
    with pytest.raises(ConfigurationError, match="unknown kind"):
        Question("boredom")
