"""The blend of boosters and a ridge regression for amounts, by squared error.

Parts and blend are those of `_ensemble`, on the scale of the amounts in place of log-odds. A few very large amounts
would decide every cut and every weight: the parts learn from amounts cut at their outermost 0.05 %. What that takes
from the sum, the calibration gives back, which is learned from the amounts as they are (`_amount_calibration`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from custintel.learners.ensemble._boosted_candidates import (
    BoostedCandidate,
    CandidateSettings,
    TableWithFolds,
    fit_candidate,
)
from custintel.learners.ensemble._column_sums import ColumnSums
from custintel.learners.ensemble._effort import MANY_COLUMNS, MOST_REFITTED_CELLS, plan_fit
from custintel.learners.ensemble._ensemble import Ensemble, ensemble_start, fit_with_signs
from custintel.learners.ensemble.blend_and_calibration import blend_weights, squared_loss
from custintel.learners.ensemble.inner_folds import fold_of_rows, inner_splits
from custintel.learners.ensemble.logistic_regression import LinearPart, learn_design

if TYPE_CHECKING:
    from custintel.learners.ensemble._effort import Effort, FitPlan
    from custintel.learners.ensemble.logistic_regression import LinearDesign


_PENALTIES = (10_000.0, 3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.1)
_CUT = 0.0005
_MOST_FOLDS = 5
_CANDIDATES = (
    CandidateSettings(4, 20, 0.06, 0.4, 5.0, 1500),
    CandidateSettings(12, 40, 0.05, 0.5, 5.0, 1500),
)


@dataclass(frozen=True)
class AmountTable:
    """An encoded table with its amounts, what its columns are, and how to run."""

    matrix: np.ndarray
    y: np.ndarray
    groups: np.ndarray | None
    names: list[str]
    levels: np.ndarray
    monotone: tuple[int, ...]
    plan: FitPlan
    random_state: int
    threads: int


class FittedAmounts(NamedTuple):
    """An ensemble, each row's amount by parts that have not seen it (NaN if none), and the fold of each row."""

    ensemble: Ensemble
    out_of_fold: np.ndarray
    fold: np.ndarray


