"""Calls: first calls, call-backs, retries and follow-ups; who answers and how long they talk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._network import TIE_KINDS, Network
from custintel.simulate._seeds import Seeds, Setting, draw_seeds

if TYPE_CHECKING:
    from custintel.simulate._arrays import Bools, Floats, Ints, Singles
    from custintel.simulate._streams import RandomStreams
    from custintel.simulate._usage_config import VoiceConfig

__all__ = ["Calls", "call_effects", "make_calls", "text_answers"]

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


def make_calls(at: Setting, effects: Singles, config: VoiceConfig, streams: RandomStreams) -> Calls:
    """All calls of the month: the first ones and, generation by generation, what follows from them."""
    rng = streams.get("voice", at.first)
    net = at.network
    batch = _placed(draw_seeds(at, 0, (net.voice_out, net.voice_in), rng), net, effects, config, rng)
    batches = [batch]
    for _ in range(config.generations):
        batch = _placed(_children(batch, net, config, rng), net, effects, config, rng)
        batches.append(batch)
    columns = zip(*((b.tie, b.outward, b.time, b.duration, b.answered) for b in batches), strict=True)
    return Calls(*(np.concatenate(column) for column in columns))


def _placed(seeds: Seeds, net: Network, effects: Singles, config: VoiceConfig, rng: np.random.Generator) -> Calls:
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


def _children(calls: Calls, net: Network, config: VoiceConfig, rng: np.random.Generator) -> Seeds:
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
    return Seeds(calls.tie[at], calls.outward[at] ^ turned, time)


def _delays(back: Bools, retry: Bools, config: VoiceConfig, rng: np.random.Generator) -> Floats:
    """Seconds until the next call."""
    kinds = np.array([config.follow_up_delay, config.call_back_delay, config.retry_delay])
    median, sd = kinds[np.where(back, 1, np.where(retry, 2, 0))].T
    return np.asarray(median * np.exp(sd * rng.normal(size=len(back))))


def text_answers(calls: Calls, net: Network, config: VoiceConfig, rng: np.random.Generator) -> Seeds:
    """Texts sent instead of calling back."""
    person = net.kind[calls.tie] < 3
    at = np.flatnonzero(~calls.answered & person & (rng.random(len(calls.tie)) < config.text_back))
    delay = np.exp(5.5 + 1.2 * rng.normal(size=len(at))).astype(np.int64)
    return Seeds(calls.tie[at], ~calls.outward[at], calls.time[at] + delay)
