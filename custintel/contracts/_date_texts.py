"""Columns of dates written as texts: day or month first is decided on the whole column and said, never guessed.

A sample tells most columns to be ISO, which needs no decision; the others are counted in whole. What cannot be decided
is refused with the mapping that would decide it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from custintel.contracts._rules import found_columns
from custintel.contracts._structure import raise_contract
from custintel.contracts._tables import TABLES
from custintel.dates import ADVICE, PATTERNS, DateCounts, day_order, order_formats
from custintel.engines import quoted
from custintel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custintel.contracts._mapping import ColumnSource
    from custintel.contracts._rules import Source
    from custintel.engines import Engine

__all__ = ["settle_dates"]

_SAMPLE = 1_000
_DAY_LENGTH = 10  # of a text without a time of day
_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "HUGEINT")
_FORMATS = {
    "undecided": '{"column": ..., "format": "%d/%m/%Y"} or "%m/%d/%Y"',
    "mixed": '{"column": ..., "format": "%d/%m/%Y"} or "%m/%d/%Y"; the rows of the other order are then set aside',
    "short_year": '{"column": ..., "format": "%d/%m/%y"}, with %m/%d/%y for month first',
    "number": '{"column": ..., "epoch": "1970-01-01", "unit": "s"} for seconds (ms, d, ...), "1899-12-30" with "d" for'
    ' the days of a spreadsheet, or "format": "%Y%m%d" for 20250630',
}


def settle_dates(engine: Engine, sources: Mapping[str, Sequence[Source]]) -> dict[str, list[Source]]:
    """The sources with the formats of their date columns decided.

    Parameters
    ----------
    engine : Engine
        Where the raw tables are.
    sources : mapping of table to its parts
        As found; columns whose mapping says how they are read are left alone.

    Raises
    ------
    ContractError
        For columns that cannot be decided: no day after the twelfth, both orders, two-digit years, numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.contracts import frame_sources
    >>> from custintel.engines import DuckDBEngine
    >>> engine = DuckDBEngine()
    >>> care = pd.DataFrame({"care_id": ["1", "2"], "event_time": ["03/04/2025", "21/04/2025"]})
    >>> settle_dates(engine, frame_sources(engine, {"care": care}, {}))["care"][0].orders["event_time"]
    'day first'
    """
    settled, problems = {}, []
    for table, parts in sources.items():
        seen = [_seen(engine, table, part) for part in parts]
        together: dict[str, DateCounts] = defaultdict(DateCounts)
        for one in seen:
            for column, counts in one.counts.items():
                together[column] += counts
        problems += [_problem(table, parts, column, c) for column, c in together.items() if c.trouble]
        settled[table] = [_settled(table, *pair, together) for pair in zip(parts, seen, strict=True)]
    raise_contract(problems)
    return settled


@dataclass(frozen=True)
class _Seen:
    """The columns of dates of one part: forms of those that are not ISO, and those without a time of day."""

    counts: Mapping[str, DateCounts]
    short: frozenset[str]


def _seen(engine: Engine, table: str, part: Source) -> _Seen:
    """What the first rows say, and all rows of those columns that are not ISO by them."""
    columns = _columns(table, part)
    if not columns:
        return _Seen({}, frozenset())
    listed = ", ".join(quoted(str(origin.column)) for origin in columns.values())
    rows = engine.rows(f"select {listed} from {part.relation} limit {_SAMPLE}")
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    texts = {name: [t for t in map(_text, found) if t] for name, found in zip(columns, values, strict=True)}
    sampled = {name: day_order(found) for name, found in texts.items()}
    odd = {name: counts for name, counts in sampled.items() if counts.trouble or counts.order}
    # numbers are numbers in all rows
    whole = {name: columns[name] for name in odd if part.columns[str(columns[name].column)] == "VARCHAR"}
    short = frozenset(name for name, found in texts.items() if found and max(map(len, found)) <= _DAY_LENGTH)
    return _Seen(odd | _whole(engine, part, whole), short)


def _columns(table: str, part: Source) -> dict[str, ColumnSource]:
    """Columns of dates that hold texts or numbers, and of which nobody said how they are read."""
    found = found_columns(TABLES[table], part)
    return {name: origin for name, origin in found.items() if _is_open(table, part, name, origin)}


def _is_open(table: str, part: Source, name: str, origin: ColumnSource) -> bool:
    contract = TABLES[table].columns.get(name)
    kind = origin.type if contract is None else contract.type
    if kind not in ("date", "timestamp") or origin.column not in part.columns:
        return False
    if origin.format or origin.epoch is not None or origin.values or origin.other is not None:
        return False
    raw = part.columns[str(origin.column)]
    return raw == "VARCHAR" or any(word in raw for word in _NUMBERS)


def _text(value: object) -> str | None:
    """A value as a text; whole numbers without their point, nothing for what is not given."""
    if isinstance(value, float):
        return None if value != value else f"{value:.0f}" if value.is_integer() else str(value)
    return None if value is None else str(value)


def _whole(engine: Engine, part: Source, columns: Mapping[str, ColumnSource]) -> dict[str, DateCounts]:
    """The forms of all texts of columns."""
    if not columns:
        return {}
    sums = [
        f"sum(case when regexp_matches(trim({quoted(str(origin.column))}), '^({pattern})$') then 1 else 0 end)"
        for origin in columns.values()
        for pattern in PATTERNS.values()
    ]
    found = [int(str(n or 0)) for n in engine.rows(f"select {', '.join(sums)} from {part.relation}")[0]]
    width = len(PATTERNS)
    return {name: DateCounts(*found[i * width : (i + 1) * width]) for i, name in enumerate(columns)}


def _settled(table: str, part: Source, seen: _Seen, together: Mapping[str, DateCounts]) -> Source:
    """The part with formats for the columns decided."""
    origins = found_columns(TABLES[table], part)
    orders = {column: order for column in seen.counts if (order := together[column].order)}
    decided = {column: replace(origins[column], format=tuple(order_formats(o))) for column, o in orders.items()}
    columns = MappingProxyType({**part.mapping.columns, **decided})
    return replace(part, mapping=replace(part.mapping, columns=columns), orders=orders, short=seen.short)


def _problem(table: str, parts: Sequence[Source], column: str, counts: DateCounts) -> Problem:
    """Why the dates of a column cannot be read, without any of them."""
    labels = ", ".join(part.label for part in parts)
    hint = f'say how it is read: rename={{"{table}": {{"{column}": ...}}}} with {_FORMATS[counts.trouble]}'
    given = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in vars(counts).items() if n)
    wrong = f"the dates of {column} cannot be read: {ADVICE[counts.trouble]}"
    return Problem(f"{table} ({labels})", wrong, f"values by form: {given}", "ISO texts such as 2025-06-30", hint)
