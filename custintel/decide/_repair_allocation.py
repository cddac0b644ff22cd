"""From nearly whole choices to an allocation that keeps every limit: give back, meet minimum counts, fill, improve.

All steps are moves of one customer from one offer (or none) to another (or none).
"""

from __future__ import annotations

import numpy as np

from custintel.decide._allocation_problem import AllocationProblem, chosen_values, pair_use, reduced_values, use_of

_MOST_MOVES = 4_000
_TINY = 1e-9


class _AllocationState:
    """Choices and what is left of each limit."""

    def __init__(self, problem: AllocationProblem, choice: np.ndarray, prices: np.ndarray) -> None:
        self.problem = problem
        self.choice = np.asarray(choice, dtype=np.int64).copy()
        self.left = problem.limits - use_of(problem, self.choice)
        self.slack = _TINY * np.maximum(np.abs(problem.limits), 1.0)
        self.reduced = reduced_values(problem, prices)
        self.in_group = _members(problem, self.choice)

    def change(self, who: int, what: int) -> np.ndarray:
        """Change of the use of each row when a customer gets another offer."""
        pair = pair_use(self.problem, np.array([who, who]), np.array([what, self.choice[who]]))
        return np.asarray(pair[0] - pair[1])

    def fits(self, who: int, what: int, change: np.ndarray) -> bool:
        """Whether all limits that the move touches hold after it."""
        touched = change > 0
        return bool(((self.left - change)[touched] >= -self.slack[touched]).all()) and self.has_place(who, what)

    def has_place(self, who: int, what: int) -> bool:
        """Whether the household has a place left."""
        group = self.problem.group
        if group is None or what < 0 or self.choice[who] >= 0 or group[who] < 0:
            return True
        return bool(self.in_group[group[who]] < self.problem.group_limit)

    def move(self, who: int, what: int, change: np.ndarray) -> None:
        """Make a move."""
        group = self.problem.group
        if group is not None and group[who] >= 0:
            self.in_group[group[who]] += int(what >= 0) - int(self.choice[who] >= 0)
        self.choice[who] = what
        self.left -= change

    def worth(self) -> np.ndarray:
        """Value after prices of each customer's choice."""
        who = np.arange(len(self.choice))
        return np.where(self.choice >= 0, self.reduced[who, self.choice], 0.0)


