"""A question about the days after a date: who is asked, what counts, and what is not known yet.

An `Outcome` says what is counted (churn, involuntary churn, arrears, fraud), over which days ahead of the date, and
among whom. `outcome_labels` reads the operator's tables and gives one row for each customer of the population: 1.0
where the outcome came in (date + gap, date + gap + horizon], 0.0 where it did not, missing where the tables do not
reach far enough yet (*censored*) or a competing cause came first. `exit_times` says instead how many months each
customer stayed, for survival models. `choose_dormancy` finds how many days of silence make a prepaid line churned.

>>> import pandas as pd
>>> from custintel.warehouse import Warehouse
>>> days = pd.date_range("2025-01-01", "2025-06-30")
>>> calls = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out", "event_time": days})
>>> silent = calls[calls["event_time"] < "2025-04-01"].assign(customer_id="b")
>>> wh = Warehouse.from_frames(usage=pd.concat([calls, silent]))
>>> outcome_labels(wh, "2025-02-28", Outcome("churn"))["label"].droplevel("as_of").to_dict()
{'a': 0.0, 'b': 1.0}
"""

from __future__ import annotations

from custintel.questions._choose_dormancy import choose_dormancy
from custintel.questions._exit_times import exit_times
from custintel.questions.outcome import Outcome
from custintel.questions.outcome_labels import outcome_labels
from custintel.questions.question import Question
from custintel.questions.question_labels import question_dates, question_labels

__all__ = [
    "Outcome",
    "Question",
    "choose_dormancy",
    "exit_times",
    "outcome_labels",
    "question_dates",
    "question_labels",
]
