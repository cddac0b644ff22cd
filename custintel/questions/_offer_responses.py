"""Labels of kind ``response``: whether a customer took up the offer that was made, one row a contact.

>>> from custintel.questions import Question, question_labels
>>> from custintel.warehouse import Warehouse
>>> calls = pd.DataFrame({"customer_id": "a", "service": "sms", "direction": "out",
...                       "event_time": pd.date_range("2025-01-01", "2025-06-30")})
>>> made = pd.DataFrame({"contact_id": ["1", "2"], "customer_id": "a", "offer_id": ["bonus", "discount"],
...                      "event_time": pd.to_datetime(["2025-03-10", "2025-03-20"]),
...                      "response_time": pd.to_datetime(["2025-03-12", None])})
>>> wh = Warehouse.from_frames(usage=calls, contacts=made)
>>> question = Question("response", horizon_days=31, settings={"window": "30d"})
>>> question_labels(wh, ["2025-02-28"], question)[["label", "offer"]]
                        label     offer
as_of      customer_id
2025-02-28 a              1.0     bonus
           a              0.0  discount
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.questions._campaign_contacts import check_contacts, closed_contact, read_contacts

if TYPE_CHECKING:
    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse


def response_labels(wh: Warehouse, as_of: Any, question: Question) -> pd.DataFrame:
    """Whether each offer made in (date + gap, date + gap + horizon] was taken up within `window` days.

    Customers held back as control were made no offer and have no row. A customer who was made several offers has a row
    for each.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables; ``contacts`` with ``offer_id`` and ``response_time`` is needed.
    as_of : date or list of dates
        The dates asked about. A contact belongs to the latest of them that lies before it by the gap.
    question : Question
        Of kind response; its settings: ``window`` (``30d`` by default), and ``offers``: those asked about, all by
        default.

    Returns
    -------
    pandas.DataFrame
        Index (as_of, customer_id), rows may repeat; ``label`` 1.0, 0.0 or missing (the window is not over yet),
        ``offer``, ``propensity`` (logged; missing where nothing was logged), ``outcome_date`` and ``billing_type``.

    Raises
    ------
    DataError
        Without the table ``contacts`` or the columns that tell an offer and its answer.
    """
    check_contacts(wh, question, ("offer_id", "response_time"))
    window = question.window_days
    rows = read_contacts(wh, as_of, question)
    rows = rows[~rows["control"].astype(bool) & rows["offer"].notna()]
    taken = (rows["response_day"] >= rows["day"]) & (rows["response_day"] <= rows["day"] + pd.Timedelta(days=window))
    closed = closed_contact(rows["day"], wh.period[1].date(), window)
    found = rows.assign(label=np.where(closed, taken.astype("float64"), np.nan), outcome_date=rows["response_day"])
    columns = ["label", "offer", "propensity", "outcome_date", "billing_type"]
    return found.set_index(["as_of", "customer_id"])[columns]
