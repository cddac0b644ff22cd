"""When people are active: hours, weekdays, holidays, and how much a person's rate moves by week and day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints, RandomStreams, Singles
    from custintel.simulate._usage_config import ClockConfig
    from custintel.simulate.people._population import Population


SERVICES = ("voice", "texts", "data")
TABLE = 2048  # entries of a table of hours


@dataclass(frozen=True)
class ActivityProfile:
    """Slow changes of each line's rates by week, and tables that turn a uniform number into an hour."""

    weekly: Singles  # (services, lines, weeks), mean one
    hours: Singles  # (services, profiles, TABLE); profile = 2 * business + weekend
    business: Bools
    chronotype: Floats
    start: dt.date
    config: ClockConfig


def weekdays(start: dt.date, first: int, days: int) -> Ints:
    """Weekday (0 Monday) of consecutive days, the first of which is `first` days after `start`."""
    return np.asarray((start.weekday() + first + np.arange(days)) % 7)


def weekends(start: dt.date, first: int, days: int) -> Bools:
    """True on Saturday and Sunday."""
    return np.asarray(weekdays(start, first, days) >= 5)


def make_activity_profile(
    population: Population, start: dt.date, days: int, config: ClockConfig, streams: RandomStreams
) -> ActivityProfile:
    """Draw the weekly drift of each line and service."""
    rng = streams.get("weeks")
    weeks, n = days // 7 + 2, population.n
    shape = (len(SERVICES) + 1, n, weeks)
    slow = _autoregressive(rng.normal(size=shape), config.weekly_rho) * config.weekly_sd
    fast = rng.normal(size=shape) * config.weekly_noise_sd
    log = np.sqrt(0.5) * (slow + fast)
    log = log[1:] + log[:1]  # half of the change is common to the services
    weekly = np.exp(log - (config.weekly_sd**2 + config.weekly_noise_sd**2) / 2).astype(np.float32)
    return ActivityProfile(weekly, _hour_tables(config), population.business, population.chronotype, start, config)


def _autoregressive(shocks: Floats, rho: float) -> Floats:
    """Stationary AR(1) with unit variance along the last axis."""
    result = np.empty_like(shocks)
    result[..., 0] = shocks[..., 0]
    for t in range(1, shocks.shape[-1]):
        result[..., t] = rho * result[..., t - 1] + np.sqrt(1 - rho**2) * shocks[..., t]
    return result


def day_factors(activity_profile: ActivityProfile, first: int, days: int, streams: RandomStreams) -> Singles:
    """Factors of use by service, line and day: week x weekday x holiday x a gamma draw; mean about one."""
    rng = streams.get("days", first)
    config = activity_profile.config
    n = activity_profile.weekly.shape[1]
    common = rng.standard_gamma(config.daily_shape * config.daily_common, (n, days), dtype=np.float32)
    factors = np.empty((len(SERVICES), n, days), dtype=np.float32)
    week = (first + np.arange(days)) // 7
    for k in range(len(SERVICES)):
        rest = rng.standard_gamma(config.daily_shape * (1 - config.daily_common), (n, days), dtype=np.float32)
        factors[k] = (common + rest) / config.daily_shape * activity_profile.weekly[k][:, week]
        factors[k] *= _calendar(activity_profile, k, first, days)[activity_profile.business.astype(np.int8)]
    return factors


def _calendar(activity_profile: ActivityProfile, service: int, first: int, days: int) -> Singles:
    """Factors of the days for consumers (row 0) and businesses (row 1)."""
    config = activity_profile.config
    week = (config.calls_week, config.texts_week, config.data_week)[service]
    table = np.array([week, config.business_week])
    table /= table.mean(axis=1, keepdims=True)
    rows = table[:, weekdays(activity_profile.start, first, days)]
    special = (config.holiday_calls, config.holiday_texts, 1.0)[service]
    dates = [activity_profile.start + dt.timedelta(days=first + d) for d in range(days)]
    holiday = np.array([(d.month, d.day) in config.holidays for d in dates])
    trend = np.exp(config.growth[service] * (first + np.arange(days)) / 365)
    return np.asarray(np.where(holiday, rows * special, rows) * trend, dtype=np.float32)


def _hour_tables(config: ClockConfig) -> Singles:
    """Inverse distribution functions of the hour, by service and profile."""
    tables = np.empty((len(SERVICES), 4, TABLE), dtype=np.float32)
    for k, clock in enumerate((config.calls, config.texts, config.data)):
        weekday = np.array(clock) / sum(clock)
        weekend = _weekend(weekday, config)
        business = _office(weekday, config.business_hours)
        for p, hours in enumerate((weekday, weekend, business, weekend)):
            edges = np.concatenate([[0], np.cumsum(hours)])
            tables[k, p] = np.interp((np.arange(TABLE) + 0.5) / TABLE, edges / edges[-1], np.arange(25))
    return tables


def _weekend(hours: Floats, config: ClockConfig) -> Floats:
    """Weekends start later and have more of the small hours."""
    at = np.arange(24)
    delay = config.weekend_delay * ((at >= 5) & (at < 15))
    later = np.interp(at - delay, at, hours)
    later *= (1 - config.weekend_late) / later.sum()
    later[:3] += config.weekend_late / 3
    return np.asarray(later / later.sum())


def _office(hours: Floats, share: float) -> Floats:
    """Most of the use within 8-18 h."""
    at = np.arange(24)
    inside = (at >= 8) & (at < 18)
    return np.asarray(np.where(inside, hours / hours[inside].sum() * share, hours / hours[~inside].sum() * (1 - share)))


def draw_seconds(
    activity_profile: ActivityProfile, service: int, who: tuple[Ints, Bools], rng: np.random.Generator
) -> Ints:
    """Second of the day for events of lines on weekdays or weekends; chronotypes turn the clock."""
    line, weekend = who
    profile = 2 * activity_profile.business[line] + weekend
    u = rng.random(len(line), dtype=np.float32)
    hour = activity_profile.hours[service][profile, (u * TABLE).astype(np.int32)] + activity_profile.chronotype[line]
    second = (hour * 3600).astype(np.int64) + rng.integers(0, 60, len(line))
    return np.asarray(second % 86400)
