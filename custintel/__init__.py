"""Machine-learning customer intelligence for telecom operators.

A feature is a question to the operator's tables, asked as of a date, answered with one row per customer.

The names below are imported on first use, so that ``import custintel`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from custintel._version import __version__

if TYPE_CHECKING:
    from custintel import decide, explain, metrics
    from custintel.artifact import load_model
    from custintel.builder import FeatureBuilder
    from custintel.credit import CreditScorecard
    from custintel.fraud import FraudDetector
    from custintel.learners import (
        ChurnClassifier,
        ChurnSurvival,
        OfferPropensity,
        TableClassifier,
        TableRegressor,
        UpliftModel,
    )
    from custintel.rules import RuleBase
    from custintel.scoring import score
    from custintel.training import ask, train
    from custintel.value import ValueModel, ValueTiers
    from custintel.warehouse import Warehouse

__all__ = [
    "ChurnClassifier",
    "ChurnSurvival",
    "CreditScorecard",
    "FeatureBuilder",
    "FraudDetector",
    "OfferPropensity",
    "RuleBase",
    "TableClassifier",
    "TableRegressor",
    "UpliftModel",
    "ValueModel",
    "ValueTiers",
    "Warehouse",
    "__version__",
    "ask",
    "decide",
    "explain",
    "load_model",
    "metrics",
    "score",
    "train",
]

_HOMES = {
    "ChurnClassifier": "custintel.learners",
    "ChurnSurvival": "custintel.learners",
    "CreditScorecard": "custintel.credit",
    "FeatureBuilder": "custintel.builder",
    "FraudDetector": "custintel.fraud",
    "OfferPropensity": "custintel.learners",
    "RuleBase": "custintel.rules",
    "TableClassifier": "custintel.learners",
    "TableRegressor": "custintel.learners",
    "UpliftModel": "custintel.learners",
    "ValueModel": "custintel.value",
    "ValueTiers": "custintel.value",
    "Warehouse": "custintel.warehouse",
    "ask": "custintel.training",
    "load_model": "custintel.artifact",
    "score": "custintel.scoring",
    "train": "custintel.training",
}
_MODULES = ("decide", "explain", "metrics")


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _MODULES:
        return import_module(f"custintel.{name}")
    raise AttributeError(f"module 'custintel' has no attribute {name!r}; it has: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
