"""Usage of a month: order, both sides of on-net contacts, who is with us, repeatability, activity."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from custintel.simulate._random_streams import RandomStreams
from custintel.simulate._usage_config import ClockConfig, UsageConfig, VoiceConfig, WorldConfig
from custintel.simulate.people._make_world import World, make_world
from custintel.simulate.usage._month_of_usage import Activity, UsageEvents, generate_month, usual_activity

DAY = 86400
FIRST, DAYS = 59, 31  # March of a year that begins in January


@lru_cache
def world() -> World:
    return make_world(800, 12, WorldConfig(), RandomStreams(3))


@lru_cache
def march() -> UsageEvents:
    return generate_month(world(), FIRST, DAYS, usual_activity(world().population, FIRST, DAYS), RandomStreams(3))


def table(events: UsageEvents) -> pd.DataFrame:
    return pd.DataFrame({name: getattr(events, name) for name in events.__dataclass_fields__})


def with_lines(lines: np.ndarray, **factors: float) -> UsageEvents:
    """March with some multipliers of some lines changed."""
    usual = usual_activity(world().population, FIRST, DAYS)
    columns = {name: getattr(usual, name).copy() for name in usual.__dataclass_fields__}
    for name, factor in factors.items():
        columns[name][lines] *= factor
    return generate_month(world(), FIRST, DAYS, Activity(**columns), RandomStreams(3))


def test_sorted_and_inside_the_month() -> None:
    time = march().time
    assert (np.diff(time) >= 0).all()
    assert time.min() >= FIRST * DAY
    assert time.max() < (FIRST + DAYS) * DAY


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        ("line", "int32"), ("time", "int64"), ("service", "int8"), ("direction", "int8"), ("other", "int64"),
        ("other_operator", "int8"), ("destination", "int8"), ("duration_s", "float32"), ("data_mb", "float32"),
        ("answered", "bool"), ("cell", "int32"), ("technology", "int8"), ("roaming", "int16"),
    ],
)  # fmt: skip
def test_types(column: str, dtype: str) -> None:
    values = getattr(march(), column)
    assert values.dtype == dtype
    assert len(values) == march().size


def test_both_sides_of_an_on_net_contact_have_a_record() -> None:
    frame = table(march())
    on_net = frame[frame.destination == 0]
    key = ["line", "other", "time", "service", "duration_s", "answered"]
    out = on_net[on_net.direction == 1][key]
    back = on_net[on_net.direction == 0][key].rename(columns={"line": "other", "other": "line"})
    assert len(out) == len(back) > 1_000
    order = ["line", "other", "time", "service", "duration_s"]
    left, right = (f[key].sort_values(order).reset_index(drop=True) for f in (out, back[key]))
    pd.testing.assert_frame_equal(left, right, check_dtype=False)


def test_nobody_contacts_himself() -> None:
    assert (march().line != march().other).all()


@pytest.mark.parametrize(
    ("service", "rule"),
    [
        (0, lambda f: ((f.duration_s > 0) == f.answered).all() and (f.data_mb == 0).all()),
        (1, lambda f: (f.duration_s == 0).all() and f.answered.all() and (f.data_mb == 0).all()),
        (2, lambda f: (f.data_mb > 0).all() and (f.other == -1).all() and (f.direction == 1).all()),
    ],
)
def test_what_the_services_carry(service: int, rule) -> None:
    frame = table(march())
    assert rule(frame[frame.service == service])


def test_only_lines_that_are_with_us_have_records() -> None:
    day = march().time // DAY
    assert (world().population.activation_day[march().line] <= day).all()


def test_roaming_records_have_a_country_and_no_cell() -> None:
    roams = march().roaming >= 0
    assert 0 < roams.mean() < 0.05
    assert ((march().cell == -1) == roams).all()
    away = world().mobility.away[march().line, march().time // DAY]
    assert (march().roaming == away).all()


def test_a_line_that_left_is_seen_off_net_if_it_kept_its_number() -> None:
    population = world().population
    there = population.activation_day < 0
    for keeps in (True, False):
        gone = np.flatnonzero(there & (population.keeps_number == keeps))[:60]
        events = table(with_lines(gone, calls_in=0.0, calls_out=0.0, texts=0.0, data=0.0))
        assert not np.isin(events.line, gone).any()
        seen = events[np.isin(events.other, gone)]
        if keeps:
            assert len(seen) > 200
            assert (seen.destination == 1).all()
            assert (seen.other_operator == population.elsewhere[seen.other]).all()
        else:
            assert seen.empty


@pytest.mark.parametrize(("name", "service", "direction"), [("calls_out", 0, 1), ("data", 2, 1), ("texts", 1, 1)])
def test_activity_thins_what_it_names(name: str, service: int, direction: int) -> None:
    lines = np.flatnonzero(world().population.activation_day < 0)[:300]

    def count(events: UsageEvents, service: int) -> int:
        mine = np.isin(events.line, lines) & (events.service == service) & (events.direction == direction)
        return int(mine.sum())

    faded = with_lines(lines, **{name: 0.3})
    assert 0.2 < count(faded, service) / count(march(), service) < 0.75
    untouched = {0: 2, 1: 2, 2: 1}[service]
    assert count(faded, untouched) == pytest.approx(count(march(), untouched), rel=0.1)


def test_same_seed_same_records_in_any_order_of_months() -> None:
    later = generate_month(world(), 90, 30, usual_activity(world().population, 90, 30), RandomStreams(3))
    assert later.size > 0
    again = generate_month(world(), FIRST, DAYS, usual_activity(world().population, FIRST, DAYS), RandomStreams(3))
    for name in again.__dataclass_fields__:
        assert (getattr(again, name) == getattr(march(), name)).all(), name


def test_one_mechanism_does_not_move_the_draws_of_another() -> None:
    config = replace(WorldConfig(), usage=replace(UsageConfig(), voice=replace(VoiceConfig(), follow_up=0.0)))
    quiet = replace(world(), config=config)
    events = table(
        generate_month(quiet, FIRST, DAYS, usual_activity(world().population, FIRST, DAYS), RandomStreams(3))
    )
    usual = table(march())
    assert (events.service == 0).sum() < (usual.service == 0).sum()
    columns = ["line", "time", "duration_s", "data_mb"]
    data, before = (f[f.service == 2][columns].reset_index(drop=True) for f in (events, usual))
    pd.testing.assert_frame_equal(data, before)


def test_other_seed_other_records() -> None:
    other = generate_month(world(), FIRST, DAYS, usual_activity(world().population, FIRST, DAYS), RandomStreams(4))
    assert other.size != march().size


def test_nobody_there_no_records() -> None:
    nobody = np.zeros((world().population.n, DAYS), dtype=np.float32)
    events = generate_month(world(), FIRST, DAYS, Activity(nobody, nobody, nobody, nobody), RandomStreams(3))
    assert events.size == 0


def test_expected_month_is_what_comes() -> None:
    frame = table(march())
    base = world().population.activation_day < 0
    mine = frame[base[frame.line]]
    got = {
        0: mine[(mine.service == 0) & (mine.direction == 1)].duration_s.sum() / 60,
        1: ((mine.service == 1) & (mine.direction == 1)).sum(),
        2: mine.data_mb.sum(),
    }
    expected = world().usual_month()[base].sum(axis=0)
    for k, amount in got.items():
        assert amount == pytest.approx(expected[k], rel=0.25)


def test_holiday_is_quieter() -> None:
    usual = usual_activity(world().population, 0, 31)
    events = generate_month(world(), 0, 31, usual, RandomStreams(3))
    calls = np.bincount((events.time // DAY)[events.service == 0], minlength=31)
    wednesdays = calls[[7, 14, 21, 28]].mean()  # the first of January 2025 is a Wednesday
    assert calls[0] < 0.9 * wednesdays * ClockConfig().holiday_calls / 0.75
