"""Records of the further kinds of fraud and of their look-alikes, laid over the records of a month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._simulated_days import NEVER
from custintel.simulate.billing._rating_and_bills import selected
from custintel.simulate.fraud._fraud_cases import DEALER, KINDS, SIM_BOX, joined, merged
from custintel.simulate.fraud._fraud_episodes import LOOKS, STRIKES
from custintel.simulate.people._contact_network import DESTINATIONS
from custintel.simulate.usage._month_of_usage import DATA, IN, OUT, SMS, VOICE, UsageEvents

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Floats, Ints
    from custintel.simulate.fraud._fraud_cases import Fraud
    from custintel.simulate.fraud._fraud_episodes import MoreFraud
    from custintel.simulate.people._contact_network import Network
    from custintel.simulate.people._population import Population


_HOUR, _DAY = 3600, 86_400
_ABROAD, _PREMIUM = DESTINATIONS.index("international"), DESTINATIONS.index("premium")


@dataclass(frozen=True)
class Stage:
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


def lay_over(events: UsageEvents, fraud: Fraud, more: MoreFraud, gone: Ints, stage: Stage) -> UsageEvents:
    """The month's records with those of further fraud and of look-alikes; `gone` is the first day of silence."""
    alarm = more.look == LOOKS.index("alarm")
    other = np.where((events.other >= 0) & (events.other < len(alarm)), events.other, 0)
    theirs = alarm[other] & (events.other >= 0) & (events.other < len(alarm))
    kept = selected(events, ~(alarm[events.line] | theirs))
    kept = _human_like(kept, fraud, more, stage)
    added = [
        *_dialled(fraud, more, stage), *_struck(more, stage), *_busts(fraud, more, stage), *_looking(more, stage),
    ]  # fmt: skip
    new = joined(added)
    day = new.time // _DAY
    inside = (day >= stage.month[0]) & (day < stage.month[0] + stage.month[1]) & (day < gone[new.line])
    own = (new.other >= 0) & (new.other < len(gone))
    inside &= ~own | (stage.population.activation_day[np.where(own, new.other, 0)] <= day)
    return merged([kept, selected(new, inside)])


# --- lines that exist for the fraud ---------------------------------------------------------------------------------


def _dialled(fraud: Fraud, more: MoreFraud, stage: Stage) -> list[UsageEvents]:
    scam = np.flatnonzero(fraud.kind == KINDS.index("scam_dialler"))
    line, day = stage.days_of(scam, fraud.start[scam], fraud.end[scam])
    each = stage.rng.poisson(stage.rng.uniform(*more.config.scam_calls, len(line)))
    line, day = np.repeat(line, each), np.repeat(day, each)
    second = day * _DAY + stage.rng.integers(9 * _HOUR, 19 * _HOUR, len(line))
    short = stage.rng.random(len(line)) < 0.7
    seconds = np.where(short, stage.rng.uniform(2, 15, len(line)), stage.rng.lognormal(4.2, 0.8, len(line)))
    calls = _both_sides(line, second, stage.strangers(len(line)), seconds, stage)
    return [*calls, *_wangiri(fraud, more, stage)]


def _wangiri(fraud: Fraud, more: MoreFraud, stage: Stage) -> list[UsageEvents]:
    """Rings of a second or two, later of up to six; a few call back."""
    source = np.flatnonzero(fraud.kind == KINDS.index("wangiri"))
    evening = stage.days_of(source, fraud.start[source], np.minimum(fraud.end[source], fraud.start[source] + 2))
    hours = stage.rng.integers(2, 5, len(evening[0]))
    each = stage.rng.poisson(stage.rng.uniform(*more.config.wangiri_calls, len(hours)) * hours)
    line, day = (np.repeat(v, each) for v in evening)
    second = day * _DAY + 17 * _HOUR + (stage.rng.random(len(line)) * np.repeat(hours, each) * _HOUR).astype(np.int64)
    ring = np.where(more.regime(fraud.start[line]) < 2, 3.0, 6.0)
    victim = stage.strangers(len(line))
    rings = _both_sides(line, second, victim, np.ceil(stage.rng.random(len(line)) * ring), stage)
    back = (stage.rng.random(len(line)) < more.config.called_back) & (victim < stage.population.n)
    answer = second[back] + stage.rng.integers(30, _HOUR, back.sum())
    return [*rings, *_both_sides(victim[back], answer, line[back], stage.rng.uniform(30, 240, back.sum()), stage)]


def _human_like(events: UsageEvents, fraud: Fraud, more: MoreFraud, stage: Stage) -> UsageEvents:
    """In the last regime SIM boxes call less and get calls, text and use data; faked lines ping."""
    late = (fraud.kind == SIM_BOX) & (more.regime(fraud.start) == 2)
    drop = late[events.line] & (events.direction == OUT) & (stage.rng.random(events.size) < 0.6)
    box = stage.days_of(np.flatnonzero(late), fraud.start[late], fraud.end[late])
    faked = (fraud.kind == DEALER) & (more.regime(fraud.start) == 2)
    pinging = stage.days_of(np.flatnonzero(faked), fraud.start[faked], np.minimum(fraud.end, fraud.start + 25)[faked])
    users, day = (np.concatenate(both) for both in zip(box, pinging, strict=True))
    pings = _data(users, day * _DAY + _daytime(len(users), stage), stage)
    incoming = _changed(_some(box, 12, stage), direction=IN)
    texts = _changed(_some(box, 6, stage), service=SMS, seconds=0.0)
    return joined([selected(events, ~drop), incoming, texts, pings])


