"""`BetaGeometricNBD` and `GammaGamma`: how often customers without a contract will come back, and what they bring.

For prepaid lines: purchases are top-ups; nobody says when a customer is gone.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from custintel.dates import read_day, read_time_column
from custintel.errors import DataError, QualityWarning

if TYPE_CHECKING:
    from collections.abc import Callable


_LARGEST_RELATIVE_ERROR = 3.0
_BOUNDS = (-8.0, 10.0)
_TOLERANCES = {"maxiter": 2_000, "ftol": 1e-13, "gtol": 1e-8}
_SUMMARY = ("frequency", "recency", "age")


def _without_returns(purchases: pd.DataFrame, amount: str) -> pd.DataFrame:
    returned = purchases[amount] < 0
    if returned.any():
        warnings.warn(
            f"{int(returned.sum())} of {len(purchases)} rows have a negative amount: returns are no purchases and are "
            "left out\n  hint: take them off the purchases they belong to first, where amounts are to be net of them",
            QualityWarning,
            stacklevel=3,
        )
    return purchases[~returned]


class BetaGeometricNBD(BaseEstimator):  # type: ignore[misc]
    """BG/NBD: while alive, each customer buys at their own rate; after each purchase they may be gone for good.

    Attributes
    ----------
    r_, alpha_ : float
        Gamma distribution of the rate of purchases.
    a_, b_ : float
        Beta distribution of the chance to be gone after a purchase.
    covariance_ : DataFrame
        Covariance of the four, from the curvature of the log-likelihood.
    standard_errors_ : Series
        Their standard errors.
    log_likelihood_ : float
        At the optimum.

    Notes
    -----
    Fader, Hardie and Lee, "Counting your customers" the easy way, Marketing Science 24 (2005).

    Examples
    --------
    >>> history = pd.DataFrame({"frequency": [0, 2, 1, 5] * 20, "recency": [0, 20, 5, 34] * 20, "age": 38.0})
    >>> model = BetaGeometricNBD().fit(history)
    >>> model.alive(history.head(2)).round(2).tolist()
    [1.0, 0.8]
    """

    r_: float
    alpha_: float
    a_: float
    b_: float
    covariance_: pd.DataFrame
    log_likelihood_: float

    @staticmethod
    def purchase_summary(
        purchases: pd.DataFrame, as_of: Any, amount: str = "amount", unit_days: float = 7.0
    ) -> pd.DataFrame:
        """Repeat purchases, time of the last one and age of each customer, and the mean amount of a repeat purchase.

        Parameters
        ----------
        purchases : DataFrame
            ``customer_id``, ``event_time`` and the amount, such as the table of top-ups.
        as_of : date
            Last day that is looked at.
        amount : str
            Column of amounts.
        unit_days : float
            Days of one unit of time; weeks by default.

        Returns
        -------
        DataFrame
            Index customer_id; frequency (days with a purchase after the first), recency (first to last purchase), age
            (first purchase to `as_of`), amount (mean of a repeat day).

        Warns
        -----
        QualityWarning
            For negative amounts: returns are no purchases and are left out.

        Examples
        --------
        >>> bought = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [5.0, 9.0, 5.0],
        ...                        "event_time": pd.to_datetime(["2025-01-01", "2025-01-15", "2025-01-08"])})
        >>> BetaGeometricNBD.purchase_summary(bought, "2025-01-29")
                     frequency  recency  age  amount
        customer_id
        a                    1      2.0  4.0     9.0
        b                    0      0.0  3.0     0.0
        """
        end = pd.Timestamp(read_day(as_of, "the last day"))
        purchases = _without_returns(purchases, amount)
        day = read_time_column(purchases["event_time"], "purchases.event_time").dt.normalize()
        seen = purchases.assign(day=day)[day <= end]
        days = seen.groupby(["customer_id", "day"], as_index=False)[amount].sum()
        by = days.groupby("customer_id")["day"]
        first, last = by.min(), by.max()
        repeats = days[days["day"] > days["customer_id"].map(first)]
        mean = repeats.groupby("customer_id")[amount].mean().reindex(first.index).fillna(0.0)
        weeks = pd.Timedelta(days=unit_days)
        return pd.DataFrame(
            {
                "frequency": by.size() - 1,
                "recency": (last - first) / weeks,
                "age": (end - first) / weeks,
                "amount": mean,
            }
        )

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn from the histories of many customers.

        Parameters
        ----------
        X : DataFrame
            ``frequency``, ``recency`` and ``age`` of each customer, in one unit of time, as
            `BetaGeometricNBD.purchase_summary` gives them.

        Raises
        ------
        DataError
            For missing columns, a last purchase after the end, negative amounts, or when nobody came back.

        Warns
        -----
        QualityWarning
            When the data do not tell when customers drop out: `a_` and `b_`, and `alive`, then mean little.
        """
        del y
        x, recency, age = _checked_histories(X)
        _check_returns(X)
        scale = 10.0 / max(float(age.max()), 1e-9)  # parameters near one make the search quick

        def negative(log_params: np.ndarray) -> float:
            r, alpha, a, b = np.exp(log_params)
            value = _log_likelihood((r, alpha, a, b), x, recency * scale, age * scale).mean()
            return -float(value) + 1e-9 * float(log_params @ log_params)

        starts = [np.zeros(4), np.array([-1.0, 0.0, 0.0, 1.0]), np.array([0.5, 1.0, -1.0, 1.0])]
        bounds = [_BOUNDS] * 4
        found = min(
            (minimize(negative, s, method="L-BFGS-B", bounds=bounds, options=_TOLERANCES) for s in starts),
            key=_objective_value,
        )
        r, alpha, a, b = (float(v) for v in np.exp(found.x))
        self.r_, self.alpha_, self.a_, self.b_ = r, alpha / scale, a, b
        self.log_likelihood_ = float(_log_likelihood((r, alpha / scale, a, b), x, recency, age).sum())

        def total(params: np.ndarray) -> float:
            return float(_log_likelihood(tuple(params), x, recency, age).sum())

        best = np.array([self.r_, self.alpha_, self.a_, self.b_])
        self.covariance_ = _covariance(total, best, ["r", "alpha", "a", "b"])
        at_bound = np.isclose(found.x[2:], _BOUNDS[0], atol=1e-3) | np.isclose(found.x[2:], _BOUNDS[1], atol=1e-3)
        _warn_unknown_drop_out(self.standard_errors_, best, bool(at_bound.any()))
        return self

    @property
    def standard_errors_(self) -> pd.Series:
        """Standard errors of r, alpha, a, b; missing where the data do not determine a parameter."""
        variance = np.diag(self.covariance_)
        return pd.Series(np.sqrt(np.where(variance > 0, variance, np.nan)), index=self.covariance_.index)

    def alive(self, X: pd.DataFrame) -> np.ndarray:
        """Chance of each customer to be still alive."""
        check_is_fitted(self)
        x, recency, age = _checked_histories(X, fitting=False)
        ratio = np.where(x > 0, self.a_ / (self.b_ + np.maximum(x, 1) - 1), 0.0)
        gone = ratio * ((self.alpha_ + age) / (self.alpha_ + recency)) ** (self.r_ + x)
        return np.asarray(1 / (1 + gone))

    def predict(self, X: pd.DataFrame, ahead: float = 52.0) -> np.ndarray:
        """Expected purchases of each customer over `ahead` units of time."""
        check_is_fitted(self)
        x, _, age = _checked_histories(X, fitting=False)
        r, alpha, a, b = self.r_, self.alpha_, self.a_, self.b_
        if abs(a - 1) < 1e-6:
            a = 1 + 1e-6  # the formula has a removable pole at one
        # Euler's transformation of the published formula: the same number, finite for thousands of purchases too
        z = ahead / (alpha + age + ahead)
        gone_by = (1 - z) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, z)
        while_alive = (a + b + x - 1) / (a - 1) * (1 - gone_by)
        return np.asarray(while_alive * self.alive(X))

    def discounted_purchases(self, X: pd.DataFrame, periods: int = 104, discount: float = 0.002) -> np.ndarray:
        """Expected purchases of each customer, each worth less the later it comes.

        Times the mean amount of `GammaGamma` and the margin of a purchase this is the discounted value.

        Parameters
        ----------
        X : DataFrame
            As in `fit`.
        periods : int
            Units of time ahead.
        discount : float
            Discount a unit of time, as a share.

        Examples
        --------
        >>> history = pd.DataFrame({"frequency": [0, 2, 1, 5] * 20, "recency": [0, 20, 5, 34] * 20, "age": 38.0})
        >>> model = BetaGeometricNBD().fit(history)
        >>> plain = model.discounted_purchases(history, periods=10, discount=0.0)
        >>> bool(np.allclose(plain, model.predict(history, ahead=10)))
        True
        """
        total, so_far = np.zeros(len(X)), np.zeros(len(X))
        for period in range(1, periods + 1):
            until = self.predict(X, float(period))
            total += (until - so_far) / (1 + discount) ** period
            so_far = until
        return total


