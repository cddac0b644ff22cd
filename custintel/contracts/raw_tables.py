"""Where raw tables are found: in frames, in the files of a folder, in a database, in a Spark session.

All files of a table are read. Where several files or folders claim to be one table, an error lists them; files that
look like tables and are not read are named in a warning.
"""

from __future__ import annotations

import difflib
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from custintel.contracts.column_mapping import TableMapping
from custintel.contracts.required_columns import check_names
from custintel.contracts.row_rules import Source
from custintel.contracts.table_contracts import TABLES
from custintel.engines.engine import Engine, literal, quoted
from custintel.errors import ConfigurationError, ContractError, Problem, QualityWarning, without_values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from custintel.contracts.table_contracts import TableContract
    from custintel.engines.duckdb_engine import DuckDBEngine
    from custintel.engines.spark_engine import SparkEngine


Mappings = Mapping[str, tuple[TableMapping, ...]]
SUFFIXES = (".parquet", ".csv", ".csv.gz", ".tsv")
_OWN_FOLDERS = ("truth", "set_aside")
_LAKES = {"_delta_log": "Delta", ".hoodie": "Hudi"}
# data in forms that are not read; other files (notes, queries, pictures) are none of our business
_FOREIGN = (
    ".xlsx",
    ".xls",
    ".json",
    ".jsonl",
    ".txt",
    ".zip",
    ".gz",
    ".bz2",
    ".zst",
    ".xz",
    ".orc",
    ".avro",
    ".feather",
)
_ALIKE = 0.85


def frame_sources(
    engine: DuckDBEngine,
    tables: Mapping[str, Any],
    mappings: Mappings,
    contracts: Mapping[str, TableContract] = TABLES,
) -> dict[str, list[Source]]:
    """Register frames; a table may be a list of frames, each with its own mapping.

    Examples
    --------
    >>> from custintel.engines.duckdb_engine import DuckDBEngine
    >>> import pandas as pd
    >>> sources = frame_sources(DuckDBEngine(), {"plans": pd.DataFrame({"plan_id": ["s"]})}, {})
    >>> sources["plans"][0].label
    'plans'
    """
    check_names(tables, "from_frames", contracts)
    return {name: _table_sources(engine, name, given, mappings.get(name, ())) for name, given in tables.items()}


def _table_sources(engine: DuckDBEngine, name: str, given: Any, maps: Sequence[TableMapping]) -> list[Source]:
    """Register the parts of one table."""
    frames = list(given) if isinstance(given, list | tuple) else [given]
    if len(maps) > 1 and len(frames) == 1:
        frames = frames * len(maps)
    maps = _one_each(name, len(frames), maps)
    sources = []
    for i, (frame, mapping) in enumerate(zip(frames, maps, strict=True)):
        raw = f"_raw_{name}_{i}"
        try:
            engine.register(raw, frame)
        except TypeError as error:
            raise ContractError(f"{name}: {without_values(error)}") from None
        label = name if len(frames) == 1 else f"{name}[{i}]"
        sources.append(Source(quoted(raw), engine.columns(quoted(raw)), mapping, label))
    return sources


def _one_each(name: str, parts: int, maps: Sequence[TableMapping]) -> Sequence[TableMapping]:
    """One mapping for each part: none, the same for all, or as many as parts."""
    if len(maps) in (0, 1):
        return (maps[0] if maps else TableMapping(),) * parts
    if len(maps) != parts:
        raise ConfigurationError(
            f"rename: {name} has {len(maps)} mappings for {parts} frames; give one, or one for each"
        )
    return maps


