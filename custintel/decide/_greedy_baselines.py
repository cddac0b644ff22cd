"""What simple rules would do with the same limits: best offer first, and value for money first."""

from __future__ import annotations

import numpy as np

from custintel.decide._allocation_problem import AllocationProblem, pair_use, use_of

_LAST = 5_000


def best_first(problem: AllocationProblem) -> np.ndarray:
    """Everybody's best offer, richest first, while the limits last; nobody gets a second best. No minimum counts."""
    who = np.arange(len(problem.value))
    what = problem.value.argmax(axis=1)
    value = problem.value[who, what]
    order = np.argsort(-value, kind="stable")
    order = order[value[order] > 0]
    return _take_in_order(problem, who[order], what[order])


def ratio_greedy(problem: AllocationProblem) -> np.ndarray:
    """Pairs in the order of value for cost, while the limits last. No minimum counts.

    Without costs the order is that of value.
    """
    who, what = np.nonzero(problem.value > 0)
    value, cost = problem.value[who, what], problem.cost[who, what]
    with np.errstate(divide="ignore"):
        order = np.argsort(-(value / cost if problem.has_budget else value), kind="stable")
    return _take_in_order(problem, who[order], what[order])


def _take_in_order(problem: AllocationProblem, who: np.ndarray, what: np.ndarray) -> np.ndarray:
    """Take pairs in order: in one go up to the first limit that breaks, again without the offers it stops."""
    choice = np.full(len(problem.value), -1)
    rows = [r for r, row in enumerate(problem.rows) if row.kind != "minimum"]
    while len(who):
        free = np.flatnonzero(choice[who] < 0)
        who, what = who[free], what[free]
        first = _first_places(problem, choice, who)
        use = np.cumsum(pair_use(problem, who[first], what[first])[:, rows], axis=0)
        left = problem.limits[rows] - use_of(problem, choice)[rows]
        broken = (use > left + 1e-9 * np.maximum(1, np.abs(left))).any(axis=1)
        stop = int(broken.argmax()) if broken.any() else len(first)
        choice[who[first[:stop]]] = what[first[:stop]]
        if stop == len(first):
            break
        at = first[stop]
        if _is_budget(problem, use[stop], left):
            return _take_singly(problem, choice, (who[at + 1 :], what[at + 1 :]))
        keep = (what != what[at]) & (np.arange(len(what)) > at)
        who, what = who[keep], what[keep]
    return choice


def _is_budget(problem: AllocationProblem, use: np.ndarray, left: np.ndarray) -> bool:
    return problem.has_budget and bool(use[0] > left[0])


def _first_places(problem: AllocationProblem, choice: np.ndarray, who: np.ndarray) -> np.ndarray:
    """Positions of each customer's first pair, households to their limit."""
    first = np.sort(np.unique(who, return_index=True)[1])
    if problem.group is None:
        return first
    group = problem.group[who[first]]
    used = np.bincount(problem.group[(choice >= 0) & (problem.group >= 0)], minlength=int(problem.group.max()) + 2)
    order = np.argsort(group, kind="stable")
    _, start, size = np.unique(group[order], return_index=True, return_counts=True)
    place = np.empty(len(group), dtype=np.int64)
    place[order] = np.arange(len(group)) - np.repeat(start, size)
    return np.asarray(first[(group < 0) | (place + used[group] < problem.group_limit)])


def _take_singly(problem: AllocationProblem, choice: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The last places, where the budget is nearly spent: the next pairs that still fit."""
    rows = [r for r, row in enumerate(problem.rows) if row.kind != "minimum"]
    left = (problem.limits - use_of(problem, choice))[rows]
    who, what = (p[choice[pairs[0]] < 0][:_LAST] for p in pairs)
    use = pair_use(problem, who, what)[:, rows]
    # a customer without a limited household is alone in one, at the end of the list
    home = np.arange(len(choice)) if problem.group is None else problem.group.copy()
    home[home < 0] = home.max() + 1 + np.arange((home < 0).sum())
    count = np.bincount(home[choice >= 0], minlength=int(home.max()) + 1)
    for k, (i, j) in enumerate(zip(who.tolist(), what.tolist(), strict=True)):
        if choice[i] < 0 and count[home[i]] < problem.group_limit and (use[k] <= left).all():
            choice[i] = j
            left = left - use[k]
            count[home[i]] += 1
    return choice
