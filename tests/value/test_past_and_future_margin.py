"""Windows of value on hand-made margins."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel import Warehouse
from custintel.errors import DateError
from custintel.value._past_and_future_margin import future_margin, margin_columns, past_value
from custintel.value.value_training_table import past_margins


def _margin(rows: dict[str, list[float]], start: str = "2025-01-01", **parts: list[float]) -> pd.DataFrame:
    frames = []
    for line, values in rows.items():
        months = pd.date_range(start, periods=len(values), freq="MS")
        frames.append(pd.DataFrame({"customer_id": line, "month": months, "margin": values, **parts}))
    return pd.concat(frames).set_index(["customer_id", "month"])


def test_windows_are_disjoint_and_add_up() -> None:
    rng = np.random.default_rng(0)
    margin = _margin({"a": list(rng.normal(10, 5, 9)), "b": list(rng.normal(-2, 1, 9))})
    for day in pd.date_range("2025-03-31", periods=6, freq="ME"):
        past = past_value(margin, day)
        ahead = future_margin(margin, day, past.index, 9 - day.month)
        total = past["hv"] + past["cv"] + ahead.sum(axis=1)
        np.testing.assert_allclose(total, margin["margin"].groupby("customer_id").sum())


def test_a_short_history_is_flagged_and_its_run_rate_uses_what_there_is() -> None:
    margin = pd.concat([_margin({"old": [8.0] * 6}), _margin({"new": [9.0, 3.0]}, "2025-05-01")])
    past = past_value(margin, "2025-06-30")
    assert past["short_history"].to_dict() == {"old": False, "new": True}
    assert past.loc["new", ["hv", "cv", "run_rate", "annualised"]].tolist() == [0.0, 12.0, 6.0, 72.0]


def test_one_off_items_count_in_value_but_not_in_the_run_rate() -> None:
    margin = _margin({"a": [10.0] * 5 + [2.0]}, bad_debt=[0.0] * 5 + [-8.0])
    past = past_value(margin, "2025-06-30").loc["a"]
    assert past["cv"] == 22.0
    assert past["run_rate"] == 10.0


def test_an_extraordinary_month_is_drawn_in() -> None:
    margin = _margin({"a": [10.0, 11.0, 9.0, 10.0, 11.0, 9.0, 10.0, 500.0]})
    past = past_value(margin, "2025-08-31").loc["a"]
    assert past["cv"] == 519.0
    assert 9.0 < past["run_rate"] < 12.0


def test_historical_value_can_be_carried_forward() -> None:
    margin = _margin({"a": [100.0] + [0.0] * 12})
    assert past_value(margin, "2026-01-31", compounded_at=0.10).loc["a", "hv"] == pytest.approx(110.0)
    assert past_value(margin, "2026-01-31").loc["a", "hv"] == 100.0


def test_the_future_tells_zero_from_not_known() -> None:
    margin = _margin({"gone": [5.0, 5.0], "here": [4.0] * 6})
    ahead = future_margin(margin, "2025-03-31", ["here", "gone"], 5)
    assert ahead.loc["gone"].tolist()[:3] == [0.0, 0.0, 0.0]
    assert ahead.loc["here"].tolist()[:3] == [4.0, 4.0, 4.0]
    assert ahead[[4, 5]].isna().all(axis=None)
    with pytest.raises(DateError, match="end of a month"):
        future_margin(margin, "2025-03-30", ["here"], 5)


def test_past_margins_know_nothing_of_later_months() -> None:
    margin = _margin({"a": [1.0, 2.0, 3.0, 100.0]})
    early = margin_columns(margin, "2025-03-31")
    assert early.loc["a", "margin_mean_1m"] == 3.0
    assert early.loc["a", "margin_mean_3m"] == 2.0
    pd.testing.assert_frame_equal(early, margin_columns(margin.iloc[:3], "2025-03-31"))
    # a line without any of the months asked about is missing, not zero
    later = margin_columns(pd.concat([margin, _margin({"b": [1.0] * 9})]), "2025-09-30")
    assert np.isnan(later.loc["a", "margin_mean_3m"])


def test_the_first_month_of_the_tables_is_no_past_month_where_bills_follow_use() -> None:
    months = pd.date_range("2025-01-31", periods=4, freq="ME")
    bills = pd.DataFrame({"bill_id": list("1234"), "customer_id": "a", "amount": 10.0, "event_time": months})
    bills.loc[0, "amount"] = 1.0
    calls = pd.DataFrame({"customer_id": "a", "event_time": pd.date_range("2025-01-01", "2025-04-30")})
    wh = Warehouse.from_frames(bills=bills, usage=calls.assign(service="voice", direction="out"))
    past = past_margins(wh, [pd.Timestamp("2025-03-31")]).iloc[0]
    assert past["margin_months"] == 2
    assert past["margin_mean_3m"] == past["run_rate"] == 10.0
    assert past["margin_trend"] == 0.0
