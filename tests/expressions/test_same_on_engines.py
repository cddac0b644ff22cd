"""Every function of the expression language means the same on DuckDB and on Spark."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.engines.spark_engine import SparkEngine
from custintel.expressions.parse import parse
from custintel.expressions.whitelist import FUNCTION_NAMES

pytestmark = pytest.mark.xdist_group("spark")

ROWS = pd.DataFrame(
    {
        "id": range(8),
        "g": ["a", "a", "a", "a", "b", "b", "b", "c"],
        "x": [1.5, -2.0, 0.0, None, 1e12, 1e12 + 2, -0.75, None],
        "y": [0.0, 3.0, None, -4.0, 0.1, 0.2, 7.0, None],
        "n": pd.array([7, -7, 0, None, 2**40, 3, 1, None], "Int64"),
        "word": ["out", "in", None, "", "Out", "out ", "zz", None],
        "flag": pd.array([True, False, None, True, False, True, None, None], "boolean"),
        "day": pd.to_datetime(
            ["2025-01-31", "2024-02-29", None, "1969-12-31", "2025-03-30", None, "1950-06-01", None]
        ).date,
        "event_time": pd.to_datetime(
            [
                "2025-01-31 23:59:59",
                "2025-02-01 00:00:00",
                "2025-03-30 02:30:00",
                "2025-03-30 02:30:01",
                "2025-10-26 02:00:00",
                "2025-10-26 01:00:00",
                None,
                "2000-01-01 00:00:00",
            ]
        ),
    }
)

SINGLE = {
    "abs": ["abs(x)", "abs(n)", "abs(x - y)"],
    "floor": ["floor(x)", "floor(y / 3)", "-floor(-x)", "floor(n)"],
    "ln": ["ln(x)", "ln(n)", "ln(abs(x) + 1)", "ln(ln(n))", "ln(sqrt(x) - 1)"],
    "sqrt": ["sqrt(x)", "sqrt(n)", "sqrt(y - x)", "sqrt(sqrt(y))", "sqrt(ln(n) - 1)", "sqrt(sqrt(y) - 1)"],
    "year": ["year(day)", "year(event_time)"],
    "month": ["month(day)", "month(event_time)"],
    "least": ["least(x, y)", "least(x, y, n)", "least(day, date '2025-01-01')", "least(word, 'm')"],
    "greatest": ["greatest(x, 0)", "greatest(y, x, n)", "greatest(day, date '2025-01-01')"],
    "coalesce": ["coalesce(x, y, 0)", "coalesce(word, 'none')", "coalesce(day, date '2025-01-01')", "coalesce(n, x)"],
    "nullif": ["nullif(x, 0)", "nullif(word, 'out')", "nullif(n, 7)"],
    "days_between": [
        "days_between(day, as_of)",
        "days_between(event_time, as_of)",
        "days_between(event_time, day)",
        "days_between(as_of, event_time)",
    ],
    "seconds_between": ["seconds_between(day, event_time)", "seconds_between(event_time, as_of)"],
    "distance_km": ["distance_km(x, y, 0, 0)", "distance_km(y, y, y, y)", "distance_km(y, 179.5, -y, -179.5)"],
}
GROUPED = {
    "count": ["count(*)", "count(x)", "count(distinct word)", "count(distinct n)", "count(case when flag then 1 end)"],
    "count_if": ["count_if(x > 0)", "count_if(flag)", "count_if(not flag)", "count_if(word = 'out' or x < 0)"],
    "sum": ["sum(x)", "sum(n)", "sum(x / y)", "sum(case when flag then x end)"],
    "avg": ["avg(x)", "avg(n)", "avg(y)"],
    "min": ["min(x)", "min(day)", "min(word)", "min(event_time)"],
    "max": ["max(x)", "max(day)", "max(word)", "max(event_time)"],
    "median": ["median(x)", "median(n)", "median(y)"],
    "stddev": ["stddev(x)", "stddev(y)", "stddev(n)"],
    "first": ["first(x)", "first(word)", "first(flag)"],
    "last": ["last(x)", "last(word)", "last(day)"],
}
OPERATORS = [
    "x / y",
    "n / 7",
    "n / 2",
    "x * 0.1 + 1e-3",
    "(x + y) / (x - y)",
    "x = 0 or y > 2",
    "flag and x > 0",
    "not flag",
    "word in ('out', '')",
    "word not in ('in')",
    "n between -7 and 7",
    "x is null",
    "word is not null and word <> 'out'",
    "case when x > 0 then 'more' when x < 0 then 'less' end",
    "case when flag then n else 0.5 end",
    "flag = true",
    "day > date '2025-01-31'",
    "event_time >= date '2025-03-30'",
    "-x",
]


@pytest.fixture(scope="module")
def engines(spark) -> tuple[DuckDBEngine, SparkEngine]:
    found = DuckDBEngine(), SparkEngine(spark)
    for engine in found:
        engine.register("given", ROWS)
        engine.create_temp_table("t", "select *, date '2025-03-31' as as_of from given")
    return found


def assert_same(engines, columns: str, rest: str) -> None:
    ours, theirs = (engine.rows(f"select {columns} from {engine.temp_table('t')} {rest}") for engine in engines)
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        for a, b in zip(one, other, strict=True):
            number = isinstance(a, float) or isinstance(b, float)
            assert math.isclose(a, b, rel_tol=1e-9) if number and a is not None and b is not None else a == b, (
                one,
                other,
            )


def test_no_function_is_left_out() -> None:
    assert SINGLE.keys() | GROUPED.keys() == set(FUNCTION_NAMES)


@pytest.mark.parametrize("name", SINGLE)
def test_functions_of_one_row(engines, name) -> None:
    assert_same(engines, "id, " + ", ".join(parse(text).sql() for text in SINGLE[name]), "order by id")


@pytest.mark.parametrize("name", GROUPED)
def test_functions_of_many_rows(engines, name) -> None:
    columns = ", ".join(parse(text).sql() for text in GROUPED[name])
    assert_same(engines, f"g, {columns}", "group by g order by g")
    assert_same(engines, columns, "where id < 0")


def test_operators(engines) -> None:
    assert_same(engines, "id, " + ", ".join(parse(text).sql() for text in OPERATORS), "order by id")


def test_text_written_for_spark_is_read_by_spark(engines) -> None:
    texts = [text for group in SINGLE.values() for text in group] + OPERATORS
    ours = ", ".join(parse(text).sql("spark") for text in texts)
    written = engines[1].native(f"select id, {ours} from t order by id")
    usual = engines[0].sql(
        f"select id, {', '.join(parse(t).sql() for t in texts)} from {engines[0].temp_table('t')} order by id"
    )
    assert written.notna().to_numpy().tolist() == usual.notna().to_numpy().tolist()
