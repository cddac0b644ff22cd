"""Network: shape of ties, rates, directory, neighbours."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from custintel.simulate._random_streams import RandomStreams
from custintel.simulate._usage_config import WorldConfig
from custintel.simulate.people._contact_network import DESTINATIONS, TIE_KINDS
from custintel.simulate.people._make_world import World, make_world
from custintel.simulate.people._population import OPERATORS


@lru_cache
def world() -> World:
    return make_world(1_500, 12, WorldConfig(), RandomStreams(3))


def test_every_tie_has_a_line_of_ours_first_and_no_pair_twice() -> None:
    net = world().network
    assert net.ego.max() < net.n
    personal = net.kind < 3
    pairs = net.ego[personal] * 10**7 + net.alter[personal]
    assert len(np.unique(pairs)) == personal.sum()
    assert (net.alter[personal] > net.ego[personal]).all()
    assert (np.diff(net.ego) >= 0).all()


@pytest.mark.parametrize(
    ("kind", "destinations", "operators"),
    [
        ("household", {"on_net", "off_net"}, {"own", "operator_b", "operator_c"}),
        ("group", {"on_net", "off_net"}, {"own", "operator_b", "operator_c"}),
        ("weak", {"on_net", "off_net"}, {"own", "operator_b", "operator_c"}),
        ("fixed", {"fixed"}, {"fixed"}),
        ("voicemail", {"service"}, {"service"}),
        ("service", {"service"}, {"service"}),
        ("foreign", {"international"}, {"foreign"}),
        ("premium", {"premium"}, {"service"}),
    ],
)
def test_directory(kind: str, destinations: set[str], operators: set[str]) -> None:
    net = world().network
    alter = net.alter[net.kind == TIE_KINDS.index(kind)]
    assert {DESTINATIONS[d] for d in np.unique(net.destination[alter])} == destinations
    assert {OPERATORS[o] for o in np.unique(net.alter_operator[alter])} == operators


def test_numbers_of_the_directory_are_distinct() -> None:
    net = world().network
    assert len(net.alter_number) == len(net.destination) == len(net.alter_operator)
    assert len(np.unique(net.alter_number)) == len(net.alter_number)
    assert (net.alter_number[: net.n] == world().population.msisdn).all()


def test_as_many_ties_live_at_the_end_as_at_the_start() -> None:
    net = world().network
    personal = (net.kind == 1) | (net.kind == 2)
    live = [((net.born <= day) & (day < net.died) & personal).sum() for day in (0, 180, 360)]
    assert max(live) / min(live) < 1.1


def test_neighbours_are_symmetric_and_weighted_by_direction() -> None:
    net = world().network
    indptr, friends, weights = net.neighbours()
    rows = np.repeat(np.arange(net.n), np.diff(indptr))
    there = dict(zip(zip(rows.tolist(), friends.tolist(), strict=True), weights.tolist(), strict=True))
    assert all((b, a) in there for a, b in there)
    on_net = np.flatnonzero((net.alter < net.n) & (net.alter >= 0))
    tie = on_net[0]
    assert there[net.ego[tie], net.alter[tie]] == pytest.approx(net.voice_out[tie] + net.text_out[tie])
    assert there[net.alter[tie], net.ego[tie]] == pytest.approx(net.voice_in[tie] + net.text_in[tie])
    assert len(net.neighbours(0)[1]) < len(friends)


def test_households_are_closer_than_weak_ties() -> None:
    net = world().network
    mean = [net.weight[net.kind == k].mean() for k in range(3)]
    assert mean[0] > 2 * mean[1] > 2 * mean[2]


def test_liveliness_keeps_the_mean_rate() -> None:
    net = world().network
    tie = np.repeat(np.flatnonzero(net.kind == 1)[:300], 365)
    day = np.tile(np.arange(365), 300)
    rate = net.lively_rate(np.ones(len(net.kind), dtype=np.float32))[tie] * net.liveliness(tie, day)
    assert rate.mean() == pytest.approx(1, abs=0.06)
