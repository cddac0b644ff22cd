"""Marginal checks 23-36 of the simulator: churn, money, campaigns, dirt, and what score is possible.

Ranges are those of the reference page (section 11), which asks for 20,000 customers; the small default base takes the
same ranges, except where a reason is written beside them. Checks that wait for later issues: 32 (fraud lines a year and
the median lag need all eight kinds), 33 p_observable and 34 (fitted by an experiment on ten times the data).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from custintel.simulate import SimulationConfig, simulate
from custintel.simulate._operator import Operator

START = pd.Timestamp(SimulationConfig().start)


def frame(operator: Operator, name: str, *columns: str) -> pd.DataFrame:
    table = operator.tables[name]
    return (table.select(list(columns)) if columns else table).to_pandas()


def lines(operator: Operator) -> pd.DataFrame:
    customers = frame(operator, "customers", "customer_id", "billing_type", "segment", "activation_date").astype(
        {"customer_id": str}
    )
    churn = operator.truth["churn"].set_index("customer_id")
    made = customers.set_index("customer_id").join(churn)
    made["activation_date"] = pd.to_datetime(made.activation_date)
    made["voluntary"] = made.cause.isin(["voluntary", "port_out"])
    return made


def month_ends(operator: Operator) -> list[pd.Timestamp]:
    return sorted(operator.truth["p_state"].as_of.unique())


def monthly_churn(operator: Operator) -> pd.DataFrame:
    """Share of the lines in service at a month's start that leave in the month, by billing type."""
    who, rows = lines(operator), []
    for end in month_ends(operator):
        first = end.replace(day=1)
        here = who[(who.activation_date < first) & ~(who.exit_date < first)]
        left = here.voluntary & (here.exit_date <= end)
        rows.append(left.groupby(here.billing_type, observed=True).mean().rename(first))
    return pd.DataFrame(rows)


def quarters(operator: Operator) -> float:
    """Mean hazard of the decision in the fourth quarter over that in the second (less noise than counting leavers)."""
    weekly = operator.truth["weekly"]
    weekly = weekly[~weekly.decided]
    quarter = (START + pd.to_timedelta(7 * weekly.week, unit="D")).dt.quarter
    billing = lines(operator).billing_type.reindex(weekly.customer_id.astype(str)).to_numpy()
    mean = weekly.hazard.groupby([billing, quarter.to_numpy()]).mean().unstack()
    return float((mean[4] / mean[2]).mean())


def in_force(operator: Operator, day: pd.Timestamp) -> pd.DataFrame:
    rows = frame(operator, "subscriptions")
    rows = rows[pd.to_datetime(rows.start_date) <= day].sort_values("start_date", kind="stable")
    return rows.groupby("customer_id", observed=True).tail(1).set_index("customer_id")


