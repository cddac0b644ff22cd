"""The DuckDB engine: frames in, frames out, guests left as they were."""

from __future__ import annotations

import decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.engines.engine import literal, quoted
from custintel.engines.to_arrow import to_arrow


@pytest.mark.parametrize(
    "make", [pd.DataFrame, pa.table, pl.DataFrame, pl.LazyFrame], ids=["pandas", "arrow", "polars", "lazy"]
)
def test_frames_of_every_library_go_in(make) -> None:
    engine = DuckDBEngine()
    engine.register("t", make({"name": ["a", "b", None], "n": [1, 2, 3]}))
    assert engine.rows("select count(name), sum(n)::int from t") == [(2, 6)]


def test_pandas_comes_out_with_named_index_as_column() -> None:
    engine = DuckDBEngine()
    engine.register("t", pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="customer_id")))
    assert engine.sql("select customer_id from t order by 1")["customer_id"].tolist() == ["a", "b"]


def test_mixed_objects_become_text_value_by_value() -> None:
    mixed = pd.DataFrame({"x": [1, "b", None, decimal.Decimal("2.5"), {"k": 1}]})
    assert to_arrow(mixed).column("x").to_pylist() == ["1", "b", None, "2.5", "{'k': 1}"]


def test_categories_and_missing_values() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["x", None, "y"]), "f": [1.0, float("nan"), 3.0], "e": [None] * 3})
    engine = DuckDBEngine()
    engine.register("t", frame)
    assert engine.rows("select count(c), count(f), count(e) from t") == [(2, 2, 0)]


def test_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match="not list"):
        DuckDBEngine().register("t", [1, 2])  # type: ignore[arg-type]


def test_the_session_is_in_utc_and_arrow_comes_out() -> None:
    table = DuckDBEngine().arrow("select cast(timestamptz '2025-01-01 00:30:00+02' as timestamp) as t")
    assert str(table.column("t")[0]) == "2024-12-31 22:30:00"


def test_a_database_file_is_kept(tmp_path) -> None:
    engine = DuckDBEngine(tmp_path / "x.duckdb", memory_limit="1GB", threads=1)
    engine.execute("create table t as select 1 as a")
    assert engine.tables() == ["t"]
    engine.close()
    assert DuckDBEngine(tmp_path / "x.duckdb").columns("t") == {"a": "INTEGER"}


def test_a_guest_connection_keeps_its_names_and_tables() -> None:
    connection = duckdb.connect()
    connection.execute("create schema s; use s; create table t as select 'guest' as a")
    engine = DuckDBEngine.from_connection(connection)
    engine.execute("create table t as select 'ours' as a")
    assert engine.sql("select a from t")["a"].tolist() == ["ours"]
    assert connection.execute("select a from t").fetchall() == [("guest",)]
    engine.close()
    assert connection.execute("select a from t").fetchall() == [("guest",)]


def test_a_guest_connection_keeps_its_settings() -> None:
    connection = duckdb.connect()
    connection.execute("set timezone = 'Asia/Tokyo'")
    local = pd.DataFrame({"a": [1]})
    DuckDBEngine.from_connection(connection)
    assert connection.execute("select current_setting('timezone'), current_catalog()").fetchall() == [
        ("Asia/Tokyo", "memory")
    ]
    assert connection.execute("select a from local").fetchall() == [(1,)]
    assert len(local) == 1


def test_python_variables_are_no_tables() -> None:
    calls = pd.DataFrame({"a": [1]})
    engine = DuckDBEngine()
    with pytest.raises(engine.Error, match="calls"):
        engine.sql("select * from calls")
    assert len(calls) == 1


def test_temporary_tables_and_frames_are_borrowed() -> None:
    connection = duckdb.connect()
    connection.register("frame", pd.DataFrame({"a": [1]}))
    connection.execute("create temp table other as select 2 as a")
    engine = DuckDBEngine.from_connection(connection)
    names = engine.import_temporary_tables(connection)
    assert {name: engine.rows(f"select a from {here}") for name, here in names.items()} == {
        "frame": [(1,)],
        "other": [(2,)],
    }


def test_two_guests_do_not_meet() -> None:
    connection = duckdb.connect()
    one, two = DuckDBEngine.from_connection(connection), DuckDBEngine.from_connection(connection)
    one.execute("create table t as select 1 as a")
    assert (one.tables(), two.tables()) == (["t"], [])


def test_tables_larger_than_the_memory_limit_spill() -> None:
    engine = DuckDBEngine(memory_limit="60MB", threads=1)
    engine.execute("create table t as select i, hash(i) as h, hash(i + 1) as g from range(5_000_000) r(i)")
    assert engine.rows("select count(*), max(i) from t") == [(5_000_000, 4_999_999)]


def test_parquet_is_written_whole_or_not_at_all(tmp_path) -> None:
    engine = DuckDBEngine()
    engine.write_parquet("select 1 as a", tmp_path / "t.parquet")
    with pytest.raises(engine.Error):
        engine.write_parquet("select cast('x' || i as int) as a from range(9000) r(i)", tmp_path / "t.parquet")
    assert pd.read_parquet(tmp_path / "t.parquet")["a"].tolist() == [1]
    assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]


def test_one_table_is_of_one_kind_of_file() -> None:
    with pytest.raises(ValueError, match="all Parquet or all CSV"):
        DuckDBEngine().read_files(["a.csv", "b.parquet"])


def test_names_and_values_cannot_leave_their_quotes() -> None:
    name, value = 'x"; drop table t; --', "'; drop table t; --"
    assert DuckDBEngine().columns(f"(select {literal(value)} as {quoted(name)})") == {name: "VARCHAR"}
    assert DuckDBEngine().rows(f"select {literal(value)}") == [(value,)]
