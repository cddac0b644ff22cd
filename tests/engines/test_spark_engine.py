"""The Spark engine: frames in and out, results kept, and the user's session left as it was."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.engines.spark_engine import SparkEngine, is_spark_session
from custintel.errors import ConfigurationError, MissingExtraError
from custintel.expressions.translate_dialect import translate

pytestmark = pytest.mark.xdist_group("spark")


@pytest.fixture(scope="module")
def engine(spark) -> SparkEngine:
    return SparkEngine(spark)


def test_frames_go_in_and_out(engine) -> None:
    moment = datetime(2025, 3, 30, 2, 30)
    frame = pd.DataFrame({"name": pd.Categorical(["a", None]), "n": pd.array([1, 2], "uint8"), "t": [moment, None]})
    engine.register("frames", frame)
    assert engine.columns("frames") == {"name": "VARCHAR", "n": "SMALLINT", "t": "TIMESTAMP"}
    assert engine.rows("select * from frames order by n") == [("a", 1, moment), (None, 2, None)]
    assert engine.sql("select max(t) as t from frames")["t"].tolist() == [pd.Timestamp(moment)]
    assert engine.arrow("select n from frames order by 1").schema == pa.schema([("n", pa.int16())])
    engine.unregister("frames")
    with pytest.raises(engine.Error):
        engine.rows("select * from frames")


def test_results_are_kept_replaced_and_dropped(engine) -> None:
    engine.create_temp_table("half_done", "select 1 as a")
    engine.create_temp_table("half_done", f"select a + 1 as a from {engine.temp_table('half_done')}")
    assert engine.rows(f"select a from {engine.temp_table('half_done')}") == [(2,)]
    engine.drop_temp_table("half_done")
    engine.drop_temp_table("half_done")
    with pytest.raises(engine.Error):
        engine.rows(f"select a from {engine.temp_table('half_done')}")


def test_tables_of_two_schemas_do_not_meet(engine) -> None:
    engine.create_table("plans", "select 's' as plan_id")
    engine.create_table("plans", "select 'broken' as reason", "set_aside")
    assert engine.rows(f"select * from {engine.relation('plans')}") == [("s",)]
    assert engine.rows(f"select * from {engine.relation('plans', 'set_aside')}") == [("broken",)]


def test_parquet_is_written_whole(engine, tmp_path) -> None:
    engine.write_parquet("select 1 as a", tmp_path / "t.parquet")
    assert pd.read_parquet(tmp_path / "t.parquet")["a"].tolist() == [1]
    assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]


def test_the_given_session_stays_as_it_was(spark) -> None:
    before = {key: spark.conf.get(key) for key in ("spark.sql.session.timeZone", "spark.sql.timestampType")}
    spark.sql("select 1 as a").createOrReplaceTempView("mine")
    engine = SparkEngine(spark)
    engine.register("frames", pd.DataFrame({"a": [1]}))
    engine.create_table("mine", "select 2 as a")
    assert engine.rows("select current_timezone()") == [("UTC",)]
    assert {key: spark.conf.get(key) for key in before} == before
    assert spark.table("mine").collect()[0].a == 1
    assert "frames" not in {row.tableName for row in spark.sql("show tables").collect()}
    found = engine.find_tables(["mine", "nowhere"])
    assert engine.rows(f"select a from {found['mine']}") == [(1,)]
    engine.close()
    with pytest.raises(engine.Error):
        engine.rows(f"select a from {found['mine']}")


STATEMENTS = [
    "select date_diff('day', timestamp '2025-01-01 23:59:59', timestamp '2025-01-02 00:00:00')",
    "select isodow(date '2025-01-06'), isodow(date '2025-01-12')",
    "select cast(7 as integer) / 7.5, 1 / 8",
    "select greatest(1, null), least(null, 2, 3), greatest(cast(null as integer), null)",
    "select date '2025-01-31' + 3, date '2025-01-31' - 31",
    "select min(s), max(s) from (values (1, 'b'), (null, 'c'), (1, 'a')) as v(a, b), lateral (select a as s) as l",
    "select struct_extract(max(case when b is not null then struct_pack(t := a, v := b) end), 'v')"
    " from (values (1, 'b'), (2, null), (1, 'c')) as v(a, b)",
    "select row_number() over (order by a desc nulls last, b), a from (values (1, 2), (null, 1), (3, null)) as v(a, b)",
    "select var_pop(a), stddev_samp(a), median(a), quantile_cont(a, 0.25) from (values (1), (4), (4), (null)) as v(a)",
    "select timezone('Europe/Berlin', cast('2025-07-01 12:00:00+00' as timestamptz))",
    "select make_timestamp(1735689600000000), extract(hour from timestamp '2025-01-01 07:59:00')",
    "select isfinite(cast('inf' as double)), isfinite(cast('nan' as double)), isfinite(1e308)",
    "select cast(true as double), sum(cast(a > 1 as integer)) from (values (1), (2)) as v(a)",
    "select try_strptime('31/12/2025 9:05', ['%Y-%m-%d', '%d/%m/%Y %H:%M'])",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_means_the_same(engine, statement) -> None:
    ours, theirs = engine.rows(statement), DuckDBEngine().rows(statement)
    assert [len(row) for row in ours] == [len(row) for row in theirs]
    pairs = [pair for rows in zip(ours, theirs, strict=True) for pair in zip(*rows, strict=True)]
    assert all(_same(a, b) for a, b in pairs), pairs


def _same(one: object, other: object) -> bool:
    """Numbers by value, days like their midnights."""
    if isinstance(one, (int, float, Decimal)) and isinstance(other, (int, float, Decimal)):
        return math.isclose(one, other, rel_tol=1e-12)
    return one is other or str(one).removesuffix(" 00:00:00") == str(other).removesuffix(" 00:00:00")


def test_hashes_are_never_negative(engine) -> None:
    rows = "select hash(a) % 4 as part from (select unnest(range(200)) as a)"
    assert {int(str(part)) for (part,) in engine.rows(rows)} == {0, 1, 2, 3}


def test_formats_that_spark_cannot_read_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"given: %j(?s:.)*allowed: %Y, "):
        translate("select try_strptime(x, ['%j'])", "spark")


def test_what_is_no_session() -> None:
    assert not is_spark_session("spark://here")


def test_without_pyspark_the_error_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyspark.errors", None)
    with pytest.raises(MissingExtraError, match=r"custintel\[spark\]"):
        SparkEngine(None)  # type: ignore[arg-type]
