"""What follows an unpaid bill: reminder, warning, suspension, reactivation, and promises to pay.

The days come from the payments that are settled already, so a promise is kept if and only if the money came by its day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._calendar import NEVER

if TYPE_CHECKING:
    from custintel.simulate._arrays import Bools, Floats, Ints
    from custintel.simulate._config import ArrearsConfig

__all__ = ["STAGES", "Overdue", "Promises", "dunning_steps", "make_promises"]

STAGES = ("reminder", "warning", "suspension", "reactivation")


@dataclass(frozen=True)
class Overdue:
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
    until: Ints
    kept: Bools


def dunning_steps(bills: Overdue, last: Ints, days: tuple[int, int, int]) -> tuple[Ints, Ints, Ints]:
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


def make_promises(bills: Overdue, discipline: Floats, config: ArrearsConfig, rng: np.random.Generator) -> Promises:
    """Promises about overdue bills; the disciplined name a day on which they will have the money."""
    n = len(bills.line)
    rounds = []
    day = bills.due + rng.integers(*config.promise_days, n)
    asks = rng.random(n) < config.promise
    for _ in range(config.promises):
        wish = day + rng.choice(config.promise_lengths, n)
        honest = rng.random(n) < 1 / (1 + np.exp(-config.realism - config.discipline * discipline))
        sure = honest & (bills.paid <= day + max(config.promise_lengths) + 7)
        until = np.where(sure, np.maximum(wish, bills.paid), wish)
        rows = np.flatnonzero(asks & (bills.paid > day))
        rounds.append(Promises(rows, day[rows], until[rows], bills.paid[rows] <= until[rows]))
        day = until + rng.integers(1, 10, n)
        asks = asks & (rng.random(n) < config.again)
    return Promises(*(np.concatenate([getattr(p, name) for p in rounds]) for name in Promises.__dataclass_fields__))
