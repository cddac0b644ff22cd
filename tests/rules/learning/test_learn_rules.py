"""Rules learned from labelled customers: honest precision, few conditions, any table, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import DataError
from custintel.metrics.confidence_intervals import wilson
from custintel.metrics.discrimination import auc
from custintel.rules import LearnSettings, RuleBase
from custintel.rules.learning._holdout_precision import HoldoutCounts, benjamini_hochberg
from custintel.rules.rule_condition import conditions


def lines(rows: int = 3000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """A SIM box calls many strangers from few cells; some couriers do, too."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "calls": rng.gamma(2, 20, rows).round(),
            "cells": rng.integers(1, 40, rows).astype(float),
            "texts": rng.poisson(8, rows).astype(float),
            "plan": rng.choice(["prepaid", "S", "M"], rows),
            "noise": rng.random(rows),
        }
    )
    box = (X["calls"] > 60) & (X["cells"] < 6) & (X["plan"] == "prepaid")
    y = np.where(box, rng.random(rows) < 0.9, rng.random(rows) < 0.01).astype(int)
    return X.mask(rng.random(X.shape) < 0.03), y


@pytest.fixture(scope="module")
def learned() -> RuleBase:
    return RuleBase.learn(*lines())


def test_the_score_tells_cases_on_new_customers(learned: RuleBase) -> None:
    X, y = lines(seed=1)
    assert auc(y, learned.score(X)) > 0.72
    caught = learned.decide(X).to_numpy()
    assert y[caught].mean() > 0.6


def test_rules_are_few_short_and_only_in_the_shadow(learned: RuleBase) -> None:
    assert 1 <= len(learned) <= 40
    assert set(learned.frame()["state"]) == {"shadow"}
    assert max(len(conditions(rule.node)) for rule in learned) <= 4
    assert learned.alarms(lines(seed=1)[0]).empty


def test_rules_keep_the_precision_they_claim() -> None:
    kept = []
    X, y = lines(20_000, seed=9)
    for seed in range(3):
        base = RuleBase.learn(*lines(seed=seed), LearnSettings(max_rules=10, random_state=seed))
        fired = base.match(X, "shadow")
        for name in fired:
            if fired[name].sum() >= 30:
                kept.append(y[fired[name]].mean() >= base.entry(name).evidence["precision"])
    assert len(kept) >= 10
    assert np.mean(kept) >= 0.9


def test_the_same_seed_gives_the_same_rules() -> None:
    one, two = (RuleBase.learn(*lines(800), LearnSettings(max_rules=5)) for _ in range(2))
    assert [r.id for r in one] == [r.id for r in two]


def test_forbidden_columns_are_never_read() -> None:
    base = RuleBase.learn(*lines(1500), LearnSettings(max_rules=10, forbidden=("calls",)))
    assert not any("calls" in rule.columns for rule in base)


def test_numbers_written_as_text_are_numbers() -> None:
    X, y = lines(1500)
    base = RuleBase.learn(X.assign(calls=X["calls"].map(lambda v: " " if pd.isna(v) else f"{v:g}")), y)
    assert auc(y, base.score(X.assign(calls=X["calls"].astype(object)))) > 0.7
    as_text = X.assign(calls=X["calls"].map(lambda v: " " if pd.isna(v) else f"{v:g}"))
    pd.testing.assert_frame_equal(base.match(as_text, "shadow"), base.match(X, "shadow"))
    assert len(base.alarms(as_text, None, "shadow")) == len(base.alarms(X, None, "shadow"))


def test_nothing_is_learned_from_noise() -> None:
    X, _ = lines(1000)
    y = (np.random.default_rng(5).random(1000) < 0.1).astype(int)
    assert len(RuleBase.learn(X, y)) <= 5


def test_too_few_cases_are_refused_in_words() -> None:
    X, _ = lines(300)
    with pytest.raises(DataError, match="too few"):
        RuleBase.learn(X, (np.arange(300) < 5).astype(int))
    with pytest.raises(DataError, match="no score yet"):
        RuleBase().score(X)


def test_bounds_and_discoveries() -> None:
    assert wilson(0, 0)[0] == 0.0
    assert wilson(50, 50)[0] < 1.0
    assert HoldoutCounts(9, 10, 20, 1000).p_value < 1e-10
    assert not benjamini_hochberg(np.array([0.5, 0.9])).any()


def test_conjunctions_are_found_in_a_table_of_two_columns() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"calls": rng.gamma(2, 20, 1500).round(), "cells": rng.integers(1, 30, 1500)})
    y = ((X["calls"] > 70) & (X["cells"] <= 6)).astype(int)
    base = RuleBase.learn(X, y)
    assert any(rule.columns == {"calls", "cells"} for rule in base)
    assert max(e.evidence["precision"] for e in base.entries.values()) > 0.5
    assert auc(y, base.score(X)) > 0.99
