"""Questions that are counted in whole months: from which day on their labels are known, and how far data let them look.

>>> days_of_months(4), days_of_months(12)
(120, 365)
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

from custintel.errors import DateError, QualityWarning

if TYPE_CHECKING:
    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse

MONTHS_KEY = "horizon_months"
"""The key of a question that is counted in whole months."""


@cache
def days_of_months(months: int) -> int:
    """Days between two ends of months so many months apart, at least; fewer months never have as many."""
    ends = pd.date_range("2025-01-31", periods=12, freq="ME")
    return min((end + pd.offsets.MonthEnd(months) - end).days for end in ends)


def last_whole_month(day: pd.Timestamp) -> pd.Timestamp:
    """The end of the last month that is over by the end of a day.

    >>> str(last_whole_month(pd.Timestamp("2025-03-30")).date())
    '2025-02-28'
    """
    return day if day.is_month_end else day - pd.offsets.MonthEnd(1)


def fitted_to_data(wh: Warehouse, question: Question, history_days: int = 60) -> Question:
    """The question with a horizon that the data allow: two dates to learn from, and a later one to be judged on.

    Questions that are not counted in months are returned as they are.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    question : Question
        What is asked.
    history_days : int
        Days of data before the first date.

    Raises
    ------
    DateError
        When not even a horizon of one month is possible.

    Warns
    -----
    QualityWarning
        When the horizon is shortened.

    Examples
    --------
    >>> from custintel.questions import Question
    >>> from custintel.warehouse import Warehouse
    >>> calls = pd.DataFrame({"customer_id": "a", "event_time": pd.date_range("2025-01-01", "2025-12-31")})
    >>> wh = Warehouse.from_frames(usage=calls.assign(service="voice", direction="out"))
    >>> fitted_to_data(wh, Question("survival", settings={"horizon_months": 3})).settings["horizon_months"]
    3
    """
    if MONTHS_KEY not in question.settings:
        return question
    wanted = int(question.settings[MONTHS_KEY])
    first = wh.period[0] + pd.Timedelta(days=history_days - 1) + pd.offsets.MonthEnd(0)
    last = last_whole_month(wh.period[1])
    known = 12 * (last.year - first.year) + last.month - first.month
    possible = (known - 1) // 2
    if possible < 1:
        raise DateError(
            f"the window of the question is longer than the data\n  given: {wh.period[0].date()} to "
            f"{wh.period[1].date()}\n  allowed: {history_days} days of history and three whole months after them, at "
            "least\n  hint: more months of data"
        )
    if possible >= wanted:
        return question
    warnings.warn(
        f"the horizon is shortened from {wanted} to {possible} months: the data have no room for two dates to learn "
        "from and a later one to be judged on\n"
        f"  hint: answers over different horizons do not compare; {MONTHS_KEY}: {possible} in the model file asks for "
        "this one",
        QualityWarning,
        stacklevel=2,
    )
    return replace(question, settings={**question.settings, MONTHS_KEY: possible})
