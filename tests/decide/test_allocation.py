"""Allocation: always feasible, close to its bound, equal to an exhaustive search on small problems."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from custintel.decide import Audience, Constraints, ContactPolicy, Exploration, OfferLimits, OfferValues, allocate
from custintel.decide._linear_programme import InfeasibleError
from custintel.decide.constraints import Blocking, read_constraints
from custintel.errors import ConfigurationError

if TYPE_CHECKING:
    from custintel.decide._allocation import Allocation

OFFERS = ["sms", "call", "discount", "device"]


def some_values(customers: int, offers: int, seed: int) -> OfferValues:
    """Values and costs, some missing, some negative."""
    rng = np.random.default_rng(seed)
    value = rng.normal(5, 8, (customers, offers)).round(1)
    value[rng.random(value.shape) < 0.15] = np.nan
    index = [f"C{i}" for i in range(customers)]
    cost = pd.DataFrame(rng.integers(0, 7, value.shape).astype(float), index, OFFERS[:offers])
    cost.iloc[0] += 1
    return OfferValues(pd.DataFrame(value, index, OFFERS[:offers]), cost)


def problems_of(allocation: Allocation, values: OfferValues, c: Constraints, audience: Audience) -> list[str]:
    """Every broken rule, counted from the decisions alone."""
    made = allocation.assignment
    pairs = list(zip(made.index, made["offer"], strict=True))
    counts = made["offer"].value_counts()
    problems = [f"{pair} is not possible" for pair in pairs if np.isnan(values.value.loc[pair])]
    if c.budget is not None and sum(values.cost.loc[p] for p in pairs) > c.budget + 1e-6:
        problems.append("budget")
    for name, limit in c.offers.items():
        if limit.capacity is not None and counts.get(name, 0) > limit.capacity:
            problems.append(f"capacity of {name}")
        if counts.get(name, 0) < limit.minimum:
            problems.append(f"minimum of {name}")
    for channel, hours in c.channels.items():
        used = sum(c.offers[o].hours for o in made["offer"] if o in c.offers and c.offers[o].channel == channel)
        if used > hours + 1e-6:
            problems.append(f"channel {channel}")
    if c.household_limit and audience.household is not None:
        homes = audience.household.loc[made.index].value_counts()
        problems += ["household"] * int((homes > c.household_limit).any())
    forced = {name for name, limit in c.offers.items() if limit.minimum}
    problems += [
        f"{p} loses" for p in pairs if values.value.loc[p] <= 0 and p[1] not in forced and not explored(allocation, p)
    ]
    return problems


def explored(allocation: Allocation, pair: tuple[str, str]) -> bool:
    return bool(allocation.decisions.loc[pair[0], "explored"])


@st.composite
def cases(draw: st.DrawFn) -> tuple[OfferValues, Constraints, Audience]:
    customers, offers = draw(st.integers(1, 60)), draw(st.integers(1, 4))
    values = some_values(customers, offers, draw(st.integers(0, 10_000)))
    limits = {
        name: OfferLimits(
            capacity=draw(st.one_of(st.none(), st.integers(3, 20))),
            minimum=draw(st.integers(0, 3)),
            channel="phone" if j < 2 else None,
            hours=draw(st.sampled_from([0.3, 1.0])),
        )
        for j, name in enumerate(OFFERS[:offers])
    }
    constraints = Constraints(
        budget=draw(st.one_of(st.none(), st.integers(0, 80).map(float))),
        offers=limits,
        channels=draw(st.sampled_from([{}, {"phone": 4.0}, {"phone": 11.5}])),
        household_limit=draw(st.sampled_from([None, 1, 2])),
        exploration=draw(st.sampled_from([Exploration(), Exploration(0.1, 0.2, random_state=3)])),
    )
    homes = pd.Series([i // draw(st.integers(1, 4)) for i in range(customers)], values.value.index)
    return values, constraints, Audience(household=homes)


@settings(max_examples=150, deadline=None)
@given(cases(), st.sampled_from(["lp", "prices"]))
def test_an_allocation_keeps_every_constraint_or_says_which_cannot_be_kept(
    case: tuple[OfferValues, Constraints, Audience], method: str
) -> None:
    values, constraints, audience = case
    try:
        found = allocate(values, constraints, method=method, audience=audience)  # type: ignore[arg-type]
    except InfeasibleError:
        event("infeasible")
        return
    assert problems_of(found, values, constraints, audience) == []
    assert found.bound >= found.total_value - 1e-6
    assert (found.constraints["left"] >= -1e-6).all()


def exhaustive(values: OfferValues, budget: float, minimum: int) -> float:
    """The best of all allocations; -inf if there is none."""
    value, cost = values.value.to_numpy(), values.cost.to_numpy()
    best = -np.inf
    for choice in itertools.product(range(-1, value.shape[1]), repeat=len(value)):
        pairs = [(i, j) for i, j in enumerate(choice) if j >= 0]
        worth = sum(value[p] for p in pairs)
        if not np.isnan(worth) and sum(cost[p] for p in pairs) <= budget and choice.count(0) >= minimum:
            best = max(best, worth)
    return best


@pytest.mark.parametrize("seed", range(30))
def test_small_allocations_against_an_exhaustive_search(seed: int) -> None:
    values, minimum = some_values(6, 3, seed), seed % 4
    constraints = Constraints(budget=10.0, offers={"sms": OfferLimits(minimum=minimum)})
    best = exhaustive(values, 10.0, minimum)
    if best == -np.inf:
        with pytest.raises(InfeasibleError, match="short by"):
            allocate(values, constraints)
        return
    for method in ("lp", "prices"):
        found = allocate(values, constraints, method=method)  # type: ignore[arg-type]
        assert found.total_value <= best + 1e-9
        assert found.bound >= best - 1e-6
        assert found.total_value >= best - 12  # one customer at the margin of each scarce row


def campaign(customers: int, seed: int = 0) -> tuple[OfferValues, Constraints]:
    """Five offers under a budget and five capacities."""
    rng = np.random.default_rng(seed)
    names = ["sms", "call", "bonus", "discount", "device"]
    cost = pd.DataFrame(np.array([1.0, 6.0, 8.0, 24.0, 60.0]) * rng.uniform(0.8, 1.2, (customers, 5)), columns=names)
    effect = pd.DataFrame(rng.gamma(1.2, [0.01, 0.03, 0.04, 0.07, 0.1], (customers, 5)).clip(0, 0.9), columns=names)
    shares = [0.2, 0.05, 0.1, 0.06, 0.03]
    limits = {n: OfferLimits(capacity=round(s * customers)) for n, s in zip(names, shares, strict=True)}
    value = pd.Series(rng.lognormal(5.5, 0.8, customers))
    return OfferValues.from_effects(effect, value, cost), Constraints(budget=2.0 * customers, offers=limits)


def test_both_methods_reach_the_bound_and_agree() -> None:
    values, constraints = campaign(9_000)
    by_lp, by_prices = (allocate(values, constraints, method=m) for m in ("lp", "prices"))  # type: ignore[arg-type]
    assert by_lp.gap < 0.001
    assert by_prices.gap < 0.001
    assert by_prices.bound == pytest.approx(by_lp.bound, rel=1e-5)
    assert by_prices.prices == pytest.approx(by_lp.prices, rel=0.02, abs=0.02)


def test_like_customers_tie_and_are_parted_all_the_same() -> None:
    """Values and costs of a few kinds only, as segments have: no price tells like customers apart."""
    rng = np.random.default_rng(0)
    value = pd.DataFrame(rng.integers(0, 6, (12_000, 3)).astype(float), columns=list("abc"))
    values = OfferValues.from_wide(value, {"a": 1.0, "b": 2.0, "c": 3.0})
    limits = {"a": OfferLimits(capacity=1_200), "b": OfferLimits(capacity=600, minimum=200)}
    found = allocate(values, Constraints(budget=8_000.0, offers=limits), method="prices")
    assert found.gap < 0.001
    assert (found.constraints["left"] >= 0).all()


def test_households_minimums_and_exploration_together_reach_the_bound() -> None:
    values, constraints = campaign(9_000)
    offers = {**constraints.offers, "device": OfferLimits(capacity=270, minimum=270)}
    both = Constraints(27_000.0, offers, household_limit=2, exploration=Exploration(0.05, 0.03))
    homes = pd.Series(np.random.default_rng(1).integers(0, 3_000, 9_000))
    found = allocate(values, both, method="prices", audience=Audience(household=homes))
    assert found.gap < 0.001
    assert (found.constraints["left"] >= -1e-6).all()
    assert homes[found.assignment.index].value_counts().max() <= 2


@pytest.mark.parametrize("method", ["lp", "prices"])
def test_nothing_to_give_is_an_answer(method: str) -> None:
    for value, rules in (
        (pd.DataFrame({"x": [np.nan, np.nan]}), Constraints()),
        (pd.DataFrame({"x": [-1.0, 0.0]}), Constraints()),
        (pd.DataFrame({"x": [1.0, 2.0]}), Constraints(offers={"x": OfferLimits(capacity=0)})),
    ):
        found = allocate(value, rules, method=method)  # type: ignore[arg-type]
        assert found.assignment.empty
        assert found.total_value == found.bound == 0
        assert found.words()[0].startswith("0 of 2 customers")
        assert (found.comparison["value"] == 0).all()


def test_much_better_than_the_best_offer_first() -> None:
    values, constraints = campaign(20_000)
    table = allocate(values, constraints, method="prices").comparison["value"]
    assert table["custintel"] > 1.3 * table["best offer first"]
    assert table["custintel"] >= table["value for cost first"]
    assert table["nothing"] == 0


def test_shadow_prices_are_what_more_really_earns() -> None:
    values, constraints = campaign(4_000)
    found = allocate(values, constraints)
    more = allocate(values, Constraints(budget=8_400.0, offers=constraints.offers))
    budget = found.shadow_prices.set_index("kind").loc["budget"]
    assert budget["lowest"] * 400 <= more.total_value - found.total_value <= budget["price"] * 400 * 1.001
    assert budget["tested_to"] == pytest.approx(8_800)
    assert any("another 100 u of budget earns" in line or "1,000 u of budget" in line for line in found.words())


def test_too_few_eligible_says_short_by_how_many() -> None:
    values, _ = campaign(400)
    eligible = pd.DataFrame(True, values.value.index, list(values.offers))
    eligible.iloc[320:, 3] = False
    constraints = Constraints(offers={"discount": OfferLimits(minimum=360)})
    with pytest.raises(InfeasibleError, match=r"minimum of discount .*asked 360, possible 320: short by 40"):
        allocate(values, constraints, audience=Audience(eligible=eligible))


def test_a_minimum_that_the_budget_cannot_pay() -> None:
    values = OfferValues.from_wide(pd.DataFrame({"device": [1.0, 2.0, 3.0]}), {"device": 50.0})
    with pytest.raises(InfeasibleError, match=r"budget .*asked 150, possible 120: short by 30"):
        allocate(values, Constraints(budget=120.0, offers={"device": OfferLimits(minimum=3)}))


def test_minimums_that_only_fail_together() -> None:
    value = pd.DataFrame({"x": [1.0, 1.0, np.nan], "y": [1.0, 1.0, np.nan], "z": [np.nan, np.nan, 1.0]})
    constraints = Constraints(offers={"x": OfferLimits(minimum=2), "y": OfferLimits(minimum=1)})
    with pytest.raises(InfeasibleError, match="short by 1"):
        allocate(value, constraints)


def test_a_minimum_forces_losses_and_only_these() -> None:
    value = pd.DataFrame({"x": [-5.0, -1.0, -3.0], "y": [-1.0, -1.0, 2.0]}, index=list("abc"))
    found = allocate(value, Constraints(offers={"x": OfferLimits(minimum=1)}))
    assert found.assignment["offer"].to_dict() == {"b": "x", "c": "y"}


def test_contact_policy_and_blocking_windows() -> None:
    value = pd.DataFrame({"sms": [1.0] * 4, "device": [2.0] * 4}, index=list("abcd"))
    contacts = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d"],
            "event_time": pd.to_datetime(["2025-06-20", "2025-06-20", "2025-05-01", "2025-06-29"]),
            "offer_id": ["sms", "sms", "sms", "sms"],
            "control": [False, True, False, False],
        }
    )
    policy = ContactPolicy(at_most=1, days=30, blocking=(Blocking("message", "hardware", 90),))
    limits = {"sms": OfferLimits(kind="message"), "device": OfferLimits(kind="hardware")}
    found = allocate(
        value, Constraints(offers=limits, contact=policy), audience=Audience(contacts=contacts, as_of="2025-06-30")
    )
    # a and d were contacted in the last 30 days, b was only held back, c had a message within 90 days
    assert found.decisions["offer"].to_dict() == {"a": "none", "b": "device", "c": "sms", "d": "none"}


def test_risk_prefers_what_is_sure() -> None:
    value = pd.DataFrame({"x": [10.0], "y": [8.0]}, index=["a"])
    values = OfferValues.from_wide(value, 1.0, se=pd.DataFrame({"x": [6.0], "y": [1.0]}, index=["a"]))
    assert allocate(values).decisions["offer"].item() == "x"
    assert allocate(values, risk=1.0).decisions["offer"].item() == "y"
    assert allocate(values, risk=1.0).total_value == 8.0


def test_the_order_of_rows_and_the_run_change_nothing() -> None:
    values, constraints = campaign(1_000)
    first, again = (allocate(values, constraints, method="prices") for _ in range(2))
    pd.testing.assert_frame_equal(first.decisions, again.decisions)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pd.DataFrame({"x": [1.0, 2.0]}, index=["a", "a"]), r"1 customer\(s\) occur more than once"),
        (pd.DataFrame({"x": [np.inf]}), "infinite values"),
        (pd.DataFrame({"customer_id": ["a"], "offer": ["x"]}), "columns are missing: value"),
        (pd.DataFrame({"customer_id": ["a", "a"], "offer": ["x", "x"], "value": [1.0, 2.0]}), "same offer twice"),
        (pd.DataFrame({"x": ["high"]}), "columns that are not numbers: x"),
        (pd.DataFrame(), "the table is empty"),
        (pd.DataFrame({"none": [1.0]}), "an offer is called 'none'"),
        ([1.0], "not a table"),
    ],
)
def test_wrong_values_are_told(values: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        allocate(values)  # type: ignore[arg-type]


def test_all_wrong_constraints_are_told_at_once(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("budget: 5\nbugdet: 7\noffers: {x: {capacty: 3}}\ncontact: {at_most: 1, blocking: [{after: x}]}\n")
    with pytest.raises(ConfigurationError, match=r"3 mistakes found") as caught:
        read_constraints(path)
    assert "bugdet" in str(caught.value)
    with pytest.raises(ConfigurationError, match="3 mistakes found"):
        Constraints(budget=-1, channels={"fax": 3}, exploration=Exploration(hold_out=1.0))
    with pytest.raises(ConfigurationError, match="no such offer"):
        allocate(pd.DataFrame({"x": [1.0]}), Constraints(offers={"y": OfferLimits(capacity=1)}))
    with pytest.raises(ConfigurationError, match="no offer costs anything"):
        allocate(pd.DataFrame({"x": [1.0]}), Constraints(budget=3.0))
    with pytest.raises(ConfigurationError, match="no standard errors"):
        allocate(pd.DataFrame({"x": [1.0]}), risk=1.0)


def test_logged_propensities_are_the_frequencies() -> None:
    """Among 20,000 like households each action is as frequent as its logged probability."""
    copies = 20_000
    value = pd.DataFrame({"x": [3.0, 1.0, -1.0, 2.0], "y": [1.0, np.nan, -2.0, 2.5]})
    homes = pd.DataFrame({"copy": np.repeat(np.arange(copies), 4), "like": np.tile([0, 0, 1, 2], copies)})
    many = pd.concat([value] * copies, ignore_index=True)
    constraints = Constraints(household_limit=1, exploration=Exploration(0.1, 0.3, random_state=5))
    household = homes["copy"] * 3 + homes["like"]
    found = allocate(many, constraints, method="prices", audience=Audience(household=household))
    assert found.propensities.sum(axis=1).to_numpy() == pytest.approx(1.0)
    place = np.arange(4 * copies) % 4
    for k in range(4):
        mine, chances = found.decisions[place == k], found.propensities[place == k]
        assert len(chances.drop_duplicates()) == 1
        for action, chance in chances.iloc[0].items():
            spread = 4 * np.sqrt(chance * (1 - chance) / copies) + 1e-9
            assert abs((mine["offer"] == action).mean() - chance) <= spread, (k, action)


def test_propensities_hold_under_a_budget_too() -> None:
    """Customers whom the policy does not call are called by chance as often as the log says."""
    values, constraints = campaign(3_000, seed=2)
    weights = []
    for seed in range(30):
        how = Exploration(0.1, 0.2, random_state=seed, hold_out_random_state=seed)
        found = allocate(
            values, Constraints(budget=6_000.0, offers=constraints.offers, exploration=how), method="prices"
        )
        other = found.decisions["policy_offer"] != "call"
        done = found.decisions["explored"] & (found.decisions["offer"] == "call") & other
        weights.append([done.sum(), found.propensities.loc[other, "call"].sum()])
    drawn, expected = np.sum(weights, axis=0)
    assert drawn == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_the_hold_out_stays_and_exploration_changes() -> None:
    values, constraints = campaign(5_000)
    rounds = [
        allocate(values, Constraints(budget=1e4, offers=constraints.offers, exploration=Exploration(0.1, 0.1, seed)))
        for seed in (1, 2)
    ]
    held = [r.decisions["control"] for r in rounds]
    assert (held[0] == held[1]).all()
    assert held[0].mean() == pytest.approx(0.1, abs=0.02)
    assert (rounds[0].decisions.loc[held[0], "offer"] == "none").all()
    assert (rounds[0].decisions["explored"] != rounds[1].decisions["explored"]).any()
    assert (rounds[0].constraints["left"] >= -1e-6).all()
