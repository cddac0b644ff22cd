"""Columns that are a consequence of the label: found before they are learned.

Two tests, both out of fold. *Alone*: a column (cut into bins, a missing value being a bin of its own) ranks nearly all
events before the others. *In company*: a model is almost too good to be true, and a column that ranks well alone
carries a part of its AUC that no other column can replace. Honest columns pass both as a rule, because what causes
churn shows in several columns and never decides it. The second test cannot be sure: a strong cause that no other column
reflects looks the same. A model without such a column is weaker; a model with a leak is worth nothing and looks
excellent. So a flagged column is left out with a warning, and whoever knows that its values were there on the as-of
date keeps it.

>>> import numpy as np, pandas as pd
>>> rng = np.random.default_rng(0)
>>> y = pd.Series(rng.integers(0, 2, 400))
>>> X = pd.DataFrame({"age": rng.normal(40, 10, 400), "reason": np.where(y == 1, "price", None)})
>>> for leak in find_leaks(X, y):
...     print(leak.column, "|", leak.why)
reason | filled in when the event happened, empty otherwise
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from custintel.errors import LeakageWarning

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


_LEAK_AUC = 0.95  # AUC of one column from which it is called a leak at once
_SUSPECT_AUC = 0.75  # AUC of one column from which the second test is made
_LEAST_AUC_LOSS = 0.06  # AUC the model loses without the column
_SUSPICIOUS_MODEL_AUC = 0.92  # AUC of the whole model from which the second test is made
_MOST_SUSPECTS = 6
_COPY_CORRELATION = 0.97  # correlation of the bins from which two columns are copies
_BINS = 32
_ROWS = 20_000
_FOLDS = 3

_Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Leak:
    """A suspicious column.

    Attributes
    ----------
    column : str
        Its name.
    why : str
        What speaks against it.
    single_auc : float
        Out-of-fold AUC of the column alone.

    Examples
    --------
    >>> Leak("churn_score", "alone it ranks nearly all events first", 0.99).column
    'churn_score'
    """

    column: str
    why: str
    single_auc: float


def find_leaks(X: pd.DataFrame, y: pd.Series, random_state: int = 0) -> tuple[Leak, ...]:
    """Name the columns of `X` that look like consequences of `y`.

    Parameters
    ----------
    X : pandas.DataFrame
        Features.
    y : pandas.Series
        0 and 1.
    random_state : int
        Seed of rows and folds.

    Examples
    --------
    >>> y = pd.Series([0, 1] * 100)
    >>> find_leaks(pd.DataFrame({"copy": y * 2.0, "noise": range(200)}), y)[0].column
    'copy'
    """
    X, y = _sample(X, y, random_state)
    if min(int(y.sum()), int((1 - y).sum())) < 2 * _FOLDS:
        return ()
    codes = {str(name): _codes(X[name]) for name in X.columns}
    alone = {name: single_column_auc(code, y.to_numpy(np.float64), random_state) for name, code in codes.items()}
    leaks = [Leak(name, _reason_alone(X[name], y), auc) for name, auc in alone.items() if auc >= _LEAK_AUC]
    rest = {name: code for name, code in codes.items() if alone[name] < _LEAK_AUC}
    suspects = sorted((n for n in rest if alone[n] >= _SUSPECT_AUC), key=lambda n: -alone[n])[:_MOST_SUSPECTS]
    return (*leaks, *_irreplaceable_columns(rest, suspects, alone, y.to_numpy(np.float64), random_state))


def warn_of_leaks(leaks: Sequence[Leak], kept: Collection[str]) -> None:
    """One `LeakageWarning` that names all suspicious columns and says what was done with them."""
    if not leaks:
        return
    lines = [
        f"  {k.column!r}, {'kept' if k.column in kept else 'left out'}: {k.why} (AUC alone {k.single_auc:.3f})"
        for k in leaks
    ]
    many = "columns look like consequences" if len(leaks) > 1 else "column looks like a consequence"
    hint = "  hint: a column that was known on the as-of date may stay: keep_leaks=True, or keep_leaks=[its name]"
    warnings.warn("\n".join([f"{len(leaks)} {many} of the label", *lines, hint]), LeakageWarning, stacklevel=3)


def _sample(X: pd.DataFrame, y: pd.Series, random_state: int) -> tuple[pd.DataFrame, pd.Series]:
    """At most 20,000 rows: a leak shows in few."""
    if len(X) <= _ROWS:
        return X, y
    rows = np.random.default_rng(random_state).choice(len(X), _ROWS, replace=False)
    return X.iloc[rows], y.iloc[rows]


def _codes(column: pd.Series) -> npt.NDArray[np.int64]:
    """Whole numbers for values: quantile bins of numbers and dates, one code a category, -1 for missing."""
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.astype("int64").where(column.notna())
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > _BINS:
        numbers = column.astype("float64")
        bins = pd.qcut(numbers.rank(method="average"), _BINS, labels=False, duplicates="drop")
        return np.asarray(bins.fillna(-1), dtype=np.int64)
    # sorted as text: codes in order of appearance would tell the order of the table, and with it perhaps the label
    return np.asarray(pd.factorize(column.astype(str).where(column.notna()), sort=True)[0], dtype=np.int64)


def single_column_auc(codes: npt.NDArray[np.int64], y: _Vector, random_state: int = 0) -> float:
    """Out-of-fold AUC of the share of events by code, small codes drawn towards the mean.

    >>> single_column_auc(np.array([0, 1] * 50), np.array([0.0, 1.0] * 50))
    1.0
    """
    shifted = codes - codes.min()
    score = np.zeros_like(y)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=random_state)
    aucs = []
    for train, test in folds.split(shifted, y):
        size = int(shifted.max()) + 1
        rows = np.bincount(shifted[train], minlength=size)
        events = np.bincount(shifted[train], weights=y[train], minlength=size)
        score[test] = ((events + 5 * y[train].mean()) / (rows + 5))[shifted[test]]
        aucs.append(float(roc_auc_score(y[test], score[test])))
    return float(np.mean(aucs))


def _reason_alone(column: pd.Series, y: pd.Series) -> str:
    """What speaks against a column that decides alone."""
    filled = column.notna().to_numpy()
    if 0 < filled.mean() < 1:
        events = y.to_numpy() == 1
        if filled[events].mean() > 0.95 and filled[~events].mean() < 0.05:
            return "filled in when the event happened, empty otherwise"
        if filled[events].mean() < 0.05 and filled[~events].mean() > 0.95:
            return "empty when the event happened, filled in otherwise"
    return "alone it ranks nearly all events before the others"


def _irreplaceable_columns(
    codes: dict[str, npt.NDArray[np.int64]],
    suspects: Sequence[str],
    alone: dict[str, float],
    y: _Vector,
    random_state: int,
) -> list[Leak]:
    """Suspects without which the model loses much of its AUC, largest loss first."""
    if not suspects:
        return []
    table = pd.DataFrame(codes)
    full = _model_auc(table, y, random_state)
    if full < _SUSPICIOUS_MODEL_AUC:
        return []
    without = {name: table.drop(columns=_near_copies(table, name)) for name in suspects}
    losses = {name: full - _model_auc(other, y, random_state) for name, other in without.items() if other.shape[1]}
    return [
        Leak(name, f"without it the model's AUC falls from {full:.3f} to {full - loss:.3f}", alone[name])
        for name, loss in sorted(losses.items(), key=lambda item: -item[1])
        if loss >= _LEAST_AUC_LOSS
    ]


def _near_copies(table: pd.DataFrame, name: str) -> list[str]:
    """The column and its near copies: a leak that is there twice must not hide behind itself."""
    alike = table.corrwith(table[name]).abs()
    return [str(c) for c in alike.index[alike >= _COPY_CORRELATION]] or [name]


def _model_auc(table: pd.DataFrame, y: _Vector, random_state: int) -> float:
    """Cross-validated AUC of a small LightGBM on the binned columns."""
    import lightgbm

    params = {"objective": "binary", "num_leaves": 15, "learning_rate": 0.1, "min_data_in_leaf": 20, "verbosity": -1}
    params |= {"num_threads": 1, "seed": random_state, "deterministic": True, "force_row_wise": True}
    values = table.to_numpy(dtype=np.float64)
    aucs = []
    for train, test in StratifiedKFold(_FOLDS, shuffle=True, random_state=random_state).split(values, y):
        booster = lightgbm.train(params, lightgbm.Dataset(values[train], y[train]), num_boost_round=80)
        aucs.append(float(roc_auc_score(y[test], np.asarray(booster.predict(values[test])))))
    return float(np.mean(aucs))
