"""Where tiers begin: thresholds proposed from the values of many customers.

>>> values = np.arange(1.0, 101.0)
>>> by_quantile(values, (0.8, 0.95)).tolist()
[80.2, 95.05]
>>> by_share(values, (0.5, 0.8)).tolist()
[45.0, 71.0]
>>> natural_breaks(np.array([1.0, 1.1, 1.2, 10.0, 11.0, 100.0, 110.0]), 3).tolist()
[10.0, 100.0]
"""

from __future__ import annotations

import numpy as np

_MOST_POINTS = 1_000


def by_quantile(values: np.ndarray, quantiles: tuple[float, ...]) -> np.ndarray:
    """Quantiles of the values, lowest first."""
    return np.asarray(np.quantile(values, sorted(quantiles)))


def by_share(values: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """Least value in the smallest set of customers that holds each share of the total (negative ones apart)."""
    ordered = np.sort(values[values > 0])[::-1]
    held = np.cumsum(ordered) / ordered.sum()
    places = np.minimum(np.searchsorted(held, sorted(shares, reverse=True)), len(ordered) - 1)
    return np.asarray(ordered[places])


def natural_breaks(values: np.ndarray, classes: int) -> np.ndarray:
    """Fisher-Jenks breaks on the logarithm: classes as alike within as can be (dynamic programming).

    Exact for up to 1,000 different values; more are first put into 1,000 bins of equal width on the logarithm, so that
    a break is off by a thousandth of the range at most. Values of zero and less belong to the lowest class.
    """
    positive, weight = np.unique(values[values > 0], return_counts=True)
    bins = np.arange(len(positive))
    if len(positive) > _MOST_POINTS:
        edges = np.linspace(np.log(positive[0]), np.log(positive[-1]), _MOST_POINTS + 1)[1:-1]
        bins = np.unique(np.searchsorted(edges, np.log(positive), "right"), return_inverse=True)[1]
    count = np.bincount(bins, weight)
    mean = np.bincount(bins, weight * np.log(positive)) / count
    starts = _best_starts(mean, count, classes)
    # the break is the least value that belongs to the class
    return np.asarray(positive[np.searchsorted(bins, starts[1:])])


def _best_starts(x: np.ndarray, weight: np.ndarray, classes: int) -> list[int]:
    """First index of each class in the best partition of sorted, weighted numbers."""
    n, x = len(x), x - x.mean()
    mass, total, squares = (np.append(0.0, np.cumsum(weight * x**power)) for power in (0, 1, 2))

    def within(start: np.ndarray, end: int) -> np.ndarray:
        drift = total[end] - total[start]
        return np.asarray(squares[end] - squares[start] - drift**2 / (mass[end] - mass[start]))

    cost = np.array([within(np.array([0]), end)[0] for end in range(1, n + 1)])
    cuts = np.zeros((classes, n), dtype=np.int64)
    for k in range(1, classes):
        new = np.full(n, np.inf)
        for end in range(k + 1, n + 1):
            starts = np.arange(k, end)
            sums = cost[starts - 1] + within(starts, end)
            best = int(np.argmin(sums))
            new[end - 1], cuts[k, end - 1] = sums[best], starts[best]
        cost = new
    found, end = [], n
    for k in range(classes - 1, -1, -1):
        start = int(cuts[k, end - 1]) if k else 0
        found.append(start)
        end = start
    return found[::-1]
