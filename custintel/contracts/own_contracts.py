"""A user's own tables, each by a contract of the same form as the shipped ones; and every table known in this process.

A contract is read from a file, a folder of files or a mapping, checked as a whole, and *declared*: from then on feature
files and questions may name its table. A warehouse takes only the contracts that it was opened with.

>>> visits = {"about": "One row a visit to a shop", "event_time": "event_time", "columns": {
...     "customer_id": {"type": "string", "about": "The line"},
...     "event_time": {"type": "timestamp", "about": "When the customer came in"}}}
>>> own = read_contracts({"shop_visits": visits})
>>> own["shop_visits"].required, own["shop_visits"].columns["customer_id"].references
(('customer_id', 'event_time'), 'customers')
>>> "shop_visits" in known_tables()
True
>>> forget_tables()
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from custintel.contracts.row_rules import DERIVED
from custintel.contracts.table_contracts import TABLES, ColumnContract, TableContract, build_contract, entry_problems
from custintel.errors import ConfigurationError, Problem, raise_problems
from custintel.expressions.parse import parse
from custintel.expressions.whitelist import SQL_WORDS
from custintel.files.yaml_reader import Located, read_yaml, read_yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


Contracts: TypeAlias = str | os.PathLike[str] | Mapping[str, Any]
"""Where contracts come from: a YAML file, a folder of such files, or a mapping of the same form."""

CONTRACTS_FILE = "contracts.yaml"
"""The file of an opened folder that holds the contracts of its own tables."""

_PLAIN = re.compile(r"[a-z][a-z0-9_]*")
# arguments of Warehouse.from_frames, and names that an opened folder uses for something else
_TAKEN = ("rename", "latest", "pseudonymise", "contracts", "mapping", "truth", "set_aside")
_NUMBERS = ("min", "max")

_DECLARED: dict[str, TableContract] = {}


def known_tables() -> Mapping[str, TableContract]:
    """The shipped contracts, and the own ones read in this process so far; of two of one name the later.

    Examples
    --------
    >>> list(known_tables())[:3]
    ['customers', 'accounts', 'plans']
    """
    return MappingProxyType({**TABLES, **_DECLARED})


def declared_tables() -> Mapping[str, TableContract]:
    """The own contracts read in this process so far.

    Examples
    --------
    >>> dict(declared_tables())
    {}
    """
    return MappingProxyType(dict(_DECLARED))


def forget_tables() -> None:
    """Forget the own contracts read so far, for tests.

    Examples
    --------
    >>> forget_tables()
    """
    _DECLARED.clear()


def read_contracts(given: Contracts | None) -> Mapping[str, TableContract]:
    """Read, check and declare the contracts of own tables.

    Parameters
    ----------
    given : path, mapping or None
        A YAML file, a folder of YAML files, or a mapping of tables to entries (or to contracts that were read
        before, such as ``wh.contracts``); None is no contract.

    Returns
    -------
    mapping of str to TableContract
        The own contracts by name.

    Raises
    ------
    ConfigurationError
        With every mistake: file and line, what was given, what is allowed, and a hint.

    Examples
    --------
    >>> read_contracts({"usage": {"about": "Calls", "columns": {"customer_id": {"type": "string", "about": "Line"}}}})
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: 1 mistake found
      contracts: usage: the name of a shipped table
        given: usage
        allowed: a name of your own
        hint: map your columns to the shipped contract (docs/tables.md), or call the table otherwise
    """
    if given is None or all(isinstance(entry, TableContract) for entry in _entries_of(given)):
        return MappingProxyType(dict(given or {}))  # type: ignore[arg-type]
    entries, problems = _entries(given)
    known = {*TABLES, *entries}
    for name, entry in entries.items():
        problems += _name_problems(name, entry) or entry_problems(name, entry, known) or _own_problems(name, entry)
    raise_problems(problems)
    own = {name: _with_defaults(build_contract(name, entry)) for name, entry in entries.items()}
    _DECLARED.update(own)
    return MappingProxyType(own)


def contracts_text(contracts: Mapping[str, TableContract]) -> str:
    """The contracts as YAML, as `read_contracts` reads it.

    Examples
    --------
    >>> print(contracts_text({"plans": TABLES["plans"]}).splitlines()[0])
    plans:
    """
    return yaml.safe_dump(
        {name: _table_entry(contract) for name, contract in contracts.items()}, sort_keys=False, allow_unicode=True
    )


def _table_entry(contract: TableContract) -> dict[str, Any]:
    """What a contract says, as plain values."""
    entry: dict[str, Any] = {"about": contract.about, "key": list(contract.key)}
    for name in ("event_time", "arrival_time", "ahead_days", "not_self"):
        entry |= {} if getattr(contract, name) is None else {name: getattr(contract, name)}
    return entry | {"columns": {name: _column_entry(column) for name, column in contract.columns.items()}}


def _column_entry(column: ColumnContract) -> dict[str, Any]:
    """What differs from a column of which nothing is said."""
    entry = {f.name: getattr(column, f.name) for f in fields(column) if f.name != "name"}
    bare = ColumnContract("", "")
    said = {name: value for name, value in entry.items() if value != getattr(bare, name)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}


def _entries_of(given: Contracts) -> Iterable[object]:
    """The entries of a mapping; a path has to be read first."""
    return given.values() if isinstance(given, Mapping) else (given,)


def _entries(given: Contracts) -> tuple[dict[str, Located], list[Problem]]:
    """The entries of all files, or of a mapping; a table given in two files is a mistake."""
    if isinstance(given, Mapping):
        return {str(name): _located(entry) for name, entry in given.items()}, []
    entries: dict[str, Located] = {}
    problems: list[Problem] = []
    for path in _files(Path(given)):
        document, wrong = read_yaml(read_yaml_text(path), str(path))
        problems += wrong or _document_problems(document, path)
        for name, entry in ({} if document is None else document.mapping).items():
            if name in entries:
                problems.append(
                    Problem(entry.where, "a table given twice", name, hint=f"also in {entries[name].where}")
                )
            entries.setdefault(name, entry)
    return entries, problems


def _located(value: object) -> Located:
    """A plain value as one of a document without lines."""
    if isinstance(value, Mapping):
        return Located({str(name): _located(inner) for name, inner in value.items()}, "contracts")
    if isinstance(value, list | tuple):
        return Located([_located(inner) for inner in value], "contracts")
    return Located(value, "contracts")  # type: ignore[arg-type]


def _files(path: Path) -> list[Path]:
    """The file, or the YAML files of the folder."""
    if path.is_dir():
        found = sorted((*path.glob("*.yaml"), *path.glob("*.yml")))
        if found:
            return found
    elif path.is_file():
        return [path]
    wrong = "no YAML file in the folder" if path.is_dir() else "no such file or folder"
    hint = "contracts= names the YAML file of your own tables (docs/tables.md, Your own table)"
    raise ConfigurationError(f"{path}: {wrong}\n  hint: {hint}")


def _document_problems(document: Located | None, path: Path) -> list[Problem]:
    """A file must map tables to entries; one that begins with an entry lacks its name."""
    hint = "begin with the table's name: my_table: {about: ..., key: [...], columns: {...}}"
    if document is None or not document.mapping:
        return [Problem(str(path), "no contract", hint=hint)]
    if "columns" in document.mapping and "type" not in document.mapping["columns"].mapping:
        return [Problem(document.where, "an entry without the name of its table", hint=hint)]
    return []


def _name_problems(name: str, entry: Located) -> list[Problem]:
    """Whether a table may be called so."""
    where = f"{entry.where}: {name}"
    if name in TABLES:
        hint = "map your columns to the shipped contract (docs/tables.md), or call the table otherwise"
        return [Problem(where, "the name of a shipped table", name, "a name of your own", hint)]
    return _word_problems(where, "table", name, (*SQL_WORDS, *_TAKEN))


def _word_problems(where: str, kind: str, name: str, taken: tuple[str, ...]) -> list[Problem]:
    """A name is a plain word in lower case that means nothing else."""
    if _PLAIN.fullmatch(name) and name not in taken:
        return []
    wrong = f"a {kind} cannot be called so" if name in taken else f"the name of a {kind} is no plain word"
    hint = "a mapping says which column or file it comes from (docs/tables.md, Column mapping)"
    return [Problem(where, wrong, name, "small letters, digits and _, beginning with a letter", hint)]


def _own_problems(name: str, entry: Located) -> list[Problem]:
    """Mistakes that only an own contract can have: the shipped ones are tested."""
    columns = entry.mapping["columns"].mapping
    problems = [p for c, inner in columns.items() for p in _own_column_problems(f"{name}.{c}", inner, columns)]
    ahead = entry.mapping.get("ahead_days")
    if ahead is not None and (isinstance(ahead.value, bool) or not isinstance(ahead.value, int) or ahead.value < 0):
        problems.append(Problem(f"{ahead.where}: {name}", "ahead_days is no number of days", str(ahead.plain())))
    for key in ("event_time", "arrival_time"):
        named = str(entry.mapping[key].value) if key in entry.mapping else ""
        kind = str(columns[named].mapping["type"].value) if named else "date"
        if kind not in ("date", "timestamp"):
            where = f"{entry.mapping[key].where}: {name}"
            problems.append(Problem(where, f"{key} is no time", f"{named}: {kind}", "a column of type date, timestamp"))
    if "customer_id" not in columns and "key" not in entry.mapping:
        wrong = "features can neither read nor join this table"
        hint = "customer_id and event_time for a table of events, key for a list that others look up"
        problems.append(Problem(f"{entry.where}: {name}", wrong, ", ".join(columns), "customer_id, or a key", hint))
    return problems


def _own_column_problems(name: str, entry: Located, columns: Mapping[str, Located]) -> list[Problem]:
    """Mistakes of a column beyond its keys: its name, its bounds, when it is needed."""
    where, column = f"{entry.where}: {name}", name.split(".")[1]
    problems = _word_problems(where, "column", column, DERIVED)
    given = {key: inner.value for key, inner in entry.mapping.items()}
    if column == "customer_id" and given["type"] != "string":
        problems.append(Problem(where, "an identity that is no text", str(given["type"]), "string"))
    for key in _NUMBERS:
        if key in given and (isinstance(given[key], bool) or not isinstance(given[key], int | float)):
            problems.append(Problem(where, f"{key} is not a number", str(given[key])))
    for key in ("required", "sensitive"):
        if not isinstance(given.get(key, True), bool):
            problems.append(Problem(where, f"{key} is neither true nor false", str(given[key]), "true, false"))
    return problems + list(_condition_problems(where, entry, columns))


def _condition_problems(where: str, entry: Located, columns: Mapping[str, Located]) -> Iterator[Problem]:
    """``needed_when`` is SQL that a stranger may have written: it must be of the expression language."""
    if "needed_when" not in entry.mapping:
        return
    text = _condition(entry.mapping["needed_when"].value)
    try:
        expression = parse(text, where)
    except ConfigurationError as error:
        yield from error.problems
        return
    unknown = sorted(expression.columns - set(columns))
    if unknown or expression.aggregates:
        wrong = "needed_when is a condition on the columns of one row"
        yield Problem(where, wrong, text, ", ".join(columns))


def _condition(value: object) -> str:
    """YAML reads ``needed_when: true`` as a value, the language as a condition."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with_defaults(contract: TableContract) -> TableContract:
    """What goes without saying: identities that others have keys of, and columns without which a row says nothing."""
    needed = {*contract.key, contract.event_time, "customer_id"}
    columns = {name: _column_with_defaults(column, name in needed) for name, column in contract.columns.items()}
    return replace(contract, columns=MappingProxyType(columns))


def _column_with_defaults(column: ColumnContract, needed: bool) -> ColumnContract:
    """A column named as the key of a shipped table names its rows, so that pseudonyms replace it there and here."""
    named = next((t for t, c in TABLES.items() if c.key == (column.name,) and column.name.endswith("_id")), None)
    is_free = column.references is None and column.identifier is None and column.type == "string"
    when = None if column.needed_when is None else _condition(column.needed_when)
    return replace(
        column,
        references=named if is_free else column.references,
        required=column.required or needed,
        needed_when=when,
    )
