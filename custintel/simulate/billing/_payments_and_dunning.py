"""Payments and dunning: accounts pay on time, late, or not at all for a time; what follows an unpaid bill.

An account without money (a *spell*) pays none of its bills until the spell ends. The length of spells gives the roll
rates from one bucket of arrears to the next. Reminder, warning, suspension and reactivation, and promises to pay,
follow from payments that are settled already: a promise is kept if and only if the money came by its day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._simulated_days import NEVER

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints
    from custintel.simulate._simulation_config import ArrearsConfig, PaymentConfig
    from custintel.simulate.billing._rating_and_bills import Bills
    from custintel.simulate.people._population import Population


METHODS = ("direct_debit", "card", "transfer", "cash", "wallet")
SPELL_EDGES = (0.0, 30.0, 60.0, 90.0, 150.0)


@dataclass
class Accounts:
    """What each payer is like and in which state."""

    automatic: Bools
    method: Ints  # index in METHODS
    risk: Floats  # log of the chance of a spell
    late: Floats  # log odds shift of paying late
    cycle: Ints  # day of the month
    opened: Ints
    kind: Ints  # segment of the first line
    score: Floats
    spell_end: Ints  # day; -1 without spell, NEVER if it does not end
    spell_bill: Ints  # day of the first bill unpaid


@dataclass(frozen=True)
class Payments:
    """Payments and failed attempts for the bills of one month."""

    bill: Ints  # position in the bills of the month
    day: Ints
    ok: Bools


@dataclass
class PaymentLog:
    """All payments, and which day each bill was paid (NEVER if not)."""

    made: list[Payments] = field(default_factory=list)
    paid_day: list[Ints] = field(default_factory=list)
    without_money: list[Bools] = field(default_factory=list)  # whether the payer was in a spell when the bill fell due


def make_accounts(
    population: Population, cycle_days: tuple[int, ...], config: PaymentConfig, rng: np.random.Generator
) -> Accounts:
    """Draw payers; their traits are the means over their lines."""
    n = int(population.account.max()) + 1
    count = np.bincount(population.account, minlength=n)

    def mean(values: Floats) -> Floats:
        return np.bincount(population.account, values, n) / count

    discipline, liquidity = mean(population.traits["discipline"]), mean(population.traits["liquidity"])
    opened = np.full(n, NEVER)
    np.minimum.at(opened, population.account, population.activation_day)
    kind = np.zeros(n, dtype=np.int64)
    np.maximum.at(kind, population.account, population.segment)
    automatic = rng.random(n) < 1 / (
        1 + np.exp(-(np.log(config.automatic / (1 - config.automatic)) + 0.5 * discipline))
    )
    risk = -config.spell_discipline * discipline - config.spell_liquidity * liquidity
    return Accounts(
        automatic=automatic,
        method=np.where(automatic, rng.choice([0, 1], n, p=[0.7, 0.3]), rng.choice([1, 2, 3, 4], n)),
        risk=risk,
        late=-0.7 * discipline,
        cycle=rng.choice(cycle_days, n),
        opened=opened,
        kind=kind,
        score=np.round(600 - 45 * (0.62 * risk + rng.normal(size=n)), 0),
        spell_end=np.full(n, -1),
        spell_bill=np.full(n, -1),
    )


def pay_bills(
    bills: Bills,
    due: Ints,
    account: Ints,
    state: tuple[Accounts, Bools, Bools],
    config: PaymentConfig,
    rng: np.random.Generator,
) -> tuple[Payments, Ints]:
    """Decide when each bill is paid; returns payments and the day of each bill (NEVER if not).

    `account` is the payer of each bill; `state` holds the accounts, which bills are a shock, and who never pays.
    """
    accounts, shock, never = state
    if not len(account):
        none = np.zeros(0, dtype=np.int64)
        return Payments(none, none, none > 0), none
    n = len(accounts.cycle)
    first = np.full(n, -1)
    first[account[::-1]] = np.arange(len(account))[::-1]
    billed = np.flatnonzero(first >= 0)
    shocked = np.bincount(account, shock, n) > 0
    refuses = np.bincount(account, never, n) > 0
    _begin_spells(accounts, billed, (bills.day, due, first), (shocked, refuses), config, rng)
    failed = (rng.random(n) < config.failed_debit)[account] & accounts.automatic[account]
    day = np.maximum(_paid_days(accounts, (due, account, failed), config, rng), bills.day + 1)
    wanted = bills.amount > 0
    good = np.flatnonzero(wanted & (day < NEVER))
    bad = np.flatnonzero(wanted & (failed | _refused(accounts, account, day)))
    payments = Payments(
        bill=np.concatenate([good, bad]),
        day=np.concatenate([day[good], due[bad]]),
        ok=np.concatenate([np.ones(len(good), bool), np.zeros(len(bad), bool)]),
    )
    return payments, day


def _paid_days(
    accounts: Accounts, bills: tuple[Ints, Ints, Bools], config: PaymentConfig, rng: np.random.Generator
) -> Ints:
    """Day on which each bill is paid (due day, payer, whether the debit failed); NEVER if the spell does not end."""
    due, account, failed = bills
    day = due + _delays(accounts, config, rng)[account] + np.where(failed, 5, 0)
    spell = accounts.spell_end[account]
    after_spell = spell + rng.integers(0, 3, len(accounts.cycle))[account]
    return np.where(spell < due, day, np.where(spell >= NEVER, NEVER, after_spell))


def _begin_spells(
    accounts: Accounts,
    billed: Ints,
    days: tuple[Ints, Ints, Ints],
    who: tuple[Bools, Bools],
    config: PaymentConfig,
    rng: np.random.Generator,
) -> None:
    """Some accounts run out of money when a bill falls due, for a time that follows the roll rates."""
    bill_day, due, first = days
    shocked, refuses = who
    n = len(accounts.cycle)
    chance = config.spell * np.exp(accounts.risk + config.spell_shock * shocked - 0.4 * accounts.automatic)
    start = rng.random(n) < np.minimum(chance, 0.6)
    length = _spell_days(rng.random(n), config)
    bill = np.zeros(n, dtype=np.int64)
    bill[billed] = first[billed]
    free = np.zeros(n, dtype=bool)
    free[billed] = accounts.spell_end[billed] < due[bill[billed]]
    new = free & (start | refuses)
    end = np.where(refuses | (length >= SPELL_EDGES[-1]), NEVER, due[bill] + length)
    accounts.spell_end[new] = end[new]
    accounts.spell_bill[new] = bill_day[bill[new]]


def _spell_days(u: Floats, config: PaymentConfig) -> Ints:
    """Days a spell lasts after the due day, from the share still unpaid at the edges of the buckets."""
    survival = np.array([1.0, *config.spell_survival])
    return np.asarray(np.ceil(np.interp(-u, -survival, SPELL_EDGES, right=SPELL_EDGES[-1])), dtype=np.int64)


def _delays(accounts: Accounts, config: PaymentConfig, rng: np.random.Generator) -> Ints:
    """Days between due day and payment of accounts that have the money."""
    n = len(accounts.cycle)
    early, reminder = rng.normal(*config.early[1:], n), rng.normal(*config.reminder[1:], n)
    late = config.late[1] * rng.lognormal(0, config.late[2], n)
    late_odds = np.log(config.late[0] / (1 - config.late[0])) + accounts.late
    u = rng.random(n)
    p_late = 1 / (1 + np.exp(-late_odds))
    p_reminder = (1 - p_late) * config.reminder[0] / (config.reminder[0] + config.early[0])
    by_hand = np.where(u < p_late, late, np.where(u < p_late + p_reminder, reminder, early))
    automatic = np.where(rng.random(n) < 0.99, 0, 3)
    return np.asarray(np.rint(np.where(accounts.automatic, automatic, by_hand)), dtype=np.int64)


def _refused(accounts: Accounts, account: Ints, day: Ints) -> Bools:
    """Direct debits of accounts without money fail as well."""
    return np.asarray(
        accounts.automatic[account]
        & ((day >= NEVER) | (accounts.spell_end[account] >= day - 3))
        & (accounts.spell_end[account] >= 0)
    )


STAGES = ("reminder", "warning", "suspension", "reactivation")


@dataclass(frozen=True)
class OverdueBills:
    """Bills with something to pay, by line and due day; days count from the start, NEVER for one never paid."""

    line: Ints
    due: Ints
    paid: Ints
    cents: Ints
    barred: Bools  # its payer was without money, so that the bars of the service apply

    def late(self, days: int) -> Bools:
        """Bills that are still unpaid so many days past due."""
        return np.asarray(self.paid > self.due + days)


@dataclass(frozen=True)
class Promises:
    """Promises to pay; `bill` is a position among the overdue bills."""

    bill: Ints
    day: Ints
    promised_day: Ints
    kept: Bools


def dunning_steps(bills: OverdueBills, last: Ints, days: tuple[int, int, int]) -> tuple[Ints, Ints, Ints]:
    """Line, day and stage of every step; `days` past due of reminder, warning and suspension."""
    rows = [(bills.line[late], bills.due[late] + d, i) for i, d in enumerate(days[:2]) for late in [bills.late(d)]]
    first = bills.late(days[2]) & bills.barred
    first[1:] &= ~(first[:-1] & (bills.line[1:] == bills.line[:-1]) & (bills.paid[:-1] > bills.due[1:]))
    rows.append((bills.line[first], bills.due[first] + days[2], 2))
    back = first & (bills.paid < NEVER)
    rows.append((bills.line[back], bills.paid[back], 3))
    line, day = (np.concatenate([row[i] for row in rows]) for i in (0, 1))
    stage = np.repeat(np.arange(len(rows)), [len(row[0]) for row in rows])
    here = day <= last[line]
    return line[here], day[here], stage[here]


def make_promises(bills: OverdueBills, discipline: Floats, config: ArrearsConfig, rng: np.random.Generator) -> Promises:
    """Promises about overdue bills; the disciplined name a day on which they will have the money."""
    n = len(bills.line)
    rounds = []
    day = bills.due + rng.integers(*config.promise_days, n)
    asks = rng.random(n) < config.promise
    for _ in range(config.promises):
        named_day = day + rng.choice(config.promise_lengths, n)
        honest = rng.random(n) < 1 / (1 + np.exp(-config.realism - config.discipline * discipline))
        sure = honest & (bills.paid <= day + max(config.promise_lengths) + 7)
        promised_day = np.where(sure, np.maximum(named_day, bills.paid), named_day)
        rows = np.flatnonzero(asks & (bills.paid > day))
        rounds.append(Promises(rows, day[rows], promised_day[rows], bills.paid[rows] <= promised_day[rows]))
        day = promised_day + rng.integers(1, 10, n)
        asks = asks & (rng.random(n) < config.again)
    return Promises(*(np.concatenate([getattr(p, name) for p in rounds]) for name in Promises.__dataclass_fields__))
