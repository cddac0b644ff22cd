"""What the contracts say about tables, as far as the catalogue needs it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from custintel.contracts import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.contracts import TableContract

__all__ = ["TableFacts", "table_facts"]

# what the warehouse adds to every clean table with a time, and to usage
_ADDED = frozenset({"event_date", "visible_date"})
_ADDED_TO_USAGE = frozenset({"weekday", "hour", "is_weekend", "is_night"})


@dataclass(frozen=True)
class TableFacts:
    """Columns of a clean table: those of the contract and those the warehouse adds."""

    name: str
    columns: frozenset[str]
    known_at: Mapping[str, str]
    times: frozenset[str]
    key: tuple[str, ...]
    event_time: str | None
    has_arrival: bool

    @property
    def can_be_source(self) -> bool:
        """Whether features can be asked of it: rows of customers, with a time."""
        return "customer_id" in self.columns and self.event_time is not None

    @property
    def can_be_joined(self) -> bool:
        """Whether it is a list that nothing arrives in (one key, no arrival time), or has one row a key and day."""
        is_list = len(self.key) == 1 and not self.has_arrival
        return is_list or (self.event_time is not None and self.key[1:] == (self.event_time,))


@lru_cache(maxsize=1)
def table_facts() -> Mapping[str, TableFacts]:
    """Facts about every table of the contracts."""
    return {name: _facts(contract) for name, contract in TABLES.items()}


def _facts(contract: TableContract) -> TableFacts:
    own = contract.columns
    added = _ADDED if contract.event_time else frozenset[str]()
    added |= _ADDED_TO_USAGE if contract.name == "usage" else frozenset()
    return TableFacts(
        name=contract.name,
        columns=frozenset(own) | added,
        known_at={name: column.known_at for name, column in own.items() if column.known_at},
        times=frozenset(name for name, column in own.items() if column.type in ("timestamp", "date")),
        key=contract.key,
        event_time=contract.event_time,
        has_arrival=contract.arrival_time is not None,
    )
