"""How long the customers of a date stay: months until they leave, why, or how long they have been watched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from custintel.errors import ConfigurationError, DataError
from custintel.functions.function_context import Step
from custintel.questions._churn_exits import exits_step, first_exits_step, silences_step
from custintel.questions._outcome import Outcome
from custintel.questions.outcome_labels import ordered_frame, population_steps, read_days

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from custintel.dates import AsOf
    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse


_CAUSE_GROUPS = {"port_out": "voluntary", "dormancy": "voluntary"}
Level = Literal["line", "account"]


def exit_times(
    wh: Warehouse,
    as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex,
    question: Question | None = None,
    level: Level = "line",
    known_by: AsOf | None = None,
) -> pd.DataFrame:
    """Months from each date until the customers of that date leave, or until nothing more is known of them.

    Month 1 is the first month after the date (the calendar month that follows a month end). Requests to leave,
    port-outs and, for prepaid lines, the first day of a silence of ``dormancy_days`` are *voluntary*; ends for
    non-payment or fraud are *involuntary*; *death* is a cause of its own. What comes first counts. Nothing is said
    about the last ``dormancy_days`` of prepaid lines, because a silence there is not over. Only whole months are
    watched: an exit in a month that is not over yet is not known yet, because those who stay are not known either.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    as_of : date or list of dates
        The dates asked about.
    question : Question, optional
        Dormancy, population and billing types; kind, gap and horizon are not used. That of churn by default.
    level : {"line", "account"}
        Lines, or payers: an account stays as long as one of the lines it had at the date does.
    known_by : date, optional
        Nothing after this day is looked at: what could be known then. The last day of the data by default.

    Returns
    -------
    pandas.DataFrame
        Index (as_of, customer_id) or (as_of, account_id). ``months``: the month of leaving, or the number of whole
        months watched; ``cause``: voluntary, involuntary, death, or missing while the customer is still here;
        ``billing_type``; for accounts ``lines``, how many it had.

    Raises
    ------
    DataError
        For accounts, when no table tells which line belongs to which.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> days = pd.date_range("2025-01-01", "2025-09-30")
    >>> calls = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out", "event_time": days})
    >>> silent = calls[calls["event_time"] < "2025-05-10"].assign(customer_id="b")
    >>> exit_times(Warehouse.from_frames(usage=pd.concat([calls, silent])), "2025-02-28")[["months", "cause"]]
                            months      cause
    as_of      customer_id
    2025-02-28 a                 6        NaN
               b                 3  voluntary
    """
    if level not in ("line", "account"):
        raise ConfigurationError(f"unknown level\n  given: {level!r}\n  allowed: line, account")
    outcome = Outcome() if question is None else question.outcome
    days, last = read_days(wh, as_of)
    if known_by is not None:
        last = min(last, read_days(wh, known_by)[0][0])
    reach = replace(outcome, gap_days=0, horizon_days=max(1, (last - min(days)).days))
    steps = [
        *population_steps(wh, days, reach),
        silences_step(outcome.dormancy_days, last),
        exits_step(reach),
        first_exits_step(),
        _exit_step(),
    ]
    lines = _in_months(ordered_frame(wh, steps), last, outcome.dormancy_days)
    return lines if level == "line" else _by_account(wh, lines)


def months_between(start: pd.Series, day: pd.Series) -> pd.Series:
    """Number of the month after `start` in which `day` lies: 1 for the first; month ends count as day 31.

    >>> start = pd.to_datetime(pd.Series(["2025-02-28", "2025-01-15"]))
    >>> months_between(start, pd.to_datetime(pd.Series(["2025-03-31", "2025-02-16"]))).tolist()
    [1, 2]
    """
    turn = np.where(start.dt.is_month_end, 31, start.dt.day)
    months: pd.Series = (day.dt.year - start.dt.year) * 12 + day.dt.month - start.dt.month
    return months.add((day.dt.day > turn).astype(np.int64))


def _exit_step() -> Step:
    sql = """\
select p.as_of, p.customer_id, x.cause, x.day, p.billing_type
from population as p
left join first_exits as x on x.as_of = p.as_of and x.customer_id = p.customer_id
where x.day is null or x.day > p.as_of"""
    return Step("exit_days", sql, "the population of each date with its first exit")


def _in_months(frame: pd.DataFrame, last: date, dormancy: int) -> pd.DataFrame:
    """Days of exit as months; exits after the last whole month that can be judged are not known yet."""
    start = pd.Series(frame.index.get_level_values("as_of"), index=frame.index)
    late = pd.to_timedelta(np.where(frame["billing_type"] == "prepaid", dormancy, 0), unit="D")
    known = pd.Series(pd.Timestamp(last) - late, index=frame.index)
    day = pd.to_datetime(frame["day"])
    watched = (months_between(start, known + pd.Timedelta(days=1)) - 1).clip(lower=0)
    left = months_between(start, day.where(day.notna(), start))
    # in a month watched in part only those who leave would be counted, and all of them would have left
    seen = day.notna() & (left <= watched)
    months = left.where(seen, watched)
    cause = frame["cause"].replace(_CAUSE_GROUPS).where(seen, np.nan).astype(object)
    return pd.DataFrame({"months": months.astype(np.int64), "cause": cause, "billing_type": frame["billing_type"]})


def _by_account(wh: Warehouse, lines: pd.DataFrame) -> pd.DataFrame:
    if "customers" not in wh.tables or "account_id" not in wh.columns("customers"):
        raise DataError("no table tells which account a line belongs to\n  allowed: customers with account_id")
    owners = wh.engine.sql(f"select customer_id, account_id from {wh.relation('customers')}")
    account = owners.set_index("customer_id")["account_id"].reindex(lines.index.get_level_values("customer_id"))
    frame = lines.assign(account_id=account.to_numpy(), here=lines["cause"].isna()).reset_index("as_of")
    frame = frame[frame["account_id"].notna()]
    # beside a line that is still here, one that left in month t says only that the account stayed for t - 1 months
    kept = frame.groupby(["as_of", "account_id"])["here"].transform("any")
    frame["months"] -= (kept & ~frame["here"]).astype(np.int64)
    frame["cause"] = frame["cause"].mask(kept, np.nan)
    # the line that stays longest decides
    frame = frame.sort_values(["as_of", "account_id", "months", "here"], kind="stable")
    return _last_rows(frame.groupby(["as_of", "account_id"], sort=True))


def _last_rows(by: Any) -> pd.DataFrame:
    """The last row of each group, and how many rows it has."""
    last = by.tail(1).set_index(["as_of", "account_id"])[["months", "cause", "billing_type"]]
    found: pd.DataFrame = last.assign(lines=by.size().reindex(last.index))
    return found
