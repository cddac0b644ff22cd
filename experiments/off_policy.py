"""Off-policy evaluation against known truth: do the intervals cover it, and is DR more precise than IPS?

    python experiments/off_policy.py
    python experiments/off_policy.py --runs 50 --mlflow

Five cases, 200 runs each. Four are small bandits (three actions, three features): outcomes of yes and no, money as the
outcome (lognormal values, so that a few customers weigh much), few effective decisions, and a learned outcome model.
The fifth is the simulated operator: its campaigns treat and hold back at random, its truth (`campaign_effects`: p0, p1)
gives both potential outcomes, and the policy judged contacts only those who stand to gain by an estimate. Normal
intervals stand beside those of the library. Writes ``docs/benchmarks/off_policy.md``.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from _place import log_study, provenance, write_page

from custintel import Warehouse
from custintel.decide._off_policy_evaluation import evaluate_policy
from custintel.progress import track

ACTIONS = ["none", "sms", "discount"]


class Case(NamedTuple):
    """One run: log, target, outcome model, truth."""

    log: pd.DataFrame
    target: pd.DataFrame
    q: pd.DataFrame | None
    features: pd.DataFrame | None
    truth: float


def soft(score: np.ndarray, sharpness: float) -> np.ndarray:
    """A policy that prefers higher scores."""
    power = np.exp(sharpness * (score - score.max(axis=1, keepdims=True)))
    return power / power.sum(axis=1, keepdims=True)


def bandit(seed: int, rows: int, money: bool, sharpness: float, learned: bool) -> Case:
    """A bandit whose logging policy prefers what is bad, and a target that prefers what is good."""
    rng = np.random.default_rng([seed, rows, money])
    features = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["age", "use", "bill"])
    age, use, bill = features.to_numpy().T
    chance = 1 / (1 + np.exp(-np.column_stack([-1.5 + 0.5 * age, -1.3 + 0.7 * age, -1.4 + 1.2 * use])))
    value = np.exp(3 + bill) if money else np.ones(rows)
    logged, target = soft(-chance, sharpness), soft(chance, 3 * sharpness)
    action = (rng.random(rows)[:, None] > logged.cumsum(axis=1)).sum(axis=1).clip(max=2)
    at = np.arange(rows)
    outcome = (rng.random(rows) < chance[at, action]) * value
    log = pd.DataFrame({"action": np.array(ACTIONS)[action], "propensity": logged[at, action], "outcome": outcome})
    log = log.join(pd.DataFrame(logged, columns=[f"propensity_{a}" for a in ACTIONS]))
    truth = float((target * chance).sum(axis=1) @ value / rows)
    # a given model is wrong everywhere, so that DR owes nothing to it
    q = None if learned else pd.DataFrame((0.8 * chance + 0.05) * value[:, None], columns=ACTIONS)
    return Case(log, pd.DataFrame(target, columns=ACTIONS), q, features if learned else None, truth)


class Operator(NamedTuple):
    """Contacts of the simulated operator with both potential outcomes."""

    p0: np.ndarray
    p1: np.ndarray
    treated: float


@cache
def operator() -> Operator:
    """Truth of all campaigns of one simulated operator."""
    wh = Warehouse.simulate(customers=2_000, months=6, seed=11)
    effects = wh.truth["campaign_effects"]
    share = 1 - float(wh.frame("contacts")["control"].mean())
    return Operator(effects["p0"].to_numpy(dtype=float), effects["p1"].to_numpy(dtype=float), share)


def campaign(seed: int, rows: int, truth: Operator) -> Case:
    """Randomised contacts drawn again from the operator's truth; outcome: the customer stayed."""
    rng = np.random.default_rng([seed, 77])
    who = rng.integers(0, len(truth.p0), rows)
    stays = 1 - np.column_stack([truth.p0, truth.p1])[who]
    treated = (rng.random(rows) < truth.treated).astype(int)
    chance = np.column_stack([1 - truth.treated, truth.treated])
    at = np.arange(rows)
    log = pd.DataFrame(
        {
            "action": np.array(["none", "offer"])[treated],
            "propensity": chance[0, treated],
            "outcome": (rng.random(rows) < stays[at, treated]).astype(float),
            "propensity_none": chance[0, 0],
            "propensity_offer": chance[0, 1],
        }
    )
    noise = rng.normal(0, 0.02, rows)
    wanted = (stays[:, 1] - stays[:, 0] + noise > 0).astype(float)
    target = pd.DataFrame({"none": 1 - wanted, "offer": wanted})
    q = pd.DataFrame(np.clip(stays + rng.normal(0, 0.05, stays.shape), 0, 1), columns=["none", "offer"])
    return Case(log, target, q, None, float((target.to_numpy() * stays).sum(axis=1).mean()))


