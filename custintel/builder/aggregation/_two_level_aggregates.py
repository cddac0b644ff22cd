"""Gathered families: first one row a (customer, second key) in each window, then aggregates over those rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from custintel.builder.aggregation._latest_and_previous_row import Paired
from custintel.builder.aggregation._partial_aggregates import Key, Part, Sum, collect, whole_sql
from custintel.builder.aggregation._partial_store import Daily, DailySources
from custintel.builder.aggregation._window_sql import finished_sql
from custintel.builder.aggregation.day_buckets import MERGES, joined_sql, map_step, regrouped_sql, spread_sql
from custintel.builder.source_tables import name_sql
from custintel.builder.sql_steps import columns_sql
from custintel.expressions.parse import parse
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from custintel.builder._feature_request import Ask
    from custintel.builder.aggregation._raw_records import Records
    from custintel.expressions.expression import Aggregate, Expression


_ROWS = parse("count(*)")
_HERE = "rows_here"


def gathered_steps(asks: Sequence[Ask], records: Records) -> list[Step]:
    """All steps of a gathered family; the last one has a row for every row of the spine."""
    if records.family.previous:
        paired = Paired.of(records)
        return [paired.step(), *Gathering(tuple(asks), paired).steps()]
    return Gathering(tuple(asks), records).steps()


@dataclass(frozen=True)
class Gathering:
    """The columns of a gathered family, the records they are made of, or the days that were kept of those."""

    asks: tuple[Ask, ...]
    records: Records
    days: DailySources | None = None

    def daily(self) -> Daily:
        """What is to be kept a day."""
        key = name_sql(str(self.records.family.per))
        return Daily(self.records, frozenset(self._columns), tuple(part for _, part in self._parts()), item=key)

    @property
    def can_be_kept(self) -> bool:
        """Whether a day's partials never change: nothing is looked up or paired, nothing depends on the as-of date."""
        family = self.records.family
        return not family.join and not family.previous and not any(s.dated for s in self.sums.values())

    def steps(self) -> list[Step]:
        name = self.records.family.name
        return [
            *self._partial_steps(),
            Step(f"{name}_merged", self._merged_sql(), f"{name}: one row a second key, its parts in each window"),
            Step(f"{name}_gathered", self._gathered_sql(), f"{name}: the gathered values in each window"),
            Step(f"{name}_found", self._features_sql(), f"{name}: aggregates over the gathered rows"),
            Step(f"{name}_features", self._spine_sql(), f"{name}: the columns of each customer and date"),
        ]

    def gather(self, slice_: str, window: int | None = None) -> dict[str, Expression]:
        """The gathered values that are read in a slice (and window)."""
        asks = [ask for ask in self.asks if ask.slice == slice_ and window in (None, ask.window)]
        read = {c for ask in asks for c in ask.feature.expression.columns}
        return {name: e for name, e in self.records.family.gather.items() if name in read}

    @cached_property
    def sums(self) -> Mapping[Key, Sum]:
        """The aggregates that are gathered, and the number of rows, by slice."""
        slices = {ask.slice: ask.condition for ask in self.asks}
        gathered = {s: [_ROWS, *self.gather(s).values()] for s in slices}
        return collect((s, condition, e) for s, condition in slices.items() for e in gathered[s])

    @property
    def dated(self) -> bool:
        """Whether something gathered depends on the as-of date, so that dates cannot share buckets."""
        return self.records.shared and any(s.dated for s in self.sums.values())

    @property
    def cells(self) -> list[tuple[str, int]]:
        """Slices and windows asked for."""
        return list(dict.fromkeys((ask.slice, ask.window) for ask in self.asks))

    def _parts(self) -> list[tuple[Sum, Part]]:
        time = self.records.sources.time(self.records.family)
        return [(s, part) for s in self.sums.values() for part in s.parts(time)]

    @property
    def _columns(self) -> set[str]:
        family = self.records.family
        read = {c for s in self.sums.values() for c in s.columns}
        return read | {str(family.per), self.records.sources.time(family)}

    def _partial_steps(self) -> list[Step]:
        family = self.records.family
        keys = ["customer_id", *self.records.keys(self.dated), "item"]
        sql = self._merged_days_sql(keys, self.days) if self.days else self._grouped_sql(keys)
        about = f"{family.name}: partial aggregates a {family.per}, one scan for all windows"
        first = Step(f"{family.name}_partials", sql, about)
        return [first, map_step(self.records.calendar)] if self._shared else [first]

    def _grouped_sql(self, keys: Sequence[str]) -> str:
        family = self.records.family
        key = name_sql(str(family.per))
        body = columns_sql([*keys[:-1], f"{key} as item", *(f"{p.sql} as {p.name}" for _, p in self._parts())])
        where = f"{self.records.sources.column(family, str(family.per))} is not null"
        source = self.records.sql(self._columns, self.dated, where)
        places = ", ".join(str(n) for n in range(1, len(keys) + 1))
        return f"select\n    {body}\nfrom (\n{source}\n) as r\ngroup by {places}"

    def _merged_days_sql(self, keys: Sequence[str], days: DailySources) -> str:
        parts = [part for _, part in self._parts()]
        source = replace(self.records, sources=days).sql(["item", *(part.name for part in parts)])
        return regrouped_sql(source, keys, parts)

    @property
    def _shared(self) -> bool:
        return self.records.shared and not self.dated

    def _merged_sql(self) -> str:
        partials = f"{self.records.family.name}_partials"
        beside = "b" if self._shared else "p"
        source = joined_sql(partials, map_step(self.records.calendar).name) if self._shared else f"{partials} as p"
        keys = ["p.customer_id", f"{beside}.{AS_OF}", "p.item"]
        merged = [
            f"{_merge_sql(part, f'{beside}.piece <= {self.records.calendar.number(w)}')} as {_renamed(s, part, w)}"
            for s, part in self._parts()
            for w in self.records.calendar.windows
            if (s.slice, w) in self.cells
        ]
        return f"select\n    {columns_sql([*keys, *merged])}\nfrom {source}\ngroup by {', '.join(keys)}"

    def _gathered_sql(self) -> str:
        columns = [f"{sql} as {name}" for name, sql in self._values()]
        name = self.records.family.name
        return f"select\n    {columns_sql(['g.customer_id', f'g.{AS_OF}', *columns])}\nfrom {name}_merged as g"

    def _values(self) -> Iterator[tuple[str, str]]:
        for slice_, window in self.cells:
            for name, expression in {_HERE: _ROWS, **self.gather(slice_, window)}.items():
                yield _cell(name, slice_, window), self._value_sql(expression, slice_, window)

    def _value_sql(self, expression: Expression, slice_: str, window: int) -> str:
        def write(aggregate: Aggregate) -> str:
            return whole_sql(aggregate, self.sums[slice_, aggregate].window(window), ["g"])

        return expression.replace_aggregates(write)

    def _features_sql(self) -> str:
        columns = [f"{self._feature_sql(ask)} as {ask.column}" for ask in self.asks]
        name = self.records.family.name
        keys = f"customer_id, {AS_OF}"
        return f"select\n    {columns_sql(['customer_id', AS_OF, *columns])}\nfrom {name}_gathered\ngroup by {keys}"

    def _feature_sql(self, ask: Ask) -> str:
        names = {n: _cell(n, ask.slice, ask.window) for n in self.records.family.gather}
        here = f"{_cell(_HERE, ask.slice, ask.window)} > 0"

        def write(aggregate: Aggregate) -> str:
            row = aggregate.row
            value = row.rename(names).text if row else "1"
            return _FUNCTIONS[aggregate.function].format(f"case when {here} then {value} end")

        return ask.feature.expression.replace_aggregates(write)

    def _spine_sql(self) -> str:
        name = f"{self.records.family.name}_found"
        columns = [
            f"{finished_sql(f'f.{a.column}', a.feature.unit, a.feature.missing)} as {a.column}" for a in self.asks
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


def _renamed(one: Sum, part: Part, window: int) -> str:
    """A part's name over one window: the window goes between the sum's name and the part's ending."""
    return one.window(window) + part.name.removeprefix(one.name)


def _merge_sql(part: Part, condition: str) -> str:
    if part.merge == "spread":
        return spread_sql(part, condition)
    return f"{MERGES[part.merge]}(case when {condition} then p.{part.name} end)"
