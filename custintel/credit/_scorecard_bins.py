"""Cutting a column into few bins whose bad rate rises or falls throughout, for scorecards.

Numbers: fine groups at quantiles, then the isotonic regression of the bad rate (pool adjacent violators), in the
direction that tells more; neighbours that are too small or hardly differ are joined. Categories: levels in the order of
their bad rate, rare ones together, then joined in the same way. Missing values have a bin of their own.

The weight of evidence of a bin is ln(share of the good in it / share of the bad in it), shrunk towards 0 where the bin
is small.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping


_FINE = 60


@dataclass(frozen=True)
class BinSettings:
    """How columns are cut.

    Parameters
    ----------
    most : int
        Most bins of a column, without the one of missing values.
    least_share : float
        Smallest share of the customers in a bin.
    least_gain : float
        Neighbours are joined when that costs less than this in log likelihood (chi-square / 2).
    shrink : float
        Customers of average risk that are added to each bin.
    """

    most: int = 10
    least_share: float = 0.02
    least_gain: float = 1.0
    shrink: float = 10.0


@dataclass(frozen=True)
class Bins:
    """The bins of one column: upper limits of numbers (the last bin has none) or the bin of each category's code.

    `woe` has one value a bin, the last one for missing (and never seen) values.
    """

    limits: tuple[float, ...]
    codes: tuple[int, ...]
    woe: tuple[float, ...]
    share: tuple[float, ...]
    bad_rate: tuple[float, ...]

    def bin_of(self, values: np.ndarray) -> np.ndarray:
        """Number of the bin of each value; the last one for missing values."""
        missing = np.isnan(values)
        if self.codes:
            code = np.where(missing, 0, values).astype(np.int64)
            found = np.asarray(self.codes)[np.clip(code, 0, len(self.codes) - 1)]
        else:
            found = np.searchsorted(self.limits, np.where(missing, 0.0, values), side="left")
        return np.where(missing, len(self.woe) - 1, found)

    def weight_of_evidence(self, values: np.ndarray) -> np.ndarray:
        """Weight of evidence of each value."""
        return np.asarray(np.asarray(self.woe)[self.bin_of(values)])

    def to_state(self) -> dict[str, Any]:
        """Plain data."""
        return {name: list(value) for name, value in asdict(self).items()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Bins:
        """Read back what `to_state` gave."""
        return cls(**{name: tuple(value) for name, value in state.items()})


def information_value(bins: Bins, overall: float) -> float:
    """Sum over bins of (share of the good - share of the bad) x weight of evidence (Siddiqi 2006).

    Parameters
    ----------
    bins : Bins
        Bins of a column.
    overall : float
        Bad rate of all customers.
    """
    share, bad, woe = np.asarray(bins.share), np.asarray(bins.bad_rate), np.asarray(bins.woe)
    return float((share * ((1 - bad) / (1 - overall) - bad / overall) * woe).sum())


def learn_bins(
    values: np.ndarray, y: np.ndarray, settings: BinSettings, *, levels: int = 0, direction: int = 0
) -> Bins:
    """Bins of one column.

    Parameters
    ----------
    values : array
        Numbers, or codes of categories; NaN is missing.
    y : array
        1 for bad customers.
    settings : BinSettings
        How.
    levels : int
        Number of categories; 0 for numbers.
    direction : {-1, 0, 1}
        Whether more of a number is better (-1) or worse (1); 0: whichever tells more.

    Examples
    --------
    >>> x = np.arange(400.0)
    >>> bins = learn_bins(x, (x < 100).astype(float), BinSettings())
    >>> bins.limits, [round(rate) for rate in bins.bad_rate[:2]]
    ((99.0,), [1, 0])
    """
    known = ~np.isnan(values)
    groups = _level_groups(values[known], y[known], levels) if levels else _fine_groups(values[known], y[known])
    counts = np.array([[g.good, g.bad] for g in groups]).reshape(-1, 2)
    least = settings.least_share * len(y)
    if levels:
        cuts = _merged_edges(counts, np.arange(len(counts) + 1), least, settings)
    else:
        ways = [direction] if direction else [1, -1]
        tried = [_merged_edges(counts, _isotonic_edges(counts, way), least, settings) for way in ways]
        cuts = max(tried, key=lambda edges: _total_likelihood(_counts_by_bin(counts, edges)))
    return _with_evidence(groups, cuts, (y[~known], y, settings.shrink), levels)


@dataclass(frozen=True)
class _Group:
    """The finest piece of a column: its upper end (or the code of its level) and its customers."""

    upper: float
    good: float
    bad: float


def _fine_groups(x: np.ndarray, y: np.ndarray) -> list[_Group]:
    if not len(x):
        return []
    ends = np.unique(np.quantile(x, np.linspace(0, 1, _FINE + 1)[1:], method="inverted_cdf"))
    bin_of = np.searchsorted(ends, x, side="left")
    bad = np.bincount(bin_of, y, len(ends))
    total = np.bincount(bin_of, minlength=len(ends))
    return [_Group(float(e), float(t - b), float(b)) for e, t, b in zip(ends, total, bad, strict=True) if t]


def _level_groups(codes: np.ndarray, y: np.ndarray, levels: int) -> list[_Group]:
    """Levels in the order of their bad rate, rare ones drawn to the mean so that chance does not put them first."""
    bin_of = codes.astype(np.int64)
    total, bad = np.bincount(bin_of, minlength=levels), np.bincount(bin_of, y, levels)
    mean = y.mean() if len(y) else 0.0
    rate = (bad + 20 * mean) / (total + 20)
    return [_Group(float(k), float(total[k] - bad[k]), float(bad[k])) for k in np.argsort(rate, kind="stable")]


def _isotonic_edges(counts: np.ndarray, way: int) -> np.ndarray:
    """Edges after pooling neighbours that violate the direction."""
    pools: list[tuple[float, float, int]] = []
    for good, bad in counts:
        pools.append((good, bad, 1))
        while len(pools) > 1 and way * (_rate(pools[-2]) - _rate(pools[-1])) >= 0:
            last, before = pools.pop(), pools.pop()
            pools.append((before[0] + last[0], before[1] + last[1], before[2] + last[2]))
    return np.append(0, np.cumsum([size for _, _, size in pools])).astype(np.int64)


def _rate(pool: tuple[float, float, int]) -> float:
    return pool[1] / max(pool[0] + pool[1], 1e-300)


def _merged_edges(counts: np.ndarray, edges: np.ndarray, least: float, settings: BinSettings) -> np.ndarray:
    """Join neighbours: first those that are too small, then those whose difference is least worth a bin."""
    cuts = edges.tolist()
    while len(cuts) > 2:
        sums = _counts_by_bin(counts, np.asarray(cuts))
        costs = [_loss_of_merging(sums[k], sums[k + 1]) for k in range(len(sums) - 1)]
        small = [k for k in range(len(costs)) if min(sums[k].sum(), sums[k + 1].sum()) < least]
        if small:
            k = min(small, key=costs.__getitem__)
        else:
            k = int(np.argmin(costs))
            if costs[k] >= settings.least_gain and len(sums) <= settings.most:
                break
        del cuts[k + 1]
    return np.asarray(cuts)


def _counts_by_bin(counts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Good and bad of each bin."""
    upto = np.vstack([np.zeros((1, 2)), np.cumsum(counts, axis=0)])
    return np.asarray(np.diff(upto[edges], axis=0))


