"""Windowed families: parts a (customer, bucket), pieces a (customer, date), windows as sums of pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.builder.aggregation._distinct_counts import DistinctCount, distinct_counts
from custintel.builder.aggregation._partial_aggregates import Key, Sum, collect, whole_sql
from custintel.builder.aggregation.day_buckets import map_step, merged_sql
from custintel.builder.sql_steps import columns_sql
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from custintel.builder._feature_request import Ask
    from custintel.builder.aggregation._raw_records import Records

# Aggregates that cannot be put together from parts: computed anew from the records of each window.


def is_apart(one: Sum) -> bool:
    """Whether a sum has no parts."""
    return one.aggregate.function == "median"


@dataclass(frozen=True)
class Apart:
    """The medians of a family, all in one scan."""

    family: str
    sums: tuple[Sum, ...]

    @property
    def name(self) -> str:
        """Name of the step."""
        return f"{self.family}_apart"

    def steps(self, records: Records) -> list[Step]:
        """One row a customer and date, with every median over every window."""
        columns = {column for one in self.sums for column in one.columns}
        found = [
            f"median({_value(one, records.calendar.number(days))}) as {one.window(days)}"
            for one in self.sums
            for days in records.calendar.windows
        ]
        body = columns_sql(["customer_id", AS_OF, *found])
        source = records.sql(columns, dated=True)
        sql = f"select\n    {body}\nfrom (\n{source}\n) as r\ngroup by customer_id, {AS_OF}"
        return [Step(self.name, sql, f"{self.family}: medians, from the records of each window")]


def _value(one: Sum, piece: int) -> str:
    conditions = [f"piece <= {piece}", *([f"({one.condition_sql})"] if one.condition else [])]
    row = one.aggregate.row
    return f"case when {' and '.join(conditions)} then cast({row.sql() if row else '1'} as double) end"


def medians(family: str, sums: Iterable[Sum]) -> list[Apart]:
    """The sums without parts, if there are any."""
    found = tuple(one for one in sums if is_apart(one))
    return [Apart(family, found)] if found else []


def window_steps(asks: Sequence[Ask], records: Records) -> list[Step]:
    """All steps of a windowed family; the last one has a row for every row of the spine."""
    sums = collect((ask.slice, ask.condition, ask.feature.expression) for ask in asks)
    name = records.family.name
    groups = _groups(name, sums.values(), records.shared)
    counts: list[DistinctCount | Apart] = [
        *distinct_counts(name, sums.values(), records.shared),
        *medians(name, sums.values()),
    ]
    steps = [step for group in groups for step in group.steps(records)]
    steps += [step for count in counts for step in count.steps(records)]
    joins = [group.join_sql(piece) for group in groups for piece in range(1, len(records.calendar.windows) + 1)]
    joins += [_counts_join_sql(count.name) for count in counts]
    homes = {one.name: count.name for count in counts for one in count.sums}
    homes |= {one.name: group.alias for group in groups for one in group.sums}
    wholes = _wholes(asks, sums, homes, records)
    last = Step(
        f"{name}_features", _family_sql(asks, sums, wholes, joins), f"{name}: the columns of each customer and date"
    )
    return [*steps, last]


@dataclass(frozen=True)
class _Group:
    """Sums that are grouped in one scan."""

    family: str
    sums: tuple[Sum, ...]
    dated: bool

    @property
    def name(self) -> str:
        return f"{self.family}_dated_pieces" if self.dated else f"{self.family}_pieces"

    @property
    def alias(self) -> str:
        return "q" if self.dated else "p"

    def join_sql(self, piece: int) -> str:
        """The join of one piece to the spine."""
        alias = f"{self.alias}{piece}"
        on = f"{alias}.customer_id = s.customer_id and {alias}.{AS_OF} = s.{AS_OF}"
        return f"left join (select * from {self.name} where piece = {piece}) as {alias} on {on}"

    def steps(self, records: Records) -> list[Step]:
        """One scan, and for several dates the adding up of shared buckets."""
        about = f"{self.family}: partial aggregates, one scan for all windows"
        if not records.shared or self.dated:
            return [Step(self.name, self._grouped_sql(records), about)]
        partials, buckets = f"{self.family}_partials", map_step(records.calendar)
        merged = merged_sql(partials, buckets.name, [p for s in self.sums for p in s.parts(self._time(records))])
        first = Step(partials, self._grouped_sql(records), f"{about} of all dates")
        return [first, buckets, Step(self.name, merged, f"{self.family}: buckets added up to the pieces of each date")]

    def _time(self, records: Records) -> str:
        return records.sources.time(records.family)

    def _grouped_sql(self, records: Records) -> str:
        parts = [p for s in self.sums for p in s.parts(self._time(records))]
        columns = {c for s in self.sums for c in s.columns} | _times(self.sums, self._time(records))
        keys = ["customer_id", *records.keys(self.dated)]
        body = columns_sql([*keys, *(f"{p.sql} as {p.name}" for p in parts)])
        source = records.sql(columns, self.dated)
        return f"select\n    {body}\nfrom (\n{source}\n) as r\ngroup by {', '.join(keys)}"


def _times(sums: Iterable[Sum], time: str) -> set[str]:
    return {time} if any(s.aggregate.function in ("first", "last") for s in sums) else set()


def _groups(family: str, sums: Iterable[Sum], shared: bool) -> list[_Group]:
    plain = [s for s in sums if not s.aggregate.distinct and not is_apart(s)]
    apart = [s for s in plain if shared and s.dated]
    together = [s for s in plain if s not in apart]
    return [_Group(family, tuple(g), dated) for g, dated in ((together, False), (apart, True)) if g]


def _counts_join_sql(name: str) -> str:
    return f"left join {name} on {name}.customer_id = s.customer_id and {name}.{AS_OF} = s.{AS_OF}"


def _wholes(asks: Iterable[Ask], sums: Mapping[Key, Sum], homes: Mapping[str, str], records: Records) -> dict[str, str]:
    """Every aggregate over every window asked for, by name."""
    found: dict[str, str] = {}
    for ask in asks:
        for aggregate in ask.feature.expression.aggregates:
            one = sums[ask.slice, aggregate]
            if one.aggregate.distinct:
                found[one.window(ask.window)] = f"coalesce({homes[one.name]}.{one.window(ask.window)}, 0)"
            elif is_apart(one):
                found[one.window(ask.window)] = f"{homes[one.name]}.{one.window(ask.window)}"
            else:
                pieces = [f"{homes[one.name]}{n}" for n in range(1, records.calendar.number(ask.window) + 1)]
                found[one.window(ask.window)] = whole_sql(aggregate, one.name, pieces)
    return found


def _family_sql(asks: Sequence[Ask], sums: Mapping[Key, Sum], wholes: Mapping[str, str], joins: Sequence[str]) -> str:
    inner = columns_sql(["s.customer_id", f"s.{AS_OF}", *(f"{sql} as {name}" for name, sql in wholes.items())])
    source = "\n".join(["spine as s", *joins])
    columns = [f"{_feature_sql(ask, sums)} as {ask.column}" for ask in asks]
    outer = columns_sql(["customer_id", AS_OF, *columns])
    return f"select\n    {outer}\nfrom (\nselect\n    {inner}\nfrom {source}\n) as w"


def _feature_sql(ask: Ask, sums: Mapping[Key, Sum]) -> str:
    sql = ask.feature.expression.replace_aggregates(lambda a: sums[ask.slice, a].window(ask.window))
    return finished_sql(sql, ask.feature.unit, ask.feature.missing)


def finished_sql(sql: str, unit: str, missing: float | None) -> str:
    """A value as it leaves the builder: text for categories, double for all else; missing filled by its rule."""
    typed = sql if unit == "category" else f"cast({sql} as double)"
    return typed if missing is None else f"coalesce({typed}, {missing!r})"
