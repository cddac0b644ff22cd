"""Small groups: what is told of a few customers could point at one of them, so it is merged with its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["SMALLEST_GROUP", "group_count", "levelled", "merged_places"]

SMALLEST_GROUP = 10
"""Customers that a group needs to be shown."""


def group_count(customers: int, most: int, least: int = SMALLEST_GROUP) -> int:
    """How many groups of equal size can be shown: none has fewer customers than `least`.

    >>> group_count(400, 10), group_count(57, 10), group_count(9, 10)
    (10, 5, 0)
    """
    return min(most, customers // max(1, least))


def merged_places(counts: Sequence[int] | NDArray[np.int64], least: int = SMALLEST_GROUP) -> NDArray[np.intp]:
    """The group of each bin, where neighbours are taken together until each group has `least` or nothing.

    >>> merged_places([0, 40, 3, 2, 0, 30, 4]).tolist()
    [0, 1, 2, 2, 2, 2, 2]
    """
    groups, group, inside = np.zeros(len(counts), dtype=np.intp), 0, 0
    for place, count in enumerate(counts):
        if place and (inside == 0 or inside >= least) and (count == 0 or count >= least or inside != 0):
            group, inside = group + 1, 0
        elif place and inside == 0 and count:
            group += 1
        groups[place] = group
        inside += int(count)
    if 0 < inside < least and group:
        last = np.flatnonzero(np.bincount(groups, counts, group + 1)[:-1] >= least)
        groups[groups > (last[-1] if len(last) else 0)] = last[-1] if len(last) else 0
    return groups


def levelled(counts: Sequence[int] | NDArray[np.int64], least: int = SMALLEST_GROUP) -> list[float]:
    """Counts of a histogram in which small bins share their height with neighbours; the sum stays.

    >>> levelled([0, 40, 3, 2, 0, 35, 0])
    [0.0, 40.0, 10.0, 10.0, 10.0, 10.0, 0.0]
    """
    groups = merged_places(counts, least)
    total, size = np.bincount(groups, counts), np.bincount(groups)
    if total.sum() < least:
        return [0.0] * len(groups)
    return [float(height) for height in (total / np.maximum(size, 1))[groups]]
