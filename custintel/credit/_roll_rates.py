"""How arrears roll on: from each stage of days past due to the stage of a month later."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.dates import read_dates
from custintel.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.warehouse import Warehouse


ARREARS_STAGES = ("current", "1-30", "31-60", "61-90", "91-150", "written off")
"""By days past due of the oldest bill that is not paid in full; beyond 150 days it is written off."""

_EDGES = (0, 30, 60, 90, 150)
_PAID_IN_FULL = 0.99


def arrears_stages(wh: Warehouse, as_of: Sequence[Any]) -> pd.DataFrame:
    """Stage of every customer with a bill on each date, by what had been paid by then.

    Parameters
    ----------
    wh : Warehouse
        With tables ``bills`` and ``payments``.
    as_of : sequence of dates
        The dates.

    Returns
    -------
    DataFrame
        Index customer_id, one column a date, values of `ARREARS_STAGES`; missing before the first bill was due.
    """
    days = [pd.Timestamp(day) for day in read_dates(as_of)]
    bills = _bills_with_payment(wh)
    found = {day: _stages_on(bills, day) for day in days}
    return pd.DataFrame(found).rename_axis(index="customer_id", columns="as_of")


def roll_rates(wh: Warehouse, as_of: Sequence[Any]) -> pd.DataFrame:
    """Share of the customers of each stage by the stage at the next date (rows add up to 1), over all dates.

    Parameters
    ----------
    wh : Warehouse
        With tables ``bills`` and ``payments``.
    as_of : sequence of dates
        Dates a month apart, at least two.

    Returns
    -------
    DataFrame
        Rows and columns are `ARREARS_STAGES`; ``customers`` is how many there were in the stage. What is above the
        diagonal rolled on, what is below it was cured.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.warehouse import Warehouse
    >>> bills = pd.DataFrame({"bill_id": ["1", "2"], "customer_id": ["a", "b"], "amount": [30.0, 30.0],
    ...                       "event_time": pd.Timestamp("2025-01-02"), "due_date": pd.Timestamp("2025-01-20")})
    >>> paid = pd.DataFrame({"payment_id": ["1"], "bill_id": ["1"], "customer_id": ["a"], "amount": [30.0],
    ...                      "event_time": pd.Timestamp("2025-02-10"), "status": ["ok"]})
    >>> found = roll_rates(Warehouse.from_frames(bills=bills, payments=paid), ["2025-01-31", "2025-02-28"])
    >>> found.loc["1-30", ["current", "31-60", "customers"]].tolist()
    [0.5, 0.5, 2.0]
    """
    days = sorted(pd.Timestamp(day) for day in read_dates(as_of))
    if len(days) < 2:
        raise DataError("roll rates need two dates at least\n  hint: the month ends of a year")
    stages = arrears_stages(wh, days)
    pairs = pd.concat(
        [pd.DataFrame({"now": stages[a].to_numpy(), "next": stages[b].to_numpy()}) for a, b in pairwise(days)]
    )
    counts = pd.crosstab(pairs["now"], pairs["next"]).reindex(
        index=ARREARS_STAGES, columns=ARREARS_STAGES, fill_value=0
    )
    total = counts.sum(axis=1)
    return counts.div(total.where(total > 0), axis=0).assign(customers=total)


def _bills_with_payment(wh: Warehouse) -> pd.DataFrame:
    """Bills with the day on which they were paid in full (missing if never)."""
    absent = [name for name in ("bills", "payments") if name not in wh.tables]
    if absent:
        raise DataError(f"stages of arrears need bills and payments\n  given: no {', '.join(absent)}")
    bills = wh.engine.sql(f"select bill_id, customer_id, due_date, amount from {wh.relation('bills')} where amount > 0")
    paid = wh.engine.sql(
        f"select bill_id, event_date as day, amount from {wh.relation('payments')} where status = 'ok' order by 1, 2"
    )
    sums = paid.assign(upto=paid.groupby("bill_id")["amount"].cumsum()).merge(
        bills[["bill_id", "amount"]], on="bill_id"
    )
    full = sums[sums["upto"] >= _PAID_IN_FULL * sums["amount_y"]].groupby("bill_id")["day"].min()
    days = {"due_date": pd.to_datetime(bills["due_date"]), "paid": pd.to_datetime(bills["bill_id"].map(full))}
    return bills.assign(**days)


def _stages_on(bills: pd.DataFrame, day: pd.Timestamp) -> pd.Series:
    due = bills[bills["due_date"] <= day]
    late = (day - due["due_date"]).dt.days.where(due["paid"].isna() | (due["paid"] > day), 0)
    oldest = late.groupby(due["customer_id"]).max()
    place = np.searchsorted(_EDGES, oldest.to_numpy(), side="left")
    return pd.Series(np.asarray(ARREARS_STAGES, dtype=object)[place], oldest.index)
