"""Estimators with scikit-learn's interface on data frames. They know no warehouse, no YAML and no MLflow."""

from __future__ import annotations

from custintel.learners._anomaly_score import AnomalyScore
from custintel.learners._churn_classifier import ChurnClassifier
from custintel.learners._churn_survival import ChurnSurvival
from custintel.learners._offer_propensity import OfferPropensity
from custintel.learners._profit_threshold import ProfitThreshold
from custintel.learners._table_classifier import TableClassifier
from custintel.learners._uplift_model import UpliftModel

__all__ = [
    "AnomalyScore",
    "ChurnClassifier",
    "ChurnSurvival",
    "OfferPropensity",
    "ProfitThreshold",
    "TableClassifier",
    "UpliftModel",
]
