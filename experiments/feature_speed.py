"""How fast are features? The builder against what everybody writes, on the same records, checked to be equal.

135 columns: 9 slices x 3 windows x 5 aggregates of one table of call records. The floor is reading the columns.
Run: ``python experiments/feature_speed.py --records 5000000``; the table goes to docs/benchmarks/feature_speed.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import polars as pl

from custintel.builder import FeatureBuilder
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOWS = (7, 30, 90)
DATES = tuple(str(day.date()) for day in pd.date_range("2025-04-30", periods=6, freq="ME"))
SLICES = {
    "all": "true",
    "out": "direction = 'out'",
    "in": "direction = 'in'",
    "night": "is_night",
    "weekend": "is_weekend",
    "voice": "service = 'voice'",
    "sms": "service = 'sms'",
    "voice_out": "service = 'voice' and direction = 'out'",
    "night_weekend": "is_night and is_weekend",
}
AGGREGATES = {
    "rows": "count(*)",
    "seconds": "sum(duration_s)",
    "charged": "sum(charge)",
    "longest": "max(duration_s)",
    "dearest": "max(charge)",
}
OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "feature_speed.md"


def family_yaml() -> str:
    """The 135 columns as a feature file."""
    slices = "\n".join(f'  {name}: {{sql: "{sql}", about: {name}}}' for name, sql in SLICES.items() if name != "all")
    names = ", ".join(SLICES)
    features = "\n".join(
        f'  {name}: {{sql: "{sql}", unit: n, missing: 0, slices: [{names}], about: {name}}}'
        for name, sql in AGGREGATES.items()
    )
    windows = ", ".join(f"{w}d" for w in WINDOWS)
    return (
        f"family: bench\nabout: bench\nsource: usage\nwindows: [{windows}]\nslices:\n{slices}\nfeatures:\n{features}\n"
    )


def make_warehouse(records: int) -> Warehouse:
    """Random call records of seven months and a half, 2 % of them late, with a hundred a customer."""
    connection = duckdb.connect()
    connection.execute("select setseed(0.5)").fetchall()
    usage = connection.sql(f"""
        select
            'C' || cast(floor(random() * {records // 100}) as int) as customer_id,
            moment as event_time,
            moment + to_seconds(cast(case when random() < 0.02 then 3 * 86400 else 60 end as int)) as arrival_time,
            case when random() < 0.6 then 'voice' else 'sms' end as service,
            case when random() < 0.5 then 'in' else 'out' end as direction,
            floor(random() * 600) as duration_s,
            floor(random() * 300) / 100 as charge
        from (
            select timestamp '2025-02-15' + to_seconds(cast(random() * 86400 * 230 as int)) as moment
            from range({records})
        )
    """)
    arrow = (getattr(usage, "to_arrow_table", None) or usage.fetch_arrow_table)()
    return Warehouse.from_frames(usage=arrow)


def inside_sql(window: int, as_of: str) -> str:
    """The window and what had arrived, as everybody writes it."""
    return f"event_date > date '{as_of}' - {window}"


def select_sql(wh: Warehouse, as_of: str) -> str:
    """One SELECT with a filtered aggregate a column."""
    columns = [
        f"{sql} filter (where {condition} and {inside_sql(w, as_of)}) as {prefix(s)}{name}_{w}d"
        for name, sql in AGGREGATES.items()
        for s, condition in SLICES.items()
        for w in WINDOWS
    ]
    day = f"date '{as_of}'"
    where = f"event_date <= {day} and visible_date <= {day} and event_date > {day} - {max(WINDOWS)}"
    return f"select customer_id, {', '.join(columns)} from {wh.relation('usage')} where {where} group by customer_id"


def prefix(slice_: str) -> str:
    """The beginning of a column name."""
    return "" if slice_ == "all" else f"{slice_}_"


def polars_frame(usage: pl.DataFrame, as_of: str) -> pl.DataFrame:
    """The same in Polars: flags, then filtered aggregates."""
    day = date.fromisoformat(as_of)
    oldest = day - timedelta(days=max(WINDOWS))
    seen = (pl.col("event_date") <= day) & (pl.col("visible_date") <= day) & (pl.col("event_date") > oldest)
    slices = {name: pl.sql_expr(sql) for name, sql in SLICES.items()}
    found = []
    for w in WINDOWS:
        inside = pl.col("event_date") > day - timedelta(days=w)
        for s, condition in slices.items():
            keep = condition & inside
            values = {
                "rows": keep.sum(),
                "seconds": pl.col("duration_s").filter(keep).sum(),
                "charged": pl.col("charge").filter(keep).sum(),
                "longest": pl.col("duration_s").filter(keep).max(),
                "dearest": pl.col("charge").filter(keep).max(),
            }
            found += [value.alias(f"{prefix(s)}{name}_{w}d") for name, value in values.items()]
    return usage.lazy().filter(seen).group_by("customer_id").agg(found).collect()


@dataclass(frozen=True)
class Timing:
    """One line of the table."""

    what: str
    wall: float
    cpu: float
    columns: int
    rows: int


def timed(what: str, work: Callable[[], object], repeat: int) -> tuple[Timing, object]:
    """The best of several runs: the machine may be busy with other things."""
    best, result = (np.inf, np.inf), None
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        best = min(best, (time.perf_counter() - wall, time.process_time() - cpu), key=lambda pair: pair[1])
    shape = getattr(result, "shape", (1, 1))
    timing = Timing(what, *best, columns=shape[1], rows=shape[0])
    print(timing, flush=True)
    return timing, result


def check_equal(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Fast and wrong is not fast."""
    theirs = theirs.set_index("customer_id").reindex(ours.index).fillna(0.0)
    np.testing.assert_allclose(ours[theirs.columns], theirs.astype(float), rtol=1e-9)


def floor_sql(wh: Warehouse) -> str:
    """Read every column that is needed, once."""
    texts = ", ".join(f"count({c})" for c in ("customer_id", "service", "direction", "is_night", "is_weekend"))
    return (
        f"select {texts}, sum(duration_s), sum(charge), max(event_date), max(visible_date) from {wh.relation('usage')}"
    )


def measure(wh: Warehouse, builder: FeatureBuilder, repeat: int) -> list[Timing]:
    """All variants, one date and six."""
    usage = pl.from_arrow(wh.engine.arrow(f"select * from {wh.relation('usage')}"))
    day = DATES[3]
    lines = [timed("reading the columns (floor)", lambda: wh.sql(floor_sql(wh)), repeat)[0]]
    one, ours = timed("builder, one date", lambda: builder.build(wh, day), repeat)
    select, theirs = timed("one SELECT, one date", lambda: wh.sql(select_sql(wh, day)), repeat)
    polar, table = timed("Polars, one date", lambda: polars_frame(usage, day), repeat)
    check_equal(ours, theirs)
    check_equal(ours, table.to_pandas())
    six, _ = timed("builder, six dates at once", lambda: builder.build(wh, list(DATES)), repeat)
    loop, _ = timed(
        "one SELECT, a loop over six dates", lambda: pd.concat([wh.sql(select_sql(wh, d)) for d in DATES]), 1
    )
    polars, _ = timed("Polars, a loop over six dates", lambda: pl.concat([polars_frame(usage, d) for d in DATES]), 1)
    return [*lines, one, select, polar, six, loop, polars]


def report(lines: list[Timing], records: int) -> str:
    """The table as Markdown."""
    rows = "\n".join(f"| {t.what} | {t.wall:.2f} | {t.cpu:.2f} | {t.rows:,} x {t.columns} |" for t in lines)
    versions = f"DuckDB {duckdb.__version__}, Polars {pl.__version__}, pandas {pd.__version__}"
    load = os.getloadavg()[0]
    return f"""# Speed of features

{records:,} call records, {records // 100:,} customers; 9 slices x 3 windows x 5 aggregates: 135 columns, results
checked to be equal to 1e-9. {os.cpu_count()} cores, Python {platform.python_version()}, {versions}.
Load of the machine at the end: {load:.1f}. Where it is above the number of cores, wall times are too long by about
that factor: compare CPU times.

| what | wall s | CPU s | output |
|---|--:|--:|---|
{rows}

`builder` includes everything: the plan, the spine of customers, filling what is missing, and the data frame.
Script: `experiments/feature_speed.py`, {date.today().isoformat()}.
"""


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bench.yaml").write_text(family_yaml(), encoding="utf-8")
        builder = FeatureBuilder(["bench"], features_path=folder)
        lines = measure(make_warehouse(given.records), builder, given.repeat)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(report(lines, given.records), encoding="utf-8")
    print(OUT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
