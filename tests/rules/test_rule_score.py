"""The score of rules: more similarity never lowers it, it is calibrated, kept, and told rule by rule."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from custintel.metrics.calibration import calibration_line
from custintel.metrics.discrimination import auc
from custintel.rules import RuleBase
from custintel.rules.rule_score import RuleScore, ScoreInputs, best_f1_threshold, fit_score


def drawn(rows: int = 4000, rate: float = 0.2, seed: int = 0) -> tuple[ScoreInputs, np.ndarray]:
    """Cases are nearer to the first two of four rules; far beyond the limits of the first they are innocent."""
    rng = np.random.default_rng(seed)
    y = (rng.random(rows) < rate).astype(float)
    similarity = np.clip(rng.beta(2, 3, (rows, 4)) + 0.35 * y[:, None] * np.array([1, 1, 0, 0]), 0, 1)
    exceedance = rng.random((rows, 4)) * similarity
    y[(similarity[:, 0] > 0.6) & (exceedance[:, 0] > 0.55)] = 0
    return ScoreInputs(similarity, exceedance), y


@pytest.fixture(scope="module")
def learned() -> RuleScore:
    return fit_score(*drawn())


def test_more_similarity_never_lowers_the_score(learned: RuleScore) -> None:
    near, _ = drawn(500, seed=3)
    for rule in range(4):
        raised = near.similarity.copy()
        raised[:, rule] = np.minimum(1.0, raised[:, rule] + 0.2)
        assert (learned.log_odds(ScoreInputs(raised, near.exceedance)) >= learned.log_odds(near) - 1e-9).all()


def test_it_tells_new_cases_and_means_what_it_says(learned: RuleScore) -> None:
    near, y = drawn(20_000, seed=1)
    p = learned.probability(near)
    assert auc(y, p) > 0.8
    assert abs(calibration_line(y, p).slope - 1) < 0.15
    assert abs(p.mean() - y.mean()) < 0.01


def test_the_parts_of_the_rules_add_up(learned: RuleScore) -> None:
    near, _ = drawn(50, seed=2)
    parts = learned.contributions(near).sum(axis=1)
    raw = learned._raw(near)
    np.testing.assert_allclose(np.diff(parts), np.diff(raw), atol=1e-6)


@pytest.mark.parametrize("rate", [0.2, 0.006])
def test_kept_as_json_and_read_back(rate: float) -> None:
    near, y = drawn(rate=rate)
    before = fit_score(near, y)
    assert (before.trees is None) == (rate < 0.01)
    after = RuleScore.from_state(json.loads(json.dumps(before.to_state())))
    np.testing.assert_allclose(after.probability(near), before.probability(near), atol=1e-12)


def test_the_threshold_is_the_best_cut() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(300) < 0.3).astype(float)
    p = np.round(np.clip(0.3 * y + rng.random(300) * 0.6, 0, 1), 2)
    cut = best_f1_threshold(p, y)
    best = max(_macro_f1(y, p >= t) for t in np.unique(p))
    assert _macro_f1(y, p >= cut) == pytest.approx(best)


def _macro_f1(y: np.ndarray, told: np.ndarray) -> float:
    def f1(truth: np.ndarray, said: np.ndarray) -> float:
        return 2 * float((truth & said).sum()) / max(float(truth.sum() + said.sum()), 1)

    return (f1(y == 1, told) + f1(y == 0, ~told)) / 2


def test_clearness_rises_beyond_the_limit_and_is_none_where_nothing_is_known() -> None:
    base = RuleBase()
    base.propose("many", "calls > 80 and plan = 'S'")
    base.learn_profiles(pd.DataFrame({"calls": np.arange(100.0), "plan": "S"}))
    X = pd.DataFrame({"calls": [70.0, 90.0, 500.0, None], "plan": ["S", "M", "S", "S"]})
    clear = base.compile("proposed").exceedance(X).iloc[:, 0]
    np.testing.assert_allclose(clear, [0.0, 10 / 19, 1.0, 0.0])
