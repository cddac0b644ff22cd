"""Windows of numbers added up in memory: the database groups once, the rest is array arithmetic.

A grouped scan gives one row a customer and bucket. Written as a matrix (bucket, customer), a window is a sum of some of
its rows, and a year of windows costs a few additions a column; in SQL those rows are grouped again for each date.

>>> cells, customers = np.array([0, 1, 1]), np.array([0, 0, 2])  # of three partial aggregates
>>> buckets = (((0,), (1,)),)  # one date: cell 0 is window bucket 1, cell 1 is window bucket 2
>>> matrix = PartialsMatrix.of(cells, customers, 3, buckets)
>>> WindowTotals(matrix, {"n": np.array([5.0, 2.0, 4.0])}).count("n", [1, 2])[2]
array([[7., 0., 4.]])
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.builder.aggregation._partial_aggregates import (
    AggregateKey,
    SliceAggregate,
    collect_aggregates,
    slice_filter_sql,
)
from custintel.builder.aggregation._partial_store import DailyPartials, StoredSources
from custintel.builder.aggregation.day_buckets import merge_partials_sql
from custintel.builder.sql_steps import columns_sql
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from custintel.builder._computable_columns import FeatureRequest
    from custintel.builder.aggregation._partial_aggregates import PartialColumn
    from custintel.builder.aggregation._raw_records import RawRecords
    from custintel.expressions.expression import Aggregate

    Floats = NDArray[np.float64]
    BucketCells = tuple[tuple[tuple[int, ...], ...], ...]
    """Cells of each window bucket of each date."""


@dataclass(frozen=True)
class PartialsMatrix:
    """Where each partial aggregate stands in a matrix (cell, customer), and the cells of each date's window buckets."""

    flat: NDArray[np.intp]
    shape: tuple[int, int]
    window_buckets: BucketCells

    @classmethod
    def of(
        cls, cells: NDArray[Any], customers_of: NDArray[Any], customers: int, window_buckets: BucketCells
    ) -> PartialsMatrix:
        """Lay out partial aggregates; cells that none of them has take no memory."""
        present = np.unique(cells)
        place = np.zeros(int(present[-1]) + 1 if len(present) else 1, dtype=np.intp)
        place[present] = np.arange(len(present))
        known = set(present.tolist())
        present_cells = tuple(
            tuple(tuple(int(place[c]) for c in p if c in known) for p in date) for date in window_buckets
        )
        return cls(place[cells] * customers + customers_of, (len(present), customers), present_cells)

    def filled(self, values: Floats, empty: float) -> Floats:
        """The values of one column of partials as a matrix."""
        found = np.full(self.shape, empty)
        found.reshape(-1)[self.flat] = values
        return found

    def walk(self, requested: Sequence[int], add: Callable[[int], None]) -> Iterator[tuple[int, int]]:
        """Add the cells of each date, newest first; yield (date, window bucket) after each that is wanted, then 0."""
        for date, window_buckets in enumerate(self.window_buckets):
            for number, cells in enumerate(window_buckets, 1):
                for cell in cells:
                    add(cell)
                if number in requested:
                    yield date, number
            yield date, 0


