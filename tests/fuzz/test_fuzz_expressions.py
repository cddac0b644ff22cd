"""Expressions of every shape are refused, or give SQL that runs and whose length is in proportion to the text."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spoiled_texts import spoiled

from custintel.catalogue import Catalogue
from custintel.errors import DataError
from custintel.expressions.parse import parse
from custintel.rules import RuleBase

if TYPE_CHECKING:
    from custintel.expressions.expression import Expression

pytestmark = pytest.mark.slow
FUZZ = settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))

COLUMNS = {"a": "number", "b": "number", "t": "string"}
TABLE = pd.DataFrame({"a": [1.0, -2.0, math.nan, 0.0], "b": [0.5, 1e300, -1e-300, 3.0], "t": ["x", "", None, "it's"]})
NUMBERS = st.sampled_from(["a", "b", "1", "-1.5", "0", "1e300", "null"])
TWO = ["({} + {})", "({} / {})", "least({}, {})", "greatest({}, {})", "coalesce({}, {})", "power({}, {})"]
TWO += ["({} % {})", "case when {} > 0 then {} end", "({} > {})", "({} in ({}, 1))", "({} between {} and 2)"]
TEXTS = st.sampled_from(["t", "''", "'x'", "'it''s'", "'\u2028'"])


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    one = st.sampled_from(["sqrt({})", "abs({})", "ln({})", "exp({})", "round({})", "(-{})", "({})", "nullif({}, 0)"])
    two = st.sampled_from(TWO)
    return st.one_of(
        st.tuples(one, inner).map(lambda p: p[0].format(p[1])),
        st.tuples(two, inner, inner).map(lambda p: p[0].format(p[1], p[2])),
    )


EXPRESSIONS = st.recursive(st.one_of(NUMBERS, TEXTS), _deeper, max_leaves=40)
SIGNS = list("abt01.+-*/%()<>=!',\"[]{}:;\\ \n\u2028\u202e\x00é")
WORDS = [*SIGNS, "sqrt", "case when ", " then ", " end", "count_if("]
RAW = st.lists(st.sampled_from(WORDS), max_size=120).map("".join)


def _parsed(text: str) -> Expression:
    return parse(text)


@given(st.data())
@FUZZ
def _attack_grown(attack: Any, data: st.DataObject) -> None:
    text = data.draw(EXPRESSIONS)
    found = attack(_parsed, text)
    if found is not None:
        sql = found.sql("duckdb")
        assert len(sql) < 60 * len(text) + 2_000, "the SQL grows faster than the text"


def test_grown_expressions(attack: Any) -> None:
    _attack_grown(attack)


@given(st.data())
@FUZZ
def _attack_raw(attack: Any, data: st.DataObject) -> None:
    attack(_parsed, data.draw(RAW))


def test_raw_text(attack: Any) -> None:
    _attack_raw(attack)


def test_shipped_expressions_made_worse(attack: Any) -> None:
    random = Random(12)
    shipped = sorted({entry.expression for entry in Catalogue.load().entries()})
    assert len(shipped) > 100
    for _ in range(3_000):
        attack(_parsed, spoiled(random.choice(shipped), random))


SHAPES = ["sqrt({})", "abs({})", "nullif({}, 0)", "({} + a)", "least({}, a)", "distance_km({}, a, b, a)"]


@pytest.mark.parametrize("shape", [*SHAPES, "not ({})", "case when {} > 0 then {} end"])
def test_depth_is_bounded_and_growth_is_linear(attack: Any, shape: str) -> None:
    text, lengths = "a", []
    for _ in range(60):
        text = shape.format(*[text] * shape.count("{}")) if len(text) < 2_000_000 else text
        found = attack(_parsed, text)
        lengths.append(len(found.sql("duckdb")) / len(text) if found is not None else 0.0)
    assert max(lengths) < 100


def _answers(when: str) -> int:
    base = RuleBase()
    base.propose("one", when, by="fuzz", reason="fuzz")
    base.propose("good", "a > 0", by="fuzz", reason="fuzz")
    base.shadow("one", by="fuzz", reason="fuzz")
    base.shadow("good", by="fuzz", reason="fuzz")
    matched = base.match(TABLE, "shadow")
    assert matched["good"].tolist()[:2] == [True, False]
    return len(matched)


@given(st.data())
@settings(FUZZ, max_examples=400)
def _attack_rules(attack: Any, data: st.DataObject) -> None:
    attack(_answers, data.draw(st.one_of(EXPRESSIONS.map(lambda e: f"{e} > 1"), RAW)))


def test_rules_answer_or_are_refused(attack: Any) -> None:
    _attack_rules(attack)


def test_what_is_read_runs_on_the_engine(attack: Any) -> None:
    random = Random(3)
    connection = duckdb.connect()
    connection.register("t0", TABLE)

    def run(text: str) -> None:
        sql = parse(text).sql("duckdb")
        try:
            connection.sql(f"select {sql} from t0").fetchall()
        except duckdb.Error as error:  # types and ranges are the engine's to judge; it may refuse, not fall
            raise DataError(str(error)[:200]) from None

    drawn = [_random_expression(random, 6) for _ in range(1_500)]
    for text in drawn:
        attack(run, text)
    assert attack.counts["answered"] > 300


def _random_expression(random: Random, depth: int) -> str:
    if depth == 0 or random.random() < 0.2:
        return random.choice(["a", "b", "1", "-2.5", "0", "t", "'x'"])
    one = ["sqrt({})", "abs({})", "round({})", "ln({})", "exp({})", "nullif({}, 0)"]
    shape = random.choice([*one, "({} + {})", "({} / {})", "least({}, {})", "(case when {} > 0 then {} end)"])
    return shape.format(*[_random_expression(random, depth - 1) for _ in range(shape.count("{}"))])
