"""Add-ons and consents: tables that follow from what is settled at the end, and that nothing else depends on.

Each is drawn from a stream of its own, so that all other tables are the same with and without them. Marks as in
`_simulation_config`: all figures here are assumptions [A].

- **Add-ons** are bought as a Poisson process over the life of a line. Who likes data buys music and video, who moves
  about buys travel packs, and the price-sensitive buy less of everything. Packs end after 30 days by themselves; the
  others are kept for months, shorter by the dissatisfied. One in three who has decided to leave cancels before.
- **Consents** are asked for at activation, channel by channel. Later statements follow from campaigns: a contact on a
  channel makes the impatient opt out of it, and those who have decided to leave opt out more often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from custintel.simulate._simulated_days import NEVER
from custintel.simulate.output._arrow_tables import (
    arrow_table,
    boolean_column,
    date_column,
    dictionary_column,
    float_column,
    time_column,
)

if TYPE_CHECKING:
    from custintel.simulate._operator import SimulationState
    from custintel.simulate._random_streams import Bools, Floats, Ints


DAY, MONTH = 86_400, 30.4375
HISTORY = 3 * 365  # days before the data that the table reaches back
CANCELS_BEFORE_LEAVING = 0.33


@dataclass(frozen=True)
class Addon:
    """One product: purchases a month and line, the trait that attracts to it, and how long it is kept."""

    addon_id: str
    name: str
    price: float  # u a month, or for the whole pack
    a_month: float
    trait: str
    pull: float  # of a unit of the trait, on the log rate
    months: float  # mean time it is kept; 0: a pack of 30 days


ADDONS = (
    Addon("music", "Music streaming", 5.0, 0.010, "data_appetite", 0.6, 10.0),
    Addon("video", "Video streaming", 8.0, 0.008, "data_appetite", 0.8, 8.0),
    Addon("security", "Security for the device", 2.0, 0.006, "discipline", 0.4, 20.0),
    Addon("insurance", "Insurance of the device", 4.0, 0.007, "discipline", 0.3, 18.0),
    Addon("travel_pack", "Travel pack", 10.0, 0.015, "mobility", 0.9, 0.0),
    Addon("data_pack", "Extra data", 3.0, 0.030, "data_appetite", 0.7, 0.0),
)
PRICE_PULL = -0.35  # of a unit of price sensitivity, on the log rate


def addons(state: SimulationState) -> pa.Table:
    """Every add-on that a line held, from the day it was bought to the day it ended."""
    rng, calendar = state.streams.get("addons"), state.calendar
    parts = [_purchases(state, addon, rng) for addon in ADDONS]
    product = np.repeat(np.arange(len(parts)), [len(line) for line, _, _ in parts])
    line, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    lag = rng.integers(60, DAY, len(line))
    order = np.lexsort((product, line, start))
    return arrow_table(
        order,
        customer_id=state.names.customers.take(pa.array(line)),
        addon_id=dictionary_column(product, [addon.addon_id for addon in ADDONS]),
        name=dictionary_column(product, [addon.name for addon in ADDONS]),
        start_date=date_column(start, calendar),
        arrival_time=time_column(start * DAY + lag, calendar),
        end_date=date_column(np.where(end < calendar.total, end, NEVER), calendar),
        price=float_column(np.array([addon.price for addon in ADDONS])[product]),
    )


def _purchases(state: SimulationState, addon: Addon, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Line, first day and end of each purchase of one product."""
    population = state.world.population
    first = np.maximum(population.activation_day, -HISTORY)
    days = np.maximum(np.minimum(state.last + 1, state.calendar.total) - first, 0)
    traits = population.traits
    rate = addon.a_month * np.exp(addon.pull * traits[addon.trait] + PRICE_PULL * traits["price_sensitivity"])
    line = np.repeat(np.arange(population.n), rng.poisson(rate * days / MONTH))
    start = first[line] + (rng.random(len(line)) * days[line]).astype(np.int64)
    if addon.months == 0:
        end = start + 30
    else:
        kept = addon.months * MONTH * np.exp(0.3 * traits["satisfaction"][line])
        end = _cancelled(state, line, start, start + 1 + (rng.exponential(kept)).astype(np.int64), rng)
    return line, start, np.minimum(end, state.last[line] + 1)


def _cancelled(state: SimulationState, line: Ints, start: Ints, end: Ints, rng: np.random.Generator) -> Ints:
    """Ends brought forward by those who have decided to leave."""
    decided, leaves = state.dynamics.decided[line], state.dynamics.exit[line]
    chosen = (decided < NEVER) & (rng.random(len(line)) < CANCELS_BEFORE_LEAVING)
    day = decided + (rng.random(len(line)) * np.maximum(leaves - decided, 1)).astype(np.int64)
    return np.where(chosen, np.minimum(end, np.maximum(day, start + 1)), end)


PURPOSES, CHANNELS = ("marketing", "profiling", "partners"), ("sms", "email", "call", "app")
OPT_IN = ((0.75, 0.60, 0.40, 0.55), (0.50, 0.50, 0.50, 0.50), (0.20, 0.25, 0.15, 0.20))  # by purpose and channel
OPT_OUT_AFTER_CONTACT = 0.04
OPT_OUT_ON_LEAVING = 0.15
CHANGES_A_MONTH = 0.004  # of mind, either way


