"""Rating: what each record costs beyond the allowance, by the order of events.

The cost of a record is the rounded running total after it less the rounded running total before it, in whole cents:
so the records of a billing period add up to its charge exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate.billing._plans_and_contracts import TAX, Tariffs
from custintel.simulate.people._contact_network import DESTINATIONS
from custintel.simulate.usage._calls_and_sms import DATA, SMS, VOICE
from custintel.simulate.usage._month_of_usage import OUT, UsageEvents

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints
    from custintel.simulate._simulated_days import Calendar
    from custintel.simulate._simulation_config import BillConfig
    from custintel.simulate.billing._plans_and_contracts import CurrentPlans


CLASSES = ("voice", "sms", "data", "roaming", "premium")
ROAMING, PREMIUM = 3, 4
SECONDS_A_DAY = 86_400
INTERNATIONAL, EXPENSIVE, FREE = (DESTINATIONS.index(name) for name in ("international", "premium", "service"))


@dataclass
class AllowanceMeter:
    """Open billing period of each line: what was used of the allowances and charged so far."""

    used: Floats  # (n, 3) seconds, texts, MB
    charged: Ints  # (n, classes) cents

    @classmethod
    def zero(cls, n: int) -> AllowanceMeter:
        """A meter at the start of all periods."""
        return cls(np.zeros((n, 3)), np.zeros((n, len(CLASSES)), dtype=np.int64))


@dataclass(frozen=True)
class RatedMonth:
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
    meter: AllowanceMeter,
) -> RatedMonth:
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
    return RatedMonth(cents, closed, np.rint(daily).astype(np.int64), overage, throttled)


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


def select_records(events: UsageEvents, keep: Bools | Ints) -> UsageEvents:
    """Only the records where `keep` holds, or those at given positions."""
    return UsageEvents(**{name: getattr(events, name)[keep] for name in UsageEvents.__dataclass_fields__})


PARTS = ("fee", *(f"{name}_charge" for name in CLASSES), "device_charge", "discount", "credit", "tax")


@dataclass(frozen=True)
class Bills:
    """Bills made in one month."""

    line: Ints
    day: Ints
    start: Ints
    end: Ints
    parts: Ints  # (bills, PARTS) cents

    @property
    def amount(self) -> Ints:
        """Cents to pay."""
        return np.asarray(self.parts.sum(axis=1))


@dataclass
class BillLog:
    """Bills so far, credits to come and the history that tells what a shock is."""

    credit: Ints  # (n,) cents to be given with the next bill, positive
    history: Floats  # (n, months) u, missing without a bill
    made: list[Bills] = field(default_factory=list)
    shocks: list[Bools] = field(default_factory=list)

    @classmethod
    def empty(cls, n: int, months: int) -> BillLog:
        """No bills yet."""
        return cls(np.zeros(n, dtype=np.int64), np.full((n, months), np.nan))

    def add(self, bills: Bills, month: int, config: BillConfig) -> Bools:
        """Keep the bills of a month; returns which of them are a shock to their customer."""
        own = self.history[bills.line, max(month - 6, 0) : month]
        known = np.isfinite(own).sum(axis=1)
        mean = np.where(known > 0, np.nansum(own, axis=1) / np.maximum(known, 1), np.inf)
        amount = bills.amount / 100
        shock = (amount > config.shock_ratio * mean) & (amount > mean + config.shock_amount)
        whole = bills.end - bills.start >= 27  # the first and the last bill of a line tell nothing about the usual
        self.history[bills.line[whole], month] = amount[whole]
        self.made.append(bills)
        self.shocks.append(shock)
        return np.asarray(shock)


def make_bills(
    month: int,
    calendar: Calendar,
    lines: tuple[Ints, Ints, Ints, Bools],
    charges: tuple[Ints, CurrentPlans, Tariffs],
    log: BillLog,
    rng: tuple[BillConfig, np.random.Generator],
) -> Bills:
    """Make the bills whose cycle day lies in a month.

    `lines` holds cycle day, first and last day of service, and who is postpaid; `charges` the rated cents by class of
    the period that ended, and the holdings in force in it. A period that began before the data is not billed.
    """
    cycle, activation, last, postpaid = lines
    rated, current_plans, tariffs = charges
    config, draws = rng
    day = calendar.cycle_day(month, cycle)
    opened = calendar.cycle_day(month - 1, cycle)
    start, end = np.maximum(opened, activation), np.minimum(day - 1, last)
    due = postpaid & (start <= end) & (start >= 0)
    error = draws.random(len(cycle)) < config.error
    repaid = draws.random(len(cycle)) < config.error_credit
    line = np.flatnonzero(due)
    share = ((end - start + 1) / (day - opened))[line]
    fee = np.rint(tariffs.fee[current_plans.plan[line]] * share).astype(np.int64)
    promoted = current_plans.discount_end[line] >= end[line]
    discount = -np.rint(fee * current_plans.discount_share[line] * promoted).astype(np.int64)
    charged_twice = np.where(error[line], np.maximum(fee, 1000), 0)
    taxed = fee + charged_twice + rated[line].sum(axis=1) + discount
    gross = taxed + np.rint(config.tax * taxed).astype(np.int64) + current_plans.device[line]
    credit = -np.minimum(log.credit[line], gross)
    log.credit[line] += credit + np.where(repaid[line], np.rint(charged_twice * (1 + config.tax)), 0).astype(np.int64)
    columns = (fee + charged_twice, *rated[line].T, current_plans.device[line], discount, credit)
    parts = np.column_stack([*columns, np.rint(config.tax * taxed).astype(np.int64)])
    return Bills(line, day[line], start[line], end[line], parts)
