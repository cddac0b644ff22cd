"""Where the lines are: home, work, a third place, the rest by exploration; trips abroad."""

from __future__ import annotations

from dataclasses import dataclass

from custintel.simulate._arrays import Ints
from custintel.simulate._usage_config import MobilityConfig

__all__ = ["COUNTRIES", "Mobility"]

COUNTRIES = ("DE", "FR", "IT", "ES", "AT", "CH", "TR", "GR", "GB", "US", "TH", "EG")


@dataclass(frozen=True)
class Mobility:
    """Places within reach of each line and trips abroad."""

    places: Ints  # (lines, places) cells; 0 home, 1 work, 2 third place, then exploration
    reach: Ints  # number of places in use, by line
    away: Ints  # (lines, days of the whole period) country abroad as index in COUNTRIES, or -1
    config: MobilityConfig
