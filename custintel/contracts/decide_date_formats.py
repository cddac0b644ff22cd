"""Columns of dates written as texts: day or month first is decided on the whole column and said, never guessed.

One pass tells which columns are ISO, which needs no decision; the forms of the others are counted. What cannot be
decided is refused with the mapping that would decide it. Times with an offset are counted where no zone is named.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from custintel.contracts._read_columns import OFFSET, is_zoned
from custintel.contracts.required_columns import raise_contract
from custintel.contracts.row_rules import found_columns
from custintel.contracts.table_contracts import TABLES
from custintel.dates import ADVICE, PATTERNS, DateCounts, order_formats
from custintel.engines.engine import quoted
from custintel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custintel.contracts.column_mapping import ColumnSource
    from custintel.contracts.row_rules import Source
    from custintel.contracts.table_contracts import TableContract
    from custintel.engines.engine import Engine


_DAY_LENGTH = 10  # of a text without a time of day
_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "HUGEINT")
_INSTANT = "TIMESTAMP WITH TIME ZONE"
_ZONED = f"[0-9]{{4}}[-/ ].*{OFFSET}"
_FORMATS = {
    "undecided": '{"column": ..., "format": "%d/%m/%Y"} or "%m/%d/%Y"',
    "mixed": '{"column": ..., "format": "%d/%m/%Y"} or "%m/%d/%Y"; the rows of the other order are then set aside',
    "short_year": '{"column": ..., "format": "%d/%m/%y"}, with %m/%d/%y for month first',
    "number": '{"column": ..., "epoch": "1970-01-01", "unit": "s"} for seconds (ms, d, ...), "1899-12-30" with "d" for'
    ' the days of a spreadsheet, or "format": "%Y%m%d" for 20250630',
}


def decide_date_formats(
    engine: Engine, sources: Mapping[str, Sequence[Source]], contracts: Mapping[str, TableContract] = TABLES
) -> dict[str, list[Source]]:
    """The sources with the formats of their date columns decided.

    Parameters
    ----------
    engine : Engine
        Where the raw tables are.
    sources : mapping of table to its parts
        As found; columns whose mapping says how they are read are left alone.
    contracts : mapping of table to its contract
        Those of these tables, and perhaps others.

    Raises
    ------
    ContractError
        For columns that cannot be decided: no day after the twelfth, both orders, two-digit years, numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.contracts.raw_tables import frame_sources
    >>> from custintel.engines.duckdb_engine import DuckDBEngine
    >>> engine = DuckDBEngine()
    >>> care = pd.DataFrame({"care_id": ["1", "2"], "event_time": ["03/04/2025", "21/04/2025"]})
    >>> decide_date_formats(engine, frame_sources(engine, {"care": care}, {}))["care"][0].orders["event_time"]
    'day first'
    """
    decided_sources, problems = {}, []
    for table, parts in sources.items():
        contract = contracts[table]
        seen = [_inspect(engine, contract, part) for part in parts]
        together: dict[str, DateCounts] = defaultdict(DateCounts)
        for one in seen:
            for column, counts in one.counts.items():
                together[column] += counts
        problems += [_problem(table, parts, column, c) for column, c in together.items() if c.problem]
        decided_sources[table] = [_with_formats(contract, *pair, together) for pair in zip(parts, seen, strict=True)]
    raise_contract(problems)
    return decided_sources


@dataclass(frozen=True)
class _DateColumns:
    """The columns of dates of one part: forms of those that are not ISO, and those without a time of day."""

    counts: Mapping[str, DateCounts]
    without_time_of_day: frozenset[str]
    offsets: Mapping[str, int]


@dataclass(frozen=True)
class _TextCounts:
    """What all texts of a column say together: how many there are, are ISO and end with an offset; the longest."""

    given: int = 0
    iso: int = 0
    offset: int = 0
    longest: int = 0


def _inspect(engine: Engine, contract: TableContract, part: Source) -> _DateColumns:
    """What all rows say: of texts, the forms are counted where not all are ISO; numbers need no look."""
    columns = _columns(contract, part)
    texts = {name: origin for name, origin in columns.items() if part.columns[str(origin.column)] == "VARCHAR"}
    text_counts = _text_counts(engine, part, texts)
    odd = {name: texts[name] for name, one in text_counts.items() if one.iso < one.given}
    numbers = {name: origin for name, origin in columns.items() if name not in texts}
    forms = _form_counts(engine, part, odd) | _numbers(engine, part, numbers)
    without_time_of_day = frozenset(
        name for name, one in text_counts.items() if one.given and one.longest <= _DAY_LENGTH
    )
    offsets = {name: one.offset for name, one in text_counts.items() if one.offset and texts[name].zone is None}
    return _DateColumns(
        {name: counts for name, counts in forms.items() if counts.problem or counts.order},
        without_time_of_day,
        {} if part.zone else offsets | _instants(engine, contract, part),
    )


def _text_counts(engine: Engine, part: Source, columns: Mapping[str, ColumnSource]) -> dict[str, _TextCounts]:
    """One pass over the texts of columns, with as little work for each as tells ISO from the rest."""
    sums = []
    for origin in columns.values():
        text = f"trim({quoted(str(origin.column))})"
        tests = (f"{text} <> ''", _fits(text, PATTERNS["iso"]), f"{text} like '%:%' and {_fits(text, _ZONED)}")
        sums += [*map(_how_many, tests), f"max(length({text}))"]
    found = _counted(engine, part, sums)
    return {name: _TextCounts(*found[i * 4 : i * 4 + 4]) for i, name in enumerate(columns)}


def _numbers(engine: Engine, part: Source, columns: Mapping[str, ColumnSource]) -> dict[str, DateCounts]:
    """How many numbers columns hold; NaN is none."""
    found = _counted(engine, part, [_how_many(f"not isnan(cast({quoted(str(o.column))} as double))")
                                    for o in columns.values()])  # fmt: skip
    return {name: DateCounts(number=number) for name, number in zip(columns, found, strict=True)}


def _instants(engine: Engine, contract: TableContract, part: Source) -> dict[str, int]:
    """Values of columns that are instants, by their type or by a format with an offset, and have no zone."""
    found = found_columns(contract, part)
    names = {name: str(o.column) for name, o in found.items() if o.zone is None and _is_instant(part, o)}
    counts = _counted(engine, part, [f"count({quoted(column)})" for column in names.values()])
    return {name: count for name, count in zip(names, counts, strict=True) if count}


def _is_instant(part: Source, origin: ColumnSource) -> bool:
    raw = part.columns.get(origin.column or "")
    return raw == _INSTANT or (raw == "VARCHAR" and any(is_zoned(form) for form in origin.format))


def _counted(engine: Engine, part: Source, sums: Sequence[str]) -> list[int]:
    """Whole numbers from one pass over a part."""
    if not sums:
        return []
    return [int(str(n or 0)) for n in engine.rows(f"select {', '.join(sums)} from {part.relation}")[0]]


def _how_many(test: str) -> str:
    return f"sum(case when {test} then 1 else 0 end)"


def _fits(text: str, pattern: str) -> str:
    return f"regexp_matches({text}, '^({pattern})$')"


def _columns(contract: TableContract, part: Source) -> dict[str, ColumnSource]:
    """Columns of dates that hold texts or numbers, and of which nobody said how they are read."""
    found = found_columns(contract, part)
    return {name: origin for name, origin in found.items() if _is_open(contract, part, name, origin)}


def _is_open(contract: TableContract, part: Source, name: str, origin: ColumnSource) -> bool:
    column = contract.columns.get(name)
    kind = origin.type if column is None else column.type
    if kind not in ("date", "timestamp") or origin.column not in part.columns:
        return False
    if origin.format or origin.epoch is not None or origin.values or origin.other is not None:
        return False
    raw = part.columns[str(origin.column)]
    return raw == "VARCHAR" or any(word in raw for word in _NUMBERS)


def _form_counts(engine: Engine, part: Source, columns: Mapping[str, ColumnSource]) -> dict[str, DateCounts]:
    """The forms of all texts of columns."""
    texts = [f"trim({quoted(str(origin.column))})" for origin in columns.values()]
    found = _counted(engine, part, [_how_many(_fits(text, p)) for text in texts for p in PATTERNS.values()])
    width = len(PATTERNS)
    return {name: DateCounts(*found[i * width : (i + 1) * width]) for i, name in enumerate(columns)}


def _with_formats(
    contract: TableContract, part: Source, seen: _DateColumns, together: Mapping[str, DateCounts]
) -> Source:
    """The part with formats for the columns decided."""
    origins = found_columns(contract, part)
    orders = {column: order for column in seen.counts if (order := together[column].order)}
    decided = {column: replace(origins[column], format=tuple(order_formats(o))) for column, o in orders.items()}
    columns = MappingProxyType({**part.mapping.columns, **decided})
    return replace(
        part,
        mapping=replace(part.mapping, columns=columns),
        orders=orders,
        without_time_of_day=seen.without_time_of_day,
        offsets=seen.offsets,
    )


def _problem(table: str, parts: Sequence[Source], column: str, counts: DateCounts) -> Problem:
    """Why the dates of a column cannot be read, without any of them."""
    labels = ", ".join(part.label for part in parts)
    hint = f'say how it is read: rename={{"{table}": {{"{column}": ...}}}} with {_FORMATS[counts.problem]}'
    given = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in vars(counts).items() if n)
    wrong = f"the dates of {column} cannot be read: {ADVICE[counts.problem]}"
    return Problem(f"{table} ({labels})", wrong, f"values by form: {given}", "ISO texts such as 2025-06-30", hint)
