"""Survival in whole months: Kaplan-Meier, Brier score, concordance and calibration under censoring.

Months are those of `custintel.questions.exit_times`: the number of the month in which the customer left, or the whole
months watched of one who is still here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from custintel.errors import DataError

_LEAST_WEIGHT = 0.05


def kaplan_meier(months: Any, left: Any, horizon: int | None = None) -> pd.Series:
    """Share still here after each month (Kaplan, Meier 1958).

    Parameters
    ----------
    months : array-like of int
        Month of leaving, or whole months watched.
    left : array-like of bool
        Whether the customer left.
    horizon : int, optional
        Last month; the longest one seen by default.

    Examples
    --------
    >>> kaplan_meier([1, 2, 3, 3], [True, False, True, False]).round(3).tolist()
    [0.75, 0.75, 0.375]
    """
    t, gone = _read(months, left)
    last = int(horizon or t.max())
    ended, watched = _counts(t, gone, last)
    hazard = np.divide(ended, watched, out=np.zeros(last), where=watched > 0)
    return pd.Series(np.cumprod(1 - hazard), index=pd.RangeIndex(1, last + 1, name="month"), name="survival")


def brier_survival(months: Any, left: Any, survival: Any) -> pd.Series:
    """Mean squared error of the predicted survival after each month; lower is better.

    Customers whose answer at a month is not known are made up for by weighting those who were watched long enough
    (inverse probability of censoring; Graf et al. 1999).

    Parameters
    ----------
    months, left : array-like
        As in `kaplan_meier`.
    survival : data frame or array
        Predicted chance to be here after months 1, 2, ... (customers x months).

    Examples
    --------
    >>> brier_survival([1, 2], [True, False], [[0.0, 0.0], [1.0, 1.0]]).tolist()
    [0.0, 0.0]
    """
    t, gone = _read(months, left)
    predicted = _frame_of(survival, len(t))
    weights = _watched_share(t, gone, predicted.shape[1])
    scores = []
    for month in range(1, predicted.shape[1] + 1):
        p = predicted[:, month - 1]
        left_by = gone & (t <= month)
        here = np.where(gone, t > month, t >= month)
        error = np.where(left_by, p**2 / weights[np.minimum(t, month) - 1], 0.0)
        error = error + np.where(here, (1 - p) ** 2 / weights[month - 1], 0.0)
        scores.append(float(error.mean()))
    return pd.Series(scores, index=pd.RangeIndex(1, len(scores) + 1, name="month"), name="brier")


def integrated_brier_score(months: Any, left: Any, survival: Any) -> float:
    """Mean of `brier_survival` over the months.

    Parameters
    ----------
    months, left, survival
        As in `brier_survival`.

    Examples
    --------
    >>> integrated_brier_score([1, 2], [True, False], [[0.5, 0.5], [0.5, 0.5]])
    0.25
    """
    return float(brier_survival(months, left, survival).mean())


def concordance_index(months: Any, left: Any, risk: Any, horizon: int | None = None) -> float:
    """Share of comparable pairs in which who left earlier had the higher risk (Harrell); ties of risk count half.

    Parameters
    ----------
    months, left : array-like
        As in `kaplan_meier`.
    risk : array-like
        Higher for those expected to leave earlier.
    horizon : int, optional
        Only leaving up to this month is compared, because the order of far ends says little about near ones.

    Examples
    --------
    >>> concordance_index([1, 2, 3], [True, True, False], [0.9, 0.2, 0.4])
    0.6666666666666666
    """
    t, gone = _read(months, left)
    score = np.asarray(risk, dtype=np.float64)
    agree = pairs = 0.0
    for month in np.unique(t[gone]):
        if horizon is not None and month > horizon:
            break
        later = np.sort(score[np.where(gone, t > month, t >= month)])
        mine = score[gone & (t == month)]
        below = np.searchsorted(later, mine, "left")
        upto = np.searchsorted(later, mine, "right")
        agree += float((below + 0.5 * (upto - below)).sum())
        pairs += float(len(mine) * len(later))
    if not pairs:
        raise DataError("no two customers can be compared: nobody left before somebody else within the horizon")
    return agree / pairs


def survival_calibration(
    months: Any, left: Any, survival: Any, at: tuple[int, ...] = (3, 6, 12), groups: int = 10
) -> pd.DataFrame:
    """Predicted against observed leaving at some months, by groups of predicted risk.

    Parameters
    ----------
    months, left, survival
        As in `brier_survival`.
    at : tuple of int
        Months; those beyond the predictions are left out.
    groups : int
        Groups of equal size, highest risk first.

    Returns
    -------
    DataFrame
        month, group, customers, predicted (mean chance to have left), observed (Kaplan-Meier), ratio.

    Examples
    --------
    >>> survival_calibration([1, 1, 3, 3], [True, True, False, False], [[0.0], [0.0], [1.0], [1.0]], at=(1,), groups=2)
       month  group  customers  predicted  observed  ratio
    0      1      1          2        1.0       1.0    1.0
    1      1      2          2        0.0       0.0    NaN
    """
    t, gone = _read(months, left)
    predicted = _frame_of(survival, len(t))
    rows = []
    for month in (m for m in at if m <= predicted.shape[1]):
        risk = 1 - predicted[:, month - 1]
        for k, part in enumerate(np.array_split(np.argsort(-risk, kind="stable"), groups), 1):
            seen = 1 - float(kaplan_meier(t[part], gone[part], month).iloc[-1])
            mean = float(risk[part].mean())
            ratio = mean / seen if seen > 0 else np.nan
            rows.append(
                {
                    "month": month,
                    "group": k,
                    "customers": len(part),
                    "predicted": mean,
                    "observed": seen,
                    "ratio": ratio,
                }
            )
    return pd.DataFrame(rows, columns=["month", "group", "customers", "predicted", "observed", "ratio"])


def _read(months: Any, left: Any) -> tuple[np.ndarray, np.ndarray]:
    t, gone = np.asarray(months), np.asarray(left).astype(bool)
    if len(t) != len(gone):
        raise DataError(f"months and left have different lengths\n  given: {len(t)} and {len(gone)}")
    keep = (t > 0) | gone
    if not keep.all():
        raise DataError(
            f"{int((~keep).sum())} customers were not watched for a whole month\n  hint: leave out rows with months 0"
        )
    return t.astype(np.int64), gone


def _frame_of(survival: Any, rows: int) -> np.ndarray:
    found = np.asarray(survival, dtype=np.float64)
    if found.ndim != 2 or len(found) != rows:
        raise DataError(f"survival must be customers x months\n  given: {found.shape} for {rows} customers")
    return found


def _counts(t: np.ndarray, gone: np.ndarray, last: int) -> tuple[np.ndarray, np.ndarray]:
    """How many left in each month, and how many were watched in it."""
    ended = np.bincount(t[gone & (t <= last)], minlength=last + 1)[1:]
    watched = len(t) - np.cumsum(np.bincount(np.minimum(t, last + 1), minlength=last + 2))[:last]
    return ended, watched


def _watched_share(t: np.ndarray, gone: np.ndarray, last: int) -> np.ndarray:
    """Chance not to be lost from sight before the end of each month, from the customers still here."""
    share, shares = 1.0, np.empty(last)
    for month in range(1, last + 1):
        shares[month - 1] = max(share, _LEAST_WEIGHT)
        here = np.where(gone, t > month, t >= month)
        lost = ~gone & (t == month)
        share *= 1 - lost.sum() / max(here.sum(), 1)
    return shares
