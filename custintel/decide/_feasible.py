"""Can the minimum counts be met at all? If not: which, and by how much."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from custintel.decide._linear import Box, Pairs, coupling, solve_linear
from custintel.errors import DataError

if TYPE_CHECKING:
    from custintel.decide._problem import AllocationProblem

__all__ = ["InfeasibleError", "Shortfall", "check_counts", "check_together", "whole_choice"]


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
    people = _places(problem, allowed[:, least > 0].any(axis=1))
    if least.sum() > people and not found:
        found.append(Shortfall("minimum of all offers together (eligible customers)", least.sum(), people))
    if not found:
        found = _dearest(problem, least)
    if found:
        raise InfeasibleError(found)


def check_together(problem: AllocationProblem, offers: tuple[str, ...]) -> None:
    """The least by which the minimum counts must give way, by a linear programme."""
    least = problem.minimum
    demanded = replace(problem, value=np.where(np.isfinite(problem.value) & (least > 0), 0.0, -np.inf))
    is_minimum = np.array([row.kind == "minimum" for row in problem.rows])
    reduced = replace(demanded, value=np.where(np.isfinite(demanded.value), -1e-6, -np.inf))
    solved = solve_linear(reduced, Box(np.zeros(len(is_minimum)), np.where(is_minimum, 1.0, 1e4)))
    assert solved is not None
    found = []
    for r in np.flatnonzero(is_minimum & (solved.slack > 1e-6)):
        j = int(np.flatnonzero(problem.columns[r] < 0)[0])
        found.append(Shortfall(f"minimum of {offers[j]}", least[j], least[j] - float(solved.slack[r])))
    if found:
        raise InfeasibleError(found, ": together with budget, capacities and households")


def whole_choice(problem: AllocationProblem, offers: tuple[str, ...], seconds: float = 30.0) -> np.ndarray:
    """Exact whole-number allocation by branch and bound, for what single moves did not solve."""
    pairs = Pairs(*np.nonzero(problem.useful))
    matrix, limits = coupling(problem, pairs)
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


def _places(problem: AllocationProblem, can: np.ndarray) -> float:
    """Offers that the eligible customers can get at most: one each, households to their limit."""
    if problem.group is None:
        return float(can.sum())
    member = problem.group[can & (problem.group >= 0)]
    count = np.bincount(member) if len(member) else np.zeros(0)
    return float((can & (problem.group < 0)).sum() + np.minimum(count, problem.group_limit).sum())


def _dearest(problem: AllocationProblem, least: np.ndarray) -> list[Shortfall]:
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
