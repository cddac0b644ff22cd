"""`TableRegressor`: expected amounts and their quantiles from any customer table, calibrated in sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from custintel.errors import DataError, Problem, raise_problems
from custintel.learners._ensemble_estimator import EnsembleEstimator
from custintel.learners.base_estimators import integer_seed, numeric_target
from custintel.learners.check_input import as_table
from custintel.learners.ensemble._amount_calibration import AmountCalibration, choose_amount_calibration
from custintel.learners.ensemble._amount_ensemble import AmountTable, fit_amounts, plan_amounts
from custintel.learners.ensemble._amount_quantiles import AmountQuantiles, fit_quantiles
from custintel.learners.ensemble._effort import Effort, override
from custintel.learners.ensemble._ensemble import Ensemble
from custintel.learners.ensemble.lightgbm_boosters import TrainingTable
from custintel.learners.feature_contract import MIN_LEVEL_COUNT, FeatureContract, learn_contract

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from custintel.learners.ensemble._amount_ensemble import FittedAmounts


class TableRegressor(RegressorMixin, EnsembleEstimator):  # type: ignore[misc]
    """Expected amount of each customer, from any customer table.

    Made for amounts of which many are zero and a few are very large: bills, spending, data use, and their change, which
    may be negative. The table may hold numbers, text, categories, booleans, dates and missing values as they are. Small
    LightGBM models, fitted on inner folds by squared error on amounts without their outermost 0.05 %, are blended with
    a ridge regression; a calibration then makes the sums right, in total and by level of the amount. With fewer than 60
    rows, or 20 that have another amount than most, only the ridge regression remains.

    Parameters
    ----------
    monotone : mapping of str to {-1, 1}, optional
        Columns whose rise may only raise (1) or only lower (-1) the expected amount.
    effort : {"auto", "full", "fast"}
        How much to try: by size of the table, everything, or one model with a hold-out.
    leaves, min_leaf, learning_rate, column_share, l2 : number, optional
        Fix a property of the boosted trees that is otherwise chosen by inner folds.
    min_level_count : int
        Levels of a category that fewer customers have are pooled into one; none of them is kept in the model.
    random_state : int, RandomState or None
        Seed of folds and boosting.
    n_jobs : int, optional
        Threads of LightGBM; -1 uses all, None one for small tables (up to 20 M cells) and all for larger ones.

    Attributes
    ----------
    contract_ : FeatureContract
        Kinds, categories and ranges of the columns.
    ensemble_ : Ensemble
        Boosters, linear part and their weights.
    calibration_ : AmountCalibration
        Map from the blend to the expected amount.
    quantiles_ : AmountQuantiles
        How amounts lie around the expected one.
    out_of_fold_ : array of shape (rows,)
        Expected amount of each training row by parts that have not seen it; NaN where no inner fold left it out. Its
        sum is that of the amounts. Not kept when the model is saved.
    expected_value_ : float
        Blend of the average customer, from which the contributions start.
    feature_names_in_, n_features_in_
        Columns seen in `fit`.

    Examples
    --------
    >>> table = pd.DataFrame({"plan": ["S", "M"] * 100, "minutes": range(200)})
    >>> bill = 10 + 0.1 * table["minutes"] + 5 * (table["plan"] == "M")
    >>> model = TableRegressor().fit(table, bill)
    >>> model.predict(table.iloc[[50, 151]]).round().tolist()
    [15.0, 30.0]
    >>> model.predict_quantiles(table.head(3)).columns.tolist()
    [0.1, 0.5, 0.9]
    """

    calibration_: AmountCalibration
    quantiles_: AmountQuantiles
    out_of_fold_: np.ndarray

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter here
        self,
        *,
        monotone: Mapping[str, int] | None = None,
        effort: Effort = "auto",
        leaves: int | None = None,
        min_leaf: int | None = None,
        learning_rate: float | None = None,
        column_share: float | None = None,
        l2: float | None = None,
        min_level_count: int = MIN_LEVEL_COUNT,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.monotone = monotone
        self.effort = effort
        self.leaves = leaves
        self.min_leaf = min_leaf
        self.learning_rate = learning_rate
        self.column_share = column_share
        self.l2 = l2
        self.min_level_count = min_level_count
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Learn from customers `X` and their amounts `y`.

        Parameters
        ----------
        X : data frame or array
            One row a customer (or a customer and a date).
        y : array-like
            Amounts; negative ones are allowed.
        groups : array-like, optional
            Customer of each row: rows of one customer stay on one side of every inner fold.

        Raises
        ------
        DataError
            When amounts are missing or infinite, all the same, or there is one row only.
        """
        table = as_table(self, X, fitting=True)
        amounts = numeric_target(y)
        check_consistent_length(table, amounts, groups)
        _check_amounts(amounts)
        self.contract_ = learn_contract(table, self.min_level_count, groups)
        self._check_params()
        matrix = self._learning_matrix(table)
        fitted = fit_amounts(self._amount_table(matrix, amounts, groups))
        self.ensemble_ = fitted.ensemble
        self._fit_calibration(matrix, amounts, fitted)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Expected amount, one a customer; never negative where no amount in `fit` was."""
        raw = self.blend(X)
        return self.calibration_.amounts(raw)

    def predict_quantiles(self, X: Any, quantiles: Sequence[float] = (0.1, 0.5, 0.9)) -> pd.DataFrame:
        """Amounts that a customer stays below with the given chances (customers x quantiles).

        Of 100 customers like those of `fit`, about 80 have an amount between the quantiles 0.1 and 0.9. The expected
        amount need not be the median, and lies above it where a few amounts are very large.

        Parameters
        ----------
        X : data frame or array
            Customers.
        quantiles : sequence of float
            From 0.01 to 0.99.
        """
        shares = np.asarray(quantiles, dtype=np.float64).reshape(-1)
        _check_shares(shares)
        matrix = self.encode(X)
        threads = self._threads(matrix)
        expected = self.calibration_.amounts(self.ensemble_.log_odds(matrix, threads))
        order = np.argsort(shares, kind="stable")
        found = np.empty((len(matrix), len(shares)))
        found[:, order] = self.quantiles_.predict(matrix, expected, shares[order], threads)
        return pd.DataFrame(found, index=X.index if isinstance(X, pd.DataFrame) else None, columns=shares.tolist())

    def blend(self, X: Any) -> np.ndarray:
        """Amount before calibration: the scale on which contributions add up, in the unit of the amounts."""
        check_is_fitted(self)
        matrix = self.encode(X)
        return self.ensemble_.log_odds(matrix, self._threads(matrix))

    def contributions(self, X: Any, kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None) -> pd.DataFrame:
        """Exact additive contributions of every column to the amount before calibration, in the unit of the amounts.

        They add up, with `expected_value_`, to `blend(X)`. Columns that the model does not use contribute 0.

        Parameters
        ----------
        X : data frame or array
            Customers.
        kernel : callable, optional
            ``kernel(booster, matrix)`` gives tree SHAP values (rows x (columns + 1), the last one the expected value);
            LightGBM's own when None.
        """
        return self._as_frame(self._explained(self.ensemble_, self.encode(X), kernel), X)

    @property
    def expected_value_(self) -> float:
        """Amount before calibration of the average customer; contributions start here."""
        return self.ensemble_.expected_value

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data, and the boosters as LightGBM text."""
        check_is_fitted(self)
        quantiles, texts = self.quantiles_.to_state()
        state = {
            "class": type(self).__name__,
            "params": self._plain_params(),
            "named": hasattr(self, "feature_names_in_"),
            "contract": self.contract_.to_state(),
            "ensemble": self.ensemble_.to_state(),
            "calibration": self.calibration_.to_state(),
            "quantiles": quantiles,
        }
        return state, {**{f"booster_{k}": text for k, text in enumerate(self.ensemble_.texts)}, **texts}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], texts: Mapping[str, str]) -> Self:
        """Read back what `to_state` gave; predictions are the same."""
        model = cls(**state["params"])
        model._take_contract(FeatureContract.from_state(state["contract"]), state["named"])
        own = tuple(texts[f"booster_{k}"] for k in range(len(state["ensemble"]["booster_weights"])))
        model.ensemble_ = Ensemble.from_state(state["ensemble"], own)
        model.calibration_ = AmountCalibration.from_state(state["calibration"])
        model.quantiles_ = AmountQuantiles.from_state(state["quantiles"], texts)
        return model

    def _amount_table(self, matrix: np.ndarray, amounts: np.ndarray, groups: Any) -> AmountTable:
        return AmountTable(
            matrix=matrix,
            y=amounts,
            groups=None if groups is None else np.asarray(groups),
            names=[c.name for c in self.contract_.used],
            levels=self._levels(),
            monotone=self._signs(),
            plan=override(plan_amounts(amounts, self.effort), self._given_trees()),
            random_state=integer_seed(self.random_state),
            threads=self._threads(matrix),
        )

    def _fit_calibration(self, matrix: np.ndarray, amounts: np.ndarray, fitted: FittedAmounts) -> None:
        """Calibration and quantiles, from rows that the parts have not seen."""
        seen = np.isfinite(fitted.out_of_fold)
        y, raw, fold = amounts[seen], fitted.out_of_fold[seen], fitted.fold[seen]
        if len(np.unique(fold)) == 1:  # a hold-out is all there is: parts of it stand for folds
            fold = np.arange(len(fold)) % 5
        self.calibration_ = choose_amount_calibration(y, raw)
        expected = self.calibration_.amounts(raw)
        self.out_of_fold_ = np.full(len(amounts), np.nan)
        self.out_of_fold_[seen] = expected
        categorical = tuple(int(j) for j in np.flatnonzero(self._levels()))
        self.quantiles_ = fit_quantiles(
            TrainingTable(matrix[seen], y, None, categorical),
            expected,
            fold,
            nonnegative=self.calibration_.floor is not None,
            random_state=integer_seed(self.random_state),
            threads=self._threads(matrix),
        )


def _check_amounts(amounts: np.ndarray) -> None:
    if len(amounts) < 2:
        raise DataError(f"the table has n_samples={len(amounts)}: an amount is learned from two rows or more")


def _check_shares(shares: np.ndarray) -> None:
    outside = [share for share in shares.tolist() if not 0.01 <= share <= 0.99]
    if outside or not len(shares):
        told = ", ".join(f"{share:g}" for share in outside) or "none"
        hint = "rarer amounts than one in a hundred are not learned"
        raise_problems([Problem("quantiles", "beyond what is known", told, "0.01 to 0.99", hint)])
