"""The world of the simulator: cells, people, network and movement, made once from the seed."""

from __future__ import annotations

from dataclasses import dataclass

from custintel.simulate._cells import Cells
from custintel.simulate._mobility import Mobility
from custintel.simulate._network import Network
from custintel.simulate._people import Population
from custintel.simulate._usage_config import WorldConfig

__all__ = ["World", "make_world"]


@dataclass(frozen=True)
class World:
    """Everything that does not change from month to month."""

    cells: Cells
    population: Population
    network: Network
    mobility: Mobility
    config: WorldConfig