def repair_allocation(problem: AllocationProblem, choice: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """Choices that keep all limits; minimum counts as far as single moves reach (see `shortage`)."""
    state = _AllocationState(problem, choice, prices)
    _give_back(state)
    _meet_minimum(state)
    _improve(state)
    return state.choice


def shortage(problem: AllocationProblem, choice: np.ndarray) -> np.ndarray:
    """How much each row lacks: positive where a limit is exceeded or a minimum is missed."""
    over = use_of(problem, choice) - problem.limits
    return np.asarray(np.where(over > _TINY * np.maximum(np.abs(problem.limits), 1.0), over, 0.0))


def _members(problem: AllocationProblem, choice: np.ndarray) -> np.ndarray:
    if problem.group is None:
        return np.zeros(0, dtype=np.int64)
    given = problem.group[(problem.group >= 0) & (choice >= 0)]
    return np.bincount(given, minlength=int(problem.group.max(initial=-1)) + 1)


def _give_back(state: _AllocationState) -> None:
    """Take offers back, those of least worth first, where a limit is exceeded."""
    problem = state.problem
    for r, row in enumerate(problem.rows):
        if row.kind == "minimum" or state.left[r] >= -state.slack[r]:
            continue
        who = np.flatnonzero(state.choice >= 0)
        use = pair_use(problem, who, state.choice[who])[:, r]
        who, use = who[use > 0], use[use > 0]
        order = np.argsort(state.worth()[who] / use, kind="stable")
        back = np.cumsum(use[order])
        last = int(np.searchsorted(back, -state.left[r] - state.slack[r])) + 1
        for i in who[order[:last]]:
            state.move(int(i), -1, state.change(int(i), -1))


def _meet_minimum(state: _AllocationState) -> None:
    """Give an offer that is short to those who lose least by it; take from others what it needs."""
    problem = state.problem
    for r, row in enumerate(problem.rows):
        if row.kind != "minimum" or state.left[r] >= -state.slack[r]:
            continue
        j = int(np.flatnonzero(problem.columns[r] < 0)[0])
        gain = np.where(state.choice == j, -np.inf, state.reduced[:, j] - state.worth())
        order = np.argsort(-gain, kind="stable")
        missing = int(np.ceil(-state.left[r] - state.slack[r]))
        for i in order[: np.isfinite(gain).sum()][: _MOST_MOVES + 20 * missing]:
            if missing <= 0:
                break
            missing -= _force(state, int(i), j)


def _force(state: _AllocationState, who: int, what: int) -> int:
    """Move a customer to an offer, taking back others' offers to make room; 1 when it was possible."""
    if not _leaves_minimum(state, who) or not state.has_place(who, what):
        return 0
    change = state.change(who, what)
    undone: list[tuple[int, int]] = []
    while not state.fits(who, what, change):
        short = int(np.argmax((change - state.left) / np.maximum(np.abs(change), _TINY) * (change > 0)))
        other = _least_loss(state, short, who)
        if other is None or len(undone) > 50:
            for i, old in reversed(undone):
                state.move(i, old, state.change(i, old))
            return 0
        undone.append((other, int(state.choice[other])))
        state.move(other, -1, state.change(other, -1))
    state.move(who, what, change)
    return 1


def _leaves_minimum(state: _AllocationState, who: int) -> bool:
    """Whether a customer may lose the present offer without breaking its minimum."""
    change = state.change(who, -1)
    lost = [r for r, row in enumerate(state.problem.rows) if row.kind == "minimum" and change[r] > 0]
    return all(state.left[r] - change[r] >= -state.slack[r] for r in lost)


def _least_loss(state: _AllocationState, row: int, besides: int) -> int | None:
    """Who gives back most of a row for the least worth, without breaking a minimum."""
    problem = state.problem
    who = np.flatnonzero(state.choice >= 0)
    use = pair_use(problem, who, state.choice[who])[:, row]
    bound = np.zeros(problem.value.shape[1], dtype=bool)
    for r, one in enumerate(problem.rows):
        if one.kind == "minimum" and state.left[r] < 1 - state.slack[r]:
            bound |= problem.columns[r] < 0
    can = (use > 0) & ~bound[state.choice[who]] & (who != besides)
    if not can.any():
        return None
    loss = state.worth()[who[can]] / use[can]
    return int(who[can][np.argmin(loss)])


def _improve(state: _AllocationState) -> None:
    """Moves that gain value within what is left, the most promising after prices first; repeated while they help."""
    problem = state.problem
    useful = np.isfinite(problem.value)
    for _ in range(4):
        gain = np.where(useful, problem.value - chosen_values(problem, state.choice)[:, None], -np.inf)
        gain = np.where(gain > _TINY, state.reduced - state.worth()[:, None], -np.inf)
        who, what = _promising(gain)
        moved = 0
        for i, j in zip(who.tolist(), what.tolist(), strict=True):
            moved += _try_move(state, i, j)
        if not moved:
            break


def _promising(gain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = gain.ravel()
    size = min(_MOST_MOVES, int(np.isfinite(flat).sum()))
    if size < len(flat):
        top = np.argpartition(-flat, size)[:size]
        top = top[np.argsort(-flat[top], kind="stable")]
    else:
        top = np.argsort(-flat, kind="stable")
    who, what = np.unravel_index(top, gain.shape)
    return who, what


def _try_move(state: _AllocationState, who: int, what: int) -> int:
    now = state.choice[who]
    old = state.problem.value[who, now] if now >= 0 else 0.0
    change = state.change(who, what)
    if state.problem.value[who, what] <= old + _TINY or not state.fits(who, what, change):
        return 0
    state.move(who, what, change)
    return 1
