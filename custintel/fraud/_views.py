"""The views of a customer that a detector puts together, and how each is learned without seeing the row it judges.

Every view is a number that rises with suspicion: log-odds of the supervised model, log-odds of the mined rules,
similarity to the rules of an expert base, how unusual the customer is, and columns of circles of contacts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.errors import DataError
from custintel.estimators import fold_of_rows
from custintel.rules import RuleBase

if TYPE_CHECKING:
    import pandas as pd

    from custintel.rules import LearnSettings

__all__ = ["expert_views", "mined_log_odds", "mined_rules", "odds_of"]

_FOLDS = 4
_EDGE = 1e-6


def odds_of(p: Any) -> np.ndarray:
    """Log-odds of probabilities, kept finite."""
    q = np.clip(np.asarray(p, dtype=np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(q / (1 - q)))


def mined_rules(X: pd.DataFrame, y: np.ndarray, settings: LearnSettings) -> RuleBase | None:
    """A base of mined rules; None where there are too few cases or no rule stands."""
    try:
        base = RuleBase.learn(X, y, settings)
    except DataError:
        return None
    return base if len(base) else None


def mined_log_odds(X: pd.DataFrame, y: np.ndarray, settings: LearnSettings, seed: int) -> np.ndarray:
    """Log-odds of every row by rules that were mined without it."""
    fold = fold_of_rows(y, _FOLDS, None, seed)
    out = np.zeros(len(y))
    for k in range(_FOLDS):
        away = fold == k
        base = mined_rules(X[~away], y[~away], settings)
        out[away] = odds_of(y[~away].mean() if base is None else base.score(X[away]))
    return out


def expert_views(base: RuleBase, X: pd.DataFrame) -> np.ndarray:
    """Highest similarity to a rule of the base, and how many rules match (customers x 2)."""
    similarity = base.within(X.columns).similarity(X).to_numpy(np.float64)
    if not similarity.shape[1]:
        return np.zeros((len(X), 2))
    return np.column_stack([similarity.max(axis=1), np.log1p((similarity >= 1).sum(axis=1))])
