"""Data sessions: when, how long and how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate.people._daily_rhythm import draw_seconds
from custintel.simulate.usage._calls_and_sms import DAY, Setting

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Floats, Ints, RandomStreams, Singles
    from custintel.simulate._usage_config import DataConfig
    from custintel.simulate.people._population import Population


@dataclass(frozen=True)
class Appetite:
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


def make_appetite(population: Population, config: DataConfig, streams: RandomStreams) -> Appetite:
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
    return Appetite(sessions, np.where(has_data, month / (30.4375 * np.maximum(sessions, 0.05)), 0.0))


def make_sessions(
    at: Setting, wish: Singles, appetite: Appetite, config: DataConfig, streams: RandomStreams
) -> Sessions:
    """All data sessions of the month; `wish` is the factor of each line and day."""
    rng = streams.get("data", at.first)
    count = rng.poisson(wish * appetite.sessions[:, None].astype(np.float32)).ravel()
    cell = np.repeat(np.arange(len(count), dtype=np.int32), count)
    line, day = np.divmod(cell, at.days)
    time = day.astype(np.int64) * DAY + draw_seconds(at.rhythm, 2, (line, at.weekend[day]), rng)
    sd = np.float32(config.volume_sd)
    spread = np.exp(sd * rng.standard_normal(len(line), dtype=np.float32) - sd**2 / 2)
    median, duration_sd = config.duration
    length = median * np.exp(np.float32(duration_sd) * rng.standard_normal(len(line), dtype=np.float32))
    growth = np.exp(config.volume_growth * at.first / 365)
    mb = np.minimum(appetite.session_mb[line] * spread * growth, config.session_cap_mb)
    return Sessions(
        line, time, np.ceil(np.minimum(length, DAY / 2)).astype(np.float32), np.maximum(mb, 0.001).astype(np.float32)
    )
