"""The plan: from the columns asked for and the dates to steps of SQL, and how builder and plan look in a notebook.

Planning is pure: nothing is run here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from custintel.builder._computable_columns import FeatureRequest, computable_entries, requests_of
from custintel.builder._function_features import function_steps
from custintel.builder._unavailable_columns import UnavailableColumn, check_any, lost_to_tables, missing_by_table
from custintel.builder.aggregation._latest_and_previous_row import latest_row_steps, previous_row_steps
from custintel.builder.aggregation._raw_records import RawRecords
from custintel.builder.aggregation._two_level_aggregates import two_level_steps
from custintel.builder.aggregation._window_sql import output_sql, window_steps
from custintel.builder.aggregation.day_buckets import DayBuckets
from custintel.builder.sql_steps import columns_sql, with_sql
from custintel.expressions.parse import parse
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step
from custintel.html.notebook_html import code_block, collapsible, muted_line, panel, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from custintel.builder.source_tables import Sources
    from custintel.catalogue import Catalogue
    from custintel.catalogue.feature_family import Entry


_FIRST = 3


def builder_html(catalogue: Catalogue, title: str) -> str:
    """Families with their columns, and every column with its meaning to be unfolded."""
    entries = catalogue.entries()
    own = {family.name: [e for e in entries if e.family == family.name] for family in catalogue.families}
    rows = [(f.name, len(own[f.name]), f.source, f.about, _first(own[f.name])) for f in catalogue.families]
    columns = [collapsible(f"{name}: {len(of)} columns", _columns_table(of)) for name, of in own.items()]
    return panel(
        title,
        table(["family", "columns", "source", "about", "first columns"], rows),
        collapsible("all columns", "".join(columns)),
        muted_line('find one: builder.describe("bill"), builder.describe("账单"); all of them: builder.describe()'),
    )


def _first(entries: Sequence[Entry]) -> str:
    return ", ".join(e.column for e in entries[:_FIRST]) + (", ..." if len(entries) > _FIRST else "")


def _columns_table(entries: Iterable[Entry]) -> str:
    rows = [(e.column, e.about, e.about_zh, e.unit, _missing(e)) for e in entries]
    return table(["column", "about", "含义", "unit", "missing"], rows)


def _missing(entry: Entry) -> str:
    return "stays missing" if entry.missing is None else f"{entry.missing:g}"


def plan_html(plan: Plan, title: str) -> str:
    """Families with their buckets and steps; the SQL of each step to be unfolded."""
    counts = {name: sum(e.family == name and e.kind != "derived" for e in plan.entries) for name in plan.families}
    rows = [(name, plan.bucket_counts.get(name), counts[name], len(steps)) for name, steps in plan.families.items()]
    derived = sum(e.kind == "derived" for e in plan.entries)
    parts = {"rows that come out": plan.spine, **plan.families, "all columns side by side": (plan.last,)}
    sql = [collapsible(f"{name}: {len(steps)} steps", _steps_html(steps)) for name, steps in parts.items()]
    return panel(
        title,
        table(["family", "time buckets", "columns", "steps"], rows),
        muted_line(f"{derived} columns are derived from these") if derived else "",
        collapsible("SQL, step by step", "".join(sql)),
        collapsible(f"{len(plan.skipped)} columns left out", table(["column", "why"], plan.skipped.items())),
        muted_line("one statement: plan.sql()"),
    )


def _steps_html(steps: Sequence[Step]) -> str:
    return "".join(collapsible(f"{step.name}: {step.about}", code_block(step.sql)) for step in steps)


_WRITERS = {
    "window": window_steps,
    "sequence": previous_row_steps,
    "gathered": two_level_steps,
    "latest": latest_row_steps,
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
    bucket_counts
        Number of time buckets of each family.
    family_requests
        The columns asked of each family, and the records they are asked of.
    """

    dates: tuple[date, ...]
    entries: tuple[Entry, ...]
    unavailable: Mapping[str, UnavailableColumn]
    spine: tuple[Step, ...]
    family_requests: Mapping[str, tuple[tuple[FeatureRequest, ...], RawRecords]] = field(repr=False)
    last: Step
    bucket_counts: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def families(self) -> Mapping[str, tuple[Step, ...]]:
        """The steps of each family, all in SQL; written when they are asked for."""
        return {name: self.steps_of(name) for name in self.family_requests}

    def steps_of(self, family: str) -> tuple[Step, ...]:
        """The steps of one family."""
        return tuple(_family_steps(*self.family_requests[family]))

    @cached_property
    def skipped(self) -> Mapping[str, str]:
        """Columns that cannot be answered here, and why."""
        return {column: found.why for column, found in self.unavailable.items()}

    @property
    def left_out(self) -> list[str]:
        """What cannot be answered here, a line for each table that is not there."""
        return missing_by_table(lost_to_tables(self.unavailable.values()))

    @property
    def lost_to_tables(self) -> int:
        """How many columns the lines of `left_out` speak of."""
        return len(lost_to_tables(self.unavailable.values()))

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
            lines.append(f"  {name}: {self.bucket_counts[name]} buckets, {self._count(name)} columns")
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
    bucket_counts: dict[str, int] = {}
    family_requests: dict[str, tuple[tuple[FeatureRequest, ...], RawRecords]] = {}
    for family in catalogue.families:
        requests = requests_of(family, entries)
        if requests:
            buckets = _day_buckets(requests, dates)
            family_requests[family.name] = tuple(requests), RawRecords(family, sources, buckets, only_spine)
            bucket_counts[family.name] = len({bucket for bucket, *_ in buckets.rows()})
    last = _last_step(entries, list(family_requests))
    return Plan(tuple(dates), entries, unavailable, tuple(spine), family_requests, last, bucket_counts)


def available(catalogue: Catalogue, sources: Sources) -> tuple[tuple[Entry, ...], dict[str, UnavailableColumn]]:
    """The columns of a catalogue that the tables at hand can answer, and those that they cannot."""
    entries, skipped = computable_entries(catalogue.families, catalogue.entries(), sources)
    unavailable = {column: UnavailableColumn("", why) for column, why in catalogue.left_out} | skipped
    return entries, unavailable


def _day_buckets(requests: Sequence[FeatureRequest], dates: Sequence[date]) -> DayBuckets:
    return DayBuckets(tuple(dates), tuple(sorted({request.window for request in requests if request.window})))


def _family_steps(requests: Sequence[FeatureRequest], records: RawRecords) -> list[Step]:
    return _WRITERS[records.family.kind](requests, records)


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
    return f"{output_sql(parse(entry.expression).sql(), entry.unit, entry.missing)} as {entry.column}"


def _levels(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Derived columns by depth: each level reads only what comes before it."""
    depth: dict[str, int] = {}
    levels: dict[int, list[Entry]] = {}
    for entry in entries:
        if entry.kind == "derived":
            depth[entry.column] = 1 + max((depth.get(c, 0) for c in parse(entry.expression).columns), default=0)
            levels.setdefault(depth[entry.column], []).append(entry)
    return [levels[d] for d in sorted(levels)]
