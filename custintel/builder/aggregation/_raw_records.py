"""The inner SELECT over raw records: the columns that are read, inside windows, as each date may see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from custintel.builder.aggregation.day_buckets import DayBuckets, date_sql
from custintel.builder.source_tables import name_sql
from custintel.builder.sql_steps import columns_sql
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import CHUNK_FILTER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from custintel.builder.source_tables import Sources
    from custintel.catalogue.feature_family import Family


@dataclass(frozen=True)
class RawRecords:
    """How the records of a family are read for some dates.

    ``per_date`` asks for one row a record *and date* (for what depends on the as-of date itself); otherwise a record
    stands once, in its bucket, with the number of the first date on which it is seen. With one date both are the same.
    """

    family: Family
    sources: Sources
    buckets: DayBuckets
    only_spine: bool = False

    @property
    def shares_buckets(self) -> bool:
        """Whether buckets are to be shared between dates."""
        return len(self.buckets.dates) > 1

    def keys(self, per_date: bool) -> tuple[str, ...]:
        """Columns that tell partial aggregates apart, the customer and the second key left out."""
        return ("bucket", "visible_from") if self.shares_buckets and not per_date else (AS_OF, "window_bucket")

    def sql(
        self, columns: Iterable[str], per_date: bool = False, where: str = "", extra: Mapping[str, str] | None = None
    ) -> str:
        """The SELECT, to stand in brackets in FROM; ``extra`` are further columns and their SQL."""
        names = sorted(set(columns) - {AS_OF})
        picked = [f"{self.sources.column(self.family, n)} as {name_sql(n)}" for n in names]
        picked += [f"{sql} as {name}" for name, sql in (extra or {}).items()]
        source = self.sources.from_sql(self.family, names)
        if self.shares_buckets and per_date:
            source += f" join (\n{self._edges_sql()}\n) as d on {self._range_sql()}"
        conditions = [*self._conditions(), *([where] if where else [])]
        body = columns_sql(["t.customer_id", *self._keys_sql(per_date), *picked])
        return f"select\n    {body}\nfrom {source}\nwhere " + "\n    and ".join(conditions)

    def _keys_sql(self, per_date: bool) -> list[str]:
        event, visible = self.sources.event_day(self.family), self.sources.visible_day(self.family)
        if not self.shares_buckets:
            day = self.buckets.last
            return [f"{date_sql(day)} as {AS_OF}", f"{self.buckets.window_bucket_sql(event, day)} as window_bucket"]
        if per_date:
            return [f"d.{AS_OF}", f"{self._dated_bucket_sql(event)} as window_bucket"]
        bucket, seen = self.buckets.bucket_sql(event), self.buckets.visible_from_sql(visible)
        return [f"cast({bucket} as smallint) as bucket", f"cast({seen} as smallint) as visible_from"]

    def _conditions(self) -> list[str]:
        event, visible = self.sources.event_day(self.family), self.sources.visible_day(self.family)
        first, last = self.buckets.first, date_sql(self.buckets.last)
        found = [f"{event} > {date_sql(first)}"] if first else []
        found += [f"{event} <= {last}", f"{visible} <= {last}"]
        return [
            *found,
            *(["t.customer_id in (select customer_id from spine)"] if self.only_spine else []),
            CHUNK_FILTER,
        ]

    def _edges_sql(self) -> str:
        """One row a date, with the lower edge of each window as a column."""
        selects = []
        for day in self.buckets.dates:
            edges = enumerate(self.buckets.window_edges(day), 1) if self.buckets.windows else ()
            columns = [f"{date_sql(day)} as {AS_OF}", *(f"{date_sql(edge)} as edge_{n}" for n, edge in edges)]
            selects.append(f"    select {', '.join(columns)}")
        return " union all\n".join(selects)

    def _range_sql(self) -> str:
        event, visible = self.sources.event_day(self.family), self.sources.visible_day(self.family)
        oldest = f" and {event} > d.edge_{len(self.buckets.windows)}" if self.buckets.windows else ""
        return f"{event} <= d.{AS_OF} and {visible} <= d.{AS_OF}{oldest}"

    def _dated_bucket_sql(self, event: str) -> str:
        count = len(self.buckets.windows)
        cases = " ".join(f"when {event} > d.edge_{n} then {n}" for n in range(1, count))
        return f"case {cases} else {count} end" if cases else "1"
