"""Labels of value: sums of the months that came, tiers by frozen thresholds, and what is not known yet."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from custintel import Warehouse
from custintel.questions import Question, exit_times, question_labels
from custintel.value import monthly_margin
from custintel.value.value_labels import future_margin_labels, future_tier_labels, tiers_of_labels

DAYS = ["2025-03-31", "2025-05-31", "2025-06-30"]


def question(**settings: Any) -> Any:
    return SimpleNamespace(outcome=Question("churn").outcome, settings={"horizon_months": 3, **settings})


@pytest.fixture(scope="module")
def operator() -> Warehouse:
    return Warehouse.simulate(customers=150, months=8, seed=3)


def test_the_label_is_the_sum_of_the_months_that_came(operator: Warehouse) -> None:
    found = future_margin_labels(operator, DAYS, question())
    margin = monthly_margin(operator)["margin"].unstack("month")
    mine = found.loc[pd.Timestamp("2025-03-31")]
    months = pd.to_datetime(["2025-04-01", "2025-05-01", "2025-06-01"])
    expected = margin.reindex(mine.index)[months].fillna(0.0)
    np.testing.assert_allclose(mine["label"], expected.sum(axis=1))
    np.testing.assert_allclose(mine[["margin_1", "margin_2", "margin_3"]], expected)
    assert not mine["revenue_value"].any()


def test_a_month_that_is_not_over_leaves_the_label_open(operator: Warehouse) -> None:
    found = future_margin_labels(operator, DAYS, question())
    june = found.loc[pd.Timestamp("2025-06-30")]
    assert june["label"].isna().all()
    assert june["margin_2"].notna().all()
    assert june["margin_3"].isna().all()
    assert found.loc[pd.Timestamp("2025-05-31"), "label"].notna().all()


def test_unit_costs_of_the_question_count(operator: Warehouse) -> None:
    dear = future_margin_labels(operator, DAYS[:1], question(unit_costs={"overhead_month": 100.0}))
    assert (dear["label"] < future_margin_labels(operator, DAYS[:1], question())["label"]).mean() > 0.95


def test_exits_after_the_horizon_are_not_told(operator: Warehouse) -> None:
    found = question_labels(operator, DAYS[:1], Question("survival", settings={"horizon_months": 3}))
    whole = exit_times(operator, DAYS[:1])
    assert found["label"].max() == 3
    inside = whole["months"] <= 3
    assert found.loc[~inside, "cause"].isna().all()
    pd.testing.assert_series_equal(found.loc[inside, "cause"], whole.loc[inside, "cause"])
    assert (found["label"] == whole["months"].clip(upper=3)).all()


def test_thresholds_in_money_are_taken_as_they_are(operator: Warehouse) -> None:
    given = {"public": [120.0, 240.0, 480.0], "key accounts": [1e3, 2e3, 3e3]}
    found = future_tier_labels(operator, DAYS, question(thresholds=given))
    tiers = tiers_of_labels(found)
    assert {name: limits.tolist() for name, limits in tiers.thresholds_.items()} == given
    assert tiers.names == ["bronze", "silver", "gold", "platinum"]


def test_the_tier_then_is_that_of_the_value_then_or_left(operator: Warehouse) -> None:
    found = future_tier_labels(operator, DAYS, question(thresholds={"public": [120.0, 240.0, 480.0]}))
    known = found[found["label"].notna()]
    assert set(known.index.get_level_values("as_of")) == set(pd.to_datetime(DAYS[:2]))
    assert set(known["label"]) <= {"left", "bronze", "silver", "gold", "platinum"}
    assert (known.loc[known["cause"].notna(), "label"] == "left").all()
    top = known[(known["label"] == "platinum") & (known["moves"] > 0)]
    assert (top["annual_then"] > 480.0 * 1.1).all()
    same = known[(known["moves"] == 0) & (known["label"] != "left") & known["tier_now"].notna()]
    assert (same["label"] == same["tier_now"]).all()
    assert found.loc[found["segment"] == "key accounts", "label"].isna().all()  # no thresholds, no tier


def test_proposed_thresholds_do_not_depend_on_later_days(operator: Warehouse) -> None:
    """They are those of the last date but one, the last that is learned from."""
    both = tiers_of_labels(future_tier_labels(operator, DAYS[:2], question()))
    alone = tiers_of_labels(future_tier_labels(operator, DAYS[:1], question()))
    np.testing.assert_allclose(both.thresholds_["public"], alone.thresholds_["public"])
