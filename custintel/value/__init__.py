"""What customers are worth: margin, historical, current and potential value, tiers, lifetimes.

`monthly_margin` says what each line earned in each month: revenue less what serving it cost. From the margins up to a
date and a forecast of those after it come three values that do not overlap, so that they may be added:

- *historical value* (HV): everything up to the current window. It is sunk: it says whom to thank.
- *current value* (CV): the last months, three unless told otherwise.
- *potential value* (PV): the discounted margin that is still to come, from the chance to stay (`ChurnSurvival`) and the
  expected margin (`ValueModel`). Decisions use PV alone.

`customer_value` gives all three, `value_table` is what a model learns from, `backtest_value` says whether it would have
been right. `ValueTiers` puts values into tiers that stay put. For customers without a contract there are
`BetaGeometricNBD` and `GammaGamma`, for cohorts under contract `ShiftedBetaGeometric`.

>>> import pandas as pd
>>> from custintel.warehouse import Warehouse
>>> months = pd.date_range("2025-01-31", periods=6, freq="ME")
>>> bills = pd.DataFrame({"bill_id": list("123456"), "customer_id": "a", "amount": 10.0, "event_time": months})
>>> value = customer_value(Warehouse.from_frames(bills=bills), "2025-06-30")
>>> value.loc["a", ["hv", "cv", "annualised"]].tolist()
[20.0, 30.0, 120.0]
"""

from __future__ import annotations

from custintel.value._bg_nbd_gamma_gamma import BetaGeometricNBD, GammaGamma
from custintel.value._customer_value import ValueTerms, customer_value
from custintel.value._monthly_margin import monthly_margin
from custintel.value._shifted_beta_geometric import ShiftedBetaGeometric
from custintel.value._tier_forecast import TierForecast
from custintel.value._value_backtest import backtest_value
from custintel.value._value_model import ValueModel
from custintel.value._value_tiers import ValueTiers
from custintel.value.value_training_table import value_table

__all__ = [
    "BetaGeometricNBD",
    "GammaGamma",
    "ShiftedBetaGeometric",
    "TierForecast",
    "ValueModel",
    "ValueTerms",
    "ValueTiers",
    "backtest_value",
    "customer_value",
    "monthly_margin",
    "value_table",
]
