"""Monthly margin: accounting identities, a plain pandas oracle, and what was known when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError, DateError
from custintel.value import monthly_margin
from custintel.value._monthly_margin import MARGIN_PARTS
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Mapping

PRICES = {
    "voice_minute_on_net": 0.002,
    "voice_minute_off_net": 0.01,
    "voice_minute_international": 0.09,
    "termination_revenue_minute": -0.008,
    "sms": 0.003,
    "data_gb": 0.1,
    "roaming_minute": 0.12,
    "roaming_gb": 1.2,
    "care_call": 6.0,
    "care_shop": 5.0,
    "bill": 0.3,
    "recharge_commission_share": 0.04,
    "recharge_tax_share": 0.2,
    "acquisition_prepaid": 24.0,
    "acquisition_postpaid": 96.0,
    "commission_shop": 12.0,
    "device_subsidy": 120.0,
    "overhead_month": 3.0,
}


@pytest.fixture(scope="module")
def operator() -> Warehouse:
    return Warehouse.simulate(customers=150, months=6, seed=4)


def _month(day: pd.Series) -> pd.Series:
    return day.dt.to_period("M").dt.to_timestamp()


def _sum(frame: pd.DataFrame, day: str, amount: pd.Series) -> pd.Series:
    keys = [frame["customer_id"], _month(pd.to_datetime(frame[day])).rename("month")]
    return amount.groupby(keys).sum()


def _day(values: pd.Series) -> pd.Series:
    return pd.to_datetime(values).dt.normalize()


def _use(usage: pd.DataFrame, c: Mapping[str, float]) -> tuple[pd.Series, pd.Series]:
    """Interconnect and network amount of every record, record by record in plain words."""
    minutes, volume = usage["duration_s"].fillna(0) / 60, usage["data_mb"].fillna(0) / 1000
    voice, out, abroad = usage["service"] == "voice", usage["direction"] == "out", usage["roaming_country"].notna()
    received = voice & ~out & usage["destination"].isin(["off_net", "fixed", "international"])
    price = usage["destination"].map(
        {"on_net": c["voice_minute_on_net"], "international": c["voice_minute_international"]}
        | dict.fromkeys(("off_net", "fixed", "premium", "service"), c["voice_minute_off_net"])
    )
    cost = pd.Series(0.0, usage.index)
    cost[usage["service"] == "data"] = volume * np.where(abroad, c["roaming_gb"], c["data_gb"])
    cost[(usage["service"] == "sms") & out] = c["sms"]
    cost[voice & out & ~abroad] = minutes * price.fillna(0)
    cost[voice & abroad] = minutes * c["roaming_minute"]
    return minutes.where(received, 0.0) * -c["termination_revenue_minute"], -cost


def _bad_debt(bills: pd.DataFrame, payments: pd.DataFrame, last: pd.Timestamp) -> pd.Series:
    ok = payments[payments["status"] == "ok"].copy()
    ok["seen"] = np.maximum(_day(ok["event_time"]), _day(ok["arrival_time"]))
    paid = ok[ok["seen"] <= last].groupby("bill_id")["seen"].min()
    found: dict[tuple[str, pd.Timestamp], float] = {}
    for bill in bills[bills["amount"] > 0].itertuples():
        on = paid.get(bill.bill_id, pd.NaT)
        for days, share in ((30, 0.1), (60, 0.2), (90, 0.4)):
            step = pd.Timestamp(bill.due_date) + pd.Timedelta(days=days)
            if step <= last and not on <= step:
                key = (bill.customer_id, step.to_period("M").to_timestamp())
                found[key] = found.get(key, 0.0) - bill.amount * share
            if on > step:
                key = (bill.customer_id, on.to_period("M").to_timestamp())
                found[key] = found.get(key, 0.0) + bill.amount * share
    return pd.Series(found).rename_axis(["customer_id", "month"])


def _oracle(wh: Warehouse, c: Mapping[str, float], last: pd.Timestamp) -> dict[str, pd.Series]:
    def known(table: str) -> pd.DataFrame:
        frame = wh.frame(table)
        arrived = frame["arrival_time"].fillna(frame["event_time"])
        return frame[(_day(frame["event_time"]) <= last) & (_day(arrived) <= last)]

    bills, top_ups, care, usage, contacts = (known(t) for t in ("bills", "recharges", "care", "usage", "contacts"))
    net = bills["amount"] - bills["tax"].fillna(0) - bills["device_charge"].fillna(0)
    received, network = _use(usage, c)
    care_price = care["channel"].map({"hotline": c["care_call"], "shop": c["care_shop"]}).fillna(0.0)
    sold = known("subscriptions") if "event_time" in wh.columns("subscriptions") else wh.frame("subscriptions")
    return {
        "revenue": _sum(bills, "event_time", net).add(
            _sum(top_ups, "event_time", top_ups["amount"] * (1 - c["recharge_tax_share"])), fill_value=0
        ),
        "billing": _sum(bills, "event_time", pd.Series(-c["bill"], bills.index)).add(
            _sum(top_ups, "event_time", -top_ups["amount"] * c["recharge_commission_share"]), fill_value=0
        ),
        "interconnect": _sum(usage, "event_time", received),
        "network": _sum(usage, "event_time", network),
        "care": _sum(care, "event_time", -care_price),
        "campaigns": _sum(contacts, "event_time", -contacts["cost"].fillna(0.0)),
        "bad_debt": _bad_debt(bills, wh.frame("payments"), last),
        "subsidy": _subsidies(sold, c["device_subsidy"]),
    }


def _subsidies(sold: pd.DataFrame, price: float) -> pd.Series:
    found: dict[tuple[str, pd.Timestamp], float] = {}
    for row in sold[sold["device_instalment"] > 0].itertuples():
        length = int(row.contract_months) or 24
        for k in range(length):
            key = (row.customer_id, (pd.Period(row.start_date, "M") + k).to_timestamp())
            found[key] = found.get(key, 0.0) - price / length
    return pd.Series(found).rename_axis(["customer_id", "month"])


@pytest.mark.parametrize("known_by", ["2025-06-30", "2025-04-12"])
def test_parts_equal_a_plain_oracle(operator: Warehouse, known_by: str) -> None:
    found = monthly_margin(operator, known_by, PRICES)
    c = {**operator.frame("unit_costs").set_index("item")["cost"], **PRICES}
    c |= {"care_call": 6.0, "care_shop": 5.0}
    care = {"care_chat": 0.0, "care_web": 0.0, "care_app": 0.0, "voice_minute_fixed": 0.01}
    found = monthly_margin(operator, known_by, PRICES | care)
    for part, expected in _oracle(operator, c, pd.Timestamp(known_by)).items():
        inside = expected.reindex(found.index).fillna(0.0)
        np.testing.assert_allclose(found[part], inside, atol=1e-9, err_msg=part)
        assert abs(inside).sum() > 0 or known_by == "2025-04-12", part


def test_parts_add_up_and_totals_equal_the_bills(operator: Warehouse) -> None:
    found = monthly_margin(operator)
    np.testing.assert_allclose(found["margin"], found[list(MARGIN_PARTS)].sum(axis=1))
    bills, top_ups = operator.frame("bills"), operator.frame("recharges")
    period = operator.period
    bills = bills[(bills["event_time"] >= period[0]) & (bills["arrival_time"] < period[1] + pd.Timedelta(days=1))]
    top_ups = top_ups[top_ups["arrival_time"] < period[1] + pd.Timedelta(days=1)]
    net = (bills["amount"] - bills["tax"] - bills["device_charge"]).sum()
    tax = bills["tax"].sum() / (bills["amount"] - bills["device_charge"] - bills["credit"]).sum()
    assert tax == pytest.approx(1 / 6, abs=1e-3)
    assert found["revenue"].sum() == pytest.approx(net + top_ups["amount"].sum() * (1 - tax))


def test_overhead_and_acquisition_are_due_while_in_service(operator: Warehouse) -> None:
    found = monthly_margin(operator, costs=PRICES)
    assert set(found["overhead"].unique()) <= {0.0, -3.0}
    lines = operator.frame("customers").set_index("customer_id")
    paid = found[found["acquisition"] < 0].reset_index()
    began = pd.to_datetime(lines["activation_date"]).reindex(paid["customer_id"]).to_numpy()
    assert ((paid["month"] - pd.Series(began)).dt.days < 24 * 31).all()
    own = lines.reindex(paid["customer_id"])
    price = own["billing_type"].map({"prepaid": 24.0, "postpaid": 96.0}) + np.where(
        own["acquisition_channel"] == "shop", 12.0, 0.0
    )
    np.testing.assert_allclose(paid["acquisition"], -price.to_numpy() / 24)


def _bill(n: int, time: str, **more: Any) -> dict[str, Any]:
    return {"bill_id": str(n), "customer_id": "a", "amount": 24.0, "tax": 4.0, "event_time": pd.Timestamp(time)} | more


def test_without_unit_costs_it_is_revenue_value() -> None:
    wh = Warehouse.from_frames(bills=pd.DataFrame([_bill(1, "2025-01-01"), _bill(2, "2025-02-28")]))
    found = monthly_margin(wh)
    assert list(found.columns) == ["revenue_value"]
    assert found["revenue_value"].tolist() == [20.0, 20.0]


def test_a_bill_that_arrives_late_is_not_known_before() -> None:
    late = pd.DataFrame(
        [
            _bill(1, "2025-01-01", arrival_time=pd.Timestamp("2025-01-01")),
            _bill(2, "2025-01-20", arrival_time=pd.Timestamp("2025-03-02")),
            _bill(3, "2025-03-31", arrival_time=pd.Timestamp("2025-03-31")),
        ]
    )
    wh = Warehouse.from_frames(bills=late)
    before, after = monthly_margin(wh, "2025-02-28"), monthly_margin(wh, "2025-03-31")
    assert before["revenue_value"].tolist() == [20.0, 0.0]
    assert after["revenue_value"].tolist() == [40.0, 0.0, 20.0]
    # a day beyond the data makes no months
    pd.testing.assert_frame_equal(monthly_margin(wh, "2026-12-31"), after)


def test_what_was_set_aside_comes_back_when_the_bill_is_paid() -> None:
    bills = pd.DataFrame([_bill(1, "2025-01-01", due_date="2025-01-15"), _bill(2, "2025-06-30", due_date="2025-07-14")])
    paid = pd.DataFrame(
        {"payment_id": ["p"], "customer_id": "a", "bill_id": ["1"], "event_time": [pd.Timestamp("2025-04-02")],
         "amount": [24.0], "status": ["ok"]}
    )  # fmt: skip
    found = monthly_margin(Warehouse.from_frames(bills=bills, payments=paid), costs={"bill": 0.0})
    np.testing.assert_allclose(found["bad_debt"], [0, -2.4, -4.8, 2.4 + 4.8, 0, 0], atol=1e-12)
    unpaid = monthly_margin(Warehouse.from_frames(bills=bills, payments=paid.assign(status="failed")), costs={"sms": 0})
    assert unpaid["bad_debt"].sum() == pytest.approx(-0.7 * 24.0)


def test_months_that_are_not_whole_are_refused() -> None:
    wh = Warehouse.from_frames(bills=pd.DataFrame([_bill(1, "2025-01-10"), _bill(2, "2025-03-20")]))
    assert monthly_margin(wh, months=["2025-02-28"]).index.get_level_values("month").tolist() == [
        pd.Timestamp("2025-02-01")
    ]
    with pytest.raises(DateError, match="2025-03"):
        monthly_margin(wh, months=["2025-02-01", "2025-03-01"])
    with pytest.raises(DataError, match="no whole month"):
        monthly_margin(wh, known_by="2025-02-10")
    with pytest.raises(ConfigurationError, match="3 mistakes"):
        monthly_margin(wh, costs={"bill": "dear", "recharge_tax_share": 3.0, "snail_mail": 1.0})  # type: ignore[dict-item]


def test_margins_are_spread_as_the_simulator_says() -> None:
    """Check 35 of the simulator, which leaves out what the sale cost."""
    found = monthly_margin(Warehouse.simulate(customers=1000, months=6, seed=5))
    half = found[found.index.get_level_values("month") >= "2025-04-01"]
    total = (half["margin"] - half["acquisition"]).groupby("customer_id").agg(["sum", "size"])
    whole = total[total["size"] == 3]["sum"].sort_values(ascending=False)
    assert 0.25 <= whole.iloc[: len(whole) // 10].sum() / whole.sum() <= 0.40
    assert 0.04 <= (whole < 0).mean() <= 0.10


@pytest.mark.slow
def test_margin_is_the_same_on_spark(operators: tuple[Warehouse, Warehouse]) -> None:
    one, other = (monthly_margin(wh, "2025-03-20", {"device_subsidy": 120.0}) for wh in operators)
    assert len(one) > 60
    pd.testing.assert_frame_equal(one, other, check_dtype=False, atol=1e-9)
