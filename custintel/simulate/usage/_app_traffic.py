"""Kinds of app that data sessions serve: a mix of each line, heavier sessions for heavier apps, a drift to messaging.

Apps are ordered from heavy to light. A session's app is the place of a uniform number among the shares of the line;
the number is correlated with the session's size, so that large sessions are mostly video while the shares stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from custintel.simulate.usage._month_of_usage import DATA

if TYPE_CHECKING:
    from custintel.simulate._random_streams import Bytes, Floats, Ints, Singles
    from custintel.simulate._simulation_config import AppConfig
    from custintel.simulate.people._population import Population
    from custintel.simulate.usage._month_of_usage import UsageEvents


APPS = ("video", "games", "social", "browsing", "other", "messaging")
MESSAGING = APPS.index("messaging")


def make_tastes(population: Population, config: AppConfig, rng: np.random.Generator) -> Floats:
    """Log weights (n, apps) of each line at the start: young lines watch and play, businesses browse and write."""
    young = np.clip((45 - population.age) / 15, -2, 2)
    appetite, sociable = population.traits["data_appetite"], population.traits["sociability"]
    pulls = np.zeros((population.n, len(APPS)))
    pulls[:, APPS.index("video")] = config.age * young + config.appetite * appetite
    pulls[:, APPS.index("games")] = 2 * config.age * young
    pulls[:, APPS.index("social")] = config.age * young + config.sociability * sociable
    pulls[:, MESSAGING] = config.sociability * sociable
    for name in ("video", "games", "social"):
        pulls[:, APPS.index(name)] -= config.business * population.business
    noise = config.taste * rng.normal(size=pulls.shape)
    return np.asarray(np.log(config.shares) + pulls + noise)


def app_shares(tastes: Floats, first: int, config: AppConfig) -> Floats:
    """Shares (n, apps) of the sessions in the month that begins on a day."""
    weight = np.exp(tastes)
    weight[:, MESSAGING] *= np.exp(config.messaging_growth * first / 365)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def draw_apps(events: UsageEvents, shares: Floats, config: AppConfig, rng: np.random.Generator) -> Bytes:
    """App of each record; -1 for calls and texts."""
    apps = np.full(len(events.line), -1, dtype=np.int8)
    rows = np.flatnonzero(events.service == DATA)
    size = _standard(np.log(events.data_mb[rows]), events.line[rows], len(shares))
    noise = rng.standard_normal(len(rows), dtype=np.float32)
    u = ndtr(np.sqrt(1 - config.size**2) * noise - config.size * size)
    edges = shares.cumsum(axis=1)[:, :-1].astype(np.float32)
    place = np.zeros(len(rows), dtype=np.int8)
    for edge in edges.T:
        place += u > edge[events.line[rows]]
    apps[rows] = place
    return apps


def _standard(values: Singles, line: Ints, n: int) -> Floats:
    """Values of each line, less their mean, over the common spread."""
    count = np.maximum(np.bincount(line, minlength=n), 1)
    rest = values - (np.bincount(line, values, n) / count)[line]
    return np.asarray(rest / max(float(rest.std()), 1e-9)) if len(rest) else rest.astype(float)
