"""One reader of dates: what has one meaning is read everywhere, what may have two is refused everywhere."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custintel.builder import FeatureBuilder
from custintel.credit._roll_rates import arrears_stages
from custintel.dates import day_order, order_formats, read_dates, read_day, read_moment, read_time_column
from custintel.decide import DecisionLog
from custintel.errors import CustintelError, DateError
from custintel.fraud import detection_delay
from custintel.fraud._community_of_interest import contact_counts
from custintel.questions import Question, question_labels
from custintel.rules import Rule, RuleBase
from custintel.scoring import score
from custintel.value import BetaGeometricNBD, ValueTiers
from custintel.warehouse import Warehouse

DAY = date(2025, 4, 3)
DAYS = st.dates(date(1990, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize(
    "given",
    [
        "2025-04-03",
        " 2025-04-03 ",
        "20250403",
        "2025-04-03 00:00",
        "2025-04-03T00:00:00.000000000",
        DAY,
        datetime(2025, 4, 3),
        pd.Timestamp("2025-04-03"),
        np.datetime64("2025-04-03"),
        np.datetime64("2025-04-03T00:00", "ns"),
    ],
)
def test_days_that_are_read(given) -> None:
    assert read_day(given) == DAY
    assert read_dates([given]) == [DAY]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("03/04/2025", "it may be 3 April or 4 March: write '2025-04-03' or '2025-03-04'"),
        ("3.4.2025", "'2025-04-03' or '2025-03-04'"),
        ("13/04/2025", "write '2025-04-13'"),
        ("04-13-2025", "write '2025-04-13'"),
        ("03/04/25", "a year has four digits"),
        ("2025/04/03", "write '2025-04-03'"),
        ("2025-4-3", "write '2025-04-03'"),
        ("2025-04", "a month has many days"),
        (20130928, "write '2013-09-28'"),
        (20130928.0, "write '2013-09-28'"),
        (np.int64(20130928), "write '2013-09-28'"),
        (1_743_638_400, "seconds or milliseconds since 1970"),
        ("1743638400000", "seconds or milliseconds since 1970"),
        (45_750, "the days of a spreadsheet"),
        (True, "cannot be read"),
        (None, "cannot be read"),
        (pd.NaT, "cannot be read"),
        (float("nan"), "cannot be read"),
        (np.datetime64("2025-04"), "cannot be read"),
        (np.datetime64("NaT", "us"), "cannot be read"),
        (pd.Period("2025-04"), "cannot be read"),
        ("2025-W14-4", "cannot be read"),
        ("2025-02-30", "cannot be read"),
        ("today", "cannot be read"),
        ("٢٠٢٥-٠٤-٠٣", "cannot be read"),
        ("9" * 10_000, "cannot be read"),
        ("2025-04-03 12:00", "with a time of day"),
        (datetime(2025, 4, 3, 0, 0, 1), "with a time of day"),
        (np.datetime64("2025-04-03T12", "h"), "with a time of day"),
        ("2025-04-03T00:00Z", "with a time zone"),
        (pd.Timestamp("2025-04-03", tz="Europe/Dublin"), "with a time zone"),
    ],
)
def test_days_that_are_refused(given, said) -> None:
    with pytest.raises(DateError) as caught:
        read_day(given)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 400


@given(
    DAYS, st.sampled_from(["{0:%d/%m/%Y}", "{0:%m/%d/%Y}", "{0.day}.{0.month}.{0.year}", "{0:%d-%m-%y}", "{0:%y%m%d}"])
)
def test_no_other_spelling_is_guessed_and_hints_are_right(day, form) -> None:
    text = form.format(day)
    with pytest.raises(DateError) as caught:
        read_day(text)
    said = str(caught.value)
    if "%y" not in form:
        assert day.isoformat() in said  # whichever comes first, the day meant is among those offered


@given(DAYS)
def test_every_way_to_give_a_day_says_the_same(day) -> None:
    ways = [day.isoformat(), f"{day:%Y%m%d}", day, datetime(day.year, day.month, day.day), pd.Timestamp(day)]
    assert {read_day(way) for way in [*ways, np.datetime64(day)]} == {day}


@given(st.one_of(st.text(max_size=30), st.integers(), st.floats(), st.binary(max_size=5), st.none(), st.times()))
def test_anything_else_is_a_date_error_and_nothing_worse(given) -> None:
    for read in (read_day, read_moment):
        try:
            found = read(given)
        except DateError:
            continue
        assert isinstance(given, str)
        assert str(found)[:4] in given


@given(st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)))
def test_moments_keep_their_time(moment) -> None:
    assert read_moment(moment.isoformat()) == read_moment(moment) == pd.Timestamp(moment)


# columns --------------------------------------------------------------------------------------------------------------


@given(st.lists(DAYS, min_size=1, max_size=40), st.sampled_from(["day first", "month first"]), st.sampled_from("/.-"))
def test_the_order_of_a_column_is_found_or_not_told(days, order, sign) -> None:
    first, second = ("%d", "%m") if order == "day first" else ("%m", "%d")
    counts = day_order([f"{day:{first}{sign}{second}{sign}%Y}" for day in days])
    if any(day.day > 12 for day in days):
        assert (counts.order, counts.problem) == (order, "")
        texts = pd.Series([f"{day:{first}{sign}{second}{sign}%Y}" for day in days])
        form = next(f for f in order_formats(order) if f[2] == sign)
        assert [t.date() for t in pd.to_datetime(texts, format=form)] == days
    else:
        assert (counts.order, counts.problem) == (None, "undecided")


def test_columns_of_times() -> None:
    times = pd.Series(["2025-04-03", None, "2025-04-03 10:00", date(2025, 4, 4), pd.NaT], index=list("abcde"))
    found = read_time_column(times, "as_of")
    assert found.tolist()[:1] == [pd.Timestamp("2025-04-03")]
    assert found.isna().tolist() == [False, True, False, False, True]
    assert list(found.index) == list("abcde")
    with pytest.raises(DateError, match=r"as_of: 2 of 2 different values .*\n.*\n.*format='%d/%m/%Y'") as caught:
        read_time_column(pd.Series(["03/04/2025", "21/04/2025", "21/04/2025"]), "as_of")
    assert "21/04" not in str(caught.value)
    with pytest.raises(DateError):
        read_time_column(pd.Series(pd.to_datetime(["2025-04-03"], utc=True)), "as_of")


# everybody who takes a date -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wh() -> Warehouse:
    calls = {"customer_id": "a", "service": "voice", "direction": "out", "other_party": "x"}
    times = pd.date_range("2025-01-01 10:00", "2025-06-30 10:00", freq="D")
    bills = {
        "bill_id": ["1"],
        "customer_id": ["a"],
        "amount": [9.9],
        "event_time": "2025-01-02",
        "due_date": "2025-01-20",
    }
    paid = {"payment_id": ["1"], "customer_id": ["a"], "amount": [9.9], "event_time": "2025-01-10", "bill_id": ["1"]}
    return Warehouse.from_frames(
        usage=pd.DataFrame({"event_time": times, **calls}), bills=pd.DataFrame(bills), payments=pd.DataFrame(paid)
    )


def _log(given) -> None:
    day = {"customer_id": ["b"], "action": "sms", "propensity": 0.9, "propensity_sms": 0.9, "propensity_none": 0.1}
    DecisionLog().append(pd.DataFrame({**day, "as_of": [given], "policy_version": "2"}))


def _delay(given) -> None:
    cases = pd.DataFrame({"customer_id": ["a"], "kind": "sim_box", "start_date": pd.Timestamp("2025-01-02")})
    detection_delay(pd.DataFrame({"customer_id": ["a"], "as_of": [given]}), cases)


def _score(given) -> None:
    from custintel import train

    table = pd.DataFrame({"bill": [7 * i % 60 for i in range(60)], "left": ["no", "yes"] * 30})
    score(train("churn", table=table, target="left", tracking=False).model, table=table, as_of=given)


TAKERS = {
    "build": lambda wh, given: FeatureBuilder(["usage"]).build(wh, given),
    "rows": lambda wh, given: FeatureBuilder(["usage"]).build(
        wh, rows=pd.DataFrame({"customer_id": ["a"], "as_of": pd.Series([given], dtype=object)})
    ),
    "sql": lambda wh, given: FeatureBuilder(["usage"]).sql(given),
    "labels": lambda wh, given: question_labels(wh, given, Question("churn", gap_days=15)),
    "arrears": lambda wh, given: arrears_stages(wh, [given]),
    "contacts": lambda wh, given: contact_counts(wh, given),
    "latest": lambda wh, given: Warehouse.from_frames(usage=wh.frame("usage"), latest=given),
    "purchases": lambda wh, given: BetaGeometricNBD.purchase_summary(wh.frame("payments"), given),
    "tiers": lambda wh, given: ValueTiers(names=("low", "top"), thresholds=[6.0], valid_from=given).fit(),
    "log": lambda wh, given: _log(given),
    "delay": lambda wh, given: _delay(given),
    "score": lambda wh, given: _score(given),
    "rule base": lambda wh, given: RuleBase().as_of(given),
}


@pytest.mark.parametrize("taker", TAKERS)
def test_nobody_reads_a_date_month_first(wh, taker) -> None:
    for wrong in ("03/04/2025", 20250403, "2025-04"):
        with pytest.raises(CustintelError, match=r"2025-04-0|2025-04-28|cannot be read"):
            TAKERS[taker](wh, wrong)


@pytest.mark.parametrize(
    "taker", ["build", "sql", "labels", "arrears", "contacts", "latest", "purchases", "tiers", "score"]
)
def test_nobody_drops_a_time_of_day(wh, taker) -> None:
    with pytest.raises(DateError, match="with a time of day"):
        TAKERS[taker](wh, "2025-04-03 12:00")


def test_a_day_of_the_rule_base_is_its_end_however_it_is_given() -> None:
    base = RuleBase()
    base.add(Rule("loud", "calls > 120"), by="ann", at="2025-04-03T15:00")
    for day in ("2025-04-03", "20250403", date(2025, 4, 3)):
        assert len(base.as_of(day).entries) == 1
    for moment in ("2025-04-03T14:00", datetime(2025, 4, 3), pd.Timestamp("2025-04-03 14:59")):
        assert not base.as_of(moment).entries
