"""The customer among peers: what is typical of customers of the same kind, and so no reason of one of them.

The metadata name the column that makes peers (``metadata["peer_column"]``, in the shipped models the way of billing);
each entry of ``metadata["features"]`` has, for each kind, the median, the share of missing values, and the share of
values equal to the median. A model without them compares every customer with all customers.

>>> entry = {"median": 30.0, "peers": {"prepaid": {"median": None, "missing": 1.0, "at_median": 0.0}}}
>>> prepaid, other = typical_of(entry, "prepaid"), typical_of(entry, "postpaid")
>>> prepaid.shared(pd.Series([np.nan, 40.0])).tolist(), other.shared(pd.Series([np.nan, 40.0])).tolist()
([True, False], [False, False])
>>> typical_of({"peers": {"postpaid": {"median": 30.0}}}, "postpaid").shared(pd.Series([30.0, 40.0])).tolist()
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
from custintel.html.number_format import rounded

# a missing value, yes or no, or category that so many peers have is a property of their kind
NEARLY_ALL = 0.95
_USUAL = 0.5

Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Typical:
    """What one column usually is among some customers."""

    median: float | str | bool | None = None
    missing: float = 0.0
    at_median: float = 0.0
    yes_no: bool = False
    peers: bool = False

    @property
    def often_missing(self) -> bool:
        """Tell whether a missing value is what most peers have."""
        return self.missing >= _USUAL

    def shared(self, values: pd.Series) -> Rows:
        """Tell for each value whether it does not set a customer apart.

        That is a missing value, a yes or no, or a category that nearly all peers have, and a number equal to the
        peers' median: what it adds to the score it adds for all of the kind.
        """
        if not self.peers:
            return np.zeros(len(values), bool)
        absent = values.isna().to_numpy(bool)
        if self.median is None or self.missing >= NEARLY_ALL:
            return absent if self.missing >= NEARLY_ALL else np.zeros(len(values), bool)
        number = isinstance(self.median, int | float) and pd.api.types.is_numeric_dtype(values.dtype)
        if self.at_median < NEARLY_ALL and (self.yes_no or not number):
            return np.zeros(len(values), bool)
        return ~absent & (_as_number(values, self.median) if number else _as_text(values, self.median))


def _as_number(values: pd.Series, median: Any) -> Rows:
    """Tell which numbers a reader would see as the median."""
    same: Rows = rounded(values.to_numpy(np.float64, na_value=np.nan)) == rounded(np.array([float(median)]))
    return same


def _as_text(values: pd.Series, median: Any) -> Rows:
    """Tell which categories are the median."""
    return (values.astype(object).astype(str) == str(median)).to_numpy(bool)


def typical_of(entry: Mapping[str, Any], kind: str) -> Typical:
    """Return what is typical of one kind of customers; of all customers for an unknown kind."""
    peers = entry.get("peers") or {}
    found = peers.get(kind)
    if not isinstance(found, Mapping):
        return Typical(entry.get("median"))
    yes_no = bool(words()["unit"].get(str(entry.get("unit")), {}).get("words"))
    missing, at_median = float(found.get("missing") or 0), float(found.get("at_median") or 0)
    return Typical(found.get("median"), missing, at_median, yes_no, peers=True)


@dataclass(frozen=True)
class Peers:
    """The kind of each customer in a block of rows."""

    kinds: NDArray[np.object_]

    @classmethod
    def of(cls, metadata: Mapping[str, Any], X: pd.DataFrame) -> Peers:
        """Read the kinds from the peer column of the metadata; no column, no kinds."""
        column = metadata.get("peer_column")
        if column is None or column not in X.columns:
            return cls(np.full(len(X), "", dtype=object))
        return cls(X[column].astype(object).fillna("").astype(str).to_numpy(object))

    def shared(self, entry: Mapping[str, Any], values: pd.Series) -> Rows:
        """Tell for each customer whether the value does not set the customer apart from the peers."""
        same = np.zeros(len(values), bool)
        for kind in entry.get("peers") or {}:
            rows = np.flatnonzero(self.kinds == kind)
            if len(rows):
                same[rows] = typical_of(entry, kind).shared(values.iloc[rows])
        return same
