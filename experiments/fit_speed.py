"""What does `ChurnClassifier` cost on a large table, beside a plain LightGBM fit? Time and memory as ratios.

The generated table has 1,000,000 customers and 100 columns (90 numbers, 10 categories), and about 13 % churners. The
peer is what a careful user writes: `LGBMClassifier` (31 leaves, learning rate 0.1, up to 1,000 rounds, otherwise its
defaults) on the same data frame with pandas categories, stopped early on a hold-out of 50,000 rows with a patience of
30 rounds: `ChurnClassifier` uses the same hold-out size, leaves, rate and patience for a table of this size. Every run
has a process of its own, the two take turns. Run: ``python experiments/fit_speed.py``; the table goes to
docs/benchmarks/fit_speed.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from _place import log_study, provenance, write_page

if TYPE_CHECKING:
    from collections.abc import Callable

LEARNERS = ("ChurnClassifier", "LightGBM")
HOLD_OUT = 50_000
NEW_ROWS = 100_000
GOALS = {"time": 1.15, "memory": 2.0}


def make_table(rows: int, columns: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers and categories, a third of them with an effect, and two interactions."""
    rng = np.random.default_rng(seed)
    kinds = columns // 10
    table = pd.DataFrame({f"x{i}": rng.normal(size=rows) for i in range(columns - kinds)})
    names = [f"k{j}" for j in range(8)]
    for i in range(kinds):
        table[f"c{i}"] = pd.Categorical.from_codes(rng.integers(0, 8, rows), categories=names)
    effects = np.random.default_rng(1).normal(scale=0.35, size=columns // 3)
    odds = table.iloc[:, : columns // 3].to_numpy() @ effects - 2.9
    odds += 0.6 * table["x0"].to_numpy() * table["x1"].to_numpy() + 0.5 * (table["c0"].cat.codes.to_numpy() == 3)
    return table, (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)


def fit_ours(table: pd.DataFrame, y: np.ndarray, threads: int) -> Any:
    """`ChurnClassifier` as it comes."""
    from custintel import ChurnClassifier

    return ChurnClassifier(n_jobs=threads).fit(table, y)


def fit_plain(table: pd.DataFrame, y: np.ndarray, threads: int) -> Any:
    """`LGBMClassifier` with a hold-out and early stopping."""
    import lightgbm as lgb

    order = np.random.default_rng(0).permutation(len(y))
    held, seen = np.sort(order[:HOLD_OUT]), np.sort(order[HOLD_OUT:])
    model = lgb.LGBMClassifier(n_estimators=1000, learning_rate=0.1, random_state=0, n_jobs=threads, verbosity=-1)
    stop = lgb.early_stopping(30, verbose=False)
    return model.fit(table.iloc[seen], y[seen], eval_set=[(table.iloc[held], y[held])], callbacks=[stop])


def resident() -> float:
    """Memory of this process in MB (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def with_peak(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` returns, and the highest memory seen while it ran (looked at fifty times a second)."""
    peak, done = [resident()], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], resident())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        return work(), max(peak[0], resident())
    finally:
        done.set()
        thread.join()


def run_one(learner: str, rows: int, columns: int, threads: int) -> dict[str, float]:
    """Seconds, memory and quality of one fit in this process."""
    fit = fit_ours if learner == "ChurnClassifier" else fit_plain
    small, outcome = make_table(3_000, columns)
    fit_ours(small, outcome, 1)  # imports are not part of the fit
    empty = resident()
    table, y = make_table(rows, columns)
    data = table.memory_usage().sum() / 2**20
    before, wall, cpu = resident(), time.perf_counter(), time.process_time()
    model, peak = with_peak(lambda: fit(table, y, threads))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    new, truth = make_table(NEW_ROWS, columns, seed=2)
    from custintel.metrics.discrimination import auc

    return {
        "wall s": wall,
        "CPU s": cpu,
        "table MB": data,
        "more while fitting / table": (peak - before) / data,
        "all / table": (peak - empty) / data,
        "rounds": float(model.best_iteration_ if learner == "LightGBM" else model.ensemble_.boosters[0].num_trees()),
        "AUC": auc(truth, model.predict_proba(new)[:, 1]),
    }


def measure(options: argparse.Namespace) -> pd.DataFrame:
    """Every run in a process of its own, the learners in turns."""
    results = []
    for turn in range(options.runs):
        for learner in LEARNERS:
            command = [sys.executable, "-W", "ignore", __file__, "--one", learner]
            command += [f"--{name}={getattr(options, name)}" for name in ("rows", "columns", "threads")]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            results.append({"learner": learner, "run": turn + 1, **json.loads(out.splitlines()[-1])})
            print(results[-1], flush=True)
    return pd.DataFrame(results)


def ratios(runs: pd.DataFrame) -> dict[str, float]:
    """Medians against the peer, and memory against the table."""
    middle = runs.groupby("learner").median(numeric_only=True)
    ours, plain = middle.loc["ChurnClassifier"], middle.loc["LightGBM"]
    return {
        "wall time against LightGBM": ours["wall s"] / plain["wall s"],
        "CPU time against LightGBM": ours["CPU s"] / plain["CPU s"],
        "memory of the fit, against the table": ours["more while fitting / table"],
        "the same for LightGBM": plain["more while fitting / table"],
    }


def page(runs: pd.DataFrame, options: argparse.Namespace) -> str:
    """The text of the benchmark page."""
    shown = runs.round(3).astype(str)
    lines = ["| " + " | ".join(row) + " |" for row in [list(shown.columns), *shown.to_numpy().tolist()]]
    table = "\n".join([lines[0], "|---" * shown.shape[1] + "|", *lines[1:]])
    told = "\n".join(f"- {name}: **{value:.2f}**" for name, value in ratios(runs).items())
    load = ", ".join(f"{v:.1f}" for v in os.getloadavg())
    return f"""# Speed of a large fit

{provenance("lightgbm", "pandas", "numpy")} Load of the machine at the end: {load}.
Written by `experiments/fit_speed.py`, seed 0.

{(__doc__ or "").split(chr(10), 2)[2].split(" Run:")[0].strip()}
{options.rows:,} rows x {options.columns} columns, {options.threads} threads.

{told}

Goals: time at most {GOALS["time"]} of LightGBM's, memory of the fit at most {GOALS["memory"]} times the table.

{table}

*more while fitting* is the highest memory of the process during the fit, less what it held before, divided by the size
of the table. *all* adds the table itself. The AUC is measured on {NEW_ROWS:,} new rows. The seconds come from a shared
machine, so compare ratios.
"""


def main() -> None:
    """Run, print, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--one", choices=LEARNERS, help="a single fit in this process, printed as JSON")
    parser.add_argument("--mlflow", action="store_true", help="log the ratios to MLflow")
    parser.add_argument("--no-page", action="store_true", help="print only")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run_one(options.one, options.rows, options.columns, options.threads)))
        return
    runs = measure(options)
    print(pd.Series(ratios(runs)).round(3).to_string())
    if options.mlflow:
        log_study("fit_speed", ratios(runs))
    if not options.no_page:
        write_page("fit_speed.md", page(runs, options))


if __name__ == "__main__":
    main()