def plan_amounts(y: np.ndarray, effort: Effort) -> FitPlan:
    """What is tried for a table: as for a class with a third of the rows, or those that have another amount than most.

    >>> plan_amounts(np.arange(50.0), "auto").candidates, len(plan_amounts(np.arange(500.0), "auto").candidates)
    ((), 2)
    """
    others = len(y) - int(np.unique(y, return_counts=True)[1].max())
    plan = plan_fit(len(y), min(len(y) // 3, others), effort)
    return replace(plan, candidates=_CANDIDATES) if plan.used > 1 else plan


def fit_amounts(given: AmountTable) -> FittedAmounts:
    """Fit all candidates and blend them."""
    matrix, plan = given.matrix, given.plan
    signs = np.array(given.monotone, dtype=np.int64)
    sums = ColumnSums.learn(matrix, given.names, (given.levels > 0) | (signs != 0)) if plan.candidates else ColumnSums()
    extra = [0] * len(sums.groups)
    levels, monotone = np.append(given.levels, extra).astype(np.int64), (*given.monotone, *extra)
    fold = _folds(len(given.y), plan, given.groups, given.random_state)
    refits = plan.refits if matrix.size <= MOST_REFITTED_CELLS else 0
    table = TableWithFolds(
        matrix=sums.extend(matrix),
        y=cut_amounts(given.y),
        weight=np.ones(len(given.y)),
        categorical=tuple(int(j) for j in np.flatnonzero(levels)),
        monotone=monotone,
        splits=inner_splits(fold, plan.used or int(fold.max()) + 1),
        random_state=given.random_state,
        threads=given.threads,
        refits=refits,
        objective="amount",
    )
    linear, linear_raw = _fit_linear(table, levels, plan)
    fitted = [fit_candidate(table, one) for one in plan.candidates] if matrix.shape[1] else []
    return _blend(table, fitted, linear_raw, fold, Ensemble((), (), linear, 1.0, sums))


def cut_amounts(y: np.ndarray) -> np.ndarray:
    """Amounts without their outermost 0.05 %, which are moved to where those end."""
    low, high = np.quantile(y, [_CUT, 1 - _CUT])
    return np.asarray(np.clip(y, low, high))


def _folds(rows: int, plan: FitPlan, groups: np.ndarray | None, random_state: int) -> np.ndarray:
    """Fold of each row, from 0 on without gaps; few groups make few folds."""
    wanted = min(plan.folds or _MOST_FOLDS, rows)
    fold = fold_of_rows(np.zeros(rows), wanted, groups, random_state)
    return np.unique(fold, return_inverse=True)[1].ravel()


def _fit_linear(table: TableWithFolds, levels: np.ndarray, plan: FitPlan) -> tuple[LinearPart, np.ndarray]:
    """The ridge regression with the penalty of the lowest squared error out of fold, and its amounts out of fold."""
    rng = np.random.default_rng(table.random_state)
    monotone = np.array(table.monotone, dtype=np.int64)
    straight = table.matrix.shape[1] > MANY_COLUMNS or not plan.hinges or not plan.candidates
    plain = (monotone != 0) | straight
    rows = _sample(np.arange(len(table.y)), plan.linear_rows, rng)
    design = learn_design(table.matrix[rows], levels, table.weight[rows], plain)
    raw = np.full((len(_PENALTIES), len(table.y)), np.nan)
    for train, valid in table.splits:
        path = _ridge_path(design, table, _sample(train, plan.linear_rows, rng))
        raw[:, valid] = path[:, :1] + path[:, 1:] @ design.expand(table.matrix[valid]).T
    seen = ~np.isnan(raw[0])
    losses = [table.loss(one, seen) for one in raw] if seen.any() else [0.0]
    best = int(np.argmin(losses))
    Z = design.expand(table.matrix[rows])
    part = fit_with_signs(Z, table.y[rows], table.weight[rows], design, _PENALTIES[best], monotone, fit_least_squares)
    return part, raw[best]


def _ridge_path(design: LinearDesign, table: TableWithFolds, rows: np.ndarray) -> np.ndarray:
    """Weights (intercept first) for every penalty."""
    Z, y = design.expand(table.matrix[rows]), table.y[rows]
    return np.array([fit_least_squares(Z, y, table.weight[rows], penalty) for penalty in _PENALTIES])


def fit_least_squares(Z: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: float) -> np.ndarray:
    """Weights (intercept first) that make the weighted squared error plus the penalty on their squares smallest.

    >>> fit_least_squares(np.array([[-1.0], [0.0], [1.0]]), np.array([1.0, 3.0, 5.0]), np.ones(3), 0.0).round(6)
    array([3., 2.])
    """
    with threadpool_limits(1, "blas"):
        centre = np.average(Z, axis=0, weights=weight) if Z.shape[1] else np.zeros(0)
        mean = float(np.average(y, weights=weight))
        A = Z - centre
        inner = (A * weight[:, None]).T @ A
        inner[np.diag_indices_from(inner)] += penalty + 1e-9
        beta = np.linalg.solve(inner, A.T @ (weight * (y - mean)))
        return np.append(mean - centre @ beta, beta)


def _sample(rows: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _blend(
    table: TableWithFolds,
    candidates: list[BoostedCandidate],
    linear_raw: np.ndarray,
    fold: np.ndarray,
    bare: Ensemble,
) -> FittedAmounts:
    """Give the parts their weights."""
    raw = np.array([*(c.raw for c in candidates), linear_raw])
    seen = ~np.isnan(raw).any(axis=0)
    shares = np.ones(1)
    if candidates:
        shares = blend_weights(raw[:, seen], table.y[seen], table.weight[seen], squared_loss)
    kept = [(c, s) for c, s in zip(candidates, shares, strict=False) if s > 0]
    parts = replace(
        bare,
        texts=tuple(t for c, _ in kept for t in c.texts),
        booster_weights=tuple(float(s) / len(c.texts) for c, s in kept for _ in c.texts),
        linear_weight=float(shares[-1]),
    )
    ensemble = replace(parts, expected_value=ensemble_start(parts, table.matrix[:1].copy()))
    return FittedAmounts(ensemble, shares @ raw, fold)
