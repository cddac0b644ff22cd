"""Several dates of a line: what a detector learns from them, and what each column adds to its suspicion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custintel import FraudDetector, RuleBase
from custintel.fraud._detector_contributions import nearest_rule_shares
from custintel.fraud._rows_to_learn import one_row_a_group, rows_to_learn
from custintel.rules import LearnSettings


def lines(rows: int = 480, dates: int = 4) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Lines on some dates; one in twelve calls a lot from few cells, on every date."""
    rng = np.random.default_rng(0)
    case = np.repeat(np.arange(rows) % 12 == 0, dates)
    calls = rng.gamma(2, 20, rows * dates) * np.where(case, 3, 1)
    X = pd.DataFrame({"calls": calls, "cells": rng.poisson(np.where(case, 3, 9)).astype(float)})
    return X, case.astype(int), np.repeat([f"C{k}" for k in range(rows)], dates)


@pytest.fixture(scope="module")
def detector() -> FraudDetector:
    base = RuleBase()
    base.propose("box", "calls > 120 and cells <= 3", kind="sim_box", by="an analyst")
    base.shadow("box", by="an analyst", reason="known")
    base.activate("box", by="an analyst", reason="known")
    X, y, groups = lines()
    base.learn_profiles(X[y == 0])
    return FraudDetector(rules=base, settings=LearnSettings(max_rules=3), n_jobs=1).fit(X, y, groups=groups)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), min_size=1, max_size=40), st.integers(0, 9))
def test_all_cases_and_some_of_the_others_are_learned_from(rows: list[tuple[str, bool]], seed: int) -> None:
    groups, y = np.array([g for g, _ in rows], dtype=object), np.array([int(case) for _, case in rows])
    places, share = rows_to_learn(y, groups, seed)
    assert set(np.flatnonzero(y == 1)) <= set(places)
    kept = pd.Series(groups[places][y[places] == 0]).value_counts()
    every = pd.Series(groups[y == 0]).value_counts()
    assert kept.sort_index().tolist() == every.clip(upper=3).sort_index().tolist()
    assert share == pytest.approx(kept.sum() / max(every.sum(), 1))
    one = one_row_a_group(y, groups, seed)
    assert sorted(groups[one]) == sorted(set(groups))
    assert y[one].sum() == len({g for g, case in rows if case})


def test_probabilities_are_those_of_all_rows(detector: FraudDetector) -> None:
    X, y, _ = lines()
    assert detector.legitimate_share_ == pytest.approx(3 / 4)
    assert detector.event_probability(X).mean() == pytest.approx(y.mean(), rel=0.1)


def test_contributions_add_up_to_the_log_odds_before_calibration(detector: FraudDetector) -> None:
    X = lines(60)[0]
    scores = detector.component_scores(X).to_numpy()
    raw = detector.weights_["intercept"] + ((scores - detector.means_) / detector.spreads_) @ detector.weights_[1:]
    total = detector.contributions(X).sum(axis=1) + detector.expected_value_
    np.testing.assert_allclose(total, raw)


def test_the_rules_met_are_named_given_and_mined(detector: FraudDetector) -> None:
    X = lines(60)[0]
    met = detector.rules_met(X)
    box = (X["calls"] > 120) & (X["cells"] <= 3)
    assert (met.str.split(", ").map(lambda names: "box" in names) == box).all()
    assert met.str.contains("mined_01").any()
    assert detector.columns_of_rules_ == ["calls", "cells"]


def test_a_rule_is_shared_by_the_columns_that_it_reads() -> None:
    base = RuleBase()
    for name, when in (("loud", "calls > 100"), ("fixed", "cells <= 2 and nights > 3")):
        base.propose(name, when, by="me")
        base.shadow(name, by="me", reason="an example")
        base.activate(name, by="me", reason="an example")
    X = pd.DataFrame({"calls": [200.0, 1.0], "cells": [9.0, 1.0], "nights": [0.0, 9.0], "plan": ["S", "S"]})
    shares = nearest_rule_shares([(base, ("active",))], X)
    assert shares.to_numpy().tolist() == [[1.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0]]
    assert (nearest_rule_shares([], X) == 0.25).all(axis=None)
