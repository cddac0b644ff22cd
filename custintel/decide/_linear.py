"""The allocation as a linear programme for HiGHS, exact for any share of customers.

The relaxed answer is nearly whole: a corner of the feasible region has at most one customer in parts for each scarce
row that binds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from custintel.decide._problem import pair_use

if TYPE_CHECKING:
    from custintel.decide._problem import AllocationProblem

__all__ = ["Box", "LinearAnswer", "Pairs", "coupling", "solve_linear"]

_WHOLE = 1e-7


class Pairs(NamedTuple):
    """Customers and offers that can be part of the answer."""

    who: np.ndarray
    what: np.ndarray


class Box(NamedTuple):
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


def solve_linear(problem: AllocationProblem, box: Box | None = None) -> LinearAnswer | None:
    """Optimum of the relaxed allocation; None when no allocation is possible.

    With a box, each row can be bought at its upper and sold at its lower price: prices then stay inside the box, and
    there is always an answer.
    """
    pairs = Pairs(*np.nonzero(problem.useful))
    matrix, limits = coupling(problem, pairs)
    goal = -problem.value[pairs]
    if box is not None:
        matrix, goal = _elastic(matrix, goal, box)
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
    slack = result.x[len(pairs.who) : len(pairs.who) + rows] if box is not None else np.zeros(rows)
    prices = np.maximum(-result.ineqlin.marginals[:rows], 0.0)
    return LinearAnswer(choice, float(problem.value[pairs] @ share), prices, slack)


def coupling(problem: AllocationProblem, pairs: Pairs) -> tuple[Any, np.ndarray]:
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


def _owners(problem: AllocationProblem, pairs: Pairs) -> list[tuple[np.ndarray, int]]:
    """For each pair its customer (where there is a choice) and its household (where there is a limit)."""
    several = np.bincount(pairs.who, minlength=len(problem.value)) > 1
    owners = [(np.where(several[pairs.who], pairs.who, -1), 1)]
    if problem.group is not None:
        owners.append((problem.group[pairs.who], problem.group_limit))
    return owners


def _elastic(matrix: Any, goal: np.ndarray, box: Box) -> tuple[Any, np.ndarray]:
    """Two variables more for each row: what is bought and what is sold of it."""
    rows, count = len(box.upper), matrix.shape[1]
    whole = matrix.tocoo()
    row = np.arange(rows)
    i = np.concatenate([whole.coords[0], row, row])
    j = np.concatenate([whole.coords[1], count + row, count + rows + row])
    x = np.concatenate([whole.data, -np.ones(rows), np.ones(rows)])
    wide = coo_array((x, (i, j)), shape=(matrix.shape[0], count + 2 * rows)).tocsr()
    return wide, np.concatenate([goal, box.upper, -box.lower])


def _bounds(pairs: int, variables: int) -> np.ndarray:
    upper = np.full(variables, np.inf)
    upper[:pairs] = 1.0
    return np.column_stack([np.zeros(variables), upper])
