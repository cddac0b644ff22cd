"""Records of the further kinds of fraud and of their look-alikes, laid over the records of a month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._simulated_days import NEVER
from custintel.simulate.billing._rating_and_bills import select_records
from custintel.simulate.fraud._attacks_and_look_alikes import ATTACKS, LOOK_ALIKES
from custintel.simulate.fraud._fraud_cases import DEALER, FRAUD_KINDS, SIM_BOX, joined, merged
from custintel.simulate.people._contact_network import DESTINATIONS
from custintel.simulate.usage._calls_and_sms import DATA, SMS, VOICE
from custintel.simulate.usage._month_of_usage import IN, OUT, UsageEvents

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Floats, Ints
    from custintel.simulate.fraud._attacks_and_look_alikes import ExtendedFraud
    from custintel.simulate.fraud._fraud_cases import FraudLines
    from custintel.simulate.people._contact_network import Network
    from custintel.simulate.people._population import Population


_HOUR, _DAY = 3600, 86_400
_ABROAD, _PREMIUM = DESTINATIONS.index("international"), DESTINATIONS.index("premium")


@dataclass(frozen=True)
class FraudContext:
    """Where and when: the month (first day, days), its people and numbers, and chance."""

    month: tuple[int, int]
    population: Population
    network: Network
    rng: np.random.Generator

    def days_of(self, line: Ints, first: Ints, last: Ints) -> tuple[Ints, Ints]:
        """Each line on each day of the month from its first to its last day."""
        days = np.arange(self.month[0], self.month[0] + self.month[1])
        at, day = np.nonzero((days >= first[:, None]) & (days <= last[:, None]))
        return line[at], days[day]

    def strangers(self, n: int) -> Ints:
        """Numbers drawn from everybody."""
        return self.rng.integers(0, self.population.people.n, n)

    def numbers(self, destination: int, n: int, most: int | None = None) -> Ints:
        """Numbers of a destination, of a few first ones if `most` is given."""
        pool = np.flatnonzero(self.network.destination == destination)
        return self.rng.choice(pool if most is None else pool[:most], n)


def add_extended_fraud(
    events: UsageEvents, fraud: FraudLines, extended: ExtendedFraud, gone: Ints, context: FraudContext
) -> UsageEvents:
    """The month's records with those of further fraud and of look-alikes; `gone` is the first day of silence."""
    alarm = extended.look_alike == LOOK_ALIKES.index("alarm")
    other = np.where((events.other >= 0) & (events.other < len(alarm)), events.other, 0)
    theirs = alarm[other] & (events.other >= 0) & (events.other < len(alarm))
    kept = select_records(events, ~(alarm[events.line] | theirs))
    kept = _disguise_records(kept, fraud, extended, context)
    added = [
        *_scam_dialler_calls(fraud, extended, context),
        *_attack_records(extended, context),
        *_bust_out_calls(fraud, extended, context),
        *_look_alike_records(extended, context),
    ]
    new = joined(added)
    day = new.time // _DAY
    inside = (day >= context.month[0]) & (day < context.month[0] + context.month[1]) & (day < gone[new.line])
    own = (new.other >= 0) & (new.other < len(gone))
    inside &= ~own | (context.population.activation_day[np.where(own, new.other, 0)] <= day)
    return merged([kept, select_records(new, inside)])


# --- lines that exist for the fraud ---------------------------------------------------------------------------------


def _scam_dialler_calls(fraud: FraudLines, extended: ExtendedFraud, context: FraudContext) -> list[UsageEvents]:
    scam = np.flatnonzero(fraud.kind == FRAUD_KINDS.index("scam_dialler"))
    line, day = context.days_of(scam, fraud.start[scam], fraud.end[scam])
    each = context.rng.poisson(context.rng.uniform(*extended.config.scam_calls, len(line)))
    line, day = np.repeat(line, each), np.repeat(day, each)
    second = day * _DAY + context.rng.integers(9 * _HOUR, 19 * _HOUR, len(line))
    short = context.rng.random(len(line)) < 0.7
    seconds = np.where(short, context.rng.uniform(2, 15, len(line)), context.rng.lognormal(4.2, 0.8, len(line)))
    calls = _both_sides(line, second, context.strangers(len(line)), seconds, context)
    return [*calls, *_wangiri(fraud, extended, context)]


