"""Estimators with the scikit-learn interface."""

from __future__ import annotations

from custintel.estimators._churn import ChurnClassifier
from custintel.estimators._churn_survival import ChurnSurvival
from custintel.estimators._value import ValueModel
from custintel.estimators._warehouse_features import WarehouseFeatures

__all__ = ["ChurnClassifier", "ChurnSurvival", "ValueModel", "WarehouseFeatures"]
