"""Who the customers are and where they are: people, their contact network, radio cells, mobility, and daily activity.

`_make_world.make_world` draws all of it once from the seed. What comes out is a `World`, which does not change from
month to month: the other packages read it.

>>> from custintel.simulate._random_streams import RandomStreams
>>> from custintel.simulate._usage_config import WorldConfig
>>> from custintel.simulate.people._make_world import make_world
>>> world = make_world(100, 1, WorldConfig(), RandomStreams(1))
>>> world.cells.n, int((world.population.activation_day < 0).sum())
(40, 100)
"""

from __future__ import annotations
