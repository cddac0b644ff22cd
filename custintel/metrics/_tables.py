"""The decile table: what marketing reads first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from custintel.metrics._ranking import rank

__all__ = ["decile_table", "gain_table"]


def gain_table(y: Any, p: Any, bins: int = 10) -> pd.DataFrame:
    """Customers in groups of equal size by falling score: counts, rate, lift, cumulative gain, score cut-offs.

    Equal scores keep the given order, so that every group has its size even when many scores are the same.

    Parameters
    ----------
    y, p : array-like
        Outcomes (0, 1) and scores.
    bins : int
        Number of groups.

    Returns
    -------
    pandas.DataFrame
        One row a group: `group` (1 = highest scores), `customers`, `targets`, `rate`, `lift`, `cumulative_customers`,
        `cumulative_targets`, `gain` (share of all targets found so far), `cumulative_lift`, `score_low`, `score_high`.

    Examples
    --------
    >>> table = gain_table([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1], bins=2)
    >>> table[["group", "customers", "targets", "lift", "gain", "score_low"]]
       group  customers  targets  lift  gain  score_low
    0      1          2        1   1.0   0.5        0.5
    1      2          2        1   1.0   1.0        0.1
    """
    r = rank(y, p)
    edges = np.linspace(0, len(r.y), min(bins, len(r.y)) + 1).round().astype(np.int64)
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
            "score_low": r.p[edges[1:] - 1],
            "score_high": r.p[edges[:-1]],
        }
    )


def decile_table(y: Any, p: Any) -> pd.DataFrame:
    """`gain_table` with ten groups, the column `group` named `decile`.

    Parameters
    ----------
    y, p : array-like
        Outcomes (0, 1) and scores.

    Examples
    --------
    >>> decile_table([1, 0] * 10, range(20))["customers"].tolist()
    [2, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    """
    return gain_table(y, p, 10).rename(columns={"group": "decile"})