def folder_sources(
    engine: DuckDBEngine, folder: Path, mappings: Mappings, contracts: Mapping[str, TableContract] = TABLES
) -> dict[str, list[Source]]:
    """Find the tables of a folder: a Parquet or CSV file, or a subfolder of such files, under the table's name.

    Examples
    --------
    >>> from custintel.engines.duckdb_engine import DuckDBEngine
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "plans.csv").write_text("plan_id\\ns")
    ...     folder_sources(DuckDBEngine(), pathlib.Path(folder), {})["plans"][0].columns
    {'plan_id': 'VARCHAR'}
    """
    wanted = [name for name in contracts if any(m.file is None for m in mappings.get(name, (TableMapping(),)))]
    files = table_files(folder, wanted)
    places = _places(files, mappings, lambda name: [file_inside(folder, name)], contracts)
    read = {name: [path for found, _ in parts for path in found] for name, parts in places.items()}
    warn_of_unread(folder, read, contracts)
    return {
        name: [_file_source(engine, path, mapping) for found, mapping in parts for path in found]
        for name, parts in places.items()
    }


def _places(
    files: Mapping[str, Any], mappings: Mappings, named: Any, contracts: Mapping[str, TableContract]
) -> dict[str, list[tuple[Any, TableMapping]]]:
    """The place of every part of every table: as the mapping says, or under the table's name."""
    places: dict[str, list[tuple[Any, TableMapping]]] = {}
    for name in contracts:
        for mapping in mappings.get(name, (TableMapping(),)):
            if mapping.file is not None:
                places.setdefault(name, []).append((named(mapping.file), mapping))
            elif name in files:
                places.setdefault(name, []).append((files[name], mapping))
    return places


def _file_source(engine: DuckDBEngine, path: Path, mapping: TableMapping) -> Source:
    """One file or subfolder as a part of a table."""
    files = data_files(path)
    if not files:
        raise ContractError(f"{path}: no Parquet or CSV file there\n  allowed: {', '.join(SUFFIXES)}")
    if not any(file.stat().st_size for file in files):
        hint = "copy it again, as a transfer may have broken off, or remove it if there is nothing to read"
        raise ContractError(f"{path}: the file is empty\n  given: 0 bytes\n  hint: {hint}")
    try:
        relation = engine.read_files(files, path if path.is_dir() else None)
        return Source(relation, engine.columns(relation), mapping, path.name)
    except (engine.Error, ValueError) as error:
        raise ContractError(f"{path}: cannot be read\n  given: {without_values(error)}") from None


def database_sources(
    engine: DuckDBEngine,
    catalog: str,
    mappings: Mappings,
    borrowed: Mapping[str, str] | None = None,
    file: Path | None = None,
    contracts: Mapping[str, TableContract] = TABLES,
) -> dict[str, list[Source]]:
    """Find the tables and views of a database, and those borrowed from a connection.

    The views of a `file` are SQL that came with it: their rows are copied by an engine that reads nothing else.

    Examples
    --------
    >>> from custintel.engines.duckdb_engine import DuckDBEngine
    >>> engine = DuckDBEngine()
    >>> engine.execute("create table memory.main.plans as select 's' as plan_id")
    >>> [source.relation for source in database_sources(engine, "memory", {})["plans"]]
    ['"memory"."main"."plans"']
    """
    found = engine.rows(
        "select table_catalog, table_schema, table_name, table_type = 'VIEW' from information_schema.tables"
        f" where table_catalog = {literal(catalog)} order by table_schema <> 'main'"
    )
    tables = {name.lower(): quoted(here) for name, here in (borrowed or {}).items()}
    views: dict[str, str] = {}
    for *words, is_view in found:
        relation = ".".join(quoted(str(word)) for word in words)
        tables.setdefault(str(words[-1]).lower(), relation)
        if is_view and file is not None:
            views[relation] = ".".join(quoted(str(word)) for word in words[1:])
    places = _places(tables, mappings, lambda name: tables.get(name.lower(), quoted(name)), contracts)
    if not places:
        hint = 'rename={"usage": {"file": "TABLE", ...}} says which table holds the calls'
        given = ", ".join(sorted(tables)[:20]) or "no tables"
        raise ContractError(f"no table of the contracts in the database\n  given: {given}\n  hint: {hint}")
    used = {relation: views[relation] for parts in places.values() for relation, _ in parts if relation in views}
    copies = {} if file is None else _copied_views(engine, file, used)
    return {
        name: [_table_source(engine, copies.get(r, r), m, r.replace('"', "")) for r, m in parts]
        for name, parts in places.items()
    }


