"""From buckets shared by all dates to the pieces of each date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder._calendar import Calendar, date_sql
from custintel.builder._steps import Step, columns_sql, values_sql
from custintel.expressions import AS_OF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.builder._parts import Part

__all__ = ["joined_sql", "map_step", "merge_sql", "merged_sql", "spread_sql"]

MERGES = {"sum": "sum", "min": "min", "max": "max"}


def map_step(calendar: Calendar) -> Step:
    """Which bucket belongs to which piece of which date."""
    rows = [(bucket, date_sql(day), number, piece) for bucket, day, number, piece in calendar.rows()]
    windows = "_".join(str(w) for w in calendar.windows) or "ever"
    about = "buckets that make up each date's windows (piece 1: the shortest; 2: what the next adds; ...)"
    return Step(f"buckets_{windows}", values_sql(rows, ["bucket", AS_OF, "number", "piece"]), about)


def joined_sql(partials: str, buckets: str) -> str:
    """Partials beside the dates that see them."""
    return f"{partials} as p join {buckets} as b on b.bucket = p.bucket and p.seen <= b.number"


def merged_sql(partials: str, buckets: str, parts: Sequence[Part]) -> str:
    """Add up the buckets of each piece."""
    source = joined_sql(partials, buckets)
    if any(part.merge == "spread" for part in parts):
        source = f"(\n{_with_means_sql(source, parts)}\n) as p"
        keys = ["p.customer_id", f"p.{AS_OF}", "p.piece"]
    else:
        keys = ["p.customer_id", f"b.{AS_OF}", "b.piece"]
    merged = [f"{merge_sql(part, 'p')} as {part.name}" for part in parts]
    return f"select\n    {columns_sql([*keys, *merged])}\nfrom {source}\ngroup by {', '.join(keys)}"


def merge_sql(part: Part, rows: str) -> str:
    """A part of several rows as one; squared distances are brought to the common mean."""
    if part.merge != "spread":
        return f"{MERGES[part.merge]}({rows}.{part.name})"
    n, s = part.of
    distance = f"({rows}.{s} / nullif({rows}.{n}, 0) - {rows}.{part.name}_mean)"
    return f"sum({rows}.{part.name} + {rows}.{n} * {distance} * {distance})"


def _with_means_sql(source: str, parts: Sequence[Part]) -> str:
    """Squared distances add up only around one mean: that of the whole piece."""
    means = []
    for part in parts:
        if part.merge == "spread":
            over = f"over (partition by p.customer_id, b.{AS_OF}, b.piece)"
            n, s = part.of
            means.append(f"sum(p.{s}) {over} / nullif(sum(p.{n}) {over}, 0) as {part.name}_mean")
    columns = columns_sql(["p.*", f"b.{AS_OF}", "b.piece", *means])
    return f"select\n    {columns}\nfrom {source}"


def spread_sql(part: Part, condition: str) -> str:
    """Squared distances of several partials around their common mean, in one pass."""
    n, s = (f"case when {condition} then p.{name} end" for name in part.of)
    inside = (
        f"case when {condition} then p.{part.name} + p.{part.of[1]} * p.{part.of[1]} / nullif(p.{part.of[0]}, 0) end"
    )
    return f"sum({inside}) - sum({s}) * sum({s}) / nullif(sum({n}), 0)"
