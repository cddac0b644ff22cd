"""Row expressions on pandas mean what they mean in SQL."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custintel.errors import DataError
from custintel.expressions.parse import parse

ROWS: dict[str, list[Any]] = {
    "a": [1.0, -2.0, None, 0.0, 7.5, 3.0],
    "b": [2.0, None, 4.0, 0.0, -1.0, 3.0],
    "flag": [True, False, None, True, None, False],
    "other": [None, True, False, True, False, None],
    "kind": ["x", "y", None, "x", "z", "y"],
    "day": [date(2025, 1, 31), date(2025, 2, 1), None, date(2024, 2, 29), date(2025, 6, 30), date(2025, 1, 1)],
    "at": pd.to_datetime(
        ["2025-01-31 23:59", None, "2025-02-01 00:00", "2024-02-29 12:00", "2025-06-01", "2025-06-30"], format="mixed"
    ),
}
FRAME = pd.DataFrame({**ROWS, "flag": pd.array(ROWS["flag"], "boolean"), "other": pd.array(ROWS["other"], "boolean")})
AS_OF = "2025-06-30"

TABLE = [
    ("a > b", [0.0, None, None, 0.0, 1.0, 0.0]),
    ("a = b", [0.0, None, None, 1.0, 0.0, 1.0]),
    ("not flag", [0.0, 1.0, None, 0.0, None, 1.0]),
    ("flag and other", [None, 0.0, 0.0, 1.0, 0.0, 0.0]),
    ("flag or other", [1.0, 1.0, None, 1.0, None, None]),
    ("a is null", [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
    ("a / b", [0.5, None, None, None, -7.5, 1.0]),
    ("a - b * 2", [-3.0, None, None, 0.0, 9.5, -3.0]),
    ("ln(a) * 0", [0.0, None, None, None, 0.0, 0.0]),
    ("sqrt(a) * 0", [0.0, None, None, 0.0, 0.0, 0.0]),
    ("floor(a)", [1.0, -2.0, None, 0.0, 7.0, 3.0]),
    ("coalesce(a, b)", [1.0, -2.0, 4.0, 0.0, 7.5, 3.0]),
    ("greatest(a, b)", [2.0, -2.0, 4.0, 0.0, 7.5, 3.0]),
    ("nullif(a, b)", [1.0, -2.0, None, None, 7.5, None]),
    ("kind in ('x', 'y')", [1.0, 1.0, None, 1.0, 0.0, 1.0]),
    ("kind not in ('x')", [0.0, 1.0, None, 0.0, 1.0, 1.0]),
    ("a between 0 and b", [1.0, 0.0, None, 1.0, 0.0, 1.0]),
    ("case when a > 1 then 10 when a < 0 then b else -1 end", [-1.0, None, -1.0, -1.0, 10.0, 10.0]),
    ("days_between(day, as_of)", [150.0, 149.0, None, 487.0, 0.0, 180.0]),
    ("days_between(at, day)", [0.0, None, None, 0.0, 29.0, -180.0]),
    ("seconds_between(at, day)", [-86340.0, None, None, -43200.0, 29 * 86400.0, -180 * 86400.0]),
    ("seconds_between(at, as_of)", [149 * 86400.0 + 60, None, 149 * 86400.0, 486.5 * 86400, 29 * 86400.0, 0.0]),
    ("floor(distance_km(a, b, b, a))", [157.0, None, None, 0.0, 1334.0, 0.0]),
    ("floor(distance_km(0, 0, 0, 180)) + 0 * a", [20015.0, 20015.0, None, 20015.0, 20015.0, 20015.0]),
    ("day > date '2025-01-31'", [0.0, 1.0, None, 0.0, 1.0, 0.0]),
    ("year(day) * 100 + month(day)", [202501.0, 202502.0, None, 202402.0, 202506.0, 202501.0]),
    ("null > a", [None] * 6),
]


@pytest.mark.parametrize(("text", "expected"), TABLE, ids=[text for text, _ in TABLE])
def test_values(text: str, expected: list[float | None]) -> None:
    wanted = np.array([np.nan if v is None else v for v in expected])
    np.testing.assert_array_equal(parse(text).numpy(FRAME, AS_OF), wanted)
    np.testing.assert_array_equal(_by_duckdb(text), wanted)


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.register("t", FRAME.assign(row=range(len(FRAME)), as_of=pd.Timestamp(AS_OF)))
    connection.execute("create table typed as select * replace (cast(day as date) as day) from t")
    return connection


def _by_duckdb(text: str) -> np.ndarray[Any, Any]:
    found = _engine().execute(f"select cast({parse(text).sql()} as double) from typed order by row").fetchall()
    return np.array([np.nan if value is None else value for (value,) in found])


def test_texts_and_times_keep_their_kind() -> None:
    assert parse("coalesce(kind, 'none')").numpy(FRAME).tolist() == ["x", "y", "none", "x", "z", "y"]
    assert parse("case when a > 0 then kind end").numpy(FRAME).tolist() == ["x", None, None, None, "z", "y"]
    found = parse("greatest(day, at)").numpy(FRAME)
    assert found.dtype.kind == "M"
    assert not np.isnat(found).any()


def test_categories_and_integers_are_read() -> None:
    frame = pd.DataFrame({"kind": pd.Categorical(["x", None]), "n": pd.array([1, None], "Int64")})
    assert parse("kind = 'x' or n > 5").numpy(frame).tolist()[0] == 1.0
    np.testing.assert_array_equal(parse("n + 1").numpy(frame), [2.0, np.nan])


def test_an_empty_table_gives_no_values() -> None:
    assert parse("a + 1 > 2 and kind = 'x'").numpy(FRAME.iloc[:0]).shape == (0,)


def test_mistakes_are_told() -> None:
    with pytest.raises(DataError, match="an aggregate cannot be computed row by row"):
        parse("sum(a)").numpy(FRAME)
    with pytest.raises(DataError, match="no column zebra"):
        parse("zebra > 1").numpy(FRAME)
    with pytest.raises(DataError, match="a text where a number is needed"):
        parse("kind * 2").numpy(FRAME)
    with pytest.raises(DataError, match="a text where a condition is needed"):
        parse("not kind").numpy(FRAME)


NUMBERS = st.sampled_from(
    ["a", "b", "0", "1", "2.5", "days_between(day, as_of)", "seconds_between(at, day)", "distance_km(a, b, 1, a)"]
)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda p: f"({p[0]} + {p[1]})"),
        pair.map(lambda p: f"({p[0]} * {p[1]})"),
        pair.map(lambda p: f"({p[0]} / {p[1]})"),
        pair.map(lambda p: f"least({p[0]}, {p[1]})"),
        pair.map(lambda p: f"coalesce({p[0]}, {p[1]})"),
        pair.map(lambda p: f"nullif({p[0]}, {p[1]})"),
        inner.map(lambda x: f"(-{x})"),
        inner.map(lambda x: f"abs({x})"),
        inner.map(lambda x: f"sqrt({x})"),
        st.tuples(_conditions(inner), inner, inner).map(lambda p: f"case when {p[0]} then {p[1]} else {p[2]} end"),
    )


def _conditions(numbers: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    compare = st.tuples(numbers, st.sampled_from(["<", "<=", "=", "<>", ">", ">="]), numbers)
    simple = st.one_of(compare.map(" ".join), st.sampled_from(["flag", "other", "kind in ('x')", "a is null"]))
    joined = st.tuples(simple, st.sampled_from(["and", "or"]), simple)
    return st.one_of(simple, joined.map(lambda p: f"({' '.join(p)})"), simple.map(lambda c: f"(not ({c}))"))


@settings(max_examples=150, deadline=None)
@given(st.recursive(NUMBERS, _larger, max_leaves=8))
def test_numpy_agrees_with_duckdb(text: str) -> None:
    np.testing.assert_allclose(parse(text).numpy(FRAME, AS_OF), _by_duckdb(text), rtol=1e-12)
