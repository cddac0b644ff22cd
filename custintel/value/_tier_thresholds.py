"""Where tiers begin: thresholds proposed from the values of many customers, and tiers given by hand.

>>> values = np.arange(1.0, 101.0)
>>> by_quantile(values, (0.8, 0.95)).tolist()
[80.2, 95.05]
>>> by_share(values, (0.5, 0.8)).tolist()
[45.0, 71.0]
>>> natural_breaks(np.array([1.0, 1.1, 1.2, 10.0, 11.0, 100.0, 110.0]), 3).tolist()
[10.0, 100.0]
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.dates import read_time_column
from custintel.errors import Problem, QualityWarning, raise_problems
from custintel.identifiers import identifier_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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


_KEYS = ("customer_id", "tier", "reason", "expires")


def checked_overrides(overrides: pd.DataFrame, names: Sequence[str], start: pd.Timestamp) -> pd.DataFrame:
    """Tiers given by hand, each with a reason and a last day, with dates read; all mistakes are raised together.

    Parameters
    ----------
    overrides : DataFrame
        ``customer_id``, ``tier``, ``reason``, ``expires`` and perhaps ``since``.
    names : sequence of str
        The tiers.
    start : Timestamp
        First day of the months to be decided.
    """
    absent = [key for key in _KEYS if key not in overrides]
    if absent:
        raise_problems([Problem("overrides", "columns are missing", ", ".join(absent), ", ".join(_KEYS))])
    frame = overrides.reset_index(drop=True)
    since = frame["since"] if "since" in frame else pd.Series(pd.NaT, index=frame.index)
    since = read_time_column(since, "overrides.since")
    frame = frame.assign(since=since, expires=read_time_column(frame["expires"], "overrides.expires"))
    problems = [p for row in frame.to_dict("records") for p in _problems(row, names, start)]
    raise_problems([*problems, *_overlaps(frame)])
    return frame


def apply_overrides(found: pd.DataFrame, overrides: pd.DataFrame) -> pd.DataFrame:
    """Put tiers given by hand in place of computed ones in the months that they cover, even in part."""
    overrides = overrides.assign(customer_id=identifier_text(overrides["customer_id"]))
    rows = pd.DataFrame({"customer_id": identifier_text(found["customer_id"]), "month": found["month"].to_numpy()})
    known = overrides["customer_id"].isin(rows["customer_id"])
    if not known.all():
        who = ", ".join(map(str, overrides.loc[~known, "customer_id"].head(5)))
        warnings.warn(
            f"{int((~known).sum())} overrides of customers without a row: {who}", QualityWarning, stacklevel=4
        )
    both = rows.assign(row=np.arange(len(found))).merge(overrides[[*_KEYS, "since"]], on="customer_id")
    late = both["month"] + pd.offsets.MonthEnd(0) < both["since"]
    both = both[~late & (both["month"] <= both["expires"])]
    for name in ("tier", "reason"):
        content = found[name].to_numpy(dtype=object, copy=True)
        content[both["row"]] = both[name]
        found[name] = pd.Series(content, dtype=object, index=found.index)
    return found


def _problems(row: Mapping[Any, Any], names: Sequence[str], start: pd.Timestamp) -> list[Problem]:
    where, found = f"override of {row['customer_id']}", []
    if row["tier"] not in names:
        found.append(Problem(where, "unknown tier", str(row["tier"]), ", ".join(names)))
    if not isinstance(row["reason"], str) or not row["reason"].strip():
        found.append(Problem(where, "no reason", hint="write why, for those who will ask"))
    return found + _date_problems(where, row["since"], row["expires"], start)


def _date_problems(where: str, since: Any, expires: Any, start: pd.Timestamp) -> list[Problem]:
    if pd.isna(expires):
        return [Problem(where, "no expiry", hint="every override ends; give its last day")]
    if not pd.isna(since) and expires < since:
        return [Problem(where, "expires before it begins", f"{since:%Y-%m-%d} to {expires:%Y-%m-%d}")]
    if expires < start:
        hint = "take expired overrides out of the table, or renew them"
        return [Problem(where, "has expired", f"{expires:%Y-%m-%d}", f"{start:%Y-%m-%d} or later", hint)]
    return []


def _overlaps(frame: pd.DataFrame) -> list[Problem]:
    """Two overrides of one customer on one day: which of them would hold?"""
    ordered = frame.sort_values(["customer_id", "since"], na_position="first", kind="stable")
    earlier = ordered.groupby("customer_id")["expires"].shift()
    double = earlier.notna() & (ordered["since"].isna() | (ordered["since"] <= earlier))
    hint = "end the first the day before the second begins"
    return [
        Problem(f"override of {who}", "two on the same day", hint=hint)
        for who in ordered.loc[double, "customer_id"].drop_duplicates()
    ]
