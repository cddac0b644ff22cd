"""Checks of times in clean tables, and of epoch times that were set aside.

- A column whose times are all at midnight holds days: it has no hour to speak of.
- Dates with day and month exchanged, as a spreadsheet of another country leaves them, are counted.
- Rows dated after the end of their line are kept, because a last bill comes late, and counted.
- Numbers since an epoch that were read in the wrong unit (seconds taken for milliseconds lie in January 1970) are
  named with the unit that would fit.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

from custintel.contracts.column_mapping import UNITS
from custintel.contracts.row_rules import found_columns, free_name
from custintel.contracts.table_contracts import TABLES
from custintel.engines.engine import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from custintel.contracts.column_mapping import ColumnSource
    from custintel.contracts.quality_report import TableReport
    from custintel.contracts.row_rules import Rules, Source
    from custintel.contracts.table_contracts import TableContract
    from custintel.engines.engine import Engine


NEEDS_HOUR = ("hour", "is_night")
"""Calendar columns that a table of days does not have."""
_HANDFUL = 10  # fewer rows may all be at midnight by chance, or because somebody made them up
_NEARLY_ALL = 0.95  # of the events of a table of many are at midnight: no network has such nights
_MANY = ("usage", "recharges")
_CLOCK = ("%H", "%I", "%M", "%S", "%f", "%g", "%n", "%c", "%X", "%T", "%R", "%s")


def days_only(engine: Engine, relation: str, rules: Rules, columns: Iterable[str]) -> dict[str, int]:
    """Columns of times that hold days, in at least one part of the table, and how many of these have a time of day.

    Parameters
    ----------
    engine : Engine
        Where the clean table is.
    relation : str
        The clean table or a query of it, with the column `_part`.
    rules : Rules
        The rules of the table.
    columns : iterable of str
        Columns of the clean table.
    """
    names = [name for name in columns if _is_time(rules, name)]
    if not names:
        return {}
    counts = [f"count({q}), {_clocks(q)}" for q in map(quoted, names)]
    rows = engine.rows(f"select _part, {', '.join(counts)} from {relation} as t group by _part")
    found: Counter[str] = Counter()
    for row in rows:
        found.update(_days_of(rules, names, row))
    return {name: found[name] for name in names if name in found}


def _clocks(column: str) -> str:
    """SQL: how many times are not midnight."""
    return f"sum(case when cast(cast({column} as date) as timestamp) <> {column} then 1 else 0 end)"


def _is_time(rules: Rules, name: str) -> bool:
    contract = rules.contract.columns.get(name)
    if contract is not None:
        return contract.type == "timestamp"
    return any(name in s.mapping.columns and s.mapping.columns[name].type == "timestamp" for s in rules.sources)


def _days_of(rules: Rules, names: Sequence[str], row: Sequence[object]) -> dict[str, int]:
    """The columns that hold days in one part, and their times with a time of day, from its counts."""
    source = rules.sources[int(str(row[0]))]
    counts = {name: (int(str(row[1 + 2 * i] or 0)), int(str(row[2 + 2 * i] or 0))) for i, name in enumerate(names)}
    found = {}
    for name, both in counts.items():
        said = source.mapping.resolution if name == str(rules.contract.event_time) else None
        if said == "day" or (said is None and both[0] and _holds_days(rules, source, name, both)):
            found[name] = both[1]
    return found


def _holds_days(rules: Rules, source: Source, name: str, counts: tuple[int, int]) -> bool:
    """By the counts of given times and of those with a time of day, or by how the column is written."""
    given, times_of_day = counts
    if given < _HANDFUL:
        return not times_of_day and _is_written_as_day(rules, source, name)
    is_event_of_many = rules.contract.name in _MANY and name == rules.contract.event_time
    return times_of_day <= (1 - _NEARLY_ALL) * given if is_event_of_many else not times_of_day


def _is_written_as_day(rules: Rules, source: Source, name: str) -> bool:
    """Whether the raw column is one of days by its type or by what the mapping says."""
    origin: ColumnSource | None = found_columns(rules.contract, source).get(name)
    if origin is None or origin.column is None:
        return False
    if origin.format and name not in source.orders:
        return not any(sign in form for form in origin.format for sign in _CLOCK)
    is_date = source.columns.get(origin.column) == "DATE"
    return is_date or (origin.epoch is not None and origin.unit == "d") or name in source.without_time_of_day


def count_swapped(engine: Engine, report: TableReport, contracts: Mapping[str, TableContract] = TABLES) -> TableReport:
    """Count the rows whose date lies outside the table's span, and inside once day and month change places.

    The span is that of the days after the twelfth, which cannot be exchanged, and of the twelve days after and before
    them, which may be right. Nothing is changed.

    Examples
    --------
    >>> from custintel.contracts.quality_report import TableReport
    >>> from custintel.engines.duckdb_engine import DuckDBEngine
    >>> engine = DuckDBEngine()
    >>> days = "('2025-04-13'), ('2025-05-20'), ('2025-06-30'), ('2025-05-04'), ('2025-11-05')"
    >>> engine.execute(f"create table care as select d::date as event_date from (values {days}) t(d)")
    >>> count_swapped(engine, TableReport("care", 5, 5, 0)).swapped
    1
    """
    if contracts[report.table].event_time is None:
        return report
    days = f"(select event_date as d, count(*) as n from {quoted(report.table)} group by 1)"
    span = f"(select date_trunc('month', min(d)) as low, max(d) + 12 as high from {days} where day(d) > 12)"
    other = "case when day(d) <= 12 then make_date(year(d), day(d), month(d)) end"
    outside = f"not d between low and high and {other} between low and high"
    rows = engine.rows(f"select coalesce(sum(n), 0)::bigint from {days}, {span} where {outside}")
    return replace(report, swapped=int(str(rows[0][0])))


ENDS = ("voluntary", "port_out", "involuntary", "death")
"""Causes of `terminations` after which the line is gone."""
_LISTS = ("customers", "subscriptions", "terminations")


def count_after_end(
    engine: Engine,
    report: TableReport,
    present: Sequence[str],
    contracts: Mapping[str, TableContract] = TABLES,
) -> TableReport:
    """Count the rows that are dated after the day on which the line ended.

    Examples
    --------
    >>> from custintel.contracts.quality_report import TableReport
    >>> from custintel.engines.duckdb_engine import DuckDBEngine
    >>> engine = DuckDBEngine()
    >>> days = "'a' as customer_id, date '2025-03-01' as event_date"
    >>> engine.execute(f"create table terminations as select {days}, 'voluntary' as cause")
    >>> engine.execute("create table usage as select 'a' as customer_id, date '2025-03-02' as event_date")
    >>> count_after_end(engine, TableReport("usage", 1, 1, 0), ["usage", "terminations"]).after_end
    1
    """
    contract = contracts[report.table]
    if "terminations" not in present or report.table in _LISTS or contract.event_time is None:
        return report
    if "customer_id" not in contract.columns:
        return report
    causes = ", ".join(f"'{cause}'" for cause in ENDS)
    ended = f"select customer_id, max(event_date) as _end from {engine.relation('terminations')}"
    ends = f"({ended} where cause in ({causes}) group by customer_id) as e"
    rows = engine.rows(
        f"select count(*) from {engine.relation(report.table)} as t join {ends} on e.customer_id = t.customer_id"
        " where t.event_date > e._end"
    )
    return replace(report, after_end=int(str(rows[0][0])))


_REASONS = ("too early", "in the future", "unreadable")
_LOOKED_AT = 1_000
_FIRST = datetime(1990, 1, 1)
_SECOND = 1e6  # microseconds


def name_likely_units(engine: Engine, report: TableReport, sources: Sequence[Source], latest: datetime) -> TableReport:
    """Add to a report in which unit the epoch times that were set aside would lie within the possible years.

    Parameters
    ----------
    engine : Engine
        Holds the rows set aside, with their original values.
    report : TableReport
        Its faults say for which columns times were set aside.
    sources : sequence of Source
        The parts of the raw table.
    latest : datetime
        Nothing can have happened later.
    """
    found: dict[str, str] = {}
    for column in dict.fromkeys(broken.column for broken in report.broken_rules if broken.reason in _REASONS):
        for source in sources:
            origin = source.mapping.columns.get(column)
            if origin is not None and origin.epoch is not None and origin.column is not None:
                numbers = _numbers(engine, report.table, column, origin.column, source.label)
                unit = likely_unit(numbers, origin, latest)
                found |= {column: f"{unit}, and were read as {origin.unit}"} if unit else {}
    return replace(report, units=found)


def likely_unit(numbers: Iterable[float], origin: ColumnSource, latest: datetime) -> str | None:
    """The only unit, other than that of the mapping, in which the median time lies between 1990 and the latest day.

    Examples
    --------
    >>> from custintel.contracts.column_mapping import ColumnSource
    >>> read_as_ms = ColumnSource(column="t", epoch=datetime(1970, 1, 1), unit="ms")
    >>> likely_unit([1_740_823_200.0], read_as_ms, datetime(2025, 12, 31))
    's'
    >>> likely_unit([0.0], read_as_ms, datetime(2025, 12, 31)) is None
    True
    """
    given = list(numbers)
    if not given or origin.epoch is None:
        return None
    start = origin.epoch.replace(tzinfo=None)
    low, high = ((day - start).total_seconds() * _SECOND for day in (_FIRST, latest))
    usual = median(given)
    units = [unit for unit, size in UNITS.items() if low <= usual * size <= high]
    return units[0] if len(units) == 1 and units[0] != origin.unit else None


def _numbers(engine: Engine, table: str, column: str, original: str, label: str) -> list[float]:
    """Original values of rows that were set aside because of this column, where they are numbers other than zero."""
    reasons = ", ".join(map(literal, _REASONS))
    rows = engine.rows(
        f"select {quoted(free_name(original))} from {engine.relation(table, 'set_aside')} where reason in ({reasons})"
        f" and broken_column = {literal(column)} and source = {literal(label)} limit {_LOOKED_AT}"
    )
    numbers = [_number(row[0]) for row in rows]
    return [number for number in numbers if number]


def _number(text: object) -> float:
    """The number that a text says; zero where it says none."""
    try:
        number = float(str(text))
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0
