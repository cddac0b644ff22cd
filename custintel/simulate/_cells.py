"""Radio cells: where they are, how full, how often they fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from custintel.simulate._arrays import Bytes, Floats, Ints, Singles
    from custintel.simulate._streams import RandomStreams
    from custintel.simulate._usage_config import CellsConfig

__all__ = ["KINDS", "TECHNOLOGIES", "CellDays", "Cells", "cell_days", "make_cells"]

KINDS = ("office", "home", "transit", "rural")
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
    kind: Bytes  # index in KINDS
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
    kind = rng.choice(len(KINDS), n, p=config.kind_shares).astype(np.int8)
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
    return _spill(hours)


def _spill(hours: Floats) -> Floats:
    """Carry what exceeds 24 hours into the following days."""
    for day in range(hours.shape[1] - 1):
        over = np.maximum(hours[:, day] - 24, 0)
        hours[:, day] -= over
        hours[:, day + 1] += over
    return np.minimum(hours, 24.0)
