"""Distinct counts without COUNT(DISTINCT): each item once, with the nearest piece in which it is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.builder.aggregation._partial_aggregates import slices_sql
from custintel.builder.aggregation.day_buckets import joined_sql, map_step
from custintel.builder.sql_steps import columns_sql
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from custintel.builder.aggregation._partial_aggregates import Sum
    from custintel.builder.aggregation._raw_records import Records


@dataclass(frozen=True)
class DistinctCount:
    """The distinct counts of one item in several slices."""

    family: str
    number: int
    sums: tuple[Sum, ...]
    dated: bool

    @property
    def name(self) -> str:
        """Name of the last step."""
        return f"{self.family}_distinct_{self.number}"

    def steps(self, records: Records) -> list[Step]:
        """Items with their nearest piece, then how many are near enough for each window."""
        items = f"{self.name}_items"
        shared = records.shared and not self.dated
        before = self._shared_steps(items, records) if shared else [self._direct_step(items, records)]
        counted = [
            f"cast(count(case when {s.name} <= {records.calendar.number(w)} then 1 end) as double) as {s.window(w)}"
            for s in self.sums
            for w in records.calendar.windows
        ]
        sql = (
            f"select\n    {columns_sql(['customer_id', AS_OF, *counted])}\nfrom {items}\ngroup by customer_id, {AS_OF}"
        )
        return [*before, Step(self.name, sql, f"{self.family}: distinct {self._item} near enough for each window")]

    @property
    def _item(self) -> str:
        return self.sums[0].aggregate.argument.lower()

    @property
    def _item_sql(self) -> str:
        row = self.sums[0].aggregate.row
        return row.sql() if row else "1"

    def _records_sql(self, records: Records) -> str:
        columns = {column for s in self.sums for column in s.columns}
        return records.sql(columns, self.dated)

    def _direct_step(self, name: str, records: Records) -> Step:
        near = [f"min({_when(s, 'piece')}) as {s.name}" for s in self.sums]
        about = f"{self.family}: each {self._item} and the nearest piece it is seen in"
        return Step(name, self._grouped_sql(records, (AS_OF,), near), about)

    def _shared_steps(self, name: str, records: Records) -> list[Step]:
        has = [f"max({_when(s, '1')}) as {s.name}" for s in self.sums]
        partials = f"{self.name}_partials"
        sql = self._grouped_sql(records, records.keys(False), has)
        first = Step(partials, sql, f"{self.family}: each {self._item} a bucket")
        buckets = map_step(records.calendar)
        near = [f"min(case when p.{s.name} = 1 then b.piece end) as {s.name}" for s in self.sums]
        keys = ["p.customer_id", f"b.{AS_OF}", "p.item"]
        source = joined_sql(partials, buckets.name)
        sql = f"select\n    {columns_sql([*keys, *near])}\nfrom {source}\ngroup by {', '.join(keys)}"
        about = f"{self.family}: each {self._item} and the nearest piece it is seen in"
        return [first, buckets, Step(name, sql, about)]

    def _grouped_sql(self, records: Records, keys: Sequence[str], columns: Sequence[str]) -> str:
        names = columns_sql(["customer_id", *keys, f"{self._item_sql} as item", *columns])
        where = [f"{self._item_sql} is not null", *(f"({sql})" for sql in [slices_sql(self.sums)] if sql)]
        source = f"from (\n{self._records_sql(records)}\n) as r\nwhere {' and '.join(where)}"
        places = ", ".join(str(n) for n in range(1, len(keys) + 3))
        return f"select\n    {names}\n{source}\ngroup by {places}"


def _when(one: Sum, value: str) -> str:
    return f"case when {one.condition_sql} then {value} end" if one.condition else value


def distinct_counts(family: str, sums: Iterable[Sum], shared: bool) -> list[DistinctCount]:
    """Distinct counts grouped by what is counted."""
    groups: dict[tuple[str, bool], list[Sum]] = {}
    for one in sums:
        if one.aggregate.distinct:
            groups.setdefault((one.aggregate.argument, shared and one.dated), []).append(one)
    return [
        DistinctCount(family, number, tuple(group), dated)
        for number, ((_, dated), group) in enumerate(groups.items(), 1)
    ]
