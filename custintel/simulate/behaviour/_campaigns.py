"""Randomised campaigns: who is contacted, what it does to the hazard, and what would have happened otherwise.

Each line leaves when its summed hazard passes its own threshold. Running the sums with and without the contact under
the same threshold gives both potential outcomes with shared random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints
    from custintel.simulate._simulation_config import CampaignConfig, OfferConfig
    from custintel.simulate.people._population import Population


@dataclass
class Campaign:
    """One campaign and the sums of hazard of its lines with and without the contact."""

    campaign: int
    offer: int
    week: int
    line: Ints
    second: Ints
    treated: Bools
    propensity: Floats
    response: Ints  # second, -1 without
    tau: Floats
    hazard: Floats  # (2, lines): summed since the start of the data, untreated and treated
    start: Floats  # hazard summed before


@dataclass
class CampaignLog:
    """All campaigns and the effects that still work on the hazard."""

    effects: Floats  # (offers, lines) true log effects
    hold_out: Bools
    campaigns: list[Campaign] = field(default_factory=list)
    contacts: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def offer_effects(population: Population, fit: Floats, config: CampaignConfig, rng: np.random.Generator) -> Floats:
    """True effect of each offer on each line's log hazard: tau = a + b fit + c price - d tolerance + noise."""
    price, tolerance = population.traits["price_sensitivity"], population.traits["tolerance"]
    return np.stack(
        [
            offer.a + offer.fit * fit[j] + offer.price * price - offer.tolerance * tolerance
            + offer.noise * rng.normal(size=population.n)
            for j, offer in enumerate(config.offers)
        ]
    )  # fmt: skip


def launch_campaign(
    log: CampaignLog, at: tuple[int, int, int], eligible: Bools, summed: Floats, config: CampaignConfig,
    rng: np.random.Generator,
) -> Campaign:  # fmt: skip
    """Start the campaign of one offer; `at` is the offer, the week and the day."""
    j, week, day = at
    offer = config.offers[j]
    n = len(eligible)
    draw = rng.random(n)
    chosen = eligible & ~log.hold_out & (draw < offer.treated + offer.control)
    line = np.flatnonzero(chosen)
    treated = draw[line] < offer.treated
    second = day * 86_400 + rng.integers(9 * 3600, 19 * 3600, n)[line]
    response = _responses(line, treated, second, log.effects[j], offer, rng)
    campaign = Campaign(
        campaign=len(log.campaigns),
        offer=j,
        week=week,
        line=line,
        second=second,
        treated=treated,
        propensity=np.where(treated, offer.treated, offer.control),
        response=response,
        tau=log.effects[j][line],
        hazard=np.tile(summed[line], (2, 1)),
        start=summed[line].copy(),
    )
    log.campaigns.append(campaign)
    return campaign


def weekly_effect(log: CampaignLog, week: int, config: CampaignConfig) -> Floats:
    """Sum of the effects of all contacts that still work in a week, by line."""
    total = np.zeros(log.effects.shape[1])
    for campaign in log.campaigns:
        strength = _strength(campaign, week, config)
        if strength > 0:
            total += np.bincount(campaign.line, campaign.tau * campaign.treated * strength, len(total))
    return total


def add_week_hazard(log: CampaignLog, week: int, log_hazards: Floats, active: Bools, config: CampaignConfig) -> None:
    """Add the week's hazard to both futures of every line under a campaign."""
    for campaign in log.campaigns:
        strength = _strength(campaign, week, config)
        if strength > 0:
            own = log_hazards[campaign.line] - campaign.tau * campaign.treated * strength
            both = np.exp(np.stack([own, own + campaign.tau * strength]))
            campaign.hazard += both * active[campaign.line]


def _strength(campaign: Campaign, week: int, config: CampaignConfig) -> float:
    """How much of the effect is left; nothing before the contact or after the last week."""
    age = week - campaign.week
    return 0.5 ** (age / config.half_life_weeks) if 0 <= age < config.effect_weeks else 0.0


def _responses(
    line: Ints, treated: Bools, second: Ints, effect: Floats, offer: OfferConfig, rng: np.random.Generator
) -> Ints:
    """Seconds at which the offer is accepted; those whom it helps accept more often."""
    n = len(effect)
    pull = np.clip(-2.0 * (effect[line] - effect.mean()), -1.5, 1.5)
    accepts = (rng.random(n)[line] < offer.take_up * np.exp(pull)) & treated
    wait = (rng.exponential(3.0, n)[line] * 86_400).astype(np.int64) + 60
    return np.where(accepts, second + wait, -1)
