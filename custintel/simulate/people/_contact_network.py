"""Ties of our lines to people and numbers, with their rates.

Household, overlapping groups and random weak ties make a clustered network; numbers at fixed lines, services, abroad
and of strangers complete what a bill shows. Alters count on after the people universe.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from custintel.simulate._random_streams import hashed_uniform
from custintel.simulate.people._population import MONTH, People, Population

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Bytes, Floats, Ints, RandomStreams, Singles, Strings
    from custintel.simulate._usage_config import NetworkConfig, UsageConfig


DESTINATIONS = ("on_net", "off_net", "fixed", "international", "premium", "service")
TIE_KINDS = ("household", "group", "weak", "fixed", "voicemail", "service", "foreign", "premium", "stranger")

WITH_SPELLS = np.array([kind in ("group", "weak") for kind in TIE_KINDS])
FACTOR_LIMIT = 2.5  # standard deviations
BLOCK_CODES = {"fixed": (3, 2), "voicemail": (5, 5), "service": (5, 5), "foreign": (4, 3), "premium": (5, 4)}
BLOCK_NUMBERS = {"fixed": "8881{:07d}", "voicemail": "100", "service": "8888{:04d}", "premium": "888900{:05d}"}
FOREIGN_PREFIXES = (
    "49151", "33612", "39333", "34612", "43664", "41791", "90532", "30694", "44770", "12025", "66812", "20100",
)  # fmt: skip  # in the order of _mobility.COUNTRIES


@dataclass(frozen=True)
class Network:
    """Ties with at least one line of ours; `ego` < n always, a tie between two lines of ours appears once.

    Rates are conversations and first calls a month while the tie lives (days `born` to `died`); `alter` is an index
    into all numbers (`alter_number`, `alter_operator`, `destination`), of which the first n are ours.
    """

    n: int  # our lines
    ego: Ints
    alter: Ints
    kind: Bytes  # index in TIE_KINDS
    voice_out: Singles
    voice_in: Singles
    text_out: Singles
    text_in: Singles
    born: Singles
    died: Singles
    alter_number: Strings
    alter_operator: Bytes  # index in OPERATORS
    destination: Bytes  # index in DESTINATIONS, by alter
    salt: int  # of the hash that decides when a tie is lively
    config: NetworkConfig

    @property
    def weight(self) -> Singles:
        """First calls and conversations a month on each tie."""
        return self.voice_out + self.voice_in + self.text_out + self.text_in

    def per_line(self, rate: Singles) -> Floats:
        """Sum of the mean rates of each line's ties, weighted by the part of the period in which they live."""
        days = max(float(self.born.max()), 1.0)
        lived = rate * (np.minimum(self.died, days) - np.maximum(self.born, 0)) / days
        on_net = (self.alter >= 0) & (self.alter < self.n)
        theirs = np.bincount(self.alter[on_net], lived[on_net], self.n)
        return np.asarray(np.bincount(self.ego, lived, self.n) + theirs)

    def lively_rate(self, rate: Singles) -> Singles:
        """Rates in a lively spell, from mean rates."""
        on, off = self.config.spell_on, self.config.spell_off
        return np.where(WITH_SPELLS[self.kind], rate / np.float32(on + (1 - on) * off), rate)

    def liveliness(self, tie: Ints, day: Ints) -> Singles:
        """Rate of each tie on a day (since the start) against its rate in a lively spell."""
        spell = (day + tie * 7) // self.config.spell_days
        lively = (hashed_uniform(tie, spell, self.salt) < self.config.spell_on) | ~WITH_SPELLS[self.kind[tie]]
        return np.where(lively, np.float32(1), np.float32(self.config.spell_off))

    def neighbours(self, day: int | None = None) -> tuple[Ints, Ints, Floats]:
        """On-net ties as sparse rows (indptr, indices, weights); the weight is what the line sends to the friend.

        With `day` (since the start) the ties alive on that day, otherwise all that ever live.
        """
        on_net = (self.alter >= 0) & (self.alter < self.n)
        if day is not None:
            on_net &= (self.born <= day) & (day < self.died)
        ego, alter = self.ego[on_net], self.alter[on_net]
        rows, columns = np.concatenate([ego, alter]), np.concatenate([alter, ego])
        sent = (self.voice_out + self.text_out)[on_net], (self.voice_in + self.text_in)[on_net]
        order = np.argsort(rows, kind="stable")
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=self.n))])
        return indptr, columns[order], np.concatenate(sent)[order].astype(np.float64)


