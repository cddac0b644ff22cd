"""Payments and prepaid balances: nothing is lost between the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.simulate._simulation_config import PaymentConfig, RechargeConfig
from custintel.simulate.billing._payments_and_dunning import _spell_days
from custintel.simulate.billing._prepaid_recharges import _amount_on_sale

if TYPE_CHECKING:
    from custintel.simulate._operator import Operator


def test_balance_is_top_ups_less_charges(operator: Operator) -> None:
    ledger = operator.truth["wallets"].drop(columns=["customer_id", "month"]).mul(100).round().astype(int)
    assert (ledger.opening + ledger.topped_up - ledger.use - ledger.fees == ledger.closing).all()


def test_wallets_agree_with_the_tables(clean: Operator) -> None:
    ledger = (
        clean.truth["wallets"].groupby(["customer_id", "month"], observed=True)[["topped_up", "use"]].sum().round(2)
    )
    start = pd.Period("2025-01", "M")
    prepaid = set(ledger.index.get_level_values(0).astype(str))
    for name, table, column in (("topped_up", "recharges", "amount"), ("use", "usage", "charge")):
        rows = clean.tables[table].select(["customer_id", "event_time", column]).to_pandas()
        rows = rows[rows.customer_id.isin(prepaid)].astype({"customer_id": str})
        month = rows.event_time.dt.to_period("M").map(lambda p: (p - start).n)
        sums = rows.groupby(["customer_id", month])[column].sum().round(2)
        given = ledger[name][ledger[name] > 0]
        given.index = given.index.set_levels(given.index.levels[0].astype(str), level=0)
        sums = sums[sums > 0].sort_index()
        assert given.sort_index().to_numpy().tolist() == sums.to_numpy().tolist()


def test_a_bill_is_paid_at_most_once_and_in_full(operator: Operator) -> None:
    paid = operator.tables["payments"].to_pandas()
    paid = paid[paid.status == "ok"]
    amount = operator.tables["bills"].select(["bill_id", "amount"]).to_pandas().set_index("bill_id").amount
    assert not paid.bill_id.duplicated().any()
    assert np.allclose(paid.amount, amount.reindex(paid.bill_id))


def test_payments_follow_their_bills(operator: Operator) -> None:
    paid = operator.tables["payments"].to_pandas()
    made = operator.tables["bills"].select(["bill_id", "event_time"]).to_pandas().set_index("bill_id").event_time
    assert (paid.event_time > made.reindex(paid.bill_id).to_numpy()).all()


def test_barred_lines_do_not_call(operator: Operator) -> None:
    ended = operator.tables["terminations"].to_pandas()
    ended = ended[ended.cause == "involuntary"].set_index("customer_id").event_time
    real = operator.truth["churn"].set_index("customer_id").cause.eq("involuntary")
    ended = ended[[bool(real.get(line, False)) for line in ended.index]]
    assert len(ended) > 5
    usage = operator.tables["usage"].select(["customer_id", "event_time", "direction"]).to_pandas()
    usage = usage[usage.customer_id.isin(ended.index) & (usage.direction == "out") & (usage.event_time.dt.year == 2025)]
    last = usage.groupby("customer_id", observed=True).event_time.max()
    end = ended[~ended.index.duplicated()].reindex(last.index.astype(str)).to_numpy()
    # barred 30 days after the bill, ended 108 days after it; a clock error may shift a record by an hour
    assert ((end - last.to_numpy()) > np.timedelta64(76, "D")).all()


def test_spells_follow_the_survival_of_the_configuration() -> None:
    config = PaymentConfig()
    days = _spell_days(np.linspace(0.0005, 0.9995, 1_000), config)
    for edge, survival in zip((30, 60, 90), config.spell_survival, strict=False):
        assert abs((days > edge).mean() - survival) < 0.01


def test_amounts_are_on_sale() -> None:
    assert _amount_on_sale(np.array([1.0, 6.0, 7.0, 12.0, 99.0]), RechargeConfig()).tolist() == [5, 5, 10, 15, 30]


def test_credit_score_is_informative_but_weak(operator: Operator) -> None:
    """Accounts whose bills were never paid have a lower score, but far from always."""
    from sklearn.metrics import roc_auc_score

    bills = operator.tables["bills"].to_pandas()
    paid = operator.tables["payments"].to_pandas()
    end = bills.due_date.max()
    late = ~bills.bill_id.isin(paid.bill_id[paid.status == "ok"]) & (bills.due_date < end - pd.Timedelta(days=40))
    bad = late.groupby(bills.account_id, observed=True).any()
    score = operator.tables["accounts"].to_pandas().set_index("account_id").credit_score.reindex(bad.index.astype(str))
    known = score.notna().to_numpy()
    assert 0.52 < roc_auc_score(bad[known], -score[known]) < 0.78
