"""Cells, their days, and where lines are."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import numpy as np
import pytest

from custintel.simulate._random_streams import RandomStreams
from custintel.simulate._usage_config import CellsConfig, MobilityConfig, WorldConfig
from custintel.simulate.people._cells_and_mobility import (
    CellDays,
    Cells,
    _carry_over,
    cell_days,
    locate,
    make_cells,
    month_places,
    place_shares,
)
from custintel.simulate.people._make_world import World, make_world


@lru_cache
def cells() -> Cells:
    return make_cells(70_000, CellsConfig(), RandomStreams(1))


@lru_cache
def days() -> CellDays:
    return cell_days(cells(), 365, CellsConfig(), RandomStreams(1))


@lru_cache
def world() -> World:
    return make_world(1_500, 12, WorldConfig(), RandomStreams(3))


@pytest.mark.parametrize(("customers", "count"), [(10, 40), (28_000, 40), (70_000, 100)])
def test_one_cell_for_700_customers(customers: int, count: int) -> None:
    assert make_cells(customers, CellsConfig(), RandomStreams(1)).n == count


def test_nearest_begins_with_the_cell_itself() -> None:
    assert (cells().nearest[:, 0] == np.arange(cells().n)).all()
    assert (np.sort(cells().nearest, axis=1) == np.arange(cells().n)).all()


@pytest.mark.parametrize(
    ("measure", "low", "high"),
    [
        (lambda d: np.quantile(d.load, 0.95), 0.75, 0.95),  # section 3: .85
        (lambda d: d.drop_rate.mean(), 0.005, 0.012),  # .7 % and busy hours
        (lambda d: d.outage_hours.sum(axis=1).mean(), 4, 60),  # 1.2 a year x mean 4.6 h, and a storm of 36 h
        (lambda d: (d.outage_hours > 0).mean() * 365, 1.0, 6.0),
        (lambda d: d.outage_hours.max(), 5, 24),
        (lambda d: d.throughput.min(), 0, 5),
    ],
)
def test_measures_of_a_year(measure, low: float, high: float) -> None:
    assert low <= measure(days()) <= high


def test_drops_rise_with_load() -> None:
    busy = days().load > 0.9
    assert days().drop_rate[busy].mean() > 2 * days().drop_rate[~busy].mean()


def test_long_outages_run_into_the_next_days() -> None:
    hours = np.array([[0.0, 60.0, 1.0, 0.0], [30.0, 0.0, 0.0, 0.0]])
    assert _carry_over(hours).tolist() == [[0, 24, 24, 13], [24, 6, 0, 0]]


def test_shares_of_places() -> None:
    shares = place_shares(MobilityConfig())
    assert (np.diff(shares, axis=2) >= 0).all()
    assert (shares <= 1).all()
    weekly = (5 * shares[0] + 2 * shares[1]).mean(axis=0) / 7
    assert weekly[0] == pytest.approx(0.50, abs=0.10)  # home .45 of all time


def test_a_line_stays_where_it_is_within_a_stay() -> None:
    w = world()
    places = month_places(w.mobility, w.population, w.cells, 0, RandomStreams(3))
    line = np.repeat(np.arange(50), 2)
    block = MobilityConfig().stay_hours * 3600
    time = (np.arange(50) * 7 % 5 + 10) * block - np.arange(50) % MobilityConfig().stay_hours * 3600
    pair = locate(w.mobility, places, line, np.repeat(time, 2) + np.tile([0, 3599], 50), np.zeros(100, dtype=np.bool_))
    assert (pair[::2] == pair[1::2]).all()


def test_home_work_and_third_place_stay_the_rest_is_new() -> None:
    w = world()
    first, second = (month_places(w.mobility, w.population, w.cells, day, RandomStreams(3)) for day in (0, 31))
    assert (first[:, :3] == second[:, :3]).all()
    assert (first[:, 0] == w.population.home_cell).all()
    moved = (first[:, 3:] != second[:, 3:])[w.mobility.reach > 2].mean()
    assert moved > 0.5


def test_trips_abroad() -> None:
    away = world().mobility.away
    starts = ((away[:, 1:] >= 0) & (away[:, :-1] < 0)).sum() / away.shape[0] / away.shape[1] * 365
    assert starts == pytest.approx(1.0, abs=0.15)
    month = np.array([(dt.date(2025, 1, 1) + dt.timedelta(days=d)).month for d in range(away.shape[1])])
    summer = (away[:, (month >= 6) & (month <= 8)] >= 0).mean()
    rest = (away[:, (month < 6) | (month > 9)] >= 0).mean()
    assert 1.7 < summer / rest < 3.5
