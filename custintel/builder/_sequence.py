"""Rows beside the row before: pairs are made among the rows that a date sees, so that late records change no past.

Which row stands before another depends on what was known, so each date has pairs of its own: one row a record and
date, inside the family's longest window. Everything after that is a family like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from custintel.builder._records import Records
from custintel.builder._sources import name_sql
from custintel.builder._steps import Step, columns_sql
from custintel.builder._window import window_steps
from custintel.expressions import AS_OF

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from custintel.builder._asks import Ask

__all__ = ["Paired", "sequence_steps"]


def sequence_steps(asks: Sequence[Ask], records: Records) -> list[Step]:
    """All steps of a family with ``previous``; the last one has a row for every row of the spine."""
    paired = Paired.of(records)
    return [paired.step(), *window_steps(asks, paired)]


@dataclass(frozen=True)
class Paired(Records):
    """Records beside the row before, one row a record and date, read from the step that pairs them."""

    @classmethod
    def of(cls, records: Records) -> Paired:
        """Pairs of the records of a family, inside its longest window whatever is asked of it."""
        windows = sorted({*records.calendar.windows, records.family.longest})
        calendar = replace(records.calendar, windows=tuple(windows))
        return cls(records.family, records.sources, calendar, records.only_spine)

    @property
    def shared(self) -> bool:
        """No bucket is shared: each date has its own pairs."""
        return False

    @property
    def name(self) -> str:
        """Name of the step that pairs."""
        return f"{self.family.name}_pairs"

    def sql(
        self, columns: Iterable[str], dated: bool = False, where: str = "", extra: Mapping[str, str] | None = None
    ) -> str:
        """The SELECT over pairs, to stand in brackets in FROM."""
        del dated  # pairs are dated already
        picked = [f"t.{name_sql(name)}" for name in sorted(set(columns) - {AS_OF})]
        picked += [f"{sql} as {name}" for name, sql in (extra or {}).items()]
        body = columns_sql(["t.customer_id", f"t.{AS_OF}", "t.piece", *picked])
        return f"select\n    {body}\nfrom {self.name} as t" + (f"\nwhere {where}" if where else "")

    def step(self) -> Step:
        """Every record that a date sees, with the columns of the one before it."""
        source = Records(self.family, self.sources, self.calendar, self.only_spine)
        order = self._order()
        per = self.family.per
        where = f"{self.sources.column(self.family, per)} is not null" if per else ""
        rows = source.sql({*order, *([per] if per else [])}, dated=True, where=where)
        keys = ", ".join(["r.customer_id", f"r.{AS_OF}", *([f"r.{name_sql(per)}"] if per else [])])
        by = ", ".join(f"r.{name_sql(name)} nulls last" for name in order)
        pairs = [
            f"lag(r.{name_sql(name)}) over (partition by {keys} order by {by}) as {name_sql(f'previous_{name}')}"
            for name in self.family.previous
            if name in order
        ]
        sql = f"select\n    {columns_sql(['r.*', *pairs])}\nfrom (\n{rows}\n) as r"
        return Step(self.name, sql, f"{self.family.name}: each row beside the row before it, as each date sees them")

    def _order(self) -> list[str]:
        """Time, then values: which of two rows of one moment comes first must not depend on the order of the table."""
        family = self.family
        read = [*family.slices.values(), *family.gather.values()]
        read += [feature.expression for feature in family.features if family.kind != "gathered"]
        rest = family.plain(name for expression in read for name in expression.columns)
        first = dict.fromkeys([self.sources.time(family), *family.previous])
        known = self.sources.columns(family) - {AS_OF}
        return [name for name in (*first, *sorted(rest - set(first))) if name in known]
