"""Running a plan on DuckDB: the database groups and joins, arrays add up windows and finish columns.

Customers are numbered in order of their names. Large work is cut into ranges of customers; a table that is stored by
customer is then read once in all, because every range reads only its own rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.builder.aggregation._holistic_aggregates import distinct_counts
from custintel.builder.aggregation._two_level_aggregates import TwoLevelAggregates
from custintel.builder.aggregation._window_sql import window_steps
from custintel.builder.aggregation._window_sums import WindowSums
from custintel.builder.sql_steps import columns_sql, with_sql
from custintel.builder.workspace import Workspace
from custintel.engines.engine import literal
from custintel.expressions.parse import parse
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step
from custintel.progress import track

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from custintel.builder._computable_columns import FeatureRequest
    from custintel.builder._plan import Plan
    from custintel.builder.aggregation._partial_store import PartialStore
    from custintel.catalogue.feature_family import Entry
    from custintel.engines.engine import Engine


MAX_CELLS = 40_000_000
"""Output cells (rows x columns) worked on at a time; it bounds the memory of the widest step."""


def execute_on_duckdb(plan: Plan, engine: Engine, store: PartialStore | None = None) -> pd.DataFrame:
    """Rows of the spine with all columns, ordered and indexed by date and customer."""
    with Workspace(engine) as workspace:
        rows = SpineRows.of(plan, workspace)
        output = OutputColumns(rows, plan.entries)
        count = max(1, math.ceil(rows.count * len(plan.columns) / MAX_CELLS))
        chunks = [CustomerChunk(workspace, rows, customer_range) for customer_range in rows.ranges(count)]
        for family in track(list(plan.family_requests), "building features"):
            run = FamilyRun(plan, workspace, family, store)
            if len(chunks) > 1:
                run.store_partials()
            for chunk in chunks:
                for columns in chunk.columns(run):
                    output.put(chunk.slices, columns)
            workspace.drop(run.name)
    return output.frame()


@dataclass(frozen=True)
class SpineRows:
    """The rows that come out: the names of customers, and each row's date and customer by number, in order."""

    names: pa.Array
    dates: NDArray[np.datetime64]
    date: NDArray[np.int32]
    customer: NDArray[np.int32]

    @classmethod
    def of(cls, plan: Plan, workspace: Workspace) -> SpineRows:
        """Run the steps of the spine and number its customers."""
        workspace.store("all_rows", plan.spine)
        people = f"select distinct customer_id from {workspace.table('all_rows')}"
        numbered = f"select customer_id, row_number() over (order by customer_id) - 1 as no from ({people}) as p"
        workspace.store("numbered_customers", [Step("numbered_customers", numbered, "customers by number")])
        names = workspace.engine.arrow(f"select customer_id from {workspace.table('numbered_customers')} order by no")[
            "customer_id"
        ]
        keys = workspace.engine.arrow(
            f"select r.{AS_OF}, cast(e.no as integer) as no from {workspace.table('all_rows')} as r"
            f" join {workspace.table('numbered_customers')} as e using (customer_id) order by 1, 2"
        )
        dates = np.array(plan.dates, dtype="datetime64[D]")
        date = _numbers(dates, keys).astype(np.int32)
        return cls(names.combine_chunks(), dates, date, keys["no"].to_numpy().astype(np.int32))

    def date_numbers(self, table: pa.Table) -> NDArray[np.intp]:
        """The numbers of the dates of a table."""
        return _numbers(self.dates, table)

    @property
    def count(self) -> int:
        return len(self.date)

    def ranges(self, chunks: int) -> list[tuple[int, int]]:
        """Ranges of customers of about the same size."""
        edges = np.linspace(0, len(self.names), chunks + 1).astype(int).tolist()
        return [(low, high) for low, high in pairwise(edges) if high > low]

    @cached_property
    def _starts(self) -> NDArray[np.intp]:
        return np.searchsorted(self.date, np.arange(len(self.dates) + 1))

    def slices(self, low: int, high: int) -> list[slice]:
        """Where the rows of a range of customers stand: one slice a date, in order."""
        found = []
        for begin, end in pairwise(self._starts.tolist()):
            first, last = np.searchsorted(self.customer[begin:end], [low, high]).tolist()
            found.append(slice(begin + first, begin + last))
        return found

    @cached_property
    def as_of(self) -> NDArray[np.datetime64]:
        """The date of each row."""
        return self.dates[self.date]

    @property
    def index(self) -> pd.MultiIndex:
        """Date and customer of each row."""
        levels = [pd.DatetimeIndex(self.dates.astype("datetime64[ns]")), pd.Index(self.names.to_pandas())]
        codes: Any = [self.date, self.customer]
        return pd.MultiIndex(levels=levels, codes=codes, names=[AS_OF, "customer_id"])


def _numbers(dates: NDArray[np.datetime64], table: pa.Table) -> NDArray[np.intp]:
    found: NDArray[np.intp] = np.searchsorted(dates, table[AS_OF].to_numpy().astype("datetime64[D]"))
    return found


