"""Quantiles of an amount: the expected amount, how far amounts like it lie from theirs, and the shape of that distance.

Amounts that may be negative differ from the expected one by a difference: ``quantile(t) = expected + d x shape(t)``.
Others differ by a factor, and may be zero: ``quantile(t) = expected x exp(d x shape(t))``, 0 where at least the share
`t` of customers with a similar expected amount had none. The distance d is what boosters expect of the size of the
difference, or of the logarithm of the factor. The shape is the quantile of that, divided by the distance, among
customers with a similar expected amount, none of whom was seen by the parts that predicted them. It is known in steps
of 1 %, from 1 % to 99 %, and rises with `t`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.learners.ensemble.lightgbm_boosters import Boosters, TrainingTable, TreeSettings, fit_boosters

if TYPE_CHECKING:
    from collections.abc import Mapping


SHARES = np.arange(1, 100) / 100
_FEWEST_OF_A_LEVEL = 200
_MOST_LEVELS = 10
_FEWEST_ROWS = 200
_NOTHING = -1000.0
"""The shape of an amount of zero: its factor is 0."""
_AS_GOOD_AS_NOTHING = 1e-6


@dataclass(frozen=True)
class AmountQuantiles:
    """Levels of the expected amount, the shape at each (levels x 99), the distance, and whether zero is the least.

    `least` is the smallest expected amount that factors are counted from; None for amounts that may be negative.
    """

    levels: tuple[float, ...]
    shapes: np.ndarray
    boosters: Boosters | None
    least: float | None

    def predict(self, matrix: np.ndarray, expected: np.ndarray, shares: np.ndarray, threads: int) -> np.ndarray:
        """Quantiles (rows x shares), each row in rising order of the shares."""
        away = self._distance(matrix, expected, threads)[:, None] * self._shape(expected, shares)
        if self.least is None:
            return np.asarray(expected[:, None] + away)
        factor = np.exp(np.minimum(away, 50.0))
        factor[factor < _AS_GOOD_AS_NOTHING] = 0.0
        return np.asarray(np.maximum(expected, self.least)[:, None] * factor)

    def _distance(self, matrix: np.ndarray, expected: np.ndarray, threads: int) -> np.ndarray:
        if self.boosters is None:
            return np.ones(len(expected))
        return np.asarray(np.exp(self.boosters.predict(with_amount(matrix, expected), threads)))

    def _shape(self, expected: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """The shape between the two levels that an expected amount lies between."""
        asked = np.array([np.interp(shares, SHARES, row) for row in self.shapes])
        place = np.interp(expected, self.levels, np.arange(len(self.levels)))
        low = np.minimum(place.astype(np.int64), len(self.levels) - 1)
        high = np.minimum(low + 1, len(self.levels) - 1)
        part = (place - low)[:, None]
        return np.asarray((1 - part) * asked[low] + part * asked[high])

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Plain data, and the boosters as text."""
        boosters, texts = (None, {}) if self.boosters is None else self.boosters.to_state("distance")
        state = {
            "levels": list(self.levels),
            "shapes": self.shapes.tolist(),
            "boosters": boosters,
            "least": self.least,
        }
        return state, texts

    @classmethod
    def from_state(cls, state: Mapping[str, Any], texts: Mapping[str, str]) -> AmountQuantiles:
        """Read back what `to_state` gave."""
        boosters = None if state["boosters"] is None else Boosters.from_state(state["boosters"], texts)
        shapes = np.asarray(state["shapes"], dtype=np.float64)
        return cls(tuple(state["levels"]), shapes, boosters, state["least"])


def with_amount(matrix: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The matrix with the expected amount as its last column."""
    return np.asfortranarray(np.column_stack([matrix, expected]))


def fit_quantiles(
    training: TrainingTable,
    expected: np.ndarray,
    fold: np.ndarray,
    *,
    nonnegative: bool,
    random_state: int,
    threads: int,
) -> AmountQuantiles:
    """Learn distance and shape from the amounts of a table (``training.y``) and what was expected out of fold."""
    least = 1e-3 * float(training.y.mean()) + 1e-12 if nonnegative else None
    some = training.y > 0 if nonnegative else np.ones(len(expected), dtype=bool)
    away = training.y - expected
    if least is not None:
        away = np.log(np.maximum(training.y, least) / np.maximum(expected, least))
    boosters, distance = None, np.ones(len(away))
    if some.sum() >= _FEWEST_ROWS and len(np.unique(fold[some])) > 1 and training.matrix.shape[1]:
        size = np.log(np.abs(away) + 0.01 * float(np.abs(away[some]).mean()) + 1e-12)
        matrix = with_amount(training.matrix, expected)
        asked = TrainingTable(matrix[some], size[some], None, training.categorical)
        inner = np.unique(fold[some], return_inverse=True)[1].ravel()
        trees = TreeSettings(6, 50, 0.08, 0.3, 5.0, 300)
        found = fit_boosters(asked, "amount", fold=inner, trees=trees, random_state=random_state, threads=threads)
        boosters, distance[some] = found.boosters, np.exp(found.out_of_fold)
    shape = np.where(some, away / distance, _NOTHING)
    return AmountQuantiles(*_shapes(expected, shape), boosters, least)


def _shapes(expected: np.ndarray, ratio: np.ndarray) -> tuple[tuple[float, ...], np.ndarray]:
    """Levels of the expected amount, and the quantiles of the ratio at each; levels of one amount are one."""
    count = int(np.clip(len(ratio) // _FEWEST_OF_A_LEVEL, 1, _MOST_LEVELS))
    edges = np.unique(np.quantile(expected, np.linspace(0, 1, count + 1)[1:-1]))
    level = np.searchsorted(edges, expected, side="left")
    found = [(float(expected[level == k].mean()), ratio[level == k]) for k in np.unique(level)]
    return tuple(x for x, _ in found), np.array([np.quantile(r, SHARES) for _, r in found])
