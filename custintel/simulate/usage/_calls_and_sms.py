"""Calls and SMS of a month on the ties of the contact network.

Poisson counts on each tie give the first calls and conversations, with the day and second on which they begin. Calls
are answered or missed; call-backs, retries and follow-ups come out of them. SMS come as conversations, with replies
after minutes, and as texts after missed calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate.people._activity_profile import ActivityProfile, draw_seconds
from custintel.simulate.people._contact_network import TIE_KINDS, Network
from custintel.simulate.people._population import MONTH

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints, RandomStreams, Singles
    from custintel.simulate._usage_config import TextConfig, VoiceConfig


DAY = 86400
VOICE, SMS, DATA = 0, 1, 2


@dataclass(frozen=True)
class UsageContext:
    """What a month's calls and texts happen in; arrays (services, lines, days) but `weekend` (days)."""

    network: Network
    activity_profile: ActivityProfile
    first: int  # first day, counted from the start
    days: int
    daily_rate_out: Singles  # how much a line begins
    daily_rate_in: Singles  # how much people who are not ours begin with it
    reachability: Singles  # chance that a friend of ours finds it
    weekend: Bools


@dataclass(frozen=True)
class TieEvents:
    """Events on ties: index of the tie, true if the ego begins, second of the month."""

    tie: Ints
    outward: Bools
    time: Ints

    @property
    def size(self) -> int:
        """Number of events."""
        return len(self.tie)


def draw_first_events(
    context: UsageContext, service: int, rates: tuple[Singles, Singles], rng: np.random.Generator
) -> TieEvents:
    """Poisson counts on each tie and direction, on the days when the beginner feels like it and the other is there."""
    net, n = context.network, context.network.n
    daily_rate = np.concatenate([context.daily_rate_out[service], context.daily_rate_in[service]])
    ours = (net.alter >= 0) & (net.alter < n)
    rows = (net.ego, np.where(ours, net.alter, n + net.ego))
    level = daily_rate.sum(axis=1) / np.float32(MONTH)
    cumulative_rates = _cumulative_rates(daily_rate)
    parts = []
    for outward, (rate, row) in zip((True, False), zip(rates, rows, strict=True), strict=True):
        count = rng.poisson(net.lively_rate(rate) * level[row])
        tie = np.repeat(np.arange(len(row), dtype=np.int32), count)
        day = _days(cumulative_rates, row[tie], context.days, rng)
        keep = _possible(context, service, tie, outward, day, rng)
        parts.append((tie[keep], np.full(int(keep.sum()), outward), day[keep]))
    tie, outward_all, day = (np.concatenate(column) for column in zip(*parts, strict=True))
    return TieEvents(tie, outward_all, _times(context, service, tie, outward_all, day, rng))


def _cumulative_rates(daily_rate: Singles) -> Floats:
    """Cumulated wishes of all rows, scaled to the unit interval per row and stacked: one sorted array."""
    steps = daily_rate.astype(np.float64).cumsum(axis=1)
    steps /= np.maximum(steps[:, -1:], 1e-12)
    return np.asarray((steps + np.arange(len(steps))[:, None]).ravel())


def _days(cumulative_rates: Floats, row: Ints, days: int, rng: np.random.Generator) -> Ints:
    """Draw a day for each event from the wishes of its row."""
    place = np.searchsorted(cumulative_rates, row + rng.random(len(row)), side="right")
    return np.asarray(np.clip(place - row * days, 0, days - 1), dtype=np.int32)


def _possible(
    context: UsageContext, service: int, tie: Ints, outward: bool, day: Ints, rng: np.random.Generator
) -> Bools:
    """Keep what falls into the life of the tie and finds the receiver (thinned when the receiver fades)."""
    net, n = context.network, context.network.n
    when = context.first + day
    alive = (when >= net.born[tie]) & (when < net.died[tie])
    other = net.alter[tie] if outward else net.ego[tie]
    ours = (other >= 0) & (other < n) & (outward | (net.alter[tie] < n))
    chance = net.liveliness(tie, when)
    chance[ours] *= context.reachability[service][other[ours], day[ours]]
    return np.asarray(alive & (rng.random(len(tie), dtype=np.float32) < chance))


