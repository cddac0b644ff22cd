"""Families that find rows: the latest row that a date may see, and each row beside the row before it.

Which row stands before another depends on what was known, so each date has pairs of its own, made among the rows that
it may see: late records change no past. They lie inside the family's longest window; everything after that is a family
like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from custintel.builder.aggregation._raw_records import RawRecords
from custintel.builder.aggregation._window_sql import output_sql, window_steps
from custintel.builder.aggregation.day_buckets import DayBuckets, bucket_map_step, dated_partials_sql
from custintel.builder.source_tables import name_sql
from custintel.builder.sql_steps import columns_sql
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from custintel.builder._computable_columns import FeatureRequest


def row_features(requests: Sequence[FeatureRequest], family: str, found: str) -> Step:
    """A row for every row of the spine, from a step with at most one row a customer and date."""
    columns = [f"{_feature_sql(request)} as {request.column}" for request in requests]
    # as_of comes from the spine: a customer without a row has none of its own
    inner = f"select s.customer_id as spine_customer, s.{AS_OF} as spine_date, l.*"
    joined = f"from spine as s left join {found} as l on l.customer_id = s.customer_id and l.{AS_OF} = s.{AS_OF}"
    keys = ["spine_customer as customer_id", f"spine_date as {AS_OF}"]
    sql = f"select\n    {columns_sql([*keys, *columns])}\nfrom (\n{inner}\n{joined}\n) as w"
    return Step(f"{family}_features", sql, f"{family}: the columns of each customer and date")


def _feature_sql(request: FeatureRequest) -> str:
    return output_sql(request.feature.expression.sql(), request.feature.unit, request.feature.missing)


def latest_row_steps(requests: Sequence[FeatureRequest], records: RawRecords) -> list[Step]:
    """All steps of a family of the row in force; the last one has a row for every row of the spine."""
    whole = RawRecords(records.family, records.sources, DayBuckets(records.buckets.dates), records.only_spine)
    columns = sorted({c for request in requests for c in request.feature.expression.columns})
    name = whole.family.name
    return [*_force_steps(whole, columns), row_features(requests, name, f"{name}_in_force")]


def _force_steps(records: RawRecords, columns: Sequence[str]) -> list[Step]:
    name = records.family.name
    about = f"{name}: the row in force as of each date"
    if not records.shares_buckets:
        return [Step(f"{name}_in_force", _first_sql(records, columns, (AS_OF,)), about)]
    bucket_map = bucket_map_step(records.buckets)
    rows = f"{name}_candidates"
    first = Step(
        rows, _first_sql(records, columns, ("bucket", "visible_from")), f"{name}: the latest row of each bucket"
    )
    picked = [f"p.{c}" for c in ("customer_id", "happened", "arrived", *map(name_sql, columns))]
    source = f"select\n    {columns_sql([*picked, f'b.{AS_OF}'])}\nfrom {dated_partials_sql(rows, bucket_map.name)}"
    return [first, bucket_map, Step(f"{name}_in_force", _in_force_sql(source, columns, (AS_OF,)), about)]


def _first_sql(records: RawRecords, columns: Sequence[str], keys: Sequence[str]) -> str:
    time = f"t.{name_sql(records.sources.time(records.family))}"
    extra = {"happened": time, "arrived": records.sources.arrival(records.family)}
    return _in_force_sql(records.sql(columns, extra=extra), columns, keys)


def _in_force_sql(source: str, columns: Sequence[str], keys: Sequence[str]) -> str:
    """One row a customer and key: the latest; equal times go to the later arrival, then to the values themselves."""
    names = [name_sql(c) for c in columns]
    order = ", ".join(f"{c} desc nulls last" for c in ("happened", "arrived", *names))
    kept = columns_sql(["customer_id", *keys, "happened", "arrived", *names])
    by = ", ".join(("customer_id", *keys))
    place = f"row_number() over (partition by {by} order by {order}) as place"
    ranked = f"select\n    {kept},\n    {place}\nfrom (\n{source}\n) as r"
    return f"select\n    {kept}\nfrom (\n{ranked}\n) as r\nwhere place = 1"


def previous_row_steps(requests: Sequence[FeatureRequest], records: RawRecords) -> list[Step]:
    """All steps of a family with ``previous``; the last one has a row for every row of the spine."""
    pairs = RecordPairs.of(records)
    return [pairs.step(), *window_steps(requests, pairs)]


@dataclass(frozen=True)
class RecordPairs(RawRecords):
    """Records beside the row before, one row a record and date, read from the step that pairs them."""

    @classmethod
    def of(cls, records: RawRecords) -> RecordPairs:
        """Pairs of the records of a family, inside its longest window whatever is asked of it."""
        windows = sorted({*records.buckets.windows, records.family.longest})
        buckets = replace(records.buckets, windows=tuple(windows))
        return cls(records.family, records.sources, buckets, records.only_spine)

    @property
    def shares_buckets(self) -> bool:
        """No bucket is shared: each date has its own pairs."""
        return False

    @property
    def name(self) -> str:
        """Name of the step that pairs."""
        return f"{self.family.name}_pairs"

    def sql(
        self, columns: Iterable[str], per_date: bool = False, where: str = "", extra: Mapping[str, str] | None = None
    ) -> str:
        """The SELECT over pairs, to stand in brackets in FROM."""
        del per_date  # pairs are dated already
        picked = [f"t.{name_sql(name)}" for name in sorted(set(columns) - {AS_OF})]
        picked += [f"{sql} as {name}" for name, sql in (extra or {}).items()]
        body = columns_sql(["t.customer_id", f"t.{AS_OF}", "t.window_bucket", *picked])
        return f"select\n    {body}\nfrom {self.name} as t" + (f"\nwhere {where}" if where else "")

    def step(self) -> Step:
        """Every record that a date sees, with the columns of the one before it."""
        source = RawRecords(self.family, self.sources, self.buckets, self.only_spine)
        order = self._order()
        per = self.family.per
        where = f"{self.sources.column(self.family, per)} is not null" if per else ""
        rows = source.sql({*order, *([per] if per else [])}, per_date=True, where=where)
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
