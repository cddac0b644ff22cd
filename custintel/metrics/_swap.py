"""Two scores compared where they disagree: who would be let in by one and kept out by the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from custintel.errors import Problem, raise_problems
from custintel.metrics._ranking import outcomes

__all__ = ["swap_set"]


def swap_set(y: Any, risk: Any, other_risk: Any, accept: float = 0.8) -> pd.DataFrame:
    """Customers by what two scores would do at the same share of acceptances, with their bad rates.

    Parameters
    ----------
    y : array-like
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
    truth = outcomes(y)
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
