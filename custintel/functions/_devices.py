"""Device identities: how long the present one is in use, and who else uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_registry import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions.function_context import FunctionContext, Step


def devices_used(context: FunctionContext, all_customers: bool = False) -> Step:
    """One row a line and device of the last 90 days; the present one was seen last (equal ones: used most)."""
    sql = f"""select
    *,
    row_number() over (partition by customer_id, as_of order by last_time desc, n desc, first_day, device_id) as place
from (
    select
        customer_id,
        as_of,
        device_id,
        cast(count(*) as double) as n,
        min(event_date) as first_day,
        max(event_time) as last_time
    from (
{context.rows_sql("usage", all_customers=all_customers)}
    ) as u
    where device_id is not null
    group by customer_id, as_of, device_id
) as d"""
    return context.step("used", sql, "one row a line and device")


@sql_function(
    "imei",
    reads=[Reads("usage", required=("device_id", "event_time"), days=90)],
    outputs={
        "device_days": (),
        "device_share": (),
        "device_changed": (),
        "device_lines": (),
        "shared_devices": (),
        "most_lines": (),
    },
)
def shared_devices(context: FunctionContext) -> list[Step]:
    """Device identities of each line over 90 days, and the number of lines that use the same ones."""
    return [devices_used(context, all_customers=True), _shared(context), _answer(context)]


def _shared(context: FunctionContext) -> Step:
    sql = f"""select as_of, device_id, count(*) as lines
from {context.name}_used
group by as_of, device_id"""
    return context.step("lines", sql, "lines that use each device")


def _answer(context: FunctionContext) -> Step:
    sql = f"""select
    u.customer_id,
    u.as_of,
    max(case when u.place = 1 then date_diff('day', u.first_day, u.as_of) end) as device_days,
    max(case when u.place = 1 then u.n end) / sum(u.n) as device_share,
    max(case when u.place = 1 and date_diff('day', u.first_day, u.as_of) < 30 then 1 else 0 end)
        * max(case when u.place > 1 then 1 else 0 end) as device_changed,
    max(case when u.place = 1 then l.lines end) as device_lines,
    count(case when l.lines > 1 then 1 end) as shared_devices,
    max(l.lines) as most_lines
from {context.name}_used as u
join {context.name}_lines as l on l.device_id = u.device_id and l.as_of = u.as_of
where u.customer_id in (select customer_id from spine)
group by u.customer_id, u.as_of"""
    return context.step("answer", sql, "devices of each customer")


# The present handset: what it is and what it could do.


_MODEL = ("maker", "kind", "technology", "launch_date", "dual_sim")


@sql_function(
    "handset",
    reads=[
        Reads("usage", required=("device_id", "event_time"), days=90),
        Reads("devices", required=("device_id",), optional=_MODEL),
    ],
    outputs={name: (f"devices.{name}",) for name in _MODEL},
)
def handset(context: FunctionContext) -> list[Step]:
    """The device seen last in 90 days, looked up in the list of devices."""
    sql = f"""select u.customer_id, u.as_of, {", ".join(f"d.{name}" for name in _MODEL)}
from {context.name}_used as u
join (
{context.reference_sql("devices")}
) as d on d.device_id = u.device_id
where u.place = 1"""
    return [devices_used(context), context.step("answer", sql, "the device in use")]
