"""DuckDB, the embedded default engine, and what is wrong with a database file that it cannot open."""

from __future__ import annotations

import itertools
import re
import shutil
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from custintel.engines.engine import literal, path_literal, plain_path, quoted
from custintel.engines.to_arrow import Frame, to_arrow
from custintel.errors import ContractError, OutputError
from custintel.files.atomic_write import atomic_file, make_scratch_folder
from custintel.files.spreadsheet_cells import ESCAPED_FORMULA

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import pyarrow as pa


_MAGIC = b"DUCK"  # from the ninth byte on
_OTHERS = {b"SQLite format 3": "an SQLite database", b"PAR1": "a Parquet file", b"PK\x03\x04": "a ZIP or Excel file"}


def explain_broken_database(path: Path, message: str) -> str:
    """What is wrong with a file, from its first bytes and what DuckDB said.

    Parameters
    ----------
    path : Path
        The file.
    said : str
        The text of DuckDB's error.

    Examples
    --------
    >>> from pathlib import Path
    >>> print(explain_broken_database(Path("x.duckdb"), "Conflicting lock is held in python (PID 7)"))
    x.duckdb: another process (PID 7) has it open for writing
      hint: close it there, or give a copy of the file
    """
    if "onflicting lock" in message or "set lock" in message:
        owner = re.search(r"PID \d+", message)
        process = f"another process ({owner[0]})" if owner else "another process"
        return f"{path}: {process} has it open for writing\n  hint: close it there, or give a copy of the file"
    head = _head(path)
    if head[8:12] != _MAGIC:
        given = next((what for mark, what in _OTHERS.items() if head.startswith(mark)), "something else")
        return f"{path}: not a DuckDB database\n  given: {given if head else 'an empty file'}"
    if "version number" in message:
        return (
            f"{path}: written by a DuckDB with another storage version\n  given: {_versions(message)}\n"
            "  hint: upgrade the package duckdb, or export the tables there as Parquet (EXPORT DATABASE)"
        )
    broken = "truncated" if "enough bytes" in message else "damaged"
    return f"{path}: the database file is {broken}\n  hint: copy it again from its source, with nobody writing to it"


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError:
        return b""


def _versions(message: str) -> str:
    """The sentence of DuckDB that has the numbers."""
    found = re.search(r"version number[^.\n]*", message)
    return found[0] if found else "another version"


_numbers = itertools.count(1)
_FILE = "_custintel_file"
_BATCH = 100_000
_RESTORED = (  # texts that were escaped for spreadsheets; the first test costs nothing, the second does
    f"case when columns(*) like '''%' then regexp_replace(columns(*), {literal(ESCAPED_FORMULA)}, '\\1') "
    "else columns(*) end"
)
_READERS = {
    ".parquet": "read_parquet([{files}], union_by_name = true, hive_partitioning = false{more})",
    ".csv": f"(select {_RESTORED} from read_csv([{{files}}], all_varchar = true, header = true, union_by_name = true,"
    " hive_partitioning = false{more}))",
}


