"""What the contracts say about tables, as far as the catalogue needs it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TableFacts", "table_facts"]

_DERIVED = ("event_date", "visible_date")
_DERIVED_USAGE = ("weekday", "hour", "is_weekend", "is_night")


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
        """Whether it is a plain list that nothing arrives in: one key, no arrival time."""
        return len(self.key) == 1 and not self.has_arrival


@lru_cache(maxsize=1)
def table_facts() -> Mapping[str, TableFacts]:
    """Facts about every table of the contracts."""
    text = files("custintel.contracts").joinpath("tables.yaml").read_text(encoding="utf-8")
    return {name: _facts(name, contract) for name, contract in yaml.safe_load(text).items()}


def _facts(name: str, contract: Mapping[str, Any]) -> TableFacts:
    own = contract["columns"]
    added = _DERIVED if contract.get("event_time") else ()
    added += _DERIVED_USAGE if name == "usage" else ()
    return TableFacts(
        name=name,
        columns=frozenset(own) | frozenset(added),
        known_at={column: facts["known_at"] for column, facts in own.items() if "known_at" in facts},
        times=frozenset(column for column, facts in own.items() if facts["type"] in ("timestamp", "date")),
        key=tuple(contract.get("key") or ()),
        event_time=contract.get("event_time"),
        has_arrival="arrival_time" in contract,
    )
