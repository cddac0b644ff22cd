"""How much each line is used on each day: fading before leaving, dips that end, barring, and the end of service."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate._simulated_days import NEVER
from custintel.simulate._simulation_config import DipConfig
from custintel.simulate.billing._rating_and_bills import select_records
from custintel.simulate.usage._month_of_usage import OUT, Activity

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Floats, Ints
    from custintel.simulate.usage._month_of_usage import UsageEvents


UNREACHED = 0.02  # a line barred for good still belongs to us, but hardly anybody gets through


@dataclass(frozen=True)
class ServiceDays:
    """Days that decide about use, one a line: first, last, decision (NEVER without), and the bars."""

    activation: Ints
    last: Ints
    fade_from: Ints  # NEVER for those who leave suddenly or stay
    soft_bar: Ints
    hard_bar: Ints
    bar_end: Ints


@dataclass
class UsageDips:
    """Holidays, illness, a second SIM, Wi-Fi: by kind, first and last day for each line."""

    start: Ints
    end: Ints

    @classmethod
    def without(cls, n: int) -> UsageDips:
        """Nobody is in a dip."""
        kinds = len(fields(DipConfig))
        return cls(np.full((kinds, n), -1), np.full((kinds, n), -2))

    def begin(self, first: int, days: int, config: DipConfig, rng: np.random.Generator) -> None:
        """Draw the dips that begin in a month; nobody is twice in the same kind of dip."""
        n = self.start.shape[1]
        for kind, one in enumerate(fields(config)):
            share, low, high, *_ = getattr(config, one.name)
            chosen = (rng.random(n) < share) & (self.end[kind] < first)
            start = first + rng.integers(0, days, n)
            length = (7 * rng.uniform(low, high, n)).astype(np.int64)
            self.start[kind] = np.where(chosen, start, self.start[kind])
            self.end[kind] = np.where(chosen, start + length, self.end[kind])

    def factors(self, grid: Ints, config: DipConfig) -> tuple[Floats, Floats]:
        """What is left of calls and of data on each day: two arrays (n, days)."""
        calls = data = np.ones((self.start.shape[1], len(grid)))
        for kind, one in enumerate(fields(config)):
            *_, left_calls, left_data = getattr(config, one.name)
            inside = (grid >= self.start[kind][:, None]) & (grid <= self.end[kind][:, None])
            calls, data = calls * np.where(inside, left_calls, 1.0), data * np.where(inside, left_data, 1.0)
        return calls, data


def make_activity(
    service: ServiceDays, dips: UsageDips, month: tuple[int, int], config: DipConfig, fade_weeks: float
) -> Activity:
    """Multipliers of a month; `month` is its first day and length."""
    grid = np.arange(month[0], month[0] + month[1])
    here = (grid >= service.activation[:, None]) & (grid <= service.last[:, None])
    calls, data = dips.factors(grid, config)
    gone = np.maximum(grid - service.fade_from[:, None], 0) / (7 * fade_weeks)
    fade, slow = np.exp(-gone), np.exp(-gone / 2)  # who leaves is still called
    soft = (grid >= service.soft_bar[:, None]) & (grid <= service.bar_end[:, None])
    hard = (grid >= service.hard_bar[:, None]) & (grid <= service.bar_end[:, None])
    out = here * np.where(soft, 0.0, fade)
    return Activity(
        calls_out=(out * calls).astype(np.float32),
        calls_in=(here * np.where(hard, UNREACHED, slow * np.sqrt(calls))).astype(np.float32),
        texts=(out * calls).astype(np.float32),
        data=(out * data).astype(np.float32),
    )


def without_barred(events: UsageEvents, service: ServiceDays) -> UsageEvents:
    """Drop what barred lines would start in answer to others, such as call-backs, and its records on the other side."""
    n = len(service.activation)
    start, end = (
        np.append(service.soft_bar, NEVER),
        np.append(np.where(service.soft_bar < NEVER, service.bar_end, -1), -1),
    )
    other = np.where((events.other >= 0) & (events.other < n), events.other, n)
    caller = np.where(events.direction == OUT, events.line, other)
    day = events.time // 86_400
    return select_records(events, (day < start[caller]) | (day > end[caller]))
