"""What the rules of a base say already: by logic, and by the customers on whom they raise alarms."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_box_lines import active, lines

from custintel.expressions.parse import parse
from custintel.rules._match_numpy import TableMatcher
from custintel.rules.learning.rule_overlap import covering_rule, implies, rule_overlap
from custintel.rules.rule_condition import condition_tree


def test_overlaps_are_counted() -> None:
    X, _ = lines()
    found = rule_overlap(active(("wide", "calls > 60"), ("narrow", "calls > 90 and cells < 9")), X)
    narrow = found[found["rule"].str.startswith("narrow")].iloc[0]
    assert narrow["implied"]
    assert narrow["share_of_rule"] == 1.0
    fired = (X["calls"] > 90) & (X["cells"] < 9)
    assert narrow["jaccard"] == pytest.approx(fired.sum() / (X["calls"] > 60).sum())


def test_what_is_covered_says_by_what() -> None:
    X, _ = lines()
    base = active(("wide", "calls > 60"))
    assert "by its limits" in covering_rule(base, condition_tree(parse("calls > 80")), X)
    assert "same customers" in covering_rule(base, condition_tree(parse("calls >= 59")), X)
    assert covering_rule(base, condition_tree(parse("texts > 20")), X) == ""


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a > 5", "a > 3", True),
        ("a > 3", "a > 5", False),
        ("a >= 5", "a > 5", False),
        ("a > 5", "a >= 5", True),
        ("a = 5", "a between 1 and 9", True),
        ("a in (1, 2)", "a < 3", True),
        ("a in (1, 4)", "a < 3", False),
        ("a > 5", "a is not null", True),
        ("a is null", "a is not null", False),
        ("a > 5", "a <> 2", True),
        ("a > 5", "a <> 7", False),
        ("b = 'x'", "b in ('x', 'y')", True),
        ("a > 5 or a < 1", "a > 0 or a < 2", True),
        ("a > 5 and b = 'x'", "a > 1", True),
        ("not (a <= 5)", "a > 4", True),
    ],
)
def test_implication_of_limits(one: str, other: str, expected: bool) -> None:
    assert implies(condition_tree(parse(one)), condition_tree(parse(other))) is expected


ATOMS = st.builds(
    lambda column, sign, value: f"{column} {sign} {value}",
    st.sampled_from(["a", "b"]), st.sampled_from([">", ">=", "<", "<=", "=", "<>"]), st.integers(0, 4),
)  # fmt: skip
RULES = st.recursive(ATOMS, lambda r: st.builds(lambda x, w, y: f"({x} {w} {y})", r, st.sampled_from(["and", "or"]), r))


@settings(max_examples=200, deadline=None)
@given(RULES, RULES)
def test_implication_never_claims_what_is_false(one: str, other: str) -> None:
    values = [None, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0]
    X = pd.DataFrame([(a, b) for a in values for b in values], columns=["a", "b"], dtype=float)
    first, second = (condition_tree(parse(text)) for text in (one, other))
    if implies(first, second):
        table = TableMatcher(X, {})
        assert not (table.match(first) & ~table.match(second)).any()
