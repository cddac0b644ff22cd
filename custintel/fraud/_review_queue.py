"""Whom to look at: the surest known cases, the most unusual customers, and some drawn by lot.

A model that is only shown what it suspects never learns what it misses. So the queue takes the larger of two ranks,
suspicion and anomaly, and a small audit sample is drawn at random: it alone tells what share of fraud nobody suspects.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from custintel.errors import Problem, raise_problems


def review_queue(
    known: pd.Series, anomaly: pd.Series, size: int = 100, *, audit: float = 0.02, random_state: int = 0
) -> pd.DataFrame:
    """Customers to review, in order, each with the reason why.

    Parameters
    ----------
    known : Series
        Score of the known kinds (probability), index customer_id.
    anomaly : Series
        How unusual each customer is (`AnomalyScore`), same index.
    size : int
        How many reviews there are.
    audit : float
        Share of the reviews drawn by lot from all others; each has its ``weight``: how many customers it stands for.
    random_state : int
        Seed of the lot.

    Returns
    -------
    DataFrame
        Index customer_id; reason (known, unusual, audit), known, anomaly, weight (1 for those not drawn by lot).

    Examples
    --------
    >>> ids = pd.Index(list("abcde"), name="customer_id")
    >>> queue = review_queue(pd.Series([0.9, 0.1, 0.2, 0.1, 0.3], ids), pd.Series([0.2, 0.99, 0.1, 0.3, 0.4], ids), 2)
    >>> queue["reason"].to_dict()
    {'a': 'known', 'b': 'unusual'}
    """
    raise_problems(_problems(known, anomaly, size, audit))
    ranks = pd.DataFrame({"known": known.rank(pct=True), "unusual": anomaly.reindex(known.index).rank(pct=True)})
    drawn = round(size * audit)
    order = ranks.max(axis=1).sort_values(ascending=False, kind="stable").index[: size - drawn]
    rest = known.index.difference(order, sort=False)
    lot = np.random.default_rng(random_state).permutation(len(rest))[:drawn]
    chosen = order.append(rest[lot])
    reason = ranks.loc[order].idxmax(axis=1).tolist() + ["audit"] * len(lot)
    weight = [1.0] * len(order) + [len(rest) / max(len(lot), 1)] * len(lot)
    columns = {"reason": reason, "known": known.loc[chosen], "anomaly": anomaly.loc[chosen], "weight": weight}
    return pd.DataFrame(columns, index=chosen)


def _problems(known: Any, anomaly: Any, size: int, audit: float) -> list[Problem]:
    found = []
    if not known.index.equals(anomaly.index):
        found.append(Problem("anomaly", "not the same customers as the known score", hint="use one index for both"))
    if size < 1:
        found.append(Problem("size", "no reviews", str(size), "1 or more"))
    if not 0 <= audit < 1:
        found.append(Problem("audit", "not a share", str(audit), "0 to below 1"))
    return found