class OutputColumns:
    """The columns on their way out: numbers in one array each, texts as objects."""

    def __init__(self, rows: SpineRows, entries: Sequence[Entry]) -> None:
        self.rows, self.entries = rows, entries
        numbers = [entry.column for entry in entries if entry.unit != "category"]
        self.numbers = np.empty((len(numbers), rows.count))
        self.place = {column: number for number, column in enumerate(numbers)}
        self.texts = {e.column: np.full(rows.count, None, dtype=object) for e in entries if e.unit == "category"}

    def put(self, rows: Sequence[slice], columns: Mapping[str, Sequence[NDArray[Any]]]) -> None:
        """Write values to their rows, date by date."""
        for name, dates in columns.items():
            target = self._target(name)
            for place, values in zip(rows, dates, strict=True):
                target[place] = values

    def _target(self, name: str) -> NDArray[Any]:
        return self.texts[name] if name in self.texts else self.numbers[self.place[name]]

    def frame(self) -> pd.DataFrame:
        """All columns, the derived ones computed now."""
        for entry in self.entries:
            if entry.kind == "derived":
                self._derive(entry)
        # one block that pandas takes over without a copy
        frame = pd.DataFrame(self.numbers.T, index=self.rows.index, columns=list(self.place), copy=False)
        for place, entry in enumerate(self.entries):
            if entry.column in self.texts:
                frame.insert(place, entry.column, _categories(self.texts[entry.column]))
        return frame

    def _derive(self, entry: Entry) -> None:
        expression = parse(entry.expression)
        read = {name: self._target(name) for name in expression.columns}
        values = expression.numpy(_frame(read, self.rows.as_of))
        self._target(entry.column)[:] = fill_missing(values, entry.missing)


def _categories(texts: NDArray[Any]) -> Any:
    # a missing text is None, or NaN where a Python function was joined by pandas 2.2
    return pd.Categorical(texts, categories=sorted({text for text in texts if isinstance(text, str)}))


def _frame(columns: Mapping[str, NDArray[Any]], as_of: NDArray[np.datetime64]) -> pd.DataFrame:
    return pd.DataFrame({**columns, AS_OF: as_of.astype("datetime64[s]")}, copy=False)


def fill_missing(values: NDArray[Any], missing: float | None) -> NDArray[Any]:
    """Values as they leave the builder: what is missing becomes what the catalogue says."""
    if missing is None:
        return values
    return np.where(np.isnan(values), missing, values)


class FamilyRun:
    """The run of one family: what is added up in memory, and what the database finishes."""

    def __init__(self, plan: Plan, workspace: Workspace, family: str, store: PartialStore | None) -> None:
        self.plan, self.workspace, self.family, self.store = plan, workspace, family, store
        self.name = f"{family}_numbered"
        self.requests, self.records = plan.family_requests[family]
        self.window_sums = self._window_sums() if self.records.family.kind == "window" else None
        added = set(self.window_sums.requests) if self.window_sums else set()
        self.sql_requests = [request for request in self.requests if request not in added]

    def _window_sums(self) -> WindowSums:
        window_sums = WindowSums.of(self.requests, self.records)
        if not window_sums.added:
            return window_sums
        types = self.workspace.engine.columns(f"({with_sql([self._all_rows(), window_sums.partials_step()])})")
        return WindowSums.of(self.requests, self.records, {name for name, kind in types.items() if kind == "VARCHAR"})

    def _all_rows(self) -> Step:
        return Step("spine", f"select * from {self.workspace.table('all_rows')}", "all rows")

    @cached_property
    def steps(self) -> Sequence[Step]:
        """The steps that the database finishes, from stored days where that can be; the same for every chunk."""
        if self.window_sums is not None:
            return window_steps(self.sql_requests, self.records)
        two_level = TwoLevelAggregates(self.requests, self.records)
        if self.store is None or self.records.family.kind != "gathered" or not two_level.is_storable:
            return self.plan.steps_of(self.family)
        return replace(two_level, days=self.store.sources(two_level.daily_partials())).steps()

    def _numbered_partials(self) -> list[Step]:
        """Partial aggregates by number of the customer."""
        assert self.window_sums is not None
        window_sums = self.window_sums
        days = self.store.sources(window_sums.daily_partials()) if self.store and window_sums.is_storable else None
        partials = window_sums.partials_step(days)
        source = f"{partials.name} as g join {self.workspace.table('numbered_customers')} as e using (customer_id)"
        numbered = f"select e.no, g.* exclude (customer_id) from {source}"
        return [self._all_rows(), partials, Step(self.name, numbered, "by number of the customer")]

    def store_partials(self) -> None:
        """Group the records of all customers now; each chunk then reads its own rows of the result."""
        if self.window_sums is not None and self.window_sums.added:
            self.workspace.store(self.name, self._numbered_partials())

    def partials_of(self, low: int, high: int) -> pa.Table:
        """Partial aggregates of a range of customers, numbered from its beginning."""
        if self.name not in self.workspace.stored:
            return self.workspace.engine.arrow(with_sql(self._numbered_partials()))
        columns = f"select cast(no - {low} as integer) as no, * exclude (no) from {self.workspace.table(self.name)}"
        return self.workspace.engine.arrow(f"{columns} where no >= {low} and no < {high}")


