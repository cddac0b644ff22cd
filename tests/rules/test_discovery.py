"""What the base finds by itself: groups of unusual customers, better variants, and what it says already."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custintel import RuleBase
from custintel.errors import ConfigurationError
from custintel.expressions.parse import parse
from custintel.rules._match_numpy import Table
from custintel.rules.learning._vary_rules import propose_mutations
from custintel.rules.learning.anomaly_rules import DiscoverySettings, propose_anomalies
from custintel.rules.learning.rule_overlap import covered_by, implies, overlap
from custintel.rules.rule_condition import condition_of


def lines(rows: int = 3000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "calls": rng.gamma(2, 20, rows).round(),
            "cells": rng.integers(1, 40, rows).astype(float),
            "texts": rng.poisson(8, rows).astype(float),
            "plan": rng.choice(["S", "M"], rows),
        }
    )
    y = ((X["calls"] > 70) & (X["cells"] <= 8) & (rng.random(rows) < 0.9)).astype(int).to_numpy()
    return X.mask(rng.random(X.shape) < 0.02), y


def active(*rules: tuple[str, str]) -> RuleBase:
    base = RuleBase()
    for name, when in rules:
        base.propose(name, when)
        base.shadow(name, by="me", reason="a test")
        base.activate(name, by="me", reason="a test")
    return base


def test_a_group_of_unusual_customers_gets_a_rule_and_waits_for_a_person() -> None:
    X, _ = lines()
    X.iloc[:30, :3] = np.column_stack([np.full(30, 380.0), np.ones(30), np.zeros(30)])
    base = RuleBase()
    found = propose_anomalies(base, X, DiscoverySettings(share=0.02))
    proposed = found[found["rule"] != ""]
    assert not proposed.empty
    assert set(base.frame()["state"]) == {"proposed"}
    assert set(base.frame()["origin"]) == {"anomaly"}
    fired = base.match(X, "proposed").any(axis=1)
    assert fired[:30].mean() > 0.9
    assert fired[30:].mean() < 0.03
    again = propose_anomalies(base, X, DiscoverySettings(share=0.02))
    assert (again["rule"] == "").all()
    assert again["why"].str.contains("covers it|same customers").any()


def test_forbidden_columns_are_neither_looked_at_nor_read() -> None:
    X, _ = lines()
    X["closed"] = 0.0
    X.loc[:30, "closed"] = 1.0
    found = propose_anomalies(RuleBase(), X, DiscoverySettings(share=0.02, forbidden=("closed",)))
    assert not found["when"].str.contains("closed").any()
    with pytest.raises(ConfigurationError, match="share"):
        DiscoverySettings(share=0.9)


def test_a_better_variant_is_proposed_with_its_parent() -> None:
    X, y = lines()
    base = active(("box", "calls > 40 and cells <= 8"))
    found = propose_mutations(base, X, y)
    assert len(found) == 1
    rule = base[found.loc[0, "rule"]]
    assert rule.origin == "derived"
    assert rule.parents == (base["box"].id,)
    new_X, new_y = lines(seed=5)
    before, after = (new_y[base.match(new_X, s)[n]].mean() for s, n in (("active", "box"), ("proposed", rule.name)))
    assert after > before + 0.1
    assert base.entry(rule.id).state == "proposed"


def test_a_good_rule_is_left_alone() -> None:
    X, y = lines()
    assert propose_mutations(active(("box", "calls > 70 and cells <= 8")), X, y).empty


def test_overlaps_are_counted() -> None:
    X, _ = lines()
    found = overlap(active(("wide", "calls > 60"), ("narrow", "calls > 90 and cells < 9")), X)
    narrow = found[found["rule"].str.startswith("narrow")].iloc[0]
    assert narrow["implied"]
    assert narrow["share_of_rule"] == 1.0
    fired = (X["calls"] > 90) & (X["cells"] < 9)
    assert narrow["jaccard"] == pytest.approx(fired.sum() / (X["calls"] > 60).sum())


def test_what_is_covered_says_by_what() -> None:
    X, _ = lines()
    base = active(("wide", "calls > 60"))
    assert "by its limits" in covered_by(base, condition_of(parse("calls > 80")), X)
    assert "same customers" in covered_by(base, condition_of(parse("calls >= 59")), X)
    assert covered_by(base, condition_of(parse("texts > 20")), X) == ""


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
    assert implies(condition_of(parse(one)), condition_of(parse(other))) is expected


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
    first, second = (condition_of(parse(text)) for text in (one, other))
    if implies(first, second):
        table = Table(X, {})
        assert not (table.match(first) & ~table.match(second)).any()
