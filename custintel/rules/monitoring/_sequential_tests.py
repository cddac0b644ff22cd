"""Sequential tests on the confirmed outcomes of a rule: when to suspect it, when to give it up, when to trust it again.

While a rule is active, Page's cumulative sum watches its outcomes: each false alarm adds, each confirmed one takes off,
never below zero; at a limit the rule is suspected (*watch*). From there Wald's sequential probability ratio test
decides, on later outcomes alone, between the stated precision (back to *active*) and a fallen one (*retired*). A
precision has fallen when the odds of a false alarm are several times the stated ones. Steps are whole numbers, so that
everything about the tests can be computed exactly: the two are one Markov chain.

>>> monitor = PrecisionMonitor.for_precision(0.9)
>>> [move.to for move in monitor.phase_changes([1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])]
['watch', 'retired']
>>> bool(monitor.never_retired(0.9, 200) > 0.98)
True

References
----------
Wald (1945) Sequential tests of statistical hypotheses; Page (1954) Continuous inspection schemes; Reynolds and Stoumbos
(1999) A CUSUM chart for monitoring a proportion when inspecting continuously.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.stats import beta

from custintel.errors import Problem, raise_problems

if TYPE_CHECKING:
    from collections.abc import Iterable


Phase = Literal["active", "watch", "retired"]
_FINEST = 8
_EDGE = 0.02


@dataclass(frozen=True)
class Sensitivity:
    """How soon a rule is suspected and given up.

    Parameters
    ----------
    odds_ratio : float
        A precision has fallen when the odds of a false alarm are so many times the stated ones.
    false_watch : float
        Probability that a rule which keeps its precision is suspected within `horizon` outcomes of becoming active.
    horizon : int
        Number of outcomes.
    false_retire, false_trust : float
        Probabilities of the two errors of the decision on a suspected rule: to give up one that keeps its precision,
        to trust one that has fallen.
    """

    odds_ratio: float = 3.0
    false_watch: float = 0.05
    horizon: int = 200
    false_retire: float = 0.05
    false_trust: float = 0.05

    def __post_init__(self) -> None:
        shares = {"false_watch": self.false_watch, "false_retire": self.false_retire, "false_trust": self.false_trust}
        problems = [
            Problem(f"Sensitivity.{name}", "not the probability of an error", str(value), "above 0, below 0.5")
            for name, value in shares.items()
            if not 0 < value < 0.5
        ]
        if not (self.odds_ratio > 1 and self.horizon >= 1):
            given = f"odds_ratio {self.odds_ratio}, horizon {self.horizon}"
            problems.append(
                Problem("Sensitivity", "nothing to tell apart", given, "odds_ratio above 1, horizon 1 or more")
            )
        raise_problems(problems)


class PhaseChange(NamedTuple):
    """A change of phase: after how many outcomes, where to, the sum that was reached, and of how many last outcomes.

    The cumulative sum is one of the outcomes since it was last zero: when the precision fell, as far as can be told.
    """

    after: int
    to: Phase
    value: int
    recent: int


@dataclass(frozen=True)
class PrecisionMonitor:
    """Both tests for one stated precision, on whole numbers.

    Parameters
    ----------
    stated, fallen : float
        Precision that the rule is said to have, and that of a fallen one.
    up, down : int
        What a false alarm adds and a confirmed one takes off.
    limit : int
        Sum at which an active rule is suspected.
    retire_limit, trust_limit : int
        Sums, above and below zero, at which a suspected rule is retired or active again.
    """

    stated: float
    fallen: float
    up: int
    down: int
    limit: int
    retire_limit: int
    trust_limit: int

    @classmethod
    def for_precision(cls, stated: float, sensitivity: Sensitivity | None = None) -> PrecisionMonitor:
        """The tests for a stated precision (held to 0.02 to 0.98, where outcomes can still tell)."""
        return _cached_monitor(round(min(max(stated, _EDGE), 1 - _EDGE), 3), sensitivity or Sensitivity())

    def phase_changes(self, outcomes: Iterable[int], phase: Phase = "active") -> list[PhaseChange]:
        """The changes of phase, outcome by outcome.

        Parameters
        ----------
        outcomes : iterable of int
            1 where an alarm was confirmed, 0 where it was false.
        phase : {"active", "watch", "retired"}
            Where the rule stands, as if it had just come there.
        """
        changes: list[PhaseChange] = []
        value = begun = 0
        for k, outcome in enumerate(outcomes, 1):
            after, reached = self._step(phase, value, bool(outcome))
            moved = after != phase
            if moved:
                changes.append(PhaseChange(k, after, reached, k - begun))
            phase, value = after, 0 if moved else reached
            if moved or (phase == "active" and value == 0):
                begun = k
        return changes

    def value(self, outcomes: Iterable[int], phase: Phase) -> int:
        """The sum after some outcomes in one phase that did not end it."""
        value = 0
        for outcome in outcomes:
            value = self._step(phase, value, bool(outcome))[1]
        return value

    def _step(self, phase: Phase, value: int, confirmed: bool) -> tuple[Phase, int]:
        if phase == "retired":
            return phase, 0
        reached = value + (-self.down if confirmed else self.up)
        if phase == "active":
            return ("watch", reached) if reached >= self.limit else (phase, max(reached, 0))
        if reached >= self.retire_limit:
            return "retired", reached
        return ("active", reached) if reached <= -self.trust_limit else (phase, reached)

    # --- exact characteristics -----------------------------------------------------------------------------------

    def still_active(self, precision: float, outcomes: int) -> np.ndarray:
        """Probability that the rule has never left *active*, after 0, 1, ... outcomes of a precision."""
        return _probability_of_no_watch(precision, (self.up, self.down), self.limit, outcomes)

    def never_retired(self, precision: float, outcomes: int) -> float:
        """Probability that the rule is not retired after so many outcomes of a precision."""
        active, watched = _start_distribution(self.limit), np.zeros(self.retire_limit + self.trust_limit - 1)
        for _ in range(outcomes):
            active, suspected = _cusum_step(active, precision, (self.up, self.down))
            worse, _retired = _shift_distribution(watched * (1 - precision), self.up)
            better, trusted = _shift_distribution(watched * precision, -self.down)
            watched = worse + better
            watched[self.trust_limit - 1] += suspected
            active[0] += trusted
        return float(active.sum() + watched.sum())

    def median_delay(self, precision: float, most: int = 2000) -> int | None:
        """Median number of outcomes of a precision until the rule leaves *active*; None beyond `most`."""
        left = np.flatnonzero(self.still_active(precision, most) <= 0.5)
        return int(left[0]) if len(left) else None


class PrecisionPosterior(NamedTuple):
    """What outcomes say of a precision now: a beta distribution in which older outcomes count less.

    >>> now = PrecisionPosterior.from_outcomes([1] * 20 + [0] * 20, stated=0.9)
    >>> bool(0.4 < now.mean < 0.5), bool(now.below(0.7) > 0.95)
    (True, True)
    """

    confirmed: float
    false: float

    @classmethod
    def from_outcomes(
        cls, outcomes: Iterable[int], stated: float, decay: float = 0.98, prior: float = 2.0
    ) -> PrecisionPosterior:
        """From outcomes in their order; the prior is worth `prior` outcomes of the stated precision.

        Parameters
        ----------
        outcomes : iterable of int
            1 confirmed, 0 false.
        stated : float
            Stated precision.
        decay : float
            What an outcome still counts when one more has come; 0.98 remembers about 50.
        prior : float
            Weight of the stated precision, which is not forgotten.
        """
        given = np.asarray(list(outcomes), dtype=np.float64)
        weight = decay ** np.arange(len(given))[::-1]
        hits = float(weight @ given)
        return cls(prior * stated + hits, prior * (1 - stated) + float(weight.sum()) - hits)

    @property
    def mean(self) -> float:
        """Expected precision."""
        return self.confirmed / (self.confirmed + self.false)

    def below(self, floor: float) -> float:
        """Probability that the precision is below a floor."""
        return float(beta.cdf(floor, self.confirmed, self.false))


@lru_cache(maxsize=1024)
def _cached_monitor(stated: float, sensitivity: Sensitivity) -> PrecisionMonitor:
    fallen = 1 / (1 + sensitivity.odds_ratio * (1 - stated) / stated)
    gain, loss = math.log((1 - fallen) / (1 - stated)), math.log(stated / fallen)
    up, down = _integer_steps(gain / loss)
    # one unit of the sum as a log likelihood ratio; the larger of two readings of it keeps both errors in bounds
    unit = min(gain / up, loss / down)
    retire_limit = math.ceil(math.log((1 - sensitivity.false_trust) / sensitivity.false_retire) / unit)
    trust_limit = math.ceil(math.log((1 - sensitivity.false_retire) / sensitivity.false_trust) / unit)
    return PrecisionMonitor(
        stated, fallen, up, down, _limit(stated, (up, down), sensitivity), retire_limit, trust_limit
    )


def _integer_steps(ratio: float) -> tuple[int, int]:
    """Small whole numbers in about this ratio."""
    if ratio >= 1:
        found = Fraction(ratio).limit_denominator(_FINEST)
        return found.numerator, found.denominator
    down, up = _integer_steps(1 / ratio)
    return up, down


def _limit(stated: float, steps: tuple[int, int], sensitivity: Sensitivity) -> int:
    """The least limit whose probability of a false suspicion is small enough."""
    low, high = 0, sum(steps)
    while _probability_of_watch(stated, steps, high, sensitivity.horizon) > sensitivity.false_watch:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (middle, high)
            if _probability_of_watch(stated, steps, middle, sensitivity.horizon) > sensitivity.false_watch
            else (low, middle)
        )
    return high


def _probability_of_watch(precision: float, steps: tuple[int, int], limit: int, outcomes: int) -> float:
    return 1.0 - float(_probability_of_no_watch(precision, steps, limit, outcomes)[-1])


def _probability_of_no_watch(precision: float, steps: tuple[int, int], limit: int, outcomes: int) -> np.ndarray:
    """Probability that the sum has stayed below its limit after 0, 1, ... outcomes."""
    state, left = _start_distribution(limit), [1.0]
    for _ in range(outcomes):
        state, _lost = _cusum_step(state, precision, steps)
        left.append(float(state.sum()))
    return np.asarray(left)


def _start_distribution(limit: int) -> np.ndarray:
    state = np.zeros(limit)
    state[0] = 1.0
    return state


def _cusum_step(state: np.ndarray, precision: float, steps: tuple[int, int]) -> tuple[np.ndarray, float]:
    """Probabilities of the sums after one more outcome, and that of having reached the limit."""
    worse, suspected = _shift_distribution(state * (1 - precision), steps[0])
    better, floored = _shift_distribution(state * precision, -steps[1])
    after = worse + better
    after[0] += floored
    return after, suspected


def _shift_distribution(state: np.ndarray, by: int) -> tuple[np.ndarray, float]:
    """Probabilities moved up or down, and what left at that end."""
    after = np.zeros_like(state)
    if abs(by) >= len(state):
        return after, float(state.sum())
    if by > 0:
        after[by:] = state[:-by]
        return after, float(state[-by:].sum())
    after[:by] = state[-by:]
    return after, float(state[:-by].sum())