def _copied_views(engine: DuckDBEngine, file: Path, views: Mapping[str, str]) -> dict[str, str]:
    """The rows of views of a file, by the relation that each stands for."""
    copies = {}
    for number, (relation, view) in enumerate(views.items()):
        try:
            engine.copy_view(file, view, f"_view_{number}")
        except engine.Error as error:
            raise ContractError(f"{file}: the view {view} cannot be read\n  given: {without_values(error)}") from None
        copies[relation] = engine.temp_table(f"_view_{number}")
    return copies


def drop_copied_views(engine: DuckDBEngine, sources: Mapping[str, Sequence[Source]]) -> None:
    """Forget the copies that `database_sources` made of views, once the clean tables are made."""
    kept = [source.relation for parts in sources.values() for source in parts if source.relation.startswith("temp.")]
    for relation in dict.fromkeys(kept):
        engine.execute(f"drop table if exists {relation}")


def spark_sources(
    engine: SparkEngine, mappings: Mappings, contracts: Mapping[str, TableContract] = TABLES
) -> dict[str, list[Source]]:
    """Find the tables and temporary views of a Spark session; `file` of a mapping names one of any database."""
    files = [m.file for parts in mappings.values() for m in parts if m.file is not None]
    tables = engine.find_tables([*contracts, *files])
    places = _places({name: name for name in tables}, mappings, str.lower, contracts)
    sources = {}
    for name, parts in places.items():
        sources[name] = [_table_source(engine, tables.get(n, quoted(n)), m, n, engine.time_zone) for n, m in parts]
    return sources


def _table_source(
    engine: Engine, relation: str, mapping: TableMapping, label: str = "", zone: str | None = None
) -> Source:
    """One table or view of a database as a part of a table."""
    label = label or relation.replace('"', "")
    try:
        return Source(relation, engine.columns(relation), mapping, label, zone)
    except engine.Error as error:
        raise ContractError(f"{label}: cannot be read\n  given: {without_values(error)}") from None


def data_files(path: Path) -> list[Path]:
    """The Parquet and CSV files at a place, in order; what a leading dot or underscore hides is no data.

    Examples
    --------
    >>> data_files(Path("no/such/place"))
    []
    """
    if not os.path.isdir(path):  # unlike Path.is_dir, no error when a name is too long
        return [path] if os.path.isfile(path) and _is_data(path) else []
    _refuse_lake(path)
    inside = sorted(path.rglob("*"))
    return [p for p in inside if p.is_file() and _is_data(p) and not any(map(_hidden, p.relative_to(path).parts))]


def _is_data(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES) and not _hidden(path.name)


def _hidden(name: str) -> bool:
    """Checkpoints of notebooks, leftovers of Spark; `_month=1` is a part of a table, though."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _refuse_lake(folder: Path) -> None:
    """A table of a lake keeps files of rows that were deleted: reading all files would bring them back."""
    for name, kind in _LAKES.items():
        if (folder / name).is_dir():
            hint = "export the present version as Parquet, or give a Spark session that knows the table"
            raise ContractError(f"{folder}: a {kind} table, which holds files of deleted rows too\n  hint: {hint}")


def table_files(folder: Path, wanted: Collection[str]) -> dict[str, list[Path]]:
    """The files or subfolders of each table of the contracts that is wanted and there.

    Several are parts of one table when they are files of one kind and a number tells them apart (``usage.2024.csv``,
    ``usage.2025.csv``); anything else is a clash.

    Raises
    ------
    ContractError
        Several files or folders claim to be the same table.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     for name in ("plans.1.csv", "plans.2.csv"):
    ...         _ = Path(place, name).write_text("plan_id")
    ...     [path.name for path in table_files(Path(place), ["plans"])["plans"]]
    ['plans.1.csv', 'plans.2.csv']
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        table = path.name.split(".")[0].lower()
        if table in wanted and path.name not in _OWN_FOLDERS and data_files(path):
            found.setdefault(table, []).append(path)
    clashes = [_clash(folder, name, places) for name, places in found.items() if not _are_parts(places)]
    if clashes:
        raise ContractError("\n".join(map(str, clashes)))
    return {name: found[name] for name in wanted if name in found}


