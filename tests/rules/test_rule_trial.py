"""A rule tried on a table, the step that waits for approval, and rules taken into a base that has others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.rules import LearnSettings, Rule, RuleBase
from custintel.rules.learning._learn_into_base import learn_into, merge_rules
from custintel.rules.monitoring._activate_rules import next_approval
from custintel.rules.rule_trial import try_rule

WHO = {"by": "an analyst", "reason": "three cases"}


def table() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(4)
    X = pd.DataFrame({"calls": rng.integers(0, 200, 1200).astype(float), "cells": rng.integers(1, 30, 1200) * 1.0})
    X.loc[::50, "cells"] = np.nan
    return X, ((X["calls"] > 120) & (X["cells"] <= 4)).to_numpy(int)


def test_a_trial_counts_what_fires_and_how_often_it_is_right() -> None:
    X, y = table()
    base = RuleBase()
    base.propose("box", "calls > 100 and cells <= 4", by="me")
    base.learn_profiles(X[y == 0])
    trial = try_rule(base, "box", X, y)
    fired = ((X["calls"] > 100) & (X["cells"] <= 4)).to_numpy()
    assert trial.tiers.loc["match", "alarms"] == fired.sum()
    assert trial.tiers.loc["match", "hits"] == y[fired].sum()
    assert trial.tiers.loc["match", "recall"] == 1
    assert trial.unknown == X["cells"].isna().sum()
    assert trial.conditions["calls > 100"] == pytest.approx((X["calls"] > 100).mean())
    assert trial.tiers.loc["resembles", "alarms"] > 0
    assert set(trial.examples["tier"]) == {"match", "resembles"}
    assert base.entry("box").state == "proposed"


@pytest.mark.parametrize(
    ("stated", "said"), [(0.5, "keeps that here"), (0.99, "does not keep"), (0.8, "may be chance")]
)
def test_a_trial_says_whether_the_stated_precision_holds(stated: float, said: str) -> None:
    X = pd.DataFrame({"minutes": np.arange(100.0)})
    y = np.r_[np.zeros(80), np.ones(14), np.zeros(6)]
    base = RuleBase()
    base.add(Rule("burst", "minutes >= 80"), evidence={"precision": stated})
    assert said in try_rule(base, "burst", X, y).words()[-1]


def test_a_trial_needs_the_features_of_the_rule() -> None:
    base = RuleBase()
    base.propose("burst", "minutes > 30", by="me")
    with pytest.raises(DataError, match="lacks features of the rule: minutes"):
        try_rule(base, "burst", pd.DataFrame({"calls": [1.0]}))
    with pytest.raises(DataError, match="no rows"):
        try_rule(base, "burst", pd.DataFrame({"minutes": []}))


def test_approval_finds_the_version_that_waits() -> None:
    base = RuleBase()
    base.propose("burst", "minutes > 30", by="me")
    base.shadow("burst", **WHO)
    base.activate("burst", **WHO)
    with pytest.raises(ConfigurationError, match="it alarms already"):
        next_approval(base, "burst")
    second = base.propose("burst", "minutes > 40", by="me")
    entry, state = next_approval(base, "burst")
    assert (entry.rule.id, state) == (second.id, "shadow")
    base.propose("burst", "minutes > 50", by="me")
    with pytest.raises(ConfigurationError, match="several versions wait"):
        next_approval(base, "burst")
    assert next_approval(base, second.id)[0].rule.id == second.id


def test_rules_with_the_same_conditions_are_not_taken_twice() -> None:
    base, learned = RuleBase(), RuleBase()
    base.propose("mined_01", "minutes > 600", by="me")
    base.propose("expert", "cells < 3", by="me")
    for name, when in {"mined_01": "cells < 3", "mined_02": "calls > 9"}.items():
        learned.add(Rule(name, when, origin="mined"), evidence={"precision": 0.9})
    added = merge_rules(base, learned, by="me", reason="mined", loss=70.0, kind="box")
    assert [(rule.name, rule.loss, rule.kind) for rule in added] == [("mined_02", 70.0, "box")]
    entry = base.entry("mined_02")
    assert (entry.state, entry.evidence["precision"]) == ("shadow", 0.9)


def test_learning_into_a_base_keeps_its_rules_and_learns_the_score_anew() -> None:
    X, y = table()
    base = RuleBase()
    base.propose("box", "calls > 100", by="me")
    added = learn_into(base, X, y, LearnSettings(max_rules=2), by="desk", loss=50.0)
    assert added
    assert all(base.entry(rule.id).state == "shadow" for rule in added)
    assert base.entry("box").state == "proposed"
    assert base.score(X)[y == 1].min() > base.score(X)[y == 0].median()
    assert learn_into(base, X, y, LearnSettings(max_rules=2), by="desk") == []


def test_a_score_that_the_table_cannot_answer_is_left_alone() -> None:
    X, y = table()
    base = RuleBase()
    base.propose("other", "minutes > 30", by="me")
    base.shadow("other", **WHO)
    assert learn_into(base, X, y, LearnSettings(max_rules=2))
    with pytest.raises(DataError, match="no score yet"):
        base.score(X)
