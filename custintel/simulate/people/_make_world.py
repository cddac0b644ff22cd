"""The world of the simulator: cells, people, network and movement, made once from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.simulate.people._activity_profile import ActivityProfile, make_activity_profile
from custintel.simulate.people._cells_and_mobility import Cells, Mobility, make_cells, make_mobility
from custintel.simulate.people._contact_network import Network, make_network
from custintel.simulate.people._population import MONTH, Population, make_population
from custintel.simulate.usage._calls_and_sms import call_effects
from custintel.simulate.usage._data_sessions import DataLevels, make_data_levels

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Floats, RandomStreams, Singles
    from custintel.simulate._usage_config import WorldConfig


@dataclass(frozen=True)
class World:
    """Everything that does not change from month to month."""

    cells: Cells
    population: Population
    network: Network
    mobility: Mobility
    activity_profile: ActivityProfile
    data_levels: DataLevels
    call_effects: Singles
    config: WorldConfig

    def usual_month(self) -> Floats:
        """Minutes out, texts out and MB a month that each line is expected to use: array (n, 3)."""
        net, voice, texts = self.network, self.config.usage.voice, self.config.usage.texts
        # trains go both ways: half of what a line and its friends begin is the line's own
        talks = net.per_line(net.voice_out + net.voice_in) / 2 * voice.multiplier
        chats = net.per_line(net.text_out + net.text_in) / 2 * texts.multiplier
        minutes = talks * (1 - voice.unanswered) * voice.mean_seconds / 60
        return np.column_stack([minutes, chats, MONTH * self.data_levels.sessions * self.data_levels.session_mb])


def make_world(customers: int, months: int, config: WorldConfig, streams: RandomStreams) -> World:
    """Draw the world of an operator with `customers` lines at the start.

    Examples
    --------
    >>> from custintel.simulate._random_streams import RandomStreams
    >>> from custintel.simulate._usage_config import WorldConfig
    >>> world = make_world(100, 1, WorldConfig(), RandomStreams(1))
    >>> int((world.population.activation_day < 0).sum())
    100
    """
    days = int(months * MONTH) + 31
    cells = make_cells(customers, config.cells, streams)
    population = make_population(customers, months, cells, config.people, streams)
    network = make_network(population, days, config.network, config.usage, streams)
    return World(
        cells=cells,
        population=population,
        network=network,
        mobility=make_mobility(population, cells, (config.start, days), config.mobility, streams),
        activity_profile=make_activity_profile(population, config.start, days, config.usage.clock, streams),
        data_levels=make_data_levels(population, config.usage.data, streams),
        call_effects=call_effects(network, config.usage.voice, streams),
        config=config,
    )
