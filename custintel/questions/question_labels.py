"""Labels of any question: its dates, whom it asks about, and what became of them.

>>> from custintel.questions import Question
>>> from custintel.warehouse import Warehouse
>>> calls = pd.DataFrame({"customer_id": ["a", "b", "b"], "service": "voice", "direction": "out", "event_time":
...                       pd.to_datetime(["2025-01-02", "2025-01-03", "2025-02-10"])})
>>> end = calls.tail(1).assign(customer_id="b", event_time=pd.Timestamp("2025-03-31"))
>>> wh = Warehouse.from_frames(usage=pd.concat([calls, end]))
>>> question = Question(source="usage", target="count(*) > 0", horizon_days=28)
>>> question_labels(wh, "2025-01-31", question)["label"].droplevel("as_of").to_dict()
{'a': 0.0, 'b': 1.0}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pandas as pd

from custintel.errors import ConfigurationError
from custintel.questions._expression_labels import expression_labels, expression_population
from custintel.questions._label_kinds import LABEL_KINDS, LabelKind
from custintel.questions.whole_months import MONTHS_KEY, last_whole_month

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.dates import AsOf
    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse

DateFrequency = Literal["month", "half_month", "week"]
_FREQUENCIES = {"month": "ME", "half_month": "SME", "week": "W-SUN"}
_EXPRESSION = LabelKind(expression_labels, expression_population)


def question_labels(wh: Warehouse, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex, question: Question) -> pd.DataFrame:
    """What became of each customer of the population in (date + gap, date + gap + horizon].

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    as_of : date or list of dates
        The dates asked about.
    question : Question
        What is asked.

    Returns
    -------
    pandas.DataFrame
        Index (as_of, customer_id), rows of the population only, without those whom the gap took out: a competing event
        in it, or a target that was true by its end. ``label``: 1.0 or 0.0, an amount, or a text; missing where the
        tables do not reach past the window yet (*censored*), where a competing event came, or where nothing tells the
        value. ``cause`` (the table of the competing event; of named outcomes their cause), ``billing_type``, and the
        further columns of a named outcome.

    Raises
    ------
    DataError
        When a table or column that the question reads is not there.

    Examples
    --------
    >>> from custintel.questions import Question
    >>> from custintel.warehouse import Warehouse
    >>> bills = pd.DataFrame({"bill_id": ["1", "2", "3"], "customer_id": ["a", "a", "a"], "amount": [10.0, 20.0, 5.0],
    ...                       "event_time": pd.to_datetime(["2025-01-15", "2025-02-15", "2025-03-15"])})
    >>> question = Question(source="bills", target="sum(amount)", horizon_days=30)
    >>> question_labels(Warehouse.from_frames(bills=bills), ["2025-01-31", "2025-02-28"], question)["label"].tolist()
    [20.0, nan]
    """
    return _kind_of(question).labels(wh, as_of, question)


def question_population(
    wh: Warehouse, as_of: AsOf | Sequence[AsOf] | pd.DatetimeIndex, question: Question
) -> pd.DataFrame:
    """Whom a question is asked about at each date, with nothing known from later days.

    Labels leave out those whom the gap takes out; a score must not, because it cannot know.
    """
    return _kind_of(question).population(wh, as_of, question)


def question_dates(
    wh: Warehouse,
    question: Question,
    history_days: int = 60,
    every: DateFrequency = "month",
    closed: bool = True,
) -> list[pd.Timestamp]:
    """As-of dates with enough days of data before them and closed labels.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    question : Question
        What is asked; it says when a label is closed.
    history_days : int
        Days of data before the first date.
    every : {"month", "half_month", "week"}
        Month ends; the 15th and the month end; or Sundays. More dates show the same events at more distances.
    closed : bool
        Whether to leave out dates whose labels are not known yet.

    Examples
    --------
    >>> from custintel.questions import Question
    >>> from custintel.warehouse import Warehouse
    >>> days = pd.date_range("2025-01-01", "2025-09-30")
    >>> calls = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out", "event_time": days})
    >>> wh = Warehouse.from_frames(usage=calls)
    >>> [str(day.date()) for day in question_dates(wh, Question("churn", gap_days=15))]
    ['2025-03-31', '2025-04-30', '2025-05-31']
    """
    if every not in _FREQUENCIES:
        raise ConfigurationError(
            f"unknown frequency of as-of dates\n  given: {every!r}\n  allowed: {', '.join(_FREQUENCIES)}"
        )
    first, last = wh.period
    if MONTHS_KEY in question.settings:
        last = last_whole_month(last)
    earliest = first + pd.Timedelta(days=history_days - 1)
    latest = last - pd.Timedelta(days=question.label_delay_days if closed else 0)
    found = list(pd.date_range(earliest, latest, freq=_FREQUENCIES[every])) if earliest <= latest else []
    some = LABEL_KINDS[question.kind].dates if question.kind in LABEL_KINDS else None
    return some(wh, found, question) if some else found


def _kind_of(question: Question) -> LabelKind:
    """The functions of a question."""
    if not question.kind:
        return _EXPRESSION
    if question.kind not in LABEL_KINDS:
        raise ConfigurationError(
            f"no labels of this kind can be made\n  given: {question.kind}\n  allowed: {', '.join(LABEL_KINDS)}"
        )
    return LABEL_KINDS[question.kind]
