"""Campaigns: who is contacted, what it does to the hazard, and what would have happened otherwise.

Each line leaves when its summed hazard passes its own threshold. Running the sums with and without the contact under
the same threshold gives both potential outcomes with shared random numbers. Who is contacted is drawn at random, or
chosen by a policy (`ChosenContacts`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._simulated_days import NEVER

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints, RandomStreams, Strings
    from custintel.simulate._simulation_config import CampaignConfig
    from custintel.simulate.behaviour._offer_effects import OffersOnDay


@dataclass
class Campaign:
    """One campaign and the sums of hazard of its lines with and without the contact."""

    campaign: int
    offer: int  # -1: no offer
    week: int
    line: Ints
    second: Ints
    treated: Bools
    propensity: Floats
    response: Ints  # second, -1 without
    tau: Floats
    hazard: Floats  # (2, lines): summed since the start of the data, untreated and treated
    start: Floats  # hazard summed before
    policy: str = ""
    names: Strings | None = None  # identities of the contacts, where the policy gave them


@dataclass(frozen=True)
class ChosenContacts:
    """What a policy chose for one campaign day, one entry a line."""

    line: Ints
    offer: Ints  # -1: no offer
    treated: Bools
    propensity: Floats
    policy: str
    names: Strings | None = None

    def take(self, rows: Bools) -> ChosenContacts:
        """Some of the contacts."""
        names = None if self.names is None else self.names[rows]
        kept = (self.line[rows], self.offer[rows], self.treated[rows], self.propensity[rows])
        return ChosenContacts(*kept, self.policy, names)


@dataclass
class OfferTruth:
    """What every offer would do to every line that could be contacted on one campaign day."""

    day: int
    week: int
    line: Ints
    undecided: Bools
    offers: OffersOnDay  # of these lines
    contact: Floats  # effect on the log hazard of the contacts that were made that day
    hazard: Floats  # (1 + offers, lines): summed from the day on, without any contact of the day and with each offer
    weeks: int = 0


@dataclass
class CampaignLog:
    """All campaigns and the effects that still work on the hazard."""

    effects: Floats  # (offers, lines) fixed part of the true log effects
    hold_out: Bools
    taken: Ints  # (offers, lines) day of the latest acceptance, -NEVER without
    campaigns: list[Campaign] = field(default_factory=list)
    truths: list[OfferTruth] = field(default_factory=list)
    accepted: list[tuple[int, Ints]] = field(default_factory=list)  # offer and lines, to be carried out next month

    @classmethod
    def start(cls, effects: Floats, hold_out: Bools) -> CampaignLog:
        """No campaigns yet."""
        return cls(effects, hold_out, np.full(effects.shape, -NEVER))

    def rested(self, day: int, config: CampaignConfig) -> Bools:
        """Offers (offers, lines) that were not accepted lately."""
        return np.asarray(day - self.taken >= config.rest_days)


def launch_campaign(
    log: CampaignLog, at: tuple[int, int, int], eligible: Bools, offers: OffersOnDay, summed: Floats,
    draws: tuple[CampaignConfig, np.random.Generator],
) -> Campaign:  # fmt: skip
    """Start the randomised campaign of one offer; `at` is the offer, the week and the day."""
    j, week, day = at
    config, rng = draws
    offer = config.offers[j]
    n = len(eligible)
    draw = rng.random(n)
    chosen = eligible & ~log.hold_out & (draw < offer.treated + offer.control)
    line = np.flatnonzero(chosen)
    treated = draw[line] < offer.treated
    second = _seconds(day, n, rng)[line]
    campaign = Campaign(
        campaign=len(log.campaigns),
        offer=j,
        week=week,
        line=line,
        second=second,
        treated=treated,
        propensity=np.where(treated, offer.treated, offer.control),
        response=_responses(line, treated, second, offers.take_up[j], rng),
        tau=offers.effect[j][line],
        hazard=np.tile(summed[line], (2, 1)),
        start=summed[line].copy(),
    )
    log.campaigns.append(campaign)
    return campaign


def launch_chosen(
    log: CampaignLog, at: tuple[int, int, int], chosen: ChosenContacts, offers: OffersOnDay, summed: Floats,
    streams: RandomStreams,
) -> list[Campaign]:  # fmt: skip
    """Make the contacts of a policy; `at` is the number of the campaign, the week and the day.

    A line would answer the same offer of the same day in the same way, whatever else the policy chose.
    """
    number, week, day = at
    n = len(summed)
    second = _seconds(day, n, streams.get("policy_times", day))
    made = []
    for j in np.unique(chosen.offer).tolist():
        own = chosen.take(chosen.offer == j)
        line, treated = own.line, own.treated
        chance, effect = (offers.take_up[j], offers.effect[j]) if j >= 0 else (np.zeros(n), np.zeros(n))
        rng = streams.get("policy_responses", day, j + 1)
        made.append(
            Campaign(
                campaign=number, offer=j, week=week, line=line, second=second[line], treated=treated,
                propensity=own.propensity, response=_responses(line, treated, second[line], chance, rng),
                tau=effect[line], hazard=np.tile(summed[line], (2, 1)), start=summed[line].copy(),
                policy=own.policy, names=own.names,
            )
        )  # fmt: skip
    log.campaigns.extend(made)
    return made


def keep_truth(
    log: CampaignLog, at: tuple[int, int], lines: tuple[Bools, Bools], offers: OffersOnDay, made: list[Campaign]
) -> None:
    """Begin to follow every offer for every line in service; `at` is week and day, `lines` in service and undecided."""
    week, day = at
    here, undecided = lines
    line = np.flatnonzero(here)
    contact = np.zeros(len(here))
    for campaign in made:
        np.add.at(contact, campaign.line, campaign.tau * campaign.treated)
    own = offers.of_lines(line)
    hazard = np.zeros((1 + len(offers.effect), len(line)))
    log.truths.append(OfferTruth(day, week, line, undecided[line], own, contact[line], hazard))


def weekly_effect(log: CampaignLog, week: int, config: CampaignConfig) -> Floats:
    """Sum of the effects of all contacts that still work in a week, by line."""
    total = np.zeros(log.effects.shape[1])
    for campaign in log.campaigns:
        strength = _strength(campaign.week, week, config)
        if strength > 0:
            total += np.bincount(campaign.line, campaign.tau * campaign.treated * strength, len(total))
    return total


def add_week_hazard(log: CampaignLog, week: int, log_hazards: Floats, active: Bools, config: CampaignConfig) -> None:
    """Add the week's hazard to all futures of every line under a campaign."""
    for campaign in log.campaigns:
        strength = _strength(campaign.week, week, config)
        if strength > 0:
            own = log_hazards[campaign.line] - campaign.tau * campaign.treated * strength
            both = np.exp(np.stack([own, own + campaign.tau * strength]))
            campaign.hazard += both * active[campaign.line]
    for truth in log.truths:
        strength = _strength(truth.week, week, config)
        if strength > 0:
            own = log_hazards[truth.line] - truth.contact * strength
            each = np.vstack([np.zeros(len(own)), truth.offers.effect * strength])
            truth.hazard += np.exp(own + each) * active[truth.line]
            truth.weeks += 1


def _strength(first_week: int, week: int, config: CampaignConfig) -> float:
    """How much of the effect is left; nothing before the contact or after the last week."""
    age = week - first_week
    return 0.5 ** (age / config.half_life_weeks) if 0 <= age < config.effect_weeks else 0.0


def _seconds(day: int, n: int, rng: np.random.Generator) -> Ints:
    """When each line is contacted, in office hours."""
    return np.asarray(day * 86_400 + rng.integers(9 * 3600, 19 * 3600, n))


def _responses(line: Ints, treated: Bools, second: Ints, chance: Floats, rng: np.random.Generator) -> Ints:
    """Seconds at which the offer is accepted, with the chance of each line; -1 where it is not."""
    n = len(chance)
    accepts = (rng.random(n)[line] < chance[line]) & treated
    wait = (rng.exponential(3.0, n)[line] * 86_400).astype(np.int64) + 60
    return np.where(accepts, second + wait, -1)
