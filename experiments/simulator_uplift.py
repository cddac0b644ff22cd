"""Does UpliftModel choose whom to call as well as anybody could? Retention calls of simulated operators.

    python experiments/simulator_uplift.py [--customers 2000] [--teachers 10]

The discount call of the simulator is offered to 40 % of the lines each month at random, 40 % are held back. The model
learns from the first campaigns of one operator; policies are judged on its later campaigns by the true chances to leave
with and without the call. Writes docs/benchmarks/simulator_uplift.md.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from real_tables import markdown

import custintel
from custintel import ChurnClassifier, FeatureBuilder, UpliftModel, Warehouse
from custintel.progress import track
from custintel.questions import Question, question_labels
from custintel.simulate import SimulationConfig

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "simulator_uplift.md"
FAMILIES = [
    "volumes",
    "bills",
    "care_contacts",
    "current_plan",
    "customer_profile",
    "recharges",
    "contact_network",
    "competitor_operators",
]
VALUE, COST = 300.0, 2.5
MONTHS, LEARN_UNTIL = 11, "2025-05-31"


def experiment_config() -> SimulationConfig:
    """The simulator's usual operator with one large randomised campaign a month."""
    usual = SimulationConfig()
    call = replace(usual.campaigns.offers[0], treated=0.4, control=0.4)
    return replace(usual, campaigns=replace(usual.campaigns, offers=(call,), hold_out=0.0))


def contact_counts(customers: int, seed: int) -> pd.DataFrame:
    """One row a line and campaign: features the day before, whether called, whether left in 91 days, and the truth."""
    wh = Warehouse.simulate(customers=customers, months=MONTHS, seed=seed, config=experiment_config())
    table = wh.engine.sql(f"select customer_id, campaign_id, event_date, control from {wh.relation('contacts')}")
    table["as_of"] = pd.to_datetime(table["event_date"]) - pd.Timedelta(days=1)
    days = sorted(table["as_of"].unique())
    definition = Question("churn", gap_days=0, horizon_days=91)
    known = question_labels(wh, days, definition)["label"].dropna()
    table = table.join(known, on=["as_of", "customer_id"], how="inner")
    truth = wh.truth["campaign_effects"].astype({"customer_id": str})
    table = table.merge(truth[["customer_id", "campaign_id", "p0", "p1", "tau"]], on=["customer_id", "campaign_id"])
    keys = table[["as_of", "customer_id"]]
    X = FeatureBuilder(FAMILIES).build(wh, rows=keys)
    out = pd.concat([table.reset_index(drop=True), X.reset_index(drop=True).add_prefix("f_")], axis=1)
    return out.assign(customer_id=f"{seed}_" + out["customer_id"])


def fitted(rows: pd.DataFrame) -> UpliftModel:
    """The default model on the features of some contacts."""
    X = rows.filter(like="f_")
    return UpliftModel().fit(
        X, rows["label"], treatment=~rows["control"].astype(bool), propensity=0.5, groups=rows["customer_id"]
    )


def worth(rows: pd.DataFrame, chosen: np.ndarray) -> float:
    """True value a line of calling the chosen ones."""
    return float((((rows["p0"] - rows["p1"]) * VALUE - COST) * chosen).mean())


def policies(own: pd.DataFrame, teachers: pd.DataFrame) -> pd.DataFrame:
    """Value of each way of choosing, on the later campaigns of the own operator."""
    learn, test = own[own["as_of"] <= LEARN_UNTIL], own[own["as_of"] > LEARN_UNTIL]
    features, true = test.filter(like="f_"), (test["p0"] - test["p1"]).to_numpy()
    ours = -fitted(learn).predict(features).iloc[:, 0].to_numpy()
    best = -fitted(teachers).predict(features).iloc[:, 0].to_numpy()
    risk = ChurnClassifier(effort="fast").fit(learn.filter(like="f_"), learn["label"].astype(int))
    p = risk.predict_proba(features)[:, 1]
    chosen = {
        "all-knowing": true * VALUE > COST,
        "best from observables (teachers)": best * VALUE > COST,
        "UpliftModel": ours * VALUE > COST,
        "churn risk, as many": p >= np.quantile(p, 1 - max((ours * VALUE > COST).mean(), 1e-9)),
        "call all": np.ones(len(test), dtype=bool),
        "call none": np.zeros(len(test), dtype=bool),
    }
    ranks = {"UpliftModel": ours, "best from observables (teachers)": best, "churn risk, as many": p}
    spearman = {name: pd.Series(score).corr(pd.Series(true), method="spearman") for name, score in ranks.items()}
    return pd.DataFrame(
        [
            {"policy": name, "called": float(who.mean()), "u a line": worth(test, who), "Spearman": spearman.get(name)}
            for name, who in chosen.items()
        ]
    )


def main() -> None:
    """Simulate, fit, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--teachers", type=int, default=10)
    options = parser.parse_args()
    own = contact_counts(options.customers, 101)
    seeds = track(range(1, options.teachers + 1), "teachers")
    teachers = pd.concat([contact_counts(options.customers, k) for k in seeds], ignore_index=True)
    teachers = teachers[teachers["as_of"] <= LEARN_UNTIL]
    table = policies(own, teachers)
    value = table.set_index("policy")["u a line"]
    best = value["best from observables (teachers)"]
    share = value["UpliftModel"] / best if best > 0 else None
    rows = {"own": int((own["as_of"] <= LEARN_UNTIL).sum()), "teachers": len(teachers)}
    print(table.round(4).to_string(index=False), f"share of the best: {share}", rows, sep="\n")
    table["Spearman"] = table["Spearman"].map(lambda v: "" if pd.isna(v) else f"{v:.3f}")
    PAGE.write_text(page(table, rows, share, options.customers, options.teachers), encoding="utf-8")


def page(table: pd.DataFrame, rows: dict[str, int], share: float | None, customers: int, teachers: int) -> str:
    """The benchmark page."""
    return f"""# Whom to call: simulated retention campaigns

Written by `experiments/simulator_uplift.py` on {date.today()} with custintel {custintel.__version__}.

The simulated operator has {customers:,} lines and {MONTHS} months (seed 101). Each month a discount call goes to 40 %
of the lines at random, and another 40 % are held back, so the propensity among these is one half. The models learn from
{rows["own"]:,} contacts of the first campaigns. They are judged on the later campaigns by the true chances to leave
within the effect's 13 weeks, with and without the call. A line that is kept is worth {VALUE:g} currency units (u), and
a call costs {COST:g} u. The teachers are {teachers} other operators ({rows["teachers"]:,} contacts). Spearman is the
rank correlation of the score with the true effect. This is a single operator, so differences of a few hundredths of a
currency unit are noise.

{markdown(table)}

{_verdict(share)}
"""


def _verdict(share: float | None) -> str:
    """The goal, or why it says nothing."""
    if share is not None:
        return f"UpliftModel reaches {share:.0%} of the value of the same learner fitted on the teachers (goal: 90 %)."
    return """The goal (90 % of the value of the best policy that sees only observables) cannot be judged here, because
even that policy earns no more than calling nobody. Most of what the call changes depends on traits that no table shows,
and the mean effect is a third of a percentage point. A policy that takes the estimated mean at its word calls everybody
and loses money. Look at `effects_` first, and decide with `allocate(..., risk=1)`, which asks for a margin of one
standard error."""


if __name__ == "__main__":
    main()
