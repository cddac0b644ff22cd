"""`ShiftedBetaGeometric`: how long customers under contract stay, from the survival of one cohort.

Each customer leaves at every renewal with their own chance; the chances are Beta distributed. Those likely to leave
go first, so retention rises with age, and a constant average retention underestimates what is left (Fader, Hardie 2007
and 2010).
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betaln, hyp2f1
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from custintel.errors import DataError


class ShiftedBetaGeometric(BaseEstimator):  # type: ignore[misc]
    """Retention, survival and discounted residual lifetime of a cohort of contracts.

    Attributes
    ----------
    alpha_, beta_ : float
        Parameters of the Beta distribution of the chance to leave at a renewal.
    log_likelihood_ : float
        At the optimum.

    Notes
    -----
    ``P(T = 1) = a / (a + b)``, ``P(T = t) = P(T = t - 1) (b + t - 2) / (a + b + t - 1)``,
    ``S(t) = B(a, b + t) / B(a, b)``. Source: Fader and Hardie, How to project customer retention, J. Interactive
    Marketing 21 (2007).

    Examples
    --------
    >>> model = ShiftedBetaGeometric().fit([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> round(model.alpha_, 3), round(model.beta_, 3)
    (0.668, 3.806)
    >>> round(float(model.survival(12).iloc[-1]), 3)
    0.378
    """

    alpha_: float
    beta_: float
    log_likelihood_: float

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from how many of a cohort are still here.

        Parameters
        ----------
        X : array-like
            Customers at the start and after each renewal, for example ``[1000, 869, 743]``.

        Raises
        ------
        DataError
            For less than two numbers, a cohort that grows, or nobody who left.
        """
        del y
        here = _checked_cohort(X)
        lost, left = -np.diff(here), float(here[-1])

        def negative(log_params: np.ndarray) -> float:
            a, b = np.exp(log_params)
            t = np.arange(1, len(lost) + 1)
            chance = betaln(a + 1, b + t - 1) - betaln(a, b)
            stay = betaln(a, b + len(lost)) - betaln(a, b)
            return -float(lost @ chance + left * stay)

        found = min(
            (minimize(negative, x0, method="Nelder-Mead", options=_TOLERANCES) for x0 in _STARTS), key=lambda f: f.fun
        )
        self.alpha_, self.beta_ = (float(v) for v in np.exp(found.x))
        self.log_likelihood_ = -float(found.fun)
        return self

    def survival(self, periods: int) -> pd.Series:
        """Share of a new cohort still here after each renewal.

        Parameters
        ----------
        periods : int
            Number of renewals.
        """
        check_is_fitted(self)
        t = np.arange(1, periods + 1)
        values = np.exp(betaln(self.alpha_, self.beta_ + t) - betaln(self.alpha_, self.beta_))
        return pd.Series(values, index=pd.RangeIndex(1, periods + 1, name="period"), name="survival")

    def retention(self, periods: int) -> pd.Series:
        """Share of those here before each renewal that is here after it."""
        check_is_fitted(self)
        t = np.arange(1, periods + 1)
        values = (self.beta_ + t - 1) / (self.alpha_ + self.beta_ + t - 1)
        return pd.Series(values, index=pd.RangeIndex(1, periods + 1, name="period"), name="retention")

    def conditional_survival(self, age: Any, periods: int) -> np.ndarray:
        """Chance to be here after 1, 2, ... more renewals of customers with `age` renewals behind them.

        Parameters
        ----------
        age : array-like of int
            Renewals already made.
        periods : int
            Renewals ahead.
        """
        check_is_fitted(self)
        n = np.atleast_1d(np.asarray(age, dtype=np.float64))[:, None]
        ahead = np.arange(1, periods + 1)
        return np.asarray(np.exp(betaln(self.alpha_, self.beta_ + n + ahead) - betaln(self.alpha_, self.beta_ + n)))

    def residual_lifetime(self, age: int, discount: float) -> float:
        """Discounted expected residual lifetime (DERL), in periods, of a customer about to make renewal `age`.

        Parameters
        ----------
        age : int
            Number of the period the customer is in; the first renewal is due at 1.
        discount : float
            Discount a period, as a share.

        Notes
        -----
        Fader and Hardie, Customer-base valuation in a contractual setting, Marketing Science 29 (2010).

        Examples
        --------
        >>> model = ShiftedBetaGeometric().fit([1000, 869, 743, 653, 593, 551, 517, 491])
        >>> round(model.residual_lifetime(1, 0.1), 2)
        5.41
        """
        check_is_fitted(self)
        a, b = self.alpha_, self.beta_
        keep = (b + age - 1) / (a + b + age - 1)
        return float(keep * hyp2f1(1, b + age, a + b + age, 1 / (1 + discount)))


_STARTS = (np.zeros(2), np.array([-0.5, 1.0]), np.array([1.0, 2.5]))
_TOLERANCES = {"xatol": 1e-9, "fatol": 1e-9, "maxiter": 20_000}


def _checked_cohort(X: Any) -> np.ndarray:
    here = np.asarray(X, dtype=np.float64).ravel()
    if len(here) < 3:
        raise DataError(
            f"a cohort needs three numbers at least\n  given: {len(here)}\n  allowed: [1000, 869, 743, ...]"
        )
    if not np.isfinite(here).all() or (here < 0).any() or here[0] == 0:
        raise DataError("a cohort holds numbers of customers: positive at the start, never missing")
    if (np.diff(here) > 0).any():
        raise DataError(
            "the cohort grows\n  hint: count the customers of one starting month only; new ones belong to other cohorts"
        )
    if here[-1] == here[0]:
        raise DataError("nobody has left the cohort: how long customers stay cannot be told yet")
    return here
