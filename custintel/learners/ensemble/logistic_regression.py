"""The linear part: ridge logistic regression on standardised numbers, hinges at quantiles and categories.

Each original column owns a few columns of the design; its contribution to the log-odds is the sum over them, measured
from the average customer of the training table. `fit_ridge` is Newton's method with a line search; `fit_positive`, at
the end, is a logistic regression whose weights cannot be negative (scorecards, rule scores).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from threadpoolctl import threadpool_limits

from custintel.learners.ensemble.blend_and_calibration import log_loss_raw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.learners.ensemble.inner_folds import Split


PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
_FEW_VALUES = 8
_MOST_LEVELS = 60
_CHUNK = 20_000
_MOST_STEPS = 200


@dataclass(frozen=True)
class ColumnBasis:
    """How one encoded column enters the design."""

    column: int
    levels: int
    low: float
    high: float
    fill: float
    centre: float
    scale: float
    knots: tuple[float, ...]
    flag: bool

    @property
    def width(self) -> int:
        """Number of design columns."""
        return self.levels if self.levels else 1 + len(self.knots) + int(self.flag)

    def expand(self, x: np.ndarray) -> np.ndarray:
        """Columns of the design matrix for this block."""
        if self.levels:
            return np.asarray(x[:, None] == np.arange(self.levels), dtype=np.float64)
        x = x.astype(np.float64)
        missing = np.isnan(x)
        z = (np.clip(np.where(missing, self.fill, x), self.low, self.high) - self.centre) / self.scale
        hinges = [np.maximum(z - k, 0.0) for k in self.knots]
        flags = [missing.astype(np.float64)] if self.flag else []
        return np.column_stack([z, *hinges, *flags])


@dataclass(frozen=True)
class LinearDesign:
    """The blocks of all used columns and the mean of each design column."""

    blocks: tuple[ColumnBasis, ...]
    means: np.ndarray

    def expand(self, matrix: np.ndarray) -> np.ndarray:
        """Centred design matrix."""
        if not self.blocks:
            return np.zeros((len(matrix), 0))
        return np.asarray(np.hstack([b.expand(matrix[:, b.column]) for b in self.blocks]) - self.means)

    @property
    def owners(self) -> np.ndarray:
        """Encoded column that each design column belongs to."""
        return np.repeat([b.column for b in self.blocks], [b.width for b in self.blocks]).astype(np.int64)

    def to_state(self) -> dict[str, Any]:
        """Plain data for the artifact."""
        blocks = [{**b.__dict__, "knots": list(b.knots)} for b in self.blocks]
        return {"blocks": blocks, "means": self.means.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> LinearDesign:
        """Read back what `to_state` gave."""
        blocks = tuple(ColumnBasis(**{**b, "knots": tuple(b["knots"])}) for b in state["blocks"])
        return cls(blocks, np.asarray(state["means"], dtype=np.float64))


@dataclass(frozen=True)
class LinearPart:
    """A fitted logistic regression: log-odds = intercept + centred design @ weights."""

    design: LinearDesign
    intercept: float
    weights: np.ndarray

    def log_odds(self, matrix: np.ndarray) -> np.ndarray:
        """Log-odds of every row."""
        return np.asarray(self.intercept + self.design.expand(matrix) @ self.weights)

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Additive contribution of every encoded column; with the intercept they add up to the log-odds."""
        out = np.zeros(matrix.shape)
        start = 0
        for block in self.design.blocks:
            part = slice(start, start + block.width)
            expanded = block.expand(matrix[:, block.column]) - self.design.means[part]
            out[:, block.column] = expanded @ self.weights[part]
            start += block.width
        return out

    def to_state(self) -> dict[str, Any]:
        """Plain data for the artifact."""
        return {
            **self.design.to_state(),
            "intercept": self.intercept,
            "weights": self.weights.tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> LinearPart:
        """Read back what `to_state` gave."""
        weights = np.asarray(state["weights"], dtype=np.float64)
        return cls(LinearDesign.from_state(state), float(state["intercept"]), weights)


def learn_design(
    matrix: np.ndarray, levels: np.ndarray, weight: np.ndarray, plain: np.ndarray | bool, reach: float = 0.0
) -> LinearDesign:
    """Learn fill values, scales and knots; `levels` is 0 for numbers, `plain` columns get no hinges.

    Values are followed `reach` ranges beyond what was seen, and no further.
    """
    straight = np.broadcast_to(plain, levels.shape)
    blocks = []
    for j, count in enumerate(levels):
        if count > _MOST_LEVELS:
            continue
        if count:
            blocks.append(ColumnBasis(j, int(count), 0.0, 0.0, 0.0, 0.0, 1.0, (), False))
        else:
            block = _number_basis(j, matrix[:, j].astype(np.float64), weight, bool(straight[j]))
            blocks.append(_reaching(block, reach))
    means = [np.average(b.expand(matrix[:, b.column]), axis=0, weights=weight) for b in blocks]
    return LinearDesign(tuple(blocks), np.concatenate(means) if means else np.zeros(0))


def _number_basis(j: int, x: np.ndarray, weight: np.ndarray, straight: bool) -> ColumnBasis:
    missing = np.isnan(x)
    present, w = x[~missing], weight[~missing]
    low, high = (present.min(), present.max()) if straight else np.quantile(present, [0.002, 0.998])
    clipped = np.clip(present, low, high)
    centre = np.average(clipped, weights=w)
    scale = np.sqrt(np.average((clipped - centre) ** 2, weights=w)) or 1.0
    knots: tuple[float, ...] = ()
    if not straight and len(np.unique(present[:20_000])) > _FEW_VALUES:
        inner = np.unique(np.quantile((clipped - centre) / scale, [0.1, 0.25, 0.5, 0.75, 0.9]))
        knots = tuple(float(k) for k in inner)
    return ColumnBasis(
        j, 0, float(low), float(high), float(centre), float(centre), float(scale), knots, bool(missing.any())
    )


def _reaching(block: ColumnBasis, reach: float) -> ColumnBasis:
    more = reach * (block.high - block.low)
    return replace(block, low=block.low - more, high=block.high + more)


def fit_ridge(
    Z: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: float, start: np.ndarray | None = None
) -> np.ndarray:
    """Weights (intercept first) that minimise the weighted log loss plus penalty/2 of the squared weights."""
    with _one_thread():
        return _newton(_with_constant(Z), y, weight, penalty, start, _Curvature())


def _one_thread() -> Any:
    """Matrices this small gain nothing from two threads, and lose tenfold when another process holds a core."""
    return threadpool_limits(1, "blas")


def _with_constant(Z: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(Z)), Z])


