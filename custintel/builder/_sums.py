"""The different aggregates behind many columns: each (aggregate, slice) is computed once, for all windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.builder._parts import Part, aggregate_name, is_dated, parts_of
from custintel.builder._sources import name_sql
from custintel.expressions import Aggregate, Expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Key", "Sum", "collect", "slices_sql"]

Key = tuple[str, Aggregate]
"""Slice and aggregate."""


@dataclass(frozen=True)
class Sum:
    """One aggregate of one slice, and the name under which its parts are kept."""

    name: str
    aggregate: Aggregate
    slice: str
    condition: Expression | None
    dated: bool

    @property
    def columns(self) -> frozenset[str]:
        """The columns it reads."""
        row = self.aggregate.row
        found = row.columns if row else frozenset[str]()
        return found | (self.condition.columns if self.condition else frozenset[str]())

    @property
    def condition_sql(self) -> str | None:
        """The condition of its slice."""
        return self.condition.sql() if self.condition else None

    def parts(self, time: str, flag: str | None = None) -> tuple[Part, ...]:
        """What is kept a bucket; ``flag`` names a column that holds the condition of the slice."""
        return parts_of(self.aggregate, flag or self.condition_sql, self.name, name_sql(time))

    def window(self, days: int) -> str:
        """Its name over one window."""
        return f"{self.name}_{days}d"


def collect(wanted: Iterable[tuple[str, Expression | None, Expression]]) -> Mapping[Key, Sum]:
    """The different sums in (slice, condition, expression) triples."""
    found: dict[Key, Sum] = {}
    names: set[str] = set()
    for slice_, condition, expression in wanted:
        for aggregate in expression.aggregates:
            if (slice_, aggregate) not in found:
                name = aggregate_name(slice_, aggregate, names)
                names.add(name)
                found[slice_, aggregate] = Sum(name, aggregate, slice_, condition, is_dated(aggregate, condition))
    return found


def slices_sql(sums: Iterable[Sum]) -> str:
    """What holds for every record that any of the sums counts; empty if one of them counts all records."""
    conditions = [one.condition_sql for one in sums]
    return "" if None in conditions else " or ".join(f"({c})" for c in dict.fromkeys(conditions))
