"""From buckets shared by all dates to the pieces of each date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder._calendar import Calendar, date_sql
from custintel.builder._steps import Step, columns_sql, values_sql
from custintel.expressions import AS_OF

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from custintel.builder._parts import Part

__all__ = ["MERGES", "joined_sql", "map_step", "merged_sql", "regrouped_sql", "spread_sql"]

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
    source = f"select\n    p.*,\n    b.{AS_OF},\n    b.piece\nfrom {joined_sql(partials, buckets)}"
    return regrouped_sql(source, ["customer_id", AS_OF, "piece"], parts)


def regrouped_sql(source: str, keys: Sequence[str], parts: Iterable[Part]) -> str:
    """Partials merged into coarser ones.

    >>> from custintel.builder._parts import Part
    >>> print(regrouped_sql("days", ["customer_id", "bucket"], [Part("n", "count(*)", "sum")]))
    select
        customer_id,
        bucket,
        sum(r.n) as n
    from (
    days
    ) as r
    group by customer_id, bucket
    """
    parts, by = list(parts), ", ".join(keys)
    spreads = [part for part in parts if part.merge == "spread"]
    if spreads:  # squared distances add up only around one mean: that of all rows to be merged
        means = [f"{_over(p.of[1], by)} / nullif({_over(p.of[0], by)}, 0) as {p.name}_mean" for p in spreads]
        source = f"select\n    {columns_sql(['r.*', *means])}\nfrom (\n{source}\n) as r"
    merged = [f"{_merge_sql(part)} as {part.name}" for part in parts]
    return f"select\n    {columns_sql([*keys, *merged])}\nfrom (\n{source}\n) as r\ngroup by {by}"


def _over(name: str, keys: str) -> str:
    return f"sum(r.{name}) over (partition by {keys})"


def _merge_sql(part: Part) -> str:
    """A part of several rows as one; squared distances are brought to the common mean."""
    if part.merge != "spread":
        return f"{MERGES[part.merge]}(r.{part.name})"
    n, s = part.of
    distance = f"(r.{s} / nullif(r.{n}, 0) - r.{part.name}_mean)"
    return f"sum(r.{part.name} + r.{n} * {distance} * {distance})"


def spread_sql(part: Part, condition: str) -> str:
    """Squared distances of several partials around their common mean, in one pass."""
    n, s = (f"case when {condition} then p.{name} end" for name in part.of)
    inside = (
        f"case when {condition} then p.{part.name} + p.{part.of[1]} * p.{part.of[1]} / nullif(p.{part.of[0]}, 0) end"
    )
    return f"sum({inside}) - sum({s}) * sum({s}) / nullif(sum({n}), 0)"