CASES = {
    "yes or no": lambda seed: bandit(seed, 2_000, False, 1.5, False),
    "money": lambda seed: bandit(seed, 2_000, True, 1.5, False),
    "few effective": lambda seed: bandit(seed, 600, False, 2.5, False),
    "learned": lambda seed: bandit(seed, 1_000, False, 1.5, True),
    "simulated operator": lambda seed: campaign(seed, 3_000, operator()),
}


def measured(name: str, runs: int) -> pd.DataFrame:
    """Value, interval and truth of each run and estimator."""
    rows: list[dict[str, object]] = []
    for seed in track(range(runs), name):
        case = CASES[name](seed)
        found = evaluate_policy(case.log, case.target, expected_outcomes=case.q, features=case.features)
        for estimator, r in found.estimates.iterrows():
            rows.append(
                {
                    "case": name,
                    "estimator": estimator,
                    "effective": found.effective,
                    "refused": bool(found.refused),
                    "covers": r["low"] <= case.truth <= r["high"],
                    "normal": abs(r["value"] - case.truth) <= 1.96 * r["se"],
                    "error": (r["value"] - case.truth) / case.truth,
                    "width": (r["high"] - r["low"]) / case.truth,
                }
            )
    return pd.DataFrame(rows)


def page(table: pd.DataFrame, runs: int) -> str:
    """The results page."""
    lines = [
        "| case | estimator | effective rows | coverage | normal interval | mean error | s.d. of the error | width |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for (case, estimator), part in table.groupby(["case", "estimator"], sort=False):
        e = part["error"]
        lines.append(
            f"| {case} | {estimator} | {part['effective'].mean():,.0f} | {part['covers'].mean():.1%} | "
            f"{part['normal'].mean():.1%} | {e.mean():+.2%} | {e.std():.2%} | {part['width'].mean():.1%} |"
        )
    spread = table.groupby(["case", "estimator"], sort=False)["error"].std().unstack()
    ratio = ", ".join(f"{case}: {(r['dr'] / r['ips']) ** 2:.2f}" for case, r in spread.iterrows())
    return f"""# Off-policy evaluation

Does the 95 % interval of [a policy's value](../decide.md#off-policy-evaluation) cover the truth? Each case has
{runs} runs (seeds 0 to {runs - 1}), so coverage has a standard error of {np.sqrt(0.95 * 0.05 / runs):.1%}. Errors and
widths are shares of the true value. Refused runs: {int(table["refused"].sum())}.
{provenance("numpy", "scipy", "lightgbm")}

{chr(10).join(lines)}

Variance of DR over that of IPS: {ratio}.

- *yes or no*: 2,000 decisions with a binary outcome.
- *money*: the same, with lognormal values of customers.
- *few effective*: 600 decisions, of which few agree with the target.
- *learned*: 1,000 decisions. The outcome model is LightGBM, cross-fitted; in the other cases it is a given model that
  is wrong everywhere.
- *simulated operator*: 3,000 contacts. The truth comes from `campaign_effects` (p0, p1). Customers are drawn again with
  replacement from one operator's randomised campaigns, and a contact is drawn with the campaigns' mean probability.

Goals: each estimator has a coverage of 93 % or more, and the variance of DR is below that of IPS. Written by
`experiments/off_policy.py`.
"""


def main() -> None:
    """Measure and write the page."""
    parts: dict[str, pd.DataFrame] = {}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--mlflow", action="store_true", help="also log to MLflow")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--keep", type=Path, help="folder where measured cases are kept, to go on later")
    given = parser.parse_args()
    for case in given.cases:
        kept = None if given.keep is None else given.keep / f"{case.replace(' ', '_')}_{given.runs}.parquet"
        parts[case] = pd.read_parquet(kept) if kept is not None and kept.exists() else measured(case, given.runs)
        if kept is not None:
            parts[case].to_parquet(kept)
    table = pd.concat(parts.values(), ignore_index=True)
    print(write_page("off_policy.md", page(table, given.runs)))
    if given.mlflow:
        means = table.groupby(["case", "estimator"])[["covers", "width"]].mean().stack()
        log_study("off_policy", {" ".join(map(str, key)): float(value) for key, value in means.items()})


if __name__ == "__main__":
    main()