class DuckDBEngine:
    """A DuckDB database that runs SQL and takes and gives data frames.

    Parameters
    ----------
    path : str or path, optional
        Database file; without it the tables live in memory and spill to a temporary folder.
    memory_limit : str, optional
        Such as ``"4GB"``; DuckDB's own default is 80 % of the machine.
    threads : int, optional
        Number of threads; DuckDB's own default is all cores.

    Examples
    --------
    >>> import pandas as pd
    >>> engine = DuckDBEngine()
    >>> engine.register("calls", pd.DataFrame({"customer_id": ["a", "a", "b"], "duration_s": [60, 30, 5]}))
    >>> engine.sql("select customer_id, sum(duration_s)::int as s from calls group by 1 order by 1")
      customer_id   s
    0           a  90
    1           b   5
    """

    dialect = "duckdb"
    Error = duckdb.Error

    def __init__(
        self, path: str | os.PathLike[str] | None = None, memory_limit: str | None = None, threads: int | None = None
    ) -> None:
        self._spill_folder = str(make_scratch_folder())
        weakref.finalize(self, shutil.rmtree, self._spill_folder, ignore_errors=True)
        settings: dict[str, str | bool | int | float | list[str]] = {"temp_directory": self._spill_folder}
        if memory_limit is not None:
            settings["memory_limit"] = memory_limit
        if threads is not None:
            settings["threads"] = threads
        self._connection = duckdb.connect(":memory:" if path is None else str(path), config=settings)
        self._owned = True
        self._prepare(None if path is not None else "store")

    @classmethod
    def from_connection(cls, connection: duckdb.DuckDBPyConnection) -> DuckDBEngine:
        """Work beside the tables of an open connection, in an attached memory database of its own.

        The work is done on a second connection to the same database: names, settings and default schema of the first
        stay as they are. What it has not committed, and its temporary tables and registered frames, are not seen here
        (`import_temporary_tables` brings the latter over).

        Examples
        --------
        >>> connection = duckdb.connect()
        >>> _ = connection.execute("create table calls as select 7 as a")
        >>> engine = DuckDBEngine.from_connection(connection)
        >>> engine.execute("create table mine as select * from memory.main.calls")
        >>> engine.tables(), connection.execute("select current_catalog()").fetchall()
        (['mine'], [('memory',)])
        """
        engine = cls.__new__(cls)
        engine._connection = connection.cursor()
        engine._owned = False
        engine._prepare(f"custintel_{next(_numbers)}")
        return engine

    def import_temporary_tables(self, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
        """Bring over the temporary tables, views and registered frames of a connection; return their names here.

        Examples
        --------
        >>> import pandas as pd
        >>> connection = duckdb.connect()
        >>> _ = connection.register("calls", pd.DataFrame({"a": [7]}))
        >>> DuckDBEngine.from_connection(connection).import_temporary_tables(connection)
        {'calls': '_temporary_calls'}
        """
        query = "select table_name from information_schema.tables where table_catalog = 'temp' order by 1"
        names = [str(row[0]) for row in connection.execute(query).fetchall()]
        for name in names:
            self._connection.register(f"_temporary_{name}", _table(connection, f"from temp.{quoted(name)}"))
        return {name: f"_temporary_{name}" for name in names}

    def _prepare(self, attach: str | None) -> None:
        """Attach the memory store and settle on UTC."""
        self._connection.execute("set timezone = 'UTC'")
        # a misspelt table must be an error, not a Python variable that happens to have the name
        self._connection.execute("set python_enable_replacements = false")
        self._first_catalog = self._current_catalog()
        if attach is not None:
            self._connection.execute(f"attach ':memory:' as {quoted(attach)}")
            self._connection.execute(f"use {quoted(attach)}")
        self.catalog = attach or self._first_catalog

    def _current_catalog(self) -> str:
        """The database in which unqualified names are looked for."""
        return str(self._connection.execute("select current_catalog()").fetchall()[0][0])

    def sql(self, query: str) -> pd.DataFrame:
        """Run a query and return pandas.

        Examples
        --------
        >>> DuckDBEngine().sql("select 1 as a")
           a
        0  1
        """
        return self._connection.execute(query).df()

    def native(self, query: str) -> pd.DataFrame:
        """Run a query in the engine's own dialect, which here is the usual one.

        Examples
        --------
        >>> DuckDBEngine().native("select 1 as a")
           a
        0  1
        """
        return self.sql(query)

    def arrow(self, query: str) -> pa.Table:
        """Run a query and return an Arrow table.

        Examples
        --------
        >>> DuckDBEngine().arrow("select 1 as a").to_pydict()
        {'a': [1]}
        """
        return _table(self._connection, query)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Run a query and return plain Python rows.

        Examples
        --------
        >>> DuckDBEngine().rows("select 1, 'a'")
        [(1, 'a')]
        """
        return self._connection.execute(query).fetchall()

    def execute(self, query: str) -> None:
        """Run a statement and return nothing.

        Examples
        --------
        >>> DuckDBEngine().execute("create table t as select 1 as a")
        """
        self._connection.execute(query)

    def register(self, name: str, frame: Frame) -> None:
        """Give a pandas, Polars or Arrow frame a name in SQL, without a copy where possible.

        Examples
        --------
        >>> import pyarrow as pa
        >>> engine = DuckDBEngine()
        >>> engine.register("t", pa.table({"a": [1, 2]}))
        >>> engine.rows("select sum(a)::int from t")
        [(3,)]
        """
        self._connection.register(name, to_arrow(frame))

    def unregister(self, name: str) -> None:
        """Forget a registered frame.

        Examples
        --------
        >>> import pandas as pd
        >>> engine = DuckDBEngine()
        >>> engine.register("t", pd.DataFrame({"a": [1]}))
        >>> engine.unregister("t")
        """
        self._connection.unregister(name)

    def create_temp_table(self, name: str, query: str) -> None:
        """Run a query and keep its rows for the time being; an earlier result of that name is replaced.

        Examples
        --------
        >>> engine = DuckDBEngine()
        >>> engine.create_temp_table("half_done", "select 1 as a")
        >>> engine.rows(f"select a from {engine.temp_table('half_done')}")
        [(1,)]
        """
        self._connection.execute(f"create or replace temporary table {self.temp_table(name)} as {query}")

    def temp_table(self, name: str) -> str:
        """Return the SQL name of kept rows.

        Examples
        --------
        >>> DuckDBEngine().temp_table("half_done")
        'temp."half_done"'
        """
        return f"temp.{quoted(name)}"

    def drop_temp_table(self, name: str) -> None:
        """Forget kept rows, if there are any.

        Examples
        --------
        >>> DuckDBEngine().drop_temp_table("half_done")
        """
        self._connection.execute(f"drop table if exists {self.temp_table(name)}")

    def create_table(self, name: str, query: str, schema: str = "main") -> None:
        """Run a query and store its rows as a table; an earlier one is replaced.

        Examples
        --------
        >>> engine = DuckDBEngine()
        >>> engine.create_table("plans", "select 's' as plan_id")
        >>> engine.rows("select * from plans")
        [('s',)]
        """
        self._connection.execute(f"create schema if not exists {quoted(self.catalog)}.{quoted(schema)}")
        self._connection.execute(f"create or replace table {self.relation(name, schema)} as {query}")

    def relation(self, name: str, schema: str = "main") -> str:
        """Return the SQL name of a table made here.

        Examples
        --------
        >>> DuckDBEngine().relation("plans")
        '"store".main."plans"'
        """
        return f"{quoted(self.catalog)}.{schema}.{quoted(name)}"

    def read_files(
        self, paths: Sequence[str | os.PathLike[str]], partition_root: str | os.PathLike[str] | None = None
    ) -> str:
        """Return a relation for FROM that reads Parquet or CSV files; every CSV column is text.

        Parameters
        ----------
        paths : sequence of path
            Files, all Parquet or all CSV. Names are literal: no sign in them stands for other names.
        below : path, optional
            A folder: subfolders between it and a file that are called ``name=value`` become columns of text, unless
            the files have such a column.

        Examples
        --------
        >>> DuckDBEngine().read_files(["x[1]/usage.parquet"])
        "read_parquet(['./x[[]1]/usage.parquet'], union_by_name = true, hive_partitioning = false)"
        """
        kinds = {".parquet" if Path(p).name.lower().endswith(".parquet") else ".csv" for p in paths}
        if len(kinds) != 1:
            names = ", ".join(sorted(Path(p).name for p in paths)[:10])
            raise ValueError(f"one table must be all Parquet or all CSV, not {sorted(kinds)}: {names}")
        reader, files = _READERS[kinds.pop()], ", ".join(map(path_literal, paths))
        relation = reader.format(files=files, more="")
        folders = [] if partition_root is None else _partition_columns(paths, Path(partition_root))
        own = {name.lower() for name in self.columns(relation)} if folders else set()
        if partition_root is None or not (named := [name for name in folders if name.lower() not in own]):
            return relation
        return _with_partition_columns(
            reader.format(files=files, more=f", filename = {literal(_FILE)}"), named, partition_root
        )

    def write_parquet(self, query: str, path: str | os.PathLike[str]) -> None:
        """Write the result of a query as one Parquet file; a killed run leaves no half file under its name.

        Examples
        --------
        >>> import pandas as pd
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     DuckDBEngine().write_parquet("select 1 as a", f"{folder}/t.parquet")
        ...     pd.read_parquet(f"{folder}/t.parquet").shape
        (1, 1)
        """
        # DuckDB's own temporary file would stay after a kill, and nobody would know whose it is
        options = "format parquet, compression zstd, use_tmp_file false"
        with atomic_file(Path(path)) as temporary, _full_disk_error(path):
            self.execute(f"copy ({query}) to {literal(plain_path(temporary))} ({options})")

    def attach(self, path: str | os.PathLike[str], name: str) -> None:
        """Attach another DuckDB file, for reading only.

        Raises
        ------
        ContractError
            It is no DuckDB file, truncated, of another storage version, or open for writing elsewhere.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     DuckDBEngine(f"{folder}/x.duckdb").close()
        ...     DuckDBEngine().attach(f"{folder}/x.duckdb", "source")
        """
        if "?" in str(Path(path).absolute()):
            # what follows is taken for options: DuckDB 2.0 would look for changes not yet merged in another place
            raise ContractError(f"{path}: DuckDB cannot open files under a name with '?'\n  hint: rename the folder")
        try:
            # without the type, DuckDB would fetch a reader for a foreign file from the network
            self._connection.execute(f"attach {literal(plain_path(path))} as {quoted(name)} (type duckdb, read_only)")
        except duckdb.Error as error:
            raise ContractError(explain_broken_database(Path(path), str(error))) from error

    def copy_view(self, path: str | os.PathLike[str], view: str, name: str) -> None:
        """Keep the rows of a view of another DuckDB file; the view sees the tables of its file and nothing else.

        The SQL of a view comes with the file and could read whatever the reader may read. So it runs in a database of
        its own, in which DuckDB opens no file, no address and no extension.

        Parameters
        ----------
        path : path
            The DuckDB file.
        view : str
            SQL name of the view in it.
        name : str
            What the rows are called among those kept here.

        Raises
        ------
        ContractError
            The view reads something outside its file.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = duckdb.connect(f"{folder}/x.duckdb")
        ...     _ = made.execute("create view v as select 7 as a")
        ...     made.close()
        ...     engine = DuckDBEngine()
        ...     engine.copy_view(f"{folder}/x.duckdb", "v", "copy")
        >>> engine.rows(f"from {engine.temp_table('copy')}")
        [(7,)]
        """
        with _sandboxed_database(path, self._spill_folder) as sandbox:
            try:
                self._connection.register("_view", _reader(sandbox, f"from {view}"))
                self.create_temp_table(name, "from _view")
            except duckdb.PermissionException:
                raise ContractError(_outside_read_message(path, view)) from None
            finally:
                self._connection.unregister("_view")

    def columns(self, name: str) -> dict[str, str]:
        """Return column names and SQL types of a table or any relation usable in FROM.

        Examples
        --------
        >>> DuckDBEngine().columns("(select 1 as a, 'x' as b)")
        {'a': 'INTEGER', 'b': 'VARCHAR'}
        """
        return {str(row[0]): str(row[1]) for row in self.rows(f"describe select * from {name}")}

    def tables(self) -> list[str]:
        """Return the names of the tables and views made here.

        Examples
        --------
        >>> DuckDBEngine().tables()
        []
        """
        found = self.rows(
            f"select table_name from information_schema.tables where table_catalog = {literal(self.catalog)} order by 1"
        )
        return [str(row[0]) for row in found]

    def close(self) -> None:
        """Close the database; a guest connection is left open.

        Examples
        --------
        >>> DuckDBEngine().close()
        """
        if self._owned:
            self._connection.close()
            shutil.rmtree(self._spill_folder, ignore_errors=True)
        else:
            self._connection.execute(f"use {quoted(self._first_catalog)}")
            self._connection.execute(f"detach database if exists {quoted(self.catalog)}")
            self._connection.close()


@contextmanager
def _full_disk_error(path: str | os.PathLike[str]) -> Iterator[None]:
    """DuckDB tells a full disk in words of its own."""
    try:
        yield
    except duckdb.Error as error:
        if "No space left" not in str(error) and "File too large" not in str(error):
            raise
        raise OutputError(
            f"{path} cannot be written: the disk is full\n"
            "  hint: free some space, or write to another disk; what was there before is unchanged"
        ) from error


@contextmanager
def _sandboxed_database(path: str | os.PathLike[str], spill: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB file opened for reading, whose SQL can reach nothing outside."""
    connection = duckdb.connect(plain_path(path), read_only=True, config={"temp_directory": spill})
    try:
        connection.execute("set timezone = 'UTC'")
        connection.execute("set python_enable_replacements = false")
        connection.execute("set enable_external_access = false")
        yield connection
    finally:
        connection.close()


def _outside_read_message(path: str | os.PathLike[str], view: str) -> str:
    return (
        f"{path}: the view {view} reads files, addresses or extensions outside the database\n"
        "  allowed: tables, and views of tables of the same database\n"
        "  hint: make a table of it (create table ... as from ...), or give a connection in place of the file if you "
        "trust it"
    )


def _reader(connection: duckdb.DuckDBPyConnection, query: str) -> pa.RecordBatchReader:
    """The result of a query in batches; DuckDB 2.0 renamed the method."""
    result = connection.sql(query)
    fetch = getattr(result, "to_arrow_reader", None) or getattr(result, "fetch_arrow_reader")  # noqa: B009
    reader: pa.RecordBatchReader = fetch(_BATCH)
    return reader


def _table(connection: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    """The result of a query as an Arrow table; DuckDB 2.0 renamed the method."""
    result = connection.sql(query)
    fetch = getattr(result, "to_arrow_table", None) or getattr(result, "fetch_arrow_table")  # noqa: B009
    table: pa.Table = fetch()
    return table


def _partition_columns(paths: Sequence[str | os.PathLike[str]], partition_root: Path) -> list[str]:
    """Names of the columns that subfolders `name=value` stand for."""
    folders = [folder for path in paths for folder in Path(path).relative_to(partition_root).parts[:-1]]
    return list(dict.fromkeys(folder.split("=", 1)[0] for folder in folders if "=" in folder))


def _with_partition_columns(relation: str, names: Sequence[str], partition_root: str | os.PathLike[str]) -> str:
    """The rows of the files with a column for each name of a subfolder."""
    inside = f"substr({quoted(_FILE)}, {len(plain_path(partition_root)) + 1})"
    columns = [
        f"nullif(nullif(url_decode(regexp_extract({inside}, {literal(f'/{re.escape(name)}=([^/]*)/')}, 1)), ''),"
        f" '__HIVE_DEFAULT_PARTITION__') as {quoted(name)}"
        for name in names
    ]
    return f"(select * exclude ({quoted(_FILE)}), {', '.join(columns)} from {relation})"