def _times(context: UsageContext, service: int, tie: Ints, outward: Bools, day: Ints, rng: np.random.Generator) -> Ints:
    """Second of the month, by the clock of the beginner (of the ego when the beginner is not ours)."""
    net = context.network
    alter = net.alter[tie]
    line = np.where(outward | (alter < 0) | (alter >= net.n), net.ego[tie], alter)
    second = draw_seconds(context.activity_profile, service, (line, context.weekend[day]), rng)
    return np.asarray(day.astype(np.int64) * DAY + second)


VOICEMAIL = TIE_KINDS.index("voicemail")
PERSON = np.array([name in ("household", "group", "weak", "fixed", "foreign") for name in TIE_KINDS])
STRANGER = TIE_KINDS.index("stranger")


@dataclass(frozen=True)
class Calls:
    """Calls on ties; a call that nobody took has zero seconds."""

    tie: Ints
    outward: Bools
    time: Ints
    duration: Singles
    answered: Bools


def call_effects(network: Network, config: VoiceConfig, streams: RandomStreams) -> Singles:
    """How long each person or number tends to talk, as a factor, by alter index."""
    z = streams.get("talk").normal(size=len(network.alter_operator))
    return np.exp(config.duration_user_sd * z).astype(np.float32)


def make_calls(context: UsageContext, effects: Singles, config: VoiceConfig, streams: RandomStreams) -> Calls:
    """All calls of the month: the first ones and, generation by generation, what follows from them."""
    rng = streams.get("voice", context.first)
    net = context.network
    batch = _answered(draw_first_events(context, 0, (net.voice_out, net.voice_in), rng), net, effects, config, rng)
    batches = [batch]
    for _ in range(config.generations):
        batch = _answered(_follow_up_calls(batch, net, config, rng), net, effects, config, rng)
        batches.append(batch)
    columns = zip(*((b.tie, b.outward, b.time, b.duration, b.answered) for b in batches), strict=True)
    return Calls(*(np.concatenate(column) for column in columns))


def _answered(seeds: TieEvents, net: Network, effects: Singles, config: VoiceConfig, rng: np.random.Generator) -> Calls:
    """Decide whether calls are answered and how long they last."""
    kind = net.kind[seeds.tie]
    answered = (rng.random(seeds.size, dtype=np.float32) >= config.unanswered) | (kind == VOICEMAIL)
    caller = np.where(seeds.outward, net.ego[seeds.tie], net.alter[seeds.tie])
    duration = _durations(effects[caller], kind == VOICEMAIL, config, rng)
    return Calls(seeds.tie, seeds.outward, seeds.time, np.where(answered, duration, np.float32(0)), answered)


def _durations(effect: Singles, voicemail: Bools, config: VoiceConfig, rng: np.random.Generator) -> Singles:
    """Seconds of answered calls: a quarter short, the others log-logistic around the caller's own median."""
    n = len(effect)
    u = rng.random(n, dtype=np.float32) * np.float32(0.9998) + np.float32(0.0001)
    long = config.duration_median * effect * (u / (1 - u)) ** np.float32(1 / config.duration_shape)
    median, sd = config.short_duration
    short = median * np.exp(np.float32(sd) * rng.standard_normal(n, dtype=np.float32))
    is_short = (rng.random(n, dtype=np.float32) < config.short) | voicemail
    seconds = np.ceil(np.where(is_short, short, long))
    return np.clip(seconds, 1, config.duration_cap).astype(np.float32)


