"""The tables that features read: their columns, their times, and the tables joined to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from custintel.contracts.own_contracts import known_tables
from custintel.expressions.whitelist import AS_OF

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from custintel.catalogue.feature_family import Family
    from custintel.contracts.table_contracts import TableContract
    from custintel.warehouse import Warehouse


_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_DERIVED = ("event_date", "visible_date")
_DERIVED_USAGE = ("weekday", "hour", "is_weekend", "is_night")


def name_sql(name: str) -> str:
    """A column name as SQL, quoted only when it must be.

    >>> name_sql("amount"), name_sql("Monthly Fee")
    ('amount', '"Monthly Fee"')
    """
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Source:
    """One table at hand: its name in FROM, its columns, and those of its times that are days."""

    name: str
    relation: str
    columns: frozenset[str]
    days_only: frozenset[str] = frozenset()
    contract: TableContract | None = None

    @property
    def event_time(self) -> str:
        """The contract's time column."""
        contract = self.contract or known_tables().get(self.name)
        return (contract.event_time if contract else None) or "event_time"

    @property
    def holds_days(self) -> bool:
        """Whether its events have no time of day."""
        return self.event_time in self.days_only


@dataclass(frozen=True)
class Sources:
    """All tables at hand, by name; and by family what Python functions answered."""

    tables: Mapping[str, Source] = field(default_factory=dict)
    function_results: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.tables

    def __getitem__(self, name: str) -> Source:
        return self.tables[name]

    def columns(self, family: Family) -> frozenset[str]:
        """Every column that a family's expressions may read here."""
        joined = (self.tables[t].columns for t in family.join if t in self.tables)
        return self.tables[family.source].columns.union({AS_OF}, *joined)

    def days_only(self, family: Family) -> frozenset[str]:
        """Columns of times that a family's expressions may read here, and that hold days."""
        own = self.tables[family.source]
        joined = (self.tables[t].days_only - own.columns for t in family.join if t in self.tables)
        return own.days_only.union(*joined)

    def time(self, family: Family) -> str:
        """The family's time column: its own, or that of the contract."""
        return family.time or self.tables[family.source].event_time

    def event_day(self, family: Family) -> str:
        """The day on which a row of the family happened."""
        time = self.time(family)
        return "t.event_date" if time == self.tables[family.source].event_time else f"cast(t.{name_sql(time)} as date)"

    def visible_day(self, family: Family) -> str:
        """The day from which a row of the family may be seen."""
        days = ["t.visible_date", *(f"{table}.visible_date" for table in family.join if self.is_daily(table))]
        days += [] if self.time(family) == self.tables[family.source].event_time else [self.event_day(family)]
        return days[0] if len(days) == 1 else f"greatest({', '.join(days)})"

    def arrival(self, family: Family) -> str:
        """The moment a row arrived; the moment it happened where nothing else is known."""
        time = f"t.{name_sql(self.time(family))}"
        contract = self._contract(family.source)
        name = contract.arrival_time if contract else None
        known = name is not None and name in self.tables[family.source].columns
        return f"coalesce(t.{name}, {time})" if known else time

    def column(self, family: Family, name: str) -> str:
        """A column with the alias of the table it comes from; the source's own come first."""
        if name in self.tables[family.source].columns:
            return f"t.{name_sql(name)}"
        for table in family.join:
            if table in self.tables and name in self.tables[table].columns:
                return f"{table}.{name_sql(name)}"
        raise KeyError(name)

    def _contract(self, table: str) -> TableContract | None:
        """The contract of a table: that of the table at hand, else the one known by this name."""
        here = self.tables[table].contract if table in self.tables else None
        return here or known_tables().get(table)

    def is_daily(self, table: str) -> bool:
        """Whether a table has one row a key and day, so that it is looked up on the day of a row."""
        contract = self._contract(table)
        return contract is not None and contract.event_time is not None and contract.key[1:] == (contract.event_time,)

    def has_events(self, table: str) -> bool:
        """Whether a table has rows of customers, with a time."""
        contract = self._contract(table)
        return contract is not None and contract.event_time is not None and "customer_id" in contract.columns

    def from_sql(self, family: Family, columns: Iterable[str]) -> str:
        """``usage as t left join plans as plans on ...``, with only the joins that are needed.

        A table of one row a key and day is looked up on the day of the row; a row without its partner does not count,
        whatever is read, so that all columns of a family are about the same rows.
        """
        text = f"{self.tables[family.source].relation} as t"
        needed = {self.column(family, c).split(".")[0] for c in columns}
        for table, key in family.join.items():
            contract = self._contract(table)
            is_daily = self.is_daily(table)
            if contract is not None and (table in needed or is_daily):
                there = contract.key[0]
                kind = "join" if is_daily else "left join"
                text += f" {kind} {self.tables[table].relation} as {table}"
                text += f" on {table}.{name_sql(there)} = t.{name_sql(key)}"
                text += f" and {table}.event_date = {self.event_day(family)}" if is_daily else ""
        return text


def warehouse_sources(wh: Warehouse, plain: bool = False) -> Sources:
    """The tables and columns a warehouse has; ``plain`` names, without the places of its engine, are for others."""
    return Sources({t: _source(wh, t, t if plain else wh.relation(t)) for t in wh.tables})


def _source(wh: Warehouse, table: str, relation: str) -> Source:
    return Source(
        table, relation, frozenset(wh.columns(table)), frozenset(wh.report[table].days_only), wh.contracts[table]
    )


def contract_sources() -> Sources:
    """All tables and columns of the contracts, under their own names."""
    return Sources(
        {name: Source(name, name, _contract_columns(of), contract=of) for name, of in known_tables().items()}
    )


def _contract_columns(contract: TableContract) -> frozenset[str]:
    added = _DERIVED if contract.event_time else ()
    return frozenset(contract.columns) | set(added) | set(_DERIVED_USAGE if contract.name == "usage" else ())
