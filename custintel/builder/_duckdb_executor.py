"""Running a plan on the embedded engine: the database groups and joins, arrays add up windows and finish columns.

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

from custintel.builder.aggregation._distinct_counts import distinct_counts
from custintel.builder.aggregation._two_level_aggregates import Gathering
from custintel.builder.aggregation._window_sql import window_steps
from custintel.builder.aggregation._window_sums import Grouping
from custintel.builder.sql_steps import columns_sql, with_sql
from custintel.engines.engine import literal
from custintel.expressions.parse import parse
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step
from custintel.progress import track

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from custintel.builder._feature_request import Ask
    from custintel.builder._plan import Plan
    from custintel.builder.aggregation._partial_store import KeptDays
    from custintel.builder.workspace import Room
    from custintel.catalogue.feature_family import Entry


CELLS = 40_000_000
"""Output cells (rows x columns) worked on at a time; it bounds the memory of the widest step."""


def run_here(plan: Plan, room: Room, kept: KeptDays | None = None) -> pd.DataFrame:
    """Rows of the spine with all columns, ordered and indexed by date and customer."""
    rows = _Rows.of(plan, room)
    found = _Columns(rows, plan.entries)
    count = max(1, math.ceil(rows.count * len(plan.columns) / CELLS))
    parts = [_Part(room, rows, between) for between in rows.ranges(count)]
    for family in track(list(plan.questions), "building features"):
        work = _Work(plan, room, family, kept)
        if len(parts) > 1:
            work.group_once()
        for part in parts:
            for columns in part.columns(work):
                found.put(part.slices, columns)
        room.drop(work.name)
    return found.frame()


@dataclass(frozen=True)
class _Rows:
    """The rows that come out: the names of customers, and each row's date and customer by number, in order."""

    names: pa.Array
    dates: NDArray[np.datetime64]
    date: NDArray[np.int32]
    customer: NDArray[np.int32]

    @classmethod
    def of(cls, plan: Plan, room: Room) -> _Rows:
        """Run the steps of the spine and number its customers."""
        room.keep("all_rows", plan.spine)
        people = f"select distinct customer_id from {room.name('all_rows')}"
        numbered = f"select customer_id, row_number() over (order by customer_id) - 1 as no from ({people}) as p"
        room.keep("everyone", [Step("everyone", numbered, "customers by number")])
        names = room.arrow(f"select customer_id from {room.name('everyone')} order by no")["customer_id"]
        keys = room.arrow(
            f"select r.{AS_OF}, cast(e.no as integer) as no from {room.name('all_rows')} as r"
            f" join {room.name('everyone')} as e using (customer_id) order by 1, 2"
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

    def ranges(self, parts: int) -> list[tuple[int, int]]:
        """Ranges of customers of about the same size."""
        edges = np.linspace(0, len(self.names), parts + 1).astype(int).tolist()
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


class _Columns:
    """The columns on their way out: numbers in one array each, texts as objects."""

    def __init__(self, rows: _Rows, entries: Sequence[Entry]) -> None:
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
        self._target(entry.column)[:] = filled(values, entry.missing)


def _categories(texts: NDArray[Any]) -> Any:
    return pd.Categorical(texts, categories=sorted({text for text in texts if text is not None}))


def _frame(columns: Mapping[str, NDArray[Any]], as_of: NDArray[np.datetime64]) -> pd.DataFrame:
    return pd.DataFrame({**columns, AS_OF: as_of.astype("datetime64[s]")}, copy=False)


def filled(values: NDArray[Any], missing: float | None) -> NDArray[Any]:
    """Values as they leave the builder: what is missing becomes what the catalogue says."""
    if missing is None:
        return values
    return np.where(np.isnan(values), missing, values)


class _Work:
    """One family: what can be added up in memory, and what the database finishes."""

    def __init__(self, plan: Plan, room: Room, family: str, kept: KeptDays | None) -> None:
        self.plan, self.room, self.family, self.kept = plan, room, family, kept
        self.name = f"{family}_numbered"
        self.asks, self.records = plan.questions[family]
        self.grouping = self._grouping() if self.records.family.kind == "window" else None
        added = set(self.grouping.asks) if self.grouping else set()
        self.rest = [ask for ask in self.asks if ask not in added]

    def _grouping(self) -> Grouping:
        grouping = Grouping.of(self.asks, self.records)
        if not grouping.added:
            return grouping
        types = self.room.engine.columns(f"({with_sql([self._everyone(), grouping.partials()])})")
        return Grouping.of(self.asks, self.records, {name for name, kind in types.items() if kind == "VARCHAR"})

    def _everyone(self) -> Step:
        return Step("spine", f"select * from {self.room.name('all_rows')}", "all rows")

    @cached_property
    def steps(self) -> Sequence[Step]:
        """The steps that the database finishes, from kept days where that can be; the same for every part."""
        if self.grouping is not None:
            return window_steps(self.rest, self.records)
        gathering = Gathering(self.asks, self.records)
        if self.kept is None or self.records.family.kind != "gathered" or not gathering.can_be_kept:
            return self.plan.steps_of(self.family)
        return replace(gathering, days=self.kept.sources(gathering.daily())).steps()

    def partials(self) -> list[Step]:
        """Partial aggregates by number of the customer."""
        assert self.grouping is not None
        grouping = self.grouping
        days = self.kept.sources(grouping.daily()) if self.kept and grouping.can_be_kept else None
        partials = grouping.partials(days)
        source = f"{partials.name} as g join {self.room.name('everyone')} as e using (customer_id)"
        numbered = f"select e.no, g.* exclude (customer_id) from {source}"
        return [self._everyone(), partials, Step(self.name, numbered, "by number of the customer")]

    def group_once(self) -> None:
        """Group the records of all customers now; each part then reads its own rows of the result."""
        if self.grouping is not None and self.grouping.added:
            self.room.keep(self.name, self.partials())

    def numbered(self, low: int, high: int) -> pa.Table:
        """Partial aggregates of a range of customers, numbered from its beginning."""
        if self.name not in self.room.kept:
            return self.room.arrow(with_sql(self.partials()))
        columns = f"select cast(no - {low} as integer) as no, * exclude (no) from {self.room.name(self.name)}"
        return self.room.arrow(f"{columns} where no >= {low} and no < {high}")


class _Part:
    """Some customers: their records, their rows."""

    def __init__(self, room: Room, rows: _Rows, between: tuple[int, int]) -> None:
        self.room, self.rows = room, rows
        self.low, self.high = low, high = between
        self.slices = rows.slices(low, high)
        every = between == (0, len(rows.names))
        names = [literal(rows.names[n].as_py()) for n in (low, high - 1)]
        self.condition = "" if every else f"t.customer_id between {names[0]} and {names[1]}"
        inside = f" where no >= {low} and no < {high}"
        sql = (
            f"select r.customer_id, r.{AS_OF}, e.no - {low} as no from {room.name('all_rows')} as r"
            f" join (select * from {room.name('everyone')}{inside}) as e using (customer_id)"
        )
        own = f"spine_{low}"
        room.keep(own, [Step(own, sql, "rows")])
        self.spine = Step("spine", f"select * from {room.name(own)}", "rows")

    def columns(self, work: _Work) -> Iterable[Mapping[str, Sequence[NDArray[Any]]]]:
        """Columns of a family, an array a date."""
        if work.grouping is not None and work.grouping.asks:
            yield self._added(work.grouping, work)
        if work.rest:
            yield self._fetched(work.steps, work.rest)

    def _added(self, grouping: Grouping, work: _Work) -> dict[str, Sequence[NDArray[Any]]]:
        """Add up windows, compute the columns."""
        count = self.high - self.low
        totals = grouping.totals(work.numbered(self.low, self.high), count) if grouping.added else {}
        totals |= self._counts(grouping)
        dates = len(self.rows.dates)
        as_of = np.repeat(self.rows.dates, self.high - self.low)
        frame = _frame({name: values.reshape(-1) for name, values in totals.items()}, as_of)
        return {ask.column: self._picked(_value(ask, grouping, frame).reshape(dates, -1)) for ask in grouping.asks}

    def _picked(self, values: NDArray[Any]) -> Sequence[NDArray[Any]]:
        """From (date, customer) to the rows of the spine."""
        found = []
        for date, place in zip(values, self.slices, strict=True):
            whole = place.stop - place.start == self.high - self.low
            found.append(date if whole else date[self.rows.customer[place] - self.low])
        return found

    def _counts(self, grouping: Grouping) -> dict[str, NDArray[Any]]:
        """Distinct counts over every window asked for."""
        records = grouping.records
        found: dict[str, NDArray[Any]] = {}
        for count in distinct_counts(records.family.name, grouping.sums.values(), records.shared):
            steps = count.steps(records)
            columns = [one.window(w) for one in count.sums for w in records.calendar.windows]
            table, date = self._numbered(steps, columns)
            for name in columns:
                values = np.zeros((len(self.rows.dates), self.high - self.low))
                values[date, table["no"].to_numpy()] = table[name].to_numpy()
                found[name] = values
        return found

    def _numbered(self, steps: Sequence[Step], columns: Sequence[str]) -> tuple[pa.Table, NDArray[np.intp]]:
        """Rows of the last step that stand in the spine, by number of the customer, and the number of their dates."""
        name = steps[-1].name
        listed = columns_sql(["s.no", f"s.{AS_OF}", *(f"f.{c}" for c in columns)])
        on = f"f.customer_id = s.customer_id and f.{AS_OF} = s.{AS_OF}"
        last = Step("numbered", f"select\n    {listed}\nfrom spine as s join {name} as f on {on}", "by number")
        table = self.room.arrow(with_sql([self.spine, *steps, last], self.condition))
        return table, self.rows.date_numbers(table)

    def _fetched(self, steps: Sequence[Step], asks: Sequence[Ask]) -> dict[str, Sequence[NDArray[Any]]]:
        """Columns that the database has finished."""
        names = [ask.column for ask in asks]
        table, date = self._numbered(steps, names)
        order = np.lexsort((table["no"].to_numpy(), date))
        ends = np.cumsum([place.stop - place.start for place in self.slices])[:-1]
        return {name: np.split(table[name].to_numpy()[order], ends) for name in names}


def _value(ask: Ask, grouping: Grouping, frame: pd.DataFrame) -> NDArray[Any]:
    """A column from the totals it is made of."""
    expression = ask.feature.expression.over(lambda a: grouping.sums[ask.slice, a].window(ask.window))
    if expression.text in frame:
        values = frame[expression.text].to_numpy()
        return filled(values, ask.feature.missing) if values.dtype.kind == "f" else values
    return filled(expression.numpy(frame), ask.feature.missing)
