"""`week_matrix`: what each customer did in each slot of each week (bandicoot's punchcards)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.errors import ConfigurationError, DataError
from custintel.functions.function_context import Step
from custintel.indicators._call_records import holds_days
from custintel.indicators._cdr_indicators import check_warehouse, run_record_steps
from custintel.indicators._indicator_options import IndicatorOptions, check_dates
from custintel.indicators._indicator_tables import CALLS, StepRunner

if TYPE_CHECKING:
    import pandas as pd

    from custintel.dates import AsOf
    from custintel.warehouse import Warehouse


CHANNELS = (
    "contacts in",
    "contacts out",
    "calls in",
    "calls out",
    "texts in",
    "texts out",
    "seconds in",
    "seconds out",
)
"""What the numbers of bandicoot's channels mean."""
_DAY = 86_400


def week_matrix(
    wh: Warehouse, minutes: int = 60, *, as_of: AsOf | None = None, window: int | None = None
) -> pd.DataFrame:
    """Count what each customer did in each slot of each week: bandicoot's week matrices.

    Parameters
    ----------
    wh : Warehouse
        With the table ``usage``.
    minutes : int, default=60
        Length of a slot; it must divide the day.
    as_of, window
        As in `cdr_indicators`.

    Returns
    -------
    pandas.DataFrame
        ``customer_id, year_week, channel, weekday, section, value``; only slots in which something happened. Weekday 0
        is Monday, section 0 begins at midnight, `CHANNELS` names the channels. A call counts its seconds in every slot
        it reaches into; what lies past Sunday midnight is booked at the beginning of its own week, as in bandicoot.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.warehouse import Warehouse
    >>> calls = pd.DataFrame({"customer_id": ["a"], "service": "voice", "direction": "out", "other_party": "x",
    ...                       "event_time": ["2025-06-02 12:59:30"], "duration_s": 60})
    >>> week_matrix(Warehouse.from_frames(usage=calls))
      customer_id year_week  channel  weekday  section  value
    0           a   2025-23        1        0       12    1.0
    1           a   2025-23        3        0       12    1.0
    2           a   2025-23        7        0       12   30.0
    3           a   2025-23        7        0       13   30.0
    """
    if minutes < 1 or 1440 % minutes:
        raise ConfigurationError(f"slots that do not divide the day\n  given: {minutes} minutes\n  hint: 5, 15, 30, 60")
    check_warehouse(wh)
    if minutes < 1440 and holds_days(wh):
        raise DataError("usage holds days without a time of day\n  given: slots of a day\n  allowed: minutes=1440")
    options = IndicatorOptions(as_of=check_dates(as_of, window), window=window)
    with StepRunner(wh.engine) as runner:
        run_record_steps(wh, options, runner)
        runner.run([_slots_step(60 * minutes)])
        found: pd.DataFrame = runner.rows(_matrix_step(60 * minutes)).to_pandas()
    return found


def _slots_step(length: int) -> Step:
    """Each record with its week and its seconds since Monday."""
    sql = f"""select line, service, outgoing, party, seconds, start, start // {length} as slot,
    isoyear(day) || '-' || weekofyear(day) as year_week
from (select *, (isodow(day) - 1) * {_DAY} + tick // 1000000 % {_DAY} as start from records)"""
    return Step("slots", sql, "records with the slot of the week")


def _matrix_step(length: int) -> Step:
    a_day, a_week = _DAY // length, 7 * _DAY // length
    direction = "case when outgoing then 1 else 0 end"
    sql = f"""select l.customer_id, year_week, channel,
    cast(slot // {a_day} as int) as weekday, cast(slot % {a_day} as int) as section, cast(value as double) as value
from (
    select line, year_week, {direction} as channel, slot, count(distinct party) as value
    from slots where party is not null group by line, year_week, channel, slot
    union all
    select line, year_week, case when service = {CALLS} then 2 else 4 end + {direction} as channel, slot, count(*)
    from slots group by line, year_week, channel, slot
    union all
    select line, year_week, 6 + {direction} as channel, reached % {a_week} as slot,
        sum(least(start + seconds, (reached + 1) * {length}) - greatest(start, reached * {length}))
    from (
        select *, unnest(range(slot, cast(ceil((start + seconds) / {length}) as bigint))) as reached
        from slots where service = {CALLS} and seconds > 0
    )
    group by line, year_week, channel, reached % {a_week}
) join lines as l using (line)
order by line, year_week, channel, weekday, section"""
    return Step("matrix", sql, "what happened in each slot")
