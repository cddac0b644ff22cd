"""Places: home, how far the customer gets from it, and how much one week is like the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_registry import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions.function_context import FunctionContext, Step


NIGHT = "(extract(hour from event_time) >= 22 or extract(hour from event_time) < 6)"
"""As `is_night` of the table usage, from 22:00 to 06:00."""

_BY_NIGHT = ("usage.hour",)
"""Home is where the nights are spent: times that are days tell nothing of it."""
_WEEKS = 5
_EARTH = 6371.0
"""Kilometres."""
_METRE = 1e-3


def distance(a: tuple[str, str], b: tuple[str, str]) -> str:
    """Kilometres between two points (latitude, longitude) in degrees, by the haversine formula."""
    (lat_a, lon_a), (lat_b, lon_b) = a, b
    north = f"sin(radians({lat_b} - {lat_a}) / 2)"
    east = f"sin(radians({lon_b} - {lon_a}) / 2)"
    square = f"{north} * {north} + cos(radians({lat_a})) * cos(radians({lat_b})) * {east} * {east}"
    # asin of more than 1 is an error; least(1, ...) would hide a missing value
    return f"2 * {_EARTH} * asin(sqrt({square} - greatest({square} - 1, 0)))"


@sql_function(
    "places",
    reads=[
        Reads("usage", required=("cell_id", "event_time"), days=90),
        Reads("cells", required=("cell_id", "latitude", "longitude"), optional=("kind", "region")),
    ],
    outputs={
        "home_share": _BY_NIGHT,
        "home_share_lately": _BY_NIGHT,
        "home_moved_km": _BY_NIGHT,
        "home_kind": ("cells.kind", *_BY_NIGHT),
        "home_region": ("cells.region", *_BY_NIGHT),
        "home_distance": _BY_NIGHT,
        "farthest": _BY_NIGHT,
        "radius": (),
        "frequent_cells": (),
        "week_likeness": (),
    },
)
def places(context: FunctionContext) -> list[Step]:
    """The cells of each customer over 90 days, once a cell; home is the cell with most use at night.

    Equal cells go by their use on the whole, then by name. Without use at night there is no home. Distances are from
    cell to cell; the radius of gyration is around the mean of latitudes and longitudes, weighted by use.
    """
    return [_visits(context), _located(context), _centre(context), _homes(context), _answer(context)]


def _visits(context: FunctionContext) -> Step:
    age = "date_diff('day', event_date, as_of)"
    weeks = [f"count(case when {age} between {7 * w} and {7 * w + 6} then 1 end)" for w in range(_WEEKS)]
    counts = ",\n    ".join(f"cast({sql} as double) as week_{w}" for w, sql in enumerate(weeks))
    sql = f"""select
    customer_id,
    as_of,
    cell_id,
    cast(count(*) as double) as n,
    cast(count(case when {age} < 30 then 1 end) as double) as n_lately,
    count(case when {NIGHT} then 1 end) as nights,
    count(case when {NIGHT} and {age} < 30 then 1 end) as nights_lately,
    {counts}
from (
{context.rows_sql("usage")}
) as u
where cell_id is not null
group by customer_id, as_of, cell_id"""
    return context.step("visits", sql, "one row a cell: use, use at night, use of each of the last weeks")


def _located(context: FunctionContext) -> Step:
    """Cells in three orders: by use at night of all days, of the last 30 and of those before, and by use."""
    whose = "partition by v.customer_id, v.as_of order by"
    before = "v.nights - v.nights_lately"
    by_use = f"over ({whose} v.n desc, v.cell_id"
    sql = f"""select
    v.*,
    c.latitude,
    c.longitude,
    c.kind,
    c.region,
    row_number() over ({whose} v.nights desc, v.n desc, v.cell_id) as home_place,
    row_number() over ({whose} v.nights_lately desc, v.n desc, v.cell_id) as lately_place,
    row_number() over ({whose} {before} desc, v.n desc, v.cell_id) as before_place,
    sum(v.n) {by_use} rows between unbounded preceding and current row) as reached,
    sum(v.n) over (partition by v.customer_id, v.as_of) as total
