"""Where the lines are: home, work, a third place, the rest by exploration; trips abroad."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._hash import hashed

if TYPE_CHECKING:
    from custintel.simulate._arrays import Bools, Floats, Ints
    from custintel.simulate._cells import Cells
    from custintel.simulate._people import Population
    from custintel.simulate._streams import RandomStreams
    from custintel.simulate._usage_config import MobilityConfig

__all__ = ["COUNTRIES", "Mobility", "locate", "make_mobility", "month_places"]

COUNTRIES = ("DE", "FR", "IT", "ES", "AT", "CH", "TR", "GR", "GB", "US", "TH", "EG")
FIXED_PLACES = 3  # home, work, third place


@dataclass(frozen=True)
class Mobility:
    """Places within reach of each line and trips abroad."""

    places: Ints  # (lines, places) cells; 0 home, 1 work, 2 third place, then exploration
    reach: Ints  # number of places in use, by line
    away: Ints  # (lines, days of the whole period) country abroad as index in COUNTRIES, or -1
    salt: int  # of the hash that decides where a line is at an hour
    config: MobilityConfig


def make_mobility(
    population: Population, cells: Cells, calendar: tuple[dt.date, int], config: MobilityConfig, streams: RandomStreams
) -> Mobility:
    """Draw the places of each line and its trips; `calendar` is the first day and the number of days."""
    rng = streams.get("mobility")
    n = population.n
    z = 0.6 * population.traits["mobility"] + 0.8 * rng.normal(size=n)
    median, sd = config.cells_a_month
    reach = np.clip(np.rint(median * np.exp(sd * z)), FIXED_PLACES, config.places).astype(np.int64)
    immobile = rng.random(n) < config.immobile
    reach[immobile] = 2
    places = _explored(population, cells, reach, (n, config.places), rng)
    places[:, 0] = population.home_cell
    places[:, 1] = np.where(rng.random(n) < config.no_work, population.home_cell, population.work_cell)
    places[immobile, 2:] = places[immobile, :1]
    return Mobility(places, reach, _trips(n, calendar, config, streams), int(rng.integers(0, 2**31)), config)


def _explored(
    population: Population, cells: Cells, reach: Ints, shape: tuple[int, int], rng: np.random.Generator
) -> Ints:
    """Cells around home, the farther the wider the reach; attractive ones win."""
    spread = 1.0 + reach[:, None] * cells.n / 60
    options = [_near(population, cells, spread, shape, rng) for _ in range(2)]
    pull = cells.weight
    first = rng.random(shape) * (pull[options[0]] + pull[options[1]]) < pull[options[0]]
    return np.where(first, options[0], options[1])


def _near(
    population: Population, cells: Cells, spread: Floats, shape: tuple[int, int], rng: np.random.Generator
) -> Ints:
    rank = np.minimum(rng.standard_exponential(shape, dtype=np.float32) * spread, cells.n - 1).astype(np.int32)
    return np.asarray(cells.nearest[population.home_cell[:, None], rank])


def _trips(n: int, calendar: tuple[dt.date, int], config: MobilityConfig, streams: RandomStreams) -> Ints:
    """Country abroad of each line on each day, -1 at home."""
    rng = streams.get("trips")
    start, days = calendar
    months = np.array([(start + dt.timedelta(days=d)).month for d in range(days)])
    season = np.where((months >= 6) & (months <= 8), config.summer_factor, 1.0)
    yearly = 1 + (config.summer_factor - 1) / 4
    count = rng.poisson(n * config.trips_a_year * (season / yearly).sum() / 365)
    line, first = rng.integers(0, n, count), rng.choice(days, count, p=season / season.sum())
    length = np.ceil(config.trip_days[0] * rng.lognormal(0, config.trip_days[1], count)).astype(np.int64)
    country = (config.countries * rng.random(count) ** 1.7).astype(np.int16)
    away = np.full((n, days), -1, dtype=np.int16)
    rows = np.repeat(np.arange(count), length)
    day = first[rows] + np.arange(len(rows)) - np.repeat(np.cumsum(length) - length, length)
    inside = day < days
    away[line[rows[inside]], day[inside]] = country[rows[inside]]
    return away


def month_places(
    mobility: Mobility, population: Population, cells: Cells, month_start_day: int, streams: RandomStreams
) -> Ints:
    """Places of one month: most explored ones are new, home, work and third place stay."""
    rng = streams.get("places", month_start_day)
    places = mobility.places.copy()
    new = _explored(population, cells, mobility.reach, places.shape, rng)
    renewed = rng.random(places.shape) < mobility.config.renewed
    renewed[:, :FIXED_PLACES] = False
    renewed[mobility.reach <= 2] = False
    places[renewed] = new[renewed]
    return places


def locate(mobility: Mobility, places: Ints, line: Ints, time: Ints, weekend: Bools) -> Ints:
    """Cell of each line at each time (seconds since the start), the same for a few hours; ignores trips."""
    hours = time // 3600
    block = (hours + line) // mobility.config.stay_hours
    first = hashed(line, block, mobility.salt)
    shares = place_shares(mobility.config).reshape(48, FIXED_PLACES).astype(np.float32)
    row = hours % 24 + 24 * weekend
    rank = sum((first > shares[row, k]).astype(np.int64) for k in range(FIXED_PLACES))
    explored = rank >= FIXED_PLACES
    room = np.maximum(mobility.reach[line[explored]] - FIXED_PLACES, 1)
    rank[explored] += (room ** hashed(line[explored], block[explored], mobility.salt + 1)).astype(np.int64) - 1
    rank = np.minimum(rank, mobility.reach[line] - 1)
    return np.asarray(places[line, rank], dtype=np.int32)


def place_shares(config: MobilityConfig) -> Floats:
    """Cumulated shares of home, work and third place, by weekend and hour."""
    shares = np.zeros((2, 24, FIXED_PLACES))
    for (first, last), weekday, weekend in config.place_hours:
        shares[0, first:last], shares[1, first:last] = weekday, weekend
    return np.asarray(shares.cumsum(axis=2))
