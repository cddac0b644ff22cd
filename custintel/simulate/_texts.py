"""Texts: conversations in trains on ties, with replies after minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._seeds import Seeds, Setting, draw_seeds

if TYPE_CHECKING:
    from custintel.simulate._arrays import Bools, Ints
    from custintel.simulate._streams import RandomStreams
    from custintel.simulate._usage_config import TextConfig

__all__ = ["make_texts"]


def make_texts(at: Setting, answers: Seeds, config: TextConfig, streams: RandomStreams) -> Seeds:
    """All texts of the month: conversations, and single texts that answer missed calls."""
    rng = streams.get("texts", at.first)
    net = at.network
    seeds = draw_seeds(at, 1, (net.text_out, net.text_in), rng)
    lengths = _lengths(net.kind[seeds.tie] < 3, config, rng)
    first = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    rows = np.repeat(np.arange(seeds.size), lengths)
    opening = np.zeros(total, dtype=np.bool_)
    opening[first] = True
    time = np.repeat(seeds.time, lengths) + _elapsed(opening, rows, first, config, rng)
    outward = seeds.outward[rows] ^ _turned(opening, rows, first, config, rng)
    return Seeds(
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


def _turned(opening: Bools, rows: Ints, first: Ints, config: TextConfig, rng: np.random.Generator) -> Bools:
    """True where the text comes from the side that did not open the conversation."""
    change = (rng.random(len(rows), dtype=np.float32) >= config.same_sender) & ~opening
    total = np.cumsum(change, dtype=np.int64)
    return np.asarray((total - total[first][rows]) % 2 == 1)
