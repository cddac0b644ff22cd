"""Credit limits under a budget of losses.

A limit is k x the customer's mean bill, between a floor and a cap. k comes from a ladder by tenure, scaled by the risk
of the customer; one factor for all is set so that the expected loss, PD x exposure x LGD, meets the budget. The loss
rises with the factor, so the factor is found by bisection.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from custintel.errors import Problem, raise_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


TENURE_LADDER: tuple[tuple[int, float], ...] = (
    (3, 1.0),
    (6, 1.5),
    (9, 2.0),
    (12, 2.2),
    (18, 2.5),
    (24, 2.8),
    (10_000, 3.1),
)
"""Months of tenure up to which so many mean bills are allowed: an operator's published ladder."""


@dataclass(frozen=True)
class LimitSettings:
    """How limits are set.

    Parameters
    ----------
    loss_budget : float
        Expected loss over the horizon of `pd` that is accepted, in u.
    lgd : float
        Share of the exposure that is lost when a customer does not pay.
    utilisation : float
        Share of the limit that a customer who will not pay has used.
    floor, cap : float
        Smallest and largest limit, in u.
    ladder : sequence of (months, bills)
        Mean bills by tenure.
    edges : sequence of float
        Probabilities of default that part the risk bands.
    scale : sequence of float
        Share of the ladder of each band, safest first: one more than there are edges.

    Examples
    --------
    >>> LimitSettings(loss_budget=50_000.0, cap=400.0).floor
    10.0
    """

    loss_budget: float
    lgd: float = 0.8
    utilisation: float = 1.0
    floor: float = 10.0
    cap: float = 1000.0
    ladder: Sequence[tuple[int, float]] = TENURE_LADDER
    edges: Sequence[float] = (0.01, 0.03, 0.08, 0.2)
    scale: Sequence[float] = (1.0, 0.9, 0.7, 0.5, 0.25)

    def __post_init__(self) -> None:
        found = [
            Problem(name, "must be above 0", str(getattr(self, name)))
            for name in ("loss_budget", "lgd", "utilisation", "cap")
            if getattr(self, name) <= 0
        ]
        if self.floor > self.cap:
            found.append(Problem("floor", "above the cap", f"{self.floor} > {self.cap}"))
        if len(self.scale) != len(self.edges) + 1:
            found.append(Problem("scale", "not one more than there are edges", f"{len(self.scale)}, {len(self.edges)}"))
        raise_problems(found)


@dataclass(frozen=True)
class CreditLimits:
    """Limits, and what they are expected to lose.

    Attributes
    ----------
    limits : Series
        Limit of each customer in u.
    factor : float
        Factor on ladder and bands that meets the budget.
    expected_loss : float
        In u; below the budget where even the caps lose less, above it where the floors alone lose more.
    table : DataFrame
        Mean bills allowed by band and tenure.
    """

    limits: pd.Series
    factor: float
    expected_loss: float
    table: pd.DataFrame

    def words(self, budget: float) -> str:
        """What the budget does, in one sentence."""
        mean = self.limits.mean()
        told = f"expected loss {self.expected_loss:,.0f} u of {budget:,.0f} u, limits {mean:,.0f} u on average"
        if self.expected_loss > 1.001 * budget:
            return f"{told}; the floors alone cost more than the budget"
        return told if self.expected_loss > 0.999 * budget else f"{told}; the caps bind before the budget does"


def credit_limits(customers: pd.DataFrame, settings: LimitSettings) -> CreditLimits:
    """Limits of all customers under one budget.

    Parameters
    ----------
    customers : DataFrame
        Index customer_id; ``pd`` (probability of default over the horizon), ``tenure_months``, ``mean_bill`` (u).
    settings : LimitSettings
        Budget, ladder, floor and cap.

    Examples
    --------
    >>> table = pd.DataFrame({"pd": [0.005, 0.3], "tenure_months": [30, 2], "mean_bill": [40.0, 40.0]}, ["a", "b"])
    >>> found = credit_limits(table, LimitSettings(loss_budget=6.0))
    >>> bool(found.limits["a"] > 5 * found.limits["b"]), round(found.expected_loss, 3)
    (True, 6.0)
    """
    raise_problems(_problems(customers))
    at_most = customers["pd"].to_numpy(np.float64) * settings.utilisation * settings.lgd
    bills = _bills_allowed(customers, settings)

    def loss(factor: float) -> float:
        return float((at_most * np.clip(factor * bills, settings.floor, settings.cap)).sum())

    factor = _factor_that_meets(loss, settings.loss_budget)
    return CreditLimits(
        limits_at(customers, settings, factor), factor, loss(factor), _multiples_table(settings, factor)
    )


def limits_at(customers: pd.DataFrame, settings: LimitSettings, factor: float) -> pd.Series:
    """Limits at a factor that is known: nobody's depends on who else is in the list.

    >>> table = pd.DataFrame({"pd": [0.005, 0.3], "tenure_months": [30, 2], "mean_bill": [40.0, 40.0]}, ["a", "b"])
    >>> limits_at(table, LimitSettings(loss_budget=1.0), 0.5).round(1).tolist()
    [62.0, 10.0]
    """
    found = np.clip(factor * _bills_allowed(customers, settings), settings.floor, settings.cap)
    return pd.Series(found, customers.index, name="limit")


def _bills_allowed(customers: pd.DataFrame, settings: LimitSettings) -> np.ndarray:
    """The ladder of tenure times the scale of the risk band, in money of each customer's mean bill."""
    p, bill = (customers[name].to_numpy(np.float64) for name in ("pd", "mean_bill"))
    step = np.searchsorted([m for m, _ in settings.ladder[:-1]], customers["tenure_months"], side="left")
    band = np.searchsorted(settings.edges, p, side="right")
    scale = np.asarray(settings.scale, dtype=np.float64)[band]
    return np.asarray(np.array([b for _, b in settings.ladder])[step] * scale * bill)


def _factor_that_meets(loss: Callable[[float], float], budget: float) -> float:
    """The factor whose loss is the budget, or an end where there is none."""
    low, high = 1e-6, 1e6
    if loss(low) >= budget:
        return low
    if loss(high) <= budget:
        return high
    return float(np.exp(brentq(lambda z: loss(np.exp(z)) - budget, np.log(low), np.log(high), xtol=1e-10)))


def _multiples_table(settings: LimitSettings, factor: float) -> pd.DataFrame:
    edges = [0.0, *settings.edges, 1.0]
    bands = [f"{a:.1%} - {b:.1%}" for a, b in pairwise(edges)]
    months = [m for m, _ in settings.ladder]
    names = [f"up to {m} months" for m in months[:-1]] + [f"from {months[-2] + 1} months"]
    values = factor * np.outer(settings.scale, [b for _, b in settings.ladder])
    return pd.DataFrame(values, pd.Index(bands, name="probability of default"), names)


def _problems(customers: pd.DataFrame) -> list[Problem]:
    absent = [name for name in ("pd", "tenure_months", "mean_bill") if name not in customers]
    if absent:
        return [Problem("customers", "columns are missing", ", ".join(absent), "pd, tenure_months, mean_bill")]
    bad = int((~customers["pd"].between(0, 1)).sum())
    unknown = int(customers[["tenure_months", "mean_bill"]].isna().any(axis=1).sum())
    found = [Problem("pd", "not probabilities", f"{bad} rows", "0 to 1")] if bad else []
    if unknown:
        hint = "give those without a bill the mean bill of their plan"
        found.append(Problem("customers", "tenure or mean bill is missing", f"{unknown} rows", hint=hint))
    return found
