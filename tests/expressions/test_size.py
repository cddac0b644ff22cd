"""No expression is too large to be handled: text grows with what was written, and what is too large is refused."""

from __future__ import annotations

import itertools
import operator
from functools import reduce
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError
from custintel.expressions.parse import parse
from custintel.expressions.translate_dialect import DIALECTS, translate
from custintel.rules import Rule
from custintel.rules._rule_set import RuleSet

if TYPE_CHECKING:
    from collections.abc import Callable

# one level of nesting each; {} stands for the inner expression
LEVELS = [
    "sqrt({})", "ln({})", "abs({})", "floor({})", "year({})", "month({})", "coalesce({}, b)", "nullif({}, b)",
    "case when {} > 0 then b end", "case when b > 0 then {} end", "({}) + 1", "1 / ({})", "({}) / b", "-({})",
    "not ({})", "days_between({}, b)", "seconds_between({}, b)", "seconds_between(b, {})", "({}) between 1 and 2",
    "({}) in (1, 2)", "({}) is null", "least({}, 1)", "greatest(0, {})", "sqrt(({}) - 1)", "ln(({}) + 1)",
    "sqrt(ln({}))", "ln(sqrt({}))", "1 - sqrt(({}) / 2)", "sqrt(least({}, 2)) / 2",
]  # fmt: skip
PASSING_OVER = [d for d in DIALECTS if d not in ("trino", "hive", "clickhouse")]


def nested(level: str, times: int, inner: str = "x") -> str:
    for _ in range(times):
        inner = level.replace("{}", inner)
    return inner


def grows_evenly(level: str, dialect: str) -> bool:
    # of text that grows with the square, the second half is three times the first; of text that doubles, far more
    sizes = [len(parse(nested(level, times)).sql(dialect)) for times in (2, 4, 6)]
    return sizes[2] - sizes[1] <= 1.3 * (sizes[1] - sizes[0]) + 20


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("level", LEVELS)
def test_text_grows_with_the_levels_and_does_not_multiply(level: str, dialect: str) -> None:
    assert grows_evenly(level, dialect)


@pytest.mark.parametrize("dialect", PASSING_OVER)
@pytest.mark.parametrize("level", ["least({}, b)", "greatest({}, b, c)"])
def test_extremes_grow_evenly_where_the_engine_passes_missing_values_over(level: str, dialect: str) -> None:
    assert grows_evenly(level, dialect)


@pytest.mark.parametrize("dialect", ["trino", "hive", "clickhouse"])
def test_elsewhere_extremes_inside_extremes_are_bounded(dialect: str) -> None:
    assert len(parse(nested("greatest({}, b)", 3)).sql(dialect)) < 2_000
    for text in (nested("greatest({}, b, c)", 12), f"least({', '.join(['a'] * 400)})"):
        with pytest.raises(ConfigurationError, match=r"for this engine\n  allowed: 20,000 parts"):
            parse(text).sql(dialect)


@pytest.mark.parametrize("join", [" or ", " and "])
def test_a_flat_chain_of_many_terms_is_not_deep(join: str) -> None:
    """Sixty pairs were "nested too deeply", though nothing is nested."""
    pairs = [f"(a > {k} and b < {100 - k})" for k in range(60)]
    expression = parse(join.join(pairs))
    assert parse(expression.sql()).sql() == expression.sql()  # the order of terms and the brackets are as written
    assert expression.sql().count(join.strip().upper()) >= 59
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"a": rng.integers(0, 200, 50), "b": rng.integers(-100, 100, 50)})
    each = np.array([(data["a"] > k) & (data["b"] < 100 - k) for k in range(60)])
    expected = each.any(axis=0) if join == " or " else each.all(axis=0)
    found = duckdb.sql(f"select {expression.sql()} as f from data").df()["f"]
    assert found.tolist() == expected.tolist()
    rule = Rule("many", join.join(pairs))
    assert RuleSet.from_nodes({"many": rule.node}).match(data)["many"].tolist() == expected.tolist()


