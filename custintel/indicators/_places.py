"""Where: antennas in half hours, home, radius of gyration, tower mix from week to week.

In each half hour counts one antenna: the one with most records, of several the one seen first. Splits are made before
that, so a half hour in which night begins may count once by day and once at night. Records without antenna say nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_context import Step
from custintel.indicators._contacts_and_conversations import pareto_count_sql, value_counts_sql
from custintel.indicators._indicator_tables import KEYS, PLAIN, Indicator, IndicatorTable

if TYPE_CHECKING:
    from custintel.indicators._indicator_options import IndicatorOptions


_HALF_HOUR = 1_800_000_000
_SECOND = 1_000_000
_ANTENNAS = 2**32


def place_tables(positions: Step, options: IndicatorOptions) -> list[IndicatorTable]:
    """Antennas, home and radius; ``positions`` has latitude and longitude of antennas."""
    steps = [
        *_bin_steps(),
        _home_step(),
        _visits_step(options),
        positions,
        _located_step(),
        _centre_step(),
        _frequent_step(),
        _places_step(),
    ]
    names = {
        "number_of_antennas": "places",
        "entropy_of_antennas": "entropy",
        "percent_at_home": "home_share",
        "radius_of_gyration": "radius",
        "frequent_antennas": "frequent",
    }
    found = tuple(Indicator(name, column, (PLAIN,)) for name, column in names.items())
    return [IndicatorTable(tuple(steps), found)]


def _bin_steps() -> list[Step]:
    """The antenna of each half hour: of the whole of it, of its part by day, of its part at night."""
    keys = "line, period, week_part, bin"
    chunks = f"""select {keys.replace("bin", f"tick // {_HALF_HOUR} as bin")}, antenna, count(*) as n,
    count_if(day_part = 1) as n_day, count_if(day_part = 2) as n_night, min(tick) as first,
    min(case when day_part = 1 then tick end) as first_day, min(case when day_part = 2 then tick end) as first_night
from records
where antenna is not null
group by all"""
    modal = f"""select {keys},
    {_main_antenna_sql("n", f"1799 - first % {_HALF_HOUR} // {_SECOND}")} as whole,
    {_main_antenna_sql("n_day", f"1799 - first_day % {_HALF_HOUR} // {_SECOND}")} as by_day,
    {_main_antenna_sql("n_night", f"1799 - first_night % {_HALF_HOUR} // {_SECOND}")} as by_night
from half_hours
group by {keys}"""
    return [
        Step("half_hours", chunks, "records at each antenna in each half hour"),
        Step("bins", modal, "the antenna of each half hour"),
    ]


def _main_antenna_sql(n: str, early: str) -> str:
    """The antenna with most records, of several the one seen first (to the second), of several the first by name.

    One number holds all three, because the greatest number is found much faster than the greatest row.
    """
    rank = f"(least({n}, 1048575) * 2048 + {early}) * {_ANTENNAS} + {_ANTENNAS - 1} - antenna"
    return f"{_ANTENNAS - 1} - max(case when {n} > 0 then {rank} end) % {_ANTENNAS}"


def _home_step() -> Step:
    """Of two antennas with as many half hours at night, the one seen first."""
    sql = """select line, arg_max(antenna, {'n': n, 'first': -first, 'antenna': -antenna}) as home
from (
    select line, by_night as antenna, count(*) as n, min(bin) as first
    from bins
    where by_night is not null
    group by line, by_night
)
group by line"""
    return Step("homes", sql, "home: the antenna of most half hours at night")


def _visits_step(options: IndicatorOptions) -> Step:
    """Half hours at each antenna in each split."""
    splits = "[0, 1, 2, 3 * week_part, 3 * week_part + 1, 3 * week_part + 2]" if options.splits else "[0]"
    antennas = "[whole, by_day, by_night, whole, by_day, by_night]" if options.splits else "[whole]"
    sql = f"""select {KEYS}, antenna, count(*) as visits
