"""Credit standing: who will pay, how much credit to give, and how arrears roll on.

`CreditScorecard` learns whole points for each bin of each column, which add up to the score; probabilities of default
come from the points. `credit_limits` turns those probabilities, tenure and mean bills into limits whose expected loss
meets one budget (`LimitSettings`). `roll_rates` reads bills and payments and says which share of the customers in each
stage of arrears is in which stage a month later. The questions *arrears* and *involuntary churn* are in ``models/``.

>>> import pandas as pd
>>> customers = pd.DataFrame({"pd": [0.01, 0.2], "tenure_months": [30, 2], "mean_bill": 40.0}, index=["a", "b"])
>>> found = credit_limits(customers, LimitSettings(loss_budget=6.0))
>>> round(found.expected_loss, 2), bool(found.limits["a"] > found.limits["b"])
(6.0, True)
"""

from __future__ import annotations

from custintel.credit._credit_limits import LimitSettings, credit_limits
from custintel.credit._roll_rates import roll_rates
from custintel.credit._scorecard import CreditScorecard

__all__ = ["CreditScorecard", "LimitSettings", "credit_limits", "roll_rates"]
