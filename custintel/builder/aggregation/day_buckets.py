"""Dates and windows cut time into buckets; every window of every date is a sum of buckets.

>>> from datetime import date
>>> buckets = DayBuckets((date(2025, 1, 31), date(2025, 2, 28)), (7, 30))
>>> [str(edge) for edge in buckets.edges]
['2025-01-01', '2025-01-24', '2025-01-29', '2025-01-31', '2025-02-21', '2025-02-28']
>>> buckets.rows()[-2:]
[(4, datetime.date(2025, 2, 28), 1, 2), (5, datetime.date(2025, 2, 28), 1, 1)]

A bucket lies between two edges and is shared by all dates. The *window buckets* of one date say what its windows are
made of: window bucket 1 is the shortest window, window bucket 2 what the next window adds, and so on. The 30 days of
the last date above are the buckets that end on 01-31 and 02-21 (window bucket 2) and on 02-28 (window bucket 1, its
last seven days).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from custintel.builder.sql_steps import columns_sql, values_sql
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from custintel.builder.aggregation._partial_aggregates import PartialColumn


def date_sql(day: date) -> str:
    """A date literal."""
    return f"date '{day.isoformat()}'"


def first_edge_sql(column: str, edges: Sequence[date], values: Sequence[int | None]) -> str:
    """The number of the first edge that a date does not pass.

    >>> first_edge_sql("day", [date(2025, 1, 1), date(2025, 2, 1)], [0, 1])
    "case when day <= date '2025-01-01' then 0 when day <= date '2025-02-01' then 1 end"
    """
    pairs = zip(edges, values, strict=True)
    cases = " ".join(f"when {column} <= {date_sql(e)} then {'null' if v is None else v}" for e, v in pairs)
    return f"case {cases} end"


@dataclass(frozen=True)
class DayBuckets:
    """As-of dates (ascending) and windows in days (ascending; none: everything up to the date)."""

    dates: tuple[date, ...]
    windows: tuple[int, ...] = ()

    @cached_property
    def edges(self) -> tuple[date, ...]:
        """Every day on which a window begins (its last day outside) or ends."""
        starts = {day - timedelta(days=w) for day in self.dates for w in self.windows}
        return tuple(sorted(starts | set(self.dates)))

    @property
    def first(self) -> date | None:
        """The last day before every window; None when windows reach back without end."""
        return self.edges[0] if self.windows else None

    @property
    def last(self) -> date:
        """The last as-of date."""
        return self.dates[-1]

    def window_edges(self, day: date) -> list[date]:
        """Lower edges of the window buckets of one date, newest first."""
        return [day - timedelta(days=w) for w in self.windows] if self.windows else [date.min]

    def rows(self) -> list[tuple[int, date, int, int]]:
        """The window bucket of each bucket and date: (bucket, as_of, number of the date, window bucket)."""
        return sorted(
            (
                (b, day, number, self.window_bucket(b, day))
                for number, day in enumerate(self.dates)
                for b in self._inside(day)
            ),
            key=lambda row: (row[1], row[0]),
        )

    def _inside(self, day: date) -> list[int]:
        oldest = self.window_edges(day)[-1]
        return [b for b, end in enumerate(self.edges) if oldest < end <= day]

    def window_bucket(self, bucket: int, day: date) -> int:
        """Window bucket 1 is the shortest window, window bucket 2 what the next window adds, and so on."""
        end = self.edges[bucket]
        return next(n for n, edge in enumerate(self.window_edges(day), 1) if end > edge)

    def bucket_sql(self, column: str) -> str:
        """The bucket of a day; null for days in no window."""
        used = {bucket for bucket, *_ in self.rows()}
        return first_edge_sql(column, self.edges, [b if b in used else None for b in range(len(self.edges))])

    def visible_from_sql(self, column: str) -> str:
        """The number of the first as-of date on which a row that became visible on a day is seen."""
        return first_edge_sql(column, self.dates, range(len(self.dates)))

    def window_bucket_sql(self, column: str, day: date) -> str:
        """The window bucket of a day as seen from one date."""
        edges = self.window_edges(day)
        cases = " ".join(f"when {column} > {date_sql(edge)} then {n}" for n, edge in enumerate(edges[:-1], 1))
        return f"case {cases} else {len(edges)} end" if cases else "1"

    def bucket_count(self, window: int) -> int:
        """How many window buckets a window has."""
        return self.windows.index(window) + 1


MERGES = {"sum": "sum", "min": "min", "max": "max"}


def bucket_map_step(buckets: DayBuckets) -> Step:
    """Which bucket belongs to which window bucket of which date."""
    rows = [(bucket, date_sql(day), number, window_bucket) for bucket, day, number, window_bucket in buckets.rows()]
    windows = "_".join(str(w) for w in buckets.windows) or "ever"
    about = "buckets that make up each date's windows (window bucket 1: the shortest; 2: what the next adds; ...)"
    return Step(f"buckets_{windows}", values_sql(rows, ["bucket", AS_OF, "number", "window_bucket"]), about)


def dated_partials_sql(partials: str, bucket_map: str) -> str:
    """Partial aggregates beside the dates that see them."""
    return f"{partials} as p join {bucket_map} as b on b.bucket = p.bucket and p.visible_from <= b.number"


def merge_buckets_sql(partials: str, bucket_map: str, partial_columns: Sequence[PartialColumn]) -> str:
    """Add up the buckets of each window bucket."""
    source = f"select\n    p.*,\n    b.{AS_OF},\n    b.window_bucket\nfrom {dated_partials_sql(partials, bucket_map)}"
    return merge_partials_sql(source, ["customer_id", AS_OF, "window_bucket"], partial_columns)


def merge_partials_sql(source: str, keys: Sequence[str], partial_columns: Iterable[PartialColumn]) -> str:
    """Partial aggregates merged into coarser ones.

    >>> from custintel.builder.aggregation._partial_aggregates import PartialColumn
    >>> print(merge_partials_sql("days", ["customer_id", "bucket"], [PartialColumn("n", "count(*)", "sum")]))
    select
        customer_id,
        bucket,
        sum(r.n) as n
    from (
    days
    ) as r
    group by customer_id, bucket
    """
    partial_columns, by = list(partial_columns), ", ".join(keys)
    deviations = [column for column in partial_columns if column.merge == "squared_deviations"]
    if deviations:  # squared distances add up only around one mean: that of all rows to be merged
        means = [f"{_over(p.of[1], by)} / nullif({_over(p.of[0], by)}, 0) as {p.name}_mean" for p in deviations]
        source = f"select\n    {columns_sql(['r.*', *means])}\nfrom (\n{source}\n) as r"
    merged = [f"{_merge_sql(column)} as {column.name}" for column in partial_columns]
    return f"select\n    {columns_sql([*keys, *merged])}\nfrom (\n{source}\n) as r\ngroup by {by}"


def _over(name: str, keys: str) -> str:
    return f"sum(r.{name}) over (partition by {keys})"


def _merge_sql(column: PartialColumn) -> str:
    """A partial aggregate of several rows as one; squared distances are brought to the common mean."""
    if column.merge != "squared_deviations":
        return f"{MERGES[column.merge]}(r.{column.name})"
    n, s = column.of
    distance = f"(r.{s} / nullif(r.{n}, 0) - r.{column.name}_mean)"
    return f"sum(r.{column.name} + r.{n} * {distance} * {distance})"


def squared_deviations_sql(column: PartialColumn, condition: str) -> str:
    """Squared distances of several partials around their common mean, in one pass."""
    n, s = (f"case when {condition} then p.{name} end" for name in column.of)
    total, count = f"p.{column.of[1]}", f"p.{column.of[0]}"
    inside = f"case when {condition} then p.{column.name} + {total} * {total} / nullif({count}, 0) end"
    return f"sum({inside}) - sum({s}) * sum({s}) / nullif(sum({n}), 0)"
