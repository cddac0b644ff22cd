"""Parameters of the further kinds of fraud, of their innocent look-alikes and of their drift (section 8)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MoreFraudConfig"]


@dataclass(frozen=True)
class MoreFraudConfig:
    """Further kinds a month and 100,000 lines, each with its recipe; off unless `FraudConfig.more` is set.

    The time is cut into thirds, the regimes: what a kind does changes from one to the next. The late kinds begin with
    the last third.
    """

    scam_dialler: float = 12.0
    wangiri: float = 4.0
    irsf: float = 6.0
    pbx: float = 1.5
    sim_swap: float = 3.0
    late_kinds: tuple[str, ...] = ("scam_dialler",)
    look_alikes: float = 1.2  # lines that look like a kind for each line that is one
    life: tuple[float, float] = (6.0, 0.4)  # days of diallers and Wangiri lines: median, log sd
    lag_days: tuple[float, ...] = (6.0, 2.0, 1.0, 2.0, 1.0)  # dialler, wangiri, irsf, pbx, swap: median lag [A]
    losses: tuple[float, ...] = (60.0, 500.0, 1200.0, 2500.0, 300.0)  # u, medians [A]
    lag_sd: float = 0.6
    undetected: float = 0.20
    scam_calls: tuple[float, float] = (150.0, 600.0)  # a day [A]
    wangiri_calls: tuple[float, float] = (300.0, 900.0)  # an hour, cut from 600-3,000 [A]
    called_back: float = 0.04  # of those called, within an hour [P: 3-5 %]
    parallel: tuple[int, int] = (3, 8)  # calls at a time of stolen SIMs and switchboards
    bust_out: float = 0.30  # never-payers who call abroad in weeks 3 to 5
    ring: int = 16  # SIM boxes and faked lines that share one device
