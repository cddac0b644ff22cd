"""The network as the customer meets it: figures of the cells the customer uses, weighted by use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions._places import NIGHT
from custintel.functions.function_registry import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions.function_context import FunctionContext, Step


_KPIS = ("drop_rate", "busy_hour_load", "throughput_mbps", "outage_hours")


def _needs(*kpis: str) -> tuple[str, ...]:
    return tuple(f"cell_kpis.{kpi}" for kpi in kpis)


def _at_home(kpi: str) -> tuple[str, ...]:
    """Home is where the nights are spent."""
    return (*_needs(kpi), "usage.hour")


@sql_function(
    "experience",
    reads=[
        Reads("usage", required=("cell_id", "event_time"), days=90),
        Reads("cell_kpis", required=("cell_id",), optional=_KPIS, days=90),
    ],
    outputs={
        "drop_rate_30": _needs("drop_rate"),
        "drop_rate_90": _needs("drop_rate"),
        "load_30": _needs("busy_hour_load"),
        "load_90": _needs("busy_hour_load"),
        "throughput_30": _needs("throughput_mbps"),
        "throughput_90": _needs("throughput_mbps"),
        "outage_hours_30": _needs("outage_hours"),
        "outage_hours_90": _needs("outage_hours"),
        "worst_drop_rate": _needs("drop_rate"),
        "home_drop_rate": _at_home("drop_rate"),
        "home_throughput": _at_home("throughput_mbps"),
        "home_outage_hours_30": _at_home("outage_hours"),
        "home_outage_hours_90": _at_home("outage_hours"),
        "home_outage_days": _at_home("outage_hours"),
        "days_since_home_outage": _at_home("outage_hours"),
    },
)
def network_experience(context: FunctionContext) -> list[Step]:
    """Means and outage hours of each cell over 30 and 90 days, weighted by the customer's use of the cell in 90 days.

    Home is the cell with most use at night, as in `places`. A day with at least an hour of outage is an outage day.
    """
    return [_visits(context), _cells(context), _homes(context), _answer(context)]


def _visits(context: FunctionContext) -> Step:
    sql = f"""select customer_id, as_of, cell_id, cast(count(*) as double) as n,
    count(case when {NIGHT} then 1 end) as nights
from (
{context.rows_sql("usage")}
) as u
where cell_id is not null
group by customer_id, as_of, cell_id"""
    return context.step("visits", sql, "one row a cell that the customer uses")


def _cells(context: FunctionContext) -> Step:
    lately = "case when date_diff('day', event_date, as_of) < 30 then {} end"
    means = [
        f"avg({sql.format(kpi)}) as {name}_{days}"
        for name, kpi in (("drop_rate", "drop_rate"), ("load", "busy_hour_load"), ("throughput", "throughput_mbps"))
        for days, sql in ((30, lately), (90, "{}"))
    ]
    sql = f"""select
    as_of,
    cell_id,
    {(chr(10) + "    ").join(f"{mean}," for mean in means)}
    sum({lately.format("outage_hours")}) as outage_hours_30,
    sum(outage_hours) as outage_hours_90,
    count(case when outage_hours >= 1 then 1 end) as outage_days,
    min(case when outage_hours >= 1 then date_diff('day', event_date, as_of) end) as days_since_outage
from (
{context.rows_sql("cell_kpis")}
) as k
group by as_of, cell_id"""
    return context.step("cells", sql, "figures of each cell over 30 and 90 days")


def _homes(context: FunctionContext) -> Step:
    sql = f"""select customer_id, as_of, cell_id
from (
    select
        customer_id,
        as_of,
        cell_id,
        row_number() over (partition by customer_id, as_of order by nights desc, n desc, cell_id) as place
    from {context.name}_visits
    where nights > 0
) as v
where place = 1"""
    return context.step("homes", sql, "the cell with most use at night")


def _answer(context: FunctionContext) -> Step:
    weighted = ("drop_rate_30", "drop_rate_90", "load_30", "load_90", "throughput_30", "throughput_90")
    kpis = (*weighted, "outage_hours_30", "outage_hours_90")
    means = [f"sum(v.n * k.{f}) / nullif(sum(case when k.{f} is not null then v.n end), 0) as {f}" for f in kpis]
    homes = {
        "home_drop_rate": "drop_rate_90",
        "home_throughput": "throughput_90",
        "home_outage_hours_30": "outage_hours_30",
        "home_outage_hours_90": "outage_hours_90",
        "home_outage_days": "outage_days",
        "days_since_home_outage": "days_since_outage",
    }
    columns = [*means, "max(k.drop_rate_90) as worst_drop_rate"]
    columns += [f"max(case when v.cell_id = h.cell_id then k.{f} end) as {name}" for name, f in homes.items()]
    sql = f"""select
    v.customer_id,
    v.as_of,
    {("," + chr(10) + "    ").join(columns)}
from {context.name}_visits as v
join {context.name}_cells as k on k.cell_id = v.cell_id and k.as_of = v.as_of
left join {context.name}_homes as h on h.customer_id = v.customer_id and h.as_of = v.as_of
group by v.customer_id, v.as_of"""
    return context.step("answer", sql, "the network as each customer meets it")
