"""The context of a feature function: its tables, the as-of dates, and the rows that each date may see.

>>> from datetime import date
>>> from custintel.functions.function_registry import Reads
>>> bills = Relation("bills", frozenset({"customer_id", "bill_id", "amount", "event_date", "visible_date"}))
>>> reads = {"bills": Reads("bills", required=("bill_id", "amount"), optional=("due_date",))}
>>> print(FunctionContext("arrears", reads, {"bills": bills}, (date(2025, 6, 30),)).rows_sql("bills"))
select
    t.customer_id,
    date '2025-06-30' as as_of,
    t.event_date,
    t.bill_id,
    t.amount,
    cast(null as date) as due_date
from bills as t
where t.event_date <= date '2025-06-30'
    and t.visible_date <= date '2025-06-30'
    and t.customer_id in (select customer_id from spine)
    and 'chunk' = 'of customers'

The last line is where large work is cut: the builder writes a range of customers there, or nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Protocol

from custintel.contracts.own_contracts import known_tables
from custintel.engines.engine import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.functions.function_registry import Reads


CHUNK_FILTER = "'chunk' = 'of customers'"
"""Stands where the records of some customers only may be asked for; the builder writes the condition, or nothing."""


@dataclass(frozen=True)
class Step:
    """A SELECT with a name, and what it is for."""

    name: str
    sql: str
    about: str


_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


class SourceTable(Protocol):
    """A table at hand."""

    @property
    def relation(self) -> str:
        """Its name in FROM."""

    @property
    def columns(self) -> frozenset[str]:
        """Its columns."""


@dataclass(frozen=True)
class Relation:
    """A table at hand: its name in FROM and its columns."""

    relation: str
    columns: frozenset[str]


@dataclass(frozen=True)
class FunctionContext:
    """What a feature function works with: its tables and the as-of dates.

    Attributes
    ----------
    name
        The family's name; names of steps begin with it.
    reads
        What was declared, by table.
    tables
        The tables at hand.
    dates
        The as-of dates, ascending.
    """

    name: str
    reads: Mapping[str, Reads]
    tables: Mapping[str, SourceTable]
    dates: tuple[date, ...]

    def step(self, name: str, sql: str, about: str) -> Step:
        """A step under a name that no other family uses; in SQL it is ``{context.name}_{name}``."""
        return Step(f"{self.name}_{name}", sql, f"{self.name}: {about}")

    def rows_sql(self, table: str, days: int | None = None, all_customers: bool = False) -> str:
        """One row a record *and date*: what had happened and arrived by the date.

        Columns are ``customer_id``, ``as_of``, ``event_date`` and those declared; a value that is written later than
        its row is missing until it is known.

        Parameters
        ----------
        table
            A declared table with a time.
        days
            Look-back; by default the one declared.
        everyone
            Whether rows of customers are seen for whom nothing is asked.
        """
        look_back = self.reads[table].days if days is None else days
        seen = _VisibleRows(self.dates, look_back)
        own = ["customer_id"] if "customer_id" in self.tables[table].columns else []
        picked = [*(f"t.{name}" for name in own), f"{seen.day} as as_of", "t.event_date"]
        picked += [self._column(table, name, seen.day) for name in self._names(table)]
        asked = [] if all_customers or not own else ["t.customer_id in (select customer_id from spine)", CHUNK_FILTER]
        where = "\n    and ".join([*seen.conditions, *asked])
        body = ",\n    ".join(picked)
        return f"select\n    {body}\nfrom {self.tables[table].relation} as t{seen.join}\nwhere {where}"

    def reference_sql(self, table: str) -> str:
        """The declared columns of a list without a time, such as plans."""
        picked = ",\n    ".join(self._column(table, name, "") for name in self._names(table))
        return f"select\n    {picked}\nfrom {self.tables[table].relation} as t"

    def _names(self, table: str) -> list[str]:
        read = self.reads[table]
        whole = sorted(self.tables[table].columns - {"event_date"}) if read.whole else []
        return [name for name in (*read.required, *read.optional, *whole) if name != "customer_id"]

    def _column(self, table: str, name: str, day: str) -> str:
        contract = known_tables()[table].columns.get(name)
        known_at = contract.known_at if contract else None
        absent = name not in self.tables[table].columns or (known_at or name) not in self.tables[table].columns
        if absent:
            return f"cast(null as {contract.sql_type.lower() if contract else 'varchar'}) as {_name(name)}"
        if known_at and day:
            return f"case when cast(t.{_name(known_at)} as date) <= {day} then t.{_name(name)} end as {_name(name)}"
        return f"t.{_name(name)}"


@dataclass(frozen=True)
class _VisibleRows:
    """Which records are seen as of which date: one date stands in the text, several are joined."""

    dates: tuple[date, ...]
    days: int | None

    @property
    def day(self) -> str:
        return _date(self.dates[0]) if len(self.dates) == 1 else "d.as_of"

    @property
    def join(self) -> str:
        if len(self.dates) == 1:
            return ""
        selects = " union all\n".join(f"    select {self._row(day)}" for day in self.dates)
        return f" join (\n{selects}\n) as d on {' and '.join(self._range)}"

    @property
    def conditions(self) -> list[str]:
        """What stands in WHERE; with several dates the outer edges, so that a scan can skip what no date sees."""
        if len(self.dates) == 1:
            return self._range
        last = _date(self.dates[-1])
        first = [f"t.event_date > {_date(self.dates[0] - timedelta(days=self.days))}"] if self.days else []
        return [*first, f"t.event_date <= {last}", f"t.visible_date <= {last}"]

    @property
    def _range(self) -> list[str]:
        before = _date(self.dates[0] - timedelta(days=self.days or 0)) if len(self.dates) == 1 else "d.before"
        oldest = [f"t.event_date > {before}"] if self.days else []
        return [*oldest, f"t.event_date <= {self.day}", f"t.visible_date <= {self.day}"]

    def _row(self, day: date) -> str:
        before = f", {_date(day - timedelta(days=self.days))} as before" if self.days else ""
        return f"{_date(day)} as as_of{before}"


def _date(day: date) -> str:
    return f"date '{day.isoformat()}'"


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else quoted(name)