class WindowTotals:
    """Aggregates over windows from columns of partials; each method gives an array (date, customer) a window bucket."""

    def __init__(self, matrix: PartialsMatrix, columns: Mapping[str, Floats]) -> None:
        self.matrix, self.columns = matrix, columns

    def of(self, aggregate: Aggregate, name: str, requested: Sequence[int]) -> dict[int, Floats]:
        """The aggregate over the windows that end with the wanted window buckets."""
        ways: dict[str, Callable[[str, Sequence[int]], dict[int, Floats]]] = {
            "count": self.count,
            "sum": self.sum,
            "avg": self.avg,
            "stddev": self.stddev,
            "min": lambda n, w: self.extreme(np.fmin, n, w),
            "max": lambda n, w: self.extreme(np.fmax, n, w),
        }
        return ways[aggregate.function](name, requested)

    def count(self, name: str, requested: Sequence[int]) -> dict[int, Floats]:
        """Counts; nothing is zero."""
        return self._window_sums(self._filled(name), requested)

    def sum(self, name: str, requested: Sequence[int]) -> dict[int, Floats]:
        """Sums; nothing known is missing."""
        given = self.matrix.filled(self.columns[name], np.nan)
        known = ~np.isnan(given)
        sums = self._window_sums(np.where(known, given, 0.0), requested)
        if known.all():
            return sums
        counts = self._window_sums(known, requested)
        return {bucket: np.where(counts[bucket] > 0, sums[bucket], np.nan) for bucket in sums}

    def avg(self, name: str, requested: Sequence[int]) -> dict[int, Floats]:
        """Means."""
        sums, counts = (self._window_sums(self._filled(f"{name}_{partial}"), requested) for partial in "sn")
        return {bucket: _ratio(sums[bucket], counts[bucket]) for bucket in sums}

    def stddev(self, name: str, requested: Sequence[int]) -> dict[int, Floats]:
        """Sample standard deviations, put together by means (Chan, Golub and LeVeque 1983)."""
        n, s, q = (self._filled(f"{name}_{partial}") for partial in "nsq")
        state = np.zeros((3, self.matrix.shape[1]))

        def add(cell: int) -> None:
            both = state[0] + n[cell]
            difference = _ratio(s[cell], n[cell]) - _ratio(state[1], state[0])
            with np.errstate(invalid="ignore", divide="ignore"):
                between = np.where(
                    (state[0] > 0) & (n[cell] > 0), difference * difference * state[0] * n[cell] / both, 0.0
                )
            state[:] = both, state[1] + s[cell], state[2] + q[cell] + between

        def finished() -> Floats:
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.where(state[0] > 1, np.sqrt(np.maximum(state[2], 0.0) / (state[0] - 1)), np.nan)

        return self._collected(requested, add, finished, lambda: state.fill(0.0))

    def extreme(self, better: Callable[..., Floats], name: str, requested: Sequence[int]) -> dict[int, Floats]:
        """Smallest or largest values; nothing known is missing."""
        given = self.matrix.filled(self.columns[name], np.nan)
        state = np.full(self.matrix.shape[1], np.nan)

        def add(cell: int) -> None:
            better(state, given[cell], out=state)

        return self._collected(requested, add, state.copy, lambda: state.fill(np.nan))

    def _filled(self, name: str) -> Floats:
        return np.nan_to_num(self.matrix.filled(self.columns[name], 0.0), copy=False, nan=0.0)

    def _window_sums(self, given: NDArray[Any], requested: Sequence[int]) -> dict[int, Floats]:
        state = np.zeros(self.matrix.shape[1])

        def add(cell: int) -> None:
            np.add(state, given[cell], out=state)

        return self._collected(requested, add, state.copy, lambda: state.fill(0.0))

    def _collected(
        self,
        requested: Sequence[int],
        add: Callable[[int], None],
        value: Callable[[], Floats],
        clear: Callable[[], None],
    ) -> dict[int, Floats]:
        shape = (len(self.matrix.window_buckets), self.matrix.shape[1])
        found = {window_bucket: np.empty(shape) for window_bucket in requested}
        for date, window_bucket in self.matrix.walk(requested, add):
            if window_bucket:
                found[window_bucket][date] = value()
            else:
                clear()
        return found


