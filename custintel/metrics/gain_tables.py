"""Tables of a ranking: gain and decile tables, and the swap set, which compares two scores where they disagree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from custintel.errors import Problem, raise_problems
from custintel.metrics.score_ranking import outcomes, rank


def gain_table(y_true: Any, y_score: Any, n_bins: int = 10) -> pd.DataFrame:
    """Customers in groups of equal size by falling score: counts, rate, lift, cumulative gain, score cut-offs.

    Equal scores keep the given order, so that every group has its size even when many scores are the same.

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and scores.
    n_bins : int
        Number of groups.

    Returns
    -------
    pandas.DataFrame
        One row a group: `group` (1 = highest scores), `customers`, `targets`, `rate`, `lift`, `cumulative_customers`,
        `cumulative_targets`, `gain` (share of all targets found so far), `cumulative_lift`, `score_low`, `score_high`.

    Examples
    --------
    >>> table = gain_table([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1], n_bins=2)
    >>> table[["group", "customers", "targets", "lift", "gain", "score_low"]]
       group  customers  targets  lift  gain  score_low
    0      1          2        1   1.0   0.5        0.5
    1      2          2        1   1.0   1.0        0.1
    """
    r = rank(y_true, y_score)
    edges = np.linspace(0, len(r.y), min(n_bins, len(r.y)) + 1).round().astype(np.int64)
    targets = np.diff(np.append(0, np.cumsum(r.y))[edges]).astype(np.int64)
    customers = np.diff(edges)
    found, seen = np.cumsum(targets), edges[1:]
    rate = r.rate or np.nan
    return pd.DataFrame(
        {
            "group": np.arange(1, len(customers) + 1),
            "customers": customers,
            "targets": targets,
            "rate": targets / customers,
            "lift": targets / customers / rate,
            "cumulative_customers": seen,
            "cumulative_targets": found,
            "gain": found / max(int(r.y.sum()), 1),
            "cumulative_lift": found / seen / rate,
            "score_low": r.score[edges[1:] - 1],
            "score_high": r.score[edges[:-1]],
        }
    )


def decile_table(y_true: Any, y_score: Any) -> pd.DataFrame:
    """`gain_table` with ten groups, the column `group` named `decile`.

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and scores.

    Examples
    --------
    >>> decile_table([1, 0] * 10, range(20))["customers"].tolist()
    [2, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    """
    return gain_table(y_true, y_score, 10).rename(columns={"group": "decile"})


def swap_set(y_true: Any, risk: Any, other_risk: Any, accept: float = 0.8) -> pd.DataFrame:
    """Customers by what two scores would do at the same share of acceptances, with their bad rates.

    Parameters
    ----------
    y_true : array-like
        1 for bad customers.
    risk, other_risk : array-like
        Risk by the score in use and by its challenger; lower is accepted first.
    accept : float
        Share of the customers to accept.

    Returns
    -------
    DataFrame
        Rows both accept, swap out (only the score in use accepts), swap in (only the challenger), neither: customers,
        bad, bad_rate. A challenger earns its place when those swapped in are better than those swapped out.

    Examples
    --------
    >>> found = swap_set([1, 0, 0, 1], [0.1, 0.2, 0.8, 0.9], [0.7, 0.1, 0.2, 0.9], accept=0.5)
    >>> found.loc[["swap out", "swap in"], "bad_rate"].tolist()
    [1.0, 0.0]
    """
    if not 0 < accept < 1:
        raise_problems([Problem("accept", "not a share", str(accept), "between 0 and 1")])
    truth = outcomes(y_true)
    one, two = _accepted(risk, accept), _accepted(other_risk, accept)
    parts = {"both": one & two, "swap out": one & ~two, "swap in": two & ~one, "neither": ~one & ~two}
    rows = {name: {"customers": int(own.sum()), "bad": int(truth[own].sum())} for name, own in parts.items()}
    found = pd.DataFrame(rows).T
    return found.assign(bad_rate=found["bad"] / found["customers"].where(found["customers"] > 0))


def _accepted(risk: Any, accept: float) -> np.ndarray:
    """The least risky customers; ties in the order of the rows."""
    values = np.asarray(risk, dtype=np.float64)
    found = np.zeros(len(values), dtype=bool)
    found[np.argsort(values, kind="stable")[: round(accept * len(values))]] = True
    return found