@dataclass(frozen=True)
class _Statements:
    """Statements of lines: when, on which channel and purpose, and what."""

    line: Ints
    second: Ints
    channel: Ints
    purpose: Ints
    granted: Bools


def consents(state: SimulationState) -> pa.Table:
    """Every opt-in and opt-out, in the order of time."""
    rng, calendar = state.streams.get("consents"), state.calendar
    parts = [_at_activation(state, rng), _after_contacts(state, rng), _on_leaving(state, rng), _of_itself(state, rng)]
    line, second, channel, purpose, granted = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("line", "second", "channel", "purpose", "granted")
    )
    lag = rng.integers(60, 2 * DAY, len(line))
    alive = (second // DAY <= state.last[line]) & (second < calendar.total * DAY)
    order = np.lexsort((channel, purpose, line, second))
    order = order[alive[order]]
    return arrow_table(
        order,
        customer_id=state.names.customers.take(pa.array(line)),
        statement_time=time_column(second, calendar),
        arrival_time=time_column(second + lag, calendar),
        purpose=dictionary_column(purpose, PURPOSES),
        channel=dictionary_column(channel, CHANNELS),
        granted=boolean_column(granted),
    )


def _at_activation(state: SimulationState, rng: np.random.Generator) -> _Statements:
    """What was answered in the shop or on the page, one statement a purpose and channel; the tolerant agree more."""
    population = state.world.population
    n, pairs = population.n, len(PURPOSES) * len(CHANNELS)
    pair = np.tile(np.arange(pairs), n)
    line = np.repeat(np.arange(n), pairs)
    odds = np.log(np.array(OPT_IN).ravel() / (1 - np.array(OPT_IN).ravel()))
    granted = rng.random(n * pairs) < _chance(odds[pair] + 0.4 * population.traits["tolerance"][line])
    second = population.activation_day[line] * DAY + np.repeat(rng.integers(9 * 3600, 19 * 3600, n), pairs)
    return _Statements(line, second, pair % len(CHANNELS), pair // len(CHANNELS), granted)


def _after_contacts(state: SimulationState, rng: np.random.Generator) -> _Statements:
    """Opt-outs of marketing on the channel of a campaign contact, by the impatient more often."""
    log, offers = state.dynamics.campaigns.campaigns, state.config.campaigns.offers
    empty = np.zeros(0, dtype=np.int64)
    line = np.concatenate([empty, *(c.line[c.treated] for c in log)])
    second = np.concatenate([empty, *(c.second[c.treated] for c in log)])
    known = [CHANNELS.index(o.channel) if o.channel in CHANNELS else 0 for o in offers]
    channel = np.concatenate([empty, *(np.full(int(c.treated.sum()), known[c.offer]) for c in log)])
    odds = np.log(OPT_OUT_AFTER_CONTACT / (1 - OPT_OUT_AFTER_CONTACT))
    chosen = rng.random(len(line)) < _chance(odds - 0.5 * state.world.population.traits["tolerance"][line])
    wait = (rng.exponential(2.0, len(line)) * DAY).astype(np.int64) + 60
    line, second, channel = line[chosen], (second + wait)[chosen], channel[chosen]
    return _opt_outs(line, second, channel)


def _on_leaving(state: SimulationState, rng: np.random.Generator) -> _Statements:
    """Opt-outs of marketing, on some channel, between the decision to leave and the end."""
    decided, n = state.dynamics.decided, state.world.population.n
    chosen = (decided < NEVER) & (rng.random(n) < OPT_OUT_ON_LEAVING)
    wait = (rng.exponential(10.0, n) * DAY).astype(np.int64)
    channel = rng.integers(0, len(CHANNELS), n)
    line = np.flatnonzero(chosen)
    return _opt_outs(line, decided[line] * DAY + wait[line], channel[line])


def _of_itself(state: SimulationState, rng: np.random.Generator) -> _Statements:
    """Changes of mind that nothing explains, within the data."""
    n, days = state.world.population.n, state.calendar.total
    line = np.repeat(np.arange(n), rng.poisson(CHANGES_A_MONTH * days / MONTH, n))
    second = rng.integers(0, days * DAY, len(line))
    after = second >= (state.world.population.activation_day[line] + 1) * DAY
    channel, purpose = rng.integers(0, len(CHANNELS), len(line)), rng.integers(0, len(PURPOSES), len(line))
    granted = rng.random(len(line)) < 0.4
    return _Statements(line[after], second[after], channel[after], purpose[after], granted[after])


def _opt_outs(line: Ints, second: Ints, channel: Ints) -> _Statements:
    """Opt-outs of marketing."""
    return _Statements(line, second, channel, np.zeros(len(line), dtype=np.int64), np.zeros(len(line), dtype=bool))


def _chance(odds: Floats) -> Floats:
    """Chance of log odds."""
    return np.asarray(1 / (1 + np.exp(-odds)))
