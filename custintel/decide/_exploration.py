"""Hold-out and exploration, and the probabilities with which actions are chosen.

A household (or a customer on its own) is, by chance: held out (nobody in it gets an offer); or exploring (one member,
drawn at random, gets one of its possible actions at random, the others none); or it follows the policy. So, for a
customer in a household of s members with k possible offers, h held out, e exploring, and the policy's action a*:

    P(a)    = (1 - h) * ((1 - e) * [a = a*] + e * t_a / (s * (k + 1)))               for an offer a
    P(none) = 1 - sum of these

t_a <= 1 thins exploration where it would use up a limit.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from custintel.decide._allocation_problem import AllocationProblem, use_of
from custintel.identifiers import identifier_index

if TYPE_CHECKING:
    from custintel.decide.constraints import Exploration


_TRIES = 20


class RandomDraw(NamedTuple):
    """What chance decided.

    Attributes
    ----------
    held : array of bool
        Customers of the hold-out.
    exploring : array of bool
        Customers for whom chance decides.
    choice : array of int
        Offers of exploring customers, -1 for none.
    chance : array (customers, offers)
        Probability of each offer for an exploring customer.
    """

    held: np.ndarray
    exploring: np.ndarray
    choice: np.ndarray
    chance: np.ndarray


def draw_exploration(
    problem: AllocationProblem, customers: pd.Index, household: np.ndarray | None, exploration: Exploration
) -> RandomDraw:
    """Who is held out, who explores and with what."""
    unit, size = _units(len(customers), household)
    held = _uniform(customers, unit, exploration.hold_out_random_state) < exploration.hold_out
    allowed = np.isfinite(problem.value)
    chance = np.where(allowed, 1.0 / (size * (allowed.sum(axis=1) + 1.0))[:, None], 0.0)
    chance = chance * _thinning(problem, chance * ((1 - exploration.hold_out) * exploration.epsilon))
    for again in range(_TRIES):
        rng = np.random.default_rng([exploration.random_state, again])
        exploring = ~held & (rng.random(int(unit.max()) + 1)[unit] < exploration.epsilon)
        choice = _random_choice(chance, (unit, size), exploring, rng)
        over = use_of(problem, choice) - problem.limits
        if not (over[[row.kind != "minimum" for row in problem.rows]] > 1e-9).any():
            break
    else:
        choice = np.full(len(customers), -1)
        exploring, chance = np.zeros(len(customers), dtype=bool), np.zeros_like(chance)
    return RandomDraw(held, exploring, choice, chance)


def probabilities(random_draw: RandomDraw, policy: np.ndarray, exploration: Exploration) -> np.ndarray:
    """Probability of each offer, and of none in the last column, before chance was asked."""
    follow = np.zeros((len(policy), random_draw.chance.shape[1] + 1))
    follow[np.arange(len(policy)), policy] = 1.0  # -1 is the last column
    random = np.column_stack([random_draw.chance, 1.0 - random_draw.chance.sum(axis=1)])
    epsilon = exploration.epsilon if random_draw.chance.any() else 0.0
    mixed = (1 - exploration.hold_out) * ((1 - epsilon) * follow + epsilon * random)
    mixed[:, -1] += exploration.hold_out
    return np.asarray(mixed)


def _units(count: int, household: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """What is drawn together, and how many customers are in it."""
    unit = np.arange(count) if household is None else np.unique(household, return_inverse=True)[1].ravel()
    return unit, np.bincount(unit)[unit]


def _uniform(customers: pd.Index, unit: np.ndarray, random_state: int) -> np.ndarray:
    """A number between 0 and 1 that stays with a customer (the first of its household) whatever the others are."""
    key = hashlib.sha256(f"hold-out {random_state}".encode()).hexdigest()[:16]
    text = pd.Series(identifier_index(customers).astype(str), dtype=object)
    number = pd.util.hash_pandas_object(text, index=False, hash_key=key, categorize=False).to_numpy()
    share = (number >> np.uint64(11)).astype(np.float64) / 2.0**53
    least = np.ones(int(unit.max()) + 1)
    np.minimum.at(least, unit, share)
    # the least of s uniform numbers, made uniform again
    even: np.ndarray = 1 - (1 - least) ** np.bincount(unit)
    return np.asarray(even[unit])


def _thinning(problem: AllocationProblem, expected: np.ndarray) -> np.ndarray:
    """Factor for each offer that keeps exploration below every limit, four standard deviations included."""
    factor = np.ones(expected.shape[1])
    for _ in range(60):
        worst = factor.copy()
        for r, row in enumerate(problem.rows):
            if row.kind == "minimum":
                continue
            use = problem.cost if row.kind == "budget" else np.broadcast_to(problem.columns[r], expected.shape)
            chance = expected * factor
            mean, spread = float((chance * use).sum()), float(np.sqrt((chance * use**2).sum()))
            if mean + 4 * spread > problem.limits[r] and mean > 0:
                worst[(use > 0).any(axis=0)] = np.minimum(worst, 0.7 * factor)[(use > 0).any(axis=0)]
        if (worst == factor).all():
            return factor
        factor = worst
    return factor * 0.0


def _random_choice(
    chance: np.ndarray, units: tuple[np.ndarray, np.ndarray], exploring: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """One member of each exploring household draws; the chances of all members already hold the 1/size."""
    unit, size = units
    mark = rng.random(len(unit))
    first = np.lexsort((mark, unit))
    starts = np.unique(unit[first], return_index=True)[1]
    drawing = np.zeros(len(unit), dtype=bool)
    drawing[first[starts]] = True
    edge = np.cumsum(chance * size[:, None], axis=1)
    place = (rng.random(len(unit))[:, None] >= edge).sum(axis=1)
    return np.where(drawing & exploring & (place < chance.shape[1]), place, -1)
