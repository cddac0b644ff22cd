"""First calls and conversations of a month: which tie, who begins, on which day and second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._clock import Rhythm, draw_seconds
from custintel.simulate._people import MONTH

if TYPE_CHECKING:
    from custintel.simulate._arrays import Bools, Floats, Ints, Singles
    from custintel.simulate._network import Network

__all__ = ["DAY", "Seeds", "Setting", "draw_seeds"]

DAY = 86400


@dataclass(frozen=True)
class Setting:
    """What a month's calls and texts happen in; arrays (services, lines, days) but `weekend` (days)."""

    network: Network
    rhythm: Rhythm
    first: int  # first day, counted from the start
    days: int
    wish_out: Singles  # how much a line begins
    wish_in: Singles  # how much people who are not ours begin with it
    reached: Singles  # chance that a friend of ours finds it
    weekend: Bools


@dataclass(frozen=True)
class Seeds:
    """Events on ties: index of the tie, true if the ego begins, second of the month."""

    tie: Ints
    outward: Bools
    time: Ints

    @property
    def size(self) -> int:
        """Number of events."""
        return len(self.tie)


def draw_seeds(at: Setting, service: int, rates: tuple[Singles, Singles], rng: np.random.Generator) -> Seeds:
    """Poisson counts on each tie and direction, on the days when the beginner feels like it and the other is there."""
    net, n = at.network, at.network.n
    wish = np.concatenate([at.wish_out[service], at.wish_in[service]])
    ours = (net.alter >= 0) & (net.alter < n)
    rows = (net.ego, np.where(ours, net.alter, n + net.ego))
    level = wish.sum(axis=1) / np.float32(MONTH)
    ladder = _ladder(wish)
    parts = []
    for outward, (rate, row) in zip((True, False), zip(rates, rows, strict=True), strict=True):
        count = rng.poisson(net.lively_rate(rate) * level[row])
        tie = np.repeat(np.arange(len(row), dtype=np.int32), count)
        day = _days(ladder, row[tie], at.days, rng)
        keep = _possible(at, service, tie, outward, day, rng)
        parts.append((tie[keep], np.full(int(keep.sum()), outward), day[keep]))
    tie, outward_all, day = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Seeds(tie, outward_all, _times(at, service, tie, outward_all, day, rng))


def _ladder(wish: Singles) -> Floats:
    """Cumulated wishes of all rows, scaled to the unit interval per row and stacked: one sorted array."""
    steps = wish.astype(np.float64).cumsum(axis=1)
    steps /= np.maximum(steps[:, -1:], 1e-12)
    return np.asarray((steps + np.arange(len(steps))[:, None]).ravel())


def _days(ladder: Floats, row: Ints, days: int, rng: np.random.Generator) -> Ints:
    """Draw a day for each event from the wishes of its row."""
    place = np.searchsorted(ladder, row + rng.random(len(row)), side="right")
    return np.asarray(np.clip(place - row * days, 0, days - 1), dtype=np.int32)


def _possible(at: Setting, service: int, tie: Ints, outward: bool, day: Ints, rng: np.random.Generator) -> Bools:
    """Keep what falls into the life of the tie and finds the receiver (thinned when the receiver fades)."""
    net, n = at.network, at.network.n
    when = at.first + day
    alive = (when >= net.born[tie]) & (when < net.died[tie])
    other = net.alter[tie] if outward else net.ego[tie]
    ours = (other >= 0) & (other < n) & (outward | (net.alter[tie] < n))
    chance = net.liveliness(tie, when)
    chance[ours] *= at.reached[service][other[ours], day[ours]]
    return np.asarray(alive & (rng.random(len(tie), dtype=np.float32) < chance))


def _times(at: Setting, service: int, tie: Ints, outward: Bools, day: Ints, rng: np.random.Generator) -> Ints:
    """Second of the month, by the clock of the beginner (of the ego when the beginner is not ours)."""
    net = at.network
    alter = net.alter[tie]
    line = np.where(outward | (alter < 0) | (alter >= net.n), net.ego[tie], alter)
    second = draw_seconds(at.rhythm, service, (line, at.weekend[day]), rng)
    return np.asarray(day.astype(np.int64) * DAY + second)
