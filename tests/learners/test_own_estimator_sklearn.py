"""scikit-learn's own checks, around a classifier and a regressor."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from custintel.learners.own_estimator import OwnEstimator

EXPECTED_FAILURES = {
    "check_dataframe_column_names_consistency": "columns are matched by name: another order is not an error",
}


@parametrize_with_checks(
    [OwnEstimator(params={"max_iter": 1000}), OwnEstimator("sklearn.linear_model.Ridge")],
    expected_failed_checks=lambda _: EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("ignore::custintel.errors.QualityWarning")
def test_scikit_learn_check(estimator: Any, check: Any) -> None:
    check(estimator)
