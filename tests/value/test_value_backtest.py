"""Back-test of value: honest in time, judged as it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import DateError
from custintel.metrics.survival_metrics import kaplan_meier
from custintel.value import ValueModel, backtest_value
from custintel.value._value_backtest import BASELINES, ValueBacktest, learning_dates
from custintel.warehouse import Warehouse

DAYS = ["2025-07-31", "2025-08-31", "2025-09-30"]


@pytest.fixture(scope="module")
def operator() -> Warehouse:
    return Warehouse.simulate(customers=200, months=12, seed=8)


@pytest.fixture(scope="module")
def result(operator: Warehouse) -> ValueBacktest:
    return backtest_value(operator, DAYS, horizon=3, model=ValueModel(n_jobs=1))


def test_every_date_has_its_customers_and_methods(result: ValueBacktest) -> None:
    table = result.customers
    assert [str(d.date()) for d in table.index.unique("as_of")] == DAYS
    assert list(table.columns) == ["actual", "model", *BASELINES]
    assert table.notna().all(axis=None)
    assert result.summary.shape[0] == len(DAYS) * (1 + len(BASELINES))


def test_the_portfolio_is_near_what_came(result: ValueBacktest) -> None:
    own = result.summary.xs("model", level="method")
    assert own["portfolio"].between(0.85, 1.15).all()
    assert (own["spearman"] > 0.6).all()
    assert "the model predicted" in result.words
    assert "revenue value" not in result.words


def test_deciles_hold_all_customers_and_all_value(result: ValueBacktest) -> None:
    pooled = result.pooled()
    assert pooled["customers"].sum() == len(result.customers)
    assert pooled["actual"].sum() == pytest.approx(result.customers["actual"].sum())
    assert pooled["predicted"].is_monotonic_decreasing


def test_later_records_change_no_prediction(operator: Warehouse) -> None:
    tables = {name: operator.frame(name) for name in ("customers", "bills", "recharges", "terminations", "unit_costs")}
    drop = ["event_date", "visible_date", "weekday", "hour", "is_weekend", "is_night"]
    plain = {name: frame.drop(columns=[c for c in drop if c in frame]) for name, frame in tables.items()}
    bills = plain["bills"]
    test_rows = bills["event_time"] > pd.Timestamp("2025-10-01")
    changed = bills.assign(amount=bills["amount"].where(~test_rows, bills["amount"] * 3))
    one, two = (
        backtest_value(
            Warehouse.from_frames(latest="2026-03-01", **{**plain, "bills": b}), ["2025-09-30"], 3, ValueModel(n_jobs=1)
        ).customers
        for b in (bills, changed)
    )
    assert (two["actual"] > one["actual"]).any()
    pd.testing.assert_frame_equal(one.drop(columns="actual"), two.drop(columns="actual"))


def test_a_horizon_longer_than_the_data_is_refused(operator: Warehouse) -> None:
    with pytest.raises(DateError, match="longer than the data"):
        backtest_value(operator, ["2025-10-31"], horizon=3)
    with pytest.raises(DateError, match="longer than the data"):
        backtest_value(operator, ["2025-05-31"], horizon=6)


def test_learning_dates_lie_a_quarter_apart_before_the_date(operator: Warehouse) -> None:
    found = learning_dates(operator, pd.Timestamp("2025-09-30"))
    assert [str(day.date()) for day in found] == ["2025-03-31", "2025-06-30"]


def test_kaplan_meier_counts_who_is_watched() -> None:
    # of four watched one leaves in month 1, of the two still watched in month 2 one leaves
    months, left = np.array([1, 1, 2, 3]), np.array([True, False, True, False])
    np.testing.assert_allclose(kaplan_meier(months, left, 3), [0.75, 0.375, 0.375])


def test_revenue_alone_is_named_so(operator: Warehouse) -> None:
    plain = {n: operator.frame(n)[["customer_id", "event_time", "amount"]] for n in ("bills", "recharges")}
    plain["bills"] = plain["bills"].assign(bill_id=np.arange(len(plain["bills"])).astype(str))
    plain["recharges"] = plain["recharges"].assign(recharge_id=np.arange(len(plain["recharges"])).astype(str))
    usage = operator.frame("usage")[["customer_id", "event_time", "service", "direction"]].iloc[::5]
    wh = Warehouse.from_frames(latest="2026-03-01", usage=usage, **plain)
    found = backtest_value(wh, ["2025-09-30"], 3, ValueModel(n_jobs=1))
    assert found.unit == "revenue_value"
    assert "revenue value" in found.words
