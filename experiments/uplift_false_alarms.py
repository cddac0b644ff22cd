"""How often does UpliftModel say that it knows for whom a treatment works, where it works for nobody?

    python experiments/uplift_false_alarms.py [--experiments 400] [--customers 1000]

Experiments without any effect: half of the customers treated at random, outcomes that depend on six features and never
on the treatment. The verdict `differs` is nominally wrong in 5 of 100. The same with an effect for one half of the
customers tells what the honest test costs. Writes docs/benchmarks/uplift_false_alarms.md.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from real_tables import markdown
from scipy.special import expit
from scipy.stats import binom

import custintel
from custintel import UpliftModel
from custintel.metrics.confidence_intervals import wilson
from custintel.progress import track

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "uplift_false_alarms.md"
NOMINAL = 0.05
WHAT = """Half of the customers are treated at random. Outcomes depend on
six features, and on the treatment as the table says (`experiments/uplift_false_alarms.py`). The model's verdict that it
knows for whom the treatment works (`differs`) is a test at a nominal 5 %:"""
WHY = """
The number of rounds of the last stage is chosen by what fits left-out customers. When the test used the same customers,
that choice itself counted as a finding: 8 of 100 experiments without any effect were said to differ. Now each fold is
tested with the rounds that the other folds chose.
"""


def experiment(customers: int, effect: float, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Features, outcomes and treatments; `effect` on the log-odds of those whose third feature is above 0."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(customers, 6)), columns=[f"x{k}" for k in range(6)])
    treated = rng.random(customers) < 0.5
    raw = X["x0"] + 0.5 * X["x1"] - 2 + effect * treated * (X["x2"] > 0)
    return X, (rng.random(customers) < expit(raw)).astype(int), treated


def verdicts(experiments: int, customers: int, effect: float) -> np.ndarray:
    """The p-value of `differs` in each experiment."""
    found = np.empty(experiments)
    for seed in track(range(experiments), f"effect {effect:g}", total=experiments):
        X, y, treated = experiment(customers, effect, seed)
        model = UpliftModel(n_jobs=1).fit(X, y, treatment=treated, propensity="constant")
        found[seed] = model.effects_[True].slope_p
    return found


def row(p: np.ndarray, effect: float) -> dict[str, object]:
    """How often the verdict was given, with its 95 % interval."""
    given = int((p < NOMINAL).sum())
    low, high = wilson(given, len(p))
    return {
        "effect on the log-odds of one half": effect,
        "experiments": len(p),
        "said to know for whom": given,
        "share": f"{given / len(p):.1%} ({low:.1%} to {high:.1%})",
    }


def main() -> None:
    """Run the experiments and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=400)
    parser.add_argument("--customers", type=int, default=1000)
    given = parser.parse_args()
    none = verdicts(given.experiments, given.customers, 0.0)
    some = {e: verdicts(max(given.experiments // 8, 1), given.customers, e) for e in (1.0, 2.0)}
    table = pd.DataFrame([row(none, 0.0), *(row(p, e) for e, p in some.items())])
    most = int(binom.ppf(0.95, given.experiments, NOMINAL))
    said = f"Experiments of {given.customers:,} customers (custintel {custintel.__version__}, {date.today():%Y-%m-%d})"
    least = f"of {given.experiments} experiments without any effect a test of exactly that size gives it at most {most}"
    head = f"# False alarms of UpliftModel\n\n{said}. {WHAT} {least} times\nwith 95 % probability."
    text = f"{head}\n\n{markdown(table)}\n{WHY}"
    PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
