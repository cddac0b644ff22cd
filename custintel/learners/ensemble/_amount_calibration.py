"""From the blended amount to the expected one: sums must be right, in total and by level.

Where the blend is off by more than chance, the amounts are averaged by levels of the blend (at least 50 customers
each), made to rise (isotonic regression on the levels), and joined by straight lines, which go on with slope 1 beyond
the last level. Otherwise the blend stays as it is. Then one factor (amounts that are never negative) or one shift
(others) makes the sum of the predictions out of fold equal to what was really there.

>>> calibration = AmountCalibration(knots_x=(0.0, 10.0), knots_y=(0.0, 30.0), floor=0.0)
>>> calibration.amounts(np.array([-2.0, 5.0, 11.0])).tolist()
[0.0, 15.0, 31.0]
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import chi2

if TYPE_CHECKING:
    from collections.abc import Mapping


_FEWEST_OF_A_LEVEL = 50
_MOST_LEVELS = 100
_TESTED_LEVELS = 20
_ONCE_IN = 0.01


@dataclass(frozen=True)
class AmountCalibration:
    """A map from the blend to amounts that never falls."""

    knots_x: tuple[float, ...] = ()
    knots_y: tuple[float, ...] = ()
    factor: float = 1.0
    shift: float = 0.0
    floor: float | None = None

    def amounts(self, raw: np.ndarray) -> np.ndarray:
        """Expected amounts."""
        found = self._floored(self._by_level(raw)) * self.factor + self.shift
        return np.asarray(found)

    def _by_level(self, raw: np.ndarray) -> np.ndarray:
        if not self.knots_x:
            return raw
        below, above = np.minimum(raw - self.knots_x[0], 0.0), np.maximum(raw - self.knots_x[-1], 0.0)
        return np.asarray(np.interp(raw, self.knots_x, self.knots_y) + below + above)

    def _floored(self, values: np.ndarray) -> np.ndarray:
        return values if self.floor is None else np.maximum(values, self.floor)

    def to_state(self) -> dict[str, Any]:
        """Plain data for the artifact."""
        return {**asdict(self), "knots_x": list(self.knots_x), "knots_y": list(self.knots_y)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> AmountCalibration:
        """Read back what `to_state` gave."""
        return cls(**{**state, "knots_x": tuple(state["knots_x"]), "knots_y": tuple(state["knots_y"])})


def choose_amount_calibration(y: np.ndarray, raw: np.ndarray) -> AmountCalibration:
    """The map for amounts `y` from their blend out of fold; by levels where the blend is off by more than chance."""
    plain = _right_sum(AmountCalibration(floor=0.0 if y.min() >= 0 else None), y, raw)
    if len(y) < 4 * _FEWEST_OF_A_LEVEL or not _is_off(y - plain.amounts(raw), raw):
        return plain
    return _learn_levels(y, raw, replace(plain, factor=1.0, shift=0.0))


def _is_off(error: np.ndarray, raw: np.ndarray) -> bool:
    """Whether the mean errors of twenty levels are larger than chance makes them once in a hundred times (chi-square).

    >>> rng = np.random.default_rng(0)
    >>> raw, noise = rng.normal(size=(2, 4000))
    >>> _is_off(noise, raw), _is_off(noise + 0.2 * raw**2 - 0.2, raw)
    (False, True)
    """
    order = np.argsort(raw, kind="stable")
    parts = np.array_split(error[order], min(_TESTED_LEVELS, len(error) // _FEWEST_OF_A_LEVEL))
    ratios = [len(part) * float(part.mean()) ** 2 / max(float(part.var()), 1e-300) for part in parts]
    return bool(chi2.sf(sum(ratios), len(parts)) < _ONCE_IN)


def _learn_levels(y: np.ndarray, raw: np.ndarray, bare: AmountCalibration) -> AmountCalibration:
    """Means by level, made to rise."""
    from sklearn.isotonic import IsotonicRegression

    count = int(np.clip(len(y) // _FEWEST_OF_A_LEVEL, 1, _MOST_LEVELS))
    order = np.argsort(raw, kind="stable")
    starts = np.linspace(0, len(y), count, endpoint=False).astype(np.int64)
    sizes = np.diff(np.append(starts, len(y)))
    x = np.add.reduceat(raw[order], starts) / sizes
    means = np.add.reduceat(y[order], starts) / sizes
    rising = IsotonicRegression().fit_transform(x, means, sample_weight=sizes)
    kept = np.append(True, np.diff(x) > 1e-12 * (1 + np.abs(x[1:])))
    found = replace(bare, knots_x=tuple(x[kept].tolist()), knots_y=tuple(rising[kept].tolist()))
    return _right_sum(found, y, raw)


def _right_sum(calibration: AmountCalibration, y: np.ndarray, raw: np.ndarray) -> AmountCalibration:
    """With the factor or shift that makes the predicted sum the true one."""
    predicted = calibration.amounts(raw)
    if calibration.floor is None:
        return replace(calibration, shift=float((y - predicted).mean()))
    total = float(predicted.sum())
    return replace(calibration, factor=float(y.sum()) / total) if total > 0 and y.sum() > 0 else calibration
