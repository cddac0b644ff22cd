"""Random numbers: one stream for each mechanism, and uniform numbers that are a hash of integers.

Switching one mechanism off moves no draw of another, because a stream depends only on the seed, its name and its keys.
`hashed_uniform` gives the same place or mood whenever the same hour or week is asked for.

>>> streams = RandomStreams(7)
>>> first = streams.get("voice", 3).random()
>>> _ = streams.get("fraud").random(1_000)
>>> first == streams.get("voice", 3).random()
True
>>> u = hashed_uniform(np.array([1, 1, 2]), np.array([5, 5, 5]), salt=3)
>>> bool(u[0] == u[1]), bool(u[0] == u[2])
(True, False)
"""

from __future__ import annotations

import zlib
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt


class RandomStreams:
    """Generators that depend only on the seed, a name and integer keys.

    Parameters
    ----------
    seed : int
        Seed of the whole simulation; not negative.

    Examples
    --------
    >>> streams = RandomStreams(1)
    >>> bool(streams.get("texts").random() == streams.get("texts", 0).random())
    False
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def get(self, name: str, *keys: int) -> np.random.Generator:
        """Return a fresh generator; the same name and keys give the same draws each time."""
        # SeedSequence pads with zeros, so the number of keys has to be part of the entropy
        entropy = (self.seed, zlib.crc32(name.encode()), len(keys) + 1, *keys)
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(entropy)))


UnsignedInts = npt.NDArray[np.uint32]


def hashed_uniform(first: Ints, second: Ints, salt: int) -> Singles:
    """One number in [0, 1) for each pair of integers."""
    x = first.astype(np.uint32) * np.uint32(0x9E3779B1) ^ second.astype(np.uint32) * np.uint32(0x85EBCA6B)
    mixed = _mix(_mix(x ^ np.uint32(salt)) + np.uint32(0x6D2B79F5))
    return np.asarray((mixed >> np.uint32(8)) * np.float32(2.0**-24), dtype=np.float32)


def _mix(x: npt.NDArray[Any]) -> UnsignedInts:
    """Finish of a 32-bit hash."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return np.asarray(x ^ (x >> np.uint32(16)), dtype=np.uint32)


Floats: TypeAlias = npt.NDArray[np.float64]
Singles: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.integer[Any]]
Bytes: TypeAlias = npt.NDArray[np.int8]
Bools: TypeAlias = npt.NDArray[np.bool_]
Strings: TypeAlias = npt.NDArray[np.str_]