class GammaGamma(BaseEstimator):  # type: ignore[misc]
    """Mean amount of a purchase: what a customer has spent so far, drawn towards the mean of all.

    Attributes
    ----------
    p_, q_, v_ : float
        Parameters of the Gamma-Gamma model.

    Notes
    -----
    Fader, Hardie and Lee, RFM and CLV: using iso-value curves, J. Marketing Research 42 (2005). Amount and frequency
    are taken to be independent; check their correlation.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mean = 4 * 12 / rng.gamma(4, size=2000)
    >>> amount = rng.gamma(6 * 3, mean / (6 * 3))
    >>> model = GammaGamma().fit(pd.DataFrame({"frequency": 3, "amount": amount}))
    >>> bool(abs(model.predict(pd.DataFrame({"frequency": [0], "amount": [0.0]}))[0] / mean.mean() - 1) < 0.1)
    True
    """

    p_: float
    q_: float
    v_: float

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn from customers who came back.

        Parameters
        ----------
        X : DataFrame
            ``frequency`` and ``amount``, the mean of repeat purchases; customers without one are not used.
        """
        del y
        x, mean = _checked_spending(X)
        used = x > 0
        if not used.any():
            raise DataError("nobody came back: the amount of a repeat purchase cannot be told")
        if (mean[used] <= 0).any():
            raise DataError(
                f"{int((mean[used] <= 0).sum())} mean amounts are zero or negative\n"
                "  hint: the Gamma-Gamma model knows positive amounts only; leave those customers out"
            )
        n, m = x[used], mean[used]
        scale = float(m.mean())

        def negative(log_params: np.ndarray) -> float:
            p, q, v = np.exp(log_params)
            return -float(_amount_likelihood((p, q, v), n, m / scale).mean()) + 1e-9 * float(log_params @ log_params)

        starts = [np.array([0.5, 0.5, 0.0]), np.array([1.5, 1.0, 0.0]), np.array([0.0, 1.5, 1.0])]
        bounds = [(-6.0, 9.0)] * 3
        found = min(
            (minimize(negative, s, method="L-BFGS-B", bounds=bounds, options=_TOLERANCES) for s in starts),
            key=_objective_value,
        )
        self.p_, self.q_ = float(np.exp(found.x[0])), float(np.exp(found.x[1]))
        self.v_ = float(np.exp(found.x[2])) * scale
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Expected amount of a purchase of each customer; of those without a repeat purchase the mean of all."""
        check_is_fitted(self)
        x, mean = _checked_spending(X)
        if self.q_ <= 1:
            raise DataError(f"the mean amount is not finite (q = {self.q_:.3f})\n  hint: amounts are too far apart")
        weight = self.p_ * x / (self.p_ * x + self.q_ - 1)
        overall = self.p_ * self.v_ / (self.q_ - 1)
        return np.asarray((1 - weight) * overall + weight * mean)


