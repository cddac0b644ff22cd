"""A kind nobody knew: after a review it is found, and a rule for it waits for a person."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel import RuleBase
from custintel.errors import DataError
from custintel.fraud import relearn
from custintel.fraud._review_queue import review_queue
from custintel.learners import AnomalyScore, TableClassifier


def lines(counts: dict[str, int], seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Honest lines, boxes (known) and lines that call abroad from one cell (new)."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(list(counts), list(counts.values()))
    box, new = kind == "box", kind == "new"
    X = pd.DataFrame(
        {
            "calls": rng.gamma(2, 20, len(kind)) * np.where(box, 4, 1),
            "cells": np.where(new, rng.poisson(2, len(kind)), rng.poisson(10, len(kind))),
            "abroad": rng.gamma(1, 3, len(kind)) * np.where(new, 6, 1),
            "texts": rng.poisson(6, len(kind)),
            "seconds": rng.lognormal(4, 0.6, len(kind)) * np.where(new, 2, 1),
        }
    )
    return X, kind


def hits(score: pd.Series, mine: np.ndarray) -> int:
    return int(mine[np.argsort(-score.to_numpy(), kind="stable")[:100]].sum())


def test_one_review_finds_the_new_kind_and_proposes_a_rule_for_it() -> None:
    X, kind = lines({"honest": 2000, "box": 120, "new": 80}, 0)
    y = (kind == "box").astype(int)  # nobody complained about the new kind: it counts as honest
    pool, true = lines({"honest": 2000, "new": 100}, 1)
    model = TableClassifier(effort="fast").fit(X, y)
    known = pd.Series(model.predict_proba(pool)[:, 1])
    unusual = AnomalyScore().fit(X).score_samples(pool)
    queue = review_queue(known, unusual, 100, audit=0.0)
    found = relearn(model, X, y, pool.loc[queue.index], (true[queue.index] != "honest").astype(int))
    mine = true == "new"
    before, alone, after = hits(known, mine), hits(unusual, mine), hits(found.rank(pool), mine)
    assert after >= 1.4 * before
    assert after >= alone
    assert len(found.novel) >= 3
    base = RuleBase()
    assert found.propose_rules(base, pd.concat([X, pool], ignore_index=True))
    assert set(base.frame()["state"]) == {"proposed"}
    fresh, fresh_kind = lines({"honest": 4000, "new": 200}, 2)
    fired = base.match(fresh, "proposed").to_numpy()
    right = fired[fresh_kind == "new"].sum(axis=0) / np.maximum(fired.sum(axis=0), 1)
    covers = fired[fresh_kind == "new"].mean(axis=0)
    assert ((right >= 0.7) & (covers >= 0.3)).any()


def test_without_novel_cases_there_is_no_new_kind() -> None:
    X, kind = lines({"honest": 800, "box": 80}, 0)
    model = TableClassifier(effort="fast").fit(X, kind == "box")
    top = np.argsort(-model.predict_proba(X)[:, 1], kind="stable")[:20]
    found = relearn(model, X, kind == "box", X.iloc[top], np.ones(20))
    assert found.new_kind is None
    assert found.propose_rules(RuleBase(), X) == []
    with pytest.raises(DataError, match="as many outcomes"):
        relearn(model, X, kind == "box", X.iloc[:3], [1])
