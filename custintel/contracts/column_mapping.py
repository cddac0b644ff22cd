"""Where each contract column comes from in a foreign table: `rename=` and mapping.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias

from custintel.contracts._mapping_expressions import expression_problems
from custintel.contracts.table_contracts import OWN_TABLE_HINT, SQL_TYPES, TABLES, TableContract
from custintel.dates import read_moment
from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.errors import DateError, Problem, raise_problems

Scalar: TypeAlias = str | bool | int | float | None
UNITS = MappingProxyType({"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6, "min": 6e7, "h": 3.6e9, "d": 8.64e10})
_COLUMN_KEYS = (
    *("column", "value", "expression", "values", "other", "format", "epoch", "unit", "zone", "scale", "type"),
    *("blank", "numbers", "country"),
)
_TABLE_KEYS = ("file", "key", "resolution", "rows")
_ORIGINS = ("column", "value", "expression")
EVERY_COLUMN = "all"
"""The key of a table in which rows equal in every column are one record."""
RESOLUTIONS = ("day", "second")


@dataclass(frozen=True)
class ColumnSource:
    """Where the values of one column come from and how they are read.

    Examples
    --------
    >>> ColumnSource(column="timestamp", epoch=datetime(2013, 1, 1), unit="s").unit
    's'
    """

    column: str | None = None
    value: Scalar = None
    expression: str | None = None
    values: Mapping[str, Scalar] = field(default_factory=dict)
    other: Scalar = None
    format: tuple[str, ...] = ()
    epoch: datetime | None = None
    unit: str = "s"
    zone: str | None = None
    scale: float | None = None
    type: str | None = None
    blank: str = "keep"
    numbers: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class TableMapping:
    """Where one table's columns come from; `file` names the file of an opened folder.

    `key` names columns that identify a record of a table whose contract has no key; ``all`` of them: rows equal in
    every column are one record. `resolution` says whether the event times are days or have a time of day, where
    the data alone do not tell. `rows` is a condition on the columns of the raw table: what does not meet it is no row
    of this table, and is counted as left out.

    Examples
    --------
    >>> TableMapping(columns={"customer_id": ColumnSource(column="user")}).file is None
    True
    """

    columns: Mapping[str, ColumnSource] = field(default_factory=dict)
    file: str | None = None
    key: tuple[str, ...] = ()
    resolution: str | None = None
    rows: str | None = None


def parse_mapping(
    given: Mapping[str, Any] | None, contracts: Mapping[str, TableContract] = TABLES
) -> Mapping[str, tuple[TableMapping, ...]]:
    """Read `rename=` or the content of mapping.yaml for these tables; all mistakes are reported at once.

    Examples
    --------
    >>> mapping = parse_mapping({"usage": {"customer_id": "user", "service": {"value": "voice"}}})
    >>> mapping["usage"][0].columns["customer_id"].column
    'user'
    >>> parse_mapping({"usage": {"event_time": {"colum": "t"}}})
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: 1 mistake found
      rename: usage.event_time: unknown key
        given: colum
        allowed: column, value, expression, values, other, format, epoch, ...
    """
    given = given or {}
    problems = [
        Problem(f"rename: {name}", "unknown table", name, ", ".join(contracts), OWN_TABLE_HINT)
        for name in given
        if name not in contracts
    ]
    parts = {name: _parts(table) for name, table in given.items()}
    for name, tables in parts.items():
        for table in tables:
            problems += _table_problems(name, table, contracts)
    raise_problems(problems)
    return MappingProxyType({name: tuple(_table(t) for t in tables) for name, tables in parts.items()})


def _parts(given: object) -> list[Any]:
    """One mapping, or one for each part of the table."""
    return list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]


def _table(given: Mapping[str, Any] | None) -> TableMapping:
    """Build the mapping of one part of a table."""
    columns = {name: _column(entry) for name, entry in (given or {}).items() if name not in _TABLE_KEYS}
    said = given or {}
    key, rows = tuple(_parts(said.get("key", ()))), said.get("rows")
    condition = None if rows is None else _condition(rows)
    return TableMapping(MappingProxyType(columns), said.get("file"), key, said.get("resolution"), condition)


def _condition(given: object) -> str:
    """YAML reads `rows: true` as a value, the language as a condition."""
    return str(given).lower() if isinstance(given, bool) else str(given)


def _column(given: object) -> ColumnSource:
    """Build the source of one column."""
    if isinstance(given, str):
        return ColumnSource(column=given)
    entry = dict(given) if isinstance(given, Mapping) else {}
    if "expression" in entry:
        entry["expression"] = _condition(entry["expression"])
    if "epoch" in entry:
        entry["epoch"] = _moment(entry["epoch"])
    if isinstance(entry.get("value"), date):
        entry["value"] = str(entry["value"])
    if "format" in entry:
        entry["format"] = tuple(_parts(entry["format"]))
    if "values" in entry:
        entry["values"] = MappingProxyType({_key(k): v for k, v in entry["values"].items()})
    if "country" in entry:
        entry["country"] = str(entry["country"]).lstrip("+")
    return ColumnSource(**entry)


def _key(given: object) -> str:
    """Values are matched as trimmed lower-case text; YAML may have read them as numbers or booleans."""
    return str(given).strip().lower()


def _moment(given: object) -> datetime:
    """Read an epoch: text, date or time; one with a zone in UTC."""
    found = read_moment(given, "an epoch")
    return (found if found.tzinfo is None else found.tz_convert("UTC").tz_localize(None)).to_pydatetime(warn=False)


def _table_problems(name: str, given: object, contracts: Mapping[str, TableContract]) -> list[Problem]:
    """List the mistakes in the mapping of one part of a table."""
    if given is None:
        return []
    if not isinstance(given, Mapping):
        return [Problem(f"rename: {name}", "not a mapping of columns", str(given))]
    columns = {c: entry for c, entry in given.items() if c not in _TABLE_KEYS}
    problems = [p for c, entry in columns.items() for p in _column_problems(f"rename: {name}.{c}", entry)]
    if not isinstance(given.get("file", ""), str):
        problems.append(Problem(f"rename: {name}.file", "file is not a name", str(given["file"]), "such as cdr.csv"))
    if "key" in given and name in contracts and contracts[name].key:
        own = ", ".join(contracts[name].key)
        problems.append(Problem(f"rename: {name}.key", "the contract has a key already", str(given["key"]), own))
    if given.get("resolution", "day") not in RESOLUTIONS:
        allowed = ", ".join(RESOLUTIONS)
        problems.append(Problem(f"rename: {name}.resolution", "unknown", str(given["resolution"]), allowed))
    if given.get("rows") is not None:
        problems += expression_problems(_condition(given["rows"]), f"rename: {name}.rows")
    return problems


def _column_problems(where: str, given: object) -> list[Problem]:
    """List the mistakes in the source of one column."""
    if isinstance(given, str):
        return []
    if not isinstance(given, Mapping):
        hint = "write {value: ...} for a constant"
        return [Problem(where, "neither a column name nor a mapping", str(given), hint=hint)]
    allowed = ", ".join(_COLUMN_KEYS)
    problems = [Problem(where, "unknown key", str(key), allowed) for key in given if key not in _COLUMN_KEYS]
    if not problems and sum(key in given for key in _ORIGINS) != 1:
        wrong = "exactly one of column, value and expression is needed"
        problems.append(Problem(where, wrong, str(dict(given)), ", ".join(_ORIGINS)))
    if "expression" in given:
        problems += expression_problems(_condition(given["expression"]), where)
    if given.get("unit", "s") not in UNITS:
        problems.append(Problem(where, "unknown unit of time", str(given["unit"]), ", ".join(UNITS)))
    if given.get("type", "string") not in SQL_TYPES:
        problems.append(Problem(where, "unknown type", str(given["type"]), ", ".join(SQL_TYPES)))
    if not isinstance(given.get("values", {}), Mapping):
        problems.append(Problem(where, "values is not a mapping", str(given["values"]), "{foreign value: our value}"))
    return problems + _reading_problems(where, given)


def _reading_problems(where: str, given: Mapping[str, Any]) -> list[Problem]:
    """List the mistakes in epoch, scale, blanks and numbers."""
    problems = []
    if given.get("blank", "keep") not in ("keep", "set_aside"):
        problems.append(Problem(where, "unknown way with blanks", str(given["blank"]), "keep, set_aside"))
    if given.get("numbers", "e164") != "e164":
        problems.append(Problem(where, "unknown form of numbers", str(given["numbers"]), "e164"))
    if ("numbers" in given) != ("country" in given) or not _digits(given.get("country", "1")):
        wrong = "numbers and country (its calling code) belong together"
        problems.append(Problem(where, wrong, str(dict(given)), 'such as {numbers: e164, country: "44"}'))
    if "epoch" in given:
        try:
            _moment(given["epoch"])
        except DateError:
            problems.append(Problem(where, "epoch is not a date", str(given["epoch"]), "such as 2013-01-01"))
    if "zone" in given and str(given["zone"]) not in _zones():
        problems.append(_zone_problem(where, str(given["zone"])))
    if not isinstance(given.get("scale", 1), int | float):
        problems.append(Problem(where, "scale is not a number", str(given["scale"])))
    return problems


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    """The time zones that the engine knows."""
    engine = DuckDBEngine()
    found = frozenset(str(row[0]) for row in engine.rows("select name from pg_timezone_names()"))
    engine.close()
    return found


def _zone_problem(where: str, given: str) -> Problem:
    close = get_close_matches(given, sorted(_zones()), n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else ""
    return Problem(where, "no such time zone", given, "names such as Europe/Dublin, Africa/Lagos, UTC", hint)


def _digits(given: object) -> bool:
    """Whether it is a calling code."""
    return str(given).lstrip("+").isdigit()
