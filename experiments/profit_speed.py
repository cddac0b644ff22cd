"""What does EMPC cost on a million customers? Beside one sort of the scores, which no ranking measure can do without.

A made ranking (scores of all customers distinct, 5 % churners) and a naive loop over 200 acceptance shares, each of
which looks at every cut-off: what one writes from the definition. All take turns in one process; the results are
compared before any time is written down. Run: ``python experiments/profit_speed.py``; the table goes to
docs/benchmarks/profit_speed.md.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from _place import log_study, provenance, write_page
from scipy.stats import beta as beta_law

from custintel.metrics import empc_individual
from custintel.metrics.campaign_profit import empc

if TYPE_CHECKING:
    from collections.abc import Callable

SHARES = 200
GOAL = 1.0


def make_ranking(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Outcomes, scores and values of customers."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 19, rows)
    return {"y": (rng.random(rows) < p).astype(np.int8), "p": p, "clv": rng.lognormal(5, 1, rows)}


def naive(y: np.ndarray, p: np.ndarray, clv: Any = 200.0, d: float = 10.0, f: float = 1.0) -> float:
    """The definition: the best cut-off for each of many acceptance shares, weighted by their chance."""
    order = np.argsort(-p, kind="stable")
    gained = np.append(0.0, np.cumsum((y * (clv - d))[order]))
    spent = np.append(0.0, np.cumsum((f + (1 - y) * d)[order]))
    middle = (np.arange(SHARES) + 0.5) / SHARES
    weight = np.diff(beta_law.cdf(np.linspace(0, 1, SHARES + 1), 6, 14))
    return float(sum(w * (g * gained - spent).max() for g, w in zip(middle, weight, strict=True)) / len(y))


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall time and result."""
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def contestants(table: dict[str, np.ndarray]) -> dict[str, Callable[[], Any]]:
    """What takes turns."""
    y, p, clv = table["y"], table["p"], table["clv"]
    return {
        "one sort of the scores": partial(np.argsort, -p, kind="stable"),
        "empc": lambda: empc(y, p).score,
        "empc_individual": lambda: empc_individual(y, p, clv).score,
        "loop, one value": partial(naive, y, p),
        "loop, individual values": partial(naive, y, p, clv),
    }


def measure(table: dict[str, np.ndarray], turns: int) -> tuple[dict[str, float], float]:
    """Median seconds of each, and how far the loop is from ours; refuses results that do not agree."""
    works = contestants(table)
    times: dict[str, list[float]] = {}
    found: dict[str, Any] = {}
    for _ in range(turns):
        for name, work in works.items():
            took, found[name] = seconds(work)
            times.setdefault(name, []).append(took)
    pairs = (("empc", "loop, one value"), ("empc_individual", "loop, individual values"))
    away = max(abs(found[loop] / found[ours] - 1) for ours, loop in pairs)
    if away > 2e-3:
        raise SystemExit(f"results differ by {away:.2%}")
    return {name: float(np.median(taken)) for name, taken in times.items()}, away


def page(rows: int, turns: int, times: dict[str, float], away: float) -> str:
    """The results page."""
    floor = times["one sort of the scores"]
    lines = [f"| {name} | {took:.3f} | {took / floor:.1f} |" for name, took in times.items()]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return "\n".join([
        "# Speed of EMPC", "",
        f"{provenance('numpy', 'scipy')} Load of the machine at the end: {load}.",
        "Written by `experiments/profit_speed.py`, seed 0.", "",
        f"There are {rows:,} customers with distinct scores, of whom about 5 % are churners. The table gives medians "
        f"of {turns} turns, all in one process.",
        f"The loop looks at every cut-off for each of {SHARES} acceptance shares; it is the definition as one writes",
        f"it in numpy. Its results differ from ours by at most {away:.1e} (relative), because of its coarse grid. Ours",
        "are exact integrals, tested to 1e-6 against a fine grid in `tests/metrics/test_campaign_profit.py` and",
        "`test_individual_profit.py`. A finer grid takes the loop longer in proportion.", "",
        f"Goal: a million customers under {GOAL:g} s.", "",
        "| what | wall s | against one sort |", "|---|---|---|", *lines, "",
        "`empc` includes the best constant policy. Seconds are of a shared machine: compare ratios.", "",
    ])  # fmt: skip


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--print", action="store_true", help="print instead of writing the page")
    parser.add_argument("--mlflow", action="store_true")
    how = parser.parse_args()
    times, away = measure(make_ranking(how.rows), how.turns)
    text = page(how.rows, how.turns, times, away)
    print(text if how.print else write_page("profit_speed.md", text))
    if how.mlflow:
        log_study("profit_speed", times)


if __name__ == "__main__":
    main()