@dataclass(frozen=True)
class _TiePairs:
    """Undirected ties between people of the universe."""

    first: Ints
    second: Ints
    layer: Bytes  # index in TIE_KINDS, 0..2
    born: Floats
    died: Floats

    def take(self, at: Ints | Bools) -> _TiePairs:
        """Keep some of the ties."""
        return _TiePairs(*(getattr(self, f.name)[at] for f in fields(self)))


@dataclass(frozen=True)
class _Rates:
    """Rates a month of first calls and conversations on ties, by direction seen from the first side."""

    voice_out: Floats
    voice_in: Floats
    text_out: Floats
    text_in: Floats


def make_network(
    population: Population, days: int, config: NetworkConfig, usage: UsageConfig, streams: RandomStreams
) -> Network:
    """Draw all ties that live at some time during `days`."""
    pairs = _pairs(population.people, days, config, streams)
    pairs = pairs.take(pairs.first < population.n)  # our lines have the small indices
    others = _make_number_ties(population, config, usage.voice.multiplier, streams)
    lives = (np.minimum(pairs.died, days) - np.maximum(pairs.born, 0)) / days
    records = np.where(pairs.second < population.n, 2, 1) * lives / population.n
    personal = _level(_personal_rates(pairs, population, config, streams), records, config, usage)
    ties = {
        "ego": (pairs.first, others.ego),
        "alter": (pairs.second, others.alter),
        "kind": (pairs.layer, others.kind),
        "born": (pairs.born, np.full(len(others.ego), -1.0)),
        "died": (pairs.died, np.full(len(others.ego), np.inf)),
    }
    ties |= {f.name: (getattr(personal, f.name), getattr(others.rates, f.name)) for f in fields(_Rates)}
    columns = {name: np.concatenate(parts) for name, parts in ties.items()}
    order = np.argsort(columns["ego"], kind="stable")
    columns = {name: _single(column[order]) for name, column in columns.items()}
    salt = int(streams.get("spells").integers(0, 2**31))
    return Network(n=population.n, **columns, **_directory(population, others), salt=salt, config=config)


