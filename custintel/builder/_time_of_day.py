"""Columns that need an hour, asked of tables whose times are days: they are left out, and that is said once a table.

>>> no_hour("usage")
'needs a time of day, and usage holds days'
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from custintel.contracts import NEEDS_HOUR
from custintel.errors import QualityWarning
from custintel.expressions import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from custintel.builder._sources import Sources
    from custintel.catalogue import Entry, Family

__all__ = ["hour_reason", "is_hourless", "no_hour", "warn_of_days"]


def no_hour(table: str) -> str:
    """Why a column is left out."""
    return f"needs a time of day, and {table} holds days"


def is_hourless(sources: Sources, table: str, column: str) -> bool:
    """Whether a calendar column is absent because the times of its table are days."""
    return column in NEEDS_HOUR and table in sources and sources[table].holds_days


def hour_reason(entry: Entry, family: Family, sources: Sources) -> str:
    """Why a column cannot be had from times that are days; empty if it can.

    Differences of times are right in days, so a column with the unit ``d`` may read them.
    """
    days = sources.days_only(family)
    feature = next(f for f in family.features if f.name == entry.feature)
    condition = family.slices.get(entry.slice or "")
    read = [feature.expression, *([condition] if condition else [])]
    if family.kind == "gathered":
        read += [family.gather[name] for name in feature.expression.columns]
    columns = {name for one in read for name in family.plain(one.columns)} | {family.per or ""}
    clocks = {name for one in read for name in family.plain(one.clock_columns)}
    if any(is_hourless(sources, family.source, name) for name in columns) or (entry.unit != "d" and clocks & days):
        return no_hour(family.source)
    return ""


def warn_of_days(tables: Iterable[str], entries: Iterable[Entry], skipped: Mapping[str, str]) -> None:
    """Say how many columns each table of days leaves out, those derived from them included."""
    ordered = list(entries)
    for table in tables:
        lost = {column for column, reason in skipped.items() if reason == no_hour(table)}
        for entry in ordered:
            if entry.kind == "derived" and parse(entry.expression).columns & lost:
                lost.add(entry.column)
        if lost:
            text = f"{table} holds days without a time of day: {len(lost)} columns that need one are left out"
            hint = f'if these times are true: rename={{"{table}": {{"resolution": "second"}}}}'
            warnings.warn(f"{text}\n  hint: {hint}", QualityWarning, stacklevel=3)
