"""The truth about chances: p_state, what somebody who knows every latent state would say at a month's end.

Hazards are integrated along branches of future experience; counting which of a few futures end in leaving would be far
too noisy. Who has decided already leaves by the known law of the delay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._simulated_days import NEVER
from custintel.simulate.behaviour._campaigns import weekly_effect
from custintel.simulate.behaviour._churn_hazard import (
    Experience,
    Shocks,
    WeekSituation,
    contract_left,
    delay_chance,
    log_hazard,
    next_experience,
)
from custintel.simulate.behaviour._weekly_dynamics import WeeklyDynamics, season

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints


WINDOWS = {"p_0_30": (0, 30), "p_0_60": (0, 60), "p_15_75": (15, 75)}
WEEKS_A_MONTH = 4.348


def leaving_chances(
    dynamics: WeeklyDynamics, as_of: int, last_week: int, barred: Bools, known_end: tuple[Ints, Ints]
) -> dict[str, Floats]:
    """Chance of leaving in each window after a day, by line, knowing all latents.

    `last_week` is the latest week already run; `known_end` holds the days of involuntary ends and of ends of fraud
    lines that are settled already (NEVER otherwise).
    """
    involuntary, fraud = known_end
    decided = dynamics.decided <= as_of
    chances = _chances_of_undecided(dynamics, as_of, last_week, barred)
    for name, (low, high) in WINDOWS.items():
        # a line that is ended for non-payment cannot leave later
        top = np.minimum(high, involuntary - as_of - 1)
        after = _chances_of_decided(dynamics, as_of, low, top)
        chance = np.where(decided, after, chances[name])
        ends = (fraud > as_of + low) & (fraud <= as_of + high)
        chances[name] = np.where(fraud < NEVER, ends.astype(float), np.clip(chance, 0, 1))
    return chances


def _chances_of_decided(dynamics: WeeklyDynamics, as_of: int, low: int, high: Ints) -> Floats:
    """Chance that those who have decided leave in (low, high] days, given that they have not left yet."""
    config, gone = dynamics.config.churn, as_of - dynamics.decided
    here, start, end = (
        delay_chance((gone + d).astype(float), dynamics.sudden, config) for d in (0, low, np.maximum(high, low))
    )
    return np.asarray((end - start) / np.maximum(1 - here, 1e-12))


def _chances_of_undecided(dynamics: WeeklyDynamics, as_of: int, last_week: int, barred: Bools) -> dict[str, Floats]:
    """Chance for those who have not decided: hazards integrated along branches of the weeks to come."""
    config = dynamics.config.churn
    rng = dynamics.streams.get("branches", as_of)
    experience = dynamics.experience.copy(config.branches)
    shape = experience.outage.shape
    alive = np.ones(shape)
    chances = {name: np.zeros(shape) for name in WINDOWS}
    contract_end = np.repeat(dynamics.current_plans.contract_end[None], shape[0], axis=0)
    flow = dynamics.friends.total(np.where(dynamics.weekly[-1].active, dynamics.weekly[-1].hazard, 0.0))
    for week in range(last_week, (as_of + max(high for _, high in WINDOWS.values())) // 7 + 1):
        first = max(7 * week, as_of + 1)
        if week > last_week:
            shocks = _future_shocks(dynamics, week, experience, flow, week == last_week + 1, rng)
            experience = next_experience(experience, shocks, dynamics.fixed, rng.normal(size=shape), config)
            contract_end = _renewed(contract_end, 7 * week, dynamics, rng)
        at = WeekSituation(
            day=7 * week,
            contract_left=contract_left(contract_end, 7 * week),
            season=season(dynamics.calendar, 7 * week),
            barred=barred & (week < last_week + 5),
            effect=weekly_effect(dynamics.campaigns, week, dynamics.config.campaigns),
        )
        hazard = np.exp(log_hazard(experience, dynamics.fixed, at, config)) * (7 * week + 7 - first) / 7
        deciding = alive * -np.expm1(-hazard)
        alive = alive - deciding
        middle = (first + 7 * week + 6) / 2
        for name, (low, high) in WINDOWS.items():
            chances[name] += deciding * _delay_between(as_of + low - middle, as_of + high - middle, dynamics)
    return {name: chance.mean(axis=0) for name, chance in chances.items()}


def _delay_between(low: float, high: float, dynamics: WeeklyDynamics) -> float:
    """Chance that the delay lies in (low, high] days, sudden and slow leavers mixed."""
    config = dynamics.config.churn
    kinds = np.array([False, True])
    shares = np.array([1 - config.sudden, config.sudden])
    # a decision falls on any day of the week around its middle: average over the days
    days = np.arange(-3, 4)
    law = [
        delay_chance(np.repeat(edge - days, 2), np.tile(kinds, 7), config).reshape(7, 2).mean(axis=0)
        for edge in (low, high)
    ]
    return float(shares @ (law[1] - law[0]))


def _future_shocks(
    dynamics: WeeklyDynamics, week: int, experience: Experience, flow: Floats, soon: bool, rng: np.random.Generator
) -> Shocks:
    """Shocks of a week to come: drawn from their rates; what is settled already is taken as it is."""
    shape = experience.outage.shape
    care = dynamics.config.care
    past = dynamics.exposure[rng.integers(0, len(dynamics.exposure), shape[0])]
    outage = np.stack([rng.permutation(one) for one in past])
    rate = dynamics.shock_rate / WEEKS_A_MONTH
    bill = dynamics.bill_shock[None] if soon else (rng.random(shape) < rate).astype(float)
    trouble = (
        care.dissatisfaction * -experience.satisfaction
        + care.outage * np.minimum(experience.outage, 2)
        + care.bill_shock * np.minimum(experience.bill_shock, 1.5)
    )
    speaks = rng.random(shape) < care.complaints / WEEKS_A_MONTH * np.exp(np.minimum(trouble, 4.0))
    answer = np.where(rng.random(shape) < care.solved, care.solved_effect, care.badly_effect)
    known = dynamics.left_friends(7 * week - 7, 7 * week - 1)
    return Shocks(
        outage,
        np.broadcast_to(bill, shape).astype(float),
        np.where(speaks, answer, 0.0),
        known + 0.5 * flow,
        dynamics.quality,
    )


def _renewed(contract_end: Ints, day: int, dynamics: WeeklyDynamics, rng: np.random.Generator) -> Ints:
    """Contracts that ended in the week before may be renewed."""
    ended = (contract_end < day) & (contract_end >= day - 7)
    renews = ended & (rng.random(contract_end.shape) < dynamics.config.plans.renewal)
    return np.where(renews, day + 500, contract_end)
