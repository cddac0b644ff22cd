"""Aggregates in two levels: first one row per customer, second key and window, then aggregates over those rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from custintel.builder.aggregation._latest_and_previous_row import RecordPairs
from custintel.builder.aggregation._partial_aggregates import (
    AggregateKey,
    PartialColumn,
    SliceAggregate,
    collect_aggregates,
    window_sql,
)
from custintel.builder.aggregation._partial_store import DailyPartials, StoredSources
from custintel.builder.aggregation._window_sql import output_sql
from custintel.builder.aggregation.day_buckets import (
    MERGES,
    bucket_map_step,
    dated_partials_sql,
    merge_partials_sql,
    squared_deviations_sql,
)
from custintel.builder.source_tables import name_sql
from custintel.builder.sql_steps import columns_sql
from custintel.expressions.parse import parse
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from custintel.builder._computable_columns import FeatureRequest
    from custintel.builder.aggregation._raw_records import RawRecords
    from custintel.expressions.expression import Aggregate, Expression


_ROWS = parse("count(*)")
_HAS_ROWS = "rows_here"


def two_level_steps(requests: Sequence[FeatureRequest], records: RawRecords) -> list[Step]:
    """All steps of a gathered family; the last one has a row for every row of the spine."""
    if records.family.previous:
        pairs = RecordPairs.of(records)
        return [pairs.step(), *TwoLevelAggregates(tuple(requests), pairs).steps()]
    return TwoLevelAggregates(tuple(requests), records).steps()


@dataclass(frozen=True)
class TwoLevelAggregates:
    """The columns of a gathered family, the records they are made of, or the days that were kept of those."""

    requests: tuple[FeatureRequest, ...]
    records: RawRecords
    days: StoredSources | None = None

    def daily_partials(self) -> DailyPartials:
        """What is to be kept a day."""
        key = name_sql(str(self.records.family.per))
        return DailyPartials(
            self.records, frozenset(self._columns), tuple(partial for _, partial in self._partial_columns()), item=key
        )

    @property
    def is_storable(self) -> bool:
        """Whether a day's partials never change: nothing is looked up or paired, nothing depends on the as-of date."""
        family = self.records.family
        return not family.join and not family.previous and not any(s.depends_on_as_of for s in self.aggregates.values())

    def steps(self) -> list[Step]:
        name = self.records.family.name
        return [
            *self._partial_steps(),
            Step(
                f"{name}_merged",
                self._merged_sql(),
                f"{name}: one row a second key, its partial aggregates in each window",
            ),
            Step(f"{name}_gathered", self._gathered_sql(), f"{name}: the gathered values in each window"),
            Step(f"{name}_found", self._features_sql(), f"{name}: aggregates over the gathered rows"),
            Step(f"{name}_features", self._spine_sql(), f"{name}: the columns of each customer and date"),
        ]

    def gather(self, slice_: str, window: int | None = None) -> dict[str, Expression]:
        """The gathered values that are read in a slice (and window)."""
        requests = [
            request for request in self.requests if request.slice == slice_ and window in (None, request.window)
        ]
        read = {c for request in requests for c in request.feature.expression.columns}
        return {name: e for name, e in self.records.family.gather.items() if name in read}

    @cached_property
    def aggregates(self) -> Mapping[AggregateKey, SliceAggregate]:
        """The aggregates that are gathered, and the number of rows, by slice."""
        slices = {request.slice: request.condition for request in self.requests}
        gathered = {s: [_ROWS, *self.gather(s).values()] for s in slices}
        return collect_aggregates((s, condition, e) for s, condition in slices.items() for e in gathered[s])

    @property
    def dated(self) -> bool:
        """Whether something gathered depends on the as-of date, so that dates cannot share buckets."""
        return self.records.shares_buckets and any(s.depends_on_as_of for s in self.aggregates.values())

    @property
    def cells(self) -> list[tuple[str, int]]:
        """Slices and windows asked for."""
        return list(dict.fromkeys((request.slice, request.window) for request in self.requests))

    def _partial_columns(self) -> list[tuple[SliceAggregate, PartialColumn]]:
        time = self.records.sources.time(self.records.family)
        return [(s, partial) for s in self.aggregates.values() for partial in s.partial_columns(time)]

    @property
    def _columns(self) -> set[str]:
        family = self.records.family
        read = {c for s in self.aggregates.values() for c in s.columns}
        return read | {str(family.per), self.records.sources.time(family)}

    def _partial_steps(self) -> list[Step]:
        family = self.records.family
        keys = ["customer_id", *self.records.keys(self.dated), "item"]
        sql = self._merged_days_sql(keys, self.days) if self.days else self._grouped_sql(keys)
        about = f"{family.name}: partial aggregates a {family.per}, one scan for all windows"
        first = Step(f"{family.name}_partials", sql, about)
        return [first, bucket_map_step(self.records.buckets)] if self._shared else [first]

    def _grouped_sql(self, keys: Sequence[str]) -> str:
        family = self.records.family
        key = name_sql(str(family.per))
        body = columns_sql(
            [*keys[:-1], f"{key} as item", *(f"{p.sql} as {p.name}" for _, p in self._partial_columns())]
        )
        where = f"{self.records.sources.column(family, str(family.per))} is not null"
        source = self.records.sql(self._columns, self.dated, where)
        places = ", ".join(str(n) for n in range(1, len(keys) + 1))
        return f"select\n    {body}\nfrom (\n{source}\n) as r\ngroup by {places}"

    def _merged_days_sql(self, keys: Sequence[str], days: StoredSources) -> str:
        partial_columns = [partial for _, partial in self._partial_columns()]
        source = replace(self.records, sources=days).sql(["item", *(partial.name for partial in partial_columns)])
        return merge_partials_sql(source, keys, partial_columns)

    @property
    def _shared(self) -> bool:
        return self.records.shares_buckets and not self.dated

    def _merged_sql(self) -> str:
        partials = f"{self.records.family.name}_partials"
        beside = "b" if self._shared else "p"
        source = (
            dated_partials_sql(partials, bucket_map_step(self.records.buckets).name)
            if self._shared
            else f"{partials} as p"
        )
        keys = ["p.customer_id", f"{beside}.{AS_OF}", "p.item"]
        buckets = self.records.buckets
        merged = [
            _merge_sql(partial, f"{beside}.window_bucket <= {buckets.bucket_count(w)}")
            + f" as {_renamed(s, partial, w)}"
            for s, partial in self._partial_columns()
            for w in buckets.windows
            if (s.slice, w) in self.cells
        ]
        return f"select\n    {columns_sql([*keys, *merged])}\nfrom {source}\ngroup by {', '.join(keys)}"

    def _gathered_sql(self) -> str:
        columns = [f"{sql} as {name}" for name, sql in self._values()]
        name = self.records.family.name
        return f"select\n    {columns_sql(['g.customer_id', f'g.{AS_OF}', *columns])}\nfrom {name}_merged as g"

    def _values(self) -> Iterator[tuple[str, str]]:
        for slice_, window in self.cells:
            for name, expression in {_HAS_ROWS: _ROWS, **self.gather(slice_, window)}.items():
                yield _cell(name, slice_, window), self._value_sql(expression, slice_, window)

    def _value_sql(self, expression: Expression, slice_: str, window: int) -> str:
        def write(aggregate: Aggregate) -> str:
            return window_sql(aggregate, self.aggregates[slice_, aggregate].window(window), ["g"])

        return expression.replace_aggregates(write)

    def _features_sql(self) -> str:
        columns = [f"{self._feature_sql(request)} as {request.column}" for request in self.requests]
        name = self.records.family.name
        keys = f"customer_id, {AS_OF}"
        return f"select\n    {columns_sql(['customer_id', AS_OF, *columns])}\nfrom {name}_gathered\ngroup by {keys}"

    def _feature_sql(self, request: FeatureRequest) -> str:
        names = {n: _cell(n, request.slice, request.window) for n in self.records.family.gather}
        has_rows = f"{_cell(_HAS_ROWS, request.slice, request.window)} > 0"

        def write(aggregate: Aggregate) -> str:
            row = aggregate.row
            value = row.rename(names).text if row else "1"
            return _FUNCTIONS[aggregate.function].format(f"case when {has_rows} then {value} end")

        return request.feature.expression.replace_aggregates(write)

    def _spine_sql(self) -> str:
        name = f"{self.records.family.name}_found"
        columns = [
            f"{output_sql(f'f.{a.column}', a.feature.unit, a.feature.missing)} as {a.column}" for a in self.requests
        ]
        on = f"f.customer_id = s.customer_id and f.{AS_OF} = s.{AS_OF}"
        body = columns_sql(["s.customer_id", f"s.{AS_OF}", *columns])
        return f"select\n    {body}\nfrom spine as s left join {name} as f on {on}"


_FUNCTIONS = {
    "count": "count({})",
    "sum": "sum(cast({} as double))",
    "avg": "avg(cast({} as double))",
    "stddev": "stddev_samp(cast({} as double))",
    "min": "min({})",
    "max": "max({})",
    "median": "median(cast({} as double))",
}


def _cell(name: str, slice_: str, window: int) -> str:
    return f"{slice_}_{name}_{window}d"


def _renamed(one: SliceAggregate, partial: PartialColumn, window: int) -> str:
    """A partial aggregate's name over one window: the window goes before the ending, such as ``_n``."""
    return one.window(window) + partial.name.removeprefix(one.name)


def _merge_sql(partial: PartialColumn, condition: str) -> str:
    if partial.merge == "squared_deviations":
        return squared_deviations_sql(partial, condition)
    return f"{MERGES[partial.merge]}(case when {condition} then p.{partial.name} end)"
