"""The boosted part: small LightGBM models, one for each inner fold, all with the same number of rounds.

The number of rounds is the minimum of the *mean* validation curve, so that no fold chooses its own. Small tables cannot
spare the fold that each of these has not seen: there a few boosters of all rows (other seeds, a tenth more rounds for a
quarter more rows) take their place, and the fold models only say how good they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.learners.ensemble.blend_and_calibration import log_loss_raw, squared_loss
from custintel.learners.ensemble.lightgbm_boosters import LIGHTGBM_OBJECTIVES

if TYPE_CHECKING:
    from custintel.learners.ensemble.inner_folds import Split
    from custintel.learners.ensemble.lightgbm_boosters import Objective


_MORE_ROUNDS = 1.1
_ROWS_FOR_BINS = 100_000
_MANY_ROWS = 200_000


@dataclass(frozen=True)
class CandidateSettings:
    """The settings by which candidates differ: size of the trees, learning rate, penalties, rounds."""

    leaves: int
    min_leaf: int
    learning_rate: float
    column_share: float
    l2: float
    rounds: int
    random_cuts: bool = False


@dataclass(frozen=True)
class TableWithFolds:
    """An encoded table with its outcome, its inner splits, and how to run."""

    matrix: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    categorical: tuple[int, ...]
    monotone: tuple[int, ...]
    splits: list[Split]
    random_state: int
    threads: int
    refits: int = 0
    objective: Objective = "probability"

    def loss(self, raw: np.ndarray, rows: np.ndarray) -> float:
        """Mean loss of raw scores (log-odds or amounts) on some rows."""
        measure = log_loss_raw if self.objective == "probability" else squared_loss
        return measure(self.y[rows], raw[rows], self.weight[rows])


@dataclass(frozen=True)
class BoostedCandidate:
    """Boosters of one shape, their out-of-fold raw scores (NaN where no fold looked), and the loss of these."""

    shape: CandidateSettings
    texts: tuple[str, ...]
    raw: np.ndarray
    loss: float


def fit_candidate(table: TableWithFolds, shape: CandidateSettings) -> BoostedCandidate:
    """Fit one booster for each split and score its validation rows."""
    import lightgbm as lgb

    data = lgb.Dataset(
        table.matrix,
        table.y,
        weight=table.weight,
        categorical_feature=list(table.categorical),
        params=_data_params(table),  # what is kept raw would be copied for every fold
    )
    patience = max(30, int(3 / shape.learning_rate))
    result = lgb.cv(
        _params(table, shape),
        data,
        num_boost_round=shape.rounds,
        folds=table.splits,
        callbacks=[lgb.early_stopping(patience, verbose=False)],
        return_cvbooster=True,
    )
    return _candidate(table, shape, data, result["cvbooster"])


def raw_score(booster: Any, matrix: np.ndarray, threads: int) -> np.ndarray:
    """Log-odds, or amount, of one booster."""
    return np.asarray(booster.predict(matrix, raw_score=True, num_threads=threads), dtype=np.float64)


def _candidate(table: TableWithFolds, shape: CandidateSettings, data: Any, models: Any) -> BoostedCandidate:
    best = models.best_iteration
    raw = np.full(len(table.y), np.nan)
    for booster, (_, valid) in zip(models.boosters, table.splits, strict=True):
        raw[valid] = booster.predict(table.matrix[valid], raw_score=True, num_iteration=best, num_threads=table.threads)
    loss = table.loss(raw, ~np.isnan(raw))
    if table.refits:
        texts = _refitted(table, shape, data, round(_MORE_ROUNDS * best))
    else:
        texts = tuple(b.model_to_string(num_iteration=best) for b in models.boosters)
    return BoostedCandidate(shape, texts, raw, loss)


def _refitted(table: TableWithFolds, shape: CandidateSettings, data: Any, rounds: int) -> tuple[str, ...]:
    """Boosters of all rows, each with a seed of its own."""
    import lightgbm as lgb

    params = _params(table, shape)
    seeds = [(table.random_state + k) % 2**31 for k in range(table.refits)]
    return tuple(lgb.train({**params, "seed": s, "extra_seed": s}, data, rounds).model_to_string() for s in seeds)


def _data_params(table: TableWithFolds) -> dict[str, Any]:
    return {
        "verbosity": -1,
        "num_threads": table.threads,
        "max_bin": 255,
        "min_data_in_bin": 3,
        "bin_construct_sample_cnt": _ROWS_FOR_BINS,
        "feature_pre_filter": False,
        "data_random_seed": table.random_state,
        "deterministic": True,
        # fixed, because LightGBM would choose by a clock; many rows are counted faster column by column
        ("force_col_wise" if len(table.y) > _MANY_ROWS else "force_row_wise"): True,
    }


def _params(table: TableWithFolds, shape: CandidateSettings) -> dict[str, Any]:
    constraints = {"monotone_constraints": list(table.monotone)} if any(table.monotone) else {}
    objective, metric = LIGHTGBM_OBJECTIVES[table.objective]
    return {
        **_data_params(table),
        **constraints,
        "objective": objective,
        "metric": metric,
        "num_leaves": shape.leaves,
        "min_data_in_leaf": shape.min_leaf,
        "min_sum_hessian_in_leaf": 1e-2,
        "learning_rate": shape.learning_rate,
        "feature_fraction": shape.column_share,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": shape.l2,
        "extra_trees": shape.random_cuts,
        "extra_seed": table.random_state,
        "cat_smooth": 100.0,
        "cat_l2": 100.0,
        "max_cat_to_onehot": 8,
        "seed": table.random_state,
    }
