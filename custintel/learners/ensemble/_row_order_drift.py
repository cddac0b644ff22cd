"""Whether random inner folds flatter a model: the order of the rows is taken for the order of time.

Two quick boosters answer for the same rows near the end of the table. One has seen other rows of that stretch, the
other only earlier ones. Where the order means nothing they rank equally well. Where some columns name the period (an
interest rate, a price list, a month) and the periods follow rules of their own, the first one gains by looking them up,
as every model does in random folds; for the customers of next month nobody can look them up.

>>> rng = np.random.default_rng(0)
>>> row = np.arange(4000)
>>> matrix = np.column_stack([rng.normal(size=4000), row // 100 + rng.random(4000)])
>>> sign = np.where(row < 3200, 1, -1)
>>> steady, turned = ((rng.random(4000) < 1 / (1 + np.exp(-2 * s * matrix[:, 0]))).astype(float) for s in (1, sign))
>>> order_matters(matrix, steady), order_matters(matrix, turned)
(False, True)
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

_FEWEST_ROWS = 2_000
_FEWEST_OF_A_CLASS = 40
_MOST_ROWS = 20_000
_LATER = 0.2
_LEAST_LOSS = 0.02
_SIGMAS = 4.0
_ROUNDS = 60
_QUICK = {
    "objective": "binary",
    "num_leaves": 8,
    "min_data_in_leaf": 20,
    "learning_rate": 0.1,
    "feature_fraction": 0.8,
    "cat_smooth": 100.0,
    "cat_l2": 100.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def order_matters(  # noqa: PLR0913 - a table, what its columns are, and how to run
    matrix: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    groups: np.ndarray | None = None,
    categorical: tuple[int, ...] = (),
    dates: tuple[int, ...] = (),
    run: tuple[int, int] = (0, 1),
) -> bool:
    """Whether knowing only the earlier rows costs clearly more (0.02 of AUC and four standard errors).

    Tables with fewer than 2,000 rows, those sorted by the outcome, and those sorted by a column that is no date (their
    order is not that of time) are not judged: False.

    Parameters
    ----------
    matrix, y, weight : array
        Encoded table in its order, outcome (0 or 1), weight of each row.
    groups : array, optional
        Customer of each row.
    categorical, dates : tuple of int
        Columns of codes, and of dates.
    run : (int, int)
        Seed and threads.
    """
    kept = np.arange(0, len(y), max(1, -(-len(y) // _MOST_ROWS)))
    codes = kept if groups is None else np.unique(groups[kept], return_inverse=True)[1].ravel()
    known, judged, mixed = _parts(codes, run[0])
    if len(kept) < _FEWEST_ROWS or _is_sorted(matrix, kept, dates):
        return False
    if min(_smaller_class(y[kept[rows]]) for rows in (known, judged)) < _FEWEST_OF_A_CLASS:
        return False
    weight = np.ones(len(y)) if weight is None else weight
    scores = [
        _scores((matrix[rows], y[rows], weight[rows]), matrix[kept[judged]], categorical, run)
        for rows in (kept[mixed], kept[known])
    ]
    loss, sigma = auc_loss(y[kept[judged]], *scores)
    return bool(loss > max(_LEAST_LOSS, _SIGMAS * sigma))


def _is_sorted(matrix: np.ndarray, kept: np.ndarray, dates: tuple[int, ...]) -> bool:
    """Whether one of the other columns never falls or never rises from row to row (and is not constant)."""
    for j in set(range(matrix.shape[1])) - set(dates):
        steps = np.diff(matrix[kept, j])
        if steps.any() and ((steps >= 0).all() or (steps <= 0).all()):
            return True
    return False


def _parts(customer: np.ndarray, random_state: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Earlier rows; half of the later customers to judge on; as many rows as the earlier, the other half among them."""
    rng = np.random.default_rng(random_state)
    cut = round(len(customer) * (1 - _LATER))
    earlier, later = np.arange(cut), np.arange(cut, len(customer))
    names, code = np.unique(customer[later], return_inverse=True)
    chosen = (rng.permutation(len(names)) % 2 == 0)[code.ravel()]
    old = rng.permutation(cut)[: cut - int(chosen.sum())]
    return earlier, later[~chosen], np.append(np.sort(old), later[chosen])


def _smaller_class(y: np.ndarray) -> float:
    return float(min(y.sum(), len(y) - y.sum()))


def _scores(
    known: tuple[np.ndarray, np.ndarray, np.ndarray],
    judged: np.ndarray,
    categorical: tuple[int, ...],
    run: tuple[int, int],
) -> np.ndarray:
    import lightgbm as lgb

    params = {**_QUICK, "seed": run[0], "num_threads": run[1]}
    matrix, y, weight = known
    data = lgb.Dataset(matrix, y, weight=weight, categorical_feature=list(categorical), params=params)
    return np.asarray(lgb.train(params, data, _ROUNDS).predict(judged, raw_score=True, num_threads=run[1]))


def auc_loss(y: np.ndarray, better: np.ndarray, worse: np.ndarray) -> tuple[float, float]:
    """How much lower the AUC of `worse` is, and the standard error of that difference (DeLong 1988, paired).

    >>> y = np.array([0.0, 0.0, 1.0, 1.0])
    >>> auc_loss(y, np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0]))[0]
    0.25
    """
    positive, negative = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    gain = [a - b for a, b in zip(*(_placements(s, positive, negative) for s in (better, worse)), strict=True)]
    variance = sum(float(np.var(g, ddof=1)) / len(g) for g in gain)
    return float(gain[0].mean()), float(np.sqrt(variance))


def _placements(score: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of the other class that each row is ranked above (positive) or below (negative), ties half."""
    both = rankdata(score)
    above = (both[positive] - rankdata(score[positive])) / len(negative)
    below = 1 - (both[negative] - rankdata(score[negative])) / len(positive)
    return above, below
