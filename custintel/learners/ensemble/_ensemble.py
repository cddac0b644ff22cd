"""The blend of boosters and the linear part on the log-odds scale.

``log_odds = sum_b weight_b * booster_b + linear_weight * linear``, the weights adding up to 1; so contributions of the
parts, weighted in the same way, add up exactly too.

The weights are chosen by out-of-fold log loss. Where random folds flatter (`_drift`) that choice would go to whatever
looks up the period best: there all candidates count alike, and the linear part, straight and followed one range beyond
what was seen, keeps a third.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from custintel.learners.ensemble._boosted_candidates import BoostedCandidate, TableWithFolds, fit_candidate, raw_score
from custintel.learners.ensemble._column_sums import ColumnSums
from custintel.learners.ensemble._effort import MANY_COLUMNS, MOST_REFITTED_CELLS
from custintel.learners.ensemble._row_order_drift import order_matters
from custintel.learners.ensemble.blend_and_calibration import Calibration, blend_weights, choose_calibration
from custintel.learners.ensemble.check_lightgbm_text import read_booster
from custintel.learners.ensemble.inner_folds import fold_of_rows, inner_splits
from custintel.learners.ensemble.logistic_regression import LinearPart, choose_penalty, fit_ridge, learn_design

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from custintel.learners.ensemble._effort import FitPlan


_CHUNK = 100_000
_TINY_PENALTY = 3.0
_LINEAR_SHARE_IN_DRIFT = 1 / 3
_REACH_IN_DRIFT = 1.0


@dataclass(frozen=True)
class Ensemble:
    """Boosters as text with their weights, the linear part with its weight."""

    texts: tuple[str, ...]
    booster_weights: tuple[float, ...]
    linear: LinearPart
    linear_weight: float
    sums: ColumnSums = field(default_factory=ColumnSums)
    expected_value: float = 0.0
    drifting: bool = False
    boosters: tuple[Any, ...] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        # the boosters are always read from their text, so that a saved model predicts the same
        object.__setattr__(self, "boosters", tuple(read_booster(t) for t in self.texts))

    def log_odds(self, matrix: np.ndarray, threads: int) -> np.ndarray:
        """Log-odds before calibration."""
        out = np.empty(len(matrix))
        for start in range(0, len(matrix), _CHUNK):
            part = slice(start, start + _CHUNK)
            out[part] = self._log_odds(matrix[part], threads)
        return out

    def contributions(
        self, matrix: np.ndarray, threads: int, kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None
    ) -> np.ndarray:
        """Contribution of every encoded column; they add up, with `expected_value`, to the log-odds."""
        explain = kernel or (lambda b, m: b.predict(m, pred_contrib=True, num_threads=threads))
        wide = self.sums.extend(matrix)
        out = np.zeros(wide.shape)
        if self.linear_weight:
            out += self.linear_weight * self.linear.contributions(wide)
        for booster, weight in zip(self.boosters, self.booster_weights, strict=True):
            out += weight * np.asarray(explain(booster, wide))[:, :-1]
        return self.sums.credit_parts(out, matrix)

    def importance(self, columns: int) -> np.ndarray:
        """Share of every encoded column: gain of the trees, absolute weight of the linear design."""
        total = np.zeros(columns + len(self.sums.groups))
        for booster, weight in zip(self.boosters, self.booster_weights, strict=True):
            total += weight * _as_shares(np.asarray(booster.feature_importance("gain"), dtype=np.float64))
        spread = np.bincount(self.linear.design.owners, np.abs(self.linear.weights), minlength=len(total))
        total += self.linear_weight * _as_shares(spread)
        for k, group in enumerate(self.sums.groups):
            total[list(group)] += total[columns + k] / len(group)
        return _as_shares(total[:columns])

    def to_state(self) -> dict[str, Any]:
        """Plain data for the artifact (the texts are kept apart)."""
        return {
            "booster_weights": list(self.booster_weights),
            "linear": self.linear.to_state(),
            "linear_weight": self.linear_weight,
            "sums": {"groups": [list(g) for g in self.sums.groups], "means": [list(m) for m in self.sums.means]},
            "expected_value": self.expected_value,
            "drifting": self.drifting,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], texts: tuple[str, ...]) -> Ensemble:
        """Read back what `to_state` gave."""
        linear = LinearPart.from_state(state["linear"])
        sums = ColumnSums(*(tuple(map(tuple, state["sums"][key])) for key in ("groups", "means")))
        weights = tuple(state["booster_weights"])
        drifting = bool(state.get("drifting", False))
        return cls(texts, weights, linear, state["linear_weight"], sums, state["expected_value"], drifting)

    def _log_odds(self, matrix: np.ndarray, threads: int) -> np.ndarray:
        wide = self.sums.extend(matrix)
        out = np.zeros(len(matrix))
        if self.linear_weight:
            out += self.linear_weight * self.linear.log_odds(wide)
        for booster, weight in zip(self.boosters, self.booster_weights, strict=True):
            out += weight * raw_score(booster, wide, threads)
        return out

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "boosters"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()


class FittedEnsemble(NamedTuple):
    """An ensemble, its calibration, and each row's log-odds by parts that have not seen it (NaN if none)."""

    ensemble: Ensemble
    calibration: Calibration
    out_of_fold: np.ndarray


