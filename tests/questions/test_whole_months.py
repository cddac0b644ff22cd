"""Questions in whole months: when their labels are known, and how far data let them look."""

from __future__ import annotations

import pandas as pd
import pytest

from custintel import Warehouse
from custintel.errors import DateError, QualityWarning
from custintel.questions import Question
from custintel.questions.question_labels import question_dates
from custintel.questions.whole_months import days_of_months, fitted_to_data, last_whole_month
from custintel.training._time_split_and_folds import split_in_time


def calls(first: str, last: str) -> Warehouse:
    days = pd.date_range(first, last)
    frame = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": "out", "event_time": days})
    return Warehouse.from_frames(usage=frame)


def asked(months: int) -> Question:
    return Question("survival", settings={"horizon_months": months})


@pytest.mark.parametrize("months", range(1, 25))
def test_days_tell_numbers_of_months_apart(months: int) -> None:
    ends = pd.date_range("2023-12-31", periods=60, freq="ME")
    longest = max((end + pd.offsets.MonthEnd(months - 1) - end).days for end in ends)
    assert longest < days_of_months(months) <= min((end + pd.offsets.MonthEnd(months) - end).days for end in ends)


def test_dates_are_those_whose_last_month_is_over() -> None:
    wh = calls("2025-01-01", "2025-12-31")
    assert [f"{day:%m-%d}" for day in question_dates(wh, asked(4), 56)][-1] == "08-31"
    assert [f"{day:%m-%d}" for day in question_dates(calls("2025-01-01", "2025-12-30"), asked(4), 56)][-1] == "07-31"
    assert str(last_whole_month(pd.Timestamp("2025-12-31")).date()) == "2025-12-31"


def test_a_horizon_leaves_two_dates_to_learn_from_and_one_to_be_judged_on() -> None:
    wh = calls("2025-01-01", "2025-12-31")
    with pytest.warns(QualityWarning, match="shortened from 12 to 4 months"):
        question = fitted_to_data(wh, asked(12), 90)
    split = split_in_time(question_dates(wh, question, 90), question.label_delay_days, 90)
    assert [f"{day:%m-%d}" for day in split.train] == ["03-31", "04-30"]
    assert f"{split.test:%m-%d}" == "08-31"


def test_a_horizon_that_fits_stays() -> None:
    question = asked(4)
    assert fitted_to_data(calls("2025-01-01", "2025-12-31"), question, 90) is question
    other = Question("churn")
    assert fitted_to_data(calls("2025-01-01", "2025-01-31"), other, 90) is other


def test_too_little_data_is_said_so() -> None:
    with pytest.raises(DateError, match="90 days of history and three whole months"):
        fitted_to_data(calls("2025-01-01", "2025-05-31"), asked(12), 90)