from {context.name}_visits as v
left join (
{context.reference_sql("cells")}
) as c on c.cell_id = v.cell_id"""
    return context.step("located", sql, "cells with their position, ordered by use at night and by use")


def _centre(context: FunctionContext) -> Step:
    sql = f"""select
    customer_id,
    as_of,
    sum(n * latitude) / sum(n) as latitude,
    sum(n * longitude) / sum(n) as longitude
from {context.name}_located
where latitude is not null and longitude is not null
group by customer_id, as_of"""
    return context.step("centre", sql, "the centre of each customer's places, weighted by use")


def _homes(context: FunctionContext) -> Step:
    def home(place: str, nights: str, column: str) -> str:
        return f"max(case when {place} = 1 and {nights} > 0 then {column} end)"

    recent, before = ("lately_place", "nights_lately"), ("before_place", "nights - nights_lately")
    sql = f"""select
    customer_id,
    as_of,
    {home("home_place", "nights", "cell_id")} as cell_id,
    {home("home_place", "nights", "latitude")} as latitude,
    {home("home_place", "nights", "longitude")} as longitude,
    {home("home_place", "nights", "kind")} as kind,
    {home("home_place", "nights", "region")} as region,
    {home(*recent, "latitude")} as lately_latitude,
    {home(*recent, "longitude")} as lately_longitude,
    {home(*before, "latitude")} as before_latitude,
    {home(*before, "longitude")} as before_longitude
from {context.name}_located
group by customer_id, as_of"""
    return context.step("homes", sql, "home now, in the last 30 days, and before")


def _similarity_sql(one: int) -> str:
    """How alike the cells of a week and of the week before are (cosine)."""
    a, b = f"v.week_{one}", f"v.week_{one + 1}"
    return f"sum({a} * {b}) / nullif(sqrt(sum({a} * {a})) * sqrt(sum({b} * {b})), 0)"


def _answer(context: FunctionContext) -> Step:
    home = distance(("h.latitude", "h.longitude"), ("v.latitude", "v.longitude"))
    from_centre = distance(("m.latitude", "m.longitude"), ("v.latitude", "v.longitude"))
    moved = distance(("h.before_latitude", "h.before_longitude"), ("h.lately_latitude", "h.lately_longitude"))
    placed = "case when v.latitude is not null and v.longitude is not null then v.n end"
    radius = f"sqrt(sum(v.n * power({from_centre}, 2)) / sum({placed}))"
    similarities = [_similarity_sql(w) for w in range(_WEEKS - 1)]
    known = " + ".join(f"case when {sql} is not null then 1 else 0 end" for sql in similarities)
    sql = f"""select
    v.customer_id,
    v.as_of,
    sum(case when v.cell_id = h.cell_id then v.n when h.cell_id is not null then 0 end) / sum(v.n) as home_share,
    sum(case when v.cell_id = h.cell_id then v.n_lately when h.cell_id is not null then 0 end)
        / nullif(sum(v.n_lately), 0) as home_share_lately,
    max({moved}) as home_moved_km,
    max(h.kind) as home_kind,
    max(h.region) as home_region,
    sum(v.n * {home}) / nullif(sum(case when {home} is not null then v.n end), 0) as home_distance,
    max({home}) as farthest,
    case when {radius} < {_METRE} then 0 else {radius} end as radius,
    count(case when v.reached - v.n < 0.8 * v.total then 1 end) as frequent_cells,
    ({" + ".join(f"coalesce({sql}, 0)" for sql in similarities)}) / nullif({known}, 0) as week_likeness
from {context.name}_located as v
left join {context.name}_homes as h on h.customer_id = v.customer_id and h.as_of = v.as_of
left join {context.name}_centre as m on m.customer_id = v.customer_id and m.as_of = v.as_of
group by v.customer_id, v.as_of"""
    return context.step("answer", sql, "places of each customer")
