"""The precision of a rule on held-out customers: counts, lower bounds, and control of false discoveries.

>>> found = HoldoutCounts.count(fired=np.array([1, 1, 1, 1, 0, 0], bool), y=np.array([1, 1, 1, 0, 0, 0]))
>>> found.hits, found.alarms, round(found.precision, 2)
(3, 4, 0.75)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import binom

from custintel.metrics.confidence_intervals import wilson


@dataclass(frozen=True)
class HoldoutCounts:
    """How often a rule fired on held-out customers, and how often it was right."""

    hits: int
    alarms: int
    cases: int
    customers: int

    @classmethod
    def count(cls, fired: np.ndarray, y: np.ndarray) -> HoldoutCounts:
        """From where a rule fired and what was true."""
        return cls(int(y[fired].sum()), int(fired.sum()), int(y.sum()), len(y))

    @property
    def precision(self) -> float:
        """Share of alarms that are cases."""
        return self.hits / self.alarms if self.alarms else 0.0

    @property
    def lower(self) -> float:
        """Lower bound of the precision, one-sided 97.5 %: what the rule is said to keep.

        The chosen rules are the luckiest of many, which a bound of 95 % does not make good.
        """
        return wilson(self.hits, self.alarms)[0]

    @property
    def recall(self) -> float:
        """Share of cases on which it raises an alarm."""
        return self.hits / self.cases if self.cases else 0.0

    @property
    def p_value(self) -> float:
        """Probability of so many hits if the rule were no better than picking at random."""
        rate = self.cases / self.customers if self.customers else 1.0
        return float(binom.sf(self.hits - 1, self.alarms, rate))

    def to_evidence(self) -> dict[str, Any]:
        """Plain data to keep with the rule."""
        return {**asdict(self), "precision": self.lower, "precision_measured": self.precision, "recall": self.recall}


def benjamini_hochberg(chances: np.ndarray, rate: float = 0.05) -> np.ndarray:
    """Which of many findings stand when at most a share `rate` of them may be false (Benjamini, Hochberg 1995).

    >>> benjamini_hochberg(np.array([0.001, 0.2, 0.012, 0.9])).tolist()
    [True, False, True, False]
    """
    order = np.argsort(chances)
    passed = chances[order] <= rate * np.arange(1, len(chances) + 1) / max(len(chances), 1)
    last = int(np.flatnonzero(passed)[-1]) + 1 if passed.any() else 0
    kept = np.zeros(len(chances), dtype=bool)
    kept[order[:last]] = True
    return kept
