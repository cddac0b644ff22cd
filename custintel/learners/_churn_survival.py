"""`ChurnSurvival`: when a customer will leave, and why, month by month.

First the estimator, then what it is made of: the table of person-months, the common hazard, its blend with the
individual one, and survival and cumulative incidence from hazards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from custintel.errors import ConfigurationError, DataError, Problem, raise_problems
from custintel.learners.base_estimators import TableEstimator, integer_seed, lightgbm_threads, numeric_target
from custintel.learners.ensemble.blend_and_calibration import log_loss_raw
from custintel.learners.ensemble.inner_folds import fold_of_rows
from custintel.learners.ensemble.lightgbm_boosters import Boosters, fit_boosters
from custintel.learners.feature_contract import MIN_LEVEL_COUNT
from custintel.learners.path_contributions import path_contributions, without_month
from custintel.learners.survival_curves import cumulative_incidence, survival_from_hazards, survival_slope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_LEAST = 1e-6
_FEWEST_WATCHED = 20
_FEWEST_ENDS = 10
_MOST_MONTHS = 120
_MOST_ROWS = 2_000_000
_FOLDS = 3
_MOST_QUIET = 20_000
_QUIET_FOR_EACH_END = 10
_LATE_MONTHS = 3
_ENDED = "ended"
_EXPLAINED_MONTHS = 3
_BLOCK_ROWS = 500


class ChurnSurvival(RegressorMixin, TableEstimator):  # type: ignore[misc]
    """Chance to stay and to leave for each cause, month by month, from features as of today.

    A discrete-time hazard model: each customer is looked at once for every month under watch, and small LightGBM
    models learn for each cause the chance that the end comes in that month, given that it has not come before. The
    individual hazards are blended with the common one by what fits unseen customers best, so that few ends give few
    differences between customers. As the features are of today, so is the answer: S(h) is the chance to be here in h
    months of somebody who is here now, whatever the tenure (plain survival curves from the first day are not that).

    Parameters
    ----------
    horizon : int, optional
        Months that `predict` counts; the longest month that is known (`observed_months_`) when None.
    extrapolate : bool
        Allow months beyond what was observed, at each customer's own late hazard; otherwise they are refused.
    min_level_count : int
        Levels of a category that fewer customers have are pooled into one; none of them is kept in the model.
    random_state : int, RandomState or None
        Seed of folds and boosting.
    n_jobs : int, optional
        Threads of LightGBM; None: one for small tables, all for large ones.

    Attributes
    ----------
    causes_ : list of str
        Causes of leaving, sorted.
    observed_months_ : int
        Last month with at least 20 customers under watch (fewer in small tables).
    hazards_ : dict of str to array
        Common hazard of each cause in months 1 to `observed_months_`.
    blend_ : dict of str to tuple
        Share of the individual hazard and shift, for each cause.
    contract_, feature_names_in_, n_features_in_
        Columns seen in `fit`.

    Notes
    -----
    Rows of one customer as of several dates are kept together by `groups`. Source: discrete-time survival analysis as
    in Singer and Willett (1993), with boosted trees in place of the linear part.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"in_contract": rng.random(600) < 0.5}, index=pd.RangeIndex(600, name="customer_id"))
    >>> months = np.minimum(rng.geometric(np.where(X["in_contract"], 0.02, 0.10)), 12)
    >>> model = ChurnSurvival().fit(X, months, cause=np.where(months < 12, "voluntary", None))
    >>> model.survival(X.iloc[:2], months=6).round(1)
    month          1    2    3    4    5    6
    customer_id
    0            0.9  0.8  0.8  0.7  0.6  0.6
    1            1.0  1.0  0.9  0.9  0.9  0.9
    """

    causes_: list[str]
    observed_months_: int
    hazards_: dict[str, np.ndarray]
    blend_: dict[str, tuple[float, float]]
    boosters_: dict[str, Boosters]

    def __init__(
        self,
        *,
        horizon: int | None = None,
        extrapolate: bool = False,
        min_level_count: int = MIN_LEVEL_COUNT,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.horizon = horizon
        self.extrapolate = extrapolate
        self.min_level_count = min_level_count
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, cause: Any = None, groups: Any = None) -> Self:
        """Learn from customers and the months they stayed (`custintel.questions.exit_times`).

        Parameters
        ----------
        X : data frame or array
            Features as of the date from which months are counted.
        y : array-like
            Months: the number of the month in which the customer left, or the whole months watched. Fractions are
            rounded up; customers watched for less than a month tell nothing.
        cause : array-like, optional
            Why the customer left; missing (None, NaN) for those who are still here. When not given, all have left.
        groups : array-like, optional
            Customer of each row, when some are there as of several dates.
        """
        table, matrix = self._learn_table(X, y, cause, groups=groups)
        months, why = _whole_months(y), _causes(cause, len(table))
        self._check_params()
        self._fit(matrix, months, why, None if groups is None else np.asarray(groups))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Expected number of months, of the horizon, that each customer stays."""
        check_is_fitted(self)
        horizon = self._checked_months(None)
        stays = self.survival(X, horizon).to_numpy()
        # who is still here after month h has stayed through it; who left in it counts half
        before = np.concatenate([np.ones((len(stays), 1)), stays[:, :-1]], axis=1)
        return np.asarray(((before + stays) / 2).sum(axis=1))

    def survival(self, X: Any, months: int | None = None) -> pd.DataFrame:
        """Chance to be still here after each month, given that the customer is here now.

        Parameters
        ----------
        X : data frame or array
            Customers.
        months : int, optional
            Months ahead; `observed_months_` by default.

        Raises
        ------
        ConfigurationError
            For more months than were observed, unless `extrapolate` is set.
        """
        hazards = self.hazard(X, months)
        return self._frame(survival_from_hazards(hazards), X)

    def incidence(self, X: Any, months: int | None = None) -> dict[str, pd.DataFrame]:
        """Chance to have left for each cause by each month; with `survival` they add up to 1.

        Parameters
        ----------
        X : data frame or array
            Customers.
        months : int, optional
            Months ahead; `observed_months_` by default.
        """
        hazards = self.hazard(X, months)
        found = cumulative_incidence(hazards, survival_from_hazards(hazards))
        return {cause: self._frame(found[:, :, k], X) for k, cause in enumerate(self.causes_)}

    def hazard(self, X: Any, months: int | None = None) -> np.ndarray:
        """Chance to leave in each month for each cause, given being still here (rows x months x causes)."""
        matrix = self.encode(X)
        months = self._checked_months(months)
        inside = min(months, self.observed_months_)
        out = np.empty((len(matrix), months, len(self.causes_)))
        threads = lightgbm_threads(self.n_jobs, matrix.size * inside)
        for h in range(1, inside + 1):
            asked = np.column_stack([matrix, np.full(len(matrix), float(h))])
            for k, cause in enumerate(self.causes_):
                out[:, h - 1, k] = self._one_hazard(cause, asked, h, threads)
        if months > inside:
            late = out[:, max(inside - _LATE_MONTHS, 0) : inside].mean(axis=1, keepdims=True)
            out[:, inside:] = late
        return out

    def contributions(self, X: Any, kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None) -> pd.DataFrame:
        """Exact contributions of every column to the log-odds of leaving within the next three months.

        They add up, with `expected_value_`, to these log-odds: `custintel.learners.path_contributions`. Where customers
        were watched for less than three months, it is the months watched.

        Parameters
        ----------
        X : data frame or array
            Customers.
        kernel : callable, optional
            Taken for the sake of the other learners; LightGBM's own tree SHAP is used.
        """
        del kernel
        matrix, months = self.encode(X), min(_EXPLAINED_MONTHS, self.observed_months_)
        blocks = [
            path_contributions(
                self.hazard_parts(matrix[rows : rows + _BLOCK_ROWS], months),
                lambda z: _leaving_log_odds(self._hazards_of(z, months)),
                lambda z: _leaving_slope(self._hazards_of(z, months)).reshape(len(z), -1),
            )[0]
            for rows in range(0, max(len(matrix), 1), _BLOCK_ROWS)
        ]
        return self._columns_frame(np.vstack(blocks), X)

    @property
    def expected_value_(self) -> float:
        """Log-odds of the average customer to leave within the next three months; contributions start here."""
        months = min(_EXPLAINED_MONTHS, self.observed_months_)
        start = self.hazard_parts(np.zeros((1, len(self.contract_.used))), months)[:, :, -1]
        return float(_leaving_log_odds(self._hazards_of(start, months))[0])

    def hazard_parts(self, matrix: np.ndarray, months: int) -> np.ndarray:
        """Contributions of the columns of an encoded table to the log-odds of each hazard.

        Rows x (months x causes) x (columns + 1); the last column has the log-odds of the average customer.
        """
        out = np.zeros((len(matrix), months, len(self.causes_), matrix.shape[1] + 1))
        threads = lightgbm_threads(self.n_jobs, matrix.size * months)
        for k, cause in enumerate(self.causes_):
            share, shift = self.blend_[cause] if cause in self.boosters_ else (0.0, 0.0)
            common = (1 - share) * logit(self.hazards_[cause][:months]) + shift
            out[:, :, k, -1] = common
            if cause in self.boosters_:
                for h in range(months):
                    asked = np.column_stack([matrix, np.full(len(matrix), h + 1.0)])
                    out[:, h, k] += share * without_month(self.boosters_[cause].contributions(asked, threads))
        return out.reshape(len(matrix), months * len(self.causes_), -1)

    def _hazards_of(self, log_odds: np.ndarray, months: int) -> np.ndarray:
        return np.asarray(expit(log_odds).reshape(len(log_odds), months, len(self.causes_)))

    def _columns_frame(self, found: np.ndarray, X: Any) -> pd.DataFrame:
        """Contributions of the used columns; those of the others are 0."""
        used = [column.name for column in self.contract_.used]
        frame = pd.DataFrame(found, index=X.index if isinstance(X, pd.DataFrame) else None, columns=used)
        return frame.reindex(columns=self.contract_.names, fill_value=0.0)

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data, and the boosters as LightGBM text."""
        check_is_fitted(self)
        states: dict[str, Any] = {}
        texts: dict[str, str] = {}
        for k, (cause, boosters) in enumerate(self.boosters_.items()):
            states[cause], own = boosters.to_state(f"hazard_{k}")
            texts |= own
        state = {
            **self._table_state(),
            "causes": self.causes_,
            "observed_months": self.observed_months_,
            "hazards": {cause: values.tolist() for cause, values in self.hazards_.items()},
            "blend": {cause: list(pair) for cause, pair in self.blend_.items()},
            "boosters": states,
        }
        return state, texts

    @classmethod
    def from_state(cls, state: Mapping[str, Any], texts: Mapping[str, str]) -> Self:
        """Read back what `to_state` gave; predictions are the same."""
        model = cls._from_table_state(state)
        model.causes_ = list(state["causes"])
        model.observed_months_ = int(state["observed_months"])
        model.hazards_ = {cause: np.asarray(values) for cause, values in state["hazards"].items()}
        model.blend_ = {cause: (float(pair[0]), float(pair[1])) for cause, pair in state["blend"].items()}
        model.boosters_ = {cause: Boosters.from_state(one, texts) for cause, one in state["boosters"].items()}
        return model

    def _fit(self, matrix: np.ndarray, months: np.ndarray, why: np.ndarray, groups: np.ndarray | None) -> None:
        keep = _sample(months, integer_seed(self.random_state))
        matrix, months, why = matrix[keep], months[keep], why[keep]
        groups = None if groups is None else groups[keep]
        ended = np.array([w is not None for w in why])
        self.observed_months_ = _last_observed_month(months)
        self.causes_ = sorted({str(w) for w in why if w is not None}) or [_ENDED]
        fold = fold_of_rows(ended.astype(np.float64), _FOLDS, groups, integer_seed(self.random_state))
        self.hazards_, self.blend_, self.boosters_ = {}, {}, {}
        for cause in self.causes_:
            rows = PersonMonths.from_durations(
                months, np.array([w == cause for w in why], dtype=bool), self.observed_months_
            )
            self._fit_cause(cause, rows, matrix, fold)

    def _fit_cause(self, cause: str, rows: PersonMonths, matrix: np.ndarray, fold: np.ndarray) -> None:
        """The common hazard, the individual one where there are ends enough, and how they are blended."""
        self.hazards_[cause] = base_hazard(rows, self.observed_months_)
        self.blend_[cause] = (0.0, 0.0)
        if rows.ended.sum() < _FEWEST_ENDS or len(np.unique(fold[rows.customer])) < 2:
            return
        random_state = integer_seed(self.random_state)
        most = max(_MOST_QUIET, _QUIET_FOR_EACH_END * int(rows.ended.sum()))
        rows, weight = rows.subsample(most, np.random.default_rng(random_state))
        asked = np.asfortranarray(np.column_stack([matrix[rows.customer], rows.month.astype(np.float64)]))
        threads = lightgbm_threads(self.n_jobs, asked.size)
        inner = _renumbered_folds(fold[rows.customer])
        found = fit_boosters(
            self._training_table(asked, rows.ended, weight),
            "probability",
            fold=inner,
            random_state=random_state,
            threads=threads,
        )
        base = self.hazards_[cause][rows.month - 1]
        share, shift = fit_blend(found.out_of_fold, base, rows.ended, weight)
        self.blend_[cause] = (share, shift)
        if share > 0:
            self.boosters_[cause] = found.boosters

    def _one_hazard(self, cause: str, asked: np.ndarray, month: int, threads: int) -> np.ndarray:
        base = np.full(len(asked), self.hazards_[cause][month - 1])
        if cause not in self.boosters_:
            return base
        return blend_hazards(self.boosters_[cause].predict(asked, threads), base, self.blend_[cause])

    def _checked_months(self, months: int | None) -> int:
        months = months or self.horizon or self.observed_months_
        if months > self.observed_months_ and not self.extrapolate:
            raise ConfigurationError(
                f"the horizon is longer than the data\n  given: {months} months\n"
                f"  allowed: up to {self.observed_months_} months, the longest that customers were watched\n"
                "  hint: ChurnSurvival(extrapolate=True) goes on at each customer's late hazard"
            )
        return months

    def _check_params(self) -> None:
        if self.horizon is not None and not 1 <= self.horizon <= _MOST_MONTHS:
            raise_problems([Problem("horizon", "not a number of months", str(self.horizon), f"1 to {_MOST_MONTHS}")])

    def _frame(self, values: np.ndarray, X: Any) -> pd.DataFrame:
        index = X.index if isinstance(X, pd.DataFrame) else None
        columns = pd.RangeIndex(1, values.shape[1] + 1, name="month")
        return pd.DataFrame(values, index=index, columns=columns)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        tags.regressor_tags.poor_score = True
        return tags


def _whole_months(y: Any) -> np.ndarray:
    """Whole months."""
    months = np.ceil(numeric_target(y, "y (months)"))
    if (months < 0).any():
        raise DataError(
            f"{int((months < 0).sum())} duration(s) are negative\n"
            "  hint: y holds months from the date to the end; see custintel.questions.exit_times"
        )
    if not (months > 0).any():
        raise DataError("no customer was watched for a whole month\n  hint: choose earlier dates, or wait")
    return np.asarray(np.minimum(months, _MOST_MONTHS), dtype=np.int64)


def _causes(cause: Any, rows: int) -> np.ndarray:
    """Cause of each row, None for who is still here."""
    if cause is None:
        return np.full(rows, _ENDED, dtype=object)
    values = pd.Series(np.asarray(cause, dtype=object))
    return np.array([None if pd.isna(v) else str(v) for v in values], dtype=object)


def _last_observed_month(months: np.ndarray) -> int:
    """The last month in which enough customers were under watch to learn from."""
    watched = np.bincount(months)[::-1].cumsum()[::-1]
    enough = np.flatnonzero(watched >= min(_FEWEST_WATCHED, max(1, len(months) // 5)))
    return int(max(enough.max(), 1))


def _sample(months: np.ndarray, random_state: int) -> np.ndarray:
    """Rows with something to tell, and not more person-months than memory holds well."""
    rows = np.flatnonzero(months > 0)
    total = int(months[rows].sum())
    if total <= _MOST_ROWS:
        return rows
    rng = np.random.default_rng(random_state)
    return np.sort(rng.choice(rows, int(len(rows) * _MOST_ROWS / total), replace=False))


def _renumbered_folds(fold: np.ndarray) -> np.ndarray:
    """Folds renumbered without gaps (tiny tables may leave one empty)."""
    return np.unique(fold, return_inverse=True)[1].ravel()


# --- hazards of person-months


@dataclass(frozen=True)
class PersonMonths:
    """Person-months: every customer once for each month under watch, with whether the end came in it.

    >>> rows = PersonMonths.from_durations(np.array([2, 3]), np.array([True, False]), 24)
    >>> rows.customer.tolist(), rows.month.tolist(), rows.ended.tolist()
    ([0, 0, 1, 1, 1], [1, 2, 1, 2, 3], [0.0, 1.0, 0.0, 0.0, 0.0])
    """

    customer: np.ndarray
    month: np.ndarray
    ended: np.ndarray

    @classmethod
    def from_durations(cls, months: np.ndarray, ended: np.ndarray, most: int) -> PersonMonths:
        """From durations (whole months; the month of the end itself for those who ended) up to a last month."""
        length = np.minimum(months, most).astype(np.int64)
        customer = np.repeat(np.arange(len(months)), length)
        month = np.arange(len(customer)) - np.repeat(np.cumsum(length) - length, length) + 1
        return cls(customer, month, (ended[customer] & (month == months[customer])).astype(np.float64))

    def subsample(self, most: int, rng: np.random.Generator) -> tuple[PersonMonths, np.ndarray]:
        """All rows in which somebody ended and a sample of the others, with weights that make good for it."""
        quiet = np.flatnonzero(self.ended == 0)
        if len(quiet) <= most:
            return self, np.ones(len(self.month))
        keep = np.sort(np.concatenate([np.flatnonzero(self.ended), rng.choice(quiet, most, replace=False)]))
        weight = np.where(self.ended[keep] == 1, 1.0, len(quiet) / most)
        return PersonMonths(self.customer[keep], self.month[keep], self.ended[keep]), weight


def base_hazard(rows: PersonMonths, longest: int, prior: float = 20.0) -> np.ndarray:
    """Share that ends in each month 1 to `longest`, drawn towards the share over all months where few are watched."""
    ended = np.bincount(rows.month, rows.ended, longest + 1)[1 : longest + 1]
    watched = np.bincount(rows.month, minlength=longest + 1)[1 : longest + 1]
    overall = rows.ended.mean() if len(rows.ended) else 0.0
    return np.asarray(np.clip((ended + prior * overall) / (watched + prior), _LEAST, 1 - _LEAST))


def fit_blend(own: np.ndarray, base: np.ndarray, ended: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Share of the individual hazard against the common one, and a shift of log-odds, that fit unseen rows best."""
    shares = np.linspace(0.0, 1.0, 11)
    losses = [_loss_after_shift(_blended_log_odds(own, base, share), ended, weight) for share in shares]
    best = int(np.argmin([loss for loss, _ in losses]))
    return float(shares[best]), losses[best][1]


