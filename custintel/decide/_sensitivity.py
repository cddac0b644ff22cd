"""Shadow prices: what one more unit of a limit earns, tested over a range, and said in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.decide._prices import find_prices, sample_of

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any

    from custintel.decide._problem import AllocationProblem

__all__ = ["price_words", "tested_prices"]

_SAMPLE = 20_000
_STEP = 0.1
_COLUMNS = ["kind", "name", "limit", "price", "tested_from", "tested_to", "lowest", "highest"]


def tested_prices(problem: AllocationProblem, prices: np.ndarray) -> pd.DataFrame:
    """Dual price of each binding row, and the mean earnings of a unit 10 % below and above the limit."""
    if not (prices > 1e-9).any():
        return pd.DataFrame(columns=_COLUMNS)
    part = sample_of(problem, _SAMPLE, np.random.default_rng(0))
    base = find_prices(part, prices)
    rows = []
    for r in np.flatnonzero(prices > 1e-9):
        limit, sign = problem.limits[r], -1.0 if problem.rows[r].kind == "minimum" else 1.0
        step = _STEP * abs(part.limits[r])
        slopes = [price for way in (-1.0, 1.0) for price in _slope(part, base.prices, (int(r), way * step), base.bound)]
        ends = sorted(sign * limit * f for f in (1 - _STEP, 1 + _STEP))
        both = [sign * s for s in (*slopes, prices[r])]
        rows.append((*problem.rows[r], sign * limit, sign * prices[r], *ends, min(both), max(both)))
    return pd.DataFrame(rows, columns=_COLUMNS)


def price_words(tested: pd.DataFrame) -> list[str]:
    """A sentence for each shadow price."""
    return [_sentence(row) for row in tested.to_dict("records")] or ["no limit binds: more of anything earns nothing"]


def _slope(problem: AllocationProblem, prices: np.ndarray, at: tuple[int, float], bound: float) -> list[float]:
    row, change = at
    if not change:
        return []
    limits = problem.limits.copy()
    limits[row] += change
    return [(find_prices(problem.with_limits(limits), prices).bound - bound) / change]


def _sentence(row: dict[Hashable, Any]) -> str:
    unit = 10.0 ** max(0, min(3, math.floor(math.log10(max(row["limit"], 10.0) / 10))))
    more = {
        "budget": f"another {unit:,.0f} u of budget",
        "capacity": f"another {unit:,.0f} of the offer {row['name']}",
        "channel": f"another {unit:,.0f} of the channel {row['name']}",
        "minimum": f"another {unit:,.0f} that must get {row['name']}",
    }[row["kind"]]
    low, high = (f"{unit * abs(row[end]):,.4g}" for end in ("lowest", "highest"))
    if row["kind"] == "minimum":
        low, high = high, low
    verb = "costs" if row["kind"] == "minimum" else "earns"
    return (
        f"{more} {verb} {unit * abs(row['price']):,.4g} u "
        f"(tested from {row['tested_from']:,.6g} to {row['tested_to']:,.6g}: {low} to {high})"
    )
