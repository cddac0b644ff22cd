"""Usage of a month: calls, texts and data sessions of all lines, as equally long arrays sorted by time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate.people._activity_profile import day_factors, weekends
from custintel.simulate.people._cells_and_mobility import locate, month_places
from custintel.simulate.people._contact_network import TIE_KINDS, Network
from custintel.simulate.usage._calls_and_sms import (
    DATA,
    DAY,
    SMS,
    VOICE,
    Calls,
    TieEvents,
    UsageContext,
    make_calls,
    make_texts,
    texts_after_missed_calls,
)
from custintel.simulate.usage._data_sessions import Sessions, make_sessions

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Bytes, Ints, RandomStreams, Singles
    from custintel.simulate.people._make_world import World
    from custintel.simulate.people._population import Population


IN, OUT = 0, 1
OFF_NET = 1  # index in DESTINATIONS
STRANGER = TIE_KINDS.index("stranger")


@dataclass(frozen=True)
class Activity:
    """Multipliers by line and day of the month, float32 (n, days): 1 is usual, 0 means not with us on that day.

    Values between (a fade, a holiday) thin the use. A line with `calls_in` 0 cannot be reached on the net: its friends
    see it at the competitor if the number went there (`Population.ported_in`, `keeps_number`), else not at all.
    """

    calls_out: Singles
    calls_in: Singles
    texts: Singles
    data: Singles


@dataclass(frozen=True)
class UsageEvents:
    """Records of one month, sorted by time; a call or text on the net has one record for each side."""

    line: Ints  # int32
    time: Ints  # int64, seconds since the start of the data
    service: Bytes  # 0 voice, 1 sms, 2 data
    direction: Bytes  # 0 in, 1 out
    other: Ints  # int64 index in Network.alter_number, -1 for data
    other_operator: Bytes  # index in OPERATORS, -1 for data
    destination: Bytes  # index in DESTINATIONS, -1 for data
    duration_s: Singles
    data_mb: Singles
    answered: Bools
    cell: Ints  # int32, -1 abroad
    technology: Bytes  # index in TECHNOLOGIES
    roaming: Ints  # int16, index in COUNTRIES or -1

    @property
    def size(self) -> int:
        """Number of records."""
        return len(self.line)


@dataclass(frozen=True)
class _Records:
    """Records before place and technology are known; time counts from the first day of the month."""

    line: Ints
    time: Ints
    service: Bytes
    direction: Bytes
    other: Ints
    other_operator: Bytes
    destination: Bytes
    duration_s: Singles
    data_mb: Singles
    answered: Bools


@dataclass(frozen=True)
class _Contacts:
    """Calls and texts of the month on ties."""

    tie: Ints
    outward: Bools
    time: Ints
    service: Bytes
    duration: Singles
    answered: Bools


def usual_activity(population: Population, first: int, days: int) -> Activity:
    """Everybody as usual from the day of activation on."""
    day = first + np.arange(days)
    ones = (day >= population.activation_day[:, None]).astype(np.float32)
    return Activity(ones, ones, ones, ones)


def generate_month(world: World, first: int, days: int, activity: Activity, streams: RandomStreams) -> UsageEvents:
    """Draw all records of the month that begins `first` days after the start of the data."""
    factors = day_factors(world.activity_profile, first, days, streams)
    context = _usage_context(world, first, days, activity, factors)
    usage = world.config.usage
    calls = make_calls(context, world.call_effects, usage.voice, streams)
    answers = texts_after_missed_calls(calls, world.network, usage.voice, streams.get("text_back", first))
    texts = make_texts(context, answers, usage.texts, streams)
    abroad = _abroad(world, first, days)
    daily_rate = factors[2] * activity.data * np.where(abroad, np.float32(world.config.mobility.roaming_data), 1)
    sessions = make_sessions(context, daily_rate, world.data_levels, usage.data, streams)
    records = _sorted(
        _join(_contact_records(world, context, _contacts(calls, texts), activity, streams), sessions), days
    )
    return _located(world, context, records, streams)


def _abroad(world: World, first: int, days: int) -> Bools:
    return np.asarray(world.mobility.away[:, first : first + days] >= 0)


def _elsewhere(population: Population, first: int, days: int, present: Bools) -> Bools:
    """Days on which a line is reachable under its number at a competitor: before a port-in, after a port-out."""
    before = (first + np.arange(days)) < population.activation_day[:, None]
    known = np.where(before, population.ported_in[:, None], population.keeps_number[:, None])
    return np.asarray(~present & known)


def _usage_context(world: World, first: int, days: int, activity: Activity, factors: Singles) -> UsageContext:
    """Combine the factors of the days with the activity, travel and competitors."""
    present = activity.calls_in > 0
    elsewhere = _elsewhere(world.population, first, days, present).astype(np.float32)
    travel = np.where(_abroad(world, first, days), np.float32(world.config.mobility.roaming_voice), np.float32(1))
    begin = np.stack([activity.calls_out, activity.texts]) * present + elsewhere
    receive = np.stack([activity.calls_in, activity.texts]) * present
    return UsageContext(
        network=world.network,
        activity_profile=world.activity_profile,
        first=first,
        days=days,
        daily_rate_out=factors[:2] * begin * travel,
        daily_rate_in=factors[:2] * receive * travel,
        reachability=np.minimum(receive + elsewhere, 1) * travel,
        weekend=weekends(world.config.start, first, days),
    )


def _contacts(calls: Calls, texts: TieEvents) -> _Contacts:
    """Calls and texts one after the other."""
    c, t = len(calls.tie), texts.size
    return _Contacts(
        np.concatenate([calls.tie, texts.tie]),
        np.concatenate([calls.outward, texts.outward]),
        np.concatenate([calls.time, texts.time]),
        np.repeat(np.array([VOICE, SMS], dtype=np.int8), (c, t)),
        np.concatenate([calls.duration, np.zeros(t, dtype=np.float32)]),
        np.concatenate([calls.answered, np.ones(t, dtype=np.bool_)]),
    )


def _contact_records(
    world: World, context: UsageContext, contacts: _Contacts, activity: Activity, streams: RandomStreams
) -> _Records:
    """Records of each side that is with us on the day."""
    contacts = _take(contacts, np.flatnonzero(contacts.time < context.days * DAY))
    net = world.network
    ego, alter = net.ego[contacts.tie], net.alter[contacts.tie]
    alter = _strangers(alter, net, world.population, streams.get("strangers", context.first))
    day = contacts.time // DAY
    present = activity.calls_in > 0
    elsewhere = _elsewhere(world.population, context.first, context.days, present)
    state = present + np.int8(2) * elsewhere  # 0 gone, 1 with us, 2 at a competitor
    ego_state = state[ego, day]
    alter_state = np.full(len(alter), 3, dtype=np.int8)  # 3 never ours
    ours = alter < net.n
    alter_state[ours] = state[alter[ours], day[ours]]
    real = (ego_state > 0) & (alter_state > 0)
    sides = (
        _side(world, contacts, np.flatnonzero(real & (ego_state == 1)), (ego, alter, alter_state), flip=False),
        _side(world, contacts, np.flatnonzero(real & (alter_state == 1)), (alter, ego, ego_state), flip=True),
    )
    return _concatenate(sides)


def _strangers(alter: Ints, net: Network, population: Population, rng: np.random.Generator) -> Ints:
    """Give each call of a stranger a number of its own: a competitor's customer or a fixed line."""
    at = np.flatnonzero(alter < 0)
    last = int(np.flatnonzero(net.destination == 2).max()) + 1
    result = alter.copy()
    result[at] = rng.integers(population.n, last, len(at))
    return result


