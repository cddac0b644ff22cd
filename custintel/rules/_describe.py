"""A group of customers described by one short rule: how anomalies and new kinds are put into words.

The rule is mined on one half of the customers and judged on the other; of rules that tell the group about equally well
the shorter one is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.rules._grid import Grid, readable
from custintel.rules._mining import Path, holds, mine_paths, node_of, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from custintel.rules._condition import Node

__all__ = ["Description", "describe_group"]

_COST_OF_A_CONDITION = 0.02
_FEWEST = 8


@dataclass(frozen=True)
class Description:
    """A rule for a group, and how well it tells the group on customers it was not mined from."""

    node: Node
    precision: float
    coverage: float
    customers: int

    def to_evidence(self) -> dict[str, Any]:
        """Plain data to keep with the rule: of the group, not of confirmed cases."""
        return {
            "group_precision": self.precision,
            "group_coverage": self.coverage,
            "group_customers": self.customers,
        }


def describe_group(
    X: pd.DataFrame, member: np.ndarray, *, forbidden: Iterable[str] = (), seed: int = 0
) -> Description | None:
    """The best short rule for the members of a group; None when there are fewer than eight or none is told.

    Parameters
    ----------
    X : DataFrame
        Features of all customers.
    member : array of bool
        Who belongs to the group.
    forbidden : iterable of str
        Columns that the rule may not read.
    seed : int
        Seed of the halves and of the trees.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"calls": np.arange(400.0), "texts": np.arange(400.0) % 7})
    >>> found = describe_group(X, X["calls"].to_numpy() >= 350)
    >>> bool(found.precision > 0.9 and found.coverage > 0.8)
    True
    """
    member = np.asarray(member, dtype=bool)
    if member.sum() < _FEWEST or member.all():
        return None
    grid = Grid.of(readable(X)[0], forbidden)
    half = _halves(member, seed)
    columns = [np.sort(v[~np.isnan(v)]) for v in grid.values.T]
    paths = {rounded(p, columns) for p in mine_paths(grid, member.astype(float), np.flatnonzero(half), seed)}
    if not paths:
        return None
    judged = {path: _judge(grid.values[~half], member[~half], path) for path in sorted(paths)}
    best = max(judged, key=lambda path: judged[path][2] - _COST_OF_A_CONDITION * len(path))
    precision, coverage, told = judged[best]
    if not told:
        return None
    return Description(node_of(best, grid), precision, coverage, int(_fires(grid.values, best).sum()))


def _halves(member: np.ndarray, seed: int) -> np.ndarray:
    """A random half with half of the members."""
    half = np.zeros(len(member), dtype=bool)
    rng = np.random.default_rng(seed)
    for value in (False, True):
        half[rng.permutation(np.flatnonzero(member == value))[::2]] = True
    return half


def _judge(values: np.ndarray, member: np.ndarray, path: Path) -> tuple[float, float, float]:
    """Precision, coverage and their harmonic mean."""
    fired = _fires(values, path)
    hits = float((fired & member).sum())
    precision, coverage = hits / max(fired.sum(), 1), hits / max(member.sum(), 1)
    return float(precision), float(coverage), float(2 * precision * coverage / max(precision + coverage, 1e-9))


def _fires(values: np.ndarray, path: Path) -> np.ndarray:
    fired = np.ones(len(values), dtype=bool)
    for cut in path:
        fired &= holds(values, cut)
    return fired
