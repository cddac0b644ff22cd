"""Holistic aggregates, which cannot be merged from partial aggregates: distinct counts and medians.

A distinct count does without COUNT(DISTINCT): each item is grouped once, with the nearest window bucket in which it is
seen, and every window counts the items that are near enough. Medians are computed from the records of each window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.builder.aggregation._partial_aggregates import slice_filter_sql
from custintel.builder.aggregation.day_buckets import bucket_map_step, dated_partials_sql
from custintel.builder.sql_steps import columns_sql
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from custintel.builder.aggregation._partial_aggregates import SliceAggregate
    from custintel.builder.aggregation._raw_records import RawRecords


@dataclass(frozen=True)
class DistinctCount:
    """The distinct counts of one item in several slices."""

    family: str
    number: int
    aggregates: tuple[SliceAggregate, ...]
    dated: bool

    @property
    def name(self) -> str:
        """Name of the last step."""
        return f"{self.family}_distinct_{self.number}"

    def steps(self, records: RawRecords) -> list[Step]:
        """Items with their nearest window bucket, then how many are near enough for each window."""
        items = f"{self.name}_items"
        shares_buckets = records.shares_buckets and not self.dated
        before = self._shared_steps(items, records) if shares_buckets else [self._direct_step(items, records)]
        buckets = records.buckets
        counted = [
            f"cast(count(case when {s.name} <= {buckets.bucket_count(w)} then 1 end) as double) as {s.window(w)}"
            for s in self.aggregates
            for w in buckets.windows
        ]
        sql = (
            f"select\n    {columns_sql(['customer_id', AS_OF, *counted])}\nfrom {items}\ngroup by customer_id, {AS_OF}"
        )
        return [*before, Step(self.name, sql, f"{self.family}: distinct {self._item} near enough for each window")]

    @property
    def _item(self) -> str:
        return self.aggregates[0].aggregate.argument.lower()

    @property
    def _item_sql(self) -> str:
        row = self.aggregates[0].aggregate.row
        return row.sql() if row else "1"

    def _records_sql(self, records: RawRecords) -> str:
        columns = {column for s in self.aggregates for column in s.columns}
        return records.sql(columns, self.dated)

    def _direct_step(self, name: str, records: RawRecords) -> Step:
        near = [f"min({_when(s, 'window_bucket')}) as {s.name}" for s in self.aggregates]
        about = f"{self.family}: each {self._item} and the nearest window bucket it is seen in"
        return Step(name, self._grouped_sql(records, (AS_OF,), near), about)

    def _shared_steps(self, name: str, records: RawRecords) -> list[Step]:
        has = [f"max({_when(s, '1')}) as {s.name}" for s in self.aggregates]
        partials = f"{self.name}_partials"
        sql = self._grouped_sql(records, records.keys(False), has)
        first = Step(partials, sql, f"{self.family}: each {self._item} a bucket")
        bucket_map = bucket_map_step(records.buckets)
        near = [f"min(case when p.{s.name} = 1 then b.window_bucket end) as {s.name}" for s in self.aggregates]
        keys = ["p.customer_id", f"b.{AS_OF}", "p.item"]
        source = dated_partials_sql(partials, bucket_map.name)
        sql = f"select\n    {columns_sql([*keys, *near])}\nfrom {source}\ngroup by {', '.join(keys)}"
        about = f"{self.family}: each {self._item} and the nearest window bucket it is seen in"
        return [first, bucket_map, Step(name, sql, about)]

    def _grouped_sql(self, records: RawRecords, keys: Sequence[str], columns: Sequence[str]) -> str:
        names = columns_sql(["customer_id", *keys, f"{self._item_sql} as item", *columns])
        where = [f"{self._item_sql} is not null", *(f"({sql})" for sql in [slice_filter_sql(self.aggregates)] if sql)]
        source = f"from (\n{self._records_sql(records)}\n) as r\nwhere {' and '.join(where)}"
        places = ", ".join(str(n) for n in range(1, len(keys) + 3))
        return f"select\n    {names}\n{source}\ngroup by {places}"


def _when(one: SliceAggregate, value: str) -> str:
    return f"case when {one.condition_sql} then {value} end" if one.condition else value


def distinct_counts(family: str, aggregates: Iterable[SliceAggregate], shares_buckets: bool) -> list[DistinctCount]:
    """Distinct counts grouped by what is counted."""
    groups: dict[tuple[str, bool], list[SliceAggregate]] = {}
    for one in aggregates:
        if one.aggregate.distinct:
            groups.setdefault((one.aggregate.argument, shares_buckets and one.depends_on_as_of), []).append(one)
    return [
        DistinctCount(family, number, tuple(group), dated)
        for number, ((_, dated), group) in enumerate(groups.items(), 1)
    ]


def is_median(one: SliceAggregate) -> bool:
    """Whether an aggregate is a median."""
    return one.aggregate.function == "median"


@dataclass(frozen=True)
class Medians:
    """The medians of a family, all in one scan."""

    family: str
    aggregates: tuple[SliceAggregate, ...]

    @property
    def name(self) -> str:
        """Name of the step."""
        return f"{self.family}_medians"

    def steps(self, records: RawRecords) -> list[Step]:
        """One row a customer and date, with every median over every window."""
        columns = {column for one in self.aggregates for column in one.columns}
        found = [
            f"median({_median_value(one, records.buckets.bucket_count(days))}) as {one.window(days)}"
            for one in self.aggregates
            for days in records.buckets.windows
        ]
        body = columns_sql(["customer_id", AS_OF, *found])
        source = records.sql(columns, per_date=True)
        sql = f"select\n    {body}\nfrom (\n{source}\n) as r\ngroup by customer_id, {AS_OF}"
        return [Step(self.name, sql, f"{self.family}: medians, from the records of each window")]


def _median_value(one: SliceAggregate, window_bucket: int) -> str:
    conditions = [f"window_bucket <= {window_bucket}", *([f"({one.condition_sql})"] if one.condition else [])]
    row = one.aggregate.row
    return f"case when {' and '.join(conditions)} then cast({row.sql() if row else '1'} as double) end"


def medians(family: str, aggregates: Iterable[SliceAggregate]) -> list[Medians]:
    """The medians among the aggregates of a family: one scan for all, or none."""
    found = tuple(one for one in aggregates if is_median(one))
    return [Medians(family, found)] if found else []
