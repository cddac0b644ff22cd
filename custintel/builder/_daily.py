"""Partial aggregates by day: what a day's records come to, kept so that tomorrow costs tomorrow's records.

A row stands for a customer (and second key), the day on which something happened and the day on which it was seen. A
record that arrives late is in the rows of the day it arrived, so a day that is over changes only when history is
rewritten. As of a date, days are merged into buckets, and from there on the steps are those of a build without
them; sums of fractions may differ in their last digits, since they were added up by day first.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from custintel.builder._calendar import date_sql
from custintel.builder._sources import Sources, name_sql
from custintel.builder._steps import columns_sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from custintel.builder._parts import Part
    from custintel.builder._records import Records
    from custintel.catalogue import Family

__all__ = ["Daily", "DailySources"]

EVENT, SEEN = "event_day", "visible_day"


@dataclass(frozen=True)
class Daily:
    """What is kept a day of one family.

    Attributes
    ----------
    columns
        Columns of the records that are read.
    parts
        Partial aggregates, over records and flags.
    flags
        Names and SQL of conditions that parts read.
    item
        SQL of the second key, if there is one.
    """

    records: Records
    columns: frozenset[str]
    parts: tuple[Part, ...]
    flags: Mapping[str, str] = field(default_factory=dict)
    item: str | None = None

    @property
    def days_back(self) -> int:
        """How far back an event may lie on the day it is seen and still matter."""
        return max(self.records.calendar.windows)

    @property
    def digest(self) -> str:
        """Changes when the definition does."""
        text = f"{self.sql([])} {self.days_back}".replace(self.records.sources[self.records.family.source].relation, "")
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def sql(self, days: Sequence[date]) -> str:
        """The rows of records seen on some days."""
        keys = ["customer_id", EVENT, SEEN, *(["item"] if self.item else [])]
        named = [*keys[:3], *([f"{self.item} as item"] if self.item else [])]
        body = columns_sql([*named, *(f"{part.sql} as {part.name}" for part in self.parts)])
        places = ", ".join(str(n) for n in range(1, len(keys) + 1))
        return f"select\n    {body}\nfrom (\n{self._flagged_sql(days)}\n) as r\ngroup by {places}"

    def _flagged_sql(self, days: Sequence[date]) -> str:
        flags = columns_sql(["r.*", *(f"({sql}) as {name}" for name, sql in self.flags.items())])
        family, sources = self.records.family, self.records.sources
        picked = [f"{sources.column(family, c)} as {name_sql(c)}" for c in sorted(self.columns)]
        days_of = [f"{sources.event_day(family)} as {EVENT}", f"{sources.visible_day(family)} as {SEEN}"]
        listed = ", ".join(map(date_sql, days)) or "null"
        where = f"{sources.visible_day(family)} in ({listed}) and {self.recent_sql()}"
        if self.item:
            where += f" and {sources.column(family, str(family.per))} is not null"
        rows = f"select\n    {columns_sql(['t.customer_id', *days_of, *picked])}"
        source = f"{sources.from_sql(family, sorted(self.columns))}\nwhere {where}"
        return f"select\n    {flags}\nfrom (\n{rows}\nfrom {source}\n) as r"

    def recent_sql(self) -> str:
        """Records that were not too old for any window when they were seen."""
        family, sources = self.records.family, self.records.sources
        return f"{sources.event_day(family)} > {sources.visible_day(family)} - {self.days_back}"


@dataclass(frozen=True)
class DailySources(Sources):
    """Kept days in the place of a family's table: a column is a part of that name."""

    relation: str = ""

    def event_day(self, family: Family) -> str:
        """The day on which it happened."""
        del family
        return f"t.{EVENT}"

    def visible_day(self, family: Family) -> str:
        """The day from which it may be seen."""
        del family
        return f"t.{SEEN}"

    def column(self, family: Family, name: str) -> str:
        """A part, or the second key."""
        del family
        return f"t.{name}"

    def from_sql(self, family: Family, columns: Iterable[str]) -> str:
        """The kept days."""
        del family, columns
        return f"{self.relation} as t"
