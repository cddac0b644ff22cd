"""Aggregates that can be put together from parts: what is kept a bucket, and how buckets become windows.

An average is kept as a sum and a count; a standard deviation as count, sum and squared distance from the bucket's
own mean (Chan, Golub and LeVeque 1983), so that no digits are lost when means are large.
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
class Part:
    """One column of partial aggregates: its SQL over records, and how it is merged (sum, min, max or spread)."""

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


def is_dated(aggregate: Aggregate, condition: Expression | None) -> bool:
    """Whether what is aggregated depends on the as-of date, so that dates cannot share it."""
    texts = [aggregate.argument, condition.text if condition else ""]
    return any(re.search(rf"\b{AS_OF}\b", text) for text in texts)


def parts_of(aggregate: Aggregate, condition: str | None, name: str, time: str) -> tuple[Part, ...]:
    """The parts of an aggregate over the rows that meet a condition (SQL)."""
    value = None if aggregate.row is None else aggregate.row.sql()
    return _PARTS[aggregate.function](name, _cases(value, condition), time)


def _cases(value: str | None, condition: str | None) -> str:
    """The value of rows that meet the condition; null for others."""
    if condition is None:
        return value or "1"
    return f"case when {condition} then {value or '1'} end"


def _count(name: str, value: str, _time: str) -> tuple[Part, ...]:
    return (Part(name, f"cast(count({'*' if value == '1' else value}) as double)", "sum"),)


def _sum(name: str, value: str, _time: str) -> tuple[Part, ...]:
    return (Part(name, f"sum(cast({value} as double))", "sum"),)


def _avg(name: str, value: str, time: str) -> tuple[Part, ...]:
    return (*_count(f"{name}_n", value, time), *_sum(f"{name}_s", value, time))


def _stddev(name: str, value: str, time: str) -> tuple[Part, ...]:
    spread = f"var_pop(cast({value} as double)) * count({value})"
    return (*_avg(name, value, time), Part(f"{name}_q", spread, "spread", (f"{name}_n", f"{name}_s")))


def _extreme(function: str, name: str, value: str, _time: str) -> tuple[Part, ...]:
    return (Part(name, f"{function}({value})", function),)


def _edge(function: str, name: str, value: str, time: str) -> tuple[Part, ...]:
    # equal times are settled by the value, so that the order of rows does not matter
    dated = f"case when ({value}) is not null then struct_pack(t := {time}, v := {value}) end"
    return (Part(name, f"{function}({dated})", function),)


_PARTS: dict[str, Callable[[str, str, str], tuple[Part, ...]]] = {
    "count": _count,
    "sum": _sum,
    "avg": _avg,
    "stddev": _stddev,
    "min": partial(_extreme, "min"),
    "max": partial(_extreme, "max"),
    "first": partial(_edge, "min"),
    "last": partial(_edge, "max"),
}


def whole_sql(aggregate: Aggregate, name: str, pieces: Sequence[str]) -> str:
    """The aggregate over a window, from its pieces (aliases, newest first).

    >>> whole_sql(Aggregate("count", "*"), "rows", ["p1", "p2"])
    'coalesce(p1.rows, 0) + coalesce(p2.rows, 0)'
    >>> whole_sql(Aggregate("max", "amount"), "most", ["p1", "p2"])
    'greatest(p1.most, p2.most)'
    """
    return _WHOLES[aggregate.function](name, pieces)


def _added(name: str, pieces: Sequence[str]) -> str:
    return " + ".join(f"coalesce({p}.{name}, 0)" for p in pieces)


def _first_known(name: str, pieces: Sequence[str]) -> str:
    columns = ", ".join(f"{p}.{name}" for p in pieces)
    return f"coalesce({columns})" if len(pieces) > 1 else columns


def _whole_sum(name: str, pieces: Sequence[str]) -> str:
    if len(pieces) == 1:
        return f"{pieces[0]}.{name}"
    return f"case when {_first_known(name, pieces)} is not null then {_added(name, pieces)} end"


def _whole_avg(name: str, pieces: Sequence[str]) -> str:
    return f"({_added(f'{name}_s', pieces)}) / nullif({_added(f'{name}_n', pieces)}, 0)"


def _whole_stddev(name: str, pieces: Sequence[str]) -> str:
    n = _added(f"{name}_n", pieces)
    spread = " + ".join(_piece_spread(name, p, _whole_avg(name, pieces), len(pieces) > 1) for p in pieces)
    return f"case when {n} > 1 then sqrt(greatest({spread}, 0) / ({n} - 1)) end"


def _piece_spread(name: str, piece: str, mean: str, several: bool) -> str:
    n, s, q = (f"{piece}.{name}_{x}" for x in "nsq")
    if not several:
        return q
    distance = f"({s} / nullif({n}, 0) - {mean})"
    return f"coalesce({q} + {n} * {distance} * {distance}, 0)"


def _whole_extreme(function: str, name: str, pieces: Sequence[str]) -> str:
    columns = ", ".join(f"{p}.{name}" for p in pieces)
    return f"{function}({columns})" if len(pieces) > 1 else columns


def _whole_edge(name: str, pieces: Sequence[str]) -> str:
    return f"struct_extract({_first_known(name, pieces)}, 'v')"


_WHOLES: dict[str, Callable[[str, Sequence[str]], str]] = {
    "count": _added,
    "sum": _whole_sum,
    "avg": _whole_avg,
    "stddev": _whole_stddev,
    "min": partial(_whole_extreme, "least"),
    "max": partial(_whole_extreme, "greatest"),
    # pieces come newest first, so the latest value is that of the first piece that has one
    "last": _whole_edge,
    "first": lambda name, pieces: _whole_edge(name, list(reversed(pieces))),
}


# The different aggregates behind many columns: each (aggregate, slice) is computed once, for all windows.


Key = tuple[str, Aggregate]
"""Slice and aggregate."""


@dataclass(frozen=True)
class Sum:
    """One aggregate of one slice, and the name under which its parts are kept."""

    name: str
    aggregate: Aggregate
    slice: str
    condition: Expression | None
    dated: bool

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

    def parts(self, time: str, flag: str | None = None) -> tuple[Part, ...]:
        """What is kept a bucket; ``flag`` names a column that holds the condition of the slice."""
        return parts_of(self.aggregate, flag or self.condition_sql, self.name, name_sql(time))

    def window(self, days: int) -> str:
        """Its name over one window."""
        return f"{self.name}_{days}d"


def collect(wanted: Iterable[tuple[str, Expression | None, Expression]]) -> Mapping[Key, Sum]:
    """The different sums in (slice, condition, expression) triples."""
    found: dict[Key, Sum] = {}
    names: set[str] = set()
    for slice_, condition, expression in wanted:
        for aggregate in expression.aggregates:
            if (slice_, aggregate) not in found:
                name = aggregate_name(slice_, aggregate, names)
                names.add(name)
                found[slice_, aggregate] = Sum(name, aggregate, slice_, condition, is_dated(aggregate, condition))
    return found


def slices_sql(sums: Iterable[Sum]) -> str:
    """What holds for every record that any of the sums counts; empty if one of them counts all records."""
    conditions = [one.condition_sql for one in sums]
    return "" if None in conditions else " or ".join(f"({c})" for c in dict.fromkeys(conditions))
