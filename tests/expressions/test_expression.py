"""What an expression knows about itself."""

from __future__ import annotations

import duckdb
import pytest

from custintel.expressions.expression import Aggregate
from custintel.expressions.parse import parse
from custintel.expressions.whitelist import SQL_WORDS


def test_columns_leave_out_the_as_of_date() -> None:
    found = parse("days_between(max(event_date), as_of) + sum(x)")
    assert found.columns == {"event_date", "x"}
    assert found.unaggregated_columns == frozenset()
    assert parse("sum(x) / y").unaggregated_columns == {"y"}


def test_aggregates_are_listed_once_in_order() -> None:
    found = parse("sum(x) / count(*) + sum(x) * count(distinct y)")
    assert found.aggregates == (
        Aggregate("sum", "x"),
        Aggregate("count", "*"),
        Aggregate("count", "y", distinct=True),
    )


def test_count_if_is_a_count() -> None:
    (found,) = parse("count_if(not answered)").aggregates
    assert found.function == "count"
    assert found.row is not None
    assert found.row.columns == {"answered"}


def test_the_argument_of_an_aggregate_is_an_expression_again() -> None:
    (found,) = parse("sum(case when status = 'ok' then amount / 2 end)").aggregates
    assert found.row is not None
    assert found.row.sql() == "CASE WHEN status = 'ok' THEN CAST(amount AS DOUBLE) / CAST(2 AS DOUBLE) END"
    assert parse("count(*)").aggregates[0].row is None


SQL = [
    ("a / b", "CAST(a AS DOUBLE) / NULLIF(CAST(b AS DOUBLE), 0)"),
    ("a / 7", "CAST(a AS DOUBLE) / CAST(7 AS DOUBLE)"),
    ("a / 0", "CAST(a AS DOUBLE) / NULLIF(CAST(0 AS DOUBLE), 0)"),
    ("(a + b) / (c - d)", "CAST(a + b AS DOUBLE) / NULLIF(CAST(c - d AS DOUBLE), 0)"),
    ("a * 0.1", "a * CAST(0.1 AS DOUBLE)"),
    ("ln(a)", "CASE WHEN a > 0 THEN LN(a) END"),
    ("sqrt(a - b)", "CASE WHEN (a - b) >= 0 THEN SQRT(a - b) END"),
    ("floor(a)", "CAST(FLOOR(a) AS DOUBLE)"),
    ("last(a)", "ARG_MAX(a, CASE WHEN NOT a IS NULL THEN event_time END)"),
    ("count_if(a)", "COUNT(CASE WHEN a THEN 1 END)"),
    ("days_between(a, as_of)", "DATE_DIFF('DAY', CAST(a AS DATE), CAST(as_of AS DATE))"),
]


@pytest.mark.parametrize(("text", "expected"), SQL)
def test_sql_for_duckdb(text: str, expected: str) -> None:
    assert parse(text).sql() == expected


def test_sql_for_spark() -> None:
    assert parse("last(a)").sql("spark") == "MAX_BY(a, CASE WHEN NOT a IS NULL THEN event_time END)"
    assert parse('"Monthly Charges" / 3').sql("spark") == "CAST(`Monthly Charges` AS DOUBLE) / CAST(3 AS DOUBLE)"


def test_columns_called_like_words_of_sql_are_quoted() -> None:
    assert parse("at + sum(position)").sql() == '"at" + SUM("position")'
    assert parse("a").rename({"a": "user"}).sql() == '"user"'
    rows = duckdb.sql("select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'").fetchall()
    assert {word for (word,) in rows} <= SQL_WORDS


def test_last_takes_the_time_column_given() -> None:
    assert "start_date" in parse("last(a)").sql(time="start_date")


def test_replace_aggregates_keeps_the_rest() -> None:
    written = parse("sum(x) / nullif(count(*), 0) + 1").replace_aggregates(lambda a: f"sum(p_{a.function})")
    assert written == "CAST(SUM(p_sum) AS DOUBLE) / NULLIF(CAST(NULLIF(SUM(p_count), 0) AS DOUBLE), 0) + 1"


def test_rename_changes_columns_only() -> None:
    assert parse("a / b + a").rename({"a": "a_30d"}).text == "a_30d / b + a_30d"


def test_expressions_are_equal_by_text() -> None:
    assert parse("a  +  b", "x:1") == parse("a + b", "y:2")
    assert len({parse("a"), parse("a")}) == 1


WORDS = [
    ("calls > 30 and tenure <= 90", "calls more than 30 and tenure at most 90", "calls大于30且tenure不大于90"),
    ("plan in ('S', 'M')", "plan one of S, M", "plan为S、M之一"),
    ("plan not in ('S')", "plan none of S", "plan不为S中任何一个"),
    ("not roaming or x is null", "not roaming or x unknown", "非roaming或x未知"),
    ("x is not null", "x known", "x已知"),
    ("hour between 9 and 17", "hour from 9 to 17", "hour在9至17之间"),
    ("sum(amount) / count(*)", "total of amount / number of rows", "amount合计 / 记录的个数"),
    ("count(distinct other)", "number of different other", "不同other的个数"),
    ("median(x)", "median of x", "x中位数"),
    ("seconds_between(a, b)", "seconds from a to b", "a至b的秒数"),
    ("distance_km(a, b, c, d)", "kilometres from a, b to c, d", "a、b至c、d的公里数"),
    ("days_between(day, as_of)", "days from day to the as-of date", "day至统计日的天数"),
    ("case when a = 1 then 2 else 3 end", "2 when a is 1, otherwise 3", "a为1时为2、否则为3"),
    ("least(a, -b) <> (c)", "least of a, -b is not (c)", "a、-b中的最小者不为(c)"),
    ("nullif(a, 0) = true", "a unless it is 0 is yes", "a(等于0时缺失)为是"),
    (
        "coalesce(a, null) >= date '2025-01-31'",
        "first known of a, unknown at least 2025-01-31",
        "a、未知中首个已知值不小于2025-01-31",
    ),
]


@pytest.mark.parametrize(("text", "english", "chinese"), WORDS)
def test_words(text: str, english: str, chinese: str) -> None:
    assert parse(text).words() == english
    assert parse(text).words(language="zh") == chinese


def test_words_take_names_of_columns() -> None:
    names = {"intl_minutes": "International minutes", "tenure_days": "days of tenure"}
    said = parse("intl_minutes > 30 and tenure_days <= 90").words(names)
    assert said == "International minutes more than 30 and days of tenure at most 90"
