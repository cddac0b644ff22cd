"""Allocation under one budget and five capacities: HiGHS, dual prices and two simple rules on the same campaigns.

    python experiments/allocation.py                       # 10,000 to 1,000,000 customers
    python experiments/allocation.py --sizes 10000 --mlflow

Effects of five offers on keeping a customer are gamma distributed, values of customers lognormal, costs differ by 20 %
around 1 to 60 u; the budget pays 2 u a customer. HiGHS solves what it can within minutes. Writes
``docs/benchmarks/allocation.md``.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _place import log_study, provenance, write_page

from custintel.decide import Constraints, OfferLimits, OfferValues, allocate

OFFERS = ["sms", "call", "bonus", "discount", "device"]
SEEDS = (0, 1, 2)
LARGEST_LP = 50_000


def campaign(customers: int, seed: int) -> tuple[OfferValues, Constraints]:
    """Values and limits of one campaign."""
    rng = np.random.default_rng(seed)
    cost = pd.DataFrame(np.array([1.0, 6.0, 8.0, 24.0, 60.0]) * rng.uniform(0.8, 1.2, (customers, 5)), columns=OFFERS)
    effect = pd.DataFrame(rng.gamma(1.2, [0.01, 0.03, 0.04, 0.07, 0.1], (customers, 5)).clip(0, 0.9), columns=OFFERS)
    shares = dict(zip(OFFERS, [0.2, 0.05, 0.1, 0.06, 0.03], strict=True))
    limits = {name: OfferLimits(capacity=round(share * customers)) for name, share in shares.items()}
    value = pd.Series(rng.lognormal(5.5, 0.8, customers))
    return OfferValues.from_effects(effect, value, cost), Constraints(budget=2.0 * customers, offers=limits)


def measure(customers: int, seed: int) -> list[dict[str, object]]:
    """Rows of the table for one campaign; times are seconds of this process."""
    values, constraints = campaign(customers, seed)
    rows = []
    for method in ("lp", "prices") if customers <= LARGEST_LP else ("prices",):
        start, wall = time.process_time(), time.perf_counter()
        found = allocate(values, constraints, method=method)  # type: ignore[arg-type]
        spent, passed = time.process_time() - start, time.perf_counter() - wall
        left = bool((found.constraints["left"] >= -1e-6).all())
        rows.append(
            {
                "customers": customers,
                "rule": method,
                "of_bound": 1 - found.gap,
                "cpu": spent,
                "wall": passed,
                "kept": left,
            }
        )
    for rule, value in found.comparison["value"].items():
        if rule not in ("custintel", "nothing"):
            rows.append({"customers": customers, "rule": rule, "of_bound": value / found.bound})
    return rows


def page(table: pd.DataFrame) -> str:
    """The results page."""
    means = table.groupby(["customers", "rule"], sort=False).mean(numeric_only=True)
    worst = table.groupby(["customers", "rule"], sort=False)["of_bound"].min()
    lines = ["| customers | rule | share of the LP bound | lowest | CPU s | clock s |", "|--:|---|--:|--:|--:|--:|"]
    for key, row in means.iterrows():
        times = ["" if np.isnan(row[t]) else f"{row[t]:.2f}" for t in ("cpu", "wall")]
        lines.append(f"| {key[0]:,} | {key[1]} | {row['of_bound']:.3%} | {worst[key]:.3%} | {times[0]} | {times[1]} |")
    kept = "All allocations kept all limits." if table["kept"].dropna().all() else "Some limits were broken."
    first = means["of_bound"].unstack()
    gain = ", ".join(f"{n:,}: {r['prices'] / r['best offer first'] - 1:+.0%}" for n, r in first.iterrows())
    return f"""# Allocation

How good and how fast is the allocation of offers? Five offers compete under one budget and five capacities
([definitions](../decide.md)). The seeds are {", ".join(map(str, SEEDS))}, and one seed for a million customers.

`lp` is HiGHS through scipy, and `prices` is the dual price iteration. Both solutions are made whole and repaired in the
same way. The bound is the optimum of the linear programme. For `prices` it is the dual bound, which is never below that
optimum. {provenance("numpy", "scipy")}
The machine was shared: compare times within a row group, CPU times first.

{chr(10).join(lines)}

{kept} Value of `prices` over "best offer first": {gain}.

Goals: 100,000 customers take less than 5 s and reach at least 99.5 % of the bound; a million take less than 60 s; the
value is at least 30 % above "best offer first". Written by `experiments/allocation.py`.
"""


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 50_000, 100_000, 1_000_000])
    parser.add_argument("--mlflow", action="store_true", help="also log to MLflow")
    parser.add_argument("--keep", type=Path, help="folder where measured campaigns are kept, to go on later")
    given = parser.parse_args()
    rows = []
    for size in given.sizes:
        for seed in SEEDS if size < 1_000_000 else SEEDS[:1]:
            kept = None if given.keep is None else given.keep / f"allocation_{size}_{seed}.json"
            if kept is not None and kept.exists():
                rows += json.loads(kept.read_text())
                continue
            rows += (fresh := measure(size, seed))
            if kept is not None:
                kept.write_text(json.dumps(fresh))
    table = pd.DataFrame(rows)
    print(write_page("allocation.md", page(table)))
    if given.mlflow:
        means = table.groupby(["customers", "rule"])[["of_bound", "cpu"]].mean().stack()
        log_study("allocation", {f"{size} {rule} {name}": value for (size, rule, name), value in means.items()})


if __name__ == "__main__":
    main()
