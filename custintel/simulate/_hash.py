"""Uniform numbers that depend on integers only: the same place or mood whenever the same hour or week is asked for.

>>> import numpy as np
>>> u = hashed(np.array([1, 1, 2]), np.array([5, 5, 5]), salt=3)
>>> bool(u[0] == u[1]), bool(u[0] == u[2])
(True, False)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from custintel.simulate._arrays import Ints, Singles

__all__ = ["hashed"]

Words = npt.NDArray[np.uint32]


def hashed(first: Ints, second: Ints, salt: int) -> Singles:
    """One number in [0, 1) for each pair of integers."""
    x = first.astype(np.uint32) * np.uint32(0x9E3779B1) ^ second.astype(np.uint32) * np.uint32(0x85EBCA6B)
    mixed = _mix(_mix(x ^ np.uint32(salt)) + np.uint32(0x6D2B79F5))
    return np.asarray((mixed >> np.uint32(8)) * np.float32(2.0**-24), dtype=np.float32)


def _mix(x: npt.NDArray[Any]) -> Words:
    """Finish of a 32-bit hash."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return np.asarray(x ^ (x >> np.uint32(16)), dtype=np.uint32)
