"""`ValueModel`: the potential value of a customer, from chance to stay, expected margin and discount."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from custintel.errors import ConfigurationError, DataError, Problem, raise_problems
from custintel.learners import ChurnSurvival
from custintel.learners.base_estimators import TableEstimator, integer_seed, lightgbm_threads, numeric_target
from custintel.learners.ensemble.inner_folds import fold_of_rows
from custintel.learners.feature_contract import MIN_LEVEL_COUNT
from custintel.learners.path_contributions import path_contributions
from custintel.learners.survival_curves import survival_from_hazards, survival_slope
from custintel.value._margin_forecast import MarginForecast, RunRate, fit_forecast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from custintel.learners.saved_state_schemas import EstimatorState


_FOLDS = 3
_FEWEST_KNOWN = 20
_BLOCK_ROWS = 500
_TERMS = ["pv", "months", "margin", "after_exit"]


class ValueModel(RegressorMixin, TableEstimator):  # type: ignore[misc]
    """Potential value (PV): the discounted margin that a customer of today will bring over the horizon.

    ``PV = sum over h of (stays(h) x margin(h) + (1 - stays(h)) x after_exit) / (1 + d)^h``, h = 1 to `horizon` months,
    d the monthly discount ``(1 + annual_discount)^(1/12) - 1``. `after_exit` is what still comes of those who have left
    (final bills, bad debts, returners), most often a small cost. The chance to stay comes from `ChurnSurvival`, the
    margin of those who stay from the run rate and a boosted forecast of its change. PV may be negative and is not cut
    at zero: a customer who costs more than they bring is worth knowing.

    Parameters
    ----------
    horizon : int
        Months ahead.
    annual_discount : float
        Discount a year, as a share.
    run_rate : str
        Column of X with the margin a month of late (`custintel.value.value_table` adds it); 0 where absent.
    extrapolate : bool
        Allow a horizon longer than customers were watched; refused otherwise.
    min_level_count : int
        Levels of a category that fewer customers have are pooled into one; none of them is kept in the model.
    random_state : int, RandomState or None
        Seed.
    n_jobs : int, optional
        Threads of LightGBM; None: one for small tables.

    Attributes
    ----------
    survival_ : ChurnSurvival or None
        Chance to stay; None when `fit` was given no durations: customers are then taken to stay.
    forecast_ : MarginForecast
        Margin of those who stay.
    after_exit_ : float
        Mean margin a month of those who have left: makes what is predicted for the known months of `fit` add up to
        what was earned. No larger than the mean margin, either way.
    mean_run_rate_ : float
        Mean run rate in `fit`; contributions start from it.
    observed_months_ : int or None
        Months ahead that the data tell about: customers watched and margins known; None for one margin a month without
        durations.
    contract_, feature_names_in_, n_features_in_
        Columns seen in `fit`.

    Notes
    -----
    Source of the decomposition: Gupta et al. (2006), Modeling customer lifetime value, J. Service Research 9(2).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"run_rate": rng.gamma(2, 10, 400)})
    >>> future = X["run_rate"].to_numpy()[:, None] + rng.normal(0, 2, (400, 6))
    >>> model = ValueModel(horizon=6, annual_discount=0.0).fit(X, future)
    >>> rows = X.head(3)
    >>> bool(np.allclose(model.predict(rows), 6 * rows["run_rate"], rtol=0.2))
    True
    """

    survival_: ChurnSurvival | None
    forecast_: MarginForecast
    after_exit_: float
    mean_run_rate_: float
    observed_months_: int | None

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter here
        self,
        *,
        horizon: int = 24,
        annual_discount: float = 0.10,
        run_rate: str = "run_rate",
        extrapolate: bool = False,
        min_level_count: int = MIN_LEVEL_COUNT,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.horizon = horizon
        self.annual_discount = annual_discount
        self.run_rate = run_rate
        self.extrapolate = extrapolate
        self.min_level_count = min_level_count
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, months: Any = None, cause: Any = None, groups: Any = None) -> Self:
        """Learn from customers as of past dates and what they brought afterwards.

        Parameters
        ----------
        X : data frame or array
            Features as of the date.
        y : array-like of shape (rows,) or (rows, months)
            Margin in each month after the date, missing (NaN) where it is not known yet; or one margin a month.
        months, cause : array-like, optional
            Months to exit or watched, and why (`custintel.questions.exit_times`). Without them customers are taken to
            stay.
        groups : array-like, optional
            Customer of each row, when some are there as of several dates.

        Raises
        ------
        ConfigurationError
            When the horizon is longer than customers were watched, or margins are known, and `extrapolate` is not set.
        """
        margins = _margins(y)
        table, matrix = self._learn_table(X, margins, months, cause, groups=groups)
        self._check_params()
        rate = self._run_rates(table, len(table))
        alive = _margins_while_alive(margins, months, cause)
        fold = _folds(len(table), groups, integer_seed(self.random_state))
        self.mean_run_rate_ = float(rate.mean())
        self.survival_ = None
        if months is not None:
            stay = ChurnSurvival(
                extrapolate=True,
                min_level_count=self.min_level_count,
                random_state=self.random_state,
                n_jobs=self.n_jobs,
            )
            self.survival_ = stay.fit(X, months, cause=cause, groups=groups)
        self.observed_months_ = self._observed(margins)
        self._check_horizon()
        training = self._training_table(matrix, alive)
        threads = lightgbm_threads(self.n_jobs, matrix.size)
        self.forecast_ = fit_forecast(training, rate, fold, integer_seed(self.random_state), threads)
        self.after_exit_ = self._after_exit(X, matrix, rate, margins)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """PV of each customer, in u."""
        return np.asarray(self.decompose(X)["pv"].to_numpy())

    def decompose(self, X: Any, months: int | None = None) -> pd.DataFrame:
        """PV with what it is made of: months of stay, mean margin a month while here, and what comes after an exit.

        Up to the discount, ``pv = months x margin + after_exit``.

        Parameters
        ----------
        X : data frame or array
            Customers.
        months : int, optional
            Horizon; that of the model by default.
        """
        stays, margin = self.by_month(X, months)
        gone = (1 - stays) * self.after_exit_
        value = (stays * margin + gone) @ discount_factors(margin.shape[1], self.annual_discount)
        here = stays.sum(axis=1)
        mean = (stays * margin).sum(axis=1) / np.maximum(here, 1e-12)
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(np.column_stack([value, here, mean, gone.sum(axis=1)]), index=index, columns=_TERMS)

    def by_month(self, X: Any, months: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Share of each month that the customer is expected to be here, and margin while here (rows x months)."""
        check_is_fitted(self)
        matrix = self.encode(X)
        months = months or self.horizon
        stays = self._stays(X, months, len(matrix))
        rate = self._run_rates(X, len(matrix))
        margin = self.forecast_.predict(matrix, rate, months, lightgbm_threads(self.n_jobs, matrix.size))
        return stays, margin

    def contributions(self, X: Any, kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None) -> pd.DataFrame:
        """Exact contributions of every column to the PV, in u.

        They add up, with `expected_value_`, to the PV: a column may move the margin, the chance to stay, or both
        (`custintel.learners.path_contributions`). Months beyond those watched are left out where the model goes on
        beyond them (`extrapolate`).

        Parameters
        ----------
        X : data frame or array
            Customers.
        kernel : callable, optional
            Taken for the sake of the other learners; LightGBM's own tree SHAP is used.
        """
        del kernel
        matrix = self.encode(X)
        rate = self._run_rates(X, len(matrix))
        blocks = []
        for start in range(0, max(len(matrix), 1), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            blocks.append(path_contributions(self._parts(matrix[rows], rate[rows]), self._pv_of, self._pv_slope)[0])
        used = [column.name for column in self.contract_.used]
        index = X.index if isinstance(X, pd.DataFrame) else None
        frame = pd.DataFrame(np.vstack(blocks), index=index, columns=used)
        return frame.reindex(columns=self.contract_.names, fill_value=0.0)

    @property
    def expected_value_(self) -> float:
        """PV of the average customer; contributions start here."""
        start = self._parts(np.zeros((1, len(self.contract_.used))), np.full(1, self.mean_run_rate_))[:, :, -1]
        return float(self._pv_of(start)[0])

    @staticmethod
    def saved_state() -> type[EstimatorState]:
        """What the state in a file looks like; see `custintel.learners.saved_state_schemas`."""
        from custintel.value._saved_state_schema import ValueModelState

        return ValueModelState

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data, and the boosters as LightGBM text."""
        check_is_fitted(self)
        forecast, texts = self.forecast_.to_state("margin")
        survival = None
        if self.survival_ is not None:
            survival, more = self.survival_.to_state()
            texts = {**texts, **more}
        state = {
            **self._table_state(),
            "forecast": forecast,
            "survival": survival,
            "after_exit": self.after_exit_,
            "mean_run_rate": self.mean_run_rate_,
            "observed_months": self.observed_months_,
        }
        return state, texts

    @classmethod
    def from_state(cls, state: Mapping[str, Any], texts: Mapping[str, str]) -> Self:
        """Read back what `to_state` gave; predictions are the same."""
        model = cls._from_table_state(state)
        model.forecast_ = MarginForecast.from_state(state["forecast"], texts)
        given = state["survival"]
        model.survival_ = None if given is None else ChurnSurvival.from_state(given, texts)
        model.after_exit_ = float(state["after_exit"])
        model.mean_run_rate_ = float(state.get("mean_run_rate", 0.0))
        model.observed_months_ = state["observed_months"]
        return model

    @property
    def _explained_months(self) -> int:
        return self.horizon if self.survival_ is None else min(self.horizon, self.survival_.observed_months_)

    def _parts(self, matrix: np.ndarray, rate: np.ndarray) -> np.ndarray:
        """What the PV is a function of: the margin of each month, then the log-odds of each hazard."""
        months = self._explained_months
        names = [column.name for column in self.contract_.used]
        place = names.index(self.run_rate) if self.run_rate in names else 0
        threads = lightgbm_threads(self.n_jobs, matrix.size)
        margin = self.forecast_.parts(matrix, RunRate(rate, self.mean_run_rate_, place), months, threads)
        if self.survival_ is None:
            return margin
        return np.concatenate([margin, self.survival_.hazard_parts(matrix, months)], axis=1)

    def _pv_of(self, parts: np.ndarray) -> np.ndarray:
        """PV from margins and log-odds of hazards."""
        months = self._explained_months
        margin, hazards = parts[:, :months], self._hazards(parts)
        stays = np.ones_like(margin) if hazards is None else _share_of_month(survival_from_hazards(hazards))
        worth = stays * (margin - self.after_exit_) + self.after_exit_
        return np.asarray(worth @ discount_factors(months, self.annual_discount))

    def _pv_slope(self, parts: np.ndarray) -> np.ndarray:
        """Derivatives of `_pv_of`."""
        months = self._explained_months
        margin, hazards = parts[:, :months], self._hazards(parts)
        discount = discount_factors(months, self.annual_discount)
        if hazards is None:
            return np.tile(discount, (len(parts), 1))
        by_margin = _share_of_month(survival_from_hazards(hazards)) * discount
        worth = (margin - self.after_exit_) * discount
        # being here after a month counts for half of it, and for half of the next one
        weight = (worth + np.column_stack([worth[:, 1:], np.zeros(len(worth))])) / 2
        by_hazard = survival_slope(hazards, weight).reshape(len(parts), -1)
        return np.column_stack([by_margin, by_hazard])

    def _hazards(self, parts: np.ndarray) -> np.ndarray | None:
        months = self._explained_months
        if self.survival_ is None:
            return None
        return np.asarray(expit(parts[:, months:]).reshape(len(parts), months, len(self.survival_.causes_)))

    def _stays(self, X: Any, months: int, rows: int) -> np.ndarray:
        """Who leaves in a month is here for half of it."""
        if self.survival_ is None:
            return np.ones((rows, months))
        return _share_of_month(self.survival_.survival(X, months).to_numpy())

    def _run_rates(self, X: Any, rows: int) -> np.ndarray:
        if not isinstance(X, pd.DataFrame) or self.run_rate not in X.columns:
            return np.zeros(rows)
        rate = pd.to_numeric(X[self.run_rate], errors="coerce").to_numpy(np.float64, na_value=0.0)
        return np.asarray(np.nan_to_num(rate))

    def _after_exit(self, X: Any, matrix: np.ndarray, rate: np.ndarray, margins: np.ndarray) -> float:
        """What was earned beyond the margin of those who stay, for each month of those who do not."""
        known = np.isfinite(margins)
        months = margins.shape[1]
        threads = lightgbm_threads(self.n_jobs, matrix.size)
        stays = self._stays(X, months, len(matrix))
        staying = stays * self.forecast_.predict(matrix, rate, months, threads)
        gone = float((1 - stays)[known].sum())
        most = abs(float(margins[known].mean()))
        if gone < 1:
            return 0.0
        return float(np.clip((margins[known] - staying[known]).sum() / gone, -most, most))

    def _observed(self, margins: np.ndarray) -> int | None:
        """The last month ahead that the data tell about."""
        told = [] if self.survival_ is None else [self.survival_.observed_months_]
        if margins.shape[1] > 1:
            enough = np.isfinite(margins).sum(axis=0) >= min(_FEWEST_KNOWN, max(1, len(margins) // 5))
            told.append(int(np.flatnonzero(enough).max(initial=0)) + 1)
        return min(told) if told else None

    def _check_horizon(self) -> None:
        observed = self.observed_months_
        if observed is not None and self.horizon > observed and not self.extrapolate:
            raise ConfigurationError(
                f"the horizon is longer than the data\n  given: horizon {self.horizon} months\n"
                f"  allowed: up to {observed} months, for which customers were watched and margins are known\n"
                "  hint: ValueModel(extrapolate=True) goes on at late hazards and margins; reports then say so"
            )

    def _check_params(self) -> None:
        problems = []
        if not 1 <= self.horizon <= 120:
            problems.append(Problem("horizon", "not a number of months", str(self.horizon), "1 to 120"))
        if not -0.5 < self.annual_discount < 10:
            problems.append(Problem("annual_discount", "not a share a year", str(self.annual_discount), "such as 0.10"))
        raise_problems(problems)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


def discount_factors(months: int, annual: float) -> np.ndarray:
    """Value today of one unit at the end of each month.

    >>> round(float(discount_factors(12, 0.10)[-1]), 4)
    0.9091
    """
    return np.asarray((1 + annual) ** (-np.arange(1, months + 1) / 12))


def _share_of_month(after: np.ndarray) -> np.ndarray:
    """Share of each month that a customer is here, from the chance to be here after it."""
    before = np.concatenate([np.ones((len(after), 1)), after[:, :-1]], axis=1)
    return np.asarray((before + after) / 2)


def _margins(y: Any) -> np.ndarray:
    """Future margins as rows x months."""
    found = None if y is None else np.asarray(y)
    if found is None or found.ndim < 2 or found.shape[1] == 1:
        return numeric_target(y).reshape(-1, 1)
    found = found.astype(np.float64)
    if np.isinf(found).any():
        raise DataError("y (margins) contains infinity\n  hint: NaN means not known yet")
    if not np.isfinite(found).any():
        raise DataError("no future margin is known yet\n  hint: choose earlier dates, or wait")
    return found


def _margins_while_alive(margins: np.ndarray, months: Any, cause: Any) -> np.ndarray:
    """Margins of whole months before the exit; those of the exit month and later are not of a customer who stays."""
    if months is None:
        return margins
    length = np.asarray(numeric_target(months, "months"), dtype=np.int64)
    left = np.ones(len(length), dtype=bool) if cause is None else pd.Series(np.asarray(cause, dtype=object)).notna()
    last = np.where(left, length - 1, margins.shape[1])
    return np.where(np.arange(1, margins.shape[1] + 1) <= last[:, None], margins, np.nan)


def _folds(rows: int, groups: Any, random_state: int) -> np.ndarray:
    return fold_of_rows(np.zeros(rows), _FOLDS, None if groups is None else np.asarray(groups), random_state)
