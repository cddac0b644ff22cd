"""Numbers since an epoch that were read in the wrong unit: seconds taken for milliseconds lie in January 1970."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

from custintel.contracts._mapping import UNITS
from custintel.contracts._rules import free_name
from custintel.engines import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from custintel.contracts._mapping import ColumnSource
    from custintel.contracts._report import TableReport
    from custintel.contracts._rules import Source
    from custintel.engines import Engine

__all__ = ["likely_unit", "name_likely_units"]

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
    for column in dict.fromkeys(fault.column for fault in report.faults if fault.reason in _REASONS):
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
    >>> from custintel.contracts import ColumnSource
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