def _some(lines: tuple[Ints, Ints], a_day: float, stage: Stage) -> UsageEvents:
    """So many records a day with strangers."""
    each = stage.rng.poisson(a_day, len(lines[0]))
    line, day = (np.repeat(v, each) for v in lines)
    return _records(line, day * _DAY + _daytime(len(line), stage), stage, other=stage.strangers(len(line)))


# --- honest lines that are struck -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Strike:
    """Calls an hour by regime, minutes of a call, share of premium numbers."""

    rate: tuple[float, float, float]
    minutes: tuple[float, float]
    premium: float


_RECIPES = {
    "irsf": _Strike((10.0, 14.0, 20.0), (10, 55), 0.5),
    "pbx": _Strike((9.0, 9.0, 4.0), (5, 40), 0.25),
    "sim_swap": _Strike((5.0, 5.0, 5.0), (3, 20), 0.25),
}


def _struck(more: MoreFraud, stage: Stage) -> list[UsageEvents]:
    return [_strikes(k, name, more, stage) for k, name in enumerate(STRIKES)]


def _strikes(kind: int, name: str, more: MoreFraud, stage: Stage) -> UsageEvents:
    """Long calls abroad and to premium numbers, several at a time, from the first to the last hour."""
    found, recipe = more.episodes, _RECIPES[name]
    regime = more.regime(found.start // _DAY)
    at = np.flatnonzero(found.kind == kind)
    calls = np.repeat(at, stage.rng.poisson((found.end - found.start)[at] / _HOUR * np.array(recipe.rate)[regime[at]]))
    second = found.start[calls] + (stage.rng.random(len(calls)) * (found.end - found.start)[calls]).astype(np.int64)
    minutes = stage.rng.uniform(*recipe.minutes, len(calls))
    if name == "pbx":
        second = _in_office_hours(second, regime[calls] == 2)
    if name == "irsf":
        minutes = np.where(regime[calls] == 2, minutes / 5, minutes)
    premium = stage.rng.random(len(calls)) < recipe.premium
    other = np.where(premium, stage.numbers(_PREMIUM, len(calls)), stage.numbers(_ABROAD, len(calls), most=60))
    return _records(found.line[calls], second, stage, other=other, seconds=minutes * 60)


def _in_office_hours(second: Ints, late: Ints) -> Ints:
    """The last regime hides among the calls of the day."""
    clock = second % _DAY
    return np.where(late, second - clock + 9 * _HOUR + clock % (9 * _HOUR), second)


def _busts(fraud: Fraud, more: MoreFraud, stage: Stage) -> list[UsageEvents]:
    """Never-payers who call abroad in weeks 3 to 5; in the last regime with few calls a day."""
    bust = np.flatnonzero(more.busts)
    line, day = stage.days_of(bust, fraud.start[bust] + 14, fraud.start[bust] + 35)
    each = stage.rng.poisson(np.array([8.0, 8.0, 3.0])[more.regime(fraud.start[line])])
    line, day = np.repeat(line, each), np.repeat(day, each)
    other = stage.numbers(_ABROAD, len(line), most=200)
    seconds = stage.rng.uniform(300, 2400, len(line))
    return [_records(line, day * _DAY + _daytime(len(line), stage), stage, other=other, seconds=seconds)]


# --- innocent lines that look like it -------------------------------------------------------------------------------


def _looking(more: MoreFraud, stage: Stage) -> list[UsageEvents]:
    recipes = {"call_centre": _call_centre, "courier": _courier, "alarm": _alarm, "expatriate": _expatriate,
               "texter": _texter}  # fmt: skip
    parts = []
    for k, name in enumerate(LOOKS):
        line = np.flatnonzero(more.look == k)
        always = np.full(len(line), NEVER)
        parts += recipes[name](
            *stage.days_of(line, np.maximum(stage.population.activation_day[line], 0), always), stage
        )
    return parts


def _call_centre(line: Ints, day: Ints, stage: Stage) -> list[UsageEvents]:
    """Many short calls to customers who call back, on weekdays."""
    each = stage.rng.poisson(np.where((day + 2) % 7 < 5, 110, 4))
    line, day = np.repeat(line, each), np.repeat(day, each)
    second = day * _DAY + stage.rng.integers(9 * _HOUR, 18 * _HOUR, len(line))
    other = stage.strangers(len(line))
    back = stage.rng.random(len(line)) < 0.12
    calls = _both_sides(line, second, other, stage.rng.lognormal(3.6, 1.1, len(line)), stage)
    more = _records(line[back], second[back] + _HOUR, stage, other=other[back], seconds=90.0)
    return [*calls, _changed(more, direction=IN)]


def _courier(line: Ints, day: Ints, stage: Stage) -> list[UsageEvents]:
    """Short calls to everybody on the tour, from many cells."""
    each = stage.rng.poisson(np.where((day + 2) % 7 < 6, 60, 10))
    line, day = np.repeat(line, each), np.repeat(day, each)
    second = day * _DAY + stage.rng.integers(8 * _HOUR, 20 * _HOUR, len(line))
    cells = stage.rng.choice(stage.population.home_cell, len(line))
    seconds = stage.rng.lognormal(3.0, 0.7, len(line))
    out = _both_sides(line, second, stage.strangers(len(line)), seconds, stage)
    return [_changed(out[0], cell=cells), *out[1:]]


def _alarm(line: Ints, day: Ints, stage: Stage) -> list[UsageEvents]:
    """One call in about three days, always to the same number."""
    sends = stage.rng.random(len(line)) < 0.35
    line, day = line[sends], day[sends]
    return [
        _records(line, day * _DAY + line % _DAY, stage, other=stage.population.people.n - 1 - line % 50, seconds=5.0)
    ]


def _expatriate(line: Ints, day: Ints, stage: Stage) -> list[UsageEvents]:
    """Long calls home, to a few numbers abroad."""
    each = stage.rng.poisson(1.4, len(line))
    line, day = np.repeat(line, each), np.repeat(day, each)
    pool = np.flatnonzero(stage.network.destination == _ABROAD)
    other = pool[(line * 7 + stage.rng.integers(0, 3, len(line))) % len(pool)]
    second = day * _DAY + stage.rng.integers(18 * _HOUR, 24 * _HOUR, len(line))
    return [_records(line, second, stage, other=other, seconds=stage.rng.uniform(300, 2400, len(line)))]


def _texter(line: Ints, day: Ints, stage: Stage) -> list[UsageEvents]:
    """Very many texts to a few friends."""
    each = stage.rng.poisson(90, len(line))
    line, day = np.repeat(line, each), np.repeat(day, each)
    friends = (line * 31 + stage.rng.integers(0, 6, len(line))) % stage.population.people.n
    sent = _records(line, day * _DAY + _daytime(len(line), stage), stage, other=friends)
    return [_changed(sent, service=SMS, seconds=0.0)]


# --- records --------------------------------------------------------------------------------------------------------


def _daytime(n: int, stage: Stage) -> Ints:
    """Seconds of the day, from 7 to 23 h."""
    return 7 * _HOUR + (stage.rng.beta(1.6, 1.4, n) * 16 * _HOUR).astype(np.int64)


def _both_sides(line: Ints, second: Ints, other: Ints, seconds: Floats, stage: Stage) -> list[UsageEvents]:
    """Outgoing calls, and the incoming records of lines of ours."""
    answered = seconds > 0
    out = _changed(_records(line, second, stage, other=other, seconds=seconds), answered=answered)
    ours = (other < stage.population.n) & (other != line)
    back = _records(other[ours], second[ours], stage, other=line[ours], seconds=seconds[ours])
    return [out, _changed(back, direction=IN)]


def _records(line: Ints, second: Ints, stage: Stage, *, other: Ints, seconds: Floats | float = 60.0) -> UsageEvents:
    """Outgoing calls from the home cells of the lines."""
    n = len(line)
    return UsageEvents(
        line=line.astype(np.int32),
        time=second.astype(np.int64),
        service=np.full(n, VOICE, dtype=np.int8),
        direction=np.full(n, OUT, dtype=np.int8),
        other=other.astype(np.int64),
        other_operator=stage.network.alter_operator[other].astype(np.int8),
        destination=stage.network.destination[other].astype(np.int8),
        duration_s=np.ceil(np.broadcast_to(np.asarray(seconds, dtype=np.float64), n)).astype(np.float32),
        data_mb=np.zeros(n, dtype=np.float32),
        answered=np.ones(n, dtype=np.bool_),
        cell=stage.population.home_cell[line].astype(np.int32),
        technology=np.full(n, 2, dtype=np.int8),
        roaming=np.full(n, -1, dtype=np.int16),
    )


def _data(line: Ints, second: Ints, stage: Stage) -> UsageEvents:
    """Small data sessions."""
    n, none = len(line), np.full(len(line), -1, dtype=np.int8)
    base = _records(line, second, stage, other=np.zeros(n, dtype=np.int64), seconds=60.0)
    nobody = np.full(n, -1, dtype=np.int64)
    mb = stage.rng.lognormal(1.0, 1.0, n).astype(np.float32)
    return _changed(base, service=DATA, other=nobody, other_operator=none, destination=none, data_mb=mb)


def _changed(events: UsageEvents, **columns: object) -> UsageEvents:
    """The same records with other values in some columns (`seconds` is the duration)."""
    values = {name: getattr(events, name) for name in UsageEvents.__dataclass_fields__}
    if "seconds" in columns:
        columns["duration_s"] = columns.pop("seconds")
    for name, value in columns.items():
        values[name] = np.broadcast_to(np.asarray(value), events.size).astype(values[name].dtype)
    return UsageEvents(**values)
