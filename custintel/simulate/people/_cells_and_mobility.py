"""Radio cells (where they are, how full, how often they fail) and mobility: in which cell a line is at an hour.

A line has a home, a place of work and a third place; other places come from exploration, and some days are abroad.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from custintel.simulate._random_streams import hashed_uniform

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Bytes, Floats, Ints, RandomStreams, Singles
    from custintel.simulate._usage_config import CellsConfig, MobilityConfig
    from custintel.simulate.people._population import Population


CELL_KINDS = ("office", "home", "transit", "rural")
TECHNOLOGIES = ("2G", "3G", "4G", "5G")
CENTRE = (48.0, 10.0)
KM = 1 / 111.0  # degrees of latitude
REGION_SPREAD_KM = 120.0
KIND_SPREAD_KM = np.array([3.0, 8.0, 12.0, 35.0])
HOME_PULL = np.array([0.3, 1.0, 0.3, 0.6])
WORK_PULL = np.array([3.0, 0.5, 0.5, 0.3])
TECHNOLOGY_BY_KIND = np.array(
    [[0.0, 0.02, 0.38, 0.6], [0.0, 0.05, 0.6, 0.35], [0.02, 0.1, 0.6, 0.28], [0.1, 0.25, 0.6, 0.05]]
)


@dataclass(frozen=True)
class Cells:
    """Arrays over cells. `nearest[c]` lists all cells from the nearest (c itself) to the farthest."""

    latitude: Floats
    longitude: Floats
    kind: Bytes  # index in CELL_KINDS
    technology: Bytes  # index in TECHNOLOGIES
    region: Ints
    weight: Floats  # attraction, lognormal
    load: Floats  # typical busy-hour load
    nearest: Ints

    @property
    def n(self) -> int:
        """Number of cells."""
        return len(self.kind)

    @property
    def home_weight(self) -> Floats:
        """Attraction as a place to live; sums to one."""
        pull: Floats = self.weight * HOME_PULL[self.kind]
        return np.asarray(pull / pull.sum())

    @property
    def work_weight(self) -> Floats:
        """Attraction as a place to work."""
        return np.asarray(self.weight * WORK_PULL[self.kind])


@dataclass(frozen=True)
class CellDays:
    """Measures of a cell and day: arrays (cells, days)."""

    outage_hours: Singles
    drop_rate: Singles
    load: Singles
    throughput: Singles
    signal: Singles  # dBm; truth only, it explains little


def make_cells(customers: int, config: CellsConfig, streams: RandomStreams) -> Cells:
    """Lay out one cell per 700 customers, at least 40, in a few regions."""
    rng = streams.get("cells")
    n = max(config.min_cells, round(customers / config.customers_per_cell))
    kind = rng.choice(len(CELL_KINDS), n, p=config.kind_shares).astype(np.int8)
    region = rng.integers(0, config.regions, n)
    centres = rng.normal(0, REGION_SPREAD_KM, (config.regions, 2))
    place = centres[region] + rng.normal(0, 1, (n, 2)) * KIND_SPREAD_KM[kind][:, None]
    chance = TECHNOLOGY_BY_KIND.cumsum(axis=1)[kind]
    technology = np.minimum((rng.random((n, 1)) > chance).sum(axis=1), 3).astype(np.int8)
    weight = np.exp(config.weight_sd * _even_normals(n, rng))
    load = config.load_median * np.exp(config.load_sd * _even_normals(n, rng))
    distance = np.hypot(*(place[:, None, :] - place[None, :, :]).transpose(2, 0, 1))
    latitude = CENTRE[0] + place[:, 0] * KM
    longitude = CENTRE[1] + place[:, 1] * KM / np.cos(np.radians(CENTRE[0]))
    nearest = np.argsort(distance, axis=1, kind="stable").astype(np.int32)
    return Cells(latitude, longitude, kind, technology, region, weight, load, nearest)


def _even_normals(n: int, rng: np.random.Generator) -> Floats:
    """Standard normals spread evenly, so that a base of a few cells has the same spread as a large one."""
    return np.asarray(ndtri((rng.permutation(n) + rng.random(n)) / n))


def cell_days(cells: Cells, days: int, config: CellsConfig, streams: RandomStreams) -> CellDays:
    """Load, drops, throughput and outages of each cell on each day since the start."""
    rng = streams.get("cell_days")
    shape = (cells.n, days)
    week = 1 + 0.05 * np.sin(2 * np.pi * np.arange(days) / 7)
    growth = 1 + 0.10 * np.arange(days) / 365
    load = cells.load[:, None] * week * growth * rng.lognormal(0, config.load_day_sd, shape)
    load = np.minimum(load, 0.98)
    outage = _outage_hours(cells, days, config, streams)
    signal = rng.normal(-93, 7, (cells.n, 1)) + rng.normal(0, 4, shape)
    own = config.drop_mean * np.exp(config.drop_sd * _even_normals(cells.n, rng) - config.drop_sd**2 / 2)[:, None]
    busy = np.where(load > 0.9, config.drop_busy_factor, 1.0)
    drop = own * busy * rng.lognormal(0, 0.3, shape) + 0.002 * outage
    speed = np.array(config.throughput)[cells.technology][:, None] * rng.lognormal(
        0, config.throughput_sd, (cells.n, 1)
    )
    speed = speed * (1 - load) ** 1.2 * rng.lognormal(0, 0.35, shape)
    speed = np.where(signal < config.signal_floor_dbm, speed / 3, speed) * (1 - outage / 24)
    columns = (outage, np.minimum(drop, 1.0), load, speed, signal)
    return CellDays(*(column.astype(np.float32) for column in columns))


def _outage_hours(cells: Cells, days: int, config: CellsConfig, streams: RandomStreams) -> Floats:
    """Hours out of service: single failures and regional storms; long ones run into the next days."""
    rng = streams.get("outages")
    failures = rng.poisson(config.outages_a_year / 365, (cells.n, days))
    length = config.outage_median_h * rng.lognormal(0, config.outage_sd, (cells.n, days))
    hours = failures * length
    for _ in range(rng.poisson(config.storms_a_year * days / 365)):
        day, region = rng.integers(0, days), rng.integers(0, config.regions)
        hit = (cells.region == region) & (rng.random(cells.n) < 0.6)
        hours[hit, day] += config.storm_hours * rng.lognormal(0, 0.3, hit.sum())
    return _carry_over(hours)


def _carry_over(hours: Floats) -> Floats:
    """Carry what exceeds 24 hours into the following days."""
    for day in range(hours.shape[1] - 1):
        over = np.maximum(hours[:, day] - 24, 0)
        hours[:, day] -= over
        hours[:, day + 1] += over
    return np.minimum(hours, 24.0)


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
    places = _explored_cells(population, cells, reach, (n, config.places), rng)
    places[:, 0] = population.home_cell
    places[:, 1] = np.where(rng.random(n) < config.no_work, population.home_cell, population.work_cell)
    places[immobile, 2:] = places[immobile, :1]
    return Mobility(places, reach, _trips(n, calendar, config, streams), int(rng.integers(0, 2**31)), config)


def _explored_cells(
    population: Population, cells: Cells, reach: Ints, shape: tuple[int, int], rng: np.random.Generator
) -> Ints:
    """Cells around home, the farther the wider the reach; attractive ones win."""
    spread = 1.0 + reach[:, None] * cells.n / 60
    options = [_cells_near_home(population, cells, spread, shape, rng) for _ in range(2)]
    pull = cells.weight
    first = rng.random(shape) * (pull[options[0]] + pull[options[1]]) < pull[options[0]]
    return np.where(first, options[0], options[1])


def _cells_near_home(
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
    new = _explored_cells(population, cells, mobility.reach, places.shape, rng)
    renewed = rng.random(places.shape) < mobility.config.renewed
    renewed[:, :FIXED_PLACES] = False
    renewed[mobility.reach <= 2] = False
    places[renewed] = new[renewed]
    return places


def locate(mobility: Mobility, places: Ints, line: Ints, time: Ints, weekend: Bools) -> Ints:
    """Cell of each line at each time (seconds since the start), the same for a few hours; ignores trips."""
    hours = time // 3600
    block = (hours + line) // mobility.config.stay_hours
    first = hashed_uniform(line, block, mobility.salt)
    shares = place_shares(mobility.config).reshape(48, FIXED_PLACES).astype(np.float32)
    row = hours % 24 + 24 * weekend
    rank = sum((first > shares[row, k]).astype(np.int64) for k in range(FIXED_PLACES))
    explored = rank >= FIXED_PLACES
    room = np.maximum(mobility.reach[line[explored]] - FIXED_PLACES, 1)
    rank[explored] += (room ** hashed_uniform(line[explored], block[explored], mobility.salt + 1)).astype(np.int64) - 1
    rank = np.minimum(rank, mobility.reach[line] - 1)
    return np.asarray(places[line, rank], dtype=np.int32)


def place_shares(config: MobilityConfig) -> Floats:
    """Cumulated shares of home, work and third place, by weekend and hour."""
    shares = np.zeros((2, 24, FIXED_PLACES))
    for (first, last), weekday, weekend in config.place_hours:
        shares[0, first:last], shares[1, first:last] = weekday, weekend
    return np.asarray(shares.cumsum(axis=2))
