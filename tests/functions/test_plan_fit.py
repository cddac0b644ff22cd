"""Plan fit, on three plans."""

from __future__ import annotations

import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.warehouse import Warehouse

PLANS = pd.DataFrame(
    [
        ("small", "postpaid", 10.0, 100, 0, 1000, 0.1, 0.05, 2.0),
        ("large", "postpaid", 30.0, 1000, 100, 20_000, 0.1, 0.05, None),
        ("pay", "prepaid", 0.0, 0, 0, 0, 0.01, 0.01, 0.01),
    ],
    columns=[
        "plan_id",
        "billing_type",
        "monthly_fee",
        "included_minutes",
        "included_sms",
        "included_data_mb",
        "price_per_minute",
        "price_per_sms",
        "price_per_gb",
    ],
)


def events(customer: str, service: str, **values: object) -> pd.DataFrame:
    """One event a day for ninety days."""
    times = pd.date_range("2025-04-02 12:00", periods=90)
    return (
        pd.DataFrame({"customer_id": customer, "event_time": times, "service": service, "direction": "out"})
        .assign(destination=None, duration_s=0.0, data_mb=float("nan"), **{})
        .assign(**values)
    )


USAGE = pd.concat(
    [
        events("a", "voice", duration_s=600.0),  # 300 minutes a month
        events("a", "voice", duration_s=6000.0, destination="international"),  # in no plan
        events("a", "data", data_mb=100.0),  # 3 GB a month
        events("b", "sms").tail(10),  # 10 texts in the first 10 days
    ]
)
SUBSCRIPTIONS = pd.DataFrame(
    [("a", "large", "2024-01-01"), ("a", "small", "2025-06-01"), ("b", "large", "2025-06-21")],
    columns=["customer_id", "plan_id", "start_date"],
)


@pytest.fixture(scope="module")
def built() -> pd.DataFrame:
    wh = Warehouse.from_frames(usage=USAGE, plans=PLANS, subscriptions=SUBSCRIPTIONS)
    return FeatureBuilder(["plan_comparison"]).build(wh, ["2025-05-31", "2025-06-30"], customers=["a", "b"])


def test_small_plan_is_dear_for_much_use(built: pd.DataFrame) -> None:
    a = built.loc[(pd.Timestamp("2025-06-30"), "a")]
    assert a["current_plan_cost"] == pytest.approx(10 + 200 * 0.1 + 2 * 2.0)
    assert a["overage_cost"] == pytest.approx(24)
    assert (a["cheapest_plan"], a["cheapest_plan_cost"], a["cheaper_plans"]) == ("large", 30, 1)
    assert (a["plan_saving"], a["plan_saving_share"]) == pytest.approx((4, 4 / 34))


def test_the_plan_in_force_then(built: pd.DataFrame) -> None:
    """In May the plan was large; two months of 300 minutes and 3 GB, and one without any."""
    a = built.loc[(pd.Timestamp("2025-05-31"), "a")]
    assert a["current_plan_cost"] == 30
    assert a["cheapest_plan_cost"] == pytest.approx(10 + (24 + 24 + 0) / 3)
    assert a["cheapest_plan"] == "small"


def test_few_days_are_stretched_to_a_month(built: pd.DataFrame) -> None:
    b = built.loc[(pd.Timestamp("2025-06-30"), "b")]
    assert b["cheapest_plan"] == "small"
    assert b["cheapest_plan_cost"] == pytest.approx(10 + 30 * 0.05)
    assert pd.isna(built.loc[(pd.Timestamp("2025-05-31"), "b"), "current_plan_cost"])


def fitted(usage: pd.DataFrame, start: str = "2024-01-01") -> pd.Series:
    """Plan fit of customer c, who holds the small plan, at the end of June."""
    held = pd.DataFrame([("c", "small", start)], columns=["customer_id", "plan_id", "start_date"])
    wh = Warehouse.from_frames(usage=pd.concat([USAGE, usage]), plans=PLANS, subscriptions=held)
    return FeatureBuilder(["plan_comparison"]).build(wh, "2025-06-30", customers=["c"]).loc["c"]


def test_a_month_does_not_lend_its_allowance_to_another() -> None:
    """300 minutes in one of three months: 200 beyond the allowance, though the mean is just the allowance."""
    cost = fitted(events("c", "voice", duration_s=600.0).tail(30))
    assert cost["current_plan_cost"] == pytest.approx(10 + 200 * 0.1 / 3)
    assert cost["overage_cost"] == pytest.approx(200 * 0.1 / 3)


def test_who_is_silent_pays_the_fee_for_nothing() -> None:
    held = pd.DataFrame(
        [("silent", "large", "2024-01-01"), ("a", "small", "2025-06-01")],
        columns=["customer_id", "plan_id", "start_date"],
    )
    wh = Warehouse.from_frames(usage=USAGE, plans=PLANS, subscriptions=held)
    silent = FeatureBuilder(["plan_comparison"]).build(wh, "2025-06-30", customers=["silent"]).loc["silent"]
    assert (silent["current_plan_cost"], silent["cheapest_plan"], silent["plan_saving"]) == (30, "small", 20)
    assert (silent["cheaper_plans"], silent["overage_cost"]) == (1, 0)


def test_only_whole_months_with_a_plan_count() -> None:
    """Held for 45 days, used on each of the last ninety: one month is priced."""
    assert fitted(events("c", "voice", duration_s=600.0), "2025-05-17")["overage_cost"] == pytest.approx(20)


def test_a_gigabyte_is_a_thousand_megabytes() -> None:
    cost = fitted(events("c", "data", data_mb=100.0))  # 3,000 MB a month, 1,000 included
    assert cost["overage_cost"] == pytest.approx(2 * 2.0)


def test_what_is_used_while_roaming_is_in_no_plan() -> None:
    roamed = events("c", "data", data_mb=100.0).assign(roaming_country="FR")
    assert fitted(roamed)["overage_cost"] == 0
