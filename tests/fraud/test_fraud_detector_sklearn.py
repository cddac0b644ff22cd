"""scikit-learn's own checks of the detector and of the anomaly score."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from custintel.fraud import FraudDetector
from custintel.learners import AnomalyScore
from custintel.rules import LearnSettings

EXPECTED_FAILURES = {
    "check_dataframe_column_names_consistency": "columns are matched by name: another order is not an error",
}


@parametrize_with_checks(
    [FraudDetector(n_jobs=1, settings=LearnSettings(max_rules=2)), AnomalyScore(trees=10)],
    expected_failed_checks=lambda _: EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("ignore::custintel.errors.QualityWarning")
def test_scikit_learn_check(estimator: Any, check: Any) -> None:
    check(estimator)
