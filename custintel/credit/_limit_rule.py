"""How a scorecard sets credit limits: the columns it reads, and one factor that meets a budget of losses.

The factor is found once, on the customers that the card learned from, and kept. Later a customer's limit follows from
its own probability of default, tenure and mean bill, and not from who else is in the list.

>>> rule = LimitRule(loss_budget=1.0, tenure_days="tenure", mean_bill="bill")
>>> X = pd.DataFrame({"tenure": [900.0, 60.0, 400.0], "bill": [40.0, 40.0, None]})
>>> factor = rule.factor(X, np.array([0.01, 0.1, 0.05]))
>>> rule.limit(X, np.array([0.01, 0.1, 0.05]), factor).round(0).tolist()
[90.0, 16.0, nan]
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.credit._credit_limits import LimitSettings, credit_limits, limits_at
from custintel.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

_DAYS_OF_MONTH = 30.4375


@dataclass(frozen=True)
class LimitRule:
    """Limits of a scorecard.

    Parameters
    ----------
    loss_budget : float
        Expected loss of a customer over the horizon of the score that is accepted on average, in u.
    lgd, utilisation, floor, cap : float
        As in `LimitSettings`.
    tenure_days, mean_bill : str
        Columns with the tenure in days and the mean bill in u.

    Examples
    --------
    >>> LimitRule(loss_budget=1.0, cap=400.0).columns
    ('tenure_days', 'bill_mean_180d')
    """

    loss_budget: float
    lgd: float = 0.8
    utilisation: float = 1.0
    floor: float = 10.0
    cap: float = 1000.0
    tenure_days: str = "tenure_days"
    mean_bill: str = "bill_mean_180d"

    def __post_init__(self) -> None:
        self._settings(1)  # refuses what is not allowed

    @property
    def columns(self) -> tuple[str, str]:
        """The columns that it reads."""
        return self.tenure_days, self.mean_bill

    def factor(self, X: pd.DataFrame, pd_of: np.ndarray) -> float:
        """The factor with which the expected loss of these customers meets the budget."""
        customers = self._customers(X, pd_of).dropna()
        if customers.empty:
            raise DataError(
                "no customer has a tenure and a mean bill, so no limit can be set\n"
                f"  given: columns {self.tenure_days}, {self.mean_bill}\n  hint: leave out limits"
            )
        return credit_limits(customers, self._settings(len(customers))).factor

    def limit(self, X: pd.DataFrame, pd_of: np.ndarray, factor: float) -> pd.Series:
        """Limits in u; missing for customers without tenure or mean bill."""
        customers = self._customers(X, pd_of)
        known = customers.notna().all(axis=1)
        found = limits_at(customers[known], self._settings(1), factor)
        return found.reindex(customers.index).set_axis(X.index)

    def to_state(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_settings(cls, given: Mapping[str, Any]) -> LimitRule:
        """The rule of a mapping, as in a model file or a saved model."""
        allowed = [one.name for one in fields(cls)]
        unknown = [str(name) for name in given if name not in allowed]
        if unknown or "loss_budget" not in given:
            raise ConfigurationError(
                "limits of a scorecard cannot be read\n"
                f"  given: {', '.join(map(str, given)) or 'nothing'}\n"
                f"  allowed: {', '.join(allowed)}; loss_budget must be there"
            )
        return cls(**given)

    def _settings(self, customers: int) -> LimitSettings:
        return LimitSettings(self.loss_budget * customers, self.lgd, self.utilisation, self.floor, self.cap)

    def _customers(self, X: pd.DataFrame, pd_of: np.ndarray) -> pd.DataFrame:
        """What limits are computed from, by position: labels of rows may repeat."""
        absent = [name for name in self.columns if name not in X]
        if absent:
            raise DataError(f"credit limits read columns that are not there\n  given: no {', '.join(absent)}")
        tenure, bill = (pd.to_numeric(X[name]).to_numpy(np.float64) for name in self.columns)
        return pd.DataFrame({"pd": pd_of, "tenure_months": tenure / _DAYS_OF_MONTH, "mean_bill": bill})
