"""Aggregates that cannot be put together from parts: computed anew from the records of each window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.builder._steps import Step, columns_sql
from custintel.expressions import AS_OF

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custintel.builder._records import Records
    from custintel.builder._sums import Sum

__all__ = ["Apart", "is_apart", "medians"]


def is_apart(one: Sum) -> bool:
    """Whether a sum has no parts."""
    return one.aggregate.function == "median"


@dataclass(frozen=True)
class Apart:
    """The medians of a family, all in one scan."""

    family: str
    sums: tuple[Sum, ...]

    @property
    def name(self) -> str:
        """Name of the step."""
        return f"{self.family}_apart"

    def steps(self, records: Records) -> list[Step]:
        """One row a customer and date, with every median over every window."""
        columns = {column for one in self.sums for column in one.columns}
        found = [
            f"median({_value(one, records.calendar.number(days))}) as {one.window(days)}"
            for one in self.sums
            for days in records.calendar.windows
        ]
        body = columns_sql(["customer_id", AS_OF, *found])
        source = records.sql(columns, dated=True)
        sql = f"select\n    {body}\nfrom (\n{source}\n) as r\ngroup by customer_id, {AS_OF}"
        return [Step(self.name, sql, f"{self.family}: medians, from the records of each window")]


def _value(one: Sum, piece: int) -> str:
    conditions = [f"piece <= {piece}", *([f"({one.condition_sql})"] if one.condition else [])]
    row = one.aggregate.row
    return f"case when {' and '.join(conditions)} then cast({row.sql() if row else '1'} as double) end"


def medians(family: str, sums: Iterable[Sum]) -> list[Apart]:
    """The sums without parts, if there are any."""
    found = tuple(one for one in sums if is_apart(one))
    return [Apart(family, found)] if found else []
