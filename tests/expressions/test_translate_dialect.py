"""SQL for warehouses that the tests cannot start: by text."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot
from sqlglot.errors import ErrorLevel

from custintel.builder import FeatureBuilder
from custintel.errors import ConfigurationError
from custintel.expressions.parse import parse
from custintel.expressions.translate_dialect import DIALECTS, translate

OTHERS = [d for d in DIALECTS if d != "duckdb"]


def one_line(sql: str, dialect: str) -> str:
    return " ".join(translate(sql, dialect).split()).replace("( ", "(").replace(" )", ")")


def test_an_unknown_dialect_says_which_there_are() -> None:
    known = r"given: oracle\n  allowed: duckdb, spark, trino, hive, clickhouse, snowflake, postgres"
    with pytest.raises(ConfigurationError, match=known):
        translate("select 1", "oracle")
    with pytest.raises(ConfigurationError, match=known):
        FeatureBuilder(["usage"]).sql("2025-06-30", "oracle")


@pytest.mark.parametrize("dialect", ["trino", "hive", "clickhouse"])
def test_unknown_arguments_do_not_win_where_the_engine_lets_them(dialect) -> None:
    written = one_line("select greatest(a, b), least(a, b, c)", dialect)
    assert "GREATEST(COALESCE(a, b), COALESCE(b, a))" in written
    assert "LEAST(COALESCE(a, b, c), COALESCE(b, a, c), COALESCE(c, a, b))" in written
    assert "COALESCE" in parse("greatest(a, 0)").sql(dialect)


@pytest.mark.parametrize("dialect", ["spark", "postgres"])
def test_where_the_engine_skips_them_nothing_is_added(dialect) -> None:
    assert "GREATEST(a, b)" in one_line("select greatest(a, b)", dialect)


@pytest.mark.parametrize("dialect", OTHERS)
def test_decimal_literals_are_doubles(dialect) -> None:
    assert "CAST(0.5 AS " in one_line("select a * 0.5", dialect)


@pytest.mark.parametrize("dialect", OTHERS)
def test_days_are_counted_between_dates(dialect) -> None:
    written = one_line("select date_diff('day', a, b)", dialect).upper()
    assert written.count("CAST(A AS") == written.count("CAST(B AS") == 1


@pytest.mark.parametrize("dialect", OTHERS)
def test_missing_values_come_last(dialect) -> None:
    written = one_line("select row_number() over (order by a desc nulls last, b nulls last)", dialect)
    by_default = {"spark": ["b NULLS LAST"], "hive": ["b NULLS LAST"], "snowflake": ["a DESC NULLS LAST"]}
    by_default["postgres"] = by_default["snowflake"]
    assert all(part in written for part in by_default.get(dialect, []))


SECONDS = {
    "trino": "ROUND((TO_UNIXTIME(CAST(b AS TIMESTAMP(6))) - TO_UNIXTIME(CAST(a AS TIMESTAMP(6)))) * 1000000)",
    "hive": "ROUND((CAST(CAST(b AS TIMESTAMP) AS DOUBLE) - CAST(CAST(a AS TIMESTAMP) AS DOUBLE)) * 1000000)",
    "clickhouse": "DATE_DIFF(MICROSECOND, toDateTime64(a, 6), toDateTime64(b, 6))",
}


@pytest.mark.parametrize("dialect", SECONDS)
def test_seconds_between_keeps_the_fraction(dialect) -> None:
    """Neither days (Hive's datediff) nor moments cut to seconds, and no unit that Trino does not know."""
    assert SECONDS[dialect] in one_line(f"select {parse('seconds_between(a, b)').sql('duckdb')}", dialect)


@pytest.mark.parametrize("dialect", OTHERS)
def test_the_median_is_of_all_values(dialect) -> None:
    written = one_line("select median(x)", dialect)
    exact = {"clickhouse": "quantileExactInclusive(0.5)(x)", "hive": "PERCENTILE_CONT(x, 0.5)"}
    exact |= {"spark": "MEDIAN(x)", "snowflake": "MEDIAN(x)", "postgres": "PERCENTILE_CONT(0.5) WITHIN GROUP"}
    assert exact.get(dialect, "ARRAY_SORT(ARRAY_AGG(x)") in written


def test_the_median_of_trino_is_the_middle() -> None:
    """Its words in DuckDB's: run on odd and even numbers of whole values, missing ones among them, and on none."""
    said = one_line("select median(x)", "trino").removeprefix("SELECT ").replace("/ 2", "// 2")
    said = said.replace("ELEMENT_AT", "list_extract").replace("ARRAY_SORT", "list_sort")
    values = "(values (1, 5), (1, 2), (1, 9), (2, 4), (2, 1), (2, null), (3, null)) as t(g, x)"
    rows = duckdb.sql(f"select {said} as m, median(x) as d from {values} group by g order by g").fetchall()
    assert rows == [(5.0, 5.0), (2.5, 2.5), (None, None)]


PAIR = "select struct_extract(max(case when v is not null then struct_pack(t := t, v := v) end), 'v') as last_v"
PAIRS = {
    "trino": ("ROW(t, v)", ")[2]"),
    "hive": ("NAMED_STRUCT('t', t, 'v', v)", ".v"),
    "clickhouse": ("tuple(t, v)", ", 2)"),
    "spark": ("STRUCT(t AS t, v AS v)", ".v"),
}


@pytest.mark.parametrize("dialect", PAIRS)
def test_pairs_of_time_and_value(dialect) -> None:
    written = one_line(PAIR, dialect)
    assert all(part in written for part in PAIRS[dialect])


MERGED = (
    "select struct_extract(m.last_v, 'v') as v"
    " from (select max(case when n > 0 then p.last_v end) as last_v from ({}) as p) as m"
)
LISTED = {
    "postgres": "(ARRAY_AGG({0} ORDER BY {1} DESC NULLS LAST, {0} DESC NULLS LAST))[1] AS last_v",
    "snowflake": "(ARRAY_AGG({0}) WITHIN GROUP (ORDER BY {1} DESC NULLS LAST, {0} DESC NULLS LAST))[0] AS last_v",
}


@pytest.mark.parametrize("dialect", LISTED)
def test_where_pairs_are_not_compared_time_and_value_are_two_columns(dialect) -> None:
    made = PAIR.replace("struct_extract(", "").replace(", 'v')", "")
    written = one_line(MERGED.format(made), dialect)
    assert "SELECT m.last_v AS v" in written
    time, value = (f"CASE WHEN NOT v IS NULL THEN {c} END" for c in "tv")
    assert f"MAX({time}) AS last_v_at" in written
    assert LISTED[dialect].format(value, time) in written
    time, value = (f"CASE WHEN n > 0 THEN p.{c} END" for c in ("last_v_at", "last_v"))
    assert f"MAX({time}) AS last_v_at" in written
    assert LISTED[dialect].format(value, time) in written


def test_the_earliest_of_pairs_is_the_first_in_ascending_order() -> None:
    written = one_line("select min(case when v > 0 then struct_pack(t := t, v := v) end) as first_v", "postgres")
    assert "MIN(CASE WHEN v > 0 THEN t END) AS first_v_at" in written
    assert "ORDER BY CASE WHEN v > 0 THEN t END ASC, CASE WHEN v > 0 THEN v END ASC))[1]" in written


def test_first_and_last_of_an_expression_in_postgres() -> None:
    assert "ORDER BY CASE WHEN NOT amount IS NULL THEN event_time END DESC" in parse("last(amount)").sql("postgres")
    assert "THEN event_time END ASC" in parse("first(amount)").sql("postgres")


def test_conditions_become_numbers_where_postgres_would_refuse_them() -> None:
    assert (
        one_line("select cast(a > 3 as double)", "postgres") == "SELECT CAST(CAST((a > 3) AS INT) AS DOUBLE PRECISION)"
    )
    written = one_line("select max(case when a > 3 then b is null else c end)", "postgres")
    assert "MAX(CAST((CASE WHEN a > 3 THEN b IS NULL ELSE c END) AS INT))" in written
    written = one_line("select cast(coalesce(a > 1, 0) as double), cast(a + 1 as double)", "postgres")
    assert "CAST(COALESCE(CAST((a > 1) AS INT), 0) AS DOUBLE PRECISION), CAST(a + 1 AS" in written


def test_a_name_that_postgres_would_cut_is_refused() -> None:
    assert f"AS {'n' * 63}" in one_line(f"select 1 as {'n' * 63}", "postgres")
    with pytest.raises(ConfigurationError, match="too long for PostgreSQL"):
        translate(f"select 1 as {'n' * 64}", "postgres")


@pytest.mark.parametrize("dialect", OTHERS)
def test_whole_families_are_read_back(dialect) -> None:
    text = FeatureBuilder(["usage", "contacts", "mobility", "contract"]).sql("2025-06-30", dialect)
    tree = sqlglot.parse_one(text, read=dialect, error_level=ErrorLevel.RAISE)
    assert {"customer_id", "as_of", "events_30d"} <= set(tree.named_selects)
