"""Labels of survival: how many months each customer stayed after a date, and why the customer left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custintel.questions._exit_times import exit_times

if TYPE_CHECKING:
    import pandas as pd

    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse


def survival_labels(wh: Warehouse, as_of: Any, question: Question) -> pd.DataFrame:
    """Months to the exit, or watched, up to the horizon.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    as_of : list of dates
        Dates asked about.
    question : Question
        Population, dormancy and ``horizon_months``.

    Returns
    -------
    pandas.DataFrame
        Index (as_of, customer_id): ``label`` (months; missing for customers watched for less than one), ``cause``
        (voluntary, involuntary, death; missing for those still here after the horizon) and ``billing_type``.
    """
    exits = exit_times(wh, as_of, question)
    horizon = int(question.settings["horizon_months"])
    months = exits["months"].clip(upper=horizon).astype("float64")
    cause = exits["cause"].where(exits["months"] <= horizon)
    found = exits[["billing_type"]].assign(cause=cause)
    found.insert(0, "label", months.where(months > 0))
    return found