def fit_ensemble(  # noqa: PLR0913 - the one place where table and plan meet
    matrix: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    *,
    groups: np.ndarray | None,
    names: list[str],
    levels: np.ndarray,
    dates: tuple[int, ...],
    monotone: tuple[int, ...],
    plan: FitPlan,
    random_state: int,
    threads: int,
) -> FittedEnsemble:
    """Fit all candidates, blend and calibrate them."""
    sums = (
        ColumnSums.learn(matrix, names, (levels > 0) | (np.array(monotone) != 0)) if plan.candidates else ColumnSums()
    )
    matrix = sums.extend(matrix)
    levels, monotone = np.append(levels, [0] * len(sums.groups)), (*monotone, *[0] * len(sums.groups))
    if not plan.candidates:
        return FittedEnsemble(_ridge_only(matrix, y, weight, levels, monotone), Calibration(), np.full(len(y), np.nan))
    fold = fold_of_rows(y, plan.folds, groups, random_state)
    categorical = tuple(int(j) for j in np.flatnonzero(levels))
    refits = plan.refits if matrix.size <= MOST_REFITTED_CELLS else 0
    table = TableWithFolds(
        matrix, y, weight, categorical, monotone, inner_splits(fold, plan.used), random_state, threads, refits
    )
    drifting = bool(matrix.shape[1]) and order_matters(
        matrix, y, weight, groups=groups, categorical=categorical, dates=dates, run=(random_state, threads)
    )
    candidates = (drifting and plan.drift_candidates) or plan.candidates
    linear, linear_raw = _fit_linear(table, levels, plan, drifting)
    fitted = [fit_candidate(table, one) for one in candidates] if matrix.shape[1] else []
    return _blend_candidates(table, fitted, linear_raw, fold, Ensemble((), (), linear, 1.0, sums, drifting=drifting))


def _ridge_only(
    matrix: np.ndarray, y: np.ndarray, weight: np.ndarray, levels: np.ndarray, monotone: tuple[int, ...]
) -> Ensemble:
    design = learn_design(matrix, levels, weight, True)
    linear = fit_with_signs(design.expand(matrix), y, weight, design, _TINY_PENALTY, np.array(monotone))
    return Ensemble((), (), linear, 1.0, expected_value=linear.intercept)


def _fit_linear(
    table: TableWithFolds, levels: np.ndarray, plan: FitPlan, drifting: bool
) -> tuple[LinearPart, np.ndarray]:
    matrix, y, weight, monotone = table.matrix, table.y, table.weight, np.array(table.monotone)
    rng = np.random.default_rng(table.random_state)
    rows = _sample(np.arange(len(y)), plan.linear_rows, rng)
    plain = (monotone != 0) | (matrix.shape[1] > MANY_COLUMNS) | (not plan.hinges) | drifting
    reach = _REACH_IN_DRIFT if drifting else 0.0
    design = learn_design(matrix[rows], levels, weight[rows], plain, reach)
    sampled = [(_sample(train, plan.linear_rows, rng), valid) for train, valid in table.splits]
    penalty, raw = choose_penalty(design, matrix, y, weight, sampled)
    return fit_with_signs(design.expand(matrix[rows]), y[rows], weight[rows], design, penalty, monotone), raw


def fit_with_signs(  # noqa: PLR0913 - one problem, spelled out
    Z: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    design: Any,
    penalty: float,
    monotone: np.ndarray,
    solve: Callable[[np.ndarray, np.ndarray, np.ndarray, float], np.ndarray] = fit_ridge,
) -> LinearPart:
    active = np.ones(Z.shape[1], dtype=bool)
    signs = monotone[design.owners] if len(monotone) else np.zeros(0)
    first = np.append(True, np.diff(design.owners) != 0) if len(active) else active
    while True:
        beta = solve(Z[:, active], y, weight, penalty)
        weights = np.zeros(len(active))
        weights[active] = beta[1:]
        wrong = first & (weights * signs < 0)
        if not wrong.any():
            return LinearPart(design, float(beta[0]), weights)
        active &= ~wrong


def _sample(rows: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _blend_candidates(
    table: TableWithFolds,
    candidates: list[BoostedCandidate],
    linear_raw: np.ndarray,
    fold: np.ndarray,
    bare: Ensemble,
) -> FittedEnsemble:
    """Give the parts their weights in an ensemble that has none yet."""
    raw = np.array([*(c.raw for c in candidates), linear_raw])
    seen = ~np.isnan(raw).any(axis=0)
    y, weight = table.y[seen], table.weight[seen]
    shares = _even_shares(len(candidates)) if bare.drifting else blend_weights(raw[:, seen], y, weight)
    kept = [(c, s) for c, s in zip(candidates, shares, strict=False) if s > 0]
    texts = tuple(t for c, _ in kept for t in c.texts)
    weights = tuple(float(s) / len(c.texts) for c, s in kept for _ in c.texts)
    parts = replace(bare, texts=texts, booster_weights=weights, linear_weight=float(shares[-1]))
    ensemble = replace(parts, expected_value=ensemble_start(parts, table.matrix[:1].copy()))
    inner = np.arange(seen.sum()) % 5 if len(table.splits) == 1 else fold[seen]
    return FittedEnsemble(ensemble, choose_calibration(y, shares @ raw[:, seen], weight, inner), shares @ raw)


def _even_shares(candidates: int) -> np.ndarray:
    """All candidates alike; the linear part, the last one, as fixed for drift."""
    return np.append(np.full(candidates, (1 - _LINEAR_SHARE_IN_DRIFT) / candidates), _LINEAR_SHARE_IN_DRIFT)


def ensemble_start(ensemble: Ensemble, one_row: np.ndarray) -> float:
    total = ensemble.linear_weight * ensemble.linear.intercept
    for booster, weight in zip(ensemble.boosters, ensemble.booster_weights, strict=True):
        total += weight * float(booster.predict(one_row, pred_contrib=True)[0, -1])
    return total


def _as_shares(total: np.ndarray) -> np.ndarray:
    return np.asarray(total / max(total.sum(), 1e-300))
