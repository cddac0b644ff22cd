"""Credit standing: the scorecard, limits under a budget of losses, and how arrears roll on."""

from __future__ import annotations

from custintel.credit._credit_limits import LimitSettings, credit_limits
from custintel.credit._roll_rates import roll_rates
from custintel.credit._scorecard import CreditScorecard

__all__ = ["CreditScorecard", "LimitSettings", "credit_limits", "roll_rates"]
