"""Columns that the tables at hand cannot answer: why, and which tables and columns would have to be there.

A column that needs an hour is left out when the times of its table are days, and that is said once a table:

>>> no_hour("usage")
'needs a time of day, and usage holds days'
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from custintel.contracts.time_checks import NEEDS_HOUR
from custintel.errors import DataError, QualityWarning
from custintel.expressions.parse import parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from custintel.builder.source_tables import Sources
    from custintel.catalogue.feature_family import Entry, Family


_SHOWN = 5
_TABLE, _COLUMNS, _REASON = range(3)


@dataclass(frozen=True)
class UnavailableColumn:
    """A column that cannot be computed here.

    Attributes
    ----------
    family
        The family of the column; empty when the column reads families that are not loaded.
    why
        The reason in words.
    needs
        Tables (``bills``) and columns (``bills.due_date``) that are not there.
    topic
        The topic of the column's family.
    """

    family: str
    why: str
    needs: tuple[str, ...] = ()
    topic: str = field(default="", repr=False)


def describe_missing(needs: Iterable[str]) -> str:
    """What is not there, in words: tables first, then columns by table.

    >>> describe_missing(["payments", "bills.due_date", "bills.amount"])
    'no table payments; no column due_date, amount in bills'
    """
    tables = list(dict.fromkeys(name for name in needs if "." not in name))
    columns: dict[str, list[str]] = {}
    for table, _, column in (name.partition(".") for name in needs if "." in name):
        columns.setdefault(table, []).append(column)
    found = [f"no table {', '.join(tables)}"] if tables else []
    found += [f"no column {', '.join(dict.fromkeys(names))} in {table}" for table, names in columns.items()]
    return "; ".join(found)


def missing_by_table(unavailable: Iterable[UnavailableColumn]) -> list[str]:
    """What is left out, a line for each table that is not there, or is there without some columns.

    A column that needs several tables stands with the first of them.

    >>> left = [UnavailableColumn("billing", "", ("bills",)), UnavailableColumn("data", "", ("usage.data_mb",)),
    ...         UnavailableColumn("arrears", "", ("bills", "payments")),
    ...         UnavailableColumn("usage", "", ("usage.duration_s",))]
    >>> print(*missing_by_table(left), sep="\\n")
    no table bills: 2 columns of arrears (which also needs payments), billing
    no column data_mb, duration_s in usage: 2 columns of data, usage
    """
    groups: dict[tuple[int, str], list[UnavailableColumn]] = {}
    for column in unavailable:
        groups.setdefault(_place(column), []).append(column)
    return [f"{_lacking(*place, group)}: {_columns(place[1], group)}" for place, group in sorted(groups.items())]


def lost_to_tables(unavailable: Iterable[UnavailableColumn]) -> list[UnavailableColumn]:
    """Those that the tables at hand do not allow, without those that read families nobody asked for.

    >>> lost_to_tables([UnavailableColumn("", "reads arrears"), UnavailableColumn("billing", "", ("bills",))])
    [UnavailableColumn(family='billing', why='', needs=('bills',))]
    """
    return [column for column in unavailable if column.family or column.needs]


def _place(column: UnavailableColumn) -> tuple[int, str]:
    """Where a column is listed: by its first table that is not there, by the table without its columns, by reason."""
    tables = sorted(name for name in column.needs if "." not in name)
    if tables:
        return _TABLE, tables[0]
    if column.needs:
        return _COLUMNS, column.needs[0].split(".")[0]
    return _REASON, column.why if column.family else "reading families that are not asked for"


def _lacking(kind: int, name: str, group: Collection[UnavailableColumn]) -> str:
    if kind == _TABLE:
        return f"no table {name}"
    if kind == _REASON:
        return name
    return describe_missing(sorted({need for c in group for need in c.needs if need.startswith(f"{name}.")}))


def _columns(table: str, group: Collection[UnavailableColumn]) -> str:
    also: dict[str, set[str]] = {}
    for column in group:
        tables = {name for name in column.needs if "." not in name} - {table}
        also.setdefault(column.family, set()).update(tables)
    count = f"{len(group)} column{'s' if len(group) > 1 else ''}"
    families = [f + (f" (which also needs {', '.join(sorted(n))})" if n else "") for f, n in sorted(also.items()) if f]
    return f"{count} of {', '.join(families)}" if families else count


def check_requested(
    topics: Iterable[str],
    columns: Iterable[str],
    unavailable: Mapping[str, UnavailableColumn],
    tables: Iterable[str],
) -> None:
    """Refuse when topics, families or columns that were asked for by name cannot be computed; all of them at once.

    Raises
    ------
    DataError
        With what is not there for each of them.
    """
    lines = [_topic_line(name, unavailable) for name in topics]
    count = len(lines)
    reasons: dict[str, list[str]] = {}
    for column in columns:
        reasons.setdefault(_why(unavailable[column]), []).append(column)
        count += 1
    lines += [f"{_listed(names)}: {why}" for why, names in reasons.items()]
    if lines:
        body = "\n".join(f"  {line}" for line in lines)
        raise DataError(
            f"{count} of what was asked for cannot be computed from these tables\n{body}\n"
            f"  given: {', '.join(tables)}\n"
            "  hint: add these tables or columns, or do not ask for what needs them"
        )


def check_any(entries: Collection[object], unavailable: Mapping[str, UnavailableColumn]) -> None:
    """Refuse when not a single column can be computed."""
    if not entries:
        body = "\n".join(f"  {line}" for line in missing_by_table(unavailable.values()))
        raise DataError(f"no feature can be computed from these tables\n{body}")


def _listed(columns: list[str]) -> str:
    more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
    return f"column{'s' if len(columns) > 1 else ''} {', '.join(columns[:_SHOWN])}{more}"


def _topic_line(name: str, unavailable: Mapping[str, UnavailableColumn]) -> str:
    """What the column that needs least needs: with that the topic, or the family, has an answer."""
    own = [column for column in unavailable.values() if name in (column.topic, column.family)]
    kind = "topic" if any(column.topic == name for column in own) else "family"
    why = _why(min(own, key=lambda column: len(column.needs))) if own else "it has no columns of its own"
    return f"{kind} {name}: {why}"


def _why(column: UnavailableColumn) -> str:
    return describe_missing(column.needs) or column.why


def no_hour(table: str) -> str:
    """Why a column is left out."""
    return f"needs a time of day, and {table} holds days"


def is_hourless(sources: Sources, table: str, column: str) -> bool:
    """Whether a calendar column is absent because the times of its table are days."""
    return column in NEEDS_HOUR and table in sources and sources[table].holds_days


def hour_obstacle(entry: Entry, family: Family, sources: Sources) -> str:
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
    clocks = {name for one in read for name in family.plain(one.time_of_day_columns)}
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
