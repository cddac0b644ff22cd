"""What must hold before features are built for a question: its tables, its window, and labels that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder.forward_windows import check_answerable
from custintel.catalogue.question_grammar import question_catalogue
from custintel.catalogue.question_kinds import QUESTION_KINDS
from custintel.errors import DataError, DateError

if TYPE_CHECKING:
    import pandas as pd

    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse


def check_question(wh: Warehouse, question: Question) -> None:
    """Refuse a question that these tables cannot answer: nothing is computed for it.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    question : Question
        What is asked.

    Raises
    ------
    DataError
        When a table or column that the question reads is not there.
    DateError
        When its window is longer than the data.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.questions import Question
    >>> from custintel.warehouse import Warehouse
    >>> calls = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out",
    ...                       "event_time": pd.date_range("2025-01-01", "2025-01-31")})
    >>> check_question(Warehouse.from_frames(usage=calls), Question("arrears", gap_days=1))
    Traceback (most recent call last):
        ...
    custintel.errors.DataError: the question needs tables that are not there
      given: no bills, payments
      ...
    """
    _check_tables(wh, question)
    _check_window(wh, question)


def check_labels(labels: pd.DataFrame, question: Question) -> None:
    """Refuse labels from which nothing can be learned: nobody is asked, nothing is known, or all answers are equal.

    Parameters
    ----------
    labels : pandas.DataFrame
        Labels, as `question_labels` gives them.
    question : Question
        What is asked.

    Raises
    ------
    DataError
        With what is the matter.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.questions import Question
    >>> check_labels(pd.DataFrame({"label": [0.0, 0.0]}), Question("churn"))
    Traceback (most recent call last):
        ...
    custintel.errors.DataError: the target is constant: all 2 known labels are 0
      ...
    """
    known = labels["label"].dropna()
    _check_control_group(labels, question)
    if labels.empty:
        raise DataError(
            "nobody is asked: no customer is in the population of any date\n"
            f"  given: billing types {', '.join(question.billing_types)}\n"
            "  hint: look at billing_types: of the question and active_within_days: of the population"
        )
    if known.empty:
        raise DataError(
            f"no label is known\n  given: {len(labels):,} rows, all of them censored, lost to a competing event, or "
            "without a value\n  hint: a shorter horizon, or data that reach further"
        )
    if known.nunique() == 1:
        one = f"all {len(known):,} known labels are {_shown(known.iloc[0], question)}"
        hint = "a longer horizon, or another target: look at what the rows of its table hold"
        raise DataError(f"the target is constant: {one}\n  given: {_target(question)}\n  hint: {hint}")


def _check_control_group(labels: pd.DataFrame, question: Question) -> None:
    """An experiment compares the treated with those who were held back."""
    if question.target_type != "experiment" or labels.empty or "control" in set(labels["treatment"]):
        return
    raise DataError(
        f"the experiment has no control group\n  given: {len(labels):,} rows, all of them treated\n"
        "  hint: hold back some customers at random, and log them in contacts with control = true"
    )


def _check_tables(wh: Warehouse, question: Question) -> None:
    if not question.kind:
        check_answerable(wh, question_catalogue(question.as_dict(), question.horizon_days))
        return
    needed = QUESTION_KINDS[question.kind].tables
    absent = [name for name in needed if name not in wh.tables]
    if absent:
        raise DataError(
            f"the question needs tables that are not there\n  given: no {', '.join(absent)}\n"
            f"  allowed: {question.kind} reads {', '.join(needed)}\n  hint: these tables hold {', '.join(wh.tables)}"
        )


def _check_window(wh: Warehouse, question: Question) -> None:
    first, last = wh.period
    covered = (last - first).days
    if covered < question.label_delay_days:
        raise DateError(
            f"the window of the question is longer than the data\n"
            f"  given: labels are known after {question.label_delay_days} days, the data cover {covered + 1}\n"
            "  hint: a shorter gap or horizon, or more months of data"
        )


def _shown(label: object, question: Question) -> str:
    """A label in an error; the text of a class may say something about a customer."""
    return "the same text" if question.target_type == "class" else f"{label:g}"


def _target(question: Question) -> str:
    return f"kind {question.kind}" if question.kind else question.target
