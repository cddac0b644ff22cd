"""The allocation as arrays, and its Lagrangian: prices on what is scarce make each customer's choice a simple one.

    max  sum v_ij x_ij   subject to   sum_j x_ij <= 1,   use of each scarce thing <= its limit,   x in {0, 1}

For any prices p >= 0, ``p . limits + sum_i max(0, max_j (v_ij - p . use_ij))`` is at least the best possible value
(weak duality), so that every set of prices gives an upper bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np


class LimitRow(NamedTuple):
    """One scarce thing: a budget, the capacity of an offer, the hours of a channel, or a minimum (negative)."""

    kind: str
    name: str


@dataclass(frozen=True)
class AllocationProblem:
    """Arrays of one allocation.

    Attributes
    ----------
    value : array (customers, offers)
        Value of each pair; -inf where it is not allowed.
    cost : array (customers, offers)
        What the budget pays.
    columns : array (rows, offers)
        What one offer takes of each row; the row of the budget holds zeros.
    limits : array (rows,)
        Limit of each row, all of the form use <= limit.
    rows : tuple of Row
        What the rows are. A budget, when there is one, comes first.
    group : array (customers,), optional
        Household of each customer; -1 where the limit cannot bind.
    group_limit : int
        Offers for a household.
    """

    value: np.ndarray
    cost: np.ndarray
    columns: np.ndarray
    limits: np.ndarray
    rows: tuple[LimitRow, ...]
    group: np.ndarray | None = None
    group_limit: int = 1

    @property
    def has_budget(self) -> bool:
        """Whether the first row is a budget."""
        return bool(self.rows) and self.rows[0].kind == "budget"

    @property
    def minimum(self) -> np.ndarray:
        """Least number of each offer."""
        least = np.zeros(self.value.shape[1])
        for r, row in enumerate(self.rows):
            if row.kind == "minimum":
                least[self.columns[r] < 0] = max(0.0, -self.limits[r])
        return least

    @property
    def useful(self) -> np.ndarray:
        """Pairs that can be part of the answer: allowed, and gainful unless the offer has a minimum."""
        return np.asarray(np.isfinite(self.value) & ((self.value > 0) | (self.minimum > 0)))

    def with_limits(self, limits: np.ndarray) -> AllocationProblem:
        """The same customers with other limits."""
        return replace(self, limits=limits)

    def part(self, chosen: np.ndarray, limits: np.ndarray) -> AllocationProblem:
        """Some of the customers."""
        group = None if self.group is None else self.group[chosen]
        return replace(self, value=self.value[chosen], cost=self.cost[chosen], limits=limits, group=group)


class PricedChoice(NamedTuple):
    """Choices at given prices.

    Attributes
    ----------
    choice : array of int
        Offer of each customer, -1 for none.
    bound : float
        Upper bound of the value of any allocation.
    margin : array of float
        How far the prices must move value before the choice of a customer changes.
    """

    choice: np.ndarray
    bound: float
    margin: np.ndarray


def pair_use(problem: AllocationProblem, who: np.ndarray, what: np.ndarray) -> np.ndarray:
    """Use of each row (columns) by pairs of customer and offer (rows); what is -1 takes nothing."""
    use = problem.columns[:, what].T.copy()
    if problem.has_budget:
        use[:, 0] = problem.cost[who, what]
    use[what < 0] = 0.0
    return use


def chosen_values(problem: AllocationProblem, choice: np.ndarray) -> np.ndarray:
    """Value of each customer's choice."""
    who = np.arange(len(choice))
    return np.where(choice >= 0, problem.value[who, choice], 0.0)


def use_of(problem: AllocationProblem, choice: np.ndarray) -> np.ndarray:
    """Use of each row."""
    who = np.flatnonzero(choice >= 0)
    count = np.bincount(choice[who], minlength=problem.value.shape[1])
    use = problem.columns @ count if len(problem.rows) else np.zeros(0)
    if problem.has_budget:
        use[0] = problem.cost[who, choice[who]].sum()
    return np.asarray(use, dtype=np.float64)


def reduced_values(problem: AllocationProblem, prices: np.ndarray) -> np.ndarray:
    """Value of each pair after paying the prices."""
    per_offer = prices @ problem.columns if len(prices) else np.zeros(problem.value.shape[1])
    reduced = problem.value - per_offer
    if problem.has_budget and prices[0] > 0:
        reduced -= prices[0] * problem.cost
    return np.asarray(reduced)


def choose_at_prices(problem: AllocationProblem, prices: np.ndarray) -> PricedChoice:
    """What everybody gets at these prices, and the bound they prove."""
    reduced = reduced_values(problem, prices)
    who = np.arange(len(reduced))
    choice = reduced.argmax(axis=1)
    best = reduced[who, choice]
    second = _second(reduced, choice, who)
    margin = np.where(best > 0, best - np.maximum(second, 0.0), -best)
    chosen = best > 0
    if problem.group is not None:
        chosen, margin = _limit_groups(problem.group, problem.group_limit, (best, margin))
    bound = float(prices @ problem.limits + best[chosen].sum())
    return PricedChoice(np.where(chosen, choice, -1), bound, margin)


def _second(reduced: np.ndarray, choice: np.ndarray, who: np.ndarray) -> np.ndarray:
    if reduced.shape[1] == 1:
        return np.full(len(reduced), -np.inf)
    kept = reduced[who, choice].copy()
    reduced[who, choice] = -np.inf
    second = reduced.max(axis=1)
    reduced[who, choice] = kept
    return np.asarray(second)


def _limit_groups(group: np.ndarray, limit: int, given: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Only the best `limit` members of a household are chosen; the margin of a household is that of its least sure."""
    best, margin = given[0], given[1].copy()
    chosen = best > 0
    member = np.flatnonzero(group >= 0)
    order = member[np.lexsort((-best[member], group[member]))]
    codes, first, size = np.unique(group[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(first, size)
    chosen[order[place >= limit]] = False
    # every household here has more members than the limit
    inside = np.maximum(best[order[first + limit - 1]], 0.0)
    outside = np.maximum(best[order[first + limit]], 0.0)
    gap = np.where(inside > 0, inside - outside, np.inf)
    least = np.minimum(np.minimum.reduceat(margin[order], first), gap)
    margin[order] = np.repeat(least, size)
    del codes
    return chosen, margin
