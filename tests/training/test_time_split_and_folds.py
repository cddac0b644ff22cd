"""The out-of-time split."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custintel.errors import DateError
from custintel.training._time_split_and_folds import months_needed, rows_of_a_third, split_in_time


@pytest.mark.parametrize(
    ("first", "count", "label_delay_days", "train"),
    [("2025-01-31", 7, 105, 3), ("2025-03-31", 6, 105, 2), ("2025-03-31", 6, 30, 5)],
)
def test_train_labels_were_known_on_the_test_date(first: str, count: int, label_delay_days: int, train: int) -> None:
    dates = pd.date_range(first, periods=count, freq="ME")
    split = split_in_time(dates, label_delay_days)
    assert split.test == dates[-1]
    assert len(split.train) == train
    assert all(date + pd.Timedelta(days=label_delay_days) <= split.test for date in split.train)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_short(count: int) -> None:
    with pytest.raises(DateError, match="about 11 months of data are needed"):
        split_in_time(pd.date_range("2025-01-31", periods=count, freq="ME"), 105, 60)


@pytest.mark.parametrize(("label_delay_days", "history", "months"), [(105, 60, 11), (30, 30, 4), (105, 90, 11)])
def test_months_needed(label_delay_days: int, history: int, months: int) -> None:
    assert months_needed(label_delay_days, history) == months


@given(st.lists(st.tuples(st.integers(0, 15), st.booleans()), min_size=1, max_size=80), st.integers(0, 5))
def test_a_third_of_the_events_is_judged_and_groups_stay_whole(rows: list[tuple[int, bool]], seed: int) -> None:
    groups, events = np.array([g for g, _ in rows], dtype=object), np.array([event for _, event in rows])
    judged = rows_of_a_third(groups, events, seed)
    assert not set(groups[judged]) & set(groups[~judged])
    largest = pd.Series(events).groupby(groups).sum().max()
    assert events[judged].sum() <= events.sum() / 2
    assert events[judged].sum() >= events.sum() / 3 or largest > events.sum() / 6
