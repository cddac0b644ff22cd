"""The allocation as a linear programme for HiGHS, exact for any share of customers; and whether the minima can be met.

The relaxed answer is nearly whole: a corner of the feasible region has at most one customer in parts for each scarce
row that binds. Where the minimum counts cannot be met, `InfeasibleError` says which, and by how much.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import coo_array

from custintel.decide._allocation_problem import pair_use
from custintel.errors import DataError

if TYPE_CHECKING:
    from custintel.decide._allocation_problem import AllocationProblem


_WHOLE = 1e-7


class OfferPairs(NamedTuple):
    """Customers and offers that can be part of the answer."""

    who: np.ndarray
    what: np.ndarray


class PriceBounds(NamedTuple):
    """Lowest and highest price of each row."""

    lower: np.ndarray
    upper: np.ndarray


class LinearAnswer(NamedTuple):
    """Answer of the linear programme.

    Attributes
    ----------
    choice : array of int
        Whole choices, -1 for none or in parts.
    value : float
        Optimum.
    prices : array
        Dual price of each row.
    slack : array
        By how much each row had to give way (zeros unless there is a box).
    """

    choice: np.ndarray
    value: float
    prices: np.ndarray
    slack: np.ndarray


def solve_linear(problem: AllocationProblem, price_bounds: PriceBounds | None = None) -> LinearAnswer | None:
    """Optimum of the relaxed allocation; None when no allocation is possible.

    With a box, each row can be bought at its upper and sold at its lower price: prices then stay inside the box, and
    there is always an answer.
    """
    pairs = OfferPairs(*np.nonzero(problem.useful))
    matrix, limits = constraint_matrix(problem, pairs)
    goal = -problem.value[pairs]
    if price_bounds is not None:
        matrix, goal = _with_slack_variables(matrix, goal, price_bounds)
    rows = len(problem.rows)
    if not len(goal):
        return LinearAnswer(np.full(len(problem.value), -1), 0.0, np.zeros(rows), np.zeros(rows))
    result = linprog(goal, A_ub=matrix, b_ub=limits, bounds=_bounds(len(pairs.who), len(goal)), method="highs")
    if result.x is None or result.status == 2:
        return None
    share = result.x[: len(pairs.who)]
    choice = np.full(len(problem.value), -1)
    whole = share > 1 - _WHOLE
    choice[pairs.who[whole]] = pairs.what[whole]
    slack = result.x[len(pairs.who) : len(pairs.who) + rows] if price_bounds is not None else np.zeros(rows)
    prices = np.maximum(-result.ineqlin.marginals[:rows], 0.0)
    return LinearAnswer(choice, float(problem.value[pairs] @ share), prices, slack)


def constraint_matrix(problem: AllocationProblem, pairs: OfferPairs) -> tuple[Any, np.ndarray]:
    """Matrix and limits: the scarce rows, one row for each customer with a choice, one for each household."""
    count, rows = len(pairs.who), len(problem.rows)
    use = pair_use(problem, *pairs)
    at_row, at_pair = np.nonzero(use.T)
    parts = [(at_row, at_pair, use.T[at_row, at_pair])]
    limits = [problem.limits]
    number = rows
    for owner, limit in _owners(problem, pairs):
        codes, row = np.unique(owner[owner >= 0], return_inverse=True)
        at = np.flatnonzero(owner >= 0)
        parts.append((number + row, at, np.ones(len(at))))
        limits.append(np.full(len(codes), float(limit)))
        number += len(codes)
    i, j, x = (np.concatenate(part) for part in zip(*parts, strict=True))
    return coo_array((x, (i, j)), shape=(number, count)).tocsr(), np.concatenate(limits)


def _owners(problem: AllocationProblem, pairs: OfferPairs) -> list[tuple[np.ndarray, int]]:
    """For each pair its customer (where there is a choice) and its household (where there is a limit)."""
    several = np.bincount(pairs.who, minlength=len(problem.value)) > 1
    owners = [(np.where(several[pairs.who], pairs.who, -1), 1)]
    if problem.group is not None:
        owners.append((problem.group[pairs.who], problem.group_limit))
    return owners


def _with_slack_variables(matrix: Any, goal: np.ndarray, price_bounds: PriceBounds) -> tuple[Any, np.ndarray]:
    """Two variables more for each row: what is bought and what is sold of it."""
    rows, count = len(price_bounds.upper), matrix.shape[1]
    whole = matrix.tocoo()
    row = np.arange(rows)
    i = np.concatenate([whole.row, row, row])
    j = np.concatenate([whole.col, count + row, count + rows + row])
    x = np.concatenate([whole.data, -np.ones(rows), np.ones(rows)])
    wide = coo_array((x, (i, j)), shape=(matrix.shape[0], count + 2 * rows)).tocsr()
    return wide, np.concatenate([goal, price_bounds.upper, -price_bounds.lower])


def _bounds(pairs: int, variables: int) -> np.ndarray:
    upper = np.full(variables, np.inf)
    upper[:pairs] = 1.0
    return np.column_stack([np.zeros(variables), upper])


@dataclass(frozen=True)
class Shortfall:
    """A constraint that cannot be kept: its name, what it asks, what there is, and by how much it is missed."""

    constraint: str
    asked: float
    possible: float

    @property
    def short(self) -> float:
        """By how much."""
        return self.asked - self.possible

    def __str__(self) -> str:
        asks, can = f"{self.asked:,.10g}", f"{self.possible:,.10g}"
        return f"{self.constraint}: asked {asks}, possible {can}: short by {self.short:,.10g}"


class InfeasibleError(DataError):
    """No allocation keeps all constraints; `shortfalls` says which fail and by how much."""

    def __init__(self, shortfalls: list[Shortfall], why: str = "") -> None:
        body = "".join(f"\n  {s}" for s in shortfalls)
        super().__init__(
            f"the constraints cannot all be kept{why}{body}\n  hint: lower the minimum, or give more of what is short"
        )
        self.shortfalls = tuple(shortfalls)


def check_counts(problem: AllocationProblem, offers: tuple[str, ...]) -> None:
    """Minimum counts against eligible customers, all customers, households, budget and channels, each on its own."""
    least = problem.minimum
    allowed = np.isfinite(problem.value)
    eligible = allowed.sum(axis=0)
    found = [
        Shortfall(f"minimum of {offers[j]} (eligible customers)", least[j], float(eligible[j]))
        for j in np.flatnonzero(least > eligible)
    ]
    people = _most_offers(problem, allowed[:, least > 0].any(axis=1))
    if least.sum() > people and not found:
        found.append(Shortfall("minimum of all offers together (eligible customers)", least.sum(), people))
    if not found:
        found = _least_use(problem, least)
    if found:
        raise InfeasibleError(found)


def check_together(problem: AllocationProblem, offers: tuple[str, ...]) -> None:
    """The least by which the minimum counts must give way, by a linear programme."""
    least = problem.minimum
    demanded = replace(problem, value=np.where(np.isfinite(problem.value) & (least > 0), 0.0, -np.inf))
    is_minimum = np.array([row.kind == "minimum" for row in problem.rows])
    reduced = replace(demanded, value=np.where(np.isfinite(demanded.value), -1e-6, -np.inf))
    solved = solve_linear(reduced, PriceBounds(np.zeros(len(is_minimum)), np.where(is_minimum, 1.0, 1e4)))
    assert solved is not None
    found = []
    for r in np.flatnonzero(is_minimum & (solved.slack > 1e-6)):
        j = int(np.flatnonzero(problem.columns[r] < 0)[0])
        found.append(Shortfall(f"minimum of {offers[j]}", least[j], least[j] - float(solved.slack[r])))
    if found:
        raise InfeasibleError(found, ": together with budget, capacities and households")


def solve_whole_numbers(problem: AllocationProblem, offers: tuple[str, ...], seconds: float = 30.0) -> np.ndarray:
    """Exact whole-number allocation by branch and bound, for what single moves did not solve."""
    pairs = OfferPairs(*np.nonzero(problem.useful))
    matrix, limits = constraint_matrix(problem, pairs)
    result = milp(
        -problem.value[pairs],
        constraints=LinearConstraint(matrix, ub=limits),
        integrality=np.ones(len(pairs.who)),
        bounds=Bounds(0, 1),
        options={"time_limit": seconds, "mip_rel_gap": 1e-4},
    )
    if result.x is None:
        why = " in whole numbers" if result.status == 2 else f" (no answer found in {seconds:g} seconds)"
        least = problem.minimum
        names = ", ".join(f"{offers[j]}: {least[j]:g}" for j in np.flatnonzero(least > 0))
        raise InfeasibleError([], f"{why}, though they can in parts; minimum {names}: short by less than 1")
    choice = np.full(len(problem.value), -1)
    taken = result.x > 0.5
    choice[pairs.who[taken]] = pairs.what[taken]
    return choice


def _most_offers(problem: AllocationProblem, can: np.ndarray) -> float:
    """Offers that the eligible customers can get at most: one each, households to their limit."""
    if problem.group is None:
        return float(can.sum())
    member = problem.group[can & (problem.group >= 0)]
    count = np.bincount(member) if len(member) else np.zeros(0)
    return float((can & (problem.group < 0)).sum() + np.minimum(count, problem.group_limit).sum())


def _least_use(problem: AllocationProblem, least: np.ndarray) -> list[Shortfall]:
    """Least use of budget and channels by the minimum counts."""
    found = []
    allowed = np.isfinite(problem.value)
    for r, row in enumerate(problem.rows):
        if row.kind == "budget":
            need = sum(
                np.sort(problem.cost[allowed[:, j], j])[: int(least[j])].sum() for j in np.flatnonzero(least > 0)
            )
        elif row.kind == "channel":
            need = float(problem.columns[r] @ least)
        else:
            continue
        if need > problem.limits[r] * (1 + 1e-12):
            found.append(Shortfall(f"{row.kind} {row.name} (for the minimum counts)", need, problem.limits[r]))
    return found
