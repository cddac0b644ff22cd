"""Estimators with the scikit-learn interface."""

from __future__ import annotations

from custintel.estimators._bg_nbd import BetaGeometricNBD, GammaGamma, purchase_summary
from custintel.estimators._churn import ChurnClassifier
from custintel.estimators._churn_survival import ChurnSurvival
from custintel.estimators._contract import FeatureContract, learn_contract
from custintel.estimators._migration import MigrationMatrix
from custintel.estimators._sbg import ShiftedBetaGeometric
from custintel.estimators._uplift import UpliftModel
from custintel.estimators._value import ValueModel
from custintel.estimators._value_tiers import ValueTiers
from custintel.estimators._warehouse_features import WarehouseFeatures

__all__ = [
    "BetaGeometricNBD",
    "ChurnClassifier",
    "ChurnSurvival",
    "FeatureContract",
    "GammaGamma",
    "MigrationMatrix",
    "ShiftedBetaGeometric",
    "UpliftModel",
    "ValueModel",
    "ValueTiers",
    "WarehouseFeatures",
    "learn_contract",
    "purchase_summary",
]
