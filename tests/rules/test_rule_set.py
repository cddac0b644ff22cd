"""Match and similarity: three-valued logic, the same numbers in numpy, SQL and row by row."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custintel.errors import ConfigurationError, QualityWarning
from custintel.expressions.parse import parse
from custintel.rules._match_row import RowMatcher
from custintel.rules._match_sql import match_sql, similarity_sql
from custintel.rules._rule_set import RuleSet, learn_profiles
from custintel.rules.rule_condition import condition_tree

COLUMNS = ("a", "b", "c")


def customers(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({name: rng.gamma(1, 20, rows).round() for name in COLUMNS})
    X["plan"] = rng.choice(["S", "M", "L"], rows)
    X = X.mask(rng.random(X.shape) < 0.1)
    return X.astype({"plan": object}).rename_axis("customer_id")


def comparison() -> st.SearchStrategy[str]:
    number = st.builds(
        lambda column, sign, limit: f"{column} {sign} {limit}",
        st.sampled_from([*COLUMNS, "a - b", "a * 2"]),
        st.sampled_from([">", ">=", "<", "<=", "=", "<>"]),
        st.integers(-5, 80),
    )
    other = st.sampled_from(
        ["plan = 'S'", "plan <> 'M'", "plan in ('S', 'L')", "plan not in ('S')", "a is null", "b is not null",
         "c between 5 and 30", "a > b"]
    )  # fmt: skip
    return number | other


def expressions() -> st.SearchStrategy[str]:
    return st.recursive(
        comparison(),
        lambda inner: (
            st.builds(lambda x, op, y: f"({x} {op} {y})", inner, st.sampled_from(["and", "or"]), inner)
            | st.builds(lambda x: f"not ({x})", inner)
        ),
        max_leaves=5,
    )


def compiled(texts: list[str], X: pd.DataFrame) -> RuleSet:
    rules = {f"r{k}": text for k, text in enumerate(texts)}
    plain = RuleSet.compile(rules)
    return RuleSet.compile(rules, learn_profiles(plain.nodes, X))


@settings(max_examples=40, deadline=None)
@given(st.lists(expressions(), min_size=1, max_size=4))
def test_numpy_sql_and_rows_agree_and_match_is_sqls_own(texts: list[str]) -> None:
    X = customers()
    rules = compiled(texts, X)
    match, similarity = rules.match(X), rules.similarity(X)
    con = duckdb.connect()
    con.register("given", X.reset_index())
    con.execute("create table features as select * from given")
    by_sql = con.sql(f"select * from ({match_sql(rules, 'features')}) order by 1").df().iloc[:, 1:]
    np.testing.assert_array_equal(match.to_numpy(), by_sql.to_numpy())
    near = con.sql(f"select * from ({similarity_sql(rules, 'features')}) order by 1").df().iloc[:, 1:]
    np.testing.assert_allclose(similarity.to_numpy(), near.to_numpy(), atol=1e-9)
    look = RowMatcher(rules)
    rows = np.array([list(look(row).values()) for row in X.head(60).to_dict("records")])
    np.testing.assert_allclose(similarity.head(60).to_numpy(), rows, atol=1e-9)
    np.testing.assert_array_equal((similarity == 1).to_numpy(), match.to_numpy())
    for k, text in enumerate(texts):
        plain = con.sql(f"select coalesce({parse(text).sql()}, false) as m from features order by customer_id").df()[
            "m"
        ]
        np.testing.assert_array_equal(match.iloc[:, k].to_numpy(), plain.to_numpy())


def test_a_condition_on_a_missing_value_is_never_a_match() -> None:
    X = pd.DataFrame({"a": [np.nan, 50.0]})
    rules = RuleSet.compile({"over": "a > 30", "under": "not (a > 30)", "none": "a is null"})
    assert rules.match(X).to_numpy().tolist() == [[False, False, True], [True, False, False]]


def test_similarity_rises_towards_the_limit_and_is_below_one_without_a_match() -> None:
    X = pd.DataFrame({"a": np.arange(100.0)})
    rules = compiled(["a > 80"], X)
    found = rules.similarity(X).iloc[:, 0]
    assert found.is_monotonic_increasing
    assert found[found < 1].max() < 1
    assert found.iloc[40] == 0
    assert found.iloc[70] == pytest.approx(1 - 10 / 25, abs=0.05)


def test_text_does_not_depend_on_how_a_rule_was_written() -> None:
    same = [
        "a > 1 and (b < 2 or plan = 'S')",
        "(plan = 'S' or 2 > b) and not (a <= 1)",
        "a > 1 and a > 1 and (b < 2 or plan = 'S')",
    ]
    assert len({str(condition_tree(parse(text))) for text in same}) == 1


BAD = [
    "a + 1",
    "sum(a) > 2",
    "a = b",
    "1 > 2",
    "plan > 'S'",
    "as_of > 3",
    "case when a then b end",
    "read_csv('x') > 1",
]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        RuleSet.compile({"bad": text})


def test_rows_of_a_stream_calculate_as_frames_do() -> None:
    """Gaps of every kind, division by zero, yes and no as numbers, and overflow to what is no number."""
    texts = {
        "r": "(a + b) / c >= 2 and -a * 2 < b - 1",
        "over": "a * 1e300 * 1e300 - b * 1e300 * 1e300 > 0",
        "flag": "b + c > 1",
    }
    rows = [
        {"a": 1.0, "b": 4.0, "c": 2}, {"a": None, "b": 4.0, "c": 2.0}, {"a": 3.0, "b": pd.NA, "c": float("nan")},
        {"a": 3.0, "b": 2.0, "c": 0}, {"a": 1, "b": True, "c": True},
    ]  # fmt: skip
    look, rules = RowMatcher(RuleSet.compile(texts)), RuleSet.compile(texts)
    for row in rows:
        assert list(look(row).values()) == rules.similarity(pd.DataFrame([row])).iloc[0].tolist(), row
    assert look({"a": "x", "b": 1.0, "c": 1.0}) == {"r": 0.0, "over": 0.0, "flag": 1.0}
    with pytest.warns(QualityWarning, match="r: TypeError"):
        assert look({"a": ["x"], "b": 1.0, "c": 1.0}) == {"r": 0.0, "over": 0.0, "flag": 1.0}
