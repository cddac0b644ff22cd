"""How long must a line be silent before it is gone? Read it from the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder import Step, date_sql, with_sql
from custintel.errors import DataError
from custintel.labels._facts import activity_step, has_activity, lines_step, silences_step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pandas as pd

    from custintel.warehouse import Warehouse

__all__ = ["dormancy_curve"]


def dormancy_curve(wh: Warehouse, days: Sequence[int] = (15, 30, 60, 90), ahead: int = 90) -> pd.DataFrame:
    """Share of prepaid lines that come back after some days of silence.

    Choose as ``dormancy_days`` the shortest silence after which fewer than 5 % come back. Only silences that could be
    watched to the end are counted: the data must reach `ahead` days beyond their last day.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    days : list of int
        Lengths of silence, in days.
    ahead : int
        Days over which a line may come back.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.warehouse import Warehouse
    >>> calls = pd.DataFrame({"customer_id": ["a", "a", "a", "b", "c"], "service": "sms", "direction": "out",
    ...     "event_time": pd.to_datetime(["2025-01-01", "2025-02-10", "2025-12-31", "2025-01-05", "2025-01-07"])})
    >>> dormancy_curve(Warehouse.from_frames(usage=calls), days=(15, 60))
       silent_days  silences  returned  share_back
    0           15         4         1        0.25
    1           60         3         0        0.00
    """
    if not has_activity(wh):
        raise DataError("no table tells on which days a line was active\n  allowed: usage, recharges")
    last = wh.period[1].date()
    counts = "\nunion all\n".join(_count_sql(n, ahead, last) for n in sorted(days))
    share = "cast(returned as double) / nullif(silences, 0)"
    step = Step(
        "curve", f"select silent_days, silences, returned, {share} as share_back\nfrom (\n{counts}\n) as c", "curve"
    )
    steps = [activity_step(wh), lines_step(wh), silences_step(min(days), last), _prepaid_step(), step]
    return wh.engine.sql(f"{with_sql(steps)}\norder by silent_days")


def _prepaid_step() -> Step:
    sql = """\
select s.start, s.back
from silences as s
join lines as c on c.customer_id = s.customer_id and c.billing_type = 'prepaid'"""
    return Step("prepaid_silences", sql, "silences of prepaid lines")


def _count_sql(days: int, ahead: int, last: date) -> str:
    """Silences that reached a length early enough to be watched, and those that ended within the days ahead."""
    reached = f"start + {days - 1}"
    return f"""\
select
    {days} as silent_days,
    count(*) as silences,
    count(case when back <= {reached} + {ahead} then 1 end) as returned
from prepaid_silences
where {reached} + {ahead} <= {date_sql(last)} and (back is null or back > {reached})"""
