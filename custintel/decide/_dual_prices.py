"""Dual prices of the limits, found on a small sample and made exact on ever larger ones; what a unit of each earns.

At given prices almost every customer's choice is clear. One step fixes the clear ones and solves the linear programme
of the open ones, those whose choice changes with the least change of prices, over what is left of each limit. The new
prices may move about as far as the clear choices stay clear, where the step is exact; these bounds widen while the
upper bound of the value falls, and shrink when it does not. Every set of prices proves an upper bound, so the gap is
known at each step. Shadow prices say what one more unit of a limit earns, tested over a range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from custintel.decide._allocation_problem import choose_at_prices, chosen_values, use_of
from custintel.decide._linear_programme import PriceBounds, solve_linear
from custintel.progress import track

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any

    from custintel.decide._allocation_problem import AllocationProblem, PricedChoice


_SAMPLE = 3_000
_GROWTH = 8
_OPEN = 6_000
_MOST_OPEN = 24_000
_STEPS = 20
_GAP = 2e-6
_WIDEST = 64.0
_TIED = 5e-4


class PriceSolution(NamedTuple):
    """Prices, the bound they prove, and the choices they lead to (some limits may still be exceeded a little)."""

    prices: np.ndarray
    bound: float
    choice: np.ndarray
    value: float = -np.inf

    @property
    def open(self) -> bool:
        """Whether value and bound are apart."""
        return self.bound - self.value > _TIED * max(abs(self.bound), 1e-9)


def find_prices(problem: AllocationProblem, start: np.ndarray | None = None) -> PriceSolution:
    """Prices of the scarce rows for any number of customers.

    Parameters
    ----------
    problem : AllocationProblem
        What is allocated.
    start : array, optional
        Prices to begin with, such as those of a similar problem.
    """
    sizes = [len(problem.value)]
    while start is None and sizes[0] > 2 * _SAMPLE:
        sizes.insert(0, max(_SAMPLE, sizes[0] // _GROWTH))
    prices = start
    rng = np.random.default_rng(0)
    found = None
    for size in track(sizes, "pricing what is scarce"):
        part = sample_of(problem, size, rng)
        found = _iterate(part, prices)
        if found.open:
            found = _iterate_without_ties(part, found, rng)
        prices = found.prices
    assert found is not None
    return found


def _iterate_without_ties(problem: AllocationProblem, found: PriceSolution, rng: np.random.Generator) -> PriceSolution:
    """Again with values that chance sets a thousandth apart: like customers tie, and no price can part them."""
    gain = problem.value[np.isfinite(problem.value) & (problem.value > 0)]
    apart = 1e-3 * float(np.median(gain)) if len(gain) else 1e-9
    noisy = replace(problem, value=problem.value + apart * rng.random(problem.value.shape))
    again = _iterate(noisy, found.prices)
    value = float(chosen_values(problem, again.choice).sum()) if again.value > -np.inf else -np.inf
    bound = choose_at_prices(problem, again.prices).bound
    if bound < found.bound:
        found = found._replace(prices=again.prices, bound=bound)
    return found._replace(choice=again.choice, value=value) if value > found.value else found


def sample_of(problem: AllocationProblem, size: int, rng: np.random.Generator) -> AllocationProblem:
    """Some customers, whole households, with limits to their share."""
    n = len(problem.value)
    if size >= n:
        return problem
    if problem.group is None:
        chosen = np.sort(rng.choice(n, size, replace=False))
    else:
        unit = np.where(problem.group >= 0, problem.group, problem.group.max() + 1 + np.arange(n))
        chosen = np.flatnonzero(rng.random(int(unit.max()) + 1)[unit] < size / n)
    return problem.part(chosen, problem.limits * (len(chosen) / n))


@dataclass(frozen=True)
class _PriceSearch:
    """Where the iteration stands: best prices and their answer, the best whole choices, how many may be open."""

    prices: np.ndarray
    found: PricedChoice
    choice: np.ndarray
    value: float
    size: int
    reach: float = 1.0

    @property
    def closed(self) -> bool:
        """Whether bound and value have met."""
        return self.found.bound - self.value <= _GAP * max(abs(self.found.bound), 1e-9)


def _iterate(problem: AllocationProblem, start: np.ndarray | None) -> PriceSolution:
    """Price steps until the bound and the answer meet."""
    prices = np.zeros(len(problem.rows)) if start is None else start
    unit = _price_scale(problem)
    size = len(problem.value) if start is None else _OPEN
    found = choose_at_prices(problem, prices)
    search = _PriceSearch(prices, found, found.choice, -np.inf, size)
    for _ in range(_STEPS):
        before = search
        search = _step(problem, search, unit)
        stalled = before.found.bound - search.found.bound <= 0.1 * _GAP * abs(before.found.bound)
        if search.closed or (stalled and search.value > -np.inf and search.size >= _MOST_OPEN):
            break
    choice = search.choice if search.value > -np.inf else search.found.choice
    return PriceSolution(search.prices, search.found.bound, choice, search.value)


def _step(problem: AllocationProblem, search: _PriceSearch, unit: np.ndarray) -> _PriceSearch:
    """Fix the clear choices, solve the open ones over what is left, look at the new prices with all customers."""
    everybody = search.size >= len(problem.value)
    step = search.prices + 0.05 * unit
    reach = _reach(problem, search, step)
    open_, cut = _least_sure(problem, reach, search.size)
    choice = search.found.choice.copy()
    choice[open_] = -1
    fixed = float(chosen_values(problem, choice).sum())
    part = problem.part(open_, problem.limits - use_of(problem, choice))
    width = search.reach * cut * step
    price_bounds = (
        PriceBounds(0 * unit, 100 * unit)
        if everybody
        else PriceBounds(np.maximum(search.prices - width, 0), search.prices + width)
    )
    solved = solve_linear(part, price_bounds)
    assert solved is not None
    choice[open_] = solved.choice
    fits = bool((solved.slack <= 1e-7 * np.maximum(np.abs(problem.limits), 1.0)).all())
    value = fixed + solved.value
    if fits and value > search.value:
        search = replace(search, choice=choice, value=value)
    found = choose_at_prices(problem, solved.prices)
    if found.bound < search.found.bound:
        return replace(search, prices=solved.prices, found=found, reach=min(_WIDEST, 2 * search.reach))
    size = search.size if search.size >= _MOST_OPEN else 2 * search.size
    return replace(search, size=size, reach=max(search.reach / 2, 1 / 64))


def _reach(problem: AllocationProblem, search: _PriceSearch, step: np.ndarray) -> np.ndarray:
    """Share of `step` by which the prices must move before a customer's choice changes, cautiously."""
    heavy = step @ np.abs(problem.columns)
    use = np.broadcast_to(heavy, problem.value.shape)
    if problem.has_budget:
        use = use + step[0] * problem.cost
    return np.asarray(search.found.margin / np.maximum(use.max(axis=1), 1e-300))


