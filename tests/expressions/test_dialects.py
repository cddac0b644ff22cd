"""SQL for warehouses that the tests cannot start: by text."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot.errors import ErrorLevel

from custintel.builder import FeatureBuilder
from custintel.errors import ConfigurationError
from custintel.expressions import DIALECTS, parse, translated

OTHERS = [d for d in DIALECTS if d != "duckdb"]


def one_line(sql: str, dialect: str) -> str:
    return " ".join(translated(sql, dialect).split())


def test_an_unknown_dialect_says_which_there_are() -> None:
    known = r"given: oracle\n  allowed: duckdb, spark, trino, hive, clickhouse, snowflake, postgres"
    with pytest.raises(ConfigurationError, match=known):
        translated("select 1", "oracle")
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


@pytest.mark.parametrize("dialect", ["snowflake", "postgres"])
def test_pairs_are_refused_where_they_cannot_be_compared(dialect) -> None:
    with pytest.raises(ConfigurationError, match=rf"first\(\) and last\(\) cannot be said in the SQL of {dialect}"):
        translated(PAIR, dialect)


@pytest.mark.parametrize("dialect", OTHERS)
def test_whole_families_are_read_back(dialect) -> None:
    text = FeatureBuilder(["usage", "contacts", "mobility", "contract"]).sql("2025-06-30", dialect)
    tree = sqlglot.parse_one(text, read=dialect, error_level=ErrorLevel.RAISE)
    assert {"customer_id", "as_of", "events_30d"} <= set(tree.named_selects)
