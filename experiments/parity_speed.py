"""How fast are bandicoot's indicators? Records a second of CPU, for 200 and 4,000 customers with 500 records each.

The records are made here: calls and texts of twelve weeks, 60 contacts and 30 antennas a customer at most, used with
very different frequency. CPU is that of the whole process (all threads), of the call alone; the table is read before.
Run: ``python experiments/parity_speed.py``; the table goes to docs/benchmarks/parity_speed.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from custintel.indicators import cdr_indicators
from custintel.warehouse import Warehouse

OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "parity_speed.md"
RECORDS = 500
CASES = [(customers, groupby) for customers in (200, 4_000) for groupby in ("none", "week")]
# published in the reference study: bandicoot's last state on Python 3.10, 100,000 records, extended statistics, splits
BANDICOOT = {"none": 10_865, "week": 6_798}


def make_warehouse(customers: int, seed: int = 0) -> Warehouse:
    """Calls and texts of customers with habits."""
    rng = np.random.default_rng(seed)
    n = customers * RECORDS
    who = np.repeat(np.arange(customers), RECORDS)
    seconds = rng.integers(0, 84, n) * 86_400 + np.clip(rng.normal(15, 5, n), 0, 23.99) * 3_600
    voice = rng.random(n) < 0.5
    usage = pd.DataFrame(
        {
            "customer_id": np.char.add("u", who.astype(str)),
            "event_time": pd.Timestamp("2025-01-06") + pd.to_timedelta(seconds.astype(int), unit="s"),
            "service": np.where(voice, "voice", "sms"),
            "direction": np.where(rng.random(n) < 0.5, "out", "in"),
            "other_party": np.char.add("p", (rng.zipf(1.6, n) % 60 + who * 7 % 1000).astype(str)),
            "duration_s": np.where(voice, rng.exponential(120, n).round(), 0.0),
            "cell_id": np.char.add("c", (rng.zipf(1.5, n) % 30 + who * 3 % 500).astype(str)),
        }
    )
    names = [f"c{i}" for i in range(600)]
    places = {"latitude": rng.uniform(40, 41, 600), "longitude": rng.uniform(-71, -70, 600)}
    return Warehouse.from_frames(usage=usage, cells=pd.DataFrame({"cell_id": names, **places}))


def measure(customers: int, groupby: str, runs: int) -> tuple[float, float, float, int]:
    """Medians of wall and CPU seconds, peak memory of the process in GB, columns."""
    wh = make_warehouse(customers)
    walls, cpus, columns = [], [], 0
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        columns = cdr_indicators(wh, None if groupby == "none" else groupby).shape[1]
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return statistics.median(walls), statistics.median(cpus), peak, columns


def row(customers: int, groupby: str, runs: int) -> str:
    """One case, in a process of its own."""
    command = [sys.executable, __file__, "--case", str(customers), groupby, "--runs", str(runs)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    wall, cpu, peak = map(float, out[:3])
    rate = customers * RECORDS / cpu
    cells = [f"{customers:,} x {RECORDS}", groupby, out[3], f"{wall:.2f}", f"{cpu:.2f}", f"{rate:,.0f}"]
    return "| " + " | ".join([*cells, f"{rate / BANDICOOT[groupby]:.0f} x", f"{peak:.1f}"]) + " |"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--case", nargs=2, metavar=("CUSTOMERS", "GROUPBY"))
    given = parser.parse_args()
    if given.case:
        print(*measure(int(given.case[0]), given.case[1], given.runs))
        return
    rows = "\n".join(row(customers, groupby, given.runs) for customers, groupby in CASES)
    OUT.write_text(PAGE.format(rows=rows, where=_where(), runs=given.runs), encoding="utf-8")
    print(OUT.read_text(encoding="utf-8"))


def _where() -> str:
    versions = f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, pandas {pd.__version__}"
    return f"{os.cpu_count()} cores, {versions}"


PAGE = """# Speed of the parity indicators

How fast are [bandicoot's indicators](../parity.md) for all customers at once? The indicators have extended statistics
and all nine splits, and the records are generated calls and texts of twelve weeks with antennas.

Written by `experiments/parity_speed.py`: medians of {runs} runs, {where}.
The machine was shared, so rely on CPU time rather than wall time. CPU time counts all threads of the call.

| customers x records | groupby | columns | wall s | CPU s | records per CPU-s | bandicoot's | peak GB |
|---|---|--:|--:|--:|--:|--:|--:|
{rows}

"bandicoot's" is the ratio to bandicoot's last state, measured apart on the same kind of machine (Python 3.10, 100,000
other records of 200 users, the same settings): 10,865 records per CPU-s together, 6,798 by week. The records differ, so
the ratio is only an order of magnitude. Peak memory is that of the whole process, records and results included. The
work is done a million records at a time.
"""


if __name__ == "__main__":
    main()
