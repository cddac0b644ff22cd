"""Bills: fee, rated use by class, device, discount, credit and tax; in whole cents, so that the parts add up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._rating import CLASSES

if TYPE_CHECKING:
    from custintel.simulate._arrays import Bools, Floats, Ints
    from custintel.simulate._calendar import Calendar
    from custintel.simulate._config import BillConfig
    from custintel.simulate._plans import Holdings, Tariffs

__all__ = ["PARTS", "BillLog", "Bills", "make_bills"]

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
    charges: tuple[Ints, Holdings, Tariffs],
    log: BillLog,
    rng: tuple[BillConfig, np.random.Generator],
) -> Bills:
    """Make the bills whose cycle day lies in a month.

    `lines` holds cycle day, first and last day of service, and who is postpaid; `charges` the rated cents by class of
    the period that ended, and the holdings in force in it. A period that began before the data is not billed.
    """
    cycle, activation, last, postpaid = lines
    rated, holdings, tariffs = charges
    config, draws = rng
    day = calendar.cycle_day(month, cycle)
    opened = calendar.cycle_day(month - 1, cycle)
    start, end = np.maximum(opened, activation), np.minimum(day - 1, last)
    due = postpaid & (start <= end) & (start >= 0)
    error = draws.random(len(cycle)) < config.error
    repaid = draws.random(len(cycle)) < config.error_credit
    line = np.flatnonzero(due)
    share = ((end - start + 1) / (day - opened))[line]
    fee = np.rint(tariffs.fee[holdings.plan[line]] * share).astype(np.int64)
    promoted = holdings.discount_end[line] >= end[line]
    discount = -np.rint(fee * holdings.discount_share[line] * promoted).astype(np.int64)
    charged_twice = np.where(error[line], np.maximum(fee, 1000), 0)
    taxed = fee + charged_twice + rated[line].sum(axis=1) + discount
    gross = taxed + np.rint(config.tax * taxed).astype(np.int64) + holdings.device[line]
    credit = -np.minimum(log.credit[line], gross)
    log.credit[line] += credit + np.where(repaid[line], np.rint(charged_twice * (1 + config.tax)), 0).astype(np.int64)
    columns = (fee + charged_twice, *rated[line].T, holdings.device[line], discount, credit)
    parts = np.column_stack([*columns, np.rint(config.tax * taxed).astype(np.int64)])
    return Bills(line, day[line], start[line], end[line], parts)
