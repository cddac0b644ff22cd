"""Running a plan on the embedded engine: the database groups and joins, arrays add up windows and finish columns.

Customers are numbered in order of their names. Large work is cut into ranges of customers; a table that is stored by
customer is then read once in all, because every range reads only its own rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from custintel.builder._distinct import distinct_counts
from custintel.builder._partials import Grouping
from custintel.builder._steps import Step, columns_sql, with_sql
from custintel.builder._window import window_steps
from custintel.engines import literal
from custintel.expressions import AS_OF, parse
from custintel.progress import track

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from custintel.builder._asks import Ask
    from custintel.builder._plan import Plan
    from custintel.builder._records import Records
    from custintel.builder._room import Room
    from custintel.catalogue import Entry

__all__ = ["run_here"]

CELLS = 40_000_000
"""Output cells (rows x columns) worked on at a time; it bounds the memory of the widest step."""


def run_here(plan: Plan, room: Room) -> pa.Table:
    """Rows of the spine with all columns, ordered by date and customer."""
    rows = _Rows.of(plan, room)
    found = _Columns(rows, plan.entries)
    parts = max(1, math.ceil(rows.count * len(plan.columns) / CELLS))
    for part, (low, high) in enumerate(rows.ranges(parts), 1):
        part_of = _Part(plan, room, rows, low, high)
        about = "building features" + (f", part {part} of {parts}" if parts > 1 else "")
        for family in track(list(plan.families), about):
            for positions, columns in part_of.columns(family):
                found.put(positions, columns)
    return found.table()


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
        numbered = "select customer_id, row_number() over (order by customer_id) - 1 as no from (select distinct customer_id from everyone)"
        room.keep("everyone", [Step("everyone", f"select * from {room.name('all_rows')}", ""), Step("n", numbered, "")])
        names = room.arrow(f"select customer_id from {room.name('everyone')} order by no")["customer_id"]
        keys = room.arrow(
            f"select r.{AS_OF}, cast(e.no as integer) as no from {room.name('all_rows')} as r"
            f" join {room.name('everyone')} as e using (customer_id) order by 1, 2"
        )
        dates = np.array(plan.dates, dtype="datetime64[D]")
        days = keys[AS_OF].to_numpy().astype("datetime64[D]")
        date = np.searchsorted(dates, days).astype(np.int32)
        return cls(names.combine_chunks(), dates, date, keys["no"].to_numpy().astype(np.int32))

    @property
    def count(self) -> int:
        return len(self.date)

    def ranges(self, parts: int) -> list[tuple[int, int]]:
        """Ranges of customers of about the same size."""
        edges = np.linspace(0, len(self.names), parts + 1).astype(int).tolist()
        return [(low, high) for low, high in zip(edges[:-1], edges[1:], strict=True) if high > low]

    @cached_property
    def _starts(self) -> NDArray[np.intp]:
        return np.searchsorted(self.date, np.arange(len(self.dates) + 1))

    def positions(self, low: int, high: int) -> NDArray[np.intp]:
        """Where the rows of a range of customers stand, in order."""
        found = []
        for begin, end in zip(self._starts[:-1], self._starts[1:], strict=True):
            first, last = np.searchsorted(self.customer[begin:end], [low, high])
            found.append(np.arange(begin + first, begin + last))
        return np.concatenate(found)

    @property
    def as_of(self) -> NDArray[np.datetime64]:
        """The date of each row."""
        return self.dates[self.date]


class _Columns:
    """The columns on their way out: numbers in one array each, texts as objects."""

    def __init__(self, rows: _Rows, entries: Sequence[Entry]) -> None:
        self.rows, self.entries = rows, entries
        self.numbers = np.empty((len(entries), rows.count))
        self.place = {entry.column: number for number, entry in enumerate(entries)}
        self.texts = {e.column: np.full(rows.count, None, dtype=object) for e in entries if e.unit == "category"}

    def put(self, positions: NDArray[np.intp], columns: Mapping[str, NDArray[Any]]) -> None:
        """Write values at the positions of their rows."""
        for name, values in columns.items():
            self._target(name)[positions] = values

    def _target(self, name: str) -> NDArray[Any]:
        return self.texts[name] if name in self.texts else self.numbers[self.place[name]]

    def table(self) -> pa.Table:
        """All columns, the derived ones computed now."""
        for entry in self.entries:
            if entry.kind == "derived":
                self._derive(entry)
        keys = {AS_OF: pa.array(self.rows.as_of), "customer_id": self.rows.names.take(pa.array(self.rows.customer))}
        columns = {entry.column: self._arrow(entry) for entry in self.entries}
        return pa.table({"customer_id": keys["customer_id"], AS_OF: keys[AS_OF], **columns})

    def _derive(self, entry: Entry) -> None:
        expression = parse(entry.expression)
        read = {name: self._target(name) for name in expression.columns}
        values = expression.numpy(_frame(read, self.rows.as_of))
        self._target(entry.column)[:] = filled(values, entry.missing)

    def _arrow(self, entry: Entry) -> pa.Array:
        if entry.column in self.texts:
            return pa.array(self.texts[entry.column], pa.string())
        return pa.array(self.numbers[self.place[entry.column]])


def _frame(columns: Mapping[str, NDArray[Any]], as_of: NDArray[np.datetime64]) -> pd.DataFrame:
    return pd.DataFrame({**columns, AS_OF: as_of.astype("datetime64[s]")}, copy=False)


def filled(values: NDArray[Any], missing: float | None) -> NDArray[Any]:
    """Values as they leave the builder: what is missing becomes what the catalogue says."""
    if missing is None:
        return values
    return np.where(np.isnan(values), missing, values)


class _Part:
    """Some customers: their records, their rows."""

    def __init__(self, plan: Plan, room: Room, rows: _Rows, low: int, high: int) -> None:
        self.plan, self.room, self.rows, self.low, self.high = plan, room, rows, low, high
        self.positions = rows.positions(low, high)
        every = (low, high) == (0, len(rows.names))
        names = [literal(rows.names[n].as_py()) for n in (low, high - 1)]
        self.condition = "" if every else f"t.customer_id between {names[0]} and {names[1]}"
        inside = f" where no >= {low} and no < {high}"
        sql = (
            f"select r.customer_id, r.{AS_OF}, e.no - {low} as no from {room.name('all_rows')} as r"
            f" join (select * from {room.name('everyone')}{inside}) as e using (customer_id)"
        )
        room.keep("spine", [Step("spine", sql, "rows")])

    def columns(self, family: str) -> Iterable[tuple[NDArray[np.intp], Mapping[str, NDArray[Any]]]]:
        """Columns of a family with the positions of their rows."""
        asks, records = self.plan.questions[family]
        if records.family.kind != "window":
            yield self._fetched(family, self.plan.families[family], asks)
            return
        grouping = self._grouping(asks, records)
        rest = [ask for ask in asks if ask not in set(grouping.asks)]
        if grouping.asks:
            yield self.positions, self._added(grouping)
        if rest:
            yield self._fetched(family, window_steps(rest, records), rest)

    def _grouping(self, asks: Sequence[Ask], records: Records) -> Grouping:
        grouping = Grouping.of(asks, records)
        if not grouping.added:
            return grouping
        types = self.room.engine.columns(f"({with_sql([self.room.step('spine'), grouping.partials()])})")
        return Grouping.of(asks, records, {name for name, kind in types.items() if kind == "VARCHAR"})

    def _added(self, grouping: Grouping) -> dict[str, NDArray[Any]]:
        """Group once, add up windows, compute the columns."""
        totals = self._totals(grouping) | self._counts(grouping)
        dates = len(self.rows.dates)
        as_of = np.repeat(self.rows.dates, self.high - self.low)
        frame = _frame({name: values.reshape(-1) for name, values in totals.items()}, as_of)
        return {ask.column: self._picked(_value(ask, grouping, frame).reshape(dates, -1)) for ask in grouping.asks}

    def _picked(self, values: NDArray[Any]) -> NDArray[Any]:
        """From (date, customer) to the rows of the spine."""
        return values[self.rows.date[self.positions], self.rows.customer[self.positions] - self.low]

    def _totals(self, grouping: Grouping) -> dict[str, NDArray[Any]]:
        if not grouping.added:
            return {}
        partials = grouping.partials()
        people = f"select distinct customer_id, no from {self.room.name('spine')}"
        joined = f"select e.no, g.* exclude (customer_id) from {partials.name} as g join ({people}) as e using (customer_id)"
        steps = [self.room.step("spine"), partials, Step("numbered", joined, "by number")]
        return grouping.totals(self.room.arrow(with_sql(steps, self.condition)), self.high - self.low)

    def _counts(self, grouping: Grouping) -> dict[str, NDArray[Any]]:
        """Distinct counts over every window asked for."""
        records = grouping.records
        found: dict[str, NDArray[Any]] = {}
        for count in distinct_counts(records.family.name, grouping.sums.values(), records.shared):
            steps = count.steps(records)
            columns = [one.window(w) for one in count.sums for w in records.calendar.windows]
            table = self._numbered(steps, columns)
            date = np.searchsorted(self.rows.dates, table[AS_OF].to_numpy().astype("datetime64[D]"))
            for name in columns:
                values = np.zeros((len(self.rows.dates), self.high - self.low))
                values[date, table["no"].to_numpy()] = table[name].to_numpy()
                found[name] = values
        return found

    def _numbered(self, steps: Sequence[Step], columns: Sequence[str]) -> pa.Table:
        """Rows of the last step that stand in the spine, by number of the customer."""
        name = steps[-1].name
        listed = columns_sql(["s.no", f"s.{AS_OF}", *(f"f.{c}" for c in columns)])
        on = f"f.customer_id = s.customer_id and f.{AS_OF} = s.{AS_OF}"
        last = Step("numbered", f"select\n    {listed}\nfrom spine as s join {name} as f on {on}", "by number")
        return self.room.arrow(with_sql([self.room.step("spine"), *steps, last], self.condition))

    def _fetched(
        self, family: str, steps: Sequence[Step], asks: Sequence[Ask]
    ) -> tuple[NDArray[np.intp], dict[str, NDArray[Any]]]:
        """Columns that the database has finished."""
        names = [ask.column for ask in asks]
        table = self._numbered(steps, names)
        date = np.searchsorted(self.rows.dates, table[AS_OF].to_numpy().astype("datetime64[D]"))
        order = np.lexsort((table["no"].to_numpy(), date))
        return self.positions, {name: table[name].to_numpy()[order] for name in names}


def _value(ask: Ask, grouping: Grouping, frame: pd.DataFrame) -> NDArray[Any]:
    """A column from the totals it is made of."""
    expression = ask.feature.expression.over(lambda a: grouping.sums[ask.slice, a].window(ask.window))
    if expression.text in frame:
        values = frame[expression.text].to_numpy()
        return filled(values, ask.feature.missing) if values.dtype.kind == "f" else values
    return filled(expression.numpy(frame), ask.feature.missing)
