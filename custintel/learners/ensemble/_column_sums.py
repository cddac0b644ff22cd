"""Sums of columns that are parts of one whole, found by their names.

Trees cut one column at a time and cannot say "the day, evening, night and roaming charges together exceed 70". Columns
whose names differ in one word, and that hold no negative amounts, get their sum as one more column for the models:

>>> part_groups(["total_day_charge", "total_eve_charge", "total_night_charge", "tenure"])
((0, 1, 2),)

What a sum contributes is credited to the parts that moved it away from the average, in proportion, so that explanations
speak of the columns of the table only. Names that differ in a number (`bill_30d`, `bill_60d`, `bill_90d`) are windows,
not parts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+\w*|[^\W\d_a-zA-Z]+")
_FEWEST_PARTS = 3
_MOST_GROUPS = 12
_MOST_COLUMNS = 60


def part_groups(names: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Positions of the parts of each whole; none for wide tables, which have their sums already."""
    if len(names) > _MOST_COLUMNS:
        return ()
    alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for j, name in enumerate(names):
        words = [w.lower() for w in _WORD.findall(name)]
        for i, word in enumerate(words):
            frame = (*words[:i], "*", *words[i + 1 :])
            if word.isalpha() and any(w.isalpha() for w in frame):
                alike[frame].append(j)
    groups = dict.fromkeys(tuple(g) for g in alike.values() if len(g) >= _FEWEST_PARTS)
    return tuple(groups)[:_MOST_GROUPS]


@dataclass(frozen=True)
class ColumnSums:
    """The groups of parts, and the average of each part."""

    groups: tuple[tuple[int, ...], ...] = ()
    means: tuple[tuple[float, ...], ...] = ()

    @classmethod
    def learn(cls, matrix: np.ndarray, names: Sequence[str], excluded: np.ndarray) -> ColumnSums:
        """Find the groups among the numeric columns that hold no negative value and are not excluded."""
        found = []
        for group in part_groups(names):
            members = [j for j in group if not excluded[j] and not np.nanmin(matrix[:, j]) < 0]
            if len(members) >= _FEWEST_PARTS:
                found.append(tuple(members))
        means = tuple(tuple(float(m) for m in np.nanmean(matrix[:, list(g)], axis=0)) for g in found)
        return cls(tuple(found), means)

    def extend(self, matrix: np.ndarray) -> np.ndarray:
        """The matrix with one more column for each group: the sum of its parts, missing when a part is."""
        if not self.groups:
            return matrix
        sums = [matrix[:, list(g)].sum(axis=1) for g in self.groups]
        return np.asfortranarray(np.column_stack([matrix, *sums]))

    def credit_parts(self, parts: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Contributions with those of the sums handed to their parts; row totals stay the same.

        >>> sums = ColumnSums(((0, 1),), ((2.0, 1.0),))
        >>> sums.credit_parts(np.array([[0.0, 0.0, 0.6]]), np.array([[5.0, 2.0]])).round(2)
        array([[0.45, 0.15]])
        """
        out = parts[:, : matrix.shape[1]].copy()
        for k, (group, mean) in enumerate(zip(self.groups, self.means, strict=True)):
            members = list(group)
            out[:, members] += parts[:, [matrix.shape[1] + k]] * _shares(matrix[:, members] - np.array(mean))
        return out


def _shares(moved: np.ndarray) -> np.ndarray:
    """How much of the sum's distance from its average each part explains; only parts that point the same way count."""
    moved = np.nan_to_num(moved)
    direction = np.sign(moved.sum(axis=1, keepdims=True))
    same_way = np.maximum(moved * direction, 0.0)
    total = same_way.sum(axis=1, keepdims=True)
    even = np.full(moved.shape, 1 / moved.shape[1])
    return np.asarray(np.divide(same_way, total, out=even, where=total > 0))
