"""The cases: each returns lines of seconds, facts, and its peak of memory."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl

from custintel import FeatureBuilder, Warehouse
from speed import columns, sixty
from speed.clock import Line, in_turns, peak_gb
from speed.records import FOLDER, warehouse

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CASES"]

DATES = tuple(str(day.date()) for day in pd.date_range("2025-04-30", periods=6, freq="ME"))
DAY = "2025-07-31"


def _builder(files: Mapping[str, str]) -> FeatureBuilder:
    folder = tempfile.mkdtemp(prefix="custintel_features_")
    for name, text in files.items():
        Path(folder, name).write_text(text, encoding="utf-8")
    return FeatureBuilder([Path(name).stem for name in files], features_path=folder)


def _polars(wh: Warehouse) -> pl.DataFrame:
    found: Any = pl.from_arrow(wh.engine.arrow(f"select * from {wh.relation('usage')}"))
    return found


def _check_equal(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Fast and wrong is not fast."""
    theirs = theirs.set_index("customer_id").reindex(ours.index)
    for column in ours:
        a, b = ours[column].to_numpy(float), theirs[column].to_numpy(float, na_value=np.nan)
        b = np.where(np.isnan(b) & ~np.isnan(a) & (a == 0), 0.0, b)
        a = np.where(np.isnan(a), 0.0, a) if np.isnan(a).any() else a
        np.testing.assert_allclose(a, np.where(np.isnan(b), 0.0, b), rtol=1e-9, atol=1e-9, err_msg=str(column))


def wide(records: int, repeat: int, _variant: str) -> dict[str, object]:
    """135 columns: one date, six dates, Polars, one SELECT."""
    wh, builder = warehouse(records), _builder({"bench.yaml": columns.family_yaml()})
    lines, ours = _against_polars(wh, builder, repeat)
    select, answer = in_turns({"one SELECT, one date": lambda: wh.sql(columns.select_sql(wh, DAY))}, min(repeat, 1))
    _check_equal(ours, answer["one SELECT, one date"])  # type: ignore[arg-type]
    lines += [*select, *_sorted_polars(wh, repeat)]
    six, _ = in_turns({"builder, six dates at once": lambda: builder.build(wh, list(DATES))}, min(repeat, 3))
    return {"lines": [*lines, *six], "peak_gb": peak_gb()}


def _against_polars(wh: Warehouse, builder: FeatureBuilder, repeat: int) -> tuple[list[Line], pd.DataFrame]:
    usage = _polars(wh)
    work = {
        "reading the columns (floor)": lambda: wh.sql(columns.floor_sql(wh)),
        "builder, one date": lambda: builder.build(wh, DAY),
        "Polars, one date": lambda: columns.polars_frame(usage, DAY),
    }
    lines, found = in_turns(work, repeat)
    ours: Any = found["builder, one date"]
    theirs: Any = found["Polars, one date"]
    _check_equal(ours, theirs.to_pandas())
    return lines, ours


def _sorted_polars(wh: Warehouse, repeat: int) -> list[Line]:
    usage = _polars(wh).sort("customer_id")
    name = "Polars, one date, records sorted by customer"
    return in_turns({name: lambda: columns.polars_frame(usage, DAY)}, min(repeat, 2))[0]


def many_kinds(records: int, repeat: int, _variant: str) -> dict[str, object]:
    """Sixty features of many kinds against Polars."""
    wh, builder = warehouse(records), _builder(sixty.FILES)
    usage = _polars(wh)
    lines, found = in_turns(
        {"builder": lambda: builder.build(wh, DAY), "Polars": lambda: sixty.polars_frame(usage, DAY)}, repeat
    )
    _check_equal(found["builder"], found["Polars"].to_pandas())  # type: ignore[arg-type,union-attr]
    return {"lines": lines, "peak_gb": peak_gb()}


def catalogue(records: int, repeat: int, _variant: str) -> dict[str, object]:
    """Every shipped feature that call records can answer."""
    wh, builder = warehouse(records), FeatureBuilder()
    opened = peak_gb()
    lines, _ = in_turns({"all features of call records": lambda: builder.build(wh, DAY)}, min(repeat, 2) - 1)
    return {"lines": lines, "opened_gb": opened, "peak_gb": peak_gb()}


def simulated(records: int, repeat: int, _variant: str) -> dict[str, object]:
    """Every shipped feature of a simulated operator, and the next day from kept sums."""
    wh, builder = _operator(records), FeatureBuilder()
    day, opened = str((wh.period[1] - pd.Timedelta(days=20)).date()), peak_gb()
    lines, _ = in_turns({"all features of a simulated operator": lambda: builder.build(wh, day)}, min(repeat, 2) - 1)
    return {"lines": [*lines, *_next_day(wh, builder, day)], "opened_gb": opened, "peak_gb": peak_gb()}


def _operator(records: int) -> Warehouse:
    folder = FOLDER / f"operator_{records}"
    if not (folder / "warehouse.json").exists():
        Warehouse.simulate(customers=max(300, records * 6_100 // 20_000_000), months=12, seed=7).save(folder)
    return Warehouse.open(folder)


def next_day(records: int, _repeat: int, _variant: str) -> dict[str, object]:
    """135 columns of the day after, from kept sums."""
    wh, builder = warehouse(records), _builder({"bench.yaml": columns.family_yaml()})
    lines, _ = in_turns({"full build": lambda: builder.build(wh, DAY)}, 1)
    return {"lines": [*lines, *_next_day(wh, builder, DAY)], "peak_gb": peak_gb()}


def _next_day(wh: Warehouse, builder: FeatureBuilder, day: str) -> list[Line]:
    after = str((pd.Timestamp(day) + pd.Timedelta(days=1)).date())
    with tempfile.TemporaryDirectory(prefix="custintel_days_") as folder:
        first, _ = in_turns({"first build, keeping days": lambda: builder.build(wh, day, partials=folder)}, 0)
        second, _ = in_turns({"next day from kept days": lambda: builder.build(wh, after, partials=folder)}, 0)
    return [*first, *second]


def sizes(records: int, repeat: int, variant: str) -> dict[str, object]:
    """135 columns of more and more records; `limited`: with 2 GB for the engine."""
    started = time.perf_counter()
    wh = warehouse(records, memory_limit="2GB" if variant == "limited" else None)
    opened, memory = time.perf_counter() - started, peak_gb()
    builder = _builder({"bench.yaml": columns.family_yaml()})
    runs = 0 if records > 50_000_000 else min(repeat, 3)
    lines, _ = in_turns({"builder, one date": lambda: builder.build(wh, DAY)}, runs)
    return {"lines": lines, "opened_s": opened, "opened_gb": memory, "peak_gb": peak_gb()}


def threads(records: int, repeat: int, _variant: str) -> dict[str, object]:
    """Every shipped feature that call records can answer, with one thread (the same bytes every time) and with all."""
    wh, builder = warehouse(records), FeatureBuilder()

    def build(count: int) -> pd.DataFrame:
        wh.engine.execute(f"set threads = {count}")
        return builder.build(wh, DAY)

    lines, _ = in_turns({"one thread": lambda: build(1), "all threads": lambda: build(os.cpu_count() or 1)}, repeat)
    return {"lines": lines, "peak_gb": peak_gb()}


CASES = {
    "columns": wide,
    "sixty": many_kinds,
    "catalogue": catalogue,
    "simulated": simulated,
    "next": next_day,
    "records": sizes,
    "threads": threads,
}