@pytest.mark.parametrize(("sign", "compute"), [(" + ", operator.add), (" * ", operator.mul)])
def test_a_flat_sum_or_product_of_many_terms_is_not_deep(sign: str, compute: Callable[[float, float], float]) -> None:
    """Sums of over fifty terms were "nested too deeply"; their values are those of the terms taken one by one."""
    names = [f"c{k}" for k in range(300)]
    expression = parse(sign.join(names))
    assert expression.sql() == sign.join(names)
    assert parse(expression.sql()).tree == expression.tree
    assert expression.words() == expression.text.replace("*", "x")
    data = pd.DataFrame(np.random.default_rng(3).uniform(0.5, 1.5, (20, 300)), columns=names)
    expected = reduce(compute, (data[name] for name in names)).tolist()
    assert duckdb.sql(f"select {expression.sql()} as f from data").df()["f"].tolist() == expected
    assert expression.numpy(data).tolist() == expected
    rule = Rule("many", f"{expression.text} > 290")
    assert RuleSet.from_nodes({"many": rule.node}).match(data)["many"].tolist() == [x > 290 for x in expected]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_flat_chains_are_written_for_every_engine(dialect: str) -> None:
    summed, multiplied = (sign.join(f"c{k}" for k in range(250)) for sign in (" + ", " * "))
    assert parse(f"{summed} - c0").sql(dialect).count("+") == 249
    assert parse(f"c0 / 2 + {multiplied}").sql(dialect).count("*") == 249
    assert translate(f"select {summed} as f from t", dialect).count("+") == 249


def test_a_chain_ends_at_another_operator() -> None:
    mixed = parse(" + ".join(["a - b"] * 20) + " + " + " + ".join("cdefghijkl"))
    frame = pd.DataFrame({name: [float(k)] for k, name in enumerate("abcdefghijkl")})
    assert mixed.numpy(frame).tolist() == [sum(range(2, 12)) - 20.0]
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        parse(" + ".join(["a - b"] * 60))


def test_chains_inside_brackets_still_count_as_levels() -> None:
    deep = nested("(a > 1 or {})", 60, "b")
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        parse(deep)


def test_eighteen_roots_are_short() -> None:
    expression = parse(nested("sqrt({})", 18))
    assert all(len(expression.sql(dialect)) < 300 for dialect in DIALECTS)


def test_a_distance_inside_a_distance_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"distance_km inside distance_km(.|\n)*feature of its own"):
        parse("distance_km(1 + abs(distance_km(a, b, c, d)), b, c, d) > 2")
    assert len(parse("distance_km(a, b, c, d) - distance_km(a, b, 0, 0)").sql()) < 2_000


def test_an_expression_of_too_many_parts_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"an expression of 1801 parts(.|\n)*allowed: 1000 parts"):
        parse(f"least({','.join(['a'] * 900)})")
    assert parse(f"least({','.join(['a'] * 400)})").columns == {"a"}


def test_a_statement_nested_too_deeply_for_an_engine_says_so() -> None:
    with pytest.raises(ConfigurationError, match="nested too deeply for the SQL of spark"):
        translate(f"select {nested('abs({})', 400)} from t", "spark")


NESTED = [
    "sqrt(sqrt(x))", "sqrt(ln(x))", "ln(ln(x))", "ln(sqrt(x) - 1)", "sqrt(sqrt(x) - 1)", "sqrt(sqrt(x) - sqrt(y))",
    "ln(ln(x) - ln(y))", "sqrt(abs(ln(x)))", "sqrt(case when x > 1 then ln(x) - 1 else sqrt(y) end)", "ln(abs(ln(x)))",
]  # fmt: skip


@pytest.mark.parametrize("text", NESTED)
def test_guards_inside_guards_mean_the_same_as_in_numpy(text: str) -> None:
    values = [None, -4.0, -1e-300, -0.0, 0.0, 1e-300, 0.3, 1.0, 2.0, 2.7, 9.0, 1e12]
    frame = pd.DataFrame(list(itertools.product(values, values)), columns=["x", "y"])
    connection = duckdb.connect()
    connection.register("given", frame.assign(row=range(len(frame))))
    sql = f"select {parse(text).sql()} as found from given order by row"
    found = connection.sql(sql).df()["found"].to_numpy(dtype=float)
    np.testing.assert_allclose(found, parse(text).numpy(frame), rtol=1e-12)
    assert 0 < np.isnan(found).sum() < len(found)
