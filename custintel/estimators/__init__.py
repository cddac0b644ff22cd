"""Estimators with the scikit-learn interface."""

from __future__ import annotations

from custintel.estimators._anomaly import AnomalyScore
from custintel.estimators._bg_nbd import BetaGeometricNBD, GammaGamma, purchase_summary
from custintel.estimators._binning import BinSettings, information_value, learn_bins
from custintel.estimators._booster_text import booster_columns
from custintel.estimators._boosters import Boosters, Growth, Material, fit_boosters
from custintel.estimators._calibration import Calibration, choose_calibration
from custintel.estimators._churn import ChurnClassifier
from custintel.estimators._churn_survival import ChurnSurvival
from custintel.estimators._contract import MIN_LEVEL_COUNT, Column, FeatureContract, learn_contract
from custintel.estimators._customer_value import ValueTerms, account_stays, customer_value, net_cross_sell
from custintel.estimators._event import choose_event, place_of, warn_of_guess, written
from custintel.estimators._event_classifier import EventClassifier
from custintel.estimators._folds import fold_of_rows
from custintel.estimators._input import BinaryTarget, as_table, binary_target
from custintel.estimators._migration import MigrationMatrix
from custintel.estimators._offer_propensity import OfferPropensity
from custintel.estimators._positive import fit_positive
from custintel.estimators._profit_threshold import ProfitThreshold
from custintel.estimators._sbg import ShiftedBetaGeometric
from custintel.estimators._scorecard import CreditScorecard
from custintel.estimators._table_estimator import TableEstimator, seed_of
from custintel.estimators._uplift import UpliftModel
from custintel.estimators._value import ValueModel, discount_factors
from custintel.estimators._value_table import VALUE_FAMILIES, ValueTable, fit_on, value_features, value_table
from custintel.estimators._value_tiers import ValueTiers
from custintel.estimators._warehouse_features import WarehouseFeatures

__all__ = [
    "MIN_LEVEL_COUNT",
    "VALUE_FAMILIES",
    "AnomalyScore",
    "BetaGeometricNBD",
    "BinSettings",
    "BinaryTarget",
    "Boosters",
    "Calibration",
    "ChurnClassifier",
    "ChurnSurvival",
    "Column",
    "CreditScorecard",
    "EventClassifier",
    "FeatureContract",
    "GammaGamma",
    "Growth",
    "Material",
    "MigrationMatrix",
    "OfferPropensity",
    "ProfitThreshold",
    "ShiftedBetaGeometric",
    "TableEstimator",
    "UpliftModel",
    "ValueModel",
    "ValueTable",
    "ValueTerms",
    "ValueTiers",
    "WarehouseFeatures",
    "account_stays",
    "as_table",
    "binary_target",
    "booster_columns",
    "choose_calibration",
    "choose_event",
    "customer_value",
    "discount_factors",
    "fit_boosters",
    "fit_on",
    "fit_positive",
    "fold_of_rows",
    "information_value",
    "learn_bins",
    "learn_contract",
    "net_cross_sell",
    "place_of",
    "purchase_summary",
    "seed_of",
    "value_features",
    "value_table",
    "warn_of_guess",
    "written",
]
