"""Rating: what each record costs beyond the allowance, by the order of events.

The cost of a record is the rounded running total after it less the rounded running total before it, in whole cents:
so the records of a billing period add up to its charge exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._network import DESTINATIONS
from custintel.simulate._plans import TAX, Tariffs
from custintel.simulate._usage import DATA, OUT, SMS, VOICE, UsageEvents

if TYPE_CHECKING:
    from custintel.simulate._arrays import Bools, Floats, Ints
    from custintel.simulate._config import BillConfig

__all__ = ["CLASSES", "Meter", "Rated", "rate_month"]

CLASSES = ("voice", "sms", "data", "roaming", "premium")
ROAMING, PREMIUM = 3, 4
SECONDS_A_DAY = 86_400
INTERNATIONAL, EXPENSIVE, FREE = (DESTINATIONS.index(name) for name in ("international", "premium", "service"))


@dataclass
class Meter:
    """Open billing period of each line: what was used of the allowances and charged so far."""

    used: Floats  # (n, 3) seconds, texts, MB
    charged: Ints  # (n, classes) cents

    @classmethod
    def zero(cls, n: int) -> Meter:
        """A meter at the start of all periods."""
        return cls(np.zeros((n, 3)), np.zeros((n, len(CLASSES)), dtype=np.int64))


@dataclass(frozen=True)
class Rated:
    """Charges of a month."""

    cents: Ints  # by record
    closed: Ints  # (n, classes) cents of the billing period that ended in the month
    daily: Ints  # (n, days) cents
    overage: Floats  # (n,) share of the data allowance used in the period that ended
    throttled: Bools  # by record: a data session after the allowance was used up, under a plan without overage


def rate_month(
    events: UsageEvents,
    month: tuple[int, int],
    cycle: Ints,
    plans: Ints,
    book: tuple[Tariffs, BillConfig],
    meter: Meter,
) -> Rated:
    """Rate one month and move the meter to the billing periods open at its end.

    `month` is its first day and length; a line's period ends the day before its `cycle` day of the month. `plans`
    holds the plan in force in the period that ends and in the one that begins: array (n, 2).
    """
    tariffs, bills = book
    first, days = month
    n = len(plans)
    day = (events.time // SECONDS_A_DAY - first).astype(np.int64)
    key = 2 * events.line.astype(np.int64) + (day + 1 >= cycle[events.line])
    kind = _charge_class(events)
    cents = np.zeros(len(key), dtype=np.int64)
    used = np.zeros((2 * n, 3))
    used[0::2] = meter.used
    throttled = np.zeros(len(key), dtype=bool)
    for service, units in enumerate(_units(events, bills)):
        rows = np.flatnonzero(kind == service)
        rows = rows[np.argsort(key[rows], kind="stable")]
        prices = _prices(tariffs, plans.ravel(), service)
        cents[rows], added, before = _by_order(key[rows], units[rows], used[:, service], prices)
        used[:, service] += added
        if service == DATA:
            throttled[rows] = (prices[1][key[rows]] == 0) & (before >= prices[0][key[rows]])
    _rate_special(events, kind, cents, bills)
    totals = np.bincount(key * len(CLASSES) + kind, cents, 2 * n * len(CLASSES))
    totals = np.rint(totals[: 2 * n * len(CLASSES)]).astype(np.int64).reshape(n, 2, len(CLASSES))
    closed = meter.charged + totals[:, 0]
    overage = used[0::2, DATA] / np.maximum(tariffs.mb[plans[:, 0]], 1.0)
    meter.used, meter.charged = used[1::2].copy(), totals[:, 1].copy()
    daily = np.bincount(events.line * np.int64(days) + day, cents, n * days).reshape(n, days)
    return Rated(cents, closed, np.rint(daily).astype(np.int64), overage, throttled)


def _charge_class(events: UsageEvents) -> Ints:
    """Class of each record: service, or roaming, or premium and international; incoming is free at home."""
    kind = events.service.astype(np.int64)
    special = (events.destination == INTERNATIONAL) | (events.destination == EXPENSIVE)
    kind[special & (events.direction == OUT)] = PREMIUM
    kind[events.roaming >= 0] = ROAMING
    return kind


def _units(events: UsageEvents, bills: BillConfig) -> tuple[Floats, Floats, Floats]:
    """Seconds, texts and MB that count against the allowance."""
    paid = (events.direction == OUT) & (events.destination != FREE)
    talked = paid & events.answered & (events.service == VOICE)
    seconds = np.where(talked, np.maximum(np.ceil(events.duration_s), bills.minimum_s), 0.0)
    return seconds, (paid & (events.service == SMS)).astype(float), events.data_mb.astype(float)


def _prices(tariffs: Tariffs, plan: Ints, service: int) -> tuple[Floats, Floats]:
    """Allowance and price of a unit beyond it, for each plan of a list."""
    allowance = (tariffs.seconds, tariffs.sms, tariffs.mb)[service]
    price = (tariffs.per_second, tariffs.per_sms, tariffs.per_mb)[service]
    return allowance[plan], price[plan]


def _by_order(key: Ints, units: Floats, used: Floats, prices: tuple[Floats, Floats]) -> tuple[Ints, Floats, Floats]:
    """Cents of each record (sorted by key, then time), units added by key, and units used before each record."""
    allowance, price = prices
    total = np.cumsum(units)
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    before_group = np.zeros(len(used))
    before_group[key[starts]] = total[starts] - units[starts]
    after = total - before_group[key] + used[key]
    steps = [np.floor(price[key] * np.maximum(level - allowance[key], 0) + 0.5) for level in (after, after - units)]
    cents = np.maximum(steps[0] - steps[1], 0).astype(np.int64)
    return cents, np.bincount(key, units, len(used)).astype(float), after - units


def _rate_special(events: UsageEvents, kind: Ints, cents: Ints, bills: BillConfig) -> None:
    """Roaming, international and premium records: prices without allowance."""
    net = 100 / TAX
    minutes = np.where(events.answered, np.ceil(events.duration_s), 0) / 60
    abroad = np.flatnonzero(kind == ROAMING)
    price = (minutes * bills.roaming_minute, bills.roaming_sms, events.data_mb * bills.roaming_gb / 1000)
    cents[abroad] = _rounded(events, abroad, price, net)
    dear = np.flatnonzero(kind == PREMIUM)
    a_minute = np.where(events.destination == EXPENSIVE, bills.premium_minute, bills.international_minute)
    cents[dear] = _rounded(events, dear, (minutes * a_minute, bills.international_sms, 0.0), net)


def _rounded(events: UsageEvents, rows: Ints, price: tuple[Floats | float, ...], net: float) -> Ints:
    """Whole cents of some records; incoming calls abroad cost half, incoming texts nothing."""
    service = events.service[rows]
    parts = [np.broadcast_to(one, events.time.shape)[rows] for one in price]
    value = np.choose(service, parts) * net
    back = events.direction[rows] != OUT
    value = np.where(back & (service == SMS), 0.0, np.where(back & (service == VOICE), value / 2, value))
    return np.asarray(np.rint(value), dtype=np.int64)


def selected(events: UsageEvents, keep: Bools | Ints) -> UsageEvents:
    """Only the records where `keep` holds, or those at given positions."""
    return UsageEvents(**{name: getattr(events, name)[keep] for name in UsageEvents.__dataclass_fields__})
