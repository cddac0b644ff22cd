"""The weekly hazard of deciding to leave, what it remembers, and the delay until the exit (section 10.1).

Every function works on arrays whose last axis is the line, so the same law moves the operator and the futures along
which the truth about chances is integrated.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from custintel.simulate._simulated_days import NEVER

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints
    from custintel.simulate._simulation_config import ChurnConfig
    from custintel.simulate.people._population import Population


@dataclass(frozen=True)
class Covariates:
    """What does not change: one number a line."""

    base: Floats
    price: Floats
    satisfaction: Floats  # the level to which satisfaction returns
    frailty: Floats
    value: Floats  # standardised log of expected spend
    activation: Ints


@dataclass
class Experience:
    """What changes from week to week; memories fade by about a fifth a week."""

    satisfaction: Floats
    outage: Floats
    bill_shock: Floats
    complaint: Floats
    friends: Floats

    @classmethod
    def start(cls, covariates: Covariates, rng: np.random.Generator, config: ChurnConfig) -> Experience:
        """Memories before the first week, in their stationary state without shocks."""
        n = len(covariates.base)
        spread = config.satisfaction_noise / np.sqrt(1 - config.satisfaction_keep**2)
        satisfaction = covariates.satisfaction + spread * rng.normal(size=n)
        return cls(satisfaction, *(np.zeros(n) for _ in range(4)))

    def copy(self, branches: int = 0) -> Experience:
        """The same memories again, or repeated along a new first axis."""
        values = [getattr(self, one.name) for one in fields(self)]
        return Experience(*(np.repeat(v[None], branches, axis=0) if branches else v.copy() for v in values))


@dataclass(frozen=True)
class Shocks:
    """What happened in a week."""

    outage: Floats  # 1 is a bad day or two without service
    bill_shock: Floats
    complaint: Floats
    friends: Floats  # weighted friends who left
    quality: Floats  # of the network where the line lives, standardised


@dataclass(frozen=True)
class WeekSituation:
    """Where the line stands in its contract and life in a week."""

    day: float
    contract_left: Ints  # days until the contract ends; negative after it, -NEVER without one
    season: float  # -1..1, high in autumn
    barred: Bools
    effect: Floats  # of campaigns, on the log hazard


def make_covariates(population: Population, need: Floats, config: ChurnConfig) -> Covariates:
    """Collect the fixed part of the hazard."""
    spend = np.log(need[:, 0] / 100 + need[:, 1] / 300 + need[:, 2] / 4000 + 0.05)
    return Covariates(
        base=np.array(config.base)[population.segment],
        price=population.traits["price_sensitivity"],
        satisfaction=config.satisfaction_trait * population.traits["satisfaction"],
        frailty=population.traits["frailty"],
        value=(spend - spend.mean()) / spend.std(),
        activation=population.activation_day,
    )


def next_experience(
    old: Experience, shocks: Shocks, fixed: Covariates, noise: Floats, config: ChurnConfig
) -> Experience:
    """Memories after a week with these shocks; `noise` is standard normal."""
    keep = config.satisfaction_keep
    satisfaction = (
        keep * old.satisfaction
        + (1 - keep) * fixed.satisfaction
        + config.satisfaction_outage * shocks.outage
        + config.satisfaction_shock * shocks.bill_shock
        + config.network_quality * shocks.quality
        + config.satisfaction_noise * noise
    )
    return Experience(
        satisfaction=satisfaction,
        outage=np.minimum(config.keep * old.outage + shocks.outage, 1.5),
        bill_shock=np.minimum(config.keep * old.bill_shock + shocks.bill_shock, 2.0),
        complaint=np.clip(config.keep * old.complaint + shocks.complaint, -0.5, 2.0),
        friends=0.5 ** (1 / config.friends_half_life) * old.friends + shocks.friends,
    )


def log_hazard(experience: Experience, fixed: Covariates, situation: WeekSituation, config: ChurnConfig) -> Floats:
    """Log of the weekly hazard of the decision."""
    sensitive = fixed.price > 0.5
    left = situation.contract_left
    inside, ending = left >= 0, (left >= 0) & (left < 7 * config.contract_window)
    tenure = np.maximum(situation.day - fixed.activation, 0) / 7
    explained = (
        config.satisfaction * experience.satisfaction
        + config.price * fixed.price
        + config.friends * np.minimum(experience.friends, config.friends_cap)
        + config.bill_shock * experience.bill_shock * (1 + 0.8 * sensitive)
        + config.outage * experience.outage * np.where(inside, config.outage_inside, config.outage_outside)
        + config.complaint * experience.complaint * np.where(experience.satisfaction < 0, 1.5, 0.4)
        + (config.contract_ending + config.contract_price * sensitive) * ending
        + config.contract_inside * inside
        + config.new * np.exp(-tenure / 26)
        + config.tenure * np.minimum(tenure, 300)
        + config.season * situation.season
        + config.drift * situation.day / 365
        + config.value * fixed.value * sensitive
    )
    other = config.frailty * fixed.frailty + config.barred * situation.barred + situation.effect
    return np.asarray(fixed.base + config.k * explained + other)


def exit_delay(sudden: Bools, normal: Floats, config: ChurnConfig) -> Ints:
    """Days from decision to exit, at least one."""
    median, spread = _delay_law(sudden, config)
    return np.maximum(1, np.ceil(median * np.exp(spread * normal))).astype(np.int64)


def delay_chance(days: Floats, sudden: Bools, config: ChurnConfig) -> Floats:
    """Chance that the delay is at most so many days (whole days, as `exit_delay` draws them)."""
    median, spread = _delay_law(sudden, config)
    whole = np.maximum(np.floor(days), 0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(whole < 1, 0.0, ndtr(np.log(whole / median) / spread)))


def contract_left(contract_end: Ints, day: float) -> Ints:
    """Days until the contract ends."""
    return np.where(contract_end <= -NEVER, -NEVER, contract_end - int(day))


def _delay_law(sudden: Bools, config: ChurnConfig) -> tuple[Floats, Floats]:
    """Median and log sd of the delay."""
    law = np.array([config.fade_delay, config.sudden_delay])
    kind = np.asarray(sudden, dtype=np.int64)
    return law[kind, 0], law[kind, 1]
