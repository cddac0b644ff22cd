"""What each offer would do to each line on a day: chance to accept, effect on the hazard of leaving, margin.

The fixed part of an effect belongs to the line; the rest depends on where the line stands on the day: near the end of
its contract, after a complaint that went badly, on a plan that is too large or too small for its use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._simulated_days import NEVER
from custintel.simulate.behaviour._churn_hazard import contract_left

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.simulate._random_streams import Bools, Floats, Ints
    from custintel.simulate._simulation_config import CampaignConfig, OfferConfig
    from custintel.simulate.behaviour._churn_hazard import Covariates, Experience
    from custintel.simulate.billing._plans_and_contracts import CurrentPlans, Tariffs
    from custintel.simulate.people._population import Population


DISCOUNT, DISCOUNT_DAYS, DISCOUNT_DELAY = 0.15, 182, 14
ENDING_DAYS = 90  # before the end of a contract, from which a customer looks around
BAD_COMPLAINT = 0.3  # memory of complaints from which one went badly
MOST_TAKE_UP = 0.6
DAYS_A_MONTH = 30.4375


@dataclass(frozen=True)
class PlanFit:
    """What each line would pay under each plan, and the plan that suits it."""

    expected: Floats  # (plans, n) cents a month without tax
    best: Ints


@dataclass(frozen=True)
class OffersOnDay:
    """Arrays (offers, n): what would happen if the offer were made on the day.

    Attributes
    ----------
    effect : array
        On the log hazard of deciding to leave, by the contact.
    take_up : array
        Chance to accept.
    margin : array
        What acceptance brings in a year, in u: fees and instalments less discounts and the cost of the offer.
    possible : array of bool
        Whether the offer may be made.
    """

    effect: Floats
    take_up: Floats
    margin: Floats
    possible: Bools

    def of_lines(self, line: Ints) -> OffersOnDay:
        """The same for some lines."""
        return OffersOnDay(self.effect[:, line], self.take_up[:, line], self.margin[:, line], self.possible[:, line])


def plan_fit(postpaid: Bools, need: Floats, tariffs: Tariffs, slow: float) -> PlanFit:
    """Expected charges of each plan for the usual need; `slow`: cents that a slow MB is felt to cost."""
    allowance = np.stack([tariffs.seconds / 60, tariffs.sms, tariffs.mb])
    price = np.stack([tariffs.per_second * 60, tariffs.per_sms, tariffs.per_mb])
    over = np.maximum(need[:, :, None] - allowance[None], 0)
    expected = tariffs.fee + (over * price[None]).sum(axis=1)
    felt = expected + slow * over[:, 2] * (tariffs.per_mb == 0)
    felt = np.where(postpaid[:, None] == (tariffs.prepaid[None] == 1), np.inf, felt)
    return PlanFit(expected.T, felt.argmin(axis=1))


def fixed_effects(population: Population, spend: Floats, config: CampaignConfig, rng: np.random.Generator) -> Floats:
    """Fixed part of the effect of each offer on each line's log hazard: a + b fit + c price - d tolerance + noise.

    The fit of a discount is what the line pays (`spend`), that of bonus data its appetite for data.
    """
    price, tolerance = population.traits["price_sensitivity"], population.traits["tolerance"]
    fit = {"discount": spend, "bonus_data": population.traits["data_appetite"]}
    return np.stack(
        [
            offer.a + offer.fit * fit.get(offer.kind, np.zeros(population.n)) + offer.price * price
            - offer.tolerance * tolerance + offer.noise * rng.normal(size=population.n)
            for offer in config.offers
        ]
    )  # fmt: skip


def situations(
    day: int, fixed: Covariates, data: Floats, experience: Experience, plans: tuple[CurrentPlans, PlanFit]
) -> dict[str, Floats]:
    """Where each line stands on a day: traits, and flags of 0 and 1."""
    current, fit = plans
    left = contract_left(current.contract_end, day)
    smaller = fit.best < current.plan
    flags = {
        "contract_ending": left < ENDING_DAYS,
        "bad_complaint": experience.complaint > BAD_COMPLAINT,
        "moves_up": fit.best > current.plan,
        "moves_down": smaller,
        "overpays_in_contract": smaller & (left >= 0),
    }
    return {"spend": fixed.value, "data": data, "price": fixed.price} | {k: v.astype(float) for k, v in flags.items()}


def offers_on_day(
    day: int,
    fixed: Floats,
    where: Mapping[str, Floats],
    plans: tuple[CurrentPlans, PlanFit, Tariffs],
    config: CampaignConfig,
) -> OffersOnDay:
    """Effects, chances and margins of all offers; `possible` says nothing yet of who is in service."""
    current, fit, tariffs = plans
    postpaid = tariffs.prepaid[current.plan] == 0
    margin = np.stack([_margin(o, day, current, fit, tariffs) for o in config.offers])
    least = np.array([[o.least_margin] for o in config.offers])
    return OffersOnDay(
        effect=np.stack([own + _weighted(o.effect_when, where) for own, o in zip(fixed, config.offers, strict=True)]),
        take_up=np.stack([_take_up(own, o, where) for own, o in zip(fixed, config.offers, strict=True)]),
        margin=margin,
        possible=np.stack([postpaid | (not o.postpaid_only) for o in config.offers]) & (margin >= least),
    )


def advised_plan(current: CurrentPlans, fit: PlanFit) -> Ints:
    """The next plan in the direction of the one that suits the line."""
    return np.asarray(current.plan + np.sign(fit.best - current.plan))


def _take_up(effect: Floats, offer: OfferConfig, where: Mapping[str, Floats]) -> Floats:
    """Chance to accept: those whom the offer helps accept more often."""
    pull = np.clip(-2.0 * (effect - effect.mean()), -1.5, 1.5)
    chance = offer.take_up * np.exp(pull)
    if not offer.take_up_when:
        return np.asarray(chance)
    return np.asarray(np.minimum(chance * np.exp(_weighted(offer.take_up_when, where)), MOST_TAKE_UP))


def _weighted(weights: tuple[tuple[str, float], ...], where: Mapping[str, Floats]) -> Floats | float:
    return sum((weight * where[name] for name, weight in weights), 0.0)


def _margin(offer: OfferConfig, day: int, current: CurrentPlans, fit: PlanFit, tariffs: Tariffs) -> Floats:
    """What acceptance brings in a year, in u."""
    cents = np.zeros(len(current.plan))
    if offer.kind == "discount":
        cents -= _discount_cents(day + DISCOUNT_DELAY, current, tariffs)
    if offer.kind == "plan_advice":
        lines = np.arange(len(cents))
        cents += 12 * (fit.expected[advised_plan(current, fit), lines] - fit.expected[current.plan, lines])
    return np.asarray(cents / 100 + 12 * offer.instalment - offer.cost)


def _discount_cents(start: int, current: CurrentPlans, tariffs: Tariffs) -> Floats:
    """Fees given away by the new discount, beyond those that the present one gives away anyway."""
    share = np.maximum(current.discount_share, DISCOUNT)
    running = np.clip(np.where(current.discount_end >= NEVER, 0, current.discount_end) - start, 0, DISCOUNT_DAYS)
    given = share * DISCOUNT_DAYS - current.discount_share * running
    return np.asarray(tariffs.fee[current.plan] * given / DAYS_A_MONTH)
