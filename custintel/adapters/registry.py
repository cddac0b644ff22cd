"""The registry of learners: which adapter serves which class of estimator.

A learner of the library is one line here. The modules of the adapters are imported when they are asked for, so that a
churn model does not wait for the fraud desk.

>>> adapter_named("ChurnClassifier").targets
('yes_no', 'class')
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

from custintel.catalogue.learner_classes import is_own_class
from custintel.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.adapters.adapter import LearnerAdapter

_ADAPTERS: Mapping[str, tuple[str, str]] = {
    "CreditScorecard": ("_credit_scorecard", "CreditScorecardAdapter"),
    "FraudDetector": ("_fraud_detector", "FraudDetectorAdapter"),
    "ChurnClassifier": ("_table_classifier", "ChurnClassifierAdapter"),
    "ChurnSurvival": ("_churn_survival", "ChurnSurvivalAdapter"),
    "TableClassifier": ("_table_classifier", "TableClassifierAdapter"),
    "TierForecast": ("_value_tiers", "TierForecastAdapter"),
    "ValueModel": ("_value_model", "ValueModelAdapter"),
    "TableRegressor": ("_table_regressor", "TableRegressorAdapter"),
    "OwnEstimator": ("_own_estimator", "OwnEstimatorAdapter"),
    "OfferPropensity": ("_offer_propensity", "OfferPropensityAdapter"),
    "UpliftModel": ("_uplift_model", "UpliftModelAdapter"),
}
"""Class of the learner: the module of its adapter in this room, and the adapter."""


@cache
def adapter_named(learner: str) -> LearnerAdapter:
    """The adapter of a learner, by the name of its class; one with a package before it is the user's own."""
    if is_own_class(learner):
        from custintel.adapters._own_estimator import OwnEstimatorAdapter

        return OwnEstimatorAdapter(learner)
    if learner not in _ADAPTERS:
        raise ConfigurationError(
            f"no learner of this name can be trained\n  given: {learner}\n  allowed: {', '.join(_ADAPTERS)}"
        )
    module, name = _ADAPTERS[learner]
    found: LearnerAdapter = getattr(importlib.import_module(f"custintel.adapters.{module}"), name)()
    return found


def adapter_of(estimator: Any) -> LearnerAdapter:
    """The adapter of an estimator, fitted or not."""
    return adapter_named(type(estimator).__name__)
