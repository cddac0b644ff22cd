"""The customers and records that indicators are computed from, with their place in the week and the day.

Where the times of the records are days, the indicators that compare hours are missing.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from custintel.errors import QualityWarning
from custintel.functions.function_context import Step
from custintel.indicators._indicator_tables import CALLS, PLAIN, TEXTS

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from custintel.indicators._indicator_options import IndicatorOptions
    from custintel.warehouse import Warehouse


RECORD_ORDER = "tick, outgoing, service, seconds"
"""Order of records; at the same moment incoming ones come first, calls before texts."""
_OPTIONAL = {"other_party": "varchar", "duration_s": "double", "cell_id": "varchar"}


def customers_step(customers: str, chunk: int, parts: int) -> Step:
    """Customers by number, in their order; of several parts, one."""
    where = f"\nwhere hash(customer_id) % {parts} = {chunk}" if parts > 1 else ""
    sql = f"select customer_id, row_number() over (order by customer_id) - 1 as line\nfrom {customers}{where}"
    return Step("lines", sql, "customers: one row each comes out")


def number_steps(relation: str, columns: Collection[str]) -> list[Step]:
    """Other parties and antennas by number, in the order of their names: numbers are grouped faster than texts."""
    return [
        Step(f"{number}_numbers", _numbers_sql(relation, column, number, column in columns), f"{column} by number")
        for column, number in (("other_party", "party"), ("cell_id", "antenna"))
    ]


def _numbers_sql(relation: str, column: str, number: str, present: bool) -> str:
    if not present:
        return f"select cast(null as varchar) as {column}, cast(null as bigint) as {number} where false"
    distinct = f"select distinct {column} from {relation} where {column} is not null"
    return f"select {column}, row_number() over (order by {column}) as {number}\nfrom ({distinct})"


def records_step(relation: str, columns: Collection[str], options: IndicatorOptions) -> Step:
    """Calls and texts; data sessions are not read."""
    given = {name: f"t.{name}" if name in columns else f"cast(null as {kind})" for name, kind in _OPTIONAL.items()}
    reciprocated = f"\n    and {_reciprocated_sql(relation, columns, options)}" if options.reciprocated else ""
    sql = f"""select
    {_calendar_columns_sql(options)},
    case when t.service = 'voice' then {CALLS} else {TEXTS} end as service,
    t.direction = 'out' as outgoing,
    p.party,
    a.antenna,
    {given["duration_s"]} as seconds
from {relation} as t join lines as l on l.customer_id = t.customer_id
    left join party_numbers as p on p.other_party = {given["other_party"]}
    left join antenna_numbers as a on a.cell_id = {given["cell_id"]}
where t.service in ('voice', 'sms') and {options.visible_sql()}{reciprocated}"""
    return Step("records", sql, "calls and texts, with their place in the week and the day")


def top_ups_step(relation: str, options: IndicatorOptions) -> Step:
    """Top-ups."""
    sql = f"""select
    {_calendar_columns_sql(options)},
    {PLAIN} as service,
    t.recharge_id,
    t.amount
from {relation} as t join lines as l on l.customer_id = t.customer_id
where {options.visible_sql()}"""
    return Step("top_ups", sql, "top-ups, with their place in the week and the day")


def _calendar_columns_sql(options: IndicatorOptions) -> str:
    columns = [
        "l.line",
        f"{options.period_sql('t.event_date')} as period",
        f"{options.week_part_sql('t.event_date')} as week_part",
        f"{options.day_part_sql('t.event_time')} as day_part",
        "t.event_date as day",
        "epoch_us(t.event_time) as tick",
    ]
    return ",\n    ".join(columns)


def _reciprocated_sql(relation: str, columns: Collection[str], options: IndicatorOptions) -> str:
    """The other party has no records, or has this one too: other direction, same length, within 30 seconds."""
    same_length = "and o.duration_s is not distinct from t.duration_s" if "duration_s" in columns else ""
    return f"""(
        t.other_party is null
        or t.other_party not in (select o.customer_id from {relation} as o where {options.visible_sql("o")})
        or exists (
            select 1 from {relation} as o
            where o.customer_id = t.other_party and o.other_party = t.customer_id and o.service = t.service
                and o.direction <> t.direction {same_length}
                and abs(epoch_us(o.event_time) - epoch_us(t.event_time)) < 30000000 and {options.visible_sql("o")}
        )
    )"""


_BY_HOUR = (
    "percent_nocturnal",
    "percent_at_home",
    "interevent_time",
    "response_delay_text",
    "response_rate_text",
    "percent_initiated_conversations",
)
"""Indicators that read the time of day: night, home (the place of the nights), and what lies between two records."""


def holds_days(wh: Warehouse) -> bool:
    """Whether the records of a warehouse have no time of day."""
    return "event_time" in wh.report["usage"].days_only


def without_hours(frame: pd.DataFrame) -> pd.DataFrame:
    """The indicators with those missing that need an hour.

    >>> import pandas as pd
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     without_hours(pd.DataFrame({"active_days__allweek__night__call": [1.0], "active_days__allweek": [2.0]}))
       active_days__allweek__night__call  active_days__allweek
    0                                NaN                   2.0
    """
    lost = [name for name in frame.columns if _needs_hour(str(name).split("__"))]
    text = f"usage holds days without a time of day: {len(lost)} indicators that need one are missing"
    warnings.warn(f"{text}\n  hint: splits=False leaves out day and night", QualityWarning, stacklevel=3)
    return frame.assign(**dict.fromkeys(lost, np.nan))


def _needs_hour(parts: list[str]) -> bool:
    return parts[0] in _BY_HOUR or "day" in parts or "night" in parts
