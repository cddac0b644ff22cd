"""What customers are worth: margin by month, historical, current and potential value, tiers, lifetimes, back-test."""

from __future__ import annotations

from custintel.value._bg_nbd_gamma_gamma import BetaGeometricNBD, GammaGamma
from custintel.value._customer_value import ValueTerms, customer_value
from custintel.value._monthly_margin import monthly_margin
from custintel.value._shifted_beta_geometric import ShiftedBetaGeometric
from custintel.value._value_model import ValueModel
from custintel.value._value_tiers import ValueTiers
from custintel.value.value_backtest import backtest_value
from custintel.value.value_training_table import value_table

__all__ = [
    "BetaGeometricNBD",
    "GammaGamma",
    "ShiftedBetaGeometric",
    "ValueModel",
    "ValueTerms",
    "ValueTiers",
    "backtest_value",
    "customer_value",
    "monthly_margin",
    "value_table",
]
