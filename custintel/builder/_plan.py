"""The plan: from the columns asked for and the dates to steps of SQL. Pure: nothing is run here."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from custintel.builder._asks import Ask, answerable, asks_of
from custintel.builder._calendar import Calendar
from custintel.builder._function import function_steps
from custintel.builder._gathered import gathered_steps
from custintel.builder._latest import latest_steps
from custintel.builder._records import Records
from custintel.builder._sequence import sequence_steps
from custintel.builder._shown import plan_html
from custintel.builder._steps import Step, columns_sql, with_sql
from custintel.builder._unavailable import Unavailable, by_tables, check_any, grouped_words
from custintel.builder._window import finished_sql, window_steps
from custintel.expressions import AS_OF, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from custintel.builder._sources import Sources
    from custintel.catalogue import Catalogue, Entry

__all__ = ["Plan", "available", "make_plan"]

_WRITERS = {
    "window": window_steps,
    "sequence": sequence_steps,
    "gathered": gathered_steps,
    "latest": latest_steps,
    "function": function_steps,
}


@dataclass(frozen=True)
class Plan:
    """How features are built: the spine, the steps of each family, and the putting together.

    Attributes
    ----------
    dates
        As-of dates, ascending.
    entries
        The columns that come out, in order.
    unavailable
        Columns that cannot be answered here: why, and what would have to be there.
    spine, last
        Steps: the rows that come out, and all columns side by side.
    buckets
        Number of time buckets of each family.
    questions
        What is asked of each family, and of which records.
    """

    dates: tuple[date, ...]
    entries: tuple[Entry, ...]
    unavailable: Mapping[str, Unavailable]
    spine: tuple[Step, ...]
    questions: Mapping[str, tuple[tuple[Ask, ...], Records]] = field(repr=False)
    last: Step
    buckets: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def families(self) -> Mapping[str, tuple[Step, ...]]:
        """The steps of each family, all in SQL; written when they are asked for."""
        return {name: self.steps_of(name) for name in self.questions}

    def steps_of(self, family: str) -> tuple[Step, ...]:
        """The steps of one family."""
        return tuple(_family_steps(*self.questions[family]))

    @cached_property
    def skipped(self) -> Mapping[str, str]:
        """Columns that cannot be answered here, and why."""
        return {column: found.why for column, found in self.unavailable.items()}

    @property
    def left_out(self) -> list[str]:
        """What cannot be answered here, a line for each table that is not there."""
        return grouped_words(by_tables(self.unavailable.values()))

    @property
    def lost_to_tables(self) -> int:
        """How many columns the lines of `left_out` speak of."""
        return len(by_tables(self.unavailable.values()))

    @property
    def columns(self) -> list[str]:
        """Names of the columns that come out."""
        return [entry.column for entry in self.entries]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in the order in which they can be run."""
        return (*self.spine, *(step for steps in self.families.values() for step in steps), self.last)

    def sql(self) -> str:
        """One statement that gives all columns of all rows."""
        return with_sql(self.steps) + f"\norder by {AS_OF}, customer_id"

    def __repr__(self) -> str:
        days = ", ".join(str(day) for day in self.dates)
        lines = [f"Plan as of {days}: {len(self.entries)} columns, {len(self.skipped)} left out"]
        for name, steps in self.families.items():
            lines.append(f"  {name}: {self.buckets[name]} buckets, {self._count(name)} columns")
            lines += [f"    {step.name:<32} {step.about}" for step in steps if not step.name.startswith("buckets_")]
        return "\n".join(lines)

    def _count(self, family: str) -> int:
        return sum(e.family == family and e.kind != "derived" for e in self.entries)

    def _repr_html_(self) -> str:
        return plan_html(self, repr(self).splitlines()[0])


def make_plan(
    catalogue: Catalogue, sources: Sources, dates: Sequence[date], spine: Sequence[Step], only_spine: bool = False
) -> Plan:
    """The plan of a catalogue's columns for tables at hand and dates (ascending)."""
    entries, unavailable = available(catalogue, sources)
    check_any(entries, unavailable)
    buckets: dict[str, int] = {}
    questions: dict[str, tuple[tuple[Ask, ...], Records]] = {}
    for family in catalogue.families:
        asks = asks_of(family, entries)
        if asks:
            calendar = _calendar(asks, dates)
            questions[family.name] = tuple(asks), Records(family, sources, calendar, only_spine)
            buckets[family.name] = len({bucket for bucket, *_ in calendar.rows()})
    last = _last_step(entries, list(questions))
    return Plan(tuple(dates), entries, unavailable, tuple(spine), questions, last, buckets)


def available(catalogue: Catalogue, sources: Sources) -> tuple[tuple[Entry, ...], dict[str, Unavailable]]:
    """The columns of a catalogue that the tables at hand can answer, and those that they cannot."""
    entries, skipped = answerable(catalogue.families, catalogue.entries(), sources)
    unavailable = {column: Unavailable("", why) for column, why in catalogue.left_out} | skipped
    return entries, unavailable


def _calendar(asks: Sequence[Ask], dates: Sequence[date]) -> Calendar:
    return Calendar(tuple(dates), tuple(sorted({ask.window for ask in asks if ask.window})))


def _family_steps(asks: Sequence[Ask], records: Records) -> list[Step]:
    return _WRITERS[records.family.kind](asks, records)


def _last_step(entries: Sequence[Entry], families: Sequence[str]) -> Step:
    """All families side by side, then derived columns, level by level."""
    base = [e for e in entries if e.kind != "derived"]
    columns = [f"{e.family}_features.{e.column}" for e in base]
    joins = "\n".join(
        f"left join {f}_features on {f}_features.customer_id = s.customer_id and {f}_features.{AS_OF} = s.{AS_OF}"
        for f in families
    )
    sql = f"select\n    {columns_sql(['s.customer_id', f's.{AS_OF}', *columns])}\nfrom spine as s\n{joins}"
    for level in _levels(entries):
        sql = f"select\n    {columns_sql(['f.*', *map(_derived_sql, level)])}\nfrom (\n{sql}\n) as f"
    names = columns_sql(["customer_id", AS_OF, *(e.column for e in entries)])
    return Step("features", f"select\n    {names}\nfrom (\n{sql}\n) as f", "all columns side by side")


def _derived_sql(entry: Entry) -> str:
    return f"{finished_sql(parse(entry.expression).sql(), entry.unit, entry.missing)} as {entry.column}"


def _levels(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Derived columns by depth: each level reads only what comes before it."""
    depth: dict[str, int] = {}
    levels: dict[int, list[Entry]] = {}
    for entry in entries:
        if entry.kind == "derived":
            depth[entry.column] = 1 + max((depth.get(c, 0) for c in parse(entry.expression).columns), default=0)
            levels.setdefault(depth[entry.column], []).append(entry)
    return [levels[d] for d in sorted(levels)]