def _follow_up_calls(calls: Calls, net: Network, config: VoiceConfig, rng: np.random.Generator) -> TieEvents:
    """Calls that follow: after a missed one a call-back or a retry, after an answered one another on the tie."""
    n = len(calls.tie)
    u = rng.random(n, dtype=np.float32)
    kind = net.kind[calls.tie]
    person = PERSON[kind]
    back = ~calls.answered & (u < np.where(kind == STRANGER, config.call_back_stranger, config.call_back * person))
    retry = ~calls.answered & ~back & (u > 1 - config.retry)
    follow = calls.answered & person & (u < config.follow_up)
    at = np.flatnonzero(back | retry | follow)
    turned = back[at] | (follow[at] & (rng.random(len(at)) < 0.5))
    delay = _delays(back[at], retry[at], config, rng)
    time = calls.time[at] + calls.duration[at].astype(np.int64) + delay.astype(np.int64) + 5
    return TieEvents(calls.tie[at], calls.outward[at] ^ turned, time)


def _delays(back: Bools, retry: Bools, config: VoiceConfig, rng: np.random.Generator) -> Floats:
    """Seconds until the next call."""
    kinds = np.array([config.follow_up_delay, config.call_back_delay, config.retry_delay])
    median, sd = kinds[np.where(back, 1, np.where(retry, 2, 0))].T
    return np.asarray(median * np.exp(sd * rng.normal(size=len(back))))


def texts_after_missed_calls(calls: Calls, net: Network, config: VoiceConfig, rng: np.random.Generator) -> TieEvents:
    """Texts sent instead of calling back."""
    person = net.kind[calls.tie] < 3
    at = np.flatnonzero(~calls.answered & person & (rng.random(len(calls.tie)) < config.text_back))
    delay = np.exp(5.5 + 1.2 * rng.normal(size=len(at))).astype(np.int64)
    return TieEvents(calls.tie[at], ~calls.outward[at], calls.time[at] + delay)


def make_texts(context: UsageContext, answers: TieEvents, config: TextConfig, streams: RandomStreams) -> TieEvents:
    """All texts of the month: conversations, and single texts that answer missed calls."""
    rng = streams.get("texts", context.first)
    net = context.network
    seeds = draw_first_events(context, 1, (net.text_out, net.text_in), rng)
    lengths = _lengths(net.kind[seeds.tie] < 3, config, rng)
    first = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    rows = np.repeat(np.arange(seeds.size), lengths)
    opening = np.zeros(total, dtype=np.bool_)
    opening[first] = True
    time = np.repeat(seeds.time, lengths) + _elapsed(opening, rows, first, config, rng)
    outward = seeds.outward[rows] ^ _from_other_side(opening, rows, first, config, rng)
    return TieEvents(
        np.concatenate([seeds.tie[rows], answers.tie]),
        np.concatenate([outward, answers.outward]),
        np.concatenate([time, answers.time]),
    )


def _lengths(person: Bools, config: TextConfig, rng: np.random.Generator) -> Ints:
    """Texts of each conversation: one, or an exchange that is hot or cold; services write once."""
    n = len(person)
    going = np.where(rng.random(n) < config.hot, config.hot_continue, config.cold_continue)
    more = rng.geometric(1 - going)
    replied = person & (rng.random(n) < config.reply)
    return np.where(replied, np.minimum(1 + more, config.longest), 1).astype(np.int64)


def _elapsed(opening: Bools, rows: Ints, first: Ints, config: TextConfig, rng: np.random.Generator) -> Ints:
    """Seconds since the opening text of the conversation."""
    mean, sd = config.delay
    delay = np.exp(np.float32(mean) + np.float32(sd) * rng.standard_normal(len(rows), dtype=np.float32))
    delay = np.where(opening, 0, np.minimum(delay, config.longest_delay)).astype(np.int64) + ~opening
    total = np.cumsum(delay)
    return np.asarray(total - total[first][rows])


def _from_other_side(opening: Bools, rows: Ints, first: Ints, config: TextConfig, rng: np.random.Generator) -> Bools:
    """True where the text comes from the side that did not open the conversation."""
    change = (rng.random(len(rows), dtype=np.float32) >= config.same_sender) & ~opening
    total = np.cumsum(change, dtype=np.int64)
    return np.asarray((total - total[first][rows]) % 2 == 1)
