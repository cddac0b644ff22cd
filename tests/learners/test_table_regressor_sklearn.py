"""scikit-learn's own checks."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from custintel.learners import TableRegressor

EXPECTED_FAILURES = {
    "check_dataframe_column_names_consistency": "columns are matched by name: another order is not an error",
}


@parametrize_with_checks([TableRegressor(n_jobs=1)], expected_failed_checks=lambda _: EXPECTED_FAILURES)
@pytest.mark.filterwarnings("ignore::custintel.errors.QualityWarning")
def test_scikit_learn_check(estimator: Any, check: Any) -> None:
    check(estimator)