def _wangiri(fraud: FraudLines, extended: ExtendedFraud, context: FraudContext) -> list[UsageEvents]:
    """Rings of a second or two, later of up to six; a few call back."""
    source = np.flatnonzero(fraud.kind == FRAUD_KINDS.index("wangiri"))
    evening = context.days_of(source, fraud.start[source], np.minimum(fraud.end[source], fraud.start[source] + 2))
    hours = context.rng.integers(2, 5, len(evening[0]))
    each = context.rng.poisson(context.rng.uniform(*extended.config.wangiri_calls, len(hours)) * hours)
    line, day = (np.repeat(v, each) for v in evening)
    second = day * _DAY + 17 * _HOUR + (context.rng.random(len(line)) * np.repeat(hours, each) * _HOUR).astype(np.int64)
    ring = np.where(extended.regime(fraud.start[line]) < 2, 3.0, 6.0)
    victim = context.strangers(len(line))
    rings = _both_sides(line, second, victim, np.ceil(context.rng.random(len(line)) * ring), context)
    back = (context.rng.random(len(line)) < extended.config.called_back) & (victim < context.population.n)
    answer = second[back] + context.rng.integers(30, _HOUR, back.sum())
    return [*rings, *_both_sides(victim[back], answer, line[back], context.rng.uniform(30, 240, back.sum()), context)]


def _disguise_records(
    events: UsageEvents, fraud: FraudLines, extended: ExtendedFraud, context: FraudContext
) -> UsageEvents:
    """In the last regime SIM boxes call less and get calls, text and use data; faked lines ping."""
    late = (fraud.kind == SIM_BOX) & (extended.regime(fraud.start) == 2)
    drop = late[events.line] & (events.direction == OUT) & (context.rng.random(events.size) < 0.6)
    shared_device = context.days_of(np.flatnonzero(late), fraud.start[late], fraud.end[late])
    faked = (fraud.kind == DEALER) & (extended.regime(fraud.start) == 2)
    pinging = context.days_of(np.flatnonzero(faked), fraud.start[faked], np.minimum(fraud.end, fraud.start + 25)[faked])
    users, day = (np.concatenate(both) for both in zip(shared_device, pinging, strict=True))
    pings = _data(users, day * _DAY + _daytime(len(users), context), context)
    incoming = _changed(_daily_calls(shared_device, 12, context), direction=IN)
    texts = _changed(_daily_calls(shared_device, 6, context), service=SMS, seconds=0.0)
    return joined([select_records(events, ~drop), incoming, texts, pings])


def _daily_calls(lines: tuple[Ints, Ints], a_day: float, context: FraudContext) -> UsageEvents:
    """So many records a day with strangers."""
    each = context.rng.poisson(a_day, len(lines[0]))
    line, day = (np.repeat(v, each) for v in lines)
    return _records(line, day * _DAY + _daytime(len(line), context), context, other=context.strangers(len(line)))


# --- honest lines that are struck -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _AttackPattern:
    """Calls an hour by regime, minutes of a call, share of premium numbers."""

    rate: tuple[float, float, float]
    minutes: tuple[float, float]
    premium: float


_ATTACK_PATTERNS = {
    "irsf": _AttackPattern((10.0, 14.0, 20.0), (10, 55), 0.5),
    "pbx": _AttackPattern((9.0, 9.0, 4.0), (5, 40), 0.25),
    "sim_swap": _AttackPattern((5.0, 5.0, 5.0), (3, 20), 0.25),
}


def _attack_records(extended: ExtendedFraud, context: FraudContext) -> list[UsageEvents]:
    return [_attack_calls(k, name, extended, context) for k, name in enumerate(ATTACKS)]


