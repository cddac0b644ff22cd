"""Partial aggregates: what is kept of each bucket, and how buckets become windows.

An average is kept as a sum and a count; a standard deviation as count, sum and squared distance from the bucket's own
mean (Chan, Golub and LeVeque 1983), so that no digits are lost when means are large. Each aggregate of each slice is
computed once, however many columns and windows read it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from custintel.builder.source_tables import name_sql
from custintel.expressions.expression import Aggregate, Expression
from custintel.expressions.whitelist import AS_OF

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence


_WORDS = re.compile(r"[a-z0-9]+")
_LONGEST = 40


@dataclass(frozen=True)
class PartialColumn:
    """One column of partial aggregates: its SQL over records, and how it is merged.

    ``merge`` is sum, min, max or squared_deviations; the latter needs ``of``, the names of its count and sum.
    """

    name: str
    sql: str
    merge: str
    of: tuple[str, ...] = ()


def aggregate_name(slice_: str, aggregate: Aggregate, taken: Container[str]) -> str:
    """A readable column name for an aggregate of a slice, unlike those taken.

    >>> aggregate_name("night", Aggregate("sum", "duration_s"), ())
    'night_sum_duration_s'
    """
    words = [slice_, aggregate.function, *(["distinct"] if aggregate.distinct else ())]
    words += _WORDS.findall(aggregate.argument.lower()) or ["rows"]
    name = "_".join(words)[:_LONGEST].rstrip("_")
    number = 2
    while name in taken:
        name, number = f"{name.rstrip('0123456789')}{number}", number + 1
    return name


def depends_on_as_of(aggregate: Aggregate, condition: Expression | None) -> bool:
    """Whether what is aggregated depends on the as-of date, so that dates cannot share it."""
    texts = [aggregate.argument, condition.text if condition else ""]
    return any(re.search(rf"\b{AS_OF}\b", text) for text in texts)


def partial_columns_of(aggregate: Aggregate, condition: str | None, name: str, time: str) -> tuple[PartialColumn, ...]:
    """The partial aggregates of an aggregate over the rows that meet a condition (SQL)."""
    value = None if aggregate.row is None else aggregate.row.sql()
    return _PARTIALS[aggregate.function](name, _cases(value, condition), time)


def _cases(value: str | None, condition: str | None) -> str:
    """The value of rows that meet the condition; null for others."""
    if condition is None:
        return value or "1"
    return f"case when {condition} then {value or '1'} end"


def _count(name: str, value: str, _time: str) -> tuple[PartialColumn, ...]:
    return (PartialColumn(name, f"cast(count({'*' if value == '1' else value}) as double)", "sum"),)


def _sum(name: str, value: str, _time: str) -> tuple[PartialColumn, ...]:
    return (PartialColumn(name, f"sum(cast({value} as double))", "sum"),)


def _avg(name: str, value: str, time: str) -> tuple[PartialColumn, ...]:
    return (*_count(f"{name}_n", value, time), *_sum(f"{name}_s", value, time))


def _stddev(name: str, value: str, time: str) -> tuple[PartialColumn, ...]:
    spread = f"var_pop(cast({value} as double)) * count({value})"
    return (
        *_avg(name, value, time),
        PartialColumn(f"{name}_q", spread, "squared_deviations", (f"{name}_n", f"{name}_s")),
    )


def _extreme(function: str, name: str, value: str, _time: str) -> tuple[PartialColumn, ...]:
    return (PartialColumn(name, f"{function}({value})", function),)


def _first_or_last(function: str, name: str, value: str, time: str) -> tuple[PartialColumn, ...]:
    # equal times are settled by the value, so that the order of rows does not matter
    timed = f"case when ({value}) is not null then struct_pack(t := {time}, v := {value}) end"
    return (PartialColumn(name, f"{function}({timed})", function),)


_PARTIALS: dict[str, Callable[[str, str, str], tuple[PartialColumn, ...]]] = {
    "count": _count,
    "sum": _sum,
    "avg": _avg,
    "stddev": _stddev,
    "min": partial(_extreme, "min"),
    "max": partial(_extreme, "max"),
    "first": partial(_first_or_last, "min"),
    "last": partial(_first_or_last, "max"),
}


def window_sql(aggregate: Aggregate, name: str, window_buckets: Sequence[str]) -> str:
    """The aggregate over a window, from its window buckets (aliases, newest first).

    >>> window_sql(Aggregate("count", "*"), "rows", ["p1", "p2"])
    'coalesce(p1.rows, 0) + coalesce(p2.rows, 0)'
    >>> window_sql(Aggregate("max", "amount"), "most", ["p1", "p2"])
    'greatest(p1.most, p2.most)'
    """
    return _WINDOW_SQL[aggregate.function](name, window_buckets)


def _added(name: str, window_buckets: Sequence[str]) -> str:
    return " + ".join(f"coalesce({p}.{name}, 0)" for p in window_buckets)


def _first_known(name: str, window_buckets: Sequence[str]) -> str:
    columns = ", ".join(f"{p}.{name}" for p in window_buckets)
    return f"coalesce({columns})" if len(window_buckets) > 1 else columns


def _window_sum(name: str, window_buckets: Sequence[str]) -> str:
    if len(window_buckets) == 1:
        return f"{window_buckets[0]}.{name}"
    return f"case when {_first_known(name, window_buckets)} is not null then {_added(name, window_buckets)} end"


def _window_avg(name: str, window_buckets: Sequence[str]) -> str:
    return f"({_added(f'{name}_s', window_buckets)}) / nullif({_added(f'{name}_n', window_buckets)}, 0)"


def _window_stddev(name: str, window_buckets: Sequence[str]) -> str:
    n = _added(f"{name}_n", window_buckets)
    spread = " + ".join(
        _bucket_deviations(name, p, _window_avg(name, window_buckets), len(window_buckets) > 1) for p in window_buckets
    )
    return f"case when {n} > 1 then sqrt(greatest({spread}, 0) / ({n} - 1)) end"


def _bucket_deviations(name: str, window_bucket: str, mean: str, several: bool) -> str:
    n, s, q = (f"{window_bucket}.{name}_{x}" for x in "nsq")
    if not several:
        return q
    distance = f"({s} / nullif({n}, 0) - {mean})"
    return f"coalesce({q} + {n} * {distance} * {distance}, 0)"


def _window_extreme(function: str, name: str, window_buckets: Sequence[str]) -> str:
    columns = ", ".join(f"{p}.{name}" for p in window_buckets)
    return f"{function}({columns})" if len(window_buckets) > 1 else columns


def _window_first_or_last(name: str, window_buckets: Sequence[str]) -> str:
    return f"struct_extract({_first_known(name, window_buckets)}, 'v')"


_WINDOW_SQL: dict[str, Callable[[str, Sequence[str]], str]] = {
    "count": _added,
    "sum": _window_sum,
    "avg": _window_avg,
    "stddev": _window_stddev,
    "min": partial(_window_extreme, "least"),
    "max": partial(_window_extreme, "greatest"),
    # window buckets come newest first, so the latest value is that of the first window bucket that has one
    "last": _window_first_or_last,
    "first": lambda name, window_buckets: _window_first_or_last(name, list(reversed(window_buckets))),
}


AggregateKey = tuple[str, Aggregate]
"""Slice and aggregate."""


@dataclass(frozen=True)
class SliceAggregate:
    """One aggregate of one slice, and the name under which its partial aggregates are kept."""

    name: str
    aggregate: Aggregate
    slice: str
    condition: Expression | None
    depends_on_as_of: bool

    @property
    def columns(self) -> frozenset[str]:
        """The columns it reads."""
        row = self.aggregate.row
        found = row.columns if row else frozenset[str]()
        return found | (self.condition.columns if self.condition else frozenset[str]())

    @property
    def condition_sql(self) -> str | None:
        """The condition of its slice."""
        return self.condition.sql() if self.condition else None

    def partial_columns(self, time: str, flag: str | None = None) -> tuple[PartialColumn, ...]:
        """What is kept a bucket; ``flag`` names a column that holds the condition of the slice."""
        return partial_columns_of(self.aggregate, flag or self.condition_sql, self.name, name_sql(time))

    def window(self, days: int) -> str:
        """Its name over one window."""
        return f"{self.name}_{days}d"


def collect_aggregates(
    requested: Iterable[tuple[str, Expression | None, Expression]],
) -> Mapping[AggregateKey, SliceAggregate]:
    """The different sums in (slice, condition, expression) triples."""
    found: dict[AggregateKey, SliceAggregate] = {}
    names: set[str] = set()
    for slice_, condition, expression in requested:
        for aggregate in expression.aggregates:
            if (slice_, aggregate) not in found:
                name = aggregate_name(slice_, aggregate, names)
                names.add(name)
                found[slice_, aggregate] = SliceAggregate(
                    name, aggregate, slice_, condition, depends_on_as_of(aggregate, condition)
                )
    return found


def slice_filter_sql(aggregates: Iterable[SliceAggregate]) -> str:
    """What holds for every record that any of the sums counts; empty if one of them counts all records."""
    conditions = [one.condition_sql for one in aggregates]
    return "" if None in conditions else " or ".join(f"({c})" for c in dict.fromkeys(conditions))
