"""The contract of each table, read from tables.yaml: columns, types, keys and times; and the page docs/tables.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from custintel.contracts.pseudonyms import IDENTIFIERS
from custintel.errors import Problem, close_hint, raise_problems
from custintel.files.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from custintel.files.yaml_reader import Located


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
OWN_TABLE_HINT = "a table of your own has a contract: contracts= or contracts.yaml (docs/tables.md, Your own table)"
"""What to do about the name of a table that nobody knows."""
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
    columns: Mapping[str, ColumnContract] = field(hash=False)
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


def load_tables(text: str, file: str = "tables.yaml") -> Mapping[str, TableContract]:
    """Read table contracts from YAML and report all mistakes at once.

    Examples
    --------
    >>> load_tables("plans: {about: Plans, columns: {plan_id: {type: word, about: Identity of the plan}}}")
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: 1 mistake found
      tables.yaml:1: plans.plan_id: unknown type
        given: word
        allowed: string, integer, number, boolean, date, timestamp
    """
    document, problems = read_yaml(text, file)
    entries = {} if document is None else document.mapping
    problems = problems or [p for name, entry in entries.items() for p in entry_problems(name, entry, set(entries))]
    raise_problems(problems)
    return MappingProxyType({name: build_contract(name, entry) for name, entry in entries.items()})


def build_contract(name: str, entry: Located) -> TableContract:
    """Build one table contract of an entry without mistakes."""
    given: dict[str, Any] = entry.plain()  # type: ignore[assignment]
    columns = {column: _column(column, inner) for column, inner in given["columns"].items()}
    rest = {key: given[key] for key in ("ahead_days", "not_self") if key in given}
    return TableContract(
        name=name,
        about=given["about"],
        key=tuple(str(item.value) for item in _items(entry, "key")),
        event_time=given.get("event_time"),
        arrival_time=given.get("arrival_time"),
        columns=MappingProxyType(columns),
        **rest,
    )


def _column(name: str, given: Mapping[str, Any]) -> ColumnContract:
    """Build one column contract."""
    return ColumnContract(**{**given, "name": name, "values": tuple(given.get("values", ()))})


def _items(entry: Located, key: str) -> list[Located]:
    """The values under a key; none where it is absent."""
    return entry.mapping[key].items if key in entry.mapping else []


def entry_problems(name: str, entry: Located, tables: Collection[str]) -> list[Problem]:
    """List the mistakes of one table entry; `tables` are those that its columns may refer to."""
    columns = entry.mapping["columns"].mapping if "columns" in entry.mapping else {}
    if not columns:
        hint = f"{name}: {{about: ..., event_time: ..., columns: {{customer_id: {{type: string, about: The line}}}}}}"
        return [Problem(f"{entry.where}: {name}", "a table without columns", hint=hint)]
    problems = _key_problems(f"{name}", entry, _TABLE_KEYS)
    problems += _about_problems(name, entry)
    for key in ("key", "event_time", "arrival_time", "not_self"):
        problems += [
            Problem(f"{item.where}: {name}", "no such column", str(item.value), ", ".join(columns),
                    close_hint(str(item.value), columns))
            for item in _items(entry, key) if item.value not in columns
        ]  # fmt: skip
    for column, inner in columns.items():
        problems += _column_problems(f"{name}.{column}", inner, columns, tables)
    return problems


def _key_problems(name: str, entry: Located, allowed: Collection[str]) -> list[Problem]:
    """List the keys of an entry that are not allowed."""
    unknown = {key: inner for key, inner in entry.mapping.items() if key not in allowed}
    listed = ", ".join(sorted(allowed))
    return [
        Problem(f"{inner.where}: {name}", "unknown key", key, listed, close_hint(key, allowed))
        for key, inner in unknown.items()
    ]


def _about_problems(name: str, entry: Located) -> list[Problem]:
    """Every table and every column says in a line what it is."""
    about = entry.mapping["about"].value if "about" in entry.mapping else None
    hint = "about: one line that says what it is, for the dictionary"
    return [] if isinstance(about, str) and about else [Problem(f"{entry.where}: {name}", "no about", hint=hint)]


def _column_problems(name: str, entry: Located, columns: Collection[str], tables: Collection[str]) -> list[Problem]:
    """List the mistakes of one column entry."""
    where, given = f"{entry.where}: {name}", entry.mapping
    if not given:
        hint = f"{name.split('.')[1]}: {{type: string, about: ...}}"
        return [Problem(where, "not a mapping of keys", str(entry.plain()), hint=hint)]
    problems = _key_problems(name, entry, _COLUMN_KEYS) + _about_problems(name, entry)
    plain = {key: inner.plain() for key, inner in given.items()}
    if plain.get("type") not in SQL_TYPES:
        hint = close_hint(str(plain.get("type")), SQL_TYPES)
        problems.append(Problem(where, "unknown type", str(plain.get("type")), ", ".join(SQL_TYPES), hint))
    if not all(isinstance(item.value, str) for item in _items(entry, "values")):
        problems.append(Problem(where, "a value is not text", str(plain["values"]), hint="put it in quotes"))
    if plain.get("identifier", "line") not in IDENTIFIERS:
        problems.append(Problem(where, "unknown identifier", str(plain["identifier"]), ", ".join(IDENTIFIERS)))
    if plain.get("known_at", name.split(".")[1]) not in columns:
        problems.append(Problem(where, "known_at names no column", str(plain["known_at"]), ", ".join(columns)))
    if plain.get("references", next(iter(tables))) not in tables:
        hint = close_hint(str(plain["references"]), tables)
        problems.append(
            Problem(where, "references no table", str(plain["references"]), ", ".join(sorted(tables)), hint)
        )
    return problems


TABLES: Mapping[str, TableContract] = load_tables(
    resources.files("custintel.contracts").joinpath("tables.yaml").read_text(encoding="utf-8")
)


def tables_markdown(contracts: Iterable[TableContract] = ()) -> str:
    """Return docs/tables.md: how tables come in, how they are checked, and every column of every table.

    Parameters
    ----------
    contracts : iterable of TableContract, optional
        The tables to list alone, such as your own (``wh.contracts``), without the opening of the page.

    Examples
    --------
    >>> tables_markdown().splitlines()[0]
    '# Tables'
    """
    if listed := tuple(contracts):
        return "\n".join(_table_markdown(contract) for contract in listed)
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
