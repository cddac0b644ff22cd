"""All kinds of simulated fraud: what reviews cost with hand-written rules alone and with the detector, and the delay.

    .venv/bin/python experiments/fraud_study.py

An operator with all kinds of fraud, drift, a late kind and look-alikes. On a test date every line in service is judged
with what was known on that day; cases confirmed until then are what there is to learn from. A fixed number of lines is
reviewed; fraud among them is stopped, all other fraud runs on. Writes docs/benchmarks/fraud_study.md.
"""

# ruff: noqa: E501 - tables are written as they are read
from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from _place import ROOT

from custintel import FeatureBuilder, FraudDetector, Warehouse
from custintel.fraud import cost_per_account, detection_delay
from custintel.metrics.discrimination import auc, average_precision
from custintel.rules import LearnSettings, RuleBase
from custintel.simulate import SimulationConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

LOSS = {
    "sim_box": 150.0, "never_payer": 300.0, "dealer": 30.0, "scam_dialler": 60.0, "wangiri": 500.0, "irsf": 1200.0,
    "pbx": 2500.0, "sim_swap": 300.0,
}  # fmt: skip
"""u a case that is not stopped: the medians of the simulator."""
FAMILIES = [
    "volumes", "daily_activity", "hourly_profile", "times_of_day", "on_net_and_off_net", "direct_contacts",
    "cells_visited", "international", "roaming", "bills", "payment_behaviour", "open_bills", "recharges",
    "customer_profile", "current_plan", "devices", "overlapping_calls", "call_velocity", "contact_countries",
    "fraud_contacts", "daily_spikes", "peak_hour", "unbilled_charges", "handset",
]  # fmt: skip
FORBIDDEN = ("days_since_event_90d", "days_since_event_30d", "silence")
REVIEW_COST = 5.0


def main() -> None:
    """Simulate, judge, write the page."""
    given = _arguments()
    warnings.simplefilter("ignore")
    rows, delays = [], []
    for seed in given.seeds:
        wh = Warehouse.simulate(given.customers, given.months, seed, SimulationConfig.fraud_study(given.intensity))
        one, delay = study(wh, given.months, given.share)
        rows.append(one.assign(seed=seed))
        delays.append(delay.assign(seed=seed))
    found, delay = pd.concat(rows), pd.concat(delays)
    print(found.to_string(), delay.to_string(), sep="\n")
    (ROOT / "docs" / "benchmarks" / "fraud_study.md").write_text(
        page(found, delay, given).replace("nan |", "- |"), encoding="utf-8"
    )


