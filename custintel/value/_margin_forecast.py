"""The margin a month of a customer who stays: the run rate, and what a booster expects it to change by.

Months ahead come in bands (1 to 3, 4 to 12, later), because data tell less and less apart. What both parts are worth is
settled on customers the booster has not seen, by non-negative least squares; with little data the run rate is all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import nnls

from custintel.learners.ensemble.lightgbm_boosters import Boosters, TrainingTable, fit_boosters
from custintel.learners.path_contributions import without_month

if TYPE_CHECKING:
    from collections.abc import Mapping


MONTH_BANDS = ((1, 3), (4, 12), (13, 10_000))
_FEWEST_ROWS = 60


class RunRate(NamedTuple):
    """The run rate of each row, its mean in training, and the column to which it belongs."""

    values: np.ndarray
    mean: float
    column: int


@dataclass(frozen=True)
class MarginForecast:
    """Weights of the run rate, of the booster's change and of one, for each band, and the boosters."""

    weights: tuple[tuple[float, float, float], ...]
    boosters: Boosters | None

    def predict(self, matrix: np.ndarray, run_rate: np.ndarray, months: int, threads: int) -> np.ndarray:
        """Expected margin in months 1 to `months` of those who stay (rows x months)."""
        out = np.empty((len(matrix), months))
        for band, (first, last) in enumerate(MONTH_BANDS):
            if first > months:
                break
            change = self._change(matrix, band, threads)
            rate, share, shift = self.weights[band]
            out[:, first - 1 : min(last, months)] = (rate * run_rate + share * change + shift)[:, None]
        return out

    def parts(self, matrix: np.ndarray, rate: RunRate, months: int, threads: int) -> np.ndarray:
        """Contributions of the columns to the margin of each month: rows x months x (columns + 1), the base last."""
        out = np.zeros((len(matrix), months, matrix.shape[1] + 1))
        for band, (first, last) in enumerate(MONTH_BANDS):
            if first > months:
                break
            weight, share, shift = self.weights[band]
            part = np.zeros((len(matrix), matrix.shape[1] + 1))
            if self.boosters is not None:
                asked = np.column_stack([matrix, np.full(len(matrix), float(band))])
                part = share * without_month(self.boosters.contributions(asked, threads))
            part[:, -1] += weight * rate.mean + shift
            part[:, rate.column] += weight * (rate.values - rate.mean)
            out[:, first - 1 : min(last, months)] = part[:, None, :]
        return out

    def to_state(self, name: str) -> tuple[dict[str, Any], dict[str, str]]:
        """Plain data and texts."""
        state, texts = (None, {}) if self.boosters is None else self.boosters.to_state(name)
        return {"weights": [list(w) for w in self.weights], "boosters": state}, texts

    @classmethod
    def from_state(cls, state: Mapping[str, Any], texts: Mapping[str, str]) -> MarginForecast:
        """Read back what `to_state` gave."""
        boosters = None if state["boosters"] is None else Boosters.from_state(state["boosters"], texts)
        return cls(tuple((w[0], w[1], w[2]) for w in state["weights"]), boosters)

    def _change(self, matrix: np.ndarray, band: int, threads: int) -> np.ndarray:
        if self.boosters is None:
            return np.zeros(len(matrix))
        return self.boosters.predict(np.column_stack([matrix, np.full(len(matrix), float(band))]), threads)


def fit_forecast(
    training: TrainingTable, run_rate: np.ndarray, fold: np.ndarray, random_state: int, threads: int
) -> MarginForecast:
    """From future margins (rows x months, NaN where not alive or not known yet) in ``training.y``.

    Parameters
    ----------
    training : TrainingTable
        Matrix, categorical columns, and as `y` the future margins.
    run_rate : array
        Margin a month of late, for each row.
    fold : array of int
        Fold of each row; rows of one customer in one fold.
    random_state, threads : int
        Seed and threads of LightGBM.
    """
    row, band, mean, count = _by_band(training.y)
    if not len(row):
        return MarginForecast(((1.0, 0.0, 0.0),) * len(MONTH_BANDS), None)
    if len(row) < _FEWEST_ROWS:
        return MarginForecast(_weights(band, mean, count, run_rate[row], np.zeros(len(row))), None)
    change = mean - run_rate[row]
    low, high = np.quantile(change, [0.002, 0.998])
    asked = np.asfortranarray(np.column_stack([training.matrix[row], band.astype(np.float64)]))
    given = TrainingTable(asked, np.clip(change, low, high), count, training.categorical)
    inner = np.unique(fold[row], return_inverse=True)[1].ravel()
    found = fit_boosters(given, "amount", fold=inner, random_state=random_state, threads=threads)
    return MarginForecast(_weights(band, mean, count, run_rate[row], found.out_of_fold), found.boosters)


def _by_band(margins: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Row, band, mean margin a month and number of months, where at least one month is known."""
    rows, bands, means, counts = [], [], [], []
    for band, (first, last) in enumerate(MONTH_BANDS):
        part = margins[:, first - 1 : last]
        known = np.isfinite(part).sum(axis=1) if part.shape[1] else np.zeros(len(margins), dtype=np.int64)
        some = np.flatnonzero(known > 0)
        rows.append(some)
        bands.append(np.full(len(some), band))
        means.append(np.nansum(part[some], axis=1) / known[some])
        counts.append(known[some].astype(np.float64))
    return np.concatenate(rows), np.concatenate(bands), np.concatenate(means), np.concatenate(counts)


def _weights(
    band: np.ndarray, mean: np.ndarray, count: np.ndarray, rate: np.ndarray, change: np.ndarray
) -> tuple[tuple[float, float, float], ...]:
    """Weights of each band; a band without rows has those of the one before."""
    found: list[tuple[float, float, float]] = []
    for k in range(len(MONTH_BANDS)):
        mine = band == k
        if mine.sum() < 20:
            found.append(found[-1] if found else (1.0, 0.0, float(np.average(mean - rate, weights=count))))
            continue
        found.append(_least_squares(mean[mine], count[mine], rate[mine], change[mine]))
    return tuple(found)


def _least_squares(
    mean: np.ndarray, count: np.ndarray, rate: np.ndarray, change: np.ndarray
) -> tuple[float, float, float]:
    """Non-negative weights of run rate and change (drawn slightly to 1 and 0.5); a free shift keeps the mean."""
    root = np.sqrt(count)
    spread = float(np.sqrt(np.average((rate - np.average(rate, weights=count)) ** 2, weights=count))) or 1.0
    pull = np.sqrt(10.0) * spread
    centre = [np.average(v, weights=count) for v in (mean, rate, change)]
    design = np.column_stack([(rate - centre[1]) * root, (change - centre[2]) * root])
    design = np.vstack([design, [[pull, 0.0], [0.0, pull]]])
    target = np.concatenate([(mean - centre[0]) * root, [pull, 0.5 * pull]])
    (a, b), _ = nnls(design, target)
    return float(a), float(b), float(centre[0] - a * centre[1] - b * centre[2])
