"""The whole shipped catalogue, and labels, give on Spark what they give on DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.questions import Question, question_labels
from custintel.questions._choose_dormancy import dormancy_curve
from custintel.questions.question_labels import question_dates

if TYPE_CHECKING:
    from custintel.warehouse import Warehouse

pytestmark = pytest.mark.xdist_group("spark")

DAYS = ["2025-02-28", "2025-03-31"]
ASKED = ["2025-01-31", "2025-02-28"]
DEFINITION = Question("churn", gap_days=5, horizon_days=20, dormancy_days=7, active_within_days=20)


def assert_same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Same index, columns and types; numbers equal to 1e-9."""
    pd.testing.assert_frame_equal(ours, theirs, check_exact=False, rtol=1e-9, atol=1e-9)


def test_the_whole_catalogue_as_of_several_dates(operators: tuple[Warehouse, Warehouse]) -> None:
    here, there = operators
    expected = FeatureBuilder().build(here, DAYS)
    found = FeatureBuilder().build(there, DAYS)
    assert found.shape[1] > 350
    assert_same(found, expected)
    assert found.attrs["custintel"] == expected.attrs["custintel"]
    known = expected.select_dtypes("number").notna().any()
    assert known.mean() > 0.7, "most columns must say something about this operator"


def test_one_date_and_chosen_customers(operators: tuple[Warehouse, Warehouse]) -> None:
    here, there = operators
    wanted = list(reversed(here.frame("customers")["customer_id"].head(5)))
    builder = FeatureBuilder(["volumes", "direct_contacts", "bills", "recharges", "current_plan"])
    found = builder.build(there, DAYS[1], customers=wanted)
    assert list(found.index) == wanted
    assert_same(found, builder.build(here, DAYS[1], customers=wanted))


def test_labels(operators: tuple[Warehouse, Warehouse]) -> None:
    here, there = operators
    days = question_dates(here, DEFINITION, history_days=20, every="week")
    assert days
    assert question_dates(there, DEFINITION, history_days=20, every="week") == days
    expected = question_labels(here, days, DEFINITION)
    assert_same(question_labels(there, days, DEFINITION), expected)
    assert expected["label"].nunique() == 2
    curve = dormancy_curve(here, days=(2, 5), ahead=15)
    pd.testing.assert_frame_equal(dormancy_curve(there, days=(2, 5), ahead=15), curve, check_dtype=False)
    assert (curve["silences"] > 0).all()


@pytest.mark.parametrize(
    "question",
    [
        Question(
            source="usage", target="count_if(direction = 'out' and is_night) > 0", gap_days=3, horizon_days=20,
            unless={"terminations": "cause in ('voluntary', 'port_out')"},
        ),
        Question(source="bills", target="sum(amount) / count(*)", horizon_days=25),
        Question(source="usage", target="last(service)", gap_days=2, horizon_days=20),
        Question(
            source="bills", target="count_if(amount > previous_amount) > 0", horizon_days=25,
            settings={"previous": ["amount"]},
        ),
    ],
    ids=["condition", "amount", "class", "previous row"],
)  # fmt: skip
def test_labels_of_expressions(operators: tuple[Warehouse, Warehouse], question: Question) -> None:
    here, there = operators
    expected = question_labels(here, ASKED, question)
    assert_same(question_labels(there, ASKED, question), expected)
    assert expected["label"].nunique() > 1


def test_the_statement_for_spark_runs_on_spark(operators: tuple[Warehouse, Warehouse]) -> None:
    here, there = operators
    builder = FeatureBuilder(["volumes", "payment_behaviour", "current_plan"])
    found = there.sql(builder.sql(DAYS[1], dialect="spark", wh=there)).drop(columns="as_of").set_index("customer_id")
    expected = builder.build(here, DAYS[1])
    numbers = expected.select_dtypes("number").columns
    np.testing.assert_allclose(found[numbers], expected[numbers], rtol=1e-9, atol=1e-9)