def _least_sure(problem: AllocationProblem, reach: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """Customers whose choice changes first, whole households; and how far the others are from a change."""
    size = min(size, _MOST_OPEN)
    if size >= len(reach):
        return np.arange(len(reach)), np.inf
    cut = float(np.partition(reach, size)[size])
    if problem.group is not None:
        least = np.full(int(problem.group.max(initial=-1)) + 2, np.inf)
        np.minimum.at(least, problem.group, np.where(problem.group >= 0, reach, np.inf))
        reach = np.where(problem.group >= 0, least[problem.group], reach)
    return np.flatnonzero(reach <= cut), cut


def _price_scale(problem: AllocationProblem) -> np.ndarray:
    """A high price of each row: a large value over the typical use."""
    gain = problem.value[np.isfinite(problem.value)]
    high = float(np.quantile(np.abs(gain), 0.99)) if len(gain) else 1.0
    use = np.abs(problem.columns).max(axis=1, initial=0.0) if len(problem.rows) else np.zeros(0)
    if problem.has_budget:
        costs = problem.cost[np.isfinite(problem.value) & (problem.cost > 0)]
        use[0] = float(np.quantile(costs, 0.25)) if len(costs) else 1.0
    return np.asarray(max(high, 1e-9) / np.maximum(use, 1e-9))


_SENSITIVITY_SAMPLE = 20_000
_STEP = 0.1
_COLUMNS = ["kind", "name", "limit", "price", "tested_from", "tested_to", "lowest", "highest"]


def tested_prices(problem: AllocationProblem, prices: np.ndarray) -> pd.DataFrame:
    """Dual price of each binding row, and the mean earnings of a unit 10 % below and above the limit."""
    if not (prices > 1e-9).any():
        return pd.DataFrame(columns=_COLUMNS)
    part = sample_of(problem, _SENSITIVITY_SAMPLE, np.random.default_rng(0))
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


def price_sentences(tested: pd.DataFrame) -> list[str]:
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
