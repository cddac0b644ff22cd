"""Who gets which offer: the most value within budget, capacities, contact policy, minimum counts and households.

>>> value = pd.DataFrame({"discount": [9.0, 8.0, 1.0], "call": [7.0, 2.0, 1.5]}, index=["a", "b", "c"])
>>> values = OfferValues.from_wide(value, {"discount": 4.0, "call": 1.0})
>>> allocation = allocate(values, Constraints(budget=6.0))
>>> allocation.assignment[["offer", "value", "cost"]]
                offer  value  cost
customer_id
a                call    7.0   1.0
b            discount    8.0   4.0
c                call    1.5   1.0
>>> allocation.total_value, round(allocation.gap, 6)
(16.5, 0.0)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from custintel.decide._allocation_problem import AllocationProblem, LimitRow, choose_at_prices, chosen_values, use_of
from custintel.decide._dual_prices import PriceSolution, find_prices, price_sentences, tested_prices
from custintel.decide._eligibility import Audience, allowed_offers, households
from custintel.decide._exploration import RandomDraw, draw_exploration, probabilities
from custintel.decide._greedy_baselines import best_first, ratio_greedy
from custintel.decide._linear_programme import check_counts, check_together, solve_linear, solve_whole_numbers
from custintel.decide._offer_values import NO_OFFER, OfferValues, as_offer_values
from custintel.decide._repair_allocation import repair_allocation, shortage
from custintel.decide.constraints import Constraints, OfferLimits
from custintel.errors import ConfigurationError, Problem, raise_problems

if TYPE_CHECKING:
    from collections.abc import Iterator


Method = Literal["auto", "lp", "prices"]
_LP_CUSTOMERS = 50_000
_EXACT_CUSTOMERS = 2_000


@dataclass(frozen=True)
class Allocation:
    """Who gets which offer, what it is worth, and what limits it.

    Attributes
    ----------
    decisions : pandas.DataFrame
        One row a customer (index customer_id): `offer` ("none" for none), `value` and `cost` in u, `propensity` of this
        offer (before chance was asked), `control` (hold-out), `explored` (chance decided), `policy_offer` (what the
        policy does when chance does not decide).
    propensities : pandas.DataFrame
        Probability of each offer and of none, for each customer.
    total_value : float
        Sum of the values, in u.
    bound : float
        No allocation of the customers that follow the policy, beside the explored ones, can be worth more (in terms of
        what was maximised: the cautious value when `risk` is positive).
    gap : float
        Share of the bound that was not reached.
    method : str
        "lp" or "prices".
    """

    decisions: pd.DataFrame
    propensities: pd.DataFrame
    total_value: float
    bound: float
    gap: float
    method: str
    problem: AllocationProblem = field(repr=False)
    choice: np.ndarray = field(repr=False)
    prices: np.ndarray = field(repr=False)

    @property
    def assignment(self) -> pd.DataFrame:
        """Customers that get an offer: offer, value, cost, propensity."""
        made = self.decisions[self.decisions["offer"] != NO_OFFER]
        return made[["offer", "value", "cost", "propensity"]]

    @property
    def constraints(self) -> pd.DataFrame:
        """Each limit: what is used of it, what is left, and its dual price (value of one more unit, in u)."""
        used = use_of(self.problem, self.choice)
        sign = np.array([-1.0 if row.kind == "minimum" else 1.0 for row in self.problem.rows])
        return pd.DataFrame(
            {
                "kind": [row.kind for row in self.problem.rows],
                "name": [row.name for row in self.problem.rows],
                "limit": sign * self.problem.limits,
                "used": sign * used,
                "left": self.problem.limits - used,
                "price": sign * self.prices,
            }
        )

    @cached_property
    def shadow_prices(self) -> pd.DataFrame:
        """What one more unit of each binding limit earns, tested by solving again 10 % below and above it.

        `price` is the dual price; between `tested_from` and `tested_to` a unit earned from `lowest` to `highest`. Above
        20,000 customers the test uses a sample of 20,000 with limits to its share.
        """
        return tested_prices(self.problem, self.prices)

    def words(self) -> list[str]:
        """The result and its shadow prices in sentences."""
        given = int((self.decisions["offer"] != NO_OFFER).sum())
        first = (
            f"{given:,} of {len(self.decisions):,} customers get an offer, worth {self.total_value:,.0f} u; "
            f"that is {1 - self.gap:.3%} of what no allocation can exceed"
        )
        return [first, *price_sentences(self.shadow_prices)]

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """The same customers and limits under simpler rules; minimum counts bind only the first line."""
        rules = {"custintel": self.choice, "value for cost first": ratio_greedy(self.problem)}
        rules |= {"best offer first": best_first(self.problem), "nothing": np.full(len(self.choice), -1)}
        cost = self.problem.cost
        rows = [
            (
                name,
                float(chosen_values(self.problem, c).sum()),
                int((c >= 0).sum()),
                float(cost[c >= 0, c[c >= 0]].sum()),
            )
            for name, c in rules.items()
        ]
        return pd.DataFrame(rows, columns=["rule", "value", "offers", "cost"]).set_index("rule")


def allocate(
    values: OfferValues | pd.DataFrame,
    constraints: Constraints | None = None,
    *,
    method: Method = "auto",
    risk: float = 0.0,
    audience: Audience | None = None,
) -> Allocation:
    """Give each customer at most one offer so that the sum of values is largest within all constraints.

    Parameters
    ----------
    values : OfferValues or DataFrame
        Incremental value and cost of each offer for each customer, in u; or a long frame (customer_id, offer, value,
        cost), or a wide frame of values. Values that are missing or not positive are never given, unless a minimum
        count forces a not positive one.
    constraints : Constraints, optional
        What the allocation must keep to.
    method : {"auto", "lp", "prices"}
        "lp": the linear programme by HiGHS; "prices": dual price iteration. "auto" takes "lp" up to 50,000 customers.
        Both are made whole and repaired in the same way.
    risk : float
        Maximise ``value - risk * se`` instead of the value; needs standard errors.
    audience : Audience, optional
        Eligibility, households, recent contacts.

    Returns
    -------
    Allocation
        Decisions, value, bound, shadow prices, comparison with simpler rules.

    Raises
    ------
    ConfigurationError
        Wrong tables, limits of unknown offers, unknown method.
    InfeasibleError
        Minimum counts that cannot be met: which, and by how much.

    Notes
    -----
    The linear programme: max sum v_ij x_ij; sum_j x_ij <= 1; sum c_ij x_ij <= budget; sum_i x_ij between minimum and
    capacity; sum h_j x_ij <= hours of the channel; sum over a household <= its limit. Contact policy, blocking windows
    and eligibility take pairs out beforehand.

    Examples
    --------
    >>> from custintel.decide import OfferLimits
    >>> values = pd.DataFrame({"call": [9.0, 5.0], "text": [4.0, 4.0]}, index=pd.Index(["a", "b"], name="customer_id"))
    >>> found = allocate(values, Constraints(offers={"call": OfferLimits(capacity=1)}))
    >>> found.decisions["offer"].tolist(), found.total_value
    (['call', 'text'], 13.0)
    """
    given, limits, audience = as_offer_values(values), constraints or Constraints(), audience or Audience()
    raise_problems([*_unknown_offers(limits, given.offers), *_unknown_method(method)])
    whole, group = _problem(given, limits, audience, risk)
    random_draw = draw_exploration(whole, given.value.index, group, limits.exploration)
    problem = _without(whole, random_draw)
    used_method = method if method != "auto" else ("lp" if len(problem.value) <= _LP_CUSTOMERS else "prices")
    solved = _solve(problem, given.offers, used_method)
    return _result(given, (whole, problem), (solved, random_draw), limits, used_method)


def _solve(problem: AllocationProblem, offers: tuple[str, ...], method: str) -> PriceSolution:
    check_counts(problem, offers)
    found: PriceSolution | None
    if not problem.useful.any():
        found = PriceSolution(np.zeros(len(problem.rows)), 0.0, np.full(len(problem.value), -1))
    elif method == "lp":
        linear = solve_linear(problem)
        found = None if linear is None else PriceSolution(linear.prices, linear.value, linear.choice)
    else:
        found = find_prices(problem)
    if found is None:
        check_together(problem, offers)
        raise ConfigurationError("HiGHS found no allocation\n  hint: method='prices' solves it in another way")
    choice = repair_allocation(problem, found.choice, found.prices)
    if shortage(problem, choice).any():
        check_together(problem, offers)
        choice = _exactly(problem, choice, (found.prices, offers))
    return found._replace(choice=choice)


def _exactly(problem: AllocationProblem, choice: np.ndarray, how: tuple[np.ndarray, tuple[str, ...]]) -> np.ndarray:
    """The choices of the least sure customers again, by branch and bound, the others as they are."""
    prices, offers = how
    open_ = np.argsort(choose_at_prices(problem, prices).margin, kind="stable")[:_EXACT_CUSTOMERS]
    if problem.group is not None:  # whole households
        open_ = np.flatnonzero(
            np.isin(np.arange(len(choice)), open_)
            | ((problem.group >= 0) & np.isin(problem.group, problem.group[open_]))
        )
    fixed = choice.copy()
    fixed[open_] = -1
    fixed[open_] = solve_whole_numbers(problem.part(open_, problem.limits - use_of(problem, fixed)), offers)
    return fixed


def _unknown_offers(limits: Constraints, offers: tuple[str, ...]) -> list[Problem]:
    hint = "limits are for offers that have values"
    return [
        Problem(f"offers.{name}", "no such offer in the values", name, ", ".join(offers), hint)
        for name in limits.offers
        if name not in offers
    ]


def _unknown_method(method: str) -> list[Problem]:
    return [] if method in ("auto", "lp", "prices") else [Problem("method", "unknown", str(method), "auto, lp, prices")]


def _problem(
    values: OfferValues, limits: Constraints, audience: Audience, risk: float
) -> tuple[AllocationProblem, np.ndarray | None]:
    """Arrays of the whole allocation, and the household of each customer."""
    allowed = allowed_offers(values.value, limits, audience)
    group = households(values.value, limits, audience)
    rows, columns, ends = zip(*_rows(values.offers, limits), strict=True) if _any_row(limits) else ((), (), ())
    bound = None if group is None else np.where(np.bincount(group)[group] > (limits.household_limit or 1), group, -1)
    if bound is not None and (bound < 0).all():
        bound = None
    problem = AllocationProblem(
        value=np.where(allowed, values.lower_bound(risk), -np.inf),
        cost=np.nan_to_num(np.array(values.cost, dtype=np.float64)),
        columns=np.array(columns, dtype=np.float64).reshape(len(rows), len(values.offers)),
        limits=np.array(ends, dtype=np.float64),
        rows=tuple(rows),
        group=bound,
        group_limit=limits.household_limit or 1,
    )
    if problem.has_budget and not problem.cost.any():
        hint = "OfferValues.from_wide(value, cost={...}), or a column `cost`"
        raise_problems([Problem("budget", "a budget, but no offer costs anything", str(limits.budget), "", hint)])
    return problem, group


def _any_row(limits: Constraints) -> bool:
    has = any(o.capacity is not None or o.minimum for o in limits.offers.values())
    return limits.budget is not None or has or bool(limits.channels)


def _rows(offers: tuple[str, ...], limits: Constraints) -> Iterator[tuple[LimitRow, Any, float]]:
    """Each scarce thing, what an offer takes of it, and its limit; the budget first."""
    one = np.eye(len(offers))
    if limits.budget is not None:
        yield LimitRow("budget", "budget"), np.zeros(len(offers)), float(limits.budget)
    for j, name in enumerate(offers):
        offer = limits.offers.get(name)
        if offer is not None and offer.capacity is not None:
            yield LimitRow("capacity", name), one[j], float(offer.capacity)
        if offer is not None and offer.minimum:
            yield LimitRow("minimum", name), -one[j], -float(offer.minimum)
    for channel, hours in limits.channels.items():
        known = [limits.offers.get(name, OfferLimits()) for name in offers]
        takes = [offer.hours if offer.channel == channel else 0.0 for offer in known]
        yield LimitRow("channel", channel), np.array(takes), float(hours)


def _without(problem: AllocationProblem, random_draw: RandomDraw) -> AllocationProblem:
    """What is left for the policy: its customers, and limits less what exploration uses."""
    if not (random_draw.held.any() or random_draw.exploring.any()):
        return problem
    value = problem.value.copy()
    value[random_draw.held | random_draw.exploring] = -np.inf
    return AllocationProblem(
        value,
        problem.cost,
        problem.columns,
        problem.limits - use_of(problem, random_draw.choice),
        problem.rows,
        problem.group,
        problem.group_limit,
    )


def _result(
    values: OfferValues,
    problems: tuple[AllocationProblem, AllocationProblem],
    found: tuple[PriceSolution, RandomDraw],
    limits: Constraints,
    method: str,
) -> Allocation:
    whole, (solved, random_draw) = problems[0], found
    follows = ~(random_draw.held | random_draw.exploring)
    choice = np.where(follows, solved.choice, random_draw.choice)
    # what the policy would have done with those whom chance took is read from the prices
    policy = np.where(follows, solved.choice, choose_at_prices(whole, solved.prices).choice)
    chances = probabilities(random_draw, policy, limits.exploration)
    index = values.value.index.rename("customer_id")
    names = np.array([*values.offers, NO_OFFER], dtype=object)
    who = np.arange(len(choice))
    plain = np.column_stack([np.nan_to_num(np.array(values.value, dtype=np.float64)), np.zeros(len(choice))])
    decisions = pd.DataFrame(
        {
            "offer": names[choice],
            "value": plain[who, choice],
            "cost": np.where(choice >= 0, whole.cost[who, choice], 0.0),
            "propensity": chances[who, choice],
            "control": random_draw.held,
            "explored": random_draw.exploring,
            "policy_offer": names[policy],
        },
        index=index,
    )
    reached = float(chosen_values(whole, choice).sum())
    bound = max(solved.bound + float(chosen_values(whole, random_draw.choice).sum()), reached)
    gap = (bound - reached) / abs(bound) if bound else 0.0
    return Allocation(
        decisions,
        pd.DataFrame(chances, index=index, columns=list(names)),
        float(decisions["value"].sum()),
        bound,
        gap,
        method,
        whole,
        choice,
        solved.prices,
    )
