"""Care contacts: questions, orders, faults and complaints, and whether they were solved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._simulation_config import CareConfig

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints
    from custintel.simulate.behaviour._churn_hazard import Experience


CHANNELS = ("hotline", "shop", "web", "chat", "app")
CONTACT_KINDS = ("question", "complaint", "fault", "order", "cancellation")
CHANNEL_SHARES = (0.52, 0.12, 0.14, 0.14, 0.08)
OTHER_KINDS, OTHER_SHARES = (0, 2, 3), (0.62, 0.16, 0.22)
TOPIC_OF = {name: i for i, name in enumerate(CareConfig().topics)}
STAYS_OPEN = 0.10
WEEKS_A_MONTH = 4.348


@dataclass
class CareLog:
    """Rows of the table `care`; seconds since the start, -1 for no resolution; solved -1 unknown, 0, 1."""

    rows: list[dict[str, Ints]] = field(default_factory=list)

    def column(self, name: str) -> Ints:
        """All values of one column."""
        return np.concatenate([row[name] for row in self.rows])

    def add(self, **columns: Ints) -> None:
        """Add contacts."""
        self.rows.append(columns)


def care_week(
    day: int,
    experience: Experience,
    who: tuple[Bools, Floats],
    log: CareLog,
    config: CareConfig,
    rng: np.random.Generator,
) -> tuple[Floats, Bools]:
    """Contacts of one week; returns what they add to the memory of complaints, and complaints about money solved well.

    `who` holds who is a customer this week and each line's own readiness to call (mean one).
    """
    active, readiness = who
    n = len(active)
    weekly = config.monthly / WEEKS_A_MONTH * readiness
    asks = active & (rng.random(n) < -np.expm1(-weekly))
    _log_contacts(day, np.flatnonzero(asks), experience, log, config, rng)
    trouble = (
        config.dissatisfaction * -experience.satisfaction
        + config.outage * np.minimum(experience.outage, 2)
        + config.bill_shock * np.minimum(experience.bill_shock, 1.5)
    )
    hazard = config.complaints / WEEKS_A_MONTH * np.exp(np.minimum(trouble, 4.0))
    complains = np.flatnonzero(active & (rng.random(n) < -np.expm1(-hazard)))
    return _log_complaints(day, complains, experience, log, config, rng)


def _log_contacts(
    day: int, lines: Ints, experience: Experience, log: CareLog, config: CareConfig, rng: np.random.Generator
) -> None:
    """Questions, orders and faults; faults follow outages."""
    kind = rng.choice(OTHER_KINDS, len(lines), p=OTHER_SHARES)
    kind = np.where(rng.random(len(lines)) < 0.5 * np.minimum(experience.outage[lines], 1), 2, kind)
    topic = rng.choice(len(config.topics), len(lines), p=_shares(config))
    topic = np.where(kind == 2, TOPIC_OF["network"], topic)
    solved = rng.random(len(lines)) < config.solved
    _write(day, lines, (kind, topic, solved), log, config, rng)


def _log_complaints(
    day: int, lines: Ints, experience: Experience, log: CareLog, config: CareConfig, rng: np.random.Generator
) -> tuple[Floats, Bools]:
    """Complaints, with the topic that hurts most."""
    topic = rng.choice(len(config.topics), len(lines), p=_shares(config))
    hurt = rng.random(len(lines)) < 0.7
    topic = np.where(hurt & (experience.outage[lines] > 0.4), TOPIC_OF["outage"], topic)
    topic = np.where(hurt & (experience.bill_shock[lines] > 0.4), TOPIC_OF["billing"], topic)
    solved = rng.random(len(lines)) < config.solved
    _write(day, lines, (np.ones(len(lines), dtype=np.int64), topic, solved), log, config, rng)
    effect, money = np.zeros(len(experience.outage)), np.zeros(len(experience.outage), dtype=bool)
    effect[lines] = np.where(solved, config.solved_effect, config.badly_effect)
    money[lines] = solved & np.isin(topic, [TOPIC_OF["billing"], TOPIC_OF["outage"], TOPIC_OF["price"]])
    return effect, money


def _shares(config: CareConfig) -> Floats:
    shares = np.array(config.topic_shares)
    return np.asarray(shares / shares.sum())


def _write(
    day: int,
    lines: Ints,
    facts: tuple[Ints, Ints, Bools],
    log: CareLog,
    config: CareConfig,
    rng: np.random.Generator,
) -> None:
    """Log contacts; what is badly solved often comes back as a reopened contact."""
    kind, topic, solved = facts
    n = len(lines)
    hours = np.array(config.hours)
    second = (
        (day + rng.integers(0, 7, n)) * 86_400
        + rng.choice(24, n, p=hours / hours.sum()) * 3600
        + rng.integers(0, 3600, n)
    )
    takes = config.resolution[0] * rng.lognormal(0, config.resolution[1], n) * np.where(kind == 1, 1.0, 0.15)
    stays_open = rng.random(n) < STAYS_OPEN * (kind == 1)
    resolved = np.where(stays_open, -1, second + np.rint(takes * 86_400).astype(np.int64))
    channel = rng.choice(len(CHANNELS), n, p=CHANNEL_SHARES)
    said = np.where(stays_open, -1, solved.astype(np.int64))
    log.add(line=lines, second=second, channel=channel, kind=kind, topic=topic, reopened=np.zeros(n, dtype=np.int64),
            resolved=resolved, solved=said)  # fmt: skip
    again = np.flatnonzero((rng.random(n) < config.reopened * np.where(solved, 0.5, 2.0)) & ~stays_open)
    later = resolved[again] + (rng.exponential(4.0, len(again)) * 86_400).astype(np.int64)
    log.add(line=lines[again], second=later, channel=channel[again], kind=kind[again], topic=topic[again],
            reopened=np.ones(len(again), dtype=np.int64), resolved=later + 86_400, solved=said[again])  # fmt: skip
