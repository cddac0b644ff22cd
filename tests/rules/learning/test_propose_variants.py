"""Variants of known rules: a better one is proposed, a good rule is left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from custintel import RuleBase
from custintel.rules.learning._propose_variants import propose_variants


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


def test_a_better_variant_is_proposed_with_its_parent() -> None:
    X, y = lines()
    base = active(("box", "calls > 40 and cells <= 8"))
    found = propose_variants(base, X, y)
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
    assert propose_variants(active(("box", "calls > 70 and cells <= 8")), X, y).empty
