"""Whether rules keep on later customers the precision that their evidence states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from custintel.learners.check_input import binary_target

if TYPE_CHECKING:
    from custintel.rules._rule_base import RuleBase
    from custintel.rules.rule_states import State


_STATES: tuple[State, ...] = ("shadow", "active", "watch")
_COLUMNS = ("rule", "version", "state", "stated", "alarms", "hits", "precision", "kept", "within_noise")


def check_stated_precision(
    base: RuleBase, X: pd.DataFrame, y: Any, *states: State, alpha: float = 0.05
) -> pd.DataFrame:
    """The stated precision of rules beside the one on customers who had no say in it.

    Parameters
    ----------
    base : RuleBase
        The base.
    X : DataFrame
        Features of later (or other) customers, one row each.
    y : array-like
        0 and 1 (1 is a case), or two labels by the rule of `RuleBase.learn`.
    *states : str
        Whose rules; by default those of the shadow and those that fire.
    alpha : float
        Significance level. A rule that keeps its precision may fall below it in a small sample; it is within noise when
        so few hits have at least this probability at the stated precision.

    Returns
    -------
    DataFrame
        One row a rule with a stated precision: rule, version, state, stated, alarms, hits, precision, kept (precision
        at least the stated one) and within_noise; both missing where it fired on nobody. The mean of ``kept`` is the
        share of rules that keep the precision they state.

    Examples
    --------
    >>> from custintel.rules import RuleBase
    >>> base = RuleBase()
    >>> rule = base.propose("burst", "minutes > 30", by="an analyst")
    >>> base.add_evidence("burst", {"precision": 0.5}, by="backtest")
    >>> base.shadow("burst", by="an analyst", reason="three cases")
    >>> X = pd.DataFrame({"minutes": [40, 50, 60, 10]})
    >>> check_stated_precision(base, X, [1, 1, 0, 0])[["stated", "alarms", "hits", "kept"]]
       stated  alarms  hits  kept
    0     0.5       3     2  True
    """
    target = binary_target(y).y
    wanted = states or _STATES
    rules = base.compile(*wanted)
    fired = rules.match(X).to_numpy()
    rows = [
        _row(base, id_, fired[:, k], target, alpha)
        for k, id_ in enumerate(base.in_state(*wanted))
        if "precision" in base.entries[id_].evidence
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"kept": "boolean", "within_noise": "boolean"})


def _row(base: RuleBase, id_: str, fired: np.ndarray, y: np.ndarray, alpha: float) -> dict[str, Any]:
    entry = base.entries[id_]
    stated, alarms, hits = float(entry.evidence["precision"]), int(fired.sum()), int(y[fired].sum())
    facts = {"rule": entry.rule.name, "version": entry.rule.version, "state": entry.state, "stated": stated}
    if not alarms:
        return {**facts, "alarms": 0, "hits": 0, "precision": np.nan, "kept": None, "within_noise": None}
    lucky = bool(binom.cdf(hits, alarms, stated) >= alpha)
    precision = hits / alarms
    return {**facts, "alarms": alarms, "hits": hits, "precision": precision, "kept": precision >= stated,
            "within_noise": lucky}  # fmt: skip