def _log_likelihood(params: tuple[float, ...], x: np.ndarray, recency: np.ndarray, age: np.ndarray) -> np.ndarray:
    r, alpha, a, b = params
    start = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    start = start + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    still = -(r + x) * np.log(alpha + age)
    gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + recency)
    return np.asarray(start + np.where(x > 0, np.logaddexp(still, gone), still))


def _amount_likelihood(params: tuple[float, float, float], x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    p, q, v = params
    log_gammas = gammaln(p * x + q) - gammaln(p * x) - gammaln(q)
    return np.asarray(
        log_gammas + q * np.log(v) + (p * x - 1) * np.log(mean) + p * x * np.log(x) - (p * x + q) * np.log(x * mean + v)
    )


def _covariance(log_likelihood: Callable[[np.ndarray], float], best: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Inverse of the curvature at the optimum, by central differences."""
    steps = np.diag(1e-3 * best)
    curvature = np.array(
        [
            [
                sum(i * j * log_likelihood(best + i * s + j * t) for i in (1, -1) for j in (1, -1))
                / (4 * s.sum() * t.sum())
                for t in steps
            ]
            for s in steps
        ]
    )
    return pd.DataFrame(np.linalg.pinv(-curvature), index=names, columns=names)


def _warn_unknown_drop_out(errors: pd.Series, best: np.ndarray, at_bound: bool) -> None:
    """a and b are not told apart from anything where their errors are much larger than they, or infinite."""
    ratio = errors.to_numpy()[2:] / best[2:]
    if at_bound or not (ratio <= _LARGEST_RELATIVE_ERROR).all():
        a, b = best[2:]
        warnings.warn(
            "the histories do not tell when customers drop out: a and b are hardly determined\n"
            f"  given: a {a:.3g} and b {b:.3g} with standard errors {errors['a']:.3g} and {errors['b']:.3g}\n"
            "  hint: the chance to be alive is not to be relied on; watch more customers for longer, or use features "
            "(ChurnSurvival)",
            QualityWarning,
            stacklevel=3,
        )


def _check_returns(X: pd.DataFrame) -> None:
    """Histories with negative mean amounts counted returns as purchases."""
    if "amount" in X.columns and (wrong := int((X["amount"].to_numpy(np.float64) < 0).sum())):
        raise DataError(
            f"{wrong} mean amounts are negative: returns were counted as purchases\n"
            "  hint: BetaGeometricNBD.purchase_summary leaves returns out"
        )


def _objective_value(found: Any) -> float:
    return float(found.fun)


def _checked_histories(X: pd.DataFrame, fitting: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    absent = [name for name in _SUMMARY if name not in X.columns]
    if absent:
        raise DataError(
            f"columns are missing: {', '.join(absent)}\n  hint: BetaGeometricNBD.purchase_summary makes them"
        )
    x, recency, age = (X[name].to_numpy(np.float64) for name in _SUMMARY)
    unknown = int((~np.isfinite(x) | ~np.isfinite(recency) | ~np.isfinite(age)).sum())
    if unknown:
        raise DataError(f"{unknown} histories are not known in full\n  allowed: finite frequency, recency and age")
    wrong = int(((recency > age + 1e-9) | (x < 0) | (recency < 0) | ((x == 0) & (recency > 0))).sum())
    if wrong:
        raise DataError(
            f"{wrong} histories contradict themselves\n  allowed: 0 <= recency <= age, recency 0 where frequency is 0"
        )
    if fitting and not x.any():
        raise DataError("nobody came back: all repeat counts are zero\n  hint: watch customers for longer")
    return x, recency, age


def _checked_spending(X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    absent = [name for name in ("frequency", "amount") if name not in X.columns]
    if absent:
        raise DataError(
            f"columns are missing: {', '.join(absent)}\n  hint: BetaGeometricNBD.purchase_summary makes them"
        )
    x, amount = (X[name].to_numpy(np.float64) for name in ("frequency", "amount"))
    unknown = int((~np.isfinite(x) | ~np.isfinite(amount)).sum())
    if unknown:
        raise DataError(
            f"{unknown} customers have no finite frequency and amount\n  hint: an amount of 0 goes with frequency 0"
        )
    return x, amount
