"""Rating and bills: literal records, and the accounting identity between records and bills."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest

from custintel.simulate._simulation_config import BillConfig, PlanConfig, PlansConfig
from custintel.simulate.billing._plans_and_contracts import make_tariffs
from custintel.simulate.billing._rating_and_bills import CLASSES, AllowanceMeter, rate_month
from custintel.simulate.usage._month_of_usage import UsageEvents

if TYPE_CHECKING:
    from custintel.simulate._operator import Operator

PLANS = PlansConfig(plans=(PlanConfig("p", "postpaid", 12.0, 2, 1, 0.001, 0.12, 0.06, 1200.0),))
CALL = {
    "service": 0,
    "direction": 1,
    "destination": 1,
    "duration_s": 0.0,
    "data_mb": 0.0,
    "answered": True,
    "roaming": -1,
}


def records(*rows: dict[str, float]) -> UsageEvents:
    """Records of one line, one every half hour from the first of the month unless told otherwise."""
    full = [{**CALL, "time": 1800 * i, **row} for i, row in enumerate(rows)]
    kinds = {"service": np.int8, "direction": np.int8, "destination": np.int8, "roaming": np.int16, "time": np.int64}
    columns = {name: np.array([row[name] for row in full], dtype=kinds.get(name)) for name in full[0]}
    rest = dict.fromkeys(("line", "other", "other_operator", "cell", "technology"), np.zeros(len(full), dtype=np.int32))
    return UsageEvents(**rest, **columns)


def charges(*rows: dict[str, float], cycle: int = 28, meter: AllowanceMeter | None = None) -> list[int]:
    """Cents of each record; the plan has 2 minutes, 1 text, 1 MB, then .10 u a minute, .05 a text, 1 u a MB net."""
    plans = np.zeros((1, 2), dtype=np.int64)
    book = (make_tariffs(PLANS), BillConfig())
    rated = rate_month(records(*rows), (0, 31), np.array([cycle]), plans, book, meter or AllowanceMeter.zero(1))
    return rated.cents.tolist()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"duration_s": 120}, {"duration_s": 60}], [0, 10]),
        ([{"duration_s": 90}, {"duration_s": 90}], [0, 10]),
        ([{"duration_s": 120}, {"duration_s": 5}], [0, 10]),  # a minute at least
        ([{"duration_s": 120}, {"duration_s": 90}], [0, 15]),  # then by the second
        ([{"duration_s": 120}, {"duration_s": 60, "answered": False}], [0, 0]),
        ([{"duration_s": 120}, {"duration_s": 60, "direction": 0}], [0, 0]),
        ([{"duration_s": 120}, {"duration_s": 60, "destination": 5}], [0, 0]),  # hotline
        ([{"service": 1}, {"service": 1}], [0, 5]),
        ([{"service": 2, "data_mb": 1.0}, {"service": 2, "data_mb": 0.5}], [0, 50]),
        ([{"service": 2, "data_mb": 1.25}], [25]),
        ([{"duration_s": 60, "destination": 4}], [50]),  # premium, outside the allowance
        ([{"duration_s": 120, "roaming": 3}, {"duration_s": 120}], [17, 0]),
    ],
)
def test_charge_of_each_record(rows: list[dict[str, float]], expected: list[int]) -> None:
    assert charges(*rows) == expected


def test_the_allowance_starts_again_on_the_cycle_day() -> None:
    day = 86_400
    assert charges({"duration_s": 120}, {"duration_s": 60, "time": 10 * day}, cycle=11) == [0, 0]
    assert charges({"duration_s": 120}, {"duration_s": 60, "time": 9 * day}, cycle=11) == [0, 10]


def test_the_meter_carries_the_open_period_into_the_next_month() -> None:
    meter = AllowanceMeter.zero(1)
    assert charges({"duration_s": 120, "time": 20 * 86_400}, cycle=11, meter=meter) == [0]
    assert meter.used[0].tolist() == [120, 0, 0]
    assert charges({"duration_s": 60}, cycle=11, meter=meter) == [10]


def test_small_charges_add_up_to_the_rounded_total() -> None:
    rows = [{"service": 2, "data_mb": 1.0}, *[{"service": 2, "data_mb": 0.0025}] * 400]
    assert sum(charges(*rows)) == 100


def test_parts_add_up_to_the_amount(operator: Operator) -> None:
    bills = operator.tables["bills"].to_pandas()
    parts = ["fee", *(f"{name}_charge" for name in CLASSES), "device_charge", "discount", "credit", "tax"]
    cents = bills[[*parts, "amount"]].mul(100).round().astype(int)
    assert (cents[parts].sum(axis=1) == cents.amount).all()
    assert (cents.amount >= 0).all()


def test_bills_equal_rated_use_to_the_cent(clean: Operator) -> None:
    """Recompute every charge on every bill from the records of its period."""
    con = duckdb.connect()
    con.register("usage", clean.tables["usage"])
    con.register("bills", clean.tables["bills"])
    wrong = con.sql("""
        with rated as (
            select customer_id, event_time::date as day, round(charge * 100)::bigint as cents,
                case when roaming_country is not null then 'roaming'
                     when destination in ('international', 'premium') and direction = 'out' then 'premium'
                     else service end as class
            from usage where charge > 0
        ), sums as (
            select bill_id, class, sum(cents) as cents from bills join rated
            on rated.customer_id = bills.customer_id and day between period_start and period_end group by all
        ), billed as (
            select bill_id, class, round(u * 100)::bigint as cents from (
                unpivot (select bill_id, voice_charge as voice, sms_charge as sms, data_charge as data,
                    roaming_charge as roaming, premium_charge as premium from bills)
                on voice, sms, data, roaming, premium into name class value u)
        ) select count(*), count(*) filter (coalesce(sums.cents, 0) <> billed.cents), sum(billed.cents)
        from billed left join sums using (bill_id, class)
    """).fetchall()[0]
    assert wrong[0] == 5 * clean.tables["bills"].num_rows
    assert wrong[1] == 0
    assert wrong[2] > 10_000


def test_whole_months_pay_the_whole_fee(clean: Operator) -> None:
    bills = clean.tables["bills"].to_pandas()
    net = {round(plan.fee * 100 / 1.2) / 100 for plan in PlansConfig().plans}
    days = [(end - start).days for start, end in zip(bills.period_start, bills.period_end, strict=True)]
    whole = bills[[d >= 30 or (d >= 27 and s.month == 2) for d, s in zip(days, bills.period_start, strict=True)]]
    assert whole.fee.round(2).isin(net).mean() > 0.99  # the rest are billing errors


def test_a_line_has_no_bill_before_or_after_its_service(clean: Operator) -> None:
    bills = clean.tables["bills"].to_pandas()
    assert bills.period_start.min() >= dt.date(2025, 1, 1)
    assert not bills.duplicated(["customer_id", "period_end"]).any()
    assert (bills.period_start <= bills.period_end).all()


def test_prices_without_tax() -> None:
    tariffs = make_tariffs(replace(PLANS))
    assert (tariffs.fee[0], round(tariffs.per_second[0] * 60, 9), tariffs.mb[0]) == (1000.0, 10.0, 1.0)
