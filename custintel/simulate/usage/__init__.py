"""What is used in a month: calls, SMS and data sessions.

A `World`, the first day and the length of the month, and the activity of each line come in; `UsageEvents` come out, one
array a column, sorted by time, with one record for each side of a call inside the network.

>>> from custintel.simulate._random_streams import RandomStreams
>>> from custintel.simulate._usage_config import WorldConfig
>>> from custintel.simulate.people._make_world import make_world
>>> from custintel.simulate.usage._month_of_usage import generate_month, usual_activity
>>> streams = RandomStreams(1)
>>> world = make_world(100, 1, WorldConfig(), streams)
>>> events = generate_month(world, 0, 31, usual_activity(world.population, 0, 31), streams)
>>> bool((events.time[1:] >= events.time[:-1]).all())
True
"""

from __future__ import annotations