def _ratio(above: Floats, below: Floats) -> Floats:
    """Division; by zero is missing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below != 0, above / below, np.nan)


_ADDABLE = ("count", "sum", "avg", "stddev", "min", "max")


@dataclass(frozen=True)
class WindowSums:
    """The columns of a family that can be added up in memory, and the records they are made of."""

    requests: tuple[FeatureRequest, ...]
    records: RawRecords

    @classmethod
    def of(cls, requests: Collection[FeatureRequest], records: RawRecords, texts: Collection[str] = ()) -> WindowSums:
        """The columns asked for that are made of numbers; ``texts`` names partial aggregates that hold texts."""
        whole = cls(tuple(requests), records)
        good = tuple(
            request
            for request in requests
            if all(whole._is_addable(request, key, texts) for key in whole.keys(request))
        )
        return replace(whole, requests=good)

    def keys(self, request: FeatureRequest) -> list[AggregateKey]:
        """The sums that a column is made of."""
        return [(request.slice, aggregate) for aggregate in request.feature.expression.aggregates]

    def _is_addable(self, request: FeatureRequest, key: AggregateKey, texts: Collection[str]) -> bool:
        one = self.aggregates[key]
        number = one.aggregate.distinct or (one.aggregate.function in _ADDABLE and one.name not in texts)
        return (
            number and request.feature.unit != "category" and not (self.records.shares_buckets and one.depends_on_as_of)
        )

    @cached_property
    def aggregates(self) -> Mapping[AggregateKey, SliceAggregate]:
        """Every aggregate of every slice, by slice and aggregate."""
        return collect_aggregates(
            (request.slice, request.condition, request.feature.expression) for request in self.requests
        )

    @cached_property
    def added(self) -> dict[AggregateKey, SliceAggregate]:
        """The sums that are put together from partial aggregates."""
        return {key: one for key, one in self.aggregates.items() if not one.aggregate.distinct}

    @property
    def partial_columns(self) -> tuple[PartialColumn, ...]:
        """What is kept a bucket; conditions of slices are read from flags, computed once a record."""
        return tuple(partial for one in self.added.values() for partial in one.partial_columns(self._time, _flag(one)))

    def partials_step(self, days: StoredSources | None = None) -> Step:
        """One row a customer and bucket with all partial aggregates, from the records or from days that were kept."""
        name, keys = self.records.family.name, ["customer_id", *self._cell]
        if days is not None:
            source = replace(self.records, sources=days).sql([partial.name for partial in self.partial_columns])
            about = f"{name}: stored days merged into buckets"
            return Step(
                f"{name}_partials", merge_partials_sql(self._between(source), keys, self.partial_columns), about
            )
        body = columns_sql([*keys, *(f"{partial.sql} as {partial.name}" for partial in self.partial_columns)])
        sql = f"select\n    {body}\nfrom (\n{self._flagged_sql()}\n) as r\ngroup by {', '.join(keys)}"
        return Step(f"{name}_partials", sql, f"{name}: partial aggregates, one scan for all windows")

    def daily_partials(self) -> DailyPartials:
        """What is to be kept a day."""
        return DailyPartials(self.records, frozenset(self._columns), self.partial_columns, self._flags)

    @property
    def is_storable(self) -> bool:
        """Whether a day's partials never change: nothing is looked up, and nothing depends on the as-of date."""
        return not self.records.family.join and not any(one.depends_on_as_of for one in self.added.values())

    @property
    def _time(self) -> str:
        return self.records.sources.time(self.records.family)

    @property
    def _cell(self) -> tuple[str, ...]:
        return ("bucket", "visible_from") if self.records.shares_buckets else ("window_bucket",)

    def _flagged_sql(self) -> str:
        body = columns_sql(["r.*", *(f"({sql}) as {name}" for name, sql in self._flags.items())])
        source = f"select\n    {body}\nfrom (\n{self._between(self.records.sql(self._columns))}\n) as r"
        counted = slice_filter_sql(self.added.values())
        return f"{source}\nwhere {counted}" if counted else source

    def _between(self, source: str) -> str:
        """Without the days that are in no window."""
        return (
            f"select r.* from (\n{source}\n) as r where r.bucket is not null" if self.records.shares_buckets else source
        )

    @property
    def _columns(self) -> set[str]:
        return {column for one in self.added.values() for column in one.columns}

    @property
    def _flags(self) -> dict[str, str]:
        """Conditions of slices by the names of the columns they are computed in."""
        return {_flag_name(one.slice): str(one.condition_sql) for one in self.added.values() if one.condition}

    def window_buckets(self) -> BucketCells:
        """The cells of each window bucket of each date; a cell is a bucket and the first date on which it is seen."""
        buckets, dates = self.records.buckets, len(self.records.buckets.dates)
        count = len(buckets.windows)
        if not self.records.shares_buckets:
            return (tuple((window_bucket,) for window_bucket in range(1, count + 1)),)
        found: list[list[list[int]]] = [[[] for _ in range(count)] for _ in range(dates)]
        for bucket, _, number, window_bucket in buckets.rows():
            found[number][window_bucket - 1] += [bucket * dates + visible for visible in range(number + 1)]
        return tuple(tuple(tuple(cells) for cells in date) for date in found)

    def cells(self, partials_step: pa.Table) -> NDArray[Any]:
        """The cell of each row of partials."""
        if not self.records.shares_buckets:
            return np.asarray(partials_step["window_bucket"].to_numpy(), dtype=np.intp)
        bucket, visible_from = (
            np.asarray(partials_step[name].to_numpy(), dtype=np.intp) for name in ("bucket", "visible_from")
        )
        return bucket * len(self.records.buckets.dates) + visible_from

    def totals(self, partials_step: pa.Table, customers: int) -> dict[str, NDArray[Any]]:
        """Every aggregate over every window asked for, as arrays (date, customer), by name."""
        matrix = PartialsMatrix.of(
            self.cells(partials_step), partials_step["no"].to_numpy(), customers, self.window_buckets()
        )
        numbers = {name: _numbers(partials_step[name]) for name in partials_step.column_names}
        totals = WindowTotals(matrix, {name: values for name, (values, _) in numbers.items()})
        found: dict[str, NDArray[Any]] = {}
        for key, one in self.added.items():
            requested = self._windows(key)
            number = self.records.buckets.bucket_count
            windows = totals.of(one.aggregate, one.name, sorted({number(w) for w in requested}))
            unit = numbers[one.name][1] if one.name in numbers else None
            found |= {one.window(w): _typed(windows[number(w)], unit) for w in requested}
        return found

    def _windows(self, key: AggregateKey) -> list[int]:
        return sorted({request.window for request in self.requests if key in self.keys(request)})


def _flag(one: SliceAggregate) -> str | None:
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
