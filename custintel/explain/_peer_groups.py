"""Peer groups: what is common to all customers of a group, and therefore no reason for the score of one of them.

The metadata name the column that divides customers into peer groups (``metadata["peer_column"]``, in the shipped models
the billing type). Each entry of ``metadata["features"]`` holds, for each group, the median, the share of missing
values, and the share of values equal to the median. A model without them compares every customer with all customers.

>>> entry = {"median": 30.0, "peers": {"prepaid": {"median": None, "missing": 1.0, "at_median": 0.0}}}
>>> prepaid, other = peer_median(entry, "prepaid"), peer_median(entry, "postpaid")
>>> prepaid.is_common(pd.Series([np.nan, 40.0])).tolist(), other.is_common(pd.Series([np.nan, 40.0])).tolist()
([True, False], [False, False])
>>> peer_median({"peers": {"postpaid": {"median": 30.0}}}, "postpaid").is_common(pd.Series([30.0, 40.0])).tolist()
[True, False]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from custintel.explain.reason_words import words
from custintel.html.number_format import round_for_readers

# a missing value, yes or no, or category that so many peers have is a property of their group
NEARLY_ALL = 0.95
_MOSTLY = 0.5

RowMask = NDArray[np.bool_]


@dataclass(frozen=True)
class PeerMedian:
    """The median of one column in a peer group, and how many of the peers have it."""

    median: float | str | bool | None = None
    missing: float = 0.0
    at_median: float = 0.0
    yes_no: bool = False
    peers: bool = False

    @property
    def often_missing(self) -> bool:
        """Tell whether a missing value is what most peers have."""
        return self.missing >= _MOSTLY

    def is_common(self, values: pd.Series) -> RowMask:
        """Tell for each value whether it does not set a customer apart.

        That is a missing value, a yes or no, or a category that nearly all peers have, and a number equal to the
        peers' median: what it adds to the score it adds for the whole group.
        """
        if not self.peers:
            return np.zeros(len(values), bool)
        absent = values.isna().to_numpy(bool)
        if self.median is None or self.missing >= NEARLY_ALL:
            return absent if self.missing >= NEARLY_ALL else np.zeros(len(values), bool)
        number = isinstance(self.median, int | float) and pd.api.types.is_numeric_dtype(values.dtype)
        if self.at_median < NEARLY_ALL and (self.yes_no or not number):
            return np.zeros(len(values), bool)
        return ~absent & (_equals_number(values, self.median) if number else _equals_category(values, self.median))


def _equals_number(values: pd.Series, median: Any) -> RowMask:
    """Tell which numbers a reader would see as the median."""
    same: RowMask = round_for_readers(values.to_numpy(np.float64, na_value=np.nan)) == round_for_readers(
        np.array([float(median)])
    )
    return same


def _equals_category(values: pd.Series, median: Any) -> RowMask:
    """Tell which categories are the median."""
    return (values.astype(object).astype(str) == str(median)).to_numpy(bool)


def peer_median(entry: Mapping[str, Any], group: str) -> PeerMedian:
    """Return the median of one peer group; of all customers for an unknown group."""
    peers = entry.get("peers") or {}
    entry_of_group = peers.get(group)
    if not isinstance(entry_of_group, Mapping):
        return PeerMedian(entry.get("median"))
    yes_no = bool(words()["unit"].get(str(entry.get("unit")), {}).get("words"))
    missing, at_median = float(entry_of_group.get("missing") or 0), float(entry_of_group.get("at_median") or 0)
    return PeerMedian(entry_of_group.get("median"), missing, at_median, yes_no, peers=True)


@dataclass(frozen=True)
class PeerGroups:
    """The peer group of each customer in a block of rows."""

    groups: NDArray[np.object_]

    @classmethod
    def of(cls, metadata: Mapping[str, Any], X: pd.DataFrame) -> PeerGroups:
        """Read the groups from the peer column of the metadata; without such a column there are none."""
        column = metadata.get("peer_column")
        if column is None or column not in X.columns:
            return cls(np.full(len(X), "", dtype=object))
        return cls(X[column].astype(object).fillna("").astype(str).to_numpy(object))

    def is_common(self, entry: Mapping[str, Any], values: pd.Series) -> RowMask:
        """Tell for each customer whether the value does not set the customer apart from the peers."""
        same = np.zeros(len(values), bool)
        for group in entry.get("peers") or {}:
            rows = np.flatnonzero(self.groups == group)
            if len(rows):
                same[rows] = peer_median(entry, group).is_common(values.iloc[rows])
        return same
