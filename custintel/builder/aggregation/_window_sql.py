"""The SQL of families with windows: one grouped scan, window buckets merged, windows put together from them.

Distinct counts and medians, which cannot be merged, come from steps of their own and are joined to the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.builder.aggregation._holistic_aggregates import (
    DistinctCount,
    Medians,
    distinct_counts,
    is_median,
    medians,
)
from custintel.builder.aggregation._partial_aggregates import (
    AggregateKey,
    SliceAggregate,
    collect_aggregates,
    window_sql,
)
from custintel.builder.aggregation.day_buckets import bucket_map_step, merge_buckets_sql
from custintel.builder.sql_steps import columns_sql
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from custintel.builder._computable_columns import FeatureRequest
    from custintel.builder.aggregation._raw_records import RawRecords


def window_steps(requests: Sequence[FeatureRequest], records: RawRecords) -> list[Step]:
    """All steps of a family with windows; the last one has a row for every row of the spine."""
    aggregates = collect_aggregates(
        (request.slice, request.condition, request.feature.expression) for request in requests
    )
    name = records.family.name
    groups = _groups(name, aggregates.values(), records.shares_buckets)
    holistic: list[DistinctCount | Medians] = [
        *distinct_counts(name, aggregates.values(), records.shares_buckets),
        *medians(name, aggregates.values()),
    ]
    steps = [step for group in groups for step in group.steps(records)]
    steps += [step for one in holistic for step in one.steps(records)]
    joins = [
        group.join_sql(window_bucket)
        for group in groups
        for window_bucket in range(1, len(records.buckets.windows) + 1)
    ]
    joins += [_join_sql(one.name) for one in holistic]
    sources = {one.name: step.name for step in holistic for one in step.aggregates}
    sources |= {one.name: group.alias for group in groups for one in group.aggregates}
    window_values = _window_values(requests, aggregates, sources, records)
    last = Step(
        f"{name}_features",
        _family_sql(requests, aggregates, window_values, joins),
        f"{name}: the columns of each customer and date",
    )
    return [*steps, last]


@dataclass(frozen=True)
class _ScanGroup:
    """Aggregates that are grouped in one scan."""

    family: str
    aggregates: tuple[SliceAggregate, ...]
    dated: bool

    @property
    def name(self) -> str:
        return f"{self.family}_dated_window_buckets" if self.dated else f"{self.family}_window_buckets"

    @property
    def alias(self) -> str:
        return "q" if self.dated else "p"

    def join_sql(self, window_bucket: int) -> str:
        """The join of one window bucket to the spine."""
        alias = f"{self.alias}{window_bucket}"
        on = f"{alias}.customer_id = s.customer_id and {alias}.{AS_OF} = s.{AS_OF}"
        return f"left join (select * from {self.name} where window_bucket = {window_bucket}) as {alias} on {on}"

    def steps(self, records: RawRecords) -> list[Step]:
        """One scan, and for several dates the adding up of shared buckets."""
        about = f"{self.family}: partial aggregates, one scan for all windows"
        if not records.shares_buckets or self.dated:
            return [Step(self.name, self._grouped_sql(records), about)]
        partials, bucket_map = f"{self.family}_partials", bucket_map_step(records.buckets)
        merged = merge_buckets_sql(
            partials, bucket_map.name, [p for s in self.aggregates for p in s.partial_columns(self._time(records))]
        )
        first = Step(partials, self._grouped_sql(records), f"{about} of all dates")
        return [
            first,
            bucket_map,
            Step(self.name, merged, f"{self.family}: buckets added up to the window buckets of each date"),
        ]

    def _time(self, records: RawRecords) -> str:
        return records.sources.time(records.family)

    def _grouped_sql(self, records: RawRecords) -> str:
        partial_columns = [p for s in self.aggregates for p in s.partial_columns(self._time(records))]
        columns = {c for s in self.aggregates for c in s.columns} | _times(self.aggregates, self._time(records))
        keys = ["customer_id", *records.keys(self.dated)]
        body = columns_sql([*keys, *(f"{p.sql} as {p.name}" for p in partial_columns)])
        source = records.sql(columns, self.dated)
        return f"select\n    {body}\nfrom (\n{source}\n) as r\ngroup by {', '.join(keys)}"


def _times(aggregates: Iterable[SliceAggregate], time: str) -> set[str]:
    return {time} if any(s.aggregate.function in ("first", "last") for s in aggregates) else set()


def _groups(family: str, aggregates: Iterable[SliceAggregate], shares_buckets: bool) -> list[_ScanGroup]:
    plain = [s for s in aggregates if not s.aggregate.distinct and not is_median(s)]
    dated = [s for s in plain if shares_buckets and s.depends_on_as_of]
    together = [s for s in plain if s not in dated]
    return [_ScanGroup(family, tuple(g), dated) for g, dated in ((together, False), (dated, True)) if g]


def _join_sql(name: str) -> str:
    return f"left join {name} on {name}.customer_id = s.customer_id and {name}.{AS_OF} = s.{AS_OF}"


def _window_values(
    requests: Iterable[FeatureRequest],
    aggregates: Mapping[AggregateKey, SliceAggregate],
    sources: Mapping[str, str],
    records: RawRecords,
) -> dict[str, str]:
    """Every aggregate over every window asked for, by name."""
    found: dict[str, str] = {}
    for request in requests:
        for aggregate in request.feature.expression.aggregates:
            one = aggregates[request.slice, aggregate]
            if one.aggregate.distinct:
                found[one.window(request.window)] = f"coalesce({sources[one.name]}.{one.window(request.window)}, 0)"
            elif is_median(one):
                found[one.window(request.window)] = f"{sources[one.name]}.{one.window(request.window)}"
            else:
                window_buckets = [
                    f"{sources[one.name]}{n}" for n in range(1, records.buckets.bucket_count(request.window) + 1)
                ]
                found[one.window(request.window)] = window_sql(aggregate, one.name, window_buckets)
    return found


def _family_sql(
    requests: Sequence[FeatureRequest],
    aggregates: Mapping[AggregateKey, SliceAggregate],
    window_values: Mapping[str, str],
    joins: Sequence[str],
) -> str:
    inner = columns_sql(["s.customer_id", f"s.{AS_OF}", *(f"{sql} as {name}" for name, sql in window_values.items())])
    source = "\n".join(["spine as s", *joins])
    columns = [f"{_feature_sql(request, aggregates)} as {request.column}" for request in requests]
    outer = columns_sql(["customer_id", AS_OF, *columns])
    return f"select\n    {outer}\nfrom (\nselect\n    {inner}\nfrom {source}\n) as w"


def _feature_sql(request: FeatureRequest, aggregates: Mapping[AggregateKey, SliceAggregate]) -> str:
    sql = request.feature.expression.replace_aggregates(lambda a: aggregates[request.slice, a].window(request.window))
    return output_sql(sql, request.feature.unit, request.feature.missing)


def output_sql(sql: str, unit: str, missing: float | None) -> str:
    """A value as it leaves the builder: text for categories, double for all else; missing filled by its rule."""
    value = sql if unit == "category" else f"cast({sql} as double)"
    return value if missing is None else f"coalesce({value}, {missing!r})"
