"""One random stream per mechanism: switching one mechanism off moves no draw of another.

>>> streams = RandomStreams(7)
>>> first = streams.get("voice", 3).random()
>>> _ = streams.get("fraud").random(1_000)
>>> first == streams.get("voice", 3).random()
True
"""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["RandomStreams"]


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