def _attack_calls(kind: int, name: str, extended: ExtendedFraud, context: FraudContext) -> UsageEvents:
    """Long calls abroad and to premium numbers, several at a time, from the first to the last hour."""
    found, recipe = extended.attacks, _ATTACK_PATTERNS[name]
    regime = extended.regime(found.start // _DAY)
    at = np.flatnonzero(found.kind == kind)
    calls = np.repeat(
        at, context.rng.poisson((found.end - found.start)[at] / _HOUR * np.array(recipe.rate)[regime[at]])
    )
    second = found.start[calls] + (context.rng.random(len(calls)) * (found.end - found.start)[calls]).astype(np.int64)
    minutes = context.rng.uniform(*recipe.minutes, len(calls))
    if name == "pbx":
        second = _in_office_hours(second, regime[calls] == 2)
    if name == "irsf":
        minutes = np.where(regime[calls] == 2, minutes / 5, minutes)
    premium = context.rng.random(len(calls)) < recipe.premium
    other = np.where(premium, context.numbers(_PREMIUM, len(calls)), context.numbers(_ABROAD, len(calls), most=60))
    return _records(found.line[calls], second, context, other=other, seconds=minutes * 60)


def _in_office_hours(second: Ints, late: Ints) -> Ints:
    """The last regime hides among the calls of the day."""
    clock = second % _DAY
    return np.where(late, second - clock + 9 * _HOUR + clock % (9 * _HOUR), second)


def _bust_out_calls(fraud: FraudLines, extended: ExtendedFraud, context: FraudContext) -> list[UsageEvents]:
    """Never-payers who call abroad in weeks 3 to 5; in the last regime with few calls a day."""
    bust = np.flatnonzero(extended.bust_out)
    line, day = context.days_of(bust, fraud.start[bust] + 14, fraud.start[bust] + 35)
    each = context.rng.poisson(np.array([8.0, 8.0, 3.0])[extended.regime(fraud.start[line])])
    line, day = np.repeat(line, each), np.repeat(day, each)
    other = context.numbers(_ABROAD, len(line), most=200)
    seconds = context.rng.uniform(300, 2400, len(line))
    return [_records(line, day * _DAY + _daytime(len(line), context), context, other=other, seconds=seconds)]


# --- innocent lines that look like it -------------------------------------------------------------------------------


def _look_alike_records(extended: ExtendedFraud, context: FraudContext) -> list[UsageEvents]:
    recipes = {"call_centre": _call_centre, "courier": _courier, "alarm": _alarm, "expatriate": _expatriate,
               "texter": _texter}  # fmt: skip
    parts = []
    for k, name in enumerate(LOOK_ALIKES):
        line = np.flatnonzero(extended.look_alike == k)
        always = np.full(len(line), NEVER)
        parts += recipes[name](
            *context.days_of(line, np.maximum(context.population.activation_day[line], 0), always), context
        )
    return parts


def _call_centre(line: Ints, day: Ints, context: FraudContext) -> list[UsageEvents]:
    """Many short calls to customers who call back, on weekdays."""
    each = context.rng.poisson(np.where((day + 2) % 7 < 5, 110, 4))
    line, day = np.repeat(line, each), np.repeat(day, each)
    second = day * _DAY + context.rng.integers(9 * _HOUR, 18 * _HOUR, len(line))
    other = context.strangers(len(line))
    back = context.rng.random(len(line)) < 0.12
    calls = _both_sides(line, second, other, context.rng.lognormal(3.6, 1.1, len(line)), context)
    calls_back = _records(line[back], second[back] + _HOUR, context, other=other[back], seconds=90.0)
    return [*calls, _changed(calls_back, direction=IN)]


def _courier(line: Ints, day: Ints, context: FraudContext) -> list[UsageEvents]:
    """Short calls to everybody on the tour, from many cells."""
    each = context.rng.poisson(np.where((day + 2) % 7 < 6, 60, 10))
    line, day = np.repeat(line, each), np.repeat(day, each)
    second = day * _DAY + context.rng.integers(8 * _HOUR, 20 * _HOUR, len(line))
    cells = context.rng.choice(context.population.home_cell, len(line))
    seconds = context.rng.lognormal(3.0, 0.7, len(line))
    out = _both_sides(line, second, context.strangers(len(line)), seconds, context)
    return [_changed(out[0], cell=cells), *out[1:]]


def _alarm(line: Ints, day: Ints, context: FraudContext) -> list[UsageEvents]:
    """One call in about three days, always to the same number."""
    sends = context.rng.random(len(line)) < 0.35
    line, day = line[sends], day[sends]
    return [
        _records(
            line, day * _DAY + line % _DAY, context, other=context.population.people.n - 1 - line % 50, seconds=5.0
        )
    ]


def _expatriate(line: Ints, day: Ints, context: FraudContext) -> list[UsageEvents]:
    """Long calls home, to a few numbers abroad."""
    each = context.rng.poisson(1.4, len(line))
    line, day = np.repeat(line, each), np.repeat(day, each)
    pool = np.flatnonzero(context.network.destination == _ABROAD)
    other = pool[(line * 7 + context.rng.integers(0, 3, len(line))) % len(pool)]
    second = day * _DAY + context.rng.integers(18 * _HOUR, 24 * _HOUR, len(line))
    return [_records(line, second, context, other=other, seconds=context.rng.uniform(300, 2400, len(line)))]


def _texter(line: Ints, day: Ints, context: FraudContext) -> list[UsageEvents]:
    """Very many texts to a few friends."""
    each = context.rng.poisson(90, len(line))
    line, day = np.repeat(line, each), np.repeat(day, each)
    friends = (line * 31 + context.rng.integers(0, 6, len(line))) % context.population.people.n
    sent = _records(line, day * _DAY + _daytime(len(line), context), context, other=friends)
    return [_changed(sent, service=SMS, seconds=0.0)]


# --- records --------------------------------------------------------------------------------------------------------


def _daytime(n: int, context: FraudContext) -> Ints:
    """Seconds of the day, from 7 to 23 h."""
    return 7 * _HOUR + (context.rng.beta(1.6, 1.4, n) * 16 * _HOUR).astype(np.int64)


def _both_sides(line: Ints, second: Ints, other: Ints, seconds: Floats, context: FraudContext) -> list[UsageEvents]:
    """Outgoing calls, and the incoming records of lines of ours."""
    answered = seconds > 0
    out = _changed(_records(line, second, context, other=other, seconds=seconds), answered=answered)
    ours = (other < context.population.n) & (other != line)
    back = _records(other[ours], second[ours], context, other=line[ours], seconds=seconds[ours])
    return [out, _changed(back, direction=IN)]


def _records(
    line: Ints, second: Ints, context: FraudContext, *, other: Ints, seconds: Floats | float = 60.0
) -> UsageEvents:
    """Outgoing calls from the home cells of the lines."""
    n = len(line)
    return UsageEvents(
        line=line.astype(np.int32),
        time=second.astype(np.int64),
        service=np.full(n, VOICE, dtype=np.int8),
        direction=np.full(n, OUT, dtype=np.int8),
        other=other.astype(np.int64),
        other_operator=context.network.alter_operator[other].astype(np.int8),
        destination=context.network.destination[other].astype(np.int8),
        duration_s=np.ceil(np.broadcast_to(np.asarray(seconds, dtype=np.float64), n)).astype(np.float32),
        data_mb=np.zeros(n, dtype=np.float32),
        answered=np.ones(n, dtype=np.bool_),
        cell=context.population.home_cell[line].astype(np.int32),
        technology=np.full(n, 2, dtype=np.int8),
        roaming=np.full(n, -1, dtype=np.int16),
    )


def _data(line: Ints, second: Ints, context: FraudContext) -> UsageEvents:
    """Small data sessions."""
    n, none = len(line), np.full(len(line), -1, dtype=np.int8)
    base = _records(line, second, context, other=np.zeros(n, dtype=np.int64), seconds=60.0)
    nobody = np.full(n, -1, dtype=np.int64)
    mb = context.rng.lognormal(1.0, 1.0, n).astype(np.float32)
    return _changed(base, service=DATA, other=nobody, other_operator=none, destination=none, data_mb=mb)


def _changed(events: UsageEvents, **columns: object) -> UsageEvents:
    """The same records with other values in some columns (`seconds` is the duration)."""
    values = {name: getattr(events, name) for name in UsageEvents.__dataclass_fields__}
    if "seconds" in columns:
        columns["duration_s"] = columns.pop("seconds")
    for name, value in columns.items():
        values[name] = np.broadcast_to(np.asarray(value), events.size).astype(values[name].dtype)
    return UsageEvents(**values)
