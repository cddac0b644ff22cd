"""The component scores that a fraud detector takes from rules: log-odds of mined rules, similarity to expert rules.

Every component score rises with suspicion and was learned without the row that it judges. The other two, log-odds of
the supervised model and how unusual a customer is among its peers, come from `custintel.learners`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.errors import DataError
from custintel.fraud._rows_to_learn import one_row_a_group
from custintel.learners.ensemble.inner_folds import fold_of_rows
from custintel.rules import RuleBase

if TYPE_CHECKING:
    import pandas as pd

    from custintel.rules import LearnSettings

_FOLDS = 4
_EDGE = 1e-6
_MINED_AT = "2000-01-01"  # no time of the clock: the same customers give the same detector


def clipped_log_odds(p: Any) -> np.ndarray:
    """Log-odds of probabilities, kept finite."""
    q = np.clip(np.asarray(p, dtype=np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(q / (1 - q)))


def mine_rules(X: pd.DataFrame, y: np.ndarray, settings: LearnSettings) -> RuleBase | None:
    """A base of mined rules; None where there are too few cases or no rule stands."""
    try:
        base = RuleBase.learn(X, y, settings, at=_MINED_AT)
    except DataError:
        return None
    return base if len(base) else None


def out_of_fold_rule_log_odds(
    X: pd.DataFrame, y: np.ndarray, settings: LearnSettings, seed: int, groups: np.ndarray | None = None
) -> np.ndarray:
    """Log-odds of every row by rules that were mined without it, and without its group."""
    fold = fold_of_rows(y, _FOLDS, groups, seed)
    out = np.zeros(len(y))
    for k in range(_FOLDS):
        away = fold == k
        learn = np.flatnonzero(~away)
        learn = learn[one_row_a_group(y[learn], None if groups is None else groups[learn], seed)]
        base = mine_rules(X.iloc[learn], y[learn], settings)
        out[away] = clipped_log_odds(y[learn].mean() if base is None else base.score(X[away]))
    return out


def expert_rule_scores(base: RuleBase, X: pd.DataFrame) -> np.ndarray:
    """Highest similarity to a rule of the base, and how many rules match (customers x 2)."""
    similarity = base.restricted_to(X.columns).similarity(X).to_numpy(np.float64)
    if not similarity.shape[1]:
        return np.zeros((len(X), 2))
    return np.column_stack([similarity.max(axis=1), np.log1p((similarity >= 1).sum(axis=1))])
