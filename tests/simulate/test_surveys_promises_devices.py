"""Promises, dunning, surveys, devices, kinds of app and throttling: what they follow from, and their marginals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from custintel.simulate import SimulationConfig

if TYPE_CHECKING:
    from custintel.simulate._operator import Operator

RANK = {"2G": 0, "3G": 1, "4G": 2, "5G": 3}
END = pd.Timestamp("2026-01-01")


def frame(operator: Operator, name: str, *columns: str) -> pd.DataFrame:
    table = operator.tables[name]
    made = (table.select(list(columns)) if columns else table).to_pandas()
    return made.astype({c: str for c in made.columns if c in ("customer_id", "device_id", "bill_id")})


@pytest.fixture(scope="module")
def sessions(operator: Operator) -> pd.DataFrame:
    columns = ("customer_id", "event_time", "service", "app", "throttled", "data_mb")
    usage = frame(operator, "usage", *columns)
    return usage[(usage.service == "data") & (usage.event_time >= "2025-01-01")]


def test_only_data_sessions_have_an_app_and_a_speed(operator: Operator) -> None:
    usage = frame(operator, "usage", "service", "app", "throttled")
    assert (usage.app.notna() == (usage.service == "data")).all()
    assert (usage.throttled.notna() == (usage.service == "data")).all()


def test_the_mix_of_apps(sessions: pd.DataFrame) -> None:
    shares = sessions.app.value_counts(normalize=True)
    assert shares[["video", "social", "messaging", "browsing"]].between(0.15, 0.30).all()
    assert shares[["games", "other"]].between(0.03, 0.10).all()
    size = sessions.groupby("app", observed=True).data_mb.median()
    assert size["video"] > 2 * size["social"] > 4 * size["messaging"]


def test_use_moves_to_messaging(sessions: pd.DataFrame) -> None:
    share = (sessions.app == "messaging").groupby(sessions.event_time.dt.quarter).mean()
    assert 1.02 < share[4] / share[1] < 1.15


def test_the_young_watch_and_play_more(operator: Operator, sessions: pd.DataFrame) -> None:
    birth = frame(operator, "customers", "customer_id", "birth_year").set_index("customer_id").birth_year
    young = sessions.customer_id.map(birth) > 1990
    fun = sessions.app.isin(["video", "games"])
    assert fun[young].mean() > fun[~young].mean() + 0.05


def test_sessions_are_slow_once_the_allowance_of_a_plan_without_overage_is_used(clean: Operator) -> None:
    usage = frame(clean, "usage", "customer_id", "event_time", "service", "throttled", "data_mb", "roaming_country")
    usage = usage[usage.roaming_country.isna()]  # use abroad is charged, whatever the allowance
    data = usage[usage.service == "data"].sort_values("event_time", kind="stable")
    bills = frame(clean, "bills", "customer_id", "period_start", "period_end")
    bills = bills.assign(period_start=pd.to_datetime(bills.period_start), period_end=pd.to_datetime(bills.period_end))
    plans = clean.tables["plans"].to_pandas().set_index("plan_id")
    held = frame(clean, "subscriptions").groupby("customer_id").plan_id.agg(lambda p: set(p))
    checked = 0
    for customer, start, end in bills.itertuples(index=False):
        if len(held[customer]) > 1:
            continue
        plan = plans.loc[next(iter(held[customer]))]
        rows = data[(data.customer_id == customer) & data.event_time.between(start, end + pd.Timedelta(days=1))]
        before = rows.data_mb.astype(float).cumsum() - rows.data_mb
        clear = (before - plan.included_data_mb).abs() > 1  # sums in another order differ in the last digits
        slow = (before >= plan.included_data_mb) & (plan.price_per_gb == 0)
        assert (rows.throttled[clear] == slow[clear]).all()
        checked += int(slow.sum())
    assert checked > 100


def test_some_lines_are_throttled(sessions: pd.DataFrame) -> None:
    assert 0.10 < sessions.groupby("customer_id").throttled.any().mean() < 0.40


def test_promises_are_kept_when_the_money_came_in_time(operator: Operator) -> None:
    promises = frame(operator, "promises")
    bills = frame(operator, "bills", "bill_id", "customer_id", "amount", "due_date")
    paid = frame(operator, "payments", "bill_id", "event_time", "status")
    paid = paid[paid.status == "ok"].set_index("bill_id").event_time
    bills["paid"] = bills.bill_id.map(paid)
    promises = promises[promises.kept.notna()]
    made = promises.merge(bills, on=["customer_id", "amount"])
    day = made.event_time.dt.normalize()
    made = made[(day > pd.to_datetime(made.due_date)) & ~(made.paid.dt.normalize() <= day)]
    in_time = made.paid.dt.normalize() <= pd.to_datetime(made.promised_date)
    true = (made.kept.astype(bool) == in_time).groupby(made.promise_id).any()  # some lines owe the same amount twice
    assert len(true) == len(promises)
    assert true.all()


def test_promises_by_number(operator: Operator) -> None:
    promises = frame(operator, "promises")
    bills = operator.tables["bills"].num_rows
    assert 0.01 < len(promises) / bills < 0.05
    known = promises[promises.kept.notna()]
    assert 0.2 < known.kept.astype(float).mean() < 0.6
    assert (known.settled_time > known.event_time).all()
    assert (known.settled_time < END).all()
    assert (promises.settled_time.isna() == promises.kept.isna()).all()
    discipline = operator.truth["traits"].set_index("customer_id").discipline
    trait = known.customer_id.map(discipline)
    kept = known.kept.astype(float).groupby(trait > trait.median()).mean()
    assert kept[True] > kept[False] + 0.05


def test_reminders_follow_the_due_day(operator: Operator) -> None:
    steps = frame(operator, "dunning")
    days = pd.Timedelta(days=SimulationConfig().arrears.reminder_days)
    bills = frame(operator, "bills", "bill_id", "customer_id", "amount", "due_date")
    paid = frame(operator, "payments", "bill_id", "event_time", "status")
    paid = paid[paid.status == "ok"].set_index("bill_id").event_time
    bills["day"] = pd.to_datetime(bills.due_date) + days
    late = bills[(bills.amount > 0) & ~(bills.bill_id.map(paid).dt.normalize() <= bills.day) & (bills.day < END)]
    reminders = steps[steps.stage == "reminder"]
    expected = set(zip(late.customer_id, late.day, strict=True))
    found = set(zip(reminders.customer_id, reminders.event_time.dt.normalize(), strict=True))
    assert found <= expected
    assert len(found) > 0.9 * len(expected)  # lines that have ended are not reminded


def test_steps_by_number(operator: Operator) -> None:
    count = frame(operator, "dunning").stage.value_counts()
    assert 0.05 < count["reminder"] / operator.tables["bills"].num_rows < 0.15
    assert count["reminder"] > count["warning"] > count["suspension"] > count["reactivation"] > 10


def test_suspended_lines_do_not_call(operator: Operator) -> None:
    steps = frame(operator, "dunning").sort_values("event_time")
    usage = frame(operator, "usage", "customer_id", "event_time", "direction")
    usage = usage[usage.direction == "out"].set_index("customer_id").event_time
    paused = steps[(steps.stage == "suspension") & ~steps.customer_id.isin(operator.truth["cases"].customer_id)]
    assert len(paused) > 50
    for customer, since in zip(paused.customer_id, paused.event_time.dt.normalize(), strict=True):
        later = steps[(steps.customer_id == customer) & (steps.event_time > since) & (steps.stage == "reactivation")]
        until = later.event_time.min().normalize() if len(later) else END
        first = since + pd.Timedelta(hours=1)  # clocks may be wrong by so much
        until -= pd.Timedelta(days=2)  # the bar falls when there is money, the payment is made within two days
        assert not usage.get(customer, usage[:0]).between(first, until).any(), customer


def test_every_device_is_listed_and_can_do_what_its_records_show(operator: Operator) -> None:
    usage = operator.tables["usage"].select(["device_id", "technology"]).to_pandas().drop_duplicates().dropna()
    devices = frame(operator, "devices").set_index("device_id")
    best = usage.device_id.map(devices.technology.astype(str).map(RANK))
    assert best.notna().all()
    assert (usage.technology.astype(str).map(RANK) <= best).all()


def test_devices_by_kind(operator: Operator) -> None:
    devices = frame(operator, "devices")
    assert devices.kind.value_counts(normalize=True)["smartphone"] > 0.9
    assert (devices.kind[devices.technology == "2G"] != "smartphone").all()
    assert (pd.to_datetime(devices.launch_date) < pd.Timestamp("2025-01-01")).all()
    assert 0.2 < devices.dual_sim.mean() < 0.8
    facts = devices.groupby("model")[["maker", "kind", "launch_date", "dual_sim"]].nunique()
    assert (facts == 1).all(axis=None)
    assert 40 < len(facts) <= 120


def test_answers_to_surveys(operator: Operator) -> None:
    surveys = frame(operator, "surveys")
    weekly = operator.truth["weekly"].assign(customer_id=lambda w: w.customer_id.astype(str))
    asked = len(weekly) * SimulationConfig().surveys.a_year / 52
    assert 0.10 < len(surveys) / asked < 0.20
    week = (surveys.event_time - pd.Timestamp("2025-01-01")).dt.days // 7
    felt = surveys.assign(week=week).merge(weekly, on=["customer_id", "week"])
    assert len(felt) > 0.95 * len(surveys)
    assert 0.5 < felt.score.corr(felt.satisfaction) < 0.9
    assert felt.satisfaction.mean() > weekly.satisfaction.mean() + 0.1  # the dissatisfied answer less
    assert 6.5 < surveys.score.mean() < 8.5