def study(wh: Warehouse, months: int, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures of each method on the last date of one operator, and the delay of detection by kind."""
    end = pd.Timestamp("2025-01-01") + pd.DateOffset(months=months) - pd.Timedelta(days=1)
    test = end - pd.Timedelta(days=14)
    learn = [test - pd.Timedelta(days=d) for d in (7, 28, 49, 70)]
    base = RuleBase.builtin(columns=FeatureBuilder().columns_of(wh))
    builder = FeatureBuilder(columns=_columns(base))
    X = builder.build(wh, as_of=[*learn, test])
    y, kind = _confirmed(wh, X, test)
    truth, true_kind = _true(wh, X.loc[test], test)
    past = X.index.get_level_values("as_of") < test
    base.learn_profiles(X[past][y[past] == 0].droplevel("as_of"))
    settings = LearnSettings(forbidden=tuple(c for c in FORBIDDEN if c in X))
    detector = FraudDetector(rules=base, settings=settings).fit(X[past], y[past], kinds=kind[past])
    now = X.loc[test]
    loss = np.array([LOSS.get(k, 0.0) for k in true_kind])
    scores = _scores(base, detector, now)
    budget = round(share * len(now))
    figures = {name: _figures(truth, loss, score, budget) for name, score in scores.items()}
    figures["nobody reviewed"] = {"cost": float((truth * loss).sum() / len(now))}
    found = pd.DataFrame(figures).T.assign(budget=budget, cases=int(truth.sum()), customers=len(now))
    return found.rename_axis("method").reset_index(), _delay(wh, detector, builder, (end, share))


def _columns(base: RuleBase) -> list[str]:
    """What the rules read, and all of the families of fraud."""
    return sorted({*FeatureBuilder(FAMILIES).describe()["column"], *base.features()})


def _confirmed(wh: Warehouse, X: pd.DataFrame, test: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
    """1 for lines with a case confirmed by the test date that was running on the row's date, and its kind."""
    cases = wh.engine.sql(f"select customer_id, kind, event_time from {wh.relation('cases')} where kind <> 'arrears'")
    cases = cases[pd.to_datetime(cases["event_time"]) <= test].drop_duplicates("customer_id").set_index("customer_id")
    begun = wh.truth["cases"].drop_duplicates("customer_id").set_index("customer_id")
    customer = X.index.get_level_values("customer_id")
    day = X.index.get_level_values("as_of")
    start = pd.to_datetime(begun["start_date"]).reindex(customer).to_numpy()
    ends = pd.to_datetime(begun["end_date"]).reindex(customer).to_numpy()
    kind = cases["kind"].astype(object).reindex(customer).to_numpy()
    running = (start <= day.to_numpy()) & (np.isnat(ends) | (ends >= day.to_numpy()))
    return (pd.notna(kind) & running).astype(int), np.where(pd.notna(kind), kind, "")


def _true(wh: Warehouse, now: pd.DataFrame, day: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
    """1 for lines that are fraud on the test date and not yet detected, and the kind."""
    cases = wh.truth["cases"].drop_duplicates("customer_id").set_index("customer_id").reindex(now.index)
    start, end, found = (pd.to_datetime(cases[c]) for c in ("start_date", "end_date", "detected_date"))
    running = (start <= day) & (end.isna() | (end >= day)) & (found.isna() | (found > day))
    return running.to_numpy().astype(float), cases["kind"].astype(object).fillna("").to_numpy()


def _scores(base: RuleBase, detector: FraudDetector, now: pd.DataFrame) -> Mapping[str, np.ndarray]:
    """What each method ranks lines by: expected loss where rules state one."""
    alarms = base.alarms(now)
    matched = alarms[alarms["tier"] == "match"].groupby(level=0)["expected_loss"].sum()
    near = alarms.groupby(level=0)["expected_loss"].sum()
    p = detector.predict_proba(now)[:, 1]
    kinds = detector.predict_kind_proba(now)
    worth = kinds.mul([LOSS.get(k, 100.0) for k in kinds.columns], axis=1).sum(axis=1).to_numpy()
    return {
        "hand-written rules": matched.reindex(now.index).fillna(0.0).to_numpy(),
        "hand-written rules, resembling too": near.reindex(now.index).fillna(0.0).to_numpy(),
        "detector, by probability": p,
        "detector, by expected loss": worth,
    }


def _figures(truth: np.ndarray, loss: np.ndarray, score: np.ndarray, budget: int) -> dict[str, float]:
    order = np.argsort(-score, kind="stable")[:budget]
    return {
        "cost": cost_per_account(truth, score, budget, loss, REVIEW_COST),
        "hits": float(truth[order].sum()),
        "AUC": auc(truth, score),
        "AP": average_precision(truth, score),
    }


def _delay(
    wh: Warehouse, detector: FraudDetector, builder: FeatureBuilder, run: tuple[pd.Timestamp, float]
) -> pd.DataFrame:
    """Days until a line is among those that the budget reviews, on dates after learning."""
    end, share = run
    days = [end - pd.Timedelta(days=d) for d in range(14, -1, -2)]
    alarms = []
    for day in days:
        X = builder.build(wh, as_of=day)
        p = pd.Series(detector.predict_proba(X)[:, 1], X.index)
        top = p.nlargest(round(share * len(p))).index
        alarms.append(pd.DataFrame({"customer_id": top, "as_of": day}))
    cases = wh.truth["cases"]
    fresh = cases[pd.to_datetime(cases["start_date"]).between(days[0] - pd.Timedelta(days=7), end)]
    return detection_delay(pd.concat(alarms), fresh).reset_index()


def page(found: pd.DataFrame, delay: pd.DataFrame, given: argparse.Namespace) -> str:
    """The page of the benchmark."""
    mean = found.groupby("method", sort=False)[["cost", "hits", "AUC", "AP", "budget", "cases", "customers"]].mean()
    rules = mean.loc["hand-written rules", "cost"]
    lines = [f"| {name} | {row['cost']:.3f} | {row['cost'] / rules:.0%} | {row['hits']:.1f} | {row['AUC']:.3f} | "
             f"{row['AP']:.3f} |" for name, row in mean.iterrows()]  # fmt: skip
    kinds = delay.groupby("kind").agg(cases=("cases", "sum"), detected=("detected", "sum"), median=("median", "mean"))
    told = [
        f"| {kind} | {row['cases']:.0f} | {row['detected']:.0f} | {row['median']:.1f} |"
        for kind, row in kinds.iterrows()
    ]
    head = (
        "# All kinds of simulated fraud\n\nWritten by `experiments/fraud_study.py`.\n\n"
        "What do reviews cost, and how late is fraud seen? "
        f"The simulated operators have {given.customers:,} customers and {given.months} months (seeds "
        f"{', '.join(map(str, given.seeds))}). Rates of fraud are multiplied by {given.intensity:g}, and there are drift, a "
        f"late kind and look-alikes. The test date is 14 days before the end. On it there are "
        f"{mean['customers'].iloc[0]:,.0f} lines, of which {mean['cases'].iloc[0]:.0f} are running fraud that is not "
        f"detected yet, and {mean['budget'].iloc[0]:.0f} reviews ({given.share:.1%}) at {REVIEW_COST:g} currency units (u) "
        "are possible. A case that is not stopped loses the median of its kind. The hand-written rules are the built-in "
        "ones at their start values.\n\n"
    )
    table = "| reviewed by | u an account | of the rules' | hits | AUC | AP |\n|---|---|---|---|---|---|\n" + "\n".join(
        lines
    )
    delays = (
        "\n\n## Delay\n\nDays from the start of a case to its first review, on every second day of the last two weeks, by the "
        "detector of the test date.\n\n| kind | cases | reviewed | median days |\n|---|---|---|---|\n" + "\n".join(told)
    )
    return head + table + delays + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--customers", type=int, default=5000)
    parser.add_argument("--months", type=int, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--intensity", type=float, default=8.0)
    parser.add_argument("--share", type=float, default=0.01)
    return parser.parse_args()


if __name__ == "__main__":
    main()
