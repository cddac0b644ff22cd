"""Windowed families whose aggregates are numbers: one grouped scan, then the windows are added up in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.builder.aggregation._partial_aggregates import Key, Sum, collect, slices_sql
from custintel.builder.aggregation._partial_store import Daily, DailySources
from custintel.builder.aggregation.day_buckets import regrouped_sql
from custintel.builder.sql_steps import columns_sql
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from custintel.builder._feature_request import Ask
    from custintel.builder.aggregation._partial_aggregates import Part
    from custintel.builder.aggregation._raw_records import Records

# Windows of numbers added up in memory: partials come from one grouped scan, the rest is array arithmetic.
#
# A grouped scan gives one row a customer and bucket. Written as a matrix (bucket, customer), a window is a sum of
# some of
# its rows, and a year of windows costs a few additions a column; in SQL those rows are grouped again for each date.
#
# >>> cells, customers = np.array([0, 1, 1]), np.array([0, 0, 2])   # of three partials
# >>> layout = Layout.of(cells, customers, 3, (((0,), (1,)),))      # one date: cell 0 is piece 1, cell 1 is piece 2
# >>> Totals(layout, {"n": np.array([5.0, 2.0, 4.0])}).count("n", [1, 2])[2]
# array([[7., 0., 4.]])

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from custintel.expressions.expression import Aggregate

    Floats = NDArray[np.float64]
    Pieces = tuple[tuple[tuple[int, ...], ...], ...]
    """Cells of each piece of each date."""


@dataclass(frozen=True)
class Layout:
    """Where each partial stands in a matrix (cell, customer), and which cells make up the pieces of each date."""

    flat: NDArray[np.intp]
    shape: tuple[int, int]
    pieces: Pieces

    @classmethod
    def of(cls, cells: NDArray[Any], customers_of: NDArray[Any], customers: int, pieces: Pieces) -> Layout:
        """Lay out partials; cells that no partial has take no room."""
        present = np.unique(cells)
        place = np.zeros(int(present[-1]) + 1 if len(present) else 1, dtype=np.intp)
        place[present] = np.arange(len(present))
        known = set(present.tolist())
        kept = tuple(tuple(tuple(int(place[c]) for c in p if c in known) for p in date) for date in pieces)
        return cls(place[cells] * customers + customers_of, (len(present), customers), kept)

    def matrix(self, values: Floats, empty: float) -> Floats:
        """The values of one column of partials as a matrix."""
        found = np.full(self.shape, empty)
        found.reshape(-1)[self.flat] = values
        return found

    def running(self, wanted: Sequence[int], add: Callable[[int], None]) -> Iterator[tuple[int, int]]:
        """Walk through the cells of each date, newest piece first; yields (date, piece) after each wanted piece."""
        for date, pieces in enumerate(self.pieces):
            for number, cells in enumerate(pieces, 1):
                for cell in cells:
                    add(cell)
                if number in wanted:
                    yield date, number
            yield date, 0


class Totals:
    """Aggregates over windows from columns of partials; each method gives an array (date, customer) a piece."""

    def __init__(self, layout: Layout, columns: Mapping[str, Floats]) -> None:
        self.layout, self.columns = layout, columns

    def of(self, aggregate: Aggregate, name: str, wanted: Sequence[int]) -> dict[int, Floats]:
        """The aggregate over the windows that end with the wanted pieces."""
        ways: dict[str, Callable[[str, Sequence[int]], dict[int, Floats]]] = {
            "count": self.count,
            "sum": self.sum,
            "avg": self.avg,
            "stddev": self.stddev,
            "min": lambda n, w: self.extreme(np.fmin, n, w),
            "max": lambda n, w: self.extreme(np.fmax, n, w),
        }
        return ways[aggregate.function](name, wanted)

    def count(self, name: str, wanted: Sequence[int]) -> dict[int, Floats]:
        """Counts; nothing is zero."""
        return self._added(self._filled(name), wanted)

    def sum(self, name: str, wanted: Sequence[int]) -> dict[int, Floats]:
        """Sums; nothing known is missing."""
        given = self.layout.matrix(self.columns[name], np.nan)
        known = ~np.isnan(given)
        sums = self._added(np.where(known, given, 0.0), wanted)
        if known.all():
            return sums
        counts = self._added(known, wanted)
        return {piece: np.where(counts[piece] > 0, sums[piece], np.nan) for piece in sums}

    def avg(self, name: str, wanted: Sequence[int]) -> dict[int, Floats]:
        """Means."""
        sums, counts = (self._added(self._filled(f"{name}_{part}"), wanted) for part in "sn")
        return {piece: _ratio(sums[piece], counts[piece]) for piece in sums}

    def stddev(self, name: str, wanted: Sequence[int]) -> dict[int, Floats]:
        """Sample standard deviations, put together by means (Chan, Golub and LeVeque 1983)."""
        n, s, q = (self._filled(f"{name}_{part}") for part in "nsq")
        state = np.zeros((3, self.layout.shape[1]))

        def add(cell: int) -> None:
            both = state[0] + n[cell]
            apart = _ratio(s[cell], n[cell]) - _ratio(state[1], state[0])
            with np.errstate(invalid="ignore", divide="ignore"):
                between = np.where((state[0] > 0) & (n[cell] > 0), apart * apart * state[0] * n[cell] / both, 0.0)
            state[:] = both, state[1] + s[cell], state[2] + q[cell] + between

        def finished() -> Floats:
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.where(state[0] > 1, np.sqrt(np.maximum(state[2], 0.0) / (state[0] - 1)), np.nan)

        return self._collected(wanted, add, finished, lambda: state.fill(0.0))

    def extreme(self, better: Callable[..., Floats], name: str, wanted: Sequence[int]) -> dict[int, Floats]:
        """Smallest or largest values; nothing known is missing."""
        given = self.layout.matrix(self.columns[name], np.nan)
        state = np.full(self.layout.shape[1], np.nan)

        def add(cell: int) -> None:
            better(state, given[cell], out=state)

        return self._collected(wanted, add, state.copy, lambda: state.fill(np.nan))

    def _filled(self, name: str) -> Floats:
        return np.nan_to_num(self.layout.matrix(self.columns[name], 0.0), copy=False, nan=0.0)

    def _added(self, given: NDArray[Any], wanted: Sequence[int]) -> dict[int, Floats]:
        state = np.zeros(self.layout.shape[1])

        def add(cell: int) -> None:
            np.add(state, given[cell], out=state)

        return self._collected(wanted, add, state.copy, lambda: state.fill(0.0))

    def _collected(
        self, wanted: Sequence[int], add: Callable[[int], None], value: Callable[[], Floats], clear: Callable[[], None]
    ) -> dict[int, Floats]:
        shape = (len(self.layout.pieces), self.layout.shape[1])
        found = {piece: np.empty(shape) for piece in wanted}
        for date, piece in self.layout.running(wanted, add):
            if piece:
                found[piece][date] = value()
            else:
                clear()
        return found


def _ratio(above: Floats, below: Floats) -> Floats:
    """Division; by zero is missing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below != 0, above / below, np.nan)


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
