"""How near a value is to meeting a condition, measured in percentiles of legitimate customers.

For ``x > v`` and F the distribution of legitimate customers, a value that does not meet the condition is near by
``1 - (F(v) - F(x)) / 0.25``: a customer in the last quarter of percentiles before the limit resembles it more and
more. (Measured against distances in quartile ranges, the percentile is what made "resembles" useful.)

>>> ramp = ramp_before(Profile.learn(np.arange(100.0)), 80.0, rising=True)
>>> ramp.nearness(np.array([40.0, 67.5, 79.9])).round(2).tolist()
[0.0, 0.5, 1.0]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping


WIDTH = 0.25
"""Share of legitimate customers over which nearness rises from 0 to 1."""

NEAREST = 0.999
"""Nearness of a condition that is not met stays below 1: only a match is 1."""

_QUANTILES = 200
_MOST_KNOTS = 9


@dataclass(frozen=True)
class Profile:
    """The distribution of one number among legitimate customers: values and the share of customers up to them.

    Where many customers share a value (half of all have no calls abroad), that value stands at the middle of their
    percentiles.

    Examples
    --------
    >>> Profile.learn(np.array([0.0, 0.0, 0.0, 5.0])).share(np.array([0.0, 5.0])).tolist()
    [0.375, 0.875]
    """

    values: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def learn(cls, numbers: np.ndarray) -> Profile | None:
        """From the values of legitimate customers; None when all are missing."""
        known = np.sort(numbers[np.isfinite(numbers)])
        if not len(known):
            return None
        places = np.round(np.linspace(0, len(known) - 1, _QUANTILES + 1)).astype(np.int64)
        values = np.unique(known[places])
        below, upto = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
        shares = (below + upto) / (2 * len(known))
        return cls(tuple(values.tolist()), tuple(shares.tolist()))

    def share(self, x: np.ndarray) -> np.ndarray:
        """Percentile (0 to 1); beyond the range of legitimate customers its end."""
        return np.asarray(np.interp(x, self.values, self.shares))

    def to_state(self) -> dict[str, Any]:
        """Plain data."""
        return {"values": list(self.values), "shares": list(self.shares)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Profile:
        """Read back what `to_state` gave; `ModelError` for what is no distribution."""
        values, shares = state["values"], state["shares"]
        if not (_are_numbers(values) and _are_numbers(shares) and len(values) == len(shares) > 0):
            raise ModelError("a profile is not made of as many finite numbers as shares")
        if (np.diff(values) <= 0).any() or (np.diff(shares) < 0).any() or not 0 <= shares[0] <= shares[-1] <= 1:
            raise ModelError("the values of a profile do not rise, or its shares fall or are not from 0 to 1")
        return cls(tuple(values), tuple(shares))


@dataclass(frozen=True)
class Ramp:
    """Nearness as straight lines between a few values; the same numbers in numpy, SQL and row by row."""

    values: tuple[float, ...]
    nearness_at: tuple[float, ...]

    def nearness(self, x: np.ndarray) -> np.ndarray:
        """Nearness of values that do not meet the condition; missing values are not near."""
        found = np.interp(x, self.values, self.nearness_at)
        return np.where(np.isnan(x), 0.0, found)


def ramp_before(profile: Profile, limit: float, *, rising: bool) -> Ramp:
    """The ramp before a limit: `rising` for ``x > limit``, falling for ``x < limit``."""
    if not rising:
        mirrored = Profile(tuple(-v for v in profile.values[::-1]), tuple(1 - s for s in profile.shares[::-1]))
        found = ramp_before(mirrored, -limit, rising=True)
        return Ramp(tuple(-v for v in found.values[::-1]), found.nearness_at[::-1])
    top = float(profile.share(np.array([limit]))[0])
    start = _value_at(profile, top - WIDTH)
    inner = [v for v in profile.values if start < v < limit]
    knots = np.unique([start, *_thinned(inner), limit])
    near = 1 - (top - profile.share(knots)) / WIDTH
    return Ramp(tuple(knots.tolist()), tuple(np.clip(near, 0.0, NEAREST).tolist()))


def percentile_exceedance(profile: Profile, limit: float, x: np.ndarray, *, rising: bool) -> np.ndarray:
    """How far values are beyond a limit: 0 at it or before it, 1 at the end of legitimate customers; 0 where missing.

    >>> profile = Profile.learn(np.arange(100.0))
    >>> percentile_exceedance(profile, 80.0, np.array([70.0, 90.0, 200.0]), rising=True).round(1).tolist()
    [0.0, 0.5, 1.0]
    """
    at, share = float(profile.share(np.array([limit]))[0]), profile.share(x)
    room, past = (profile.shares[-1] - at, share - at) if rising else (at - profile.shares[0], at - share)
    return np.where(np.isnan(x), 0.0, np.clip(past / max(room, 1e-3), 0.0, 1.0))


def _are_numbers(given: object) -> bool:
    if not isinstance(given, (list, tuple)):
        return False
    return all(isinstance(x, (int, float)) and not isinstance(x, bool) and abs(x) < np.inf for x in given)


def _value_at(profile: Profile, share: float) -> float:
    return float(np.interp(share, profile.shares, profile.values))


def _thinned(inner: list[float]) -> list[float]:
    """At most so many values in between that SQL stays short."""
    most = _MOST_KNOTS - 2
    if len(inner) <= most:
        return inner
    places = np.round(np.linspace(0, len(inner) - 1, most)).astype(int)
    return [inner[k] for k in places]
