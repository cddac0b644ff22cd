"""A question about the days after a date: who is asked, what counts, and what is not known yet.

A `Question` says what is counted (a named outcome such as churn, arrears or fraud, or an expression over the rows of a
table), over which days ahead of the date, and among whom. `question_dates` finds the dates whose answers the tables
tell, and `question_labels` gives one row for each customer of the population: yes or no, an amount, a class or months,
for what came in (date + gap, date + gap + horizon]; missing where the tables do not reach far enough yet (*censored*)
or a competing event came first. `exit_times` says how many months each customer stayed, line by line or account by
account. `choose_dormancy` finds how many days of silence make a prepaid line churned.

>>> import pandas as pd
>>> from custintel.warehouse import Warehouse
>>> days = pd.date_range("2025-01-01", "2025-06-30")
>>> calls = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out", "event_time": days})
>>> silent = calls[calls["event_time"] < "2025-04-01"].assign(customer_id="b")
>>> wh = Warehouse.from_frames(usage=pd.concat([calls, silent]))
>>> question_labels(wh, "2025-02-28", Question("churn", gap_days=15))["label"].droplevel("as_of").to_dict()
{'a': 0.0, 'b': 1.0}
"""

from __future__ import annotations

from custintel.questions._choose_dormancy import choose_dormancy
from custintel.questions._exit_times import exit_times
from custintel.questions.question import Question
from custintel.questions.question_labels import question_dates, question_labels

__all__ = [
    "Question",
    "choose_dormancy",
    "exit_times",
    "question_dates",
    "question_labels",
]
