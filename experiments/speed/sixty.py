"""Sixty features of many kinds: as feature files, and in Polars."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

WINDOWS = (7, 30, 90)
USAGE = """
family: bench
about: bench
source: usage
windows: [7d, 30d, 90d]
slices:
  out: {sql: direction = 'out', about: out}
  night: {sql: is_night, about: night}
  voice: {sql: service = 'voice', about: voice}
features:
  b_rows: {sql: count(*), unit: n, missing: 0, slices: [all, out, night, voice], about: rows}
  b_seconds: {sql: sum(duration_s), unit: s, missing: 0, slices: [all, out, night], about: seconds}
  b_charged: {sql: sum(charge), unit: u, missing: 0, slices: [all, out], about: charged}
  b_length: {sql: avg(duration_s), unit: s, missing: null, slices: [all, out], about: length}
  b_spread: {sql: stddev(duration_s), unit: s, missing: null, slices: [all, out], about: spread}
  b_active: {sql: count(distinct event_date), unit: d, missing: 0, slices: [all], about: active days}
  b_cells: {sql: count(distinct cell_id), unit: n, missing: 0, slices: [all], about: cells}
derived:
  b_trend: {sql: "b_rows_7d * 30 / nullif(b_rows_30d * 7, 0)", unit: ratio, about: trend}
  b_trend_long: {sql: "b_rows_30d * 3 / nullif(b_rows_90d, 0)", unit: ratio, about: long trend}
  b_out_trend: {sql: "out_b_rows_30d * 3 / nullif(out_b_rows_90d, 0)", unit: ratio, about: out trend}
"""
CIRCLE = """
family: bench_circle
about: bench
source: usage
windows: [7d, 30d, 90d]
per: other_party
gather: {n: count(*)}
features:
  b_contacts: {sql: count(*), unit: n, missing: 0, about: contacts}
  b_entropy: {sql: ln(sum(n)) - sum(n * ln(n)) / sum(n), unit: nats, missing: null, about: entropy}
  b_top_share: {sql: max(n) / sum(n), unit: share, missing: null, about: top share}
"""
GAPS = """
family: bench_gaps
about: bench
source: usage
windows: [90d]
previous: [event_time]
features:
  b_gap_mean: {sql: "avg(seconds_between(previous_event_time, event_time))", unit: s, missing: null, about: mean gap}
  b_gap_spread: {sql: "stddev(seconds_between(previous_event_time, event_time))", unit: s, missing: null, about: gaps}
  b_gap_max: {sql: "max(seconds_between(previous_event_time, event_time))", unit: s, missing: null, about: longest gap}
"""
FILES = {"bench.yaml": USAGE, "bench_circle.yaml": CIRCLE, "bench_gaps.yaml": GAPS}
PLAIN = {
    "b_rows": (("all", "out", "night", "voice"), lambda keep: keep.sum()),
    "b_seconds": (("all", "out", "night"), lambda keep: pl.col("duration_s").filter(keep).sum()),
    "b_charged": (("all", "out"), lambda keep: pl.col("charge").filter(keep).sum()),
    "b_length": (("all", "out"), lambda keep: pl.col("duration_s").filter(keep).mean()),
    "b_spread": (("all", "out"), lambda keep: pl.col("duration_s").filter(keep).std()),
    "b_active": (("all",), lambda keep: pl.col("event_date").filter(keep).n_unique()),
    "b_cells": (("all",), lambda keep: pl.col("cell_id").filter(keep).n_unique()),
}


def polars_frame(usage: pl.DataFrame, as_of: str) -> pl.DataFrame:
    """All sixty in Polars, as a good user of it would write them."""
    day = date.fromisoformat(as_of)
    oldest = day - timedelta(days=max(WINDOWS))
    seen = (pl.col("event_date") <= day) & (pl.col("visible_date") <= day) & (pl.col("event_date") > oldest)
    rows = usage.lazy().filter(seen)
    parts = [_plain(rows, day), *(_circle(rows, day, w) for w in WINDOWS), _gaps(rows)]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.join(part, on="customer_id", how="left")
    return _trends(joined).collect()


def _plain(rows: pl.LazyFrame, day: date) -> pl.LazyFrame:
    slices = {
        "all": pl.lit(True),
        "out": pl.col("direction") == "out",
        "night": pl.col("is_night"),
        "voice": pl.col("service") == "voice",
    }
    found = []
    for w in WINDOWS:
        inside = pl.col("event_date") > day - timedelta(days=w)
        for name, (wanted, value) in PLAIN.items():
            found += [value(slices[s] & inside).alias(f"{'' if s == 'all' else s + '_'}{name}_{w}d") for s in wanted]
    return rows.group_by("customer_id").agg(found)


def _circle(rows: pl.LazyFrame, day: date, window: int) -> pl.LazyFrame:
    inside = rows.filter(pl.col("event_date") > day - timedelta(days=window))
    n = inside.group_by("customer_id", "other_party").agg(pl.len().cast(pl.Float64).alias("n"))
    total = pl.col("n").sum()
    return n.group_by("customer_id").agg(
        pl.len().alias(f"b_contacts_{window}d"),
        (total.log() - (pl.col("n") * pl.col("n").log()).sum() / total).alias(f"b_entropy_{window}d"),
        (pl.col("n").max() / total).alias(f"b_top_share_{window}d"),
    )


def _gaps(rows: pl.LazyFrame) -> pl.LazyFrame:
    gap = pl.col("event_time").sort().diff().dt.total_microseconds() / 1e6
    return rows.group_by("customer_id").agg(
        gap.mean().alias("b_gap_mean_90d"), gap.std().alias("b_gap_spread_90d"), gap.max().alias("b_gap_max_90d")
    )


def _trends(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.with_columns(
        (pl.col("b_rows_7d") * 30 / (pl.col("b_rows_30d") * 7)).alias("b_trend"),
        (pl.col("b_rows_30d") * 3 / pl.col("b_rows_90d")).alias("b_trend_long"),
        (pl.col("out_b_rows_30d") * 3 / pl.col("out_b_rows_90d")).alias("b_out_trend"),
    )
