"""Delay and dirt, laid over finished records by a stream of its own (section 10.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate.billing._rating_and_bills import select_records
from custintel.simulate.usage._calls_and_sms import DATA, VOICE

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Ints
    from custintel.simulate._simulation_config import DirtConfig
    from custintel.simulate.usage._month_of_usage import UsageEvents


HOUR, DAY = 3600, 86_400


@dataclass(frozen=True)
class DeliveredRecords:
    """Records as they reach the data: with arrival, gaps and mistakes. Negative codes are missing values."""

    events: UsageEvents
    cents: Ints
    arrival: Ints  # seconds since the start
    device: Bools  # device identity known
    unknown_cell: Bools
    epoch: Bools  # the date is 1 January 1970
    place: Ints  # position of the record among the clean ones


def add_delay_and_errors(
    events: UsageEvents, cents: Ints, month: tuple[int, int], feed_outage: int, config: DirtConfig,
    rng: np.random.Generator,
) -> DeliveredRecords:  # fmt: skip
    """Delay the records of a month and add errors; `feed_outage` is the first day of the year's gap in the feed."""
    copies = _copies(len(cents), config, rng)
    near = rng.random(len(cents) + len(copies)) < config.near_duplicates / max(
        config.duplicates + config.near_duplicates, 1e-12
    )
    arrival = _arrivals(events, feed_outage, config, rng)
    place = np.sort(np.concatenate([np.arange(len(cents)), copies]))
    if len(copies):
        events, cents, arrival = select_records(events, place), cents[place], arrival[place]
        again = np.flatnonzero(np.diff(place, prepend=-1) == 0)
        events.time[again] += np.where(near[again], rng.integers(1, 4, len(again)), 0)
    n = len(cents)
    cell = np.where(_missing_cells(events, config, rng), -1, events.cell).astype(np.int32)
    duration = events.duration_s.copy()
    wrong = (rng.random(n) < config.negative_durations) & (events.service == VOICE)
    duration[wrong] = -np.maximum(duration[wrong], 1)
    other = events.other.copy()
    selfish = (rng.random(n) < config.self_calls) & (events.service != DATA)
    other[selfish] = events.line[selfish]
    shifted = replace(
        events, cell=cell, duration_s=duration, other=other, time=_clock_errors(events, month, config, rng)
    )
    return DeliveredRecords(
        events=shifted,
        cents=cents,
        arrival=arrival,
        device=rng.random(n) >= config.missing_device,
        unknown_cell=rng.random(n) < config.unknown_cells,
        epoch=rng.random(n) < config.epoch_dates,
        place=place,
    )


def _copies(n: int, config: DirtConfig, rng: np.random.Generator) -> Ints:
    """Positions of the records that come twice."""
    return np.flatnonzero(rng.random(n) < config.duplicates + config.near_duplicates)


def _arrivals(events: UsageEvents, feed_outage: int, config: DirtConfig, rng: np.random.Generator) -> Ints:
    """When the records arrive: most within the hour, some days later; those of a feed outage all at once."""
    n = len(events.time)
    kind, u = rng.random(n, dtype=np.float32), rng.random(n, dtype=np.float32)
    edges = np.cumsum([config.within_30_days, config.within_3_days, config.within_day])
    low = np.array([3 * DAY, DAY, HOUR, 0])
    high = np.array([30 * DAY, 3 * DAY, DAY, HOUR if edges[-1] > 0 else 1])
    band = np.searchsorted(edges, kind, side="right")
    lag = (low[band] + u * (high - low)[band]).astype(np.int64)
    if edges[-1] > 0:
        lag = np.where(events.roaming >= 0, ((4 + 32 * u) * HOUR).astype(np.int64), lag)
    gap = config.feed_outage_days * DAY
    start = feed_outage * DAY
    stuck = (events.time >= start) & (events.time < start + gap)
    bulk = int(start + gap) + (u * 6 * HOUR).astype(np.int64)
    return np.asarray(np.where(stuck, np.maximum(events.time + lag, bulk), events.time + lag))


def _missing_cells(events: UsageEvents, config: DirtConfig, rng: np.random.Generator) -> Bools:
    """Cells that the record does not tell."""
    chance = np.where(events.roaming >= 0, config.missing_cell_roaming, config.missing_cell)
    return np.asarray(rng.random(len(chance)) < chance)


def _clock_errors(events: UsageEvents, month: tuple[int, int], config: DirtConfig, rng: np.random.Generator) -> Ints:
    """One switch in sixty has a wrong clock for some days."""
    cells = int(events.cell.max(initial=0)) + 1
    bad = rng.random(cells) < config.clock_cells
    shift = np.where(bad, rng.integers(-60, 61, cells) * 60, 0)
    start = (month[0] + rng.integers(0, month[1], cells)) * DAY
    length = rng.integers(2, 8, cells) * DAY
    cell = np.maximum(events.cell, 0)
    touched = (events.cell >= 0) & (events.time >= start[cell]) & (events.time < start[cell] + length[cell])
    return np.where(touched, np.maximum(events.time + shift[cell], 0), events.time)
