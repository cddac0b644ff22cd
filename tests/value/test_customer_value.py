"""HV, CV and PV of lines and accounts."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.questions import exit_times
from custintel.value import ValueModel, ValueTerms, customer_value, monthly_margin, value_table
from custintel.value._customer_value import account_stays, net_cross_sell
from custintel.warehouse import Warehouse

AS_OF = "2025-09-30"


@pytest.fixture(scope="module")
def operator() -> Warehouse:
    return Warehouse.simulate(customers=150, months=10, seed=6)


@pytest.fixture(scope="module")
def model(operator: Warehouse) -> ValueModel:
    table = value_table(operator, ["2025-03-31", "2025-05-31"], known_by=AS_OF, horizon=4)
    fitted: ValueModel = table.fit(ValueModel(horizon=4, n_jobs=1))
    return fitted


def test_windows_of_lines_add_up_to_what_was_known(operator: Warehouse, model: ValueModel) -> None:
    found = customer_value(operator, AS_OF, model)
    margin = monthly_margin(operator, AS_OF)["margin"].groupby("customer_id").sum()
    np.testing.assert_allclose(found["hv"] + found["cv"], margin.reindex(found.index))
    np.testing.assert_allclose(found["total"], found["hv"] + found["cv"] + found["pv"])
    np.testing.assert_allclose(found["annualised"], 12 * found["run_rate"])
    assert not found["revenue_value"].any()
    assert not found["extrapolated"].any()
    assert found.loc[found["active_months"] < 3, "short_history"].all()
    assert set(found["segment"]) <= {"consumer", "business", "key_account"}


def test_without_a_model_there_is_no_potential_value(operator: Warehouse) -> None:
    found = customer_value(operator, AS_OF)
    assert found["pv"].isna().all()
    assert found["total"].isna().all()


def test_later_records_change_nothing(operator: Warehouse, model: ValueModel) -> None:
    tables = {name: operator.frame(name) for name in operator.tables}
    drop = ["event_date", "visible_date", "weekday", "hour", "is_weekend", "is_night"]
    for name, frame in tables.items():
        if "visible_date" in frame:
            frame = frame[pd.to_datetime(frame["visible_date"]) <= pd.Timestamp(AS_OF)]
        tables[name] = frame.drop(columns=[c for c in drop if c in frame])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cut = Warehouse.from_frames(latest="2025-12-31", **tables)
    after, before = customer_value(operator, AS_OF, model), customer_value(cut, AS_OF, model)
    shared = after.index.intersection(before.index)
    assert len(shared) == len(after) == len(before)
    # the simulator's customers keep the billing type of the end of the data, so that is cut nowhere
    pd.testing.assert_frame_equal(after.loc[shared], before.loc[shared], check_dtype=False, atol=1e-6)


def test_accounts_are_the_sums_of_their_lines(operator: Warehouse, model: ValueModel) -> None:
    terms = ValueTerms(account_types=("key_account", "business"), leave_out_empty=True)
    accounts = customer_value(operator, AS_OF, model, level="account", terms=terms)
    lines = customer_value(operator, AS_OF, model)
    owner = operator.frame("customers").set_index("customer_id")["account_id"]
    own = lines.groupby(owner.reindex(lines.index))["pv"].sum().reindex(accounts.index)
    np.testing.assert_allclose(accounts["pv"], own.fillna(0.0))
    kinds = operator.frame("accounts").set_index("account_id")["account_type"].reindex(accounts.index)
    assert set(kinds) <= {"key_account", "business"}
    margin = monthly_margin(operator, AS_OF)["margin"]
    by = margin.groupby(owner.reindex(margin.index.get_level_values("customer_id")).to_numpy()).sum()
    np.testing.assert_allclose(accounts["hv"] + accounts["cv"], by.reindex(accounts.index))


def test_items_of_an_account_and_its_own_survival_count(operator: Warehouse, model: ValueModel) -> None:
    terms = ValueTerms(account_types=("key_account", "business"), leave_out_empty=True)
    plain = customer_value(operator, AS_OF, model, level="account", terms=terms)
    first = plain.index[plain["lines"] > 0][0]
    items = pd.DataFrame(
        {"account_id": first, "month": pd.date_range("2025-05-01", periods=5, freq="MS"), "amount": -30.0}
    )
    more = ValueTerms(account_types=terms.account_types, leave_out_empty=True, account_items=items)
    with_items = customer_value(operator, AS_OF, model, level="account", terms=more)
    money = ["hv", "cv", "run_rate", "pv"]
    change = with_items.loc[first, money] - plain.loc[first, money]
    assert change[["hv", "cv", "run_rate"]].tolist() == pytest.approx([-60.0, -90.0, -30.0])
    assert -4 * 30.0 < change["pv"] < -3 * 30.0
    others = plain.index.drop(first)
    np.testing.assert_allclose(with_items.loc[others, "pv"], plain.loc[others, "pv"])
    # an account that is sure to leave brings only what comes after an exit
    gone = pd.DataFrame(0.0, index=plain.index, columns=range(1, 5))
    left = ValueTerms(account_types=terms.account_types, leave_out_empty=True, account_items=items, account_stays=gone)
    nothing = customer_value(operator, AS_OF, model, level="account", terms=left)
    factors = 1.1 ** (-np.arange(1, 5) / 12)
    here = plain.index[plain["lines"] > 0]
    expected = plain.loc[here, "lines"] * model.after_exit_ * factors.sum()
    np.testing.assert_allclose(nothing.loc[here, "pv"], expected)
    short = ValueTerms(account_types=terms.account_types, leave_out_empty=True, account_stays=gone[[1, 2]])
    with pytest.raises(DataError, match="account_stays"):
        customer_value(operator, AS_OF, model, level="account", terms=short)


def test_survival_is_learned_at_the_level_of_accounts(operator: Warehouse, model: ValueModel) -> None:
    kinds = ("key_account", "business")
    stays = account_stays(operator, AS_OF, ["2025-03-31", "2025-05-31"], 4, ValueTerms(account_types=kinds))
    types = operator.frame("accounts").set_index("account_id")["account_type"]
    assert set(types.reindex(stays.index)) <= set(kinds)
    assert stays.to_numpy().min() > 0
    assert stays.to_numpy().max() <= 1
    assert (stays.diff(axis=1).iloc[:, 1:] <= 1e-12).all(axis=None)
    terms = ValueTerms(account_types=kinds, leave_out_empty=True, account_stays=stays)
    found = customer_value(operator, AS_OF, model, level="account", terms=terms)
    assert found["pv"].notna().all()
    with pytest.raises(ConfigurationError, match="longer than the data"):
        account_stays(operator, AS_OF, ["2025-05-31"], 24, ValueTerms(account_types=kinds))


def test_dormant_lines_are_taken_to_be_gone(operator: Warehouse, model: ValueModel) -> None:
    found = customer_value(operator, AS_OF, model)
    factors = 1.1 ** (-np.arange(1, 5) / 12)
    assert 0 < found["dormant"].sum() < 0.2 * len(found)
    np.testing.assert_allclose(found.loc[found["dormant"], "pv"], model.after_exit_ * factors.sum())


def test_accounts_without_lines_are_counted() -> None:
    days = pd.date_range("2025-01-31", periods=6, freq="ME")
    bills = pd.DataFrame({"bill_id": list("123456"), "customer_id": "a", "amount": 10.0, "event_time": days})
    lines = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "account_id": ["A", "A"],
            "billing_type": "postpaid",
            "activation_date": "2025-01-01",
        }
    )
    accounts = pd.DataFrame({"account_id": ["A", "EMPTY"], "account_type": "key_account", "opened_date": "2025-01-01"})
    wh = Warehouse.from_frames(bills=bills, customers=lines, accounts=accounts)
    with pytest.raises(DataError, match=r"1 account\(s\) without lines"):
        customer_value(wh, "2025-06-30", level="account")
    found = customer_value(wh, "2025-06-30", level="account", terms=ValueTerms(leave_out_empty=True))
    assert found.index.tolist() == ["A"]
    assert found.loc["A", ["hv", "cv", "lines", "revenue_value"]].tolist() == [20.0, 30.0, 2, True]
    with pytest.raises(DataError, match="no table tells"):
        customer_value(Warehouse.from_frames(bills=bills), "2025-06-30", level="account")
    with pytest.raises(ConfigurationError, match="unknown level"):
        customer_value(wh, "2025-06-30", level="group")  # type: ignore[arg-type]


def test_a_learning_table_keeps_to_its_day(operator: Warehouse) -> None:
    table = value_table(operator, ["2025-03-31", "2025-05-31"], known_by="2025-07-31", horizon=6)
    known = table.margins.notna().groupby(level="as_of").all().loc[:, :]
    assert known.loc["2025-03-31"].tolist() == [True] * 4 + [False] * 2
    assert known.loc["2025-05-31"].tolist() == [True] * 2 + [False] * 4
    assert table.X.index.equals(table.margins.index)
    assert table.months.loc["2025-05-31"].max() <= 2
    exits = exit_times(operator, ["2025-03-31"], known_by="2025-07-31")
    assert table.cause.loc["2025-03-31"].notna().sum() == exits["cause"].notna().sum()
    with pytest.raises(ValueError, match="nothing is known yet"):
        value_table(operator, ["2025-07-31"], known_by="2025-08-15")


def test_cross_sell_is_net_of_cost_and_of_what_it_eats() -> None:
    take = pd.DataFrame({"tv": [0.5, np.nan], "fibre": [-0.1, 0.0]}, index=pd.Index(["a", "b"], name="customer_id"))
    offers = pd.DataFrame(
        {"margin": [4.0, 10.0], "months": [10.0, 20.0], "cost": [2.0, 5.0], "cannibalised": [1.0, np.nan]},
        index=["tv", "fibre"],
    )
    # an uplift may be negative: the offer would drive the customer away
    assert net_cross_sell(take, offers).tolist() == [0.5 * 3 * 10 - 2 - 0.1 * 200 - 5, 0.0]
    with pytest.raises(ConfigurationError, match="2 mistakes"):
        net_cross_sell(take * 9, offers.drop(index="tv"))


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    """A log of purchases: most customers come two or three times a year."""
    rng = np.random.default_rng(0)
    gaps = rng.exponential(rng.gamma(4, 30, 300)[:, None], (300, 12)).cumsum(axis=1)
    who, nth = np.nonzero(gaps < 540)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(gaps[who, nth].round(), unit="D")
    numbers = [f"p{k}" for k in range(len(who))]
    amount = rng.gamma(3, 10, len(who)).round(2)
    return pd.DataFrame({"recharge_id": numbers, "customer_id": who.astype(str), "event_time": days, "amount": amount})


def test_a_log_of_purchases_is_sent_to_the_route_that_suits_it(shop: pd.DataFrame, model: ValueModel) -> None:
    """Four of five customers were called dormant, with one and the same PV, and others were dropped."""
    for wh in (
        Warehouse.from_frames(recharges=shop),
        Warehouse.from_frames(bills=shop.rename(columns={"recharge_id": "bill_id"})),
    ):
        with pytest.raises(DataError, match=r"(?s)log of purchases.*BetaGeometricNBD"):
            value_table(wh, ["2024-09-30", "2024-12-31"], known_by="2025-05-31", horizon=2)
        assert len(customer_value(wh, "2025-03-31")) > 0  # what was earned is known
    with pytest.raises(DataError, match=r"(?s)log of purchases.*purchase_summary"):
        customer_value(Warehouse.from_frames(recharges=shop), "2025-03-31", model)


def test_regular_top_ups_are_valued(shop: pd.DataFrame) -> None:
    """Lines that top up every other week are in regular use, whether or not calls are known."""
    days = pd.date_range("2024-06-01", "2025-05-31", freq="14D")
    every = shop[["customer_id"]].drop_duplicates().head(60).merge(pd.DataFrame({"event_time": days}), how="cross")
    every = every.assign(recharge_id=[f"t{k}" for k in range(len(every))], amount=10.0)
    wh = Warehouse.from_frames(recharges=every)
    assert len(value_table(wh, ["2024-12-31"], known_by="2025-05-31", horizon=2).X) == 60