def _side(world: World, contacts: _Contacts, at: Ints, ends: tuple[Ints, Ints, Bytes], flip: bool) -> _Records:
    """Records as one side of the contacts sees them; `ends` are own line, other and state of the other."""
    line, other, state = (column[at] for column in ends)
    gone = state == 2
    operator = world.network.alter_operator[other]
    operator[gone] = world.population.elsewhere[other[gone]]
    destination = world.network.destination[other]
    destination[gone] = OFF_NET
    return _Records(
        line=line.astype(np.int32),
        time=contacts.time[at],
        service=contacts.service[at],
        direction=(contacts.outward[at] ^ flip).astype(np.int8),
        other=other.astype(np.int64),
        other_operator=operator,
        destination=destination,
        duration_s=contacts.duration[at],
        data_mb=np.zeros(len(at), dtype=np.float32),
        answered=contacts.answered[at],
    )


def _join(records: _Records, sessions: Sessions) -> _Records:
    """Add the data sessions."""
    n = len(sessions.line)
    none = np.full(n, -1, dtype=np.int8)
    data = _Records(
        line=sessions.line,
        time=sessions.time,
        service=np.full(n, DATA, dtype=np.int8),
        direction=np.full(n, OUT, dtype=np.int8),
        other=np.full(n, -1, dtype=np.int64),
        other_operator=none,
        destination=none,
        duration_s=sessions.duration,
        data_mb=sessions.mb,
        answered=np.ones(n, dtype=np.bool_),
    )
    return _concatenate((records, data))


def _concatenate(parts: tuple[_Records, ...]) -> _Records:
    return _Records(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(_Records)))


def _take(contacts: _Contacts, at: Ints) -> _Contacts:
    return _Contacts(*(getattr(contacts, f.name)[at] for f in fields(_Contacts)))


def _sorted(records: _Records, days: int) -> _Records:
    """Sort by time, in the order of the arrays within a second (time and index in one key: fast and repeatable)."""
    bits = max(len(records.time), 1).bit_length()
    key = (records.time.astype(np.int64) << bits) | np.arange(len(records.time))
    key.sort()
    order = key & ((1 << bits) - 1)
    order = order[: np.searchsorted(key >> bits, days * DAY)]
    return _Records(*(getattr(records, f.name)[order] for f in fields(_Records)))


def _located(world: World, context: UsageContext, records: _Records, streams: RandomStreams) -> UsageEvents:
    """Add cell, technology and country."""
    rng = streams.get("technology", context.first)
    day = records.time // DAY
    time = records.time + context.first * DAY
    places = month_places(world.mobility, world.population, world.cells, context.first, streams)
    cell = locate(world.mobility, places, records.line, time, context.weekend[day])
    roaming = world.mobility.away[records.line, context.first + day]
    best = np.minimum(world.population.generation[records.line], world.cells.technology[cell])
    best = np.where(roaming >= 0, np.minimum(world.population.generation[records.line], 2), best)
    older = rng.random(len(best), dtype=np.float32) < world.config.mobility.fallback
    best = np.minimum(best - older, np.where(records.service == VOICE, 2, 3))
    columns = {f.name: getattr(records, f.name) for f in fields(_Records)} | {"time": time}
    return UsageEvents(
        **columns,
        cell=np.where(roaming >= 0, np.int32(-1), cell),
        technology=np.maximum(best, 0).astype(np.int8),
        roaming=roaming,
    )
