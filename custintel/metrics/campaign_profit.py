"""Money: what a retention campaign earns when it contacts the highest scores.

A contacted churner accepts with probability gamma and stays: ``gamma * (clv - d) - f``. A contacted customer who would
have stayed takes the offer: ``-(d + f)``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import betainc

from custintel.errors import Problem, raise_problems
from custintel.metrics.score_ranking import Ranking, rank


class Empc(NamedTuple):
    """Expected maximum profit per customer, beside the best constant policy (contact all or none)."""

    score: float
    constant: float
    gain: float
    fraction: float


class _Terms(NamedTuple):
    clv: float
    d: float
    f: float
    alpha: float
    beta: float


def empc_score(  # noqa: PLR0913 - the parameters of the published measure
    y: Any,
    p: Any,
    clv: float = 200,
    d: float = 10,
    f: float = 1,
    alpha: float = 6,
    beta: float = 14,
    return_fraction: bool = False,
) -> float | tuple[float, float]:
    """Expected maximum profit per customer for churn (Verbraken, Verbeke, Baesens 2013).

    The share of contacted churners who accept is Beta(alpha, beta) distributed; for each such share the best cut-off is
    used. Even a useless score earns `constant_policy_profit`, so report both (`empc` does).

    Parameters
    ----------
    y, p : array-like
        Outcomes (0, 1) and scores; only the order of the scores counts.
    clv : float
        Value of a customer who stays.
    d : float
        Cost of the offer.
    f : float
        Cost of the contact.
    alpha, beta : float
        Parameters of the acceptance distribution.
    return_fraction : bool
        Return also the expected share of customers contacted.

    Examples
    --------
    >>> y = [1, 0, 0, 1, 0, 0, 0, 0]
    >>> round(empc_score(y, [0.9, 0.2, 0.1, 0.8, 0.3, 0.2, 0.1, 0.0]), 4)
    14.0
    >>> round(empc_score(y, [0.5] * 8), 4)
    5.9289
    """
    score, fraction = ranked_empc_pair(rank(y, p), _terms(clv, d, f, alpha, beta))
    return (score, fraction) if return_fraction else score


def empc(y: Any, p: Any, **terms: float) -> Empc:
    """EMPC, the profit of the best constant policy, the gain over it, and the expected share contacted.

    Parameters
    ----------
    y, p : array-like
        Outcomes (0, 1) and scores.
    **terms : float
        ``clv, d, f, alpha, beta`` as in `empc_score`.

    Examples
    --------
    >>> found = empc([1, 0, 0, 0], [0.9, 0.2, 0.3, 0.1])
    >>> round(found.gain, 4) == round(found.score - found.constant, 4)
    True
    """
    given = _terms(**terms)
    score, fraction = ranked_empc_pair(rank(y, p), given)
    constant = ranked_empc_pair(rank(y, np.zeros(np.size(y))), given)[0]
    return Empc(score, constant, score - constant, fraction)


def constant_policy_profit(
    y: Any, clv: float = 200, d: float = 10, f: float = 1, alpha: float = 6, beta: float = 14
) -> float:
    """Expected profit per customer of contacting all or none, whichever is better for each acceptance share.

    Parameters
    ----------
    y : array-like
        Outcomes (0, 1).
    clv, d, f, alpha, beta : float
        As in `empc_score`.

    Examples
    --------
    >>> round(constant_policy_profit([1] * 15 + [0] * 85), 3)
    0.756
    """
    return ranked_empc_pair(rank(y, np.zeros(np.size(y))), _terms(clv, d, f, alpha, beta))[0]


def profit_curve(  # noqa: PLR0913 - the economics of one campaign
    y: Any, p: Any, clv: Any = 200.0, take_up: float = 0.3, d: Any = 10.0, f: float = 1.0, points: int = 100
) -> pd.DataFrame:
    """Profit of contacting the top k customers by score, for growing k.

    Parameters
    ----------
    y, p : array-like
        Outcomes (0, 1) and scores.
    clv, d : float or array-like
        Value of a customer who stays and cost of the offer, for all or for each customer.
    take_up : float
        Share of contacted churners who accept and stay.
    f : float
        Cost of a contact.
    points : int
        Number of campaign sizes between none and all.

    Examples
    --------
    >>> curve = profit_curve([1, 0, 1, 0], [0.9, 0.1, 0.8, 0.2], points=2)
    >>> curve[["contacts", "targets", "profit"]]
       contacts  targets  profit
    0         0        0     0.0
    1         2        2   112.0
    2         4        2    90.0
    """
    r = rank(y, p)
    value = np.broadcast_to(np.asarray(clv, dtype=np.float64), r.y.shape)[r.order]
    offer = np.broadcast_to(np.asarray(d, dtype=np.float64), r.y.shape)[r.order]
    each = np.where(r.y == 1, take_up * (value - offer) - f, -(offer + f))
    contacts = np.unique(np.round(np.linspace(0, len(r.y), points + 1)).astype(np.int64))
    profit = np.append(0.0, np.cumsum(each))[contacts]
    targets = np.append(0.0, np.cumsum(r.y))[contacts].astype(np.int64)
    return pd.DataFrame(
        {
            "share": contacts / len(r.y),
            "contacts": contacts,
            "targets": targets,
            "cutoff": r.p[np.maximum(contacts - 1, 0)],
            "profit": profit,
            "profit_per_contact": profit / np.maximum(contacts, 1),
        }
    )


def ranked_empc(r: Ranking, clv: float = 200, d: float = 10, f: float = 1, alpha: float = 6, beta: float = 14) -> float:
    """EMPC of a ranking."""
    return ranked_empc_pair(r, _terms(clv, d, f, alpha, beta))[0]


def ranked_empc_pair(r: Ranking, terms: _Terms) -> tuple[float, float]:
    """EMPC and expected contacted share: piecewise integral over the corners of the ROC convex hull."""
    caught, bothered = _hull(r)
    delta, phi = terms.d / terms.clv, terms.f / terms.clv
    with np.errstate(divide="ignore"):
        slope = np.diff(bothered) / np.diff(caught)
    switch = np.clip(((delta + phi) * slope + phi) / (1 - delta), 0.0, 1.0)
    edges = np.concatenate([[0.0], switch, [1.0]])
    mass = np.diff(betainc(terms.alpha, terms.beta, edges))
    mean = terms.alpha / (terms.alpha + terms.beta)
    moment = mean * np.diff(betainc(terms.alpha + 1, terms.beta, edges))
    profit = caught * ((1 - delta) * moment - phi * mass) - (delta + phi) * bothered * mass
    return float(terms.clv * profit.sum()), float((caught + bothered) @ mass)


def _hull(r: Ranking) -> tuple[np.ndarray, np.ndarray]:
    """Shares of all customers that are caught targets / bothered others, at the corners of the ROC convex hull."""
    total = r.weight.sum()
    both = r.positives + r.negatives
    present = both > 0
    hits, both = r.positives[present], both[present]
    # blocks of the falling isotonic regression of the rate on the ranking are the edges of the hull
    found = isotonic_regression(hits / both, weights=both, increasing=False)
    corners = _merge_equal(found.x, found.blocks)
    caught = np.append(0.0, np.cumsum(hits))[corners] / total
    bothered = np.append(0.0, np.cumsum(both - hits))[corners] / total
    some = np.diff(caught, prepend=-1.0) > 0
    return caught[some], bothered[some]


def _merge_equal(rate: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    inner = blocks[1:-1]
    return np.concatenate([[0], inner[rate[inner] != rate[inner - 1]], [len(rate)]]).astype(np.int64)


def _terms(clv: float = 200, d: float = 10, f: float = 1, alpha: float = 6, beta: float = 14) -> _Terms:
    given = {"clv": clv, "d": d, "f": f, "alpha": alpha, "beta": beta}
    positive = ("clv", "alpha", "beta")
    problems = [Problem(n, "must be positive", str(given[n])) for n in positive if given[n] <= 0]
    problems += [Problem(name, "must not be negative", str(given[name])) for name in ("d", "f") if given[name] < 0]
    if clv > 0 and d >= clv:
        problems.append(Problem("d", "the offer costs more than the customer is worth", f"d={d}, clv={clv}", "d < clv"))
    raise_problems(problems)
    return _Terms(clv, d, f, alpha, beta)
