"""Which lines are fraud beyond the first three kinds, when, and which innocent lines look like it.

Two ways: lines that exist for the fraud (diallers, Wangiri sources) are scripted like SIM boxes; honest lines are
attacked for some hours (stolen SIMs, switchboards, takeovers). All draws come from streams of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._simulated_days import NEVER
from custintel.simulate.fraud._fraud_cases import DEALER, FRAUD_KINDS, NEVER_PAYER, SIM_BOX

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints, RandomStreams
    from custintel.simulate._simulation_config import ExtendedFraudConfig
    from custintel.simulate.fraud._fraud_cases import FraudLines
    from custintel.simulate.people._population import Population


ATTACKS = ("irsf", "pbx", "sim_swap")
LOOK_ALIKES = ("call_centre", "courier", "alarm", "expatriate", "texter")
_SCRIPTED = ("scam_dialler", "wangiri")
_HOUR = 3600
_DAY = 24 * _HOUR


@dataclass(frozen=True)
class Attacks:
    """Attacks on honest lines: kind (index in ATTACKS), first and last second, day of detection, loss in u."""

    line: Ints
    kind: Ints
    start: Ints
    end: Ints
    detected: Ints
    loss: Floats


@dataclass(frozen=True)
class ExtendedFraud:
    """Further fraud of the whole period.

    `look_alike` is what an innocent line looks like (index in LOOK_ALIKES, -1 for nothing), `ring` the group of a
    scripted line (-1 for none), `shared_device` the line whose device a line uses, `bust_out` marks never-payers who
    call abroad, and `loss` is the loss by line in u.
    """

    config: ExtendedFraudConfig
    attacks: Attacks
    look_alike: Ints
    ring: Ints
    shared_device: Ints
    bust_out: Bools
    loss: Floats
    days: int

    @property
    def unusual_charges(self) -> Bools:
        """Lines that are struck or look like fraud: what they are charged for it shocks nobody (it is credited)."""
        found = self.look_alike >= 0
        found[self.attacks.line] = True
        return found

    def regime(self, day: Ints) -> Ints:
        """Third of the period in which something begins."""
        return np.clip(day * 3 // self.days, 0, 2)


def make_extended_fraud(
    fraud: FraudLines, population: Population, days: int, config: ExtendedFraudConfig, streams: RandomStreams
) -> tuple[FraudLines, ExtendedFraud]:
    """Choose the lines; the number follows the rates and the intensity of the other kinds."""
    rng = streams.get("fraud_more")
    fraud, loss = _with_scripted(fraud, population, days, config, rng)
    attacks = _attacks(fraud, population, days, config, rng)
    ring = _device_rings(fraud, config.ring)
    first = {r: np.flatnonzero(ring == r)[0] for r in np.unique(ring[ring >= 0]).tolist()}
    shared_device = np.array([first.get(r, k) for k, r in enumerate(ring.tolist())], dtype=np.int64)
    bust_out = (fraud.kind == NEVER_PAYER) & (rng.random(population.n) < config.bust_out)
    look_alike = _choose_look_alikes(fraud, attacks, population, config, streams.get("look_alikes"))
    return fraud, ExtendedFraud(config, attacks, look_alike, ring, shared_device, bust_out, loss, days)


def _line_count(rate: float, fraud: FraudLines, population: Population, days: int, rng: np.random.Generator) -> int:
    return int(rng.poisson(rate * fraud.intensity * population.n / 1e5 * days / 30.4375))


def _with_scripted(
    fraud: FraudLines, population: Population, days: int, config: ExtendedFraudConfig, rng: np.random.Generator
) -> tuple[FraudLines, Floats]:
    """Diallers and Wangiri sources among those who join prepaid; late kinds join in the last third."""
    kind, start, end, detected = (getattr(fraud, name).copy() for name in ("kind", "start", "end", "detected"))
    loss = np.zeros(population.n)
    joined = population.activation_day
    for place, name in enumerate(_SCRIPTED):
        wanted = _line_count(getattr(config, name), fraud, population, days, rng)
        earliest = days * 2 // 3 if name in config.late_kinds else 0
        free = (joined >= earliest) & (joined < days - 3) & (population.segment == 0) & (kind < 0)
        line = rng.permutation(np.flatnonzero(free))[: min(wanted, free.sum() // 3)]
        kind[line], start[line] = FRAUD_KINDS.index(name), joined[line]
        life = np.ceil(config.life[0] * rng.lognormal(0, config.life[1], len(line))).astype(np.int64)
        end[line] = start[line] + np.maximum(life, 2)
        detected[line] = start[line] + _detection_lags(len(line), place, config, rng)
        loss[line] = config.losses[place] * rng.lognormal(0, 0.8, len(line))
    return replace(fraud, kind=kind, start=start, end=end, detected=detected), loss


def _attacks(
    fraud: FraudLines, population: Population, days: int, config: ExtendedFraudConfig, rng: np.random.Generator
) -> Attacks:
    """Attacks on lines in service: from Friday evening to Monday morning, takeovers on weekday evenings."""
    parts = []
    free = (fraud.kind < 0) & (population.activation_day < days - 40)
    right = (population.segment <= 1, population.business, population.segment <= 1)
    for place, name in enumerate(ATTACKS):
        wanted = _line_count(getattr(config, name), fraud, population, days, rng)
        line = rng.permutation(np.flatnonzero(free & right[place]))[:wanted]
        free[line] = False
        earliest = np.maximum(population.activation_day[line], 0) + 10
        earliest = np.maximum(earliest, days * 2 // 3 if name in config.late_kinds else 0)
        day = earliest + (rng.random(len(line)) * np.maximum(days - 5 - earliest, 1)).astype(np.int64)
        hour = rng.integers(18, 30, len(line)) if name != "sim_swap" else rng.integers(17, 22, len(line))
        length = (rng.integers(6, 40, len(line)) if name != "sim_swap" else rng.integers(2, 20, len(line))) * _HOUR
        begin = day * _DAY + hour * _HOUR
        found = begin // _DAY + _detection_lags(len(line), len(_SCRIPTED) + place, config, rng)
        loss = config.losses[len(_SCRIPTED) + place] * rng.lognormal(0, 0.8, len(line))
        parts.append((line, np.full(len(line), place), begin, begin + length, found, loss))
    return Attacks(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _detection_lags(n: int, place: int, config: ExtendedFraudConfig, rng: np.random.Generator) -> Ints:
    """Days until detection; NEVER for some."""
    lag = np.ceil(config.lag_days[place] * rng.lognormal(0, config.lag_sd, n)).astype(np.int64)
    return np.where(rng.random(n) < config.undetected, NEVER, lag)


def _device_rings(fraud: FraudLines, size: int) -> Ints:
    """SIM boxes and faked lines of one kind that start at about the same time share a device."""
    ring = np.full(len(fraud.kind), -1)
    number = 0
    for kind in (SIM_BOX, DEALER):
        line = np.flatnonzero(fraud.kind == kind)
        line = line[np.argsort(fraud.start[line], kind="stable")]
        for k in range(0, len(line), size):
            ring[line[k : k + size]] = number
            number += 1
    return ring


def _choose_look_alikes(
    fraud: FraudLines, attacks: Attacks, population: Population, config: ExtendedFraudConfig, rng: np.random.Generator
) -> Ints:
    """Innocent lines, of each look at least as many as of the fraud that it resembles."""
    counts = {name: int((fraud.kind == k).sum()) for k, name in enumerate(FRAUD_KINDS)}
    attacked = {name: int((attacks.kind == k).sum()) for k, name in enumerate(ATTACKS)}
    likes = {
        "call_centre": max(counts["sim_box"], counts["scam_dialler"]), "courier": counts["sim_box"],
        "alarm": counts["dealer"], "expatriate": max(attacked["irsf"], counts["never_payer"]),
        "texter": counts["wangiri"],
    }  # fmt: skip
    look_alike = np.full(population.n, -1)
    free = (fraud.kind < 0) & ~np.isin(np.arange(population.n), attacks.line)
    young = free & (population.activation_day >= 0)
    for k, name in enumerate(LOOK_ALIKES):
        wanted = int(np.ceil(config.look_alikes * likes[name]))
        pool = free & population.business if name == "call_centre" else free
        first = rng.permutation(np.flatnonzero(pool & young & (look_alike < 0)))[: wanted // 2]
        rest = rng.permutation(np.flatnonzero(pool & (look_alike < 0) & ~np.isin(np.arange(population.n), first)))
        look_alike[np.concatenate([first, rest[: wanted - len(first)]])] = k
    return look_alike