def _are_parts(places: Sequence[Path]) -> bool:
    """Whether these are one table: a single place, or numbered files of one kind."""
    kinds = {next((s for s in SUFFIXES if p.name.lower().endswith(s)), "") for p in places}
    numbers = [p.name.split(".", 1)[1][: -len(next(iter(kinds)))] if "." in p.name else "" for p in places]
    numbered = all(any(c.isdigit() for c in number) for number in numbers)
    return len(places) == 1 or (len(kinds) == 1 and numbered and not any(p.is_dir() for p in places))


def _clash(folder: Path, name: str, places: Iterable[Path]) -> Problem:
    given = ", ".join(p.name + ("/" if p.is_dir() else "") for p in places)
    allowed = f"one file, one folder {name}/ of files, or numbered parts such as {name}.2024.csv, {name}.2025.csv"
    hint = (
        f"move the others away, or name the right ones in mapping.yaml: {name}: {{file: ...}} or [{{file: ...}}, ...]"
    )
    return Problem(f"{folder}: {name}", "several files or folders claim to be this table", given, allowed, hint)


def warn_of_unread(
    folder: Path, read: Mapping[str, Collection[Path]], contracts: Mapping[str, TableContract] = TABLES
) -> None:
    """Say which files look like tables but are not read; `read` holds those that are, by table.

    Examples
    --------
    >>> warn_of_unread(Path("."), {})
    """
    known = {os.path.abspath(p) for places in read.values() for p in places}
    seen = [p for p in sorted(folder.iterdir()) if os.path.abspath(p) not in known and not _hidden(p.name)]
    unread = {p.name: table for p in seen if p.name not in _OWN_FOLDERS and (table := _looks_like(p, read, contracts))}
    if unread:
        said = ", ".join(f"{name} ({table}?)" for name, table in unread.items())
        hint = f"tables are called as in the contracts, and are {', '.join(SUFFIXES)}; mapping.yaml names other files"
        warnings.warn(f"{folder}: not read: {said}\n  hint: {hint}", QualityWarning, stacklevel=5)


def _looks_like(path: Path, read: Collection[str], contracts: Collection[str]) -> str | None:
    """The table that somebody may have meant by this file; None if it is read from elsewhere, or is no data."""
    if not (path.is_file() and path.name.lower().endswith((*SUFFIXES, *_FOREIGN))):
        return None
    word = path.name.split(".")[0].lower()
    plain = word.rstrip("0123456789_- ")
    copies = [name for name in contracts if re.match(rf"{name}[^a-z]", word)]  # usage (1), usage copy, usage_jan
    if copies:
        return max(copies, key=len)
    close = difflib.get_close_matches(plain, contracts, n=1, cutoff=_ALIKE)
    return close[0] if close and (close[0] not in read or plain != word) else None


def file_inside(folder: Path, name: str) -> Path:
    """The place that a mapping names, which is inside its folder, symbolic links followed.

    Raises
    ------
    ConfigurationError
        It is absolute, climbs with ``..``, or leads outside through a symbolic link.

    Examples
    --------
    >>> file_inside(Path("operator"), "cdr/2025.csv").as_posix()
    'operator/cdr/2025.csv'
    >>> file_inside(Path("operator"), "../other/usage.csv")
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: mapping: file leads out of the folder
      given: ../other/usage.csv
      allowed: a file or folder inside operator
      hint: put the file there, or open the folder above
    """
    place = folder / name
    home = folder.resolve()
    outside = [p for p in (place, *data_files(place)) if not p.resolve().is_relative_to(home)]
    if Path(name).is_absolute() or ".." in Path(name).parts or outside:
        raise ConfigurationError(
            f"mapping: file leads out of the folder\n  given: {name}\n  allowed: a file or folder inside {folder}\n"
            "  hint: put the file there, or open the folder above"
        )
    return place
