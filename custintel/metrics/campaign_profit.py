"""Money: what a retention campaign earns when it contacts the highest scores.

A contacted churner accepts with probability gamma and stays: ``gamma * (clv - offer_cost) - contact_cost``. A contacted
customer who would have stayed takes the offer: ``-(offer_cost + contact_cost)``.
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
    offer_cost: float
    contact_cost: float
    alpha: float
    beta: float


def empc_score(  # noqa: PLR0913 - the parameters of the published measure
    y_true: Any,
    y_score: Any,
    clv: float = 200,
    offer_cost: float = 10,
    contact_cost: float = 1,
    alpha: float = 6,
    beta: float = 14,
    return_fraction: bool = False,
) -> float | tuple[float, float]:
    """Expected maximum profit per customer for churn (Verbraken, Verbeke, Baesens 2013).

    The share of contacted churners who accept is Beta(alpha, beta) distributed; for each such share the best cut-off is
    used. Even a useless score earns `constant_policy_profit`, so report both (`empc` does).

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and scores; only the order of the scores counts.
    clv : float
        Value of a customer who stays.
    offer_cost : float
        Cost of the offer.
    contact_cost : float
        Cost of the contact.
    alpha, beta : float
        Parameters of the acceptance distribution.
    return_fraction : bool
        Return also the expected share of customers contacted.

    Examples
    --------
    >>> y_true = [1, 0, 0, 1, 0, 0, 0, 0]
    >>> round(empc_score(y_true, [0.9, 0.2, 0.1, 0.8, 0.3, 0.2, 0.1, 0.0]), 4)
    14.0
    >>> round(empc_score(y_true, [0.5] * 8), 4)
    5.9289
    """
    score, fraction = ranked_empc_pair(rank(y_true, y_score), _terms(clv, offer_cost, contact_cost, alpha, beta))
    return (score, fraction) if return_fraction else score


def empc(y_true: Any, y_score: Any, **terms: float) -> Empc:
    """EMPC, the profit of the best constant policy, the gain over it, and the expected share contacted.

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and scores.
    **terms : float
        ``clv, offer_cost, contact_cost, alpha, beta`` as in `empc_score`.

    Examples
    --------
    >>> found = empc([1, 0, 0, 0], [0.9, 0.2, 0.3, 0.1])
    >>> round(found.gain, 4) == round(found.score - found.constant, 4)
    True
    """
    given = _terms(**terms)
    score, fraction = ranked_empc_pair(rank(y_true, y_score), given)
    constant = ranked_empc_pair(rank(y_true, np.zeros(np.size(y_true))), given)[0]
    return Empc(score, constant, score - constant, fraction)


def constant_policy_profit(
    y_true: Any, clv: float = 200, offer_cost: float = 10, contact_cost: float = 1, alpha: float = 6, beta: float = 14
) -> float:
    """Expected profit per customer of contacting all or none, whichever is better for each acceptance share.

    Parameters
    ----------
    y_true : array-like
        Outcomes (0, 1).
    clv, offer_cost, contact_cost, alpha, beta : float
        As in `empc_score`.

    Examples
    --------
    >>> round(constant_policy_profit([1] * 15 + [0] * 85), 3)
    0.756
    """
    return ranked_empc_pair(
        rank(y_true, np.zeros(np.size(y_true))), _terms(clv, offer_cost, contact_cost, alpha, beta)
    )[0]


def profit_curve(  # noqa: PLR0913 - the economics of one campaign
    y_true: Any,
    y_score: Any,
    clv: Any = 200.0,
    take_up: float = 0.3,
    offer_cost: Any = 10.0,
    contact_cost: float = 1.0,
    points: int = 100,
) -> pd.DataFrame:
    """Profit of contacting the top k customers by score, for growing k.

    Parameters
    ----------
    y_true, y_score : array-like
        Outcomes (0, 1) and scores.
    clv, offer_cost : float or array-like
        Value of a customer who stays and cost of the offer, for all or for each customer.
    take_up : float
        Share of contacted churners who accept and stay.
    contact_cost : float
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
    r = rank(y_true, y_score)
    value = np.broadcast_to(np.asarray(clv, dtype=np.float64), r.y.shape)[r.order]
    offer = np.broadcast_to(np.asarray(offer_cost, dtype=np.float64), r.y.shape)[r.order]
    each = np.where(r.y == 1, take_up * (value - offer) - contact_cost, -(offer + contact_cost))
    contacts = np.unique(np.round(np.linspace(0, len(r.y), points + 1)).astype(np.int64))
    profit = np.append(0.0, np.cumsum(each))[contacts]
    targets = np.append(0.0, np.cumsum(r.y))[contacts].astype(np.int64)
    return pd.DataFrame(
        {
            "share": contacts / len(r.y),
            "contacts": contacts,
            "targets": targets,
            "cutoff": r.score[np.maximum(contacts - 1, 0)],
            "profit": profit,
            "profit_per_contact": profit / np.maximum(contacts, 1),
        }
    )


def ranked_empc(
    r: Ranking, clv: float = 200, offer_cost: float = 10, contact_cost: float = 1, alpha: float = 6, beta: float = 14
) -> float:
    """EMPC of a ranking."""
    return ranked_empc_pair(r, _terms(clv, offer_cost, contact_cost, alpha, beta))[0]


def ranked_empc_pair(r: Ranking, terms: _Terms) -> tuple[float, float]:
    """EMPC and expected contacted share: piecewise integral over the corners of the ROC convex hull."""
    caught, bothered = _hull(r)
    delta, phi = terms.offer_cost / terms.clv, terms.contact_cost / terms.clv
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


def _terms(
    clv: float = 200, offer_cost: float = 10, contact_cost: float = 1, alpha: float = 6, beta: float = 14
) -> _Terms:
    given = {"clv": clv, "offer_cost": offer_cost, "contact_cost": contact_cost, "alpha": alpha, "beta": beta}
    positive = ("clv", "alpha", "beta")
    problems = [Problem(n, "must be positive", str(given[n])) for n in positive if given[n] <= 0]
    costs = ("offer_cost", "contact_cost")
    problems += [Problem(name, "must not be negative", str(given[name])) for name in costs if given[name] < 0]
    if clv > 0 and offer_cost >= clv:
        wrong = "the offer costs more than the customer is worth"
        problems.append(Problem("offer_cost", wrong, f"offer_cost={offer_cost}, clv={clv}", "offer_cost < clv"))
    raise_problems(problems)
    return _Terms(clv, offer_cost, contact_cost, alpha, beta)
