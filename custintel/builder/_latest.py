"""Families of the row in force: the latest row that happened and was seen by the date, all columns of that one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder._calendar import Calendar
from custintel.builder._pieces import joined_sql, map_step
from custintel.builder._records import Records
from custintel.builder._rows import row_features
from custintel.builder._sources import name_sql
from custintel.builder._steps import Step, columns_sql
from custintel.expressions import AS_OF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.builder._asks import Ask

__all__ = ["latest_steps"]


def latest_steps(asks: Sequence[Ask], records: Records) -> list[Step]:
    """All steps of a family of the row in force; the last one has a row for every row of the spine."""
    whole = Records(records.family, records.sources, Calendar(records.calendar.dates), records.only_spine)
    columns = sorted({c for ask in asks for c in ask.feature.expression.columns})
    name = whole.family.name
    return [*_force_steps(whole, columns), row_features(asks, name, f"{name}_in_force")]


def _force_steps(records: Records, columns: Sequence[str]) -> list[Step]:
    name = records.family.name
    about = f"{name}: the row in force as of each date"
    if not records.shared:
        return [Step(f"{name}_in_force", _first_sql(records, columns, (AS_OF,)), about)]
    buckets = map_step(records.calendar)
    rows = f"{name}_candidates"
    first = Step(rows, _first_sql(records, columns, ("bucket", "seen")), f"{name}: the latest row of each bucket")
    picked = [f"p.{c}" for c in ("customer_id", "happened", "arrived", *map(name_sql, columns))]
    source = f"select\n    {columns_sql([*picked, f'b.{AS_OF}'])}\nfrom {joined_sql(rows, buckets.name)}"
    return [first, buckets, Step(f"{name}_in_force", _in_force_sql(source, columns, (AS_OF,)), about)]


def _first_sql(records: Records, columns: Sequence[str], keys: Sequence[str]) -> str:
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