def _blended_log_odds(own: np.ndarray, base: np.ndarray, share: float) -> np.ndarray:
    return np.asarray(share * logit(np.clip(own, _LEAST, 1 - _LEAST)) + (1 - share) * logit(base))


def _loss_after_shift(raw: np.ndarray, ended: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Log loss after the shift that makes the mean right, and the shift; one Newton step is enough so near."""
    p = expit(raw)
    shift = float(weight @ (ended - p) / max(weight @ (p * (1 - p)), 1e-9))
    shift = float(np.clip(shift, -1.0, 1.0))
    return log_loss_raw(ended, raw + shift, weight), shift


def blend_hazards(own: np.ndarray, base: np.ndarray, weights: tuple[float, float]) -> np.ndarray:
    """Hazards by a share and a shift that `fit_blend` found."""
    return np.asarray(expit(_blended_log_odds(own, base, weights[0]) + weights[1]))


def _leaving_log_odds(hazards: np.ndarray) -> np.ndarray:
    """Log-odds to have left by the last month."""
    return np.asarray(logit(np.clip(1 - survival_from_hazards(hazards)[:, -1], _LEAST, 1 - _LEAST)))


def _leaving_slope(hazards: np.ndarray) -> np.ndarray:
    """Derivatives of `_leaving_log_odds` by the log-odds of each hazard."""
    stays = np.clip(survival_from_hazards(hazards)[:, -1], _LEAST, 1 - _LEAST)
    last = np.zeros(hazards.shape[:2])
    last[:, -1] = -1.0
    return np.asarray(survival_slope(hazards, last) / (stays * (1 - stays))[:, None, None])