from (
    select line, period, unnest({splits}) as split, {PLAIN} as service, unnest({antennas}) as antenna
    from bins
)
where antenna is not null
group by {KEYS}, antenna"""
    return Step("visits", sql, "half hours at each antenna in each split")


def positions_step(cells: str | None) -> Step:
    """Where antennas are; those without position are places all the same."""
    sql = f"""select a.antenna, c.latitude, c.longitude
from antenna_numbers as a join {cells} as c using (cell_id)
where c.latitude is not null and c.longitude is not null"""
    nowhere = "select antenna, 0 as latitude, 0 as longitude from antenna_numbers where false"
    return Step("positions", sql if cells else nowhere, "positions of the antennas")


def _located_step() -> Step:
    sql = """select v.*, p.latitude, p.longitude, case when p.antenna is not null then v.visits end as weight
from visits as v left join positions as p using (antenna)"""
    return Step("located", sql, "antennas of each split, with position")


def _centre_step() -> Step:
    sql = f"""select {KEYS},
    sum(visits) as all_visits,
    sum(weight) as all_weight,
    sum(weight * latitude) / sum(weight) as mid_latitude,
    sum(weight * longitude) / sum(weight) as mid_longitude
from located
group by {KEYS}"""
    return Step("centres", sql, "centre of each split's antennas, by visits")


def _frequent_step() -> Step:
    sql = f"""select {KEYS}, {pareto_count_sql("visits", "all_visits")} as frequent
from ({value_counts_sql("visits", "visits")}) join centres using ({KEYS})
group by {KEYS}"""
    return Step("frequents", sql, "number of antennas that make up 80 % of the half hours")


def _places_step() -> Step:
    sql = f"""select {KEYS},
    count(*) as places,
    ln(any_value(all_visits)) - sum(visits * ln(visits)) / any_value(all_visits) as entropy,
    case when any_value(home) is not null
        then sum(case when antenna = home then visits else 0 end) / any_value(all_visits) end as home_share,
    sqrt(sum(weight * pow({_distance_sql()}, 2)) / any_value(all_weight)) as radius,
    any_value(frequent) as frequent
from located join centres using ({KEYS}) join frequents using ({KEYS}) left join homes using (line)
group by {KEYS}"""
    return Step("places", sql, "places of each split")


def _distance_sql() -> str:
    """Great circle from the centre, in km, on a sphere of radius 6,371 km."""
    north = "pow(sin(radians(latitude - mid_latitude) / 2), 2)"
    east = "pow(sin(radians(longitude - mid_longitude) / 2), 2)"
    chord = f"{north} + cos(radians(latitude)) * cos(radians(mid_latitude)) * {east}"
    return f"2 * 6371 * asin(least(1, sqrt({chord})))"


def tower_mix_steps() -> list[Step]:
    """Cosine distance between the antennas of one week and of the next with records; bandicoot's churn_rate."""
    week = "(bin // 48 + 3) // 7"
    visits = f"select line, {week} as week, whole as antenna, count(*) as v\nfrom bins\ngroup by all"
    sql = """select line, avg(distance) as churn_rate__mean, stddev_pop(distance) as churn_rate__std
from (
    select w.line, 1 - coalesce(d.dot, 0) / sqrt(w.square * w.square_before) as distance
    from (
        select *, lag(week) over k as week_before, lag(square) over k as square_before
        from (select line, week, sum(v * v) as square from week_visits group by line, week)
        window k as (partition by line order by week)
    ) as w
    left join (
        select b.line, b.week, a.week as week_before, sum(a.v * b.v) as dot
        from week_visits as a join week_visits as b
            on a.line = b.line and a.antenna = b.antenna and a.week < b.week
        group by b.line, b.week, a.week
    ) as d using (line, week, week_before)
    where w.week_before is not null
)
group by line"""
    return [
        *_bin_steps(),
        Step("week_visits", visits, "half hours at each antenna in each week"),
        Step("tower_mix", sql, "distance of the tower mix from week to week"),
    ]
