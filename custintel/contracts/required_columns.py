"""Whether the raw tables can be used at all: one error for every missing table and column."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from custintel.contracts._mapping_expressions import column_problems
from custintel.contracts.column_mapping import EVERY_COLUMN
from custintel.contracts.row_rules import Source, found_columns
from custintel.contracts.table_contracts import OWN_TABLE_HINT, TABLES, TableContract
from custintel.errors import ContractError, Problem
from custintel.identifiers import header_hint, names_of_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from custintel.contracts.quality_report import QualityReport, TableReport


MOST_COLUMNS = 2_000
"""A wider table is a mistake, such as events spread over columns; checking 10,000 columns took a minute."""
_SHOWN = 60


def check_names(names: Iterable[str], where: str, contracts: Mapping[str, TableContract] = TABLES) -> None:
    """Refuse names that are no tables of the contracts.

    Examples
    --------
    >>> check_names(["usge"], "from_frames")
    Traceback (most recent call last):
        ...
    custintel.errors.ContractError: the tables do not meet their contracts: 1 problem
      from_frames: unknown table
        given: usge
        allowed: customers, accounts, plans, subscriptions, usage, ...
        hint: did you mean 'usage'?
    """
    allowed = ", ".join(contracts)
    raise_contract(
        [
            Problem(where, "unknown table", name, allowed, _close(name, contracts) or OWN_TABLE_HINT)
            for name in names
            if name not in contracts
        ]
    )


def check_structure(
    sources: Mapping[str, Sequence[Source]], where: str, contracts: Mapping[str, TableContract] = TABLES
) -> None:
    """Refuse tables without their required columns, all at once.

    Examples
    --------
    >>> from custintel.contracts.column_mapping import TableMapping
    >>> source = Source("raw", {"customerid": "VARCHAR"}, TableMapping(), "customers.csv")
    >>> check_structure({"cells": [source]}, "warehouse/")
    Traceback (most recent call last):
        ...
    custintel.errors.ContractError: the tables do not meet their contracts: 1 problem
      cells (customers.csv): missing column cell_id (string: Identity of the cell)
        given: customerid
        hint: name the column that holds it: rename={"cells": {"cell_id": "..."}}
    """
    if not sources:
        hint = 'give one, such as usage or bills; rename={"usage": {"file": ...}} names a foreign file'
        raise_contract([Problem(where, "no table of the contracts", "", ", ".join(contracts), hint)])
    raise_contract(
        [p for name, parts in sources.items() for part in parts for p in _column_problems(contracts[name], part)]
    )


def check_rows(report: QualityReport) -> None:
    """Refuse a warehouse without rows, or with a table of which nothing is readable.

    Examples
    --------
    >>> from custintel.contracts.quality_report import QualityReport
    >>> from custintel.contracts.quality_report import TableReport
    >>> check_rows(QualityReport([TableReport("usage", 0, 0, 0)]))
    Traceback (most recent call last):
        ...
    custintel.errors.ContractError: the tables do not meet their contracts: 1 problem
      usage: the table has no rows
        hint: leave the table out, or check the query or file that it comes from
    """
    tables = list(report)
    only = not any(r.rows_in for r in tables)
    hint = "leave the table out, or check the query or file that it comes from"
    empty = [r for r in tables if not r.rows_in and (only or r.table == "customers")]
    raise_contract([Problem(r.table, "the table has no rows", hint=hint) for r in empty])


def check_readable(report: QualityReport) -> None:
    """Refuse a table of which every row breaks the contract: that is a wrong mapping, not dirt.

    Examples
    --------
    >>> from custintel.contracts.quality_report import QualityReport
    >>> from custintel.contracts.quality_report import TableReport
    >>> check_readable(QualityReport([TableReport("usage", 2, 2, 0)]))
    """
    raise_contract([_unreadable(r) for r in report if r.rows_in > r.left_out and not r.kept])


def _unreadable(report: TableReport) -> Problem:
    """Say why nothing was kept; no row is shown, because rows are customers."""
    reasons = ", ".join(f"{broken} ({broken.rows} rows)" for broken in report.broken_rules)
    hint = ""
    if any("time" in f.column or "date" in f.column for f in report.broken_rules):
        hint = (
            "times must be ISO (2025-01-31 10:00:00); otherwise say how to read them: rename={"  # or epoch and unit
            f'"{report.table}": {{"event_time": {{"column": ..., "format": "%d/%m/%Y %H:%M"}}}}}}'
        )
    if report.units:
        hint = _unit_hint(report)
    if any(f.reason == "not in vocabulary" for f in report.broken_rules):
        hint = (
            f'translate foreign words: rename={{"{report.table}": {{"COLUMN": {{"column": ..., "values": {{...}}}}}}}}'
        )
    return Problem(report.table, f"no row meets the contract: {reasons}", hint=hint)


def _unit_hint(report: TableReport) -> str:
    """What the mapping should say of numbers since an epoch that fit another unit."""
    column, said = next(iter(report.units.items()))
    unit = said.split(",")[0]
    example = f'rename={{"{report.table}": {{"{column}": {{"column": ..., "epoch": ..., "unit": "{unit}"}}}}}}'
    return f"the numbers of {column} look like {said}: {example}"


def _column_problems(contract: TableContract, source: Source) -> list[Problem]:
    """Required columns that are missing, and mapped columns that are not there."""
    where = f"{contract.name} ({source.label})"
    if len(source.columns) > MOST_COLUMNS:
        hint = "give a row an event or line, as the contracts have it, and leave out what no feature reads"
        return [Problem(where, "too many columns", f"{len(source.columns):,}", f"at most {MOST_COLUMNS:,}", hint)]
    found = found_columns(contract, source)
    given = _listed(names_of_columns(source.columns))
    problems = []
    for name in contract.required:
        if name not in found:
            column = contract.columns[name]
            wrong = f"missing column {name} ({column.type}: {column.about})"
            problems.append(Problem(where, wrong, given, hint=_rename_hint(contract.name, name, source.columns)))
    for name, origin in found.items():
        if origin.column is not None and origin.column not in source.columns:
            wrong = f"the column mapped to {name} is not there: {origin.column!r}"
            problems.append(Problem(where, wrong, given, hint=_close(origin.column, source.columns)))
        if origin.expression is not None:
            problems += column_problems(origin.expression, f"{where}: {name}", source.columns)
    if source.mapping.rows is not None:
        problems += column_problems(source.mapping.rows, f"{where}: rows", source.columns)
    for name in source.mapping.key:
        if name != EVERY_COLUMN and name not in {*found, *source.columns}:
            problems.append(
                Problem(where, f"the key column {name} is not there", given, hint=_close(name, source.columns))
            )
    return problems


def _listed(names: Collection[str]) -> str:
    """Names of columns, not all of a very wide table."""
    more = len(names) - _SHOWN
    return ", ".join(list(names)[:_SHOWN]) + (f", and {more:,} more" if more > 0 else "")


def _rename_hint(table: str, column: str, names: Iterable[str]) -> str:
    """Suggest a mapping for a missing column."""
    names = list(names)
    if no_header := header_hint(names):
        return no_header
    close = _closest(column, names)
    rename = f'rename={{"{table}": {{"{column}": "{close or "..."}"}}}}'
    return f"did you mean {close!r}? {rename}" if close else f"name the column that holds it: {rename}"


def _close(word: str, words: Iterable[str]) -> str:
    """A hint that names the closest word."""
    words = list(words)
    if no_header := header_hint(words):
        return no_header
    close = _closest(word, words)
    return f"did you mean {close!r}?" if close else ""


def _closest(word: str, words: Iterable[str]) -> str | None:
    """The word most like this one, whatever its case and signs."""
    plain = {"".join(c for c in w.lower() if c.isalnum()): w for w in words}
    found = difflib.get_close_matches("".join(c for c in word.lower() if c.isalnum()), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def raise_contract(problems: Sequence[Problem]) -> None:
    """Raise one `ContractError` for all problems."""
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        body = "\n".join("  " + line for p in problems for line in str(p).splitlines())
        raise ContractError(f"the tables do not meet their contracts: {count}\n{body}")
