"""Data sessions of a month: when they begin, how long they last, how much they carry, and which app they serve.

Apps are ordered from heavy to light. The app of a session is the position of a uniform number among the shares of the
line. That number is correlated with the size of the session, so that large sessions are mostly video while the shares
stay as they are; over the years the shares drift towards messaging.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from custintel.simulate.people._activity_profile import draw_seconds
from custintel.simulate.usage._calls_and_sms import DATA, DAY, UsageContext

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bytes, Floats, Ints, RandomStreams, Singles
    from custintel.simulate._simulation_config import AppConfig
    from custintel.simulate._usage_config import DataConfig
    from custintel.simulate.people._population import Population
    from custintel.simulate.usage._month_of_usage import UsageEvents


APPS = ("video", "games", "social", "browsing", "other", "messaging")
MESSAGING = APPS.index("messaging")


@dataclass(frozen=True)
class DataLevels:
    """What each line uses of data: sessions a day and MB a session."""

    sessions: Floats
    session_mb: Floats


@dataclass(frozen=True)
class Sessions:
    """Data sessions of a month."""

    line: Ints
    time: Ints
    duration: Singles
    mb: Singles


def make_data_levels(population: Population, config: DataConfig, streams: RandomStreams) -> DataLevels:
    """Draw the level of each line: lognormal volume that follows the data appetite and the device."""
    rng = streams.get("appetite")
    n = population.n
    a = config.appetite
    z = a * population.traits["data_appetite"] + np.sqrt(1 - a**2) * rng.normal(size=n)
    factor = np.array(config.segment_factor)[population.segment] * np.array(config.device_factor)[population.generation]
    month = config.month_mb * factor * np.exp(config.month_sd * z)
    lively = np.exp(config.session_sd * (0.5 * z + np.sqrt(0.75) * rng.normal(size=n)) - config.session_sd**2 / 2)
    has_data = (rng.random(n) >= config.no_data) & (population.generation > 0)
    sessions = config.sessions_per_day * lively * has_data / max(has_data.mean(), 0.1)
    return DataLevels(sessions, np.where(has_data, month / (30.4375 * np.maximum(sessions, 0.05)), 0.0))


def make_sessions(
    context: UsageContext, daily_rate: Singles, data_levels: DataLevels, config: DataConfig, streams: RandomStreams
) -> Sessions:
    """All data sessions of the month; `daily_rate` is the factor of each line and day."""
    rng = streams.get("data", context.first)
    count = rng.poisson(daily_rate * data_levels.sessions[:, None].astype(np.float32)).ravel()
    cell = np.repeat(np.arange(len(count), dtype=np.int32), count)
    line, day = np.divmod(cell, context.days)
    time = day.astype(np.int64) * DAY + draw_seconds(context.activity_profile, 2, (line, context.weekend[day]), rng)
    sd = np.float32(config.volume_sd)
    spread = np.exp(sd * rng.standard_normal(len(line), dtype=np.float32) - sd**2 / 2)
    median, duration_sd = config.duration
    length = median * np.exp(np.float32(duration_sd) * rng.standard_normal(len(line), dtype=np.float32))
    growth = np.exp(config.volume_growth * context.first / 365)
    mb = np.minimum(data_levels.session_mb[line] * spread * growth, config.session_cap_mb)
    return Sessions(
        line, time, np.ceil(np.minimum(length, DAY / 2)).astype(np.float32), np.maximum(mb, 0.001).astype(np.float32)
    )


def make_tastes(population: Population, config: AppConfig, rng: np.random.Generator) -> Floats:
    """Log weights (n, apps) of each line at the start: young lines watch and play, businesses browse and write."""
    young = np.clip((45 - population.age) / 15, -2, 2)
    appetite, sociable = population.traits["data_appetite"], population.traits["sociability"]
    pulls = np.zeros((population.n, len(APPS)))
    pulls[:, APPS.index("video")] = config.age * young + config.appetite * appetite
    pulls[:, APPS.index("games")] = 2 * config.age * young
    pulls[:, APPS.index("social")] = config.age * young + config.sociability * sociable
    pulls[:, MESSAGING] = config.sociability * sociable
    for name in ("video", "games", "social"):
        pulls[:, APPS.index(name)] -= config.business * population.business
    noise = config.taste * rng.normal(size=pulls.shape)
    return np.asarray(np.log(config.shares) + pulls + noise)


def app_shares(tastes: Floats, first: int, config: AppConfig) -> Floats:
    """Shares (n, apps) of the sessions in the month that begins on a day."""
    weight = np.exp(tastes)
    weight[:, MESSAGING] *= np.exp(config.messaging_growth * first / 365)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def draw_apps(events: UsageEvents, shares: Floats, config: AppConfig, rng: np.random.Generator) -> Bytes:
    """App of each record; -1 for calls and texts."""
    apps = np.full(len(events.line), -1, dtype=np.int8)
    rows = np.flatnonzero(events.service == DATA)
    size = _standard(np.log(events.data_mb[rows]), events.line[rows], len(shares))
    noise = rng.standard_normal(len(rows), dtype=np.float32)
    u = ndtr(np.sqrt(1 - config.size**2) * noise - config.size * size)
    edges = shares.cumsum(axis=1)[:, :-1].astype(np.float32)
    place = np.zeros(len(rows), dtype=np.int8)
    for edge in edges.T:
        place += u > edge[events.line[rows]]
    apps[rows] = place
    return apps


def _standard(values: Singles, line: Ints, n: int) -> Floats:
    """Values of each line, less their mean, over the common spread."""
    count = np.maximum(np.bincount(line, minlength=n), 1)
    rest = values - (np.bincount(line, values, n) / count)[line]
    return np.asarray(rest / max(float(rest.std()), 1e-9)) if len(rest) else rest.astype(float)
