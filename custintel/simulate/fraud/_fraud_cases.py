"""The first kinds of fraud laid over the records: SIM boxes, customers who never pay, faked activations of dealers.

Fraud only takes records of fraud lines away and adds its own, so switching it off moves no call between other lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._simulated_days import NEVER
from custintel.simulate.billing._rating_and_bills import select_records
from custintel.simulate.usage._calls_and_sms import VOICE
from custintel.simulate.usage._month_of_usage import OUT, UsageEvents

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints, RandomStreams
    from custintel.simulate._simulation_config import FraudConfig
    from custintel.simulate.people._population import Population


FRAUD_KINDS = ("sim_box", "never_payer", "dealer", "scam_dialler", "wangiri")
FIRST_KINDS = FRAUD_KINDS[:3]  # the others come with `FraudConfig.extended`
SIM_BOX, NEVER_PAYER, DEALER = range(3)
SECONDS_A_DAY = 86_400
DEALER_RING = 20  # numbers among which a dealer's fakes call


@dataclass(frozen=True)
class FraudLines:
    """Fraud lines: kind (-1 for honest lines), first and last day, when it is detected (NEVER if not)."""

    kind: Ints
    start: Ints
    end: Ints
    detected: Ints
    intensity: float

    @property
    def scripted(self) -> Bools:
        """Lines whose own records are replaced by a script."""
        return np.asarray((self.kind >= 0) & (self.kind != NEVER_PAYER))


def make_fraud(population: Population, days: int, config: FraudConfig, rng: np.random.Generator) -> FraudLines:
    """Choose fraud lines among those who join; the number follows the rates."""
    n = population.n
    kind = np.full(n, -1)
    months = days / 30.4375
    joins = population.activation_day >= 0
    alone = np.bincount(population.account)[population.account] == 1
    order = rng.permutation(n)
    for code, name in enumerate(FIRST_KINDS):
        wanted = rng.poisson(getattr(config, name) * config.intensity * n / 1e5 * months)
        right = (population.segment == 0) if code != NEVER_PAYER else (population.segment == 1) & alone
        free = order[(joins & right & (kind < 0))[order]]
        kind[free[: min(wanted, len(free) // 3)]] = code
    start = population.activation_day.copy()
    return FraudLines(
        kind, start, _ends(kind, start, config, rng), _detections(kind, start, config, rng), config.intensity
    )


def _ends(kind: Ints, start: Ints, config: FraudConfig, rng: np.random.Generator) -> Ints:
    """Last day of each fraud line; never-payers are ended by the ladder of arrears."""
    n = len(kind)
    shared_device = start + np.ceil(config.sim_box_life[0] * rng.lognormal(0, config.sim_box_life[1], n)).astype(
        np.int64
    )
    dealer = start + rng.choice(config.dealer_days, n)
    return np.select([kind == SIM_BOX, kind == DEALER], [shared_device, dealer], NEVER)


def _detections(kind: Ints, start: Ints, config: FraudConfig, rng: np.random.Generator) -> Ints:
    """Day of detection; some are never found, and a few honest lines are accused."""
    n = len(kind)
    lag = np.array(config.lag_days)[np.maximum(kind, 0)] * rng.lognormal(0, config.lag_sd, n)
    found = (kind >= 0) & (rng.random(n) >= config.undetected)
    return np.where(found, start + np.ceil(lag).astype(np.int64), NEVER)


def add_first_fraud(
    events: UsageEvents,
    month: tuple[int, int],
    lines: tuple[FraudLines, Ints],
    population: Population,
    config: FraudConfig,
    streams: RandomStreams,
) -> UsageEvents:
    """Take away the records of scripted lines and of ended ones, and add those of the scripts.

    `lines` holds the fraud lines and the first day on which each of them is barred or gone (NEVER for honest lines).
    """
    fraud, gone = lines
    if not (fraud.kind >= 0).any():
        return events
    off = np.append(np.where(fraud.scripted, -NEVER, gone), NEVER)
    other = np.where((events.other >= 0) & (events.other < population.n), events.other, population.n)
    day = events.time // SECONDS_A_DAY
    honest = select_records(events, (day < off[events.line]) & (day < off[other]))
    rng = streams.get("fraud", month[0])
    added = [_box_calls(month, fraud, population, config, rng), _dealer_calls(month, fraud, population, rng)]
    return merged([honest, *added])


def _box_calls(
    month: tuple[int, int], fraud: FraudLines, population: Population, config: FraudConfig, rng: np.random.Generator
) -> UsageEvents:
    """SIM boxes call many strangers from one cell all day long."""
    line, day = _line_days(fraud, SIM_BOX, month, fraud.end)
    calls = rng.poisson(rng.uniform(*config.sim_box_calls, len(line))).astype(np.int64)
    line, day = np.repeat(line, calls), np.repeat(day, calls)
    second = day * SECONDS_A_DAY + (rng.beta(2.2, 1.8, len(line)) * 17 * 3600).astype(np.int64) + 6 * 3600
    other = rng.integers(0, population.people.n, len(line))
    return _calls(line, second, other, population, rng)


def _dealer_calls(
    month: tuple[int, int], fraud: FraudLines, population: Population, rng: np.random.Generator
) -> UsageEvents:
    """Two to six scripted calls on the first three days, among the same numbers."""
    line, day = _line_days(fraud, DEALER, month, fraud.start + 2)
    calls = rng.integers(1, 3, len(line))
    line, day = np.repeat(line, calls), np.repeat(day, calls)
    second = day * SECONDS_A_DAY + rng.integers(9 * 3600, 18 * 3600, len(line))
    ring = population.people.n - 1 - rng.integers(0, DEALER_RING, len(line))
    return _calls(line, second, ring, population, rng)


def _line_days(fraud: FraudLines, kind: int, month: tuple[int, int], last: Ints) -> tuple[Ints, Ints]:
    """Every line of a kind on every day of the month on which it works."""
    days = np.arange(month[0], month[0] + month[1])
    works = (fraud.kind == kind)[:, None] & (days >= fraud.start[:, None]) & (days <= last[:, None])
    line, index = np.nonzero(works)
    return line, days[index]


def _calls(line: Ints, second: Ints, other: Ints, population: Population, rng: np.random.Generator) -> UsageEvents:
    """Outgoing calls from the home cell of each line, and the incoming records of lines of ours."""
    n = len(line)
    answered = rng.random(n) < 0.6
    duration = np.where(answered, np.ceil(60 * rng.lognormal(0, 1.0, n)), 0.0)
    operator = population.people.operator[other]
    ours = operator == 0
    ours &= population.activation_day[np.minimum(other, population.n - 1)] * SECONDS_A_DAY <= second
    talk = (duration, answered)
    out = _records((line, second, other, operator), talk, population.home_cell[line], OUT)
    back = (other[ours], second[ours], line[ours], np.zeros(ours.sum(), dtype=np.int8))
    talk = (duration[ours], answered[ours])
    return joined([out, _records(back, talk, population.home_cell[other[ours]], 1 - OUT)])


def _records(
    ends: tuple[Ints, Ints, Ints, Ints], talk: tuple[Floats, Bools], cell: Ints, direction: int
) -> UsageEvents:
    """Voice records in the shape of ordinary ones; `ends` are line, second, other side and its operator."""
    line, second, other, operator = ends
    n = len(line)
    return UsageEvents(
        line=line.astype(np.int32),
        time=second.astype(np.int64),
        service=np.full(n, VOICE, dtype=np.int8),
        direction=np.full(n, direction, dtype=np.int8),
        other=other.astype(np.int64),
        other_operator=operator.astype(np.int8),
        destination=(operator != 0).astype(np.int8),
        duration_s=talk[0].astype(np.float32),
        data_mb=np.zeros(n, dtype=np.float32),
        answered=talk[1],
        cell=cell.astype(np.int32),
        technology=np.full(n, 2, dtype=np.int8),
        roaming=np.full(n, -1, dtype=np.int16),
    )


def joined(parts: list[UsageEvents]) -> UsageEvents:
    names = UsageEvents.__dataclass_fields__
    return UsageEvents(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def merged(parts: list[UsageEvents]) -> UsageEvents:
    """All records, sorted by time."""
    together = joined(parts)
    order = np.argsort(together.time, kind="stable")
    return select_records(together, order)