@dataclass
class _Curvature:
    """Second derivatives of the log loss; computing them is nearly all of the work, so they are kept while they fit."""

    kept: np.ndarray | None = None

    def at(self, A: np.ndarray, weight: np.ndarray, p: np.ndarray, ridge: np.ndarray) -> np.ndarray:
        """Those kept, or new ones at the probabilities `p`; with the penalty."""
        if self.kept is None:
            half = A * np.sqrt(weight * p * (1 - p))[:, None]
            self.kept = half.T @ half  # a matrix with its own transpose: numpy computes half of it
        total = self.kept.copy()
        total[np.diag_indices_from(total)] += ridge + 1e-10
        return total


def _newton(
    A: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: float, start: np.ndarray | None, curvature: _Curvature
) -> np.ndarray:
    ridge = np.full(A.shape[1], penalty)
    ridge[0] = 1e-9
    beta = np.zeros(A.shape[1]) if start is None else start.copy()
    loss, before = _objective(A, y, weight, ridge, beta), np.inf
    for _ in range(_MOST_STEPS):
        p = expit(A @ beta)
        new = curvature.kept is None
        step = np.linalg.solve(curvature.at(A, weight, p, ridge), A.T @ (weight * (p - y)) + ridge * beta)
        beta, reached = _line_search(A, y, weight, ridge, beta, step, loss)
        size = float(np.abs(step).max())
        if loss - reached <= 1e-10 * (abs(loss) + 1e-12) and size < (1e-4 if new else 1e-6):
            break
        if not new and size > before / 4:  # steps that do not shrink fast: the kept curvature no longer fits
            curvature.kept = None
        loss, before = reached, size
    return beta