def _loss_of_merging(one: np.ndarray, two: np.ndarray) -> float:
    return _log_likelihood(one) + _log_likelihood(two) - _log_likelihood(one + two)


def _total_likelihood(sums: np.ndarray) -> float:
    return sum(_log_likelihood(s) for s in sums)


def _log_likelihood(s: np.ndarray) -> float:
    total = s.sum()
    parts = s[s > 0]
    return float((parts * np.log(parts / total)).sum()) if total else 0.0


def _with_evidence(
    groups: list[_Group], cuts: np.ndarray, others: tuple[np.ndarray, np.ndarray, float], levels: int
) -> Bins:
    missing, everybody, shrink = others
    sums = np.array([[sum(g.good for g in groups[a:b]), sum(g.bad for g in groups[a:b])] for a, b in _bin_spans(cuts)])
    sums = np.vstack([sums.reshape(-1, 2), [[len(missing) - missing.sum(), missing.sum()]]])
    good, bad = len(everybody) - everybody.sum(), everybody.sum()
    rate = bad / len(everybody)
    shrunk = sums + shrink * np.array([1 - rate, rate])
    woe = np.log(shrunk[:, 0] / good) - np.log(shrunk[:, 1] / bad)
    total = sums.sum(axis=1)
    rates = np.divide(sums[:, 1], total, out=np.full(len(total), rate), where=total > 0)
    limits = () if levels else tuple(groups[b - 1].upper for _, b in _bin_spans(cuts)[:-1])
    codes = _codes_of(groups, cuts, levels) if levels else ()
    told = (woe, total / len(everybody), rates)
    return Bins(limits, codes, *(tuple(v.tolist()) for v in told))


def _bin_spans(cuts: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)) if len(cuts) > 1 else []


def _codes_of(groups: list[_Group], cuts: np.ndarray, levels: int) -> tuple[int, ...]:
    found = np.zeros(levels, dtype=np.int64)
    for bin_, (a, b) in enumerate(_bin_spans(cuts)):
        for group in groups[a:b]:
            found[int(group.upper)] = bin_
    return tuple(found.tolist())