def contract_ratio(operator: Operator) -> float:
    """Mean weekly hazard in the last eight weeks of a contract, over that inside it."""
    weekly, sums = operator.truth["weekly"], np.zeros((2, 2))
    for day in month_ends(operator)[2:]:
        week = weekly[weekly.week == (day - START).days // 7].set_index("customer_id").hazard
        left = (pd.to_datetime(in_force(operator, day).contract_end_date) - day).dt.days
        hazard = week.rename(index=str).reindex(left.index.astype(str)).to_numpy()
        for i, inside in enumerate([(left >= 14) & (left < 49), left >= 70]):
            known = inside.to_numpy() & np.isfinite(hazard)
            sums[i] += [hazard[known].sum(), known.sum()]
    return float((sums[0, 0] / sums[0, 1]) / (sums[1, 0] / sums[1, 1]))


def memory_ratio(operator: Operator, experience: str, level: float) -> float:
    """Mean hazard of those who remember something, over that of those who do not, within billing types."""
    weekly = operator.truth["weekly"]
    weekly = weekly[(weekly.week >= 8) & ~weekly.decided]
    billing = lines(operator).billing_type.reindex(weekly.customer_id.astype(str)).to_numpy()
    ratios, sizes = [], []
    for kind in ("prepaid", "postpaid"):
        rows = weekly[billing == kind]
        hit, free = rows[experience] >= level, rows[experience].abs() < 0.05
        if hit.sum() > 100:
            ratios.append(rows.hazard[hit].mean() / rows.hazard[free].mean())
            sizes.append(hit.sum())
    return float(np.average(ratios, weights=sizes))


def bill_correlation(operator: Operator, amount: str) -> float:
    """Spearman correlation of the bill with use in its period, over bills of whole months."""
    con = duckdb.connect()
    con.register("usage", operator.tables["usage"])
    use = con.sql(
        f"select customer_id, date_trunc('month', event_time)::date as month, {amount} as used from usage "
        "where direction = 'out' and event_time >= timestamp '2000-01-01' group by all"
    ).df()
    bills = frame(operator, "bills", "customer_id", "period_end", "amount")
    bills["month"] = pd.to_datetime(bills.period_end).dt.to_period("M").dt.to_timestamp() - pd.offsets.MonthBegin(1)
    use["month"] = pd.to_datetime(use.month)
    both = bills.astype({"customer_id": str}).merge(use.astype({"customer_id": str}), on=["customer_id", "month"])
    return float(spearmanr(both.amount, both.used.fillna(0)).statistic)


def bill_payments(operator: Operator) -> pd.DataFrame:
    """Bills with the day on which they were paid (missing if not)."""
    bills = frame(operator, "bills", "bill_id", "customer_id", "account_id", "due_date", "amount", "event_time")
    paid = frame(operator, "payments", "bill_id", "event_time", "status")
    paid = paid[paid.status == "ok"].groupby("bill_id").event_time.min().rename("paid")
    bills = bills[bills.amount > 0].join(paid, on="bill_id")
    return bills.assign(due_date=pd.to_datetime(bills.due_date))


def on_time(operator: Operator) -> float:
    bills = bill_payments(operator)
    closed = bills[bills.due_date < month_ends(operator)[-1]]
    return float((closed.paid.dt.normalize() <= closed.due_date).mean())


def very_late(operator: Operator) -> float:
    """Customers with a bill more than 30 days late within the data."""
    bills = bill_payments(operator)
    end = month_ends(operator)[-1]
    late = (bills.paid.fillna(end) - bills.due_date).dt.days > 30
    return float(late.groupby(bills.customer_id, observed=True).any().mean())


def written_off(operator: Operator) -> float:
    """Bills never paid within the data, of those made long enough ago, by amount."""
    bills = bill_payments(operator)
    old = bills[bills.event_time < month_ends(operator)[-1] - pd.Timedelta(days=130)]
    return float(old.amount[old.paid.isna()].sum() / old.amount.sum())


def roll_rate(operator: Operator, low: int) -> float:
    """Share of accounts `low` to `low + 29` days overdue at a month's end that are in a later bucket a month later."""
    bills = bill_payments(operator)
    overdue = []
    for day in month_ends(operator)[2:]:
        open_bills = bills[(bills.due_date < day) & ~(bills.paid <= day)]
        overdue.append((day - open_bills.groupby("account_id", observed=True).due_date.min()).dt.days)
    pairs = [(a[(a >= low) & (a < low + 30)], b) for a, b in pairwise(overdue)]
    rolled = sum((b.reindex(a.index) >= low + 29).sum() for a, b in pairs)
    return float(rolled / sum(len(a) for a, _ in pairs))


def top_up_gaps(operator: Operator) -> pd.Series:
    rows = frame(operator, "recharges", "customer_id", "event_time").sort_values(["customer_id", "event_time"])
    gaps = rows.groupby("customer_id", observed=True).event_time.diff().dropna()
    return gaps.dt.total_seconds() / 86_400


def bill_shocks(operator: Operator) -> float:
    bills = frame(operator, "bills", "customer_id", "event_time", "amount", "period_start", "period_end")
    bills = bills.sort_values("event_time", kind="stable")
    bills = bills[(pd.to_datetime(bills.period_end) - pd.to_datetime(bills.period_start)).dt.days >= 27]
    own = bills.groupby("customer_id", observed=True).amount
    mean = own.transform(lambda x: x.shift().rolling(6, min_periods=1).mean())
    known = mean.notna()
    return float(((bills.amount > 1.3 * mean) & (bills.amount > mean + 8))[known].mean())


def complaints(operator: Operator) -> float:
    """Complaints a customer and month, those that go on with an earlier one left out."""
    care = frame(operator, "care", "kind", "reopened")
    months = sum((operator.truth["p_state"].as_of == end).sum() for end in month_ends(operator))
    return float(((care.kind == "complaint") & ~care.reopened).sum() / months)


def first_contact_resolution(operator: Operator) -> float:
    care = frame(operator, "care", "kind", "reopened", "solved_well")
    return float(care[~care.reopened & care.solved_well.notna()].solved_well.astype(float).mean())


def harmed(operator: Operator) -> float:
    """Largest share of lines that an offer drives away."""
    effects = operator.truth["campaign_effects"]
    shares = effects.groupby("offer_id").tau.agg(lambda tau: (tau > 0).mean())
    return float(shares.mean())


def effect_and_risk(operator: Operator) -> float:
    effects = operator.truth["campaign_effects"]
    return float(np.mean([spearmanr(rows.tau, rows.p0).statistic for _, rows in effects.groupby("offer_id")]))


def mean_effect(operator: Operator) -> float:
    effects = operator.truth["campaign_effects"]
    return float(1 - effects.p1.sum() / effects.p0.sum())


def chances(operator: Operator, name: str) -> pd.DataFrame:
    """Chances at all month ends whose window lies within the data, and what happened."""
    low, high = (int(part) for part in name.split("_")[1:])
    made = operator.truth["p_state"]
    made = made[made.as_of + pd.Timedelta(days=high) <= made.as_of.max()]
    who = lines(operator)[["exit_date", "voluntary", "cause", "billing_type"]]
    made = made.astype({"customer_id": str}).join(who, on="customer_id")
    days = (made.exit_date - made.as_of).dt.days
    made["label"] = ((made.voluntary | (made.cause == "fraud")) & (days > low) & (days <= high)).astype(float)
    return made.assign(p=made[name])


def state_auc(operator: Operator, name: str) -> float:
    made = chances(operator, name)
    return float(roc_auc_score(made.label, made.p))


def calibration(operator: Operator, name: str) -> float:
    made = chances(operator, name)
    return float(made.p.mean() / made.label.mean())


def calibration_slope(operator: Operator, name: str) -> float:
    """Slope of the outcome on the chance."""
    made = chances(operator, name)
    return float(np.cov(made.p, made.label)[0, 1] / made.p.var())


def margins(operator: Operator) -> pd.Series:
    """Margin of the second half of the data: what was billed or topped up less the cost of use and care."""
    con = duckdb.connect()
    for name in ("usage", "bills", "recharges", "care"):
        con.register(name, operator.tables[name])
    half = month_ends(operator)[len(month_ends(operator)) // 2 - 1]
    found = con.sql(f"""
        with money as (
            select customer_id, sum(amount - tax - device_charge) as u from bills
                where event_time > '{half}' group by all
            union all
            select customer_id, sum(amount) / 1.2 from recharges where event_time > '{half}' group by all
            union all select customer_id, -sum(case service
                when 'data' then case when roaming_country is null then 0.10 else 1.2 end * data_mb / 1e3
                when 'voice' then greatest(duration_s, 0) / 60 * case when roaming_country is not null then 0.12
                    when destination = 'international' then 0.09 when destination = 'on_net' then 0.002 else 0.01 end
                    * case when direction = 'out' then 1.0 else -0.4 end
                else 0.003 end)
            from usage where event_time > '{half}' group by all
            union all select customer_id, -sum(case channel when 'hotline' then 6.0 when 'shop' then 5.0
                when 'chat' then 2.5 else 0.1 end) from care where event_time > '{half}' group by all
            union all select customer_id, -3.0 * count(distinct month(event_time)) from usage
                where event_time > '{half}' group by all
        ) select customer_id, sum(u) as margin from money
        join (
            select customer_id from usage where event_time > '{half}' group by all
            having count(distinct month(event_time)) >= 3  -- who leaves at once has no margin to speak of
        ) using (customer_id) group by all
    """).df()
    return found.margin


def top_tenth(operator: Operator) -> float:
    made = margins(operator).sort_values(ascending=False)
    return float(made.iloc[: len(made) // 10].sum() / made.sum())


def rows_late(operator: Operator) -> float:
    usage = operator.tables["usage"].select(["event_time", "arrival_time"]).to_pandas()
    good = usage.event_time >= START
    return float(((usage.arrival_time - usage.event_time)[good] > pd.Timedelta(days=1)).mean())


def impossible(operator: Operator) -> float:
    con = duckdb.connect()
    con.register("usage", operator.tables["usage"])
    con.register("customers", operator.tables["customers"].select(["customer_id", "msisdn"]))
    return con.sql(
        "select avg((duration_s < 0 or event_time < timestamp '2000-01-01' or cell_id = 'cell_9999' "
        "or coalesce(other_party = msisdn, false))::int) from usage join customers using (customer_id)"
    ).fetchall()[0][0]


def duplicates(operator: Operator) -> float:
    con = duckdb.connect()
    con.register("usage", operator.tables["usage"])
    return con.sql(
        "select 1 - count(distinct hash(customer_id, arrival_time, service, direction, other_party, duration_s,"
        " data_mb))"
        " / count(*) from usage"
    ).fetchall()[0][0]


Check = tuple[str, Callable[[Operator], float], float, float]
CHECKS: tuple[Check, ...] = (
    ("23 postpaid churn a month", lambda o: monthly_churn(o).postpaid.iloc[1:].mean(), 0.009, 0.016),
    ("23 prepaid churn a month", lambda o: monthly_churn(o).prepaid.iloc[1:].mean(), 0.025, 0.045),
    ("23 churn Q4 / Q2", quarters, 1.05, 1.25),
    ("24 hazard contract end / inside", contract_ratio, 4, 10),
    ("25 ratio friend left", lambda o: memory_ratio(o, "friends", 0.5), 1.5, 2.2),
    ("25 ratio badly solved", lambda o: memory_ratio(o, "complaint", 0.5), 2, 4),
    ("25 ratio bill shock", lambda o: memory_ratio(o, "bill_shock", 0.5), 1.4, 2.2),
    ("26 bill-minutes", lambda o: bill_correlation(o, "sum(duration_s)"), 0.15, 0.50),
    ("26 bill-bytes", lambda o: bill_correlation(o, "sum(data_mb)"), 0.30, 0.60),
    ("27 bills on time", on_time, 0.78, 0.88),
    ("27 over 30 days late in a year", very_late, 0.08, 0.15),
    ("27 written off / billed", written_off, 0.015, 0.035),
    ("28 roll 1-30 to 31-60", lambda o: roll_rate(o, 1), 0.22, 0.38),
    ("28 roll 61-90 to 91+", lambda o: roll_rate(o, 61), 0.65, 0.85),
    ("29 top-up interval median", lambda o: top_up_gaps(o).median(), 20, 30),
    ("29 top-up interval CV", lambda o: top_up_gaps(o).std() / top_up_gaps(o).mean(), 0.5, 1.3),
    ("29 within 2 days of validity", lambda o: (top_up_gaps(o) - 28).abs().le(2.5).mean(), 0.30, 0.50),
    ("30 bill shock a month", bill_shocks, 0.015, 0.03),
    ("30 complaints a month", complaints, 0.015, 0.04),
    ("30 first-contact resolution", first_contact_resolution, 0.65, 0.80),
    ("31 harmed share", harmed, 0.10, 0.20),
    ("31 Spearman of effect and risk", effect_and_risk, -0.3, 0.0),
    ("31 mean effect / risk", mean_effect, 0.03, 0.15),
    ("33 AUC p_state 30 days", lambda o: state_auc(o, "p_0_30"), 0.85, 0.90),
    ("33 AUC p_state 60 days", lambda o: state_auc(o, "p_0_60"), 0.80, 0.86),
    ("10.2 mean chance / rate", lambda o: calibration(o, "p_15_75"), 0.94, 1.06),
    ("10.2 calibration slope", lambda o: calibration_slope(o, "p_15_75"), 0.94, 1.06),
    ("35 margin of top tenth", top_tenth, 0.25, 0.40),
    ("35 negative margin", lambda o: (margins(o) < 0).mean(), 0.04, 0.10),
    ("36 rows late over a day", rows_late, 0.015, 0.03),
    ("36 duplicates", duplicates, 0.001, 0.003),
    ("36 impossible rows", impossible, 0.0003, 0.001),
)


# wider on the two thousand lines of the default suite, each for a reason
SMALL = {
    "23 churn Q4 / Q2": (0.95, 1.45),  # one regional storm a year hits a quarter of the base in one of the quarters
    "27 written off / billed": (0.008, 0.045),  # some twenty accounts
    "28 roll 61-90 to 91+": (0.55, 0.95),  # some fifty accounts
    "31 Spearman of effect and risk": (-0.3, 0.08),  # sampling error .04 about a mean near -.05
    "10.2 mean chance / rate": (0.85, 1.15),  # some five hundred leavers
    "10.2 calibration slope": (0.85, 1.15),
    "35 margin of top tenth": (0.22, 0.42),  # some hundred and fifty lines
    "35 negative margin": (0.03, 0.11),
    "33 AUC p_state 30 days": (0.83, 0.92),  # sampling error .01
    "33 AUC p_state 60 days": (0.78, 0.88),
}


@pytest.mark.parametrize("check", CHECKS, ids=[check[0] for check in CHECKS])
def test_marginal(operator: Operator, check: Check) -> None:
    name, measure, low, high = check
    low, high = SMALL.get(name, (low, high))
    assert low <= measure(operator) <= high


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_marginals_of_a_large_base(seed: int) -> None:
    operator = simulate(customers=20_000, months=12, seed=seed)
    found = {name: (float(measure(operator)), low, high) for name, measure, low, high in CHECKS}
    assert not {name: row for name, row in found.items() if not row[1] <= row[0] <= row[2]}