def _objective(A: np.ndarray, y: np.ndarray, weight: np.ndarray, ridge: np.ndarray, beta: np.ndarray) -> float:
    raw = A @ beta
    return float(weight @ (np.logaddexp(0.0, raw) - y * raw) + 0.5 * ridge @ (beta * beta))


def _line_search(  # noqa: PLR0913 - one problem, spelled out
    A: np.ndarray, y: np.ndarray, weight: np.ndarray, ridge: np.ndarray, beta: np.ndarray, step: np.ndarray, loss: float
) -> tuple[np.ndarray, float]:
    size = 1.0
    while size > 1e-8:
        candidate = beta - size * step
        value = _objective(A, y, weight, ridge, candidate)
        if value <= loss:
            return candidate, value
        size /= 2
    return beta, loss


def choose_penalty(
    design: LinearDesign, matrix: np.ndarray, y: np.ndarray, weight: np.ndarray, splits: list[Split]
) -> tuple[float, np.ndarray]:
    """The penalty with the lowest out-of-fold log loss, and the out-of-fold log-odds it gives (NaN elsewhere)."""
    raw = np.full((len(PENALTIES), len(y)), np.nan)
    for train, valid in splits:
        path = penalty_path(design.expand(matrix[train]), y[train], weight[train])
        for start in range(0, len(valid), _CHUNK):
            rows = valid[start : start + _CHUNK]
            raw[:, rows] = path[:, :1] + path[:, 1:] @ design.expand(matrix[rows]).T
    seen = ~np.isnan(raw[0])
    losses = [log_loss_raw(y[seen], r[seen], weight[seen]) for r in raw]
    best = int(np.argmin(losses))
    return PENALTIES[best], raw[best]


def penalty_path(Z: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights for every penalty, strongest first, each starting from the one before."""
    A, curvature = _with_constant(Z), _Curvature()
    path: list[np.ndarray] = []
    with _one_thread():
        for penalty in PENALTIES:
            path.append(_newton(A, y, weight, penalty, path[-1] if path else None, curvature))
    return np.array(path)


def fit_positive(Z: np.ndarray, y: np.ndarray, penalty: float, start: np.ndarray | None = None) -> np.ndarray:
    """Intercept and weights of zero or more that make log loss plus penalty/2 of their squares smallest.

    Parameters
    ----------
    Z : array of shape (rows, columns)
        Columns of which each may only raise the probability.
    y : array of shape (rows,)
        0 or 1.
    penalty : float
        Weight of the squares; the intercept is free.
    start : array, optional
        Where to begin: an earlier solution.

    Examples
    --------
    >>> Z = np.array([[0.0, 1.0], [0.0, 0.0], [1.0, 1.0], [1.0, 0.0]] * 10)
    >>> bool(fit_positive(Z, np.array([0, 0, 1, 0.0] * 10), 0.1)[1:].min() > 0)
    True
    >>> fit_positive(-Z, np.array([0, 0, 1, 0.0] * 10), 0.1)[1:].tolist()
    [0.0, 0.0]
    """
    if start is None:
        rate = np.clip(y.mean(), 1e-6, 1 - 1e-6)
        start = np.append(np.log(rate / (1 - rate)), np.zeros(Z.shape[1]))

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        raw = beta[0] + Z @ beta[1:]
        away = expit(raw) - y
        value = np.logaddexp(0.0, raw).sum() - y @ raw + 0.5 * penalty * beta[1:] @ beta[1:]
        return float(value), np.append(away.sum(), Z.T @ away + penalty * beta[1:])

    bounds = [(None, None), *[(0.0, None)] * Z.shape[1]]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300})
    return np.asarray(found.x)
