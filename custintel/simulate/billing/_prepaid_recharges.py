"""Prepaid balances: top-ups by habit, by validity or when the balance is empty; balance = top-ups - charges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bools, Floats, Ints
    from custintel.simulate._simulation_config import RechargeConfig


CHANNELS = ("shop", "retailer", "app", "web", "bank", "voucher")


@dataclass
class Wallets:
    """Balances of the prepaid lines, in cents; `line` says whose they are."""

    line: Ints
    balance: Ints
    next_day: Ints  # day of the top-up planned
    spend: Floats  # cents a day, smoothed
    irregular: Bools
    liquidity: Floats
    habit: Ints  # usual amount, u
    rows: list[tuple[Ints, ...]] = field(default_factory=list)  # position, day, second, amount, balance before, channel
    ledger: list[tuple[Ints, ...]] = field(default_factory=list)  # opening, top-ups, use, fees, closing by month

    def column(self, index: int) -> Ints:
        """One column of all top-ups so far."""
        return np.concatenate([row[index] for row in self.rows]) if self.rows else np.zeros(0, dtype=np.int64)


def make_wallets(
    line: Ints, activation: Ints, expected: Floats, liquidity: Floats, config: RechargeConfig, rng: np.random.Generator
) -> Wallets:
    """Wallets at the start: somewhere inside a cycle; lines that join later begin with their first top-up."""
    n = len(line)
    here = activation < 0
    phase = rng.random(n)
    first = np.where(here, rng.integers(0, config.validity_days, n), activation)
    return Wallets(
        line=line,
        balance=np.where(here, np.rint(expected * (1 - phase) + 50), 0).astype(np.int64),
        next_day=first,
        spend=expected / 30.0,
        irregular=rng.random(n) < config.irregular,
        liquidity=liquidity,
        habit=_amount_on_sale(expected / 100 * rng.lognormal(0.05, 0.25, n), config),
    )


def run_wallets(
    wallets: Wallets,
    month: tuple[int, int],
    charges: tuple[Ints, Ints],
    service: tuple[Ints, Ints, Ints],
    config: RechargeConfig,
    rng: np.random.Generator,
) -> None:
    """Run all wallets through the days of a month.

    `charges` are cents of use and of pack fees (prepaid lines, days); `service` the first and last day of service and
    the day of the decision to leave, after which every second top-up is left out.
    """
    first, days = month
    activation, last, decided = service
    opening = wallets.balance.copy()
    topped = np.zeros(len(opening), dtype=np.int64)
    for offset in range(days):
        day = first + offset
        active = (activation <= day) & (last >= day)
        topped += _top_up(wallets, day, active & ((decided > day) | (rng.random(len(active)) < 0.5)), config, rng)
        out = charges[0][:, offset] + charges[1][:, offset]
        wallets.balance -= out
        wallets.spend += (out - wallets.spend) * 0.04 * active
    use, fees = charges[0].sum(axis=1), charges[1].sum(axis=1)
    wallets.ledger.append((opening, topped, use, fees, wallets.balance.copy()))


def _top_up(wallets: Wallets, day: int, able: Bools, config: RechargeConfig, rng: np.random.Generator) -> Ints:
    """Top-ups of one day; returns cents by wallet."""
    n = len(wallets.line)
    u, size, second = rng.random(n), rng.random(n), rng.integers(7 * 3600, 23 * 3600, n)
    noise = rng.normal(size=n)
    empty = (wallets.balance <= 0) & (u < config.overdue_per_day * np.exp(0.3 * wallets.liquidity))
    payday = (wallets.next_day - day <= 3) & (day % 30 < 3) & (u < config.payday - 1)
    now = np.flatnonzero(able & ((wallets.next_day <= day) | empty | payday))
    grid = np.array(config.amounts)
    drawn = grid[np.searchsorted(np.cumsum(config.shares), size[now]).clip(max=len(grid) - 1)]
    short = np.maximum(0, -wallets.balance[now]) / 100
    amount = np.where(size[now] * 7 % 1 < 0.7, wallets.habit[now], drawn)
    amount = _amount_on_sale(np.maximum(amount, short + 1), config)
    cents = np.zeros(n, dtype=np.int64)
    cents[now] = amount * 100
    channel = (u[now] * 997 % 1 * len(CHANNELS)).astype(np.int64)
    wallets.rows.append((now, np.full(len(now), day), second[now], cents[now], wallets.balance[now], channel))
    wallets.balance += cents
    wallets.next_day[now] = day + _days_to_next_recharge(wallets, now, noise[now], config)
    return cents


def _days_to_next_recharge(wallets: Wallets, now: Ints, noise: Floats, config: RechargeConfig) -> Ints:
    """Days until the next top-up: the validity, or what the balance lasts, whichever is shorter."""
    lasts = wallets.balance[now] / np.maximum(wallets.spend[now], 2.0)
    irregular = np.minimum(lasts, 75) * np.exp(config.irregular_error * noise)
    regular = config.validity_days * np.exp(config.error * noise)
    # who keeps to the validity still waits when the balance is far above a month's spend
    regular = np.where(wallets.balance[now] > 75 * wallets.spend[now] + 1000, 2 * regular, regular)
    return np.maximum(1, np.rint(np.where(wallets.irregular[now], irregular, regular))).astype(np.int64)


def _amount_on_sale(amount: Floats, config: RechargeConfig) -> Ints:
    """The smallest amount on sale that is enough (the largest if none is)."""
    grid = np.array(config.amounts)
    return np.asarray(grid[np.searchsorted(grid, np.asarray(amount) - 1.5).clip(max=len(grid) - 1)])
