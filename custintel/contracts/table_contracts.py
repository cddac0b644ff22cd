"""The contract of each table, read from tables.yaml: columns, types, keys and times; and the page docs/tables.md."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml

from custintel.contracts.pseudonyms import IDENTIFIERS
from custintel.errors import Problem, raise_problems

if TYPE_CHECKING:
    from collections.abc import Mapping


SQL_TYPES = MappingProxyType(
    {
        "string": "VARCHAR",
        "integer": "BIGINT",
        "number": "DOUBLE",
        "boolean": "BOOLEAN",
        "date": "DATE",
        "timestamp": "TIMESTAMP",
    }
)
_TABLE_KEYS = {"about", "key", "event_time", "arrival_time", "ahead_days", "not_self", "columns"}
_COLUMN_KEYS = {
    "type",
    "required",
    "unit",
    "values",
    "min",
    "max",
    "known_at",
    "references",
    "needed_when",
    "sensitive",
    "identifier",
    "about",
}


@dataclass(frozen=True)
class ColumnContract:
    """What one column of a table must look like.

    Examples
    --------
    >>> TABLES["usage"].columns["duration_s"].unit
    's'
    """

    name: str
    type: str
    required: bool = False
    unit: str = ""
    values: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    known_at: str | None = None
    references: str | None = None
    needed_when: str | None = None
    sensitive: bool = False
    about: str = ""
    identifier: str | None = None

    @property
    def sql_type(self) -> str:
        """SQL type of the clean column.

        Examples
        --------
        >>> TABLES["usage"].columns["duration_s"].sql_type
        'DOUBLE'
        """
        return SQL_TYPES[self.type]


@dataclass(frozen=True)
class TableContract:
    """What one table must look like.

    Examples
    --------
    >>> TABLES["usage"].required
    ('customer_id', 'event_time', 'service', 'direction')
    """

    name: str
    about: str
    key: tuple[str, ...]
    event_time: str | None
    arrival_time: str | None
    columns: Mapping[str, ColumnContract]
    ahead_days: int = 1
    not_self: str | None = None

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns without which the table cannot be used.

        Examples
        --------
        >>> TABLES["cells"].required
        ('cell_id',)
        """
        return tuple(c.name for c in self.columns.values() if c.required)


def load_tables(text: str) -> Mapping[str, TableContract]:
    """Read table contracts from YAML and report all mistakes at once.

    Examples
    --------
    >>> load_tables("plans: {about: Plans, columns: {plan_id: {type: word}}}")
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: 1 mistake found
      plans.plan_id: unknown type
        given: word
        allowed: string, integer, number, boolean, date, timestamp
    """
    given: dict[str, dict[str, Any]] = yaml.safe_load(text)
    raise_problems([p for name, table in given.items() for p in _table_problems(name, table, set(given))])
    return MappingProxyType({name: _table(name, table) for name, table in given.items()})


def _table(name: str, given: Mapping[str, Any]) -> TableContract:
    """Build one table contract."""
    columns = {column: _column(column, entry) for column, entry in given["columns"].items()}
    rest = {key: given[key] for key in ("ahead_days", "not_self") if key in given}
    return TableContract(
        name=name,
        about=given["about"],
        key=tuple(given.get("key", ())),
        event_time=given.get("event_time"),
        arrival_time=given.get("arrival_time"),
        columns=MappingProxyType(columns),
        **rest,
    )


def _column(name: str, given: Mapping[str, Any]) -> ColumnContract:
    """Build one column contract."""
    return ColumnContract(**{**given, "name": name, "values": tuple(given.get("values", ()))})


def _table_problems(name: str, given: Mapping[str, Any], tables: set[str]) -> list[Problem]:
    """List the mistakes of one table entry."""
    columns = given.get("columns", {})
    named = [*given.get("key", []), *(given[k] for k in ("event_time", "arrival_time", "not_self") if k in given)]
    problems = [Problem(name, "unknown key", key, ", ".join(sorted(_TABLE_KEYS))) for key in set(given) - _TABLE_KEYS]
    problems += [
        Problem(name, "no such column", column, ", ".join(columns)) for column in named if column not in columns
    ]
    for column, entry in columns.items():
        problems += _column_problems(f"{name}.{column}", entry, columns, tables)
    return problems


def _column_problems(
    where: str, given: Mapping[str, Any], columns: Mapping[str, Any], tables: set[str]
) -> list[Problem]:
    """List the mistakes of one column entry."""
    problems = [
        Problem(where, "unknown key", key, ", ".join(sorted(_COLUMN_KEYS))) for key in set(given) - _COLUMN_KEYS
    ]
    if given.get("type") not in SQL_TYPES:
        problems.append(Problem(where, "unknown type", str(given.get("type")), ", ".join(SQL_TYPES)))
    if not all(isinstance(value, str) for value in given.get("values", ())):
        problems.append(Problem(where, "a value is not text", str(given["values"]), hint="put it in quotes"))
    if given.get("identifier", "line") not in IDENTIFIERS:
        problems.append(Problem(where, "unknown identifier", str(given["identifier"]), ", ".join(IDENTIFIERS)))
    if given.get("known_at", where.split(".")[1]) not in columns:
        problems.append(Problem(where, "known_at names no column", str(given["known_at"])))
    if "references" in given and given["references"] not in tables:
        problems.append(Problem(where, "references no table", str(given["references"]), ", ".join(sorted(tables))))
    return problems


TABLES: Mapping[str, TableContract] = load_tables(
    resources.files("custintel.contracts").joinpath("tables.yaml").read_text(encoding="utf-8")
)


def tables_markdown() -> str:
    """Return docs/tables.md: how tables come in, how they are checked, and every column.

    Examples
    --------
    >>> tables_markdown().splitlines()[0]
    '# Tables'
    """
    opening = resources.files("custintel.contracts").joinpath("tables_opening.md").read_text(encoding="utf-8")
    return opening + "\n" + "\n".join(_table_markdown(contract) for contract in TABLES.values())


def _table_markdown(contract: TableContract) -> str:
    """One table as a heading, a sentence and its columns."""
    lines = [f"## {contract.name}", "", f"{contract.about}.", ""]
    facts = [
        ("Key", ", ".join(contract.key)),
        ("Event time", contract.event_time),
        ("Arrival time", contract.arrival_time),
    ]
    lines += [f"{name}: `{value}`.  " for name, value in facts if value]
    lines += ["", "| column | type | required | unit | allowed | meaning |", "|---|---|---|---|---|---|"]
    lines += [_column_markdown(column) for column in contract.columns.values()]
    return "\n".join([*lines, ""])


def _column_markdown(column: ColumnContract) -> str:
    """One column as a row."""
    notes = [column.about]
    if column.references:
        notes.append(f"names a row of `{column.references}`")
    if column.known_at:
        notes.append(f"known from `{column.known_at}` on")
    if column.needed_when:
        rows = "" if column.needed_when == "true" else f" where `{column.needed_when}`"
        notes.append(f"rows without it are counted{rows}")
    if column.identifier:
        notes.append(f"identifier ({column.identifier})")
    if column.sensitive:
        notes.append("sensitive")
    cells = (f"`{column.name}`", column.type, "yes" if column.required else "", column.unit, _allowed_values(column))
    return f"| {' | '.join(cells)} | {'; '.join(notes)} |"


def _allowed_values(column: ColumnContract) -> str:
    """Vocabulary or range."""
    if column.values:
        return ", ".join(column.values)
    low = "" if column.min is None else f"{column.min:g}"
    high = "" if column.max is None else f"{column.max:g}"
    return f"{low} .. {high}" if low or high else ""
