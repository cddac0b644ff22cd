"""The 135 columns: as a feature file, as one SELECT, in Polars."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from custintel import Warehouse

WINDOWS = (7, 30, 90)
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


def family_yaml() -> str:
    """The 135 columns as a feature file."""
    slices = "\n".join(f'  {name}: {{sql: "{sql}", about: {name}}}' for name, sql in SLICES.items() if name != "all")
    names = ", ".join(SLICES)
    features = "\n".join(
        f'  {name}: {{sql: "{sql}", unit: n, missing: 0, slices: [{names}], about: {name}}}'
        for name, sql in AGGREGATES.items()
    )
    windows = ", ".join(f"{w}d" for w in WINDOWS)
    head = f"family: bench\nabout: bench\nsource: usage\nwindows: [{windows}]"
    return f"{head}\nslices:\n{slices}\nfeatures:\n{features}\n"


def select_sql(wh: Warehouse, as_of: str) -> str:
    """One SELECT with a filtered aggregate a column, as everybody writes it."""
    day = f"date '{as_of}'"
    columns = [
        f"{sql} filter (where {condition} and event_date > {day} - {w}) as {_prefix(s)}{name}_{w}d"
        for name, sql in AGGREGATES.items()
        for s, condition in SLICES.items()
        for w in WINDOWS
    ]
    where = f"event_date <= {day} and visible_date <= {day} and event_date > {day} - {max(WINDOWS)}"
    return f"select customer_id, {', '.join(columns)} from {wh.relation('usage')} where {where} group by customer_id"


def _prefix(slice_: str) -> str:
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
            found += [value.alias(f"{_prefix(s)}{name}_{w}d") for name, value in values.items()]
    return usage.lazy().filter(seen).group_by("customer_id").agg(found).collect()


def floor_sql(wh: Warehouse) -> str:
    """Read every column that is needed, once."""
    texts = ", ".join(f"count({c})" for c in ("customer_id", "service", "direction", "is_night", "is_weekend"))
    numbers = "sum(duration_s), sum(charge), max(event_date), max(visible_date)"
    return f"select {texts}, {numbers} from {wh.relation('usage')}"
