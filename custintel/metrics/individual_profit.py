"""Campaigns in money, customer by customer: EMPC with individual values, and the size of a campaign under capacity."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import betainc

from custintel.errors import DataError, Problem, raise_problems
from custintel.metrics.campaign_profit import Empc
from custintel.metrics.score_ranking import event_of, event_probability, outcomes


class Campaign(NamedTuple):
    """A campaign sized by profit.

    ``contacts`` and their ``share``; ``cutoff``, the least expected profit of a contact; ``profit`` expected; what
    contacting everybody would bring; ``limited_by`` (profit, capacity or budget); ``next_contact``, what one more
    contact would bring, which is the price worth paying for capacity.
    """

    contacts: int
    share: float
    cutoff: float
    profit: float
    contact_all: float
    limited_by: str
    next_contact: float


def empc_individual(  # noqa: PLR0913 - the parameters of the published measure
    y_true: Any,
    y_score: Any,
    clv: Any,
    offer_cost: Any = 10.0,
    contact_cost: float = 1.0,
    alpha: float = 6,
    beta: float = 14,
) -> Empc:
    """Expected maximum profit per customer when each customer has a value of his own.

    A contacted churner who accepts brings ``clv - offer_cost``, every contact costs ``contact_cost``, and a customer
    who would have stayed takes the offer for ``offer_cost``. As in EMPC the share of acceptances is Beta distributed
    and the best cut-off along the ranking is taken for each. With equal values the result is that of `empc`. Values may
    be negative: keeping such a churner costs money.

    Parameters
    ----------
    y_true : array-like
        Outcomes, 0 and 1.
    y_score : array-like
        Scores by which customers are ranked. Rank by expected profit (`contact_value`), not by probability, to earn
        most.
    clv, offer_cost : array-like or float
        Value of each customer who is kept, for example PV; cost of the offer.
    contact_cost : float
        Cost of a contact.
    alpha, beta : float
        Parameters of the acceptance distribution.

    Returns
    -------
    Empc
        Score, best constant policy (all or none), gain over it, expected share contacted.

    Notes
    -----
    Oskarsdottir, Baesens, Vanthienen, Profit-based model selection for customer retention using individual customer
    lifetime values, Big Data 6 (2018).

    Examples
    --------
    >>> found = empc_individual([1, 1, 0, 0], [0.9, 0.8, 0.3, 0.1], clv=[500, 100, 100, 100])
    >>> round(found.score, 2), round(found.gain, 2)
    (43.0, 5.5)
    """
    given, ranking = _Money.of(y_true, clv, offer_cost, contact_cost), np.asarray(y_score, dtype=np.float64)
    _check_ranking(ranking, given.gain.shape, alpha, beta)
    order = np.argsort(-ranking, kind="stable")
    ends = _block_ends(ranking[order])
    gained, spent = given.sums(order, ends)
    total, fraction = _envelope(gained, spent, ends, (alpha, beta))
    everybody = _envelope(gained[-1:], spent[-1:], ends[-1:], (alpha, beta))[0]
    n = len(order)
    return Empc(total / n, everybody / n, (total - everybody) / n, fraction / n)


def contact_value(
    probability: Any, clv: Any, offer_cost: Any = 10.0, contact_cost: float = 1.0, take_up: float = 0.3
) -> np.ndarray:
    """Expected profit of contacting each customer.

    Parameters
    ----------
    probability : array-like
        Probability to leave.
    clv, offer_cost, contact_cost
        As in `empc_individual`.
    take_up : float
        Share of contacted churners who accept and stay.

    Examples
    --------
    >>> contact_value([0.5, 0.01], clv=200).round(2).tolist()
    [22.5, -10.33]
    """
    chance = np.asarray(probability, dtype=np.float64)
    shares = (("probability", chance, "a probability"), ("take_up", np.asarray(take_up, dtype=np.float64), "a share"))
    # not >= also finds what is missing; float32 of LightGBM may end a hair above 1
    wrong = [(name, v[~((v >= 0) & (v <= 1 + 1e-6))], what) for name, v, what in shares]
    raise_problems([Problem(n, f"not {what}", f"{v.ravel()[0]:g}", "0 to 1") for n, v, what in wrong if v.size])
    value, offer = amounts("clv", clv, chance.shape), amounts("offer_cost", offer_cost, chance.shape)
    return np.asarray(chance * take_up * (value - offer) - (1 - chance) * offer - contact_cost)


def best_campaign(value: Any, capacity: int | None = None, budget: float | None = None, cost: Any = 1.0) -> Campaign:
    """Whom to contact when contacts are limited: the best by expected profit, as long as each brings something.

    Parameters
    ----------
    value : array-like
        Expected profit of contacting each customer (`contact_value`).
    capacity : int, optional
        Most contacts, a whole number.
    budget : float, optional
        Most to spend, at `cost` a contact.
    cost : array-like or float
        What a contact takes from the budget. Customers are ranked by `value` whatever they cost, and the campaign ends
        before the first who does not fit; where costs differ much, `custintel.decide` finds the better set.

    Raises
    ------
    ConfigurationError
        Negative limits, a capacity that is a share, values or costs that are missing.

    Examples
    --------
    >>> best_campaign([5.0, -1.0, 3.0, 2.0], capacity=2)
    Campaign(contacts=2, share=0.5, cutoff=3.0, profit=8.0, contact_all=9.0, limited_by='capacity', next_contact=2.0)
    """
    each = amounts("value", value, np.shape(value))
    _check_limits(capacity, budget)
    order = np.argsort(-each, kind="stable")
    limits = {"profit": int((each > 0).sum())}
    if capacity is not None:
        limits["capacity"] = int(capacity)
    if budget is not None:
        price = amounts("cost", cost, each.shape)[order]
        if (price < 0).any():
            raise_problems([Problem("cost", "must not be negative", f"{price.min():g}")])
        limits["budget"] = int(np.searchsorted(np.cumsum(price), budget, "right"))
    why = min(limits, key=lambda name: limits[name])
    k = limits[why]
    ranked = each[order]
    last = float(ranked[k - 1]) if k else 0.0
    further = float(max(ranked[k], 0.0)) if k < len(ranked) else 0.0
    share = k / max(len(each), 1)
    return Campaign(k, share, last, float(ranked[:k].sum()), float(each.sum()), why, further)


class profit_scorer:  # noqa: N801 - used like a function, kept as a class so that it can be pickled and shown
    """A scorer for scikit-learn: profit per customer of the campaign that a classifier would choose.

    Parameters
    ----------
    clv, offer_cost : float or str
        Value of a kept customer and cost of the offer, or the column of X that holds them.
    contact_cost, take_up : float
        Cost of a contact, share of acceptances.
    capacity : float, optional
        Most customers contacted, as a share.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> X, y = np.arange(200.0)[:, None], np.arange(200) >= 100
    >>> scores = cross_val_score(LogisticRegression(), X, y, scoring=profit_scorer(clv=100), cv=4)
    >>> bool((scores > 0).all())
    True
    """

    def __init__(
        self,
        clv: Any = 200.0,
        offer_cost: Any = 10.0,
        contact_cost: float = 1.0,
        take_up: float = 0.3,
        capacity: float | None = None,
    ) -> None:
        self.clv, self.offer_cost, self.contact_cost = clv, offer_cost, contact_cost
        self.take_up, self.capacity = take_up, capacity

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:
        """Profit per customer that is made, not expected."""
        p = event_probability(estimator, X)
        target = np.asarray(y) == event_of(estimator)
        clv, offer_cost = money_column(self.clv, X), money_column(self.offer_cost, X)
        expected = contact_value(p, clv, offer_cost, self.contact_cost, self.take_up)
        most = len(p) if self.capacity is None else int(self.capacity * len(p))
        chosen = np.argsort(-expected, kind="stable")[: best_campaign(expected, most).contacts]
        made = contact_value(target.astype(np.float64), clv, offer_cost, self.contact_cost, self.take_up)
        return float(made[chosen].sum() / len(p))


def money_column(value: Any, X: Any) -> np.ndarray:
    """Amounts of all rows: one for all, or a column of the table by its name."""
    rows = X.shape[0]
    if not isinstance(value, str):
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (rows,))
    if not hasattr(X, "columns") or value not in X.columns:
        raise DataError(f"no column of amounts with this name\n  given: {value}")
    return np.asarray(X[value], dtype=np.float64)


def amounts(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Known amounts of all customers: one for all, or one for each."""
    given = np.asarray(value, dtype=np.float64)
    if given.ndim and given.shape != shape:
        raise_problems([Problem(name, "one amount, or one for each customer", f"{given.shape}", f"{shape}")])
    missing = int((~np.isfinite(given)).sum())
    if missing:
        raise_problems([Problem(name, "amounts must be known for every customer", f"{missing} missing or infinite")])
    return np.broadcast_to(given, shape)


