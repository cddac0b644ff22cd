"""How sure a share is that was counted."""

from __future__ import annotations

import math

__all__ = ["wilson"]


def wilson(positives: float, rows: float, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share (Wilson 1927); with the default `z` each side leaves out 2.5 %.

    Parameters
    ----------
    positives, rows : float
        Counts; without rows nothing is known, and the interval is all of 0 to 1.
    z : float
        Standard errors to each side.

    Examples
    --------
    >>> low, high = wilson(5, 10)
    >>> round(low, 3), round(high, 3)
    (0.237, 0.763)
    """
    if not rows:
        return 0.0, 1.0
    share, z2 = positives / rows, z**2
    centre = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = z / (1 + z2 / rows) * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2))
    # at the ends exactly, where rounding would leave the share itself outside
    low = 0.0 if positives == 0 else max(0.0, centre - half)
    return low, 1.0 if positives == rows else min(1.0, centre + half)
