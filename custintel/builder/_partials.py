"""Windowed families whose aggregates are numbers: one grouped scan, then the windows are added up in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.builder._daily import Daily, DailySources
from custintel.builder._dense import Layout, Totals
from custintel.builder._pieces import regrouped_sql
from custintel.builder._steps import Step, columns_sql
from custintel.builder._sums import Key, Sum, collect, slices_sql

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from custintel.builder._asks import Ask
    from custintel.builder._dense import Pieces
    from custintel.builder._parts import Part
    from custintel.builder._records import Records

__all__ = ["Grouping"]

_ADDABLE = ("count", "sum", "avg", "stddev", "min", "max")


@dataclass(frozen=True)
class Grouping:
    """The columns of a family that can be added up in memory, and the records they are made of."""

    asks: tuple[Ask, ...]
    records: Records

    @classmethod
    def of(cls, asks: Collection[Ask], records: Records, texts: Collection[str] = ()) -> Grouping:
        """Those of the columns asked for that are made of numbers; ``texts`` names parts known to be none."""
        whole = cls(tuple(asks), records)
        good = tuple(ask for ask in asks if all(whole._is_addable(ask, key, texts) for key in whole.keys(ask)))
        return replace(whole, asks=good)

    def keys(self, ask: Ask) -> list[Key]:
        """The sums that a column is made of."""
        return [(ask.slice, aggregate) for aggregate in ask.feature.expression.aggregates]

    def _is_addable(self, ask: Ask, key: Key, texts: Collection[str]) -> bool:
        one = self.sums[key]
        number = one.aggregate.distinct or (one.aggregate.function in _ADDABLE and one.name not in texts)
        return number and ask.feature.unit != "category" and not (self.records.shared and one.dated)

    @cached_property
    def sums(self) -> Mapping[Key, Sum]:
        """Every aggregate of every slice, by slice and aggregate."""
        return collect((ask.slice, ask.condition, ask.feature.expression) for ask in self.asks)

    @cached_property
    def added(self) -> dict[Key, Sum]:
        """The sums that are put together from parts."""
        return {key: one for key, one in self.sums.items() if not one.aggregate.distinct}

    @property
    def parts(self) -> tuple[Part, ...]:
        """What is kept a bucket; conditions of slices are read from flags, computed once a record."""
        return tuple(part for one in self.added.values() for part in one.parts(self._time, _flag(one)))

    def partials(self, days: DailySources | None = None) -> Step:
        """One row a customer and bucket with all parts, from the records or from days that were kept."""
        name, keys = self.records.family.name, ["customer_id", *self._cell]
        if days is not None:
            source = replace(self.records, sources=days).sql([part.name for part in self.parts])
            about = f"{name}: kept days merged into buckets"
            return Step(f"{name}_partials", regrouped_sql(self._between(source), keys, self.parts), about)
        body = columns_sql([*keys, *(f"{part.sql} as {part.name}" for part in self.parts)])
        sql = f"select\n    {body}\nfrom (\n{self._flagged_sql()}\n) as r\ngroup by {', '.join(keys)}"
        return Step(f"{name}_partials", sql, f"{name}: partial aggregates, one scan for all windows")

    def daily(self) -> Daily:
        """What is to be kept a day."""
        return Daily(self.records, frozenset(self._columns), self.parts, self._flags)

    @property
    def can_be_kept(self) -> bool:
        """Whether a day's partials never change: nothing is looked up, and nothing depends on the as-of date."""
        return not self.records.family.join and not any(one.dated for one in self.added.values())

    @property
    def _time(self) -> str:
        return self.records.sources.time(self.records.family)

    @property
    def _cell(self) -> tuple[str, ...]:
        return ("bucket", "seen") if self.records.shared else ("piece",)

    def _flagged_sql(self) -> str:
        body = columns_sql(["r.*", *(f"({sql}) as {name}" for name, sql in self._flags.items())])
        source = f"select\n    {body}\nfrom (\n{self._between(self.records.sql(self._columns))}\n) as r"
        counted = slices_sql(self.added.values())
        return f"{source}\nwhere {counted}" if counted else source

    def _between(self, source: str) -> str:
        """Without the days that are in no window."""
        return f"select r.* from (\n{source}\n) as r where r.bucket is not null" if self.records.shared else source

    @property
    def _columns(self) -> set[str]:
        return {column for one in self.added.values() for column in one.columns}

    @property
    def _flags(self) -> dict[str, str]:
        """Conditions of slices by the names of the columns they are computed in."""
        return {_flag_name(one.slice): str(one.condition_sql) for one in self.added.values() if one.condition}

    def pieces(self) -> Pieces:
        """The cells of each piece of each date; a cell is a bucket and the first date on which it is seen."""
        calendar, dates = self.records.calendar, len(self.records.calendar.dates)
        count = len(calendar.windows)
        if not self.records.shared:
            return (tuple((piece,) for piece in range(1, count + 1)),)
        found: list[list[list[int]]] = [[[] for _ in range(count)] for _ in range(dates)]
        for bucket, _, number, piece in calendar.rows():
            found[number][piece - 1] += [bucket * dates + seen for seen in range(number + 1)]
        return tuple(tuple(tuple(cells) for cells in date) for date in found)

    def cells(self, partials: pa.Table) -> NDArray[Any]:
        """The cell of each row of partials."""
        if not self.records.shared:
            return np.asarray(partials["piece"].to_numpy(), dtype=np.intp)
        bucket, seen = (np.asarray(partials[name].to_numpy(), dtype=np.intp) for name in ("bucket", "seen"))
        return bucket * len(self.records.calendar.dates) + seen

    def totals(self, partials: pa.Table, customers: int) -> dict[str, NDArray[Any]]:
        """Every aggregate over every window asked for, as arrays (date, customer), by name."""
        layout = Layout.of(self.cells(partials), partials["no"].to_numpy(), customers, self.pieces())
        numbers = {name: _numbers(partials[name]) for name in partials.column_names}
        totals = Totals(layout, {name: values for name, (values, _) in numbers.items()})
        found: dict[str, NDArray[Any]] = {}
        for key, one in self.added.items():
            wanted = self._windows(key)
            number = self.records.calendar.number
            windows = totals.of(one.aggregate, one.name, sorted({number(w) for w in wanted}))
            unit = numbers[one.name][1] if one.name in numbers else None
            found |= {one.window(w): _typed(windows[number(w)], unit) for w in wanted}
        return found

    def _windows(self, key: Key) -> list[int]:
        return sorted({ask.window for ask in self.asks if key in self.keys(ask)})


def _flag(one: Sum) -> str | None:
    return _flag_name(one.slice) if one.condition else None


def _flag_name(slice_: str) -> str:
    return f"in_slice_{slice_}"


def _numbers(column: Any) -> tuple[NDArray[np.float64], str | None]:
    """Values as floats, missing as NaN, and for times their unit."""
    values = column.to_numpy()
    if values.dtype.kind == "M":
        unit = np.datetime_data(values.dtype)[0]
        numbers = values.astype(np.int64).astype(np.float64)
        return np.where(np.isnat(values), np.nan, numbers), unit
    return values.astype(np.float64), None


def _typed(values: NDArray[np.float64], unit: str | None) -> NDArray[Any]:
    if unit is None:
        return values
    missing = np.isnan(values)
    times = np.where(missing, 0, values).astype(np.int64).astype(f"datetime64[{unit}]")
    times[missing] = np.array("NaT", dtype=times.dtype)
    return times
