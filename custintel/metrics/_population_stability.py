"""Whether a distribution has moved: population stability index and characteristic stability index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from custintel.errors import DataError


def psi(expected: Any, actual: Any, n_bins: int = 10) -> float:
    """Population stability index between a reference and a current sample; below 0.1 is usually called stable.

    Numbers are cut at the quantiles of the reference; missing values are a group of their own; texts are groups.

    Parameters
    ----------
    expected : array-like
        Reference sample.
    actual : array-like
        Current sample.
    n_bins : int
        Number of groups for numbers.

    Examples
    --------
    >>> psi([1, 2, 3, 4], [1, 2, 3, 4])
    0.0
    >>> psi(["a", "a", "b"], ["a", "b", "b"]) > 0.2
    True
    """
    before, after = pd.Series(expected), pd.Series(actual)
    if before.empty or after.empty:
        raise DataError("population stability needs two samples with at least one value each")
    if pd.api.types.is_numeric_dtype(before.dtype) and pd.api.types.is_numeric_dtype(after.dtype):
        before, after = _cut(before, before, n_bins), _cut(before, after, n_bins)
    groups = before.value_counts(dropna=False).index.union(after.value_counts(dropna=False).index)
    return _index(_shares(before, groups), _shares(after, groups))


def csi(expected: pd.DataFrame, actual: pd.DataFrame, n_bins: int = 10) -> pd.DataFrame:
    """Characteristic stability: the population stability index of every column, most moved first.

    Parameters
    ----------
    expected, actual : DataFrame
        Features at the time of training, and now; columns of both are compared.
    n_bins : int
        Number of groups for numbers.

    Returns
    -------
    DataFrame
        Index column; csi and verdict: stable (below 0.1), look (to 0.25), rebuild (Siddiqi 2006).

    Examples
    --------
    >>> now = pd.DataFrame({"bill": [30, 40, 50, 60], "plan": list("SSMM")})
    >>> csi(now, now.assign(plan="M"))["verdict"].to_dict()
    {'plan': 'rebuild', 'bill': 'stable'}
    """
    shared = [column for column in expected.columns if column in actual.columns]
    if not shared:
        raise DataError("the two tables have no column in common")
    values = pd.Series({c: psi(expected[c], actual[c], n_bins) for c in shared}, name="csi").rename_axis("column")
    verdict = np.select([values < 0.1, values <= 0.25], ["stable", "look"], "rebuild")
    return values.to_frame().assign(verdict=verdict).sort_values("csi", ascending=False, kind="stable")


def _cut(reference: pd.Series, values: pd.Series, n_bins: int) -> pd.Series:
    known = reference.dropna().to_numpy(dtype=np.float64)
    edges = np.unique(np.quantile(known, np.arange(1, n_bins) / n_bins)) if len(known) else np.zeros(0)
    x = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.Series(np.where(np.isnan(x), -1, np.searchsorted(edges, x, side="left")))


def _shares(values: pd.Series, groups: pd.Index) -> np.ndarray:
    counts = values.value_counts(dropna=False).reindex(groups, fill_value=0).to_numpy(dtype=np.float64)
    # half a customer in an empty group keeps the logarithm finite
    counts = np.where(counts == 0, 0.5, counts)
    return np.asarray(counts / counts.sum())


def _index(before: np.ndarray, after: np.ndarray) -> float:
    return float(((after - before) * np.log(after / before)).sum())