def _single(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Store rates and days in single precision."""
    return column.astype(np.float32) if column.dtype == np.float64 else column


def _pairs(people: People, days: int, config: NetworkConfig, streams: RandomStreams) -> _TiePairs:
    """All ties between people: households and companies, group layers, weak ties; each pair once."""
    rng = streams.get("ties")
    parts = [_closed(people.group, _company_chance(people), 0, rng)]
    chance = np.sqrt(config.group_link) * np.exp(config.group_sociability * people.traits[:, 2])
    copies = 1 + days / config.life_days[1]  # room for groups that come and go
    for layer, size in enumerate(config.group_sizes):
        for _ in range(math.ceil(copies)):
            groups = _group_layer(people, layer, size, config, rng)
            pairs = _closed(groups, chance, 1, rng)
            born, died = _lives(people.n, days, config.life_days[1], rng)
            kept = rng.random(people.n) < copies / math.ceil(copies)
            group = groups[pairs.first]
            parts.append(replace(pairs, born=born[group], died=died[group]).take(kept[group]))
    parts.append(_weak(people, days, config, rng))
    joined = _TiePairs(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(_TiePairs)))
    ordered = replace(
        joined, first=np.minimum(joined.first, joined.second), second=np.maximum(joined.first, joined.second)
    )
    keep = np.unique(ordered.first * people.n + ordered.second, return_index=True)[1]
    return ordered.take(keep[ordered.first[keep] != ordered.second[keep]])


def _closed(groups: Ints, chance: Floats, layer: int, rng: np.random.Generator) -> _TiePairs:
    """Ties inside groups that last for ever."""
    first, second = _within(groups, chance, rng)
    n = len(first)
    return _TiePairs(first, second, np.full(n, layer, dtype=np.int8), np.full(n, -1.0), np.full(n, np.inf))


def _weak(people: People, days: int, config: NetworkConfig, rng: np.random.Generator) -> _TiePairs:
    """Random ties, more of them for sociable people, that come and go."""
    count = round(config.weak_ties * people.n * (1 + days / config.life_days[2]))
    pull = np.exp(config.weak_sociability * people.traits[:, 2])
    ends = rng.choice(people.n, (2, count), p=pull / pull.sum())
    return _TiePairs(ends[0], ends[1], np.full(count, 2, dtype=np.int8), *_lives(count, days, config.life_days[2], rng))


def _lives(count: int, days: int, life: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """First and last day of each tie or group: as many begin as end."""
    born = np.where(rng.random(count) < days / (days + life), rng.random(count) * days, -1.0)
    return born, np.maximum(born, 0) + rng.exponential(life, count)


def _company_chance(people: People) -> Floats:
    """Square root of the chance of a tie inside a household or company: large companies are not cliques."""
    size = np.bincount(people.group)[people.group]
    return np.asarray(np.sqrt(np.minimum(1.0, 4.0 / np.maximum(size - 1, 1))))


def _group_layer(people: People, layer: int, size: float, config: NetworkConfig, rng: np.random.Generator) -> Ints:
    """Cut the people into groups: neighbours, colleagues, people of like mind."""
    noise = rng.random(people.n)
    like = people.traits[:, 0] - people.traits[:, 1] + rng.normal(0, 1, people.n)
    home = rng.random(people.group.max() + 1)[people.group]  # a household joins the same group of neighbours
    keys = (people.neighbourhood + home, people.work_cell + noise, like)
    order = np.argsort(keys[layer], kind="stable")
    mean = size / np.exp(config.group_size_sd**2 / 2)
    sizes = np.maximum(1, np.rint(mean * rng.lognormal(0, config.group_size_sd, people.n))).astype(np.int64)
    groups = np.empty(people.n, dtype=np.int64)
    groups[order] = np.repeat(np.arange(people.n), sizes)[: people.n]
    return groups


def _within(groups: Ints, chance: Floats, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Pairs inside groups, each with the product of both sides' chances."""
    order = np.argsort(groups, kind="stable")
    label = groups[order]
    longest = int(np.bincount(groups).max())
    firsts, seconds = [order[:0]], [order[:0]]
    for gap in range(1, min(longest, 80)):
        at = np.flatnonzero(label[gap:] == label[:-gap])
        a, b = order[at], order[at + gap]
        linked = rng.random(len(at)) < chance[a] * chance[b]
        firsts.append(a[linked])
        seconds.append(b[linked])
    return np.concatenate(firsts), np.concatenate(seconds)


def _personal_rates(pairs: _TiePairs, population: Population, config: NetworkConfig, streams: RandomStreams) -> _Rates:
    """Weights of ties, stretched, times what both sides like to call and to text."""
    rng = streams.get("weights")
    kinds = np.array([config.household_weight, config.group_weight, config.weak_weight])[pairs.layer]
    z = rng.normal(size=(2, len(pairs.first)))
    weight = np.exp(config.strength * (kinds[:, 0] + kinds[:, 1] * z[0]))
    weight /= 1 + weight / (config.strongest * weight.mean())
    voice, text = _factors(population, config, streams)
    channel = rng.random(len(pairs.first))
    calls = channel >= config.text_only
    texts = (channel < config.text_only) | (channel > config.text_only + (1 - config.text_only) * config.call_only)
    share = rng.beta(config.direction, config.direction, (2, len(pairs.first)))
    talk = weight * np.sqrt(voice[pairs.first] * voice[pairs.second]) * calls
    chat = weight**0.8 * np.exp(0.8 * z[1]) * np.sqrt(text[pairs.first] * text[pairs.second]) * texts
    return _Rates(talk * share[0], talk * (1 - share[0]), chat * share[1], chat * (1 - share[1]))


def _factors(population: Population, config: NetworkConfig, streams: RandomStreams) -> tuple[Floats, Floats]:
    """What each person of the universe likes to call and to text, as factors; correlated with sociability."""
    rng = streams.get("factors")
    people = population.people
    common, voice, text = rng.normal(size=(3, people.n))
    s, r = config.factor_sociability, config.factor_correlation
    shared = np.sqrt(max(r - s**2, 0.0))
    own = np.sqrt(1 - s**2 - shared**2)
    voice = np.clip(s * people.traits[:, 2] + shared * common + own * voice, -FACTOR_LIMIT, FACTOR_LIMIT)
    text = np.clip(s * people.traits[:, 2] + shared * common + own * text, -FACTOR_LIMIT, FACTOR_LIMIT)
    calling, texting = np.exp(config.voice_factor_sd * voice), np.exp(config.text_factor_sd * text)
    calling[: population.n] *= np.array(config.voice_segments)[population.segment]
    texting[: population.n] *= np.exp(config.text_age * (population.age - 40))
    return calling, texting


@dataclass(frozen=True)
class _NumberTies:
    """Ties to numbers that are not mobile people at home, and the sizes of their blocks of numbers."""

    ego: Ints
    alter: Ints
    kind: Bytes
    rates: _Rates
    blocks: dict[str, int]


def _make_number_ties(
    population: Population, config: NetworkConfig, train: float, streams: RandomStreams
) -> _NumberTies:
    """Fixed lines, voicemail, services, abroad, premium numbers, strangers; `train` is the calls per first call."""
    rng = streams.get("others")
    n, first = population.n, population.people.n
    blocks = {"fixed": max(60, n // 2), "voicemail": 1, "service": 60, "foreign": max(40, n // 5), "premium": 30}
    starts = dict(zip(blocks, first + np.cumsum([0, *blocks.values()])[:-1], strict=True))
    counts = {
        "fixed": rng.poisson(config.fixed_ties, n),
        "voicemail": (rng.random(n) < config.voicemail_lines).astype(np.int64),
        "service": np.full(n, 2),
        "foreign": (rng.random(n) < config.foreign_lines) * (1 + rng.poisson(0.8, n)),
        "premium": (rng.random(n) < config.premium_lines).astype(np.int64),
    }
    egos = {name: np.repeat(np.arange(n), count) for name, count in counts.items()}
    alters = {name: starts[name] + _popular(len(ego), blocks[name], rng) for name, ego in egos.items()}
    egos["stranger"] = np.arange(n)
    alters["stranger"] = np.full(n, -1)
    kind = np.concatenate([np.full(len(ego), TIE_KINDS.index(name), dtype=np.int8) for name, ego in egos.items()])
    rates = _other_rates(kind, n, config, train, rng)
    return _NumberTies(np.concatenate(list(egos.values())), np.concatenate(list(alters.values())), kind, rates, blocks)


def _popular(count: int, size: int, rng: np.random.Generator) -> Ints:
    """Draw numbers of a block; a few are called by many."""
    return np.asarray((size * rng.random(count) ** 1.5).astype(np.int64))


def _other_rates(kind: Bytes, lines: int, config: NetworkConfig, train: float, rng: np.random.Generator) -> _Rates:
    """Shares of all calls by kind, lognormal between ties; services text, voicemail is only called."""
    rate = rng.lognormal(0, config.other_sd, len(kind))
    out = np.zeros(len(kind))
    for name, share, outward in config.others:
        at = kind == TIE_KINDS.index(name)
        calls = share * config.calls_per_day * MONTH * lines / (train if name in ("fixed", "foreign") else 1)
        rate[at] *= calls / max(rate[at].sum(), 1e-9)
        out[at] = outward
    texts = rng.lognormal(0, config.other_sd, len(kind)) * (kind == TIE_KINDS.index("service"))
    texts *= config.service_texts_per_month * lines / max(texts.sum(), 1e-9)
    return _Rates(rate * out, rate * (1 - out), np.zeros(len(kind)), texts)


def _level(personal: _Rates, records: Floats, config: NetworkConfig, usage: UsageConfig) -> _Rates:
    """Scale the rates between people so that lines have the wanted mean number of records.

    `records` is what an event on each tie adds to the mean number of records of our lines while the tie may live.
    """
    talk = (records * (personal.voice_out + personal.voice_in)).sum()
    chat = (records * (personal.text_out + personal.text_in)).sum()
    between_people = 1 - sum(share for _, share, _ in config.others)
    voice = config.calls_per_day * MONTH * between_people / usage.voice.multiplier / talk
    text = (config.texts_per_day * MONTH - config.service_texts_per_month) / usage.texts.multiplier / chat
    return _Rates(
        personal.voice_out * voice, personal.voice_in * voice, personal.text_out * text, personal.text_in * text
    )


def _directory(population: Population, others: _NumberTies) -> dict[str, npt.NDArray[Any]]:
    """Numbers, operators and destinations of all alters."""
    people = population.people
    numbers = [_number(name, i) for name, size in others.blocks.items() for i in range(size)]
    codes = np.repeat(
        np.array([BLOCK_CODES[name] for name in others.blocks], dtype=np.int8), list(others.blocks.values()), axis=0
    )
    mobile = np.where(people.operator == 0, 0, 1).astype(np.int8)
    return {
        "alter_number": np.concatenate([people.number, np.array(numbers)]),
        "alter_operator": np.concatenate([people.operator, codes[:, 0]]),
        "destination": np.concatenate([mobile, codes[:, 1]]),
    }


def _number(name: str, index: int) -> str:
    """Number of an entry of a block; a few countries have most of the numbers abroad."""
    if name == "foreign":
        country = int(len(FOREIGN_PREFIXES) * (index * 0.618034 % 1) ** 1.7)
        return f"{FOREIGN_PREFIXES[country]}{index * 37 + 1000:06d}"
    return BLOCK_NUMBERS[name].format(index * 13 + 11)
