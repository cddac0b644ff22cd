"""Spark: the same queries, translated, in a session of our own beside the user's."""

from __future__ import annotations

import itertools
import re
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from custintel.engines.engine import quoted
from custintel.engines.to_arrow import Frame, to_arrow
from custintel.errors import DataError, MissingExtraError
from custintel.expressions.translate_dialect import translate
from custintel.files.atomic_write import atomic_file

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession


_numbers = itertools.count(1)
_UNQUOTED = re.compile(r"[a-z_][a-z0-9_]*")
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # names are those of the contracts whatever their case, as in DuckDB
    "spark.sql.caseSensitive": "false",
    # what Spark concludes about columns grows without end when hundreds of them are made of each other
    "spark.sql.constraintPropagation.enabled": "false",
}
_NAIVE_TIMES = {"spark.sql.timestampType": "TIMESTAMP_NTZ"}
_DUCKDB_TYPES = {
    "string": "VARCHAR",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp_ntz": "TIMESTAMP",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}
_SPARK_TYPES = {
    pa.types.is_uint8: pa.int16(),
    pa.types.is_uint16: pa.int32(),
    pa.types.is_uint32: pa.int64(),
    pa.types.is_uint64: pa.decimal128(20, 0),
    pa.types.is_float16: pa.float32(),
}
"""Arrow types that Spark does not have, and those that hold the same values."""


def is_spark_session(user_session: object) -> bool:
    """Whether this is a Spark session; Spark itself is not imported.

    Examples
    --------
    >>> is_spark_session("warehouse/")
    False
    """
    kind = type(user_session)
    return kind.__name__ == "SparkSession" and kind.__module__.startswith("pyspark.sql")


class SparkEngine:
    """Runs SQL on Spark and takes and gives data frames.

    The work is done in a session of its own on the same cluster: settings, names and temporary views of the session
    given stay as they are. Queries are written in DuckDB's dialect and translated; times are naive and in UTC.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        The session beside which the work is done.

    Examples
    --------
    >>> engine = SparkEngine(spark)  # doctest: +SKIP
    >>> engine.rows("select date_diff('day', date '2025-01-01', timestamp '2025-01-02 00:00:01')")  # doctest: +SKIP
    [(1,)]
    """

    dialect = "spark"

    def __init__(self, session: SparkSession) -> None:
        errors = _pyspark("pyspark.errors")
        self.Error = (errors.PySparkException, _pyspark("py4j.protocol").Py4JError)
        self.user_session = session
        self.time_zone = str(session.conf.get("spark.sql.session.timeZone"))
        self._session = _own_session(session)
        self._frames: dict[str, DataFrame] = {}
        self._shared_views: list[str] = []

    def _query(self, query: str) -> DataFrame:
        """A query, read and planned but not run."""
        return self._session.sql(translate(query, self.dialect))

    def sql(self, query: str) -> pd.DataFrame:
        """Run a query and return pandas; it comes through Arrow."""
        frame: pd.DataFrame = self.arrow(query).to_pandas()
        return frame

    def native(self, query: str) -> pd.DataFrame:
        """Run a query written in Spark's own SQL and return pandas."""
        frame: pd.DataFrame = _without_metadata(self._session.sql(query).toArrow()).to_pandas()
        return frame

    def arrow(self, query: str) -> pa.Table:
        """Run a query and return an Arrow table."""
        return _without_metadata(self._query(query).toArrow())

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Run a query and return plain Python rows."""
        return [tuple(row) for row in self._query(query).collect()]

    def register(self, name: str, frame: Frame) -> None:
        """Give a pandas, Polars or Arrow frame a name in SQL."""
        table = to_spark_types(to_arrow(frame))
        with _temporary_settings(self._session, _NAIVE_TIMES):
            self._session.createDataFrame(table).createOrReplaceTempView(name)

    def unregister(self, name: str) -> None:
        """Forget a registered frame."""
        self._session.catalog.dropTempView(name)

    def columns(self, name: str) -> dict[str, str]:
        """Return column names and SQL types, in DuckDB's words, of a table or any relation usable in FROM."""
        return {
            name: _DUCKDB_TYPES.get(kind, kind.upper()) for name, kind in self._query(f"select * from {name}").dtypes
        }

    def create_temp_table(self, name: str, query: str) -> None:
        """Run a query and keep its rows on the executors; an earlier result of that name is replaced."""
        self._store(name, self._query(query))

    def temp_table(self, name: str) -> str:
        """Return the SQL name of kept rows."""
        return quoted(name)

    def drop_temp_table(self, name: str) -> None:
        """Forget kept rows, if there are any."""
        self._session.catalog.dropTempView(name)
        frame = self._frames.pop(name, None)
        if frame is not None:
            frame.unpersist()

    def create_table(self, name: str, query: str, schema: str = "main") -> None:
        """Run a query and keep its rows as a table of the warehouse; an earlier one is replaced."""
        self._store(_view_name(name, schema), self._query(query))

    def relation(self, name: str, schema: str = "main") -> str:
        """Return the SQL name of a table of the warehouse."""
        view = _view_name(name, schema)
        # without quotes where possible: people write these names into Spark's own SQL, where " makes a text
        return view if _UNQUOTED.fullmatch(view) else quoted(view)

    def write_parquet(self, query: str, path: str | os.PathLike[str]) -> None:
        """Write the result of a query as one Parquet file on this machine."""
        import pyarrow.parquet as pq

        with atomic_file(Path(path)) as temporary:
            pq.write_table(self.arrow(query), temporary, compression="zstd")

    def find_tables(self, names: Iterable[str]) -> dict[str, str]:
        """Return those of the names (lower case) that are tables or temporary views of the session given.

        The values are what they are called here. A name with dots is looked for where it says.
        """
        shown = {row.tableName.lower(): row for row in self.user_session.sql("show tables").collect()}
        found = {}
        for name in names:
            row = shown.get(name.lower())
            if row is not None:
                found[name.lower()] = self._share_view(row.tableName) if row.isTemporary else _qualified_name(row)
            elif "." in name:
                found[name.lower()] = ".".join(map(quoted, name.split(".")))
        return found

    def _share_view(self, name: str) -> str:
        """Bring a temporary view of the session given over: global views are what both sessions see."""
        shared = f"custintel_{next(_numbers)}_{name}"
        self.user_session.table(f"`{name}`").createOrReplaceGlobalTempView(shared)
        self._shared_views.append(shared)
        return f"global_temp.{quoted(shared)}"

    def close(self) -> None:
        """Let go of what was kept; the session given goes on."""
        for name in list(self._frames):
            self.drop_temp_table(name)
        for name in self._shared_views:
            self._session.catalog.dropGlobalTempView(name)
        self._shared_views = []

    def _store(self, name: str, frame: DataFrame) -> None:
        """Compute a frame once and give it a name; the plan behind it is forgotten, or plans would grow and grow."""
        reliable = self._session.sparkContext.getCheckpointDir() is not None
        done = frame.checkpoint() if reliable else frame.localCheckpoint()
        self.drop_temp_table(name)
        done.createOrReplaceTempView(name)
        self._frames[name] = done


def _qualified_name(row: Any) -> str:
    """A table of the catalog by its whole name, so that a clean table of the same name does not hide it."""
    return f"{quoted(row.namespace)}.{quoted(row.tableName)}" if row.namespace else quoted(row.tableName)


def _view_name(name: str, schema: str) -> str:
    """Temporary views have no schemas: another one than the main one becomes part of the name."""
    return name if schema == "main" else f"_{schema}_{name}"


def _pyspark(module: str) -> Any:
    """A module of PySpark, or what to install."""
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError("pyspark", "spark", "Spark (with Java 17)") from error


def _own_session(session: SparkSession) -> SparkSession:
    """A session on the same cluster with the settings of the given one, and those that we need."""
    if not hasattr(session, "newSession"):
        hint = "start a classic session: SparkSession.builder.master(...).getOrCreate()"
        raise DataError(f"a Spark Connect session without newSession\n  given: {type(session)}\n  hint: {hint}")
    own = session.newSession()
    for key, value in {**_given_settings(session), **_SETTINGS}.items():
        if own.conf.isModifiable(key):
            own.conf.set(key, value)
    own.catalog.setCurrentCatalog(session.catalog.currentCatalog())
    own.catalog.setCurrentDatabase(session.catalog.currentDatabase())
    return own


def _given_settings(session: SparkSession) -> dict[str, str]:
    """The settings of SQL that the user has made."""
    return {key: value for key, value in dict(session.conf.getAll).items() if key.startswith("spark.sql.")}


@contextmanager
def _temporary_settings(session: SparkSession, settings: dict[str, str]) -> Iterator[None]:
    """Settings for a moment."""
    before = {key: session.conf.get(key) for key in settings}
    for key, value in settings.items():
        session.conf.set(key, value)
    try:
        # PySpark 4.3 warns that pandas 3 is new to it; what goes in and out here is Arrow
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        for key, value in before.items():
            session.conf.set(key, str(value))


def to_spark_types(table: pa.Table) -> pa.Table:
    """Columns of types that Spark has."""
    fields = [pa.field(field.name, _spark_type(field.type)) for field in table.schema]
    return table.cast(pa.schema(fields), safe=False)


def _spark_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _spark_type(kind.value_type)
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return next((plain for test, plain in _SPARK_TYPES.items() if test(kind)), kind)


def _without_metadata(table: pa.Table) -> pa.Table:
    """Plain columns, without the notes that Spark puts beside them."""
    return pa.table(list(table.columns), names=table.column_names)