class CustomerChunk:
    """A range of customers: their records and their rows of the spine."""

    def __init__(self, workspace: Workspace, rows: SpineRows, customer_range: tuple[int, int]) -> None:
        self.workspace, self.rows = workspace, rows
        self.low, self.high = low, high = customer_range
        self.slices = rows.slices(low, high)
        every = customer_range == (0, len(rows.names))
        names = [literal(rows.names[n].as_py()) for n in (low, high - 1)]
        self.condition = "" if every else f"t.customer_id between {names[0]} and {names[1]}"
        inside = f" where no >= {low} and no < {high}"
        sql = (
            f"select r.customer_id, r.{AS_OF}, e.no - {low} as no from {workspace.table('all_rows')} as r"
            f" join (select * from {workspace.table('numbered_customers')}{inside}) as e using (customer_id)"
        )
        own = f"spine_{low}"
        workspace.store(own, [Step(own, sql, "rows")])
        self.spine = Step("spine", f"select * from {workspace.table(own)}", "rows")

    def columns(self, run: FamilyRun) -> Iterable[Mapping[str, Sequence[NDArray[Any]]]]:
        """Columns of a family, an array a date."""
        if run.window_sums is not None and run.window_sums.requests:
            yield self._window_columns(run.window_sums, run)
        if run.sql_requests:
            yield self._sql_columns(run.steps, run.sql_requests)

    def _window_columns(self, window_sums: WindowSums, run: FamilyRun) -> dict[str, Sequence[NDArray[Any]]]:
        """Add up windows, compute the columns."""
        count = self.high - self.low
        totals = window_sums.totals(run.partials_of(self.low, self.high), count) if window_sums.added else {}
        totals |= self._distinct_counts(window_sums)
        dates = len(self.rows.dates)
        as_of = np.repeat(self.rows.dates, self.high - self.low)
        frame = _frame({name: values.reshape(-1) for name, values in totals.items()}, as_of)
        return {
            request.column: self._rows_of_spine(_value(request, window_sums, frame).reshape(dates, -1))
            for request in window_sums.requests
        }

    def _rows_of_spine(self, values: NDArray[Any]) -> Sequence[NDArray[Any]]:
        """From (date, customer) to the rows of the spine."""
        found = []
        for date, place in zip(values, self.slices, strict=True):
            whole = place.stop - place.start == self.high - self.low
            found.append(date if whole else date[self.rows.customer[place] - self.low])
        return found

    def _distinct_counts(self, window_sums: WindowSums) -> dict[str, NDArray[Any]]:
        """Distinct counts over every window asked for."""
        records = window_sums.records
        found: dict[str, NDArray[Any]] = {}
        for count in distinct_counts(records.family.name, window_sums.aggregates.values(), records.shares_buckets):
            steps = count.steps(records)
            columns = [one.window(w) for one in count.aggregates for w in records.buckets.windows]
            table, date = self._query(steps, columns)
            for name in columns:
                values = np.zeros((len(self.rows.dates), self.high - self.low))
                values[date, table["no"].to_numpy()] = table[name].to_numpy()
                found[name] = values
        return found

    def _query(self, steps: Sequence[Step], columns: Sequence[str]) -> tuple[pa.Table, NDArray[np.intp]]:
        """Rows of the last step that stand in the spine, by number of the customer, and the number of their dates."""
        name = steps[-1].name
        listed = columns_sql(["s.no", f"s.{AS_OF}", *(f"f.{c}" for c in columns)])
        on = f"f.customer_id = s.customer_id and f.{AS_OF} = s.{AS_OF}"
        last = Step("numbered", f"select\n    {listed}\nfrom spine as s join {name} as f on {on}", "by number")
        table = self.workspace.engine.arrow(with_sql([self.spine, *steps, last], self.condition))
        return table, self.rows.date_numbers(table)

    def _sql_columns(
        self, steps: Sequence[Step], requests: Sequence[FeatureRequest]
    ) -> dict[str, Sequence[NDArray[Any]]]:
        """Columns that the database has finished."""
        names = [request.column for request in requests]
        table, date = self._query(steps, names)
        order = np.lexsort((table["no"].to_numpy(), date))
        ends = np.cumsum([place.stop - place.start for place in self.slices])[:-1]
        return {name: np.split(table[name].to_numpy()[order], ends) for name in names}


def _value(request: FeatureRequest, window_sums: WindowSums, frame: pd.DataFrame) -> NDArray[Any]:
    """A column from the totals it is made of."""
    expression = request.feature.expression.over_columns(
        lambda a: window_sums.aggregates[request.slice, a].window(request.window)
    )
    if expression.text in frame:
        values = frame[expression.text].to_numpy()
        return fill_missing(values, request.feature.missing) if values.dtype.kind == "f" else values
    return fill_missing(expression.numpy(frame), request.feature.missing)
