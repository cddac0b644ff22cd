"""Labels of expression questions are those of a brute-force oracle; what lies outside the window is not read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custintel.errors import ConfigurationError, DataError, DateError
from custintel.questions import Question, question_labels
from custintel.questions.check_question import check_labels, check_question
from custintel.questions.question_labels import question_population
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

START, END = pd.Timestamp("2025-01-01"), pd.Timestamp("2025-06-30")
DAYS = ["2025-02-28", "2025-03-15", "2025-04-30", "2025-06-10"]
CUSTOMERS = [f"C{n:02d}" for n in range(25)]
PLANS = pd.DataFrame({"plan_id": ["s", "m", "l"], "monthly_fee": [10.0, 20.0, 40.0]})


def random_rows(seed: int, count: int, start: pd.Timestamp = START) -> pd.DataFrame:
    """Customers with moments up to the end of the data, which some rows reach days later, some after the end."""
    rng = np.random.default_rng(seed)
    seconds = rng.integers(0, int((END - start).total_seconds()) + 86_399, count)
    event_time = start + pd.to_timedelta(seconds, unit="s")
    late = pd.to_timedelta(rng.choice([0, 0, 0, 1, 5, 40], count), unit="D")
    return pd.DataFrame(
        {"customer_id": rng.choice(CUSTOMERS, count), "event_time": event_time, "arrival_time": event_time + late}
    )


def random_tables(seed: int = 0) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    usage, bills, ends, plans = (random_rows(seed * 10 + n, rows) for n, rows in enumerate((900, 120, 8, 60)))
    usage = usage.assign(
        service=rng.choice(["voice", "sms"], len(usage)),
        direction=rng.choice(["out", "in"], len(usage)),
        duration_s=rng.integers(1, 500, len(usage)).astype(float),
    )
    usage.loc[len(usage)] = ["C00", END, END, "sms", "out", np.nan]  # the data reach to the end of June
    bills = bills.assign(bill_id=[f"B{n}" for n in range(len(bills))], amount=rng.integers(0, 90, len(bills)) / 1.0)
    ends = ends.assign(cause=rng.choice(["voluntary", "port_out", "migration"], len(ends)))
    plans["start_date"] = plans.pop("event_time").dt.normalize()
    plans = plans.drop_duplicates(["customer_id", "start_date"]).assign(
        plan_id=lambda p: rng.choice(["s", "m", "l"], len(p))
    )
    customers = pd.DataFrame({"customer_id": CUSTOMERS, "activation_date": pd.Timestamp("2024-05-01")})
    customers = customers.assign(billing_type=["postpaid", "prepaid"] * 12 + ["postpaid"])
    return {
        "customers": customers, "usage": usage, "bills": bills, "terminations": ends, "subscriptions": plans,
        "plans": PLANS,
    }  # fmt: skip


TABLES = random_tables()


@pytest.fixture(scope="module")
def wh() -> Warehouse:
    return Warehouse.from_frames(latest="2025-08-31", **TABLES)


@dataclass(frozen=True)
class Case:
    """A question, and its target over the rows of one customer inside the window."""

    question: Question
    target: Callable[[pd.DataFrame], Any]
    unless: Mapping[str, Callable[[pd.DataFrame], Any]] = field(default_factory=dict)
    join: pd.DataFrame | None = None


def _calls_out(rows: pd.DataFrame) -> int:
    return int(((rows["service"] == "voice") & (rows["direction"] == "out")).sum())


def _last_plan(rows: pd.DataFrame) -> str | None:
    # two rows of a day: the later plan by its name, because the time is all that tells them apart
    return None if rows.empty else rows.sort_values(["start_date", "plan_id"])["plan_id"].iloc[-1]


LEAVES = {"terminations": "cause in ('voluntary', 'port_out')"}
CASES = {
    "condition": Case(
        Question(
            source="usage", target="count_if(service = 'voice' and direction = 'out') > 2",
            gap_days=7, horizon_days=30, unless=LEAVES,
        ),
        lambda rows: float(_calls_out(rows) > 2),
        {"terminations": lambda rows: rows["cause"].isin(["voluntary", "port_out"])},
    ),
    "condition that holds without rows": Case(
        Question(source="bills", target="sum(amount) < 50", gap_days=7, horizon_days=30, unless=LEAVES),
        lambda rows: float(rows["amount"].sum() < 50),
        {"terminations": lambda rows: rows["cause"].isin(["voluntary", "port_out"])},
    ),
    "condition of silence": Case(
        Question(source="usage", target="count_if(direction = 'out') = 0", gap_days=3, horizon_days=20),
        lambda rows: float((rows["direction"] == "out").sum() == 0),
    ),
    "ratio of sums": Case(
        Question(source="usage", target="sum(duration_s) / count(*)", gap_days=3, horizon_days=8),
        lambda rows: np.nan if rows.empty else rows["duration_s"].sum() / len(rows),
    ),
    "condition without rows is unknown": Case(
        Question(source="bills", target="max(amount) > 40", gap_days=1, horizon_days=20),
        lambda rows: np.nan if rows.empty else float(rows["amount"].max() > 40),
    ),
    "amount": Case(
        Question(source="bills", target="sum(amount)", gap_days=3, horizon_days=45, unless=LEAVES),
        lambda rows: rows["amount"].sum(),
        {"terminations": lambda rows: rows["cause"].isin(["voluntary", "port_out"])},
    ),
    "amount that is unknown without rows": Case(
        Question(source="usage", target="avg(duration_s) / 60", horizon_days=14),
        lambda rows: rows["duration_s"].mean() / 60,
    ),
    "amount from a joined table": Case(
        Question(
            source="subscriptions", target="sum(monthly_fee)", horizon_days=30, settings={"join": {"plans": "plan_id"}}
        ),
        lambda rows: rows["monthly_fee"].sum(),
        join=PLANS,
    ),
    "median": Case(
        Question(source="bills", target="median(amount)", horizon_days=60), lambda rows: rows["amount"].median()
    ),
    "distinct values": Case(
        Question(source="usage", target="count(distinct service)", gap_days=5, horizon_days=10),
        lambda rows: float(rows["service"].nunique()),
    ),
    "class": Case(Question(source="subscriptions", target="last(plan_id)", gap_days=2, horizon_days=60), _last_plan),
    "class of counts": Case(
        Question(
            source="usage", target="case when count(*) > 8 then 'heavy' when count(*) > 4 then 'some' else 'light' end",
            gap_days=5, horizon_days=40, unless=LEAVES, settings={"missing": None},
        ),
        lambda rows: "heavy" if len(rows) > 8 else "some" if len(rows) > 4 else "light",
        {"terminations": lambda rows: rows["cause"].isin(["voluntary", "port_out"])},
    ),
}  # fmt: skip


def rows_between(table: str, customer: str, after: pd.Timestamp, to: pd.Timestamp) -> pd.DataFrame:
    """Rows of a customer in (after, to], of those that had arrived by the end of the data."""
    rows = TABLES[table]
    day = rows.get("event_time", rows.get("start_date")).dt.normalize()
    arrived = rows["arrival_time"].dt.normalize() <= END
    return rows[(rows["customer_id"] == customer) & (day > after) & (day <= to) & arrived]


def in_service(customer: str, day: pd.Timestamp) -> bool:
    rows = TABLES["terminations"]
    ended = rows["cause"].isin(["voluntary", "port_out"]) & (rows["event_time"].dt.normalize() <= day)
    return not (ended & (rows["customer_id"] == customer)).any()


def oracle(case: Case, day: str) -> dict[str, Any]:
    """Label of each customer; customers who are taken out are not there."""
    found = {}
    question, date = case.question, pd.Timestamp(day)
    gap = date + pd.Timedelta(days=question.gap_days)
    end = gap + pd.Timedelta(days=question.horizon_days)
    for customer in [one for one in CUSTOMERS if in_service(one, date)]:
        before, inside = (_facts(case, customer, *edges) for edges in ((date, gap), (gap, end)))
        empty = rows_between(question.source, "nobody", date, gap)
        counts = question.target_type == "yes_no" and case.target(empty) != 1
        if gap <= END and (before[1] or (counts and before[0] == 1)):
            continue
        found[customer] = None if end > END or inside[1] else inside[0]
    return found


def _facts(case: Case, customer: str, after: pd.Timestamp, to: pd.Timestamp) -> tuple[Any, bool]:
    """The target over the days of a window, and whether a competing event came in it."""
    rows = rows_between(case.question.source, customer, after, to)
    rows = rows if case.join is None else rows.merge(case.join, on="plan_id", how="left")
    competing = [bool(met(rows_between(t, customer, after, to)).any()) for t, met in case.unless.items()]
    return case.target(rows), any(competing)


@pytest.mark.parametrize("name", CASES)
def test_labels_are_those_of_the_oracle(wh: Warehouse, name: str) -> None:
    case = CASES[name]
    found = question_labels(wh, DAYS, case.question)
    known = 0
    for day in DAYS:
        expected = oracle(case, day)
        labels = found.loc[pd.Timestamp(day), "label"]
        assert list(labels.index) == sorted(expected)
        for customer, label in expected.items():
            same = pd.isna(label) if pd.isna(labels[customer]) else labels[customer] == pytest.approx(label, rel=1e-12)
            assert same, (day, customer, label, labels[customer])
            known += not pd.isna(label)
    assert known > 20
    assert found["label"].dropna().nunique() > 1
    assert found.loc[pd.Timestamp(DAYS[-1]), "label"].isna().all() or case.question.end_days <= 20


def test_several_dates_are_each_date_alone(wh: Warehouse) -> None:
    for name in ("condition", "class of counts", "median"):
        case = CASES[name]
        alone = pd.concat([question_labels(wh, day, case.question) for day in DAYS])
        pd.testing.assert_frame_equal(question_labels(wh, DAYS, case.question), alone)


def test_the_cause_is_the_table_of_the_competing_event(wh: Warehouse) -> None:
    found = question_labels(wh, DAYS, CASES["amount"].question)
    assert found.loc[found["cause"].notna(), "label"].isna().all()
    assert set(found["cause"].dropna()) == {"terminations"}


def test_a_row_before_the_window_may_be_the_previous_one() -> None:
    rows = {"a": ["s", "m"], "b": ["l", "m"], "c": ["s", None]}
    plans = [
        (customer, pd.Timestamp(day), plan)
        for customer, held in rows.items()
        for day, plan in zip(("2024-03-01", "2025-03-10"), held, strict=True)
        if plan
    ]
    subscriptions = pd.DataFrame(plans, columns=["customer_id", "start_date", "plan_id"])
    customers = pd.DataFrame({"customer_id": list(rows), "activation_date": pd.Timestamp("2024-03-01")})
    usage = TABLES["usage"].assign(customer_id="a")
    wh = Warehouse.from_frames(
        latest="2025-08-31", subscriptions=subscriptions, customers=customers.assign(billing_type="postpaid"),
        usage=usage, plans=PLANS,
    )  # fmt: skip
    question = Question(
        source="subscriptions", target="count_if(monthly_fee > previous_monthly_fee) > 0", gap_days=7, horizon_days=60,
        settings={"join": {"plans": "plan_id"}, "previous": ["monthly_fee"]},
    )  # fmt: skip
    labels = question_labels(wh, "2025-02-28", question)["label"].droplevel("as_of")
    assert labels.to_dict() == {"a": 1.0, "b": 0.0, "c": 0.0}


def changed(rows: pd.DataFrame, moments: pd.Series) -> pd.DataFrame:
    """The same rows at other moments, arrived at once."""
    return rows.assign(event_time=moments, arrival_time=moments)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6), days=st.integers(0, 58), late=st.integers(1, 400))
@pytest.mark.parametrize("name", ["condition", "amount", "class of counts"])
def test_rows_outside_the_window_move_no_label(wh: Warehouse, name: str, seed: int, days: int, late: int) -> None:
    """Rows up to the date, after the horizon, or inside it but arriving after the end of the data."""
    question, day = CASES[name].question, pd.Timestamp("2025-02-28")
    table = question.source
    extra = TABLES[table].sample(30, random_state=seed)
    rng = np.random.default_rng(seed)
    past = changed(extra, day - pd.to_timedelta(rng.integers(0, days + 1, len(extra)), unit="D"))
    inside = day + pd.to_timedelta(rng.integers(1, question.end_days + 1, len(extra)), unit="D")
    too_late = extra.assign(event_time=inside, arrival_time=END + pd.to_timedelta(late, unit="D"))
    behind = pd.to_timedelta(rng.integers(1, 30, len(extra)), unit="D")
    after = changed(extra, pd.Series(day + pd.Timedelta(days=question.end_days) + behind, index=extra.index))
    more = pd.concat([past, too_late, after]).reset_index(drop=True)
    if table == "bills":
        more["bill_id"] = [f"X{n}" for n in range(len(more))]
    both = {**TABLES, table: pd.concat([TABLES[table], more], ignore_index=True)}
    expected = question_labels(wh, day, question)
    again = question_labels(Warehouse.from_frames(latest="2026-12-31", **both), day, question)
    pd.testing.assert_frame_equal(again, expected)
    assert expected["label"].nunique() > 1


def test_the_population_may_be_the_active_lines_of_one_billing_type(wh: Warehouse) -> None:
    question = Question(source="bills", target="sum(amount)", active_within_days=3, billing_types=("prepaid",))
    everyone = question_population(wh, DAYS[0], Question(source="bills", target="sum(amount)"))
    some = question_population(wh, DAYS[0], question)
    day = pd.Timestamp(DAYS[0])
    calls = TABLES["usage"]
    seen = calls[(calls["arrival_time"].dt.normalize() <= day) & (calls["direction"] == "out")]
    recent = seen[
        (seen["event_time"].dt.normalize() > day - pd.Timedelta(days=3)) & (seen["event_time"] < "2025-03-01")
    ]
    prepaid = set(everyone.index[everyone["billing_type"] == "prepaid"].get_level_values("customer_id"))
    assert set(some.index.get_level_values("customer_id")) == prepaid & set(recent["customer_id"])
    assert 0 < len(some) < len(everyone)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"target": "sum(amounts)"}, "unknown column of bills"),
        ({"target": "amount"}, "target is no aggregate"),
        ({"target": "days_between(min(event_date), as_of)"}, "as_of in a question"),
        ({"target": "max(due_date)"}, "the target has no type that can be told"),
        ({"target": "sum(amount)", "target_type": "yes_no"}, "the target is of another type"),
        ({"target": "sum(status) > 1"}, "unknown column of bills"),
        ({"target": "sum(bill_id) > 1"}, "a text where a number is needed"),
        ({"source": "bils"}, "unknown source table"),
        ({"source": "plans", "target": "count(*)"}, "a source without customers or time"),
        ({"unless": {"terminations": "cause = 3"}}, "a text beside a number"),
        ({"unless": {"terminations": "cause"}}, "a text where a condition is needed"),
        ({"unless": {"terminations": "count(*) > 3"}}, "an aggregate in unless terminations"),
        ({"unless": {"terminations": "reason = 'x'"}}, "unknown column of terminations"),
        ({"unless": {"termination": "cause = 'death'"}}, "unknown source table"),
        ({"entity": "household"}, "unknown entity"),
        ({"billing_types": ("both",)}, "unknown billing_types"),
        ({"horizon_days": 0}, "horizon is no number of days"),
        ({"gap_days": -1}, "gap is no number of days"),
        ({"settings": {"joins": {}}}, "unknown key in a question"),
        ({"kind": "churn"}, "unknown key in a question of kind churn"),
        ({"kind": "chrun", "source": ""}, "unknown kind"),
    ],
)  # fmt: skip
def test_mistakes_of_a_question(given: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Question(**{"source": "bills", "target": "sum(amount)", **given})
    assert wrong in {problem.wrong for problem in caught.value.problems}


def test_a_question_is_checked_before_features_are_built(wh: Warehouse) -> None:
    with pytest.raises(DataError, match="no table recharges"):
        check_question(wh, Question(source="recharges", target="count(*) > 0"))
    with pytest.raises(DataError, match="no table care"):
        check_question(wh, Question(source="bills", target="sum(amount)", unless={"care": "channel = 'app'"}))
    with pytest.raises(DataError, match="no column due_date"):
        check_question(wh, Question(source="bills", target="count_if(due_date is null)"))
    with pytest.raises(DataError, match="no payments"):
        check_question(wh, Question("arrears", gap_days=1))
    with pytest.raises(DateError, match="longer than the data"):
        check_question(wh, Question(source="bills", target="sum(amount)", horizon_days=200))
    constant = Question(source="bills", target="sum(amount) > 10000", horizon_days=30)
    with pytest.raises(DataError, match="constant"):
        check_labels(question_labels(wh, DAYS[:2], constant), constant)
    nobody = Question(source="bills", target="sum(amount)", active_within_days=0)
    with pytest.raises(DataError, match="nobody is asked"):
        check_labels(question_labels(wh, DAYS[:2], nobody), nobody)
    with pytest.raises(DataError, match="no label is known"):
        check_labels(question_labels(wh, "2025-06-28", constant), constant)
    check_question(wh, CASES["condition"].question)
    check_labels(question_labels(wh, DAYS[0], CASES["condition"].question), CASES["condition"].question)