def _check_ranking(y_score: np.ndarray, shape: tuple[int, ...], alpha: float, beta: float) -> None:
    problems = [Problem(n, "must be positive", str(v)) for n, v in (("alpha", alpha), ("beta", beta)) if not v > 0]
    if y_score.shape != shape:
        problems.append(Problem("y_score", "one for each outcome", f"{y_score.shape}", f"{shape}"))
    if not y_score.size:
        problems.append(Problem("y_score", "no customers", "none", "at least one"))
    raise_problems(problems)


def _check_limits(capacity: int | None, budget: float | None) -> None:
    limited = {name: limit for name, limit in (("capacity", capacity), ("budget", budget)) if limit is not None}
    problems = [Problem(n, "must not be negative", str(v)) for n, v in limited.items() if not v >= 0]
    if capacity is not None and capacity > 0 and capacity != int(capacity):
        problems.append(Problem("capacity", "a number of contacts, not a share", str(capacity), "a whole number"))
    raise_problems(problems)


class _Money(NamedTuple):
    """What each contact brings when accepted, and costs in any case."""

    gain: np.ndarray
    cost: np.ndarray

    @classmethod
    def of(cls, y_true: Any, clv: Any, offer_cost: Any, contact_cost: float) -> _Money:
        target = outcomes(y_true)
        if not np.isin(target, (0.0, 1.0)).all():
            raise DataError("outcomes must be 0 and 1")
        value, offer = amounts("clv", clv, target.shape), amounts("offer_cost", offer_cost, target.shape)
        if contact_cost < 0 or (offer < 0).any():
            raise_problems(
                [Problem("offer_cost, contact_cost", "costs must not be negative", f"contact_cost={contact_cost}")]
            )
        return cls(target * (value - offer), contact_cost + (1 - target) * offer)

    def sums(self, order: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.cumsum(self.gain[order])[ends], np.cumsum(self.cost[order])[ends]


def _block_ends(ranked: np.ndarray) -> np.ndarray:
    """Last place of each block of equal scores: a cut-off cannot lie inside."""
    if not np.isfinite(ranked).all():
        raise DataError("scores must be finite")
    return np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)


def _envelope(
    gained: np.ndarray, spent: np.ndarray, ends: np.ndarray, shape: tuple[float, float]
) -> tuple[float, float]:
    """Integral of ``max(0, max_k g A_k - B_k)`` over Beta, and of the number contacted: upper envelope of lines.

    Costs only grow along the ranking, so only new maxima of what is gained can be best; of those the lower convex hull
    of cost against gain is, whose slopes are found by isotonic regression.
    """
    best = gained > np.maximum.accumulate(np.append(0.0, gained))[:-1]
    a, b, k = (np.append(0.0, v[best]) for v in (gained, spent, ends + 1.0))
    if len(a) == 1:
        return 0.0, 0.0
    width = np.diff(a)
    blocks = isotonic_regression(np.diff(b) / width, weights=width).blocks
    a, b, k = a[blocks], b[blocks], k[blocks]
    edges = np.concatenate([[0.0], np.clip(np.diff(b) / np.diff(a), 0.0, 1.0), [1.0]])
    mass = np.diff(betainc(*shape, edges))
    mean = shape[0] / (shape[0] + shape[1])
    moment = mean * np.diff(betainc(shape[0] + 1, shape[1], edges))
    return float(a @ moment - b @ mass), float(k @ mass)
