"""What every engine can do, and names and values written into SQL safely.

Queries are written in DuckDB's dialect; an engine of another dialect translates them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from custintel.engines.to_arrow import Frame


class Engine(Protocol):
    """Runs SQL, keeps results under names, takes and gives data frames.

    Examples
    --------
    >>> from custintel.engines.duckdb_engine import DuckDBEngine
    >>> engine: Engine = DuckDBEngine()
    >>> engine.create_temp_table("half_done", "select 1 as a union all select 2")
    >>> engine.rows(f"select max(a) from {engine.temp_table('half_done')}")
    [(2,)]
    >>> engine.drop_temp_table("half_done")
    """

    @property
    def dialect(self) -> str:
        """Name of its SQL, as sqlglot calls it."""

    @property
    def Error(self) -> type[Exception] | tuple[type[Exception], ...]:  # noqa: N802 - the name DuckDB gives it
        """What it raises when a query fails."""

    def sql(self, query: str) -> pd.DataFrame:
        """Run a query and return pandas."""

    def native(self, query: str) -> pd.DataFrame:
        """Run a query written in the engine's own dialect and return pandas."""

    def arrow(self, query: str) -> pa.Table:
        """Run a query and return an Arrow table."""

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Run a query and return plain Python rows."""

    def register(self, name: str, frame: Frame) -> None:
        """Give a pandas, Polars or Arrow frame a name in SQL."""

    def unregister(self, name: str) -> None:
        """Forget a registered frame."""

    def columns(self, name: str) -> dict[str, str]:
        """Return column names and SQL types (DuckDB's words) of a table or any relation usable in FROM."""

    def create_temp_table(self, name: str, query: str) -> None:
        """Run a query and keep its rows for the time being; an earlier result of that name is replaced."""

    def temp_table(self, name: str) -> str:
        """Return the SQL name of kept rows."""

    def drop_temp_table(self, name: str) -> None:
        """Forget kept rows, if there are any."""

    def create_table(self, name: str, query: str, schema: str = "main") -> None:
        """Run a query and store its rows as a table of the warehouse; an earlier one is replaced."""

    def relation(self, name: str, schema: str = "main") -> str:
        """Return the SQL name of a table of the warehouse."""

    def write_parquet(self, query: str, path: str | os.PathLike[str]) -> None:
        """Write the result of a query as one Parquet file."""

    def close(self) -> None:
        """End the work; what was kept is gone."""


def quoted(name: str) -> str:
    """Return the name as a quoted SQL identifier.

    Examples
    --------
    >>> quoted("usage"), quoted('odd "name"')
    ('"usage"', '"odd ""name\"""')
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | bool | int | float | None) -> str:
    """Return the value as a SQL literal.

    Examples
    --------
    >>> literal("it's"), literal(3), literal(None), literal(True)
    ("'it''s'", '3', 'null', 'true')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + value.replace("'", "''") + "'"


def plain_path(path: str | os.PathLike[str]) -> str:
    """Return the path so that a database takes it for a place on this machine, whatever it begins with.

    Examples
    --------
    >>> plain_path("~operator/usage.csv"), plain_path("/data/usage.csv")
    ('./~operator/usage.csv', '/data/usage.csv')
    """
    text = os.fspath(path)
    return text if os.path.isabs(text) or text.startswith("./") else f"./{text}"


def path_literal(path: str | os.PathLike[str]) -> str:
    """Return the path as a SQL literal of a reader that takes ``*``, ``?`` and ``[`` for patterns: here they are not.

    Examples
    --------
    >>> path_literal("/data/x[1]/st*.csv")
    "'/data/x[[]1]/st[*].csv'"
    """
    return literal("".join(f"[{sign}]" if sign in "*?[" else sign for sign in plain_path(path)))
