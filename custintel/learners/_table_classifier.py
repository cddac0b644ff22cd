"""`TableClassifier`: calibrated probabilities of a yes-or-no outcome from any customer table, small or large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, check_is_fitted

from custintel.errors import DataError, Problem, raise_problems
from custintel.learners.base_estimators import CELLS_FOR_ONE_THREAD, EventClassifier, integer_seed, lightgbm_threads
from custintel.learners.check_input import as_table
from custintel.learners.ensemble._effort import Effort, override, plan_fit
from custintel.learners.ensemble._ensemble import Ensemble, fit_ensemble
from custintel.learners.ensemble.blend_and_calibration import Calibration
from custintel.learners.feature_contract import MIN_LEVEL_COUNT, EncodedTable, FeatureContract, learn_contract

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class TableClassifier(EventClassifier, BaseEstimator):  # type: ignore[misc]
    """Probability of any outcome with two values, from any customer table.

    The table may hold numbers, text, categories, booleans, dates and missing values as they are. Small LightGBM
    models, fitted on inner folds, are blended with a ridge logistic regression by out-of-fold log loss, then
    calibrated. Larger tables get fewer and larger models. With fewer than 20 customers in one class only the ridge
    remains. Where random folds would flatter, because columns name the period and periods differ (rows in the order of
    time), the parts are averaged instead of chosen: see `drifting_`.

    Parameters
    ----------
    monotone : mapping of str to {-1, 1}, optional
        Columns whose rise may only raise (1) or only lower (-1) the probability.
    effort : {"auto", "full", "fast"}
        How much to try: by size of the table, everything, or one model with a hold-out.
    leaves, min_leaf, learning_rate, column_share, l2 : number, optional
        Fix a property of the boosted trees that is otherwise chosen by inner folds.
    pos_label : object, optional
        The label of the event. Without it a known word for yes (yes, true, churned, bad, fraud, ...) is the event, of
        numbers the larger one, otherwise the rarer label, with a warning.
    min_level_count : int
        Levels of a category that fewer customers have are pooled into one; none of them is kept in the model.
    random_state : int, RandomState or None
        Seed of folds and boosting.
    n_jobs : int, optional
        Threads of LightGBM; -1 uses all, None one for small tables (up to 20 M cells) and all for larger ones.

    Attributes
    ----------
    classes_ : array
        Both labels, sorted: the order of the columns of `predict_proba`.
    pos_label_ : object
        The label of the event.
    contract_ : FeatureContract
        Kinds, categories and ranges of the columns.
    ensemble_ : Ensemble
        Boosters, linear part and their weights.
    calibration_ : Calibration
        Map from log-odds to probability.
    drifting_ : bool
        Whether a model that knows only the earlier rows loses clearly on the later ones (0.02 of AUC and four standard
        errors); judged for 2,000 rows and more, always False where the order of the rows means nothing.
    out_of_fold_ : array of shape (rows,)
        Log-odds before calibration of each training row (of positive weight) by parts that have not seen it; NaN where
        no inner fold left it out. Not kept when the model is saved.
    expected_value_ : float
        Log-odds before calibration from which the contributions start.
    feature_names_in_, n_features_in_
        Columns seen in `fit`.

    Examples
    --------
    >>> table = pd.DataFrame({"plan": ["S", "M"] * 30, "bill": range(60)})
    >>> paid_late = (table["bill"] < 30).map({True: "yes", False: "no"})
    >>> model = TableClassifier(effort="fast").fit(table, paid_late)
    >>> model.predict(table.iloc[[0, 59]]).tolist()
    ['yes', 'no']
    """

    contract_: FeatureContract
    ensemble_: Ensemble
    calibration_: Calibration
    out_of_fold_: np.ndarray
    classes_: np.ndarray
    n_features_in_: int

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
        pos_label: Any = None,
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
        self.pos_label = pos_label
        self.min_level_count = min_level_count
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn from customers `X` and their outcome `y`.

        Parameters
        ----------
        X : data frame or array
            One row a customer (or a customer and a date).
        y : array-like
            Two values; which one is the event, `pos_label` tells.
        sample_weight : array-like, optional
            Weight of each row.
        groups : array-like, optional
            Customer of each row: rows of one customer stay on one side of every inner fold.
        """
        table = as_table(self, X, fitting=True)
        target = self._learn_event(y)
        check_consistent_length(table, target, groups)
        weight = _weights(sample_weight, table)
        keep = weight > 0
        if not keep.all():
            table, target, weight = table[keep], target[keep], weight[keep]
            groups = None if groups is None else np.asarray(groups)[keep]
            _check_two_classes(target)
        self.contract_ = learn_contract(table, self.min_level_count, groups)
        self._check_params()
        # seven digits are enough to place a cut; half the memory where memory counts
        matrix = self.contract_.encode(table, np.float32 if table.size > CELLS_FOR_ONE_THREAD else np.float64)
        self._fit_matrix(matrix, target, weight, groups)
        return self

    def fit_encoded(self, encoded: EncodedTable, y: Any, groups: Any = None) -> Self:
        """Learn as `fit` does, from a table that is encoded already; every row counts the same."""
        table = as_table(self, encoded.table, fitting=True)
        target = self._learn_event(y)
        check_consistent_length(table, target)
        self.contract_ = encoded.contract
        self._check_params()
        matrix = encoded.matrix.astype(np.float32 if table.size > CELLS_FOR_ONE_THREAD else np.float64, copy=False)
        self._fit_matrix(matrix, target, np.ones(len(target)), groups)
        return self

    def event_probability(self, X: Any) -> np.ndarray:
        """Calibrated probability of the event, one a customer."""
        raw = self.log_odds(X)
        return self.calibration_.probability(raw)

    def event_log_odds(self, X: Any) -> np.ndarray:
        """Calibrated log-odds of the event, one a customer."""
        raw = self.log_odds(X)
        return self.calibration_.log_odds(raw)

    def log_odds(self, X: Any) -> np.ndarray:
        """Log-odds of the event before calibration: the scale on which contributions add up."""
        return self.log_odds_encoded(self.encode(X))

    def log_odds_encoded(self, matrix: np.ndarray) -> np.ndarray:
        """The same as `log_odds`, from the matrix that `encode` gives."""
        check_is_fitted(self)
        return self.ensemble_.log_odds(matrix, lightgbm_threads(self.n_jobs, matrix.size))

    def encode(self, X: Any) -> np.ndarray:
        """Matrix of the used columns (`contract_.used`) that the boosters and the linear part read."""
        check_is_fitted(self)
        return self.contract_.encode(as_table(self, X, fitting=False))

    def contributions(self, X: Any, kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None) -> pd.DataFrame:
        """Exact additive contributions of every column to the log-odds before calibration.

        They add up, with `expected_value_`, to `log_odds(X)`. Columns that the model does not use contribute 0.

        Parameters
        ----------
        X : data frame or array
            Customers.
        kernel : callable, optional
            ``kernel(booster, matrix)`` gives tree SHAP values (rows x (columns + 1), the last one the expected value);
            LightGBM's own when None.
        """
        matrix = self.encode(X)
        parts = self.ensemble_.contributions(matrix, lightgbm_threads(self.n_jobs, matrix.size), kernel)
        used = [c.name for c in self.contract_.used]
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(parts, index=index, columns=used).reindex(columns=self.contract_.names, fill_value=0.0)

    def feature_importance(self) -> pd.Series:
        """Share of each column in what the model learned (gain of the trees, spread of the linear part); sums to 1."""
        check_is_fitted(self)
        used = [c.name for c in self.contract_.used]
        shares = pd.Series(self.ensemble_.importance(len(used)), index=used, name="importance")
        return shares.sort_values(ascending=False, kind="stable")

    @property
    def expected_value_(self) -> float:
        """Log-odds before calibration of the average customer; contributions start here."""
        return self.ensemble_.expected_value

    @property
    def drifting_(self) -> bool:
        """Whether random folds flatter on the training table, taken in its order."""
        return self.ensemble_.drifting

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data, and the boosters as LightGBM text."""
        check_is_fitted(self)
        state = {
            "class": type(self).__name__,
            "params": _plain_params(self.get_params()),
            **self._event_state(),
            "named": hasattr(self, "feature_names_in_"),
            "contract": self.contract_.to_state(),
            "ensemble": self.ensemble_.to_state(),
            "calibration": self.calibration_.to_state(),
        }
        return state, {f"booster_{k}": text for k, text in enumerate(self.ensemble_.texts)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], boosters: Mapping[str, str]) -> Self:
        """Read back what `to_state` gave; predictions are the same."""
        model = cls(**state["params"])
        model._take_event(state)
        model.contract_ = FeatureContract.from_state(state["contract"])
        texts = tuple(boosters[f"booster_{k}"] for k in range(len(boosters)))
        model.ensemble_ = Ensemble.from_state(state["ensemble"], texts)
        model.calibration_ = Calibration.from_state(state["calibration"])
        model.n_features_in_ = len(model.contract_.columns)
        if state["named"]:
            model.feature_names_in_ = np.asarray(model.contract_.names, dtype=object)
        return model

    def _fit_matrix(self, matrix: np.ndarray, y: np.ndarray, weight: np.ndarray, groups: Any) -> None:
        plan = plan_fit(len(y), int(min(y.sum(), len(y) - y.sum())), self.effort)
        given = {n: getattr(self, n) for n in ("leaves", "min_leaf", "learning_rate", "column_share", "l2")}
        signs = dict(self.monotone or {})
        self.ensemble_, self.calibration_, self.out_of_fold_ = fit_ensemble(
            matrix,
            y,
            weight,
            groups=None if groups is None else np.asarray(groups),
            names=[c.name for c in self.contract_.used],
            levels=np.array([len(c.categories) for c in self.contract_.used], dtype=np.int64),
            dates=tuple(j for j, c in enumerate(self.contract_.used) if c.kind == "date"),
            monotone=tuple(int(signs.get(c.name, 0)) for c in self.contract_.used),
            plan=override(plan, given),
            random_state=integer_seed(self.random_state),
            threads=lightgbm_threads(self.n_jobs, matrix.size),
        )

    def _check_params(self) -> None:
        raise_problems([*self._effort_problems(), *self._monotone_problems()])

    def _effort_problems(self) -> list[Problem]:
        if self.effort in ("auto", "full", "fast"):
            return []
        return [Problem("effort", "unknown value", repr(self.effort), "auto, full, fast")]

    def _monotone_problems(self) -> list[Problem]:
        kinds = {c.name: c.kind for c in self.contract_.columns}
        problems = []
        for name, sign in (self.monotone or {}).items():
            where = f"monotone[{name!r}]"
            if name not in kinds:
                problems.append(Problem(where, "no such column", name, ", ".join(kinds)))
            elif kinds[name] == "category":
                hint = "only numbers and dates can be monotone"
                problems.append(Problem(where, "a category has no order", hint=hint))
            if sign not in (-1, 0, 1):
                problems.append(Problem(where, "unknown direction", repr(sign), "1 (rises with the column), -1, 0"))
        return problems

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def _weights(sample_weight: Any, table: pd.DataFrame) -> np.ndarray:
    rows = np.zeros((len(table), 1))
    weight = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    if weight.sum() == 0:
        raise DataError("all sample weights are zero\n  hint: at least one row must count")
    return np.asarray(weight)


def _check_two_classes(target: np.ndarray) -> None:
    if len(np.unique(target)) < 2:
        raise DataError("the target has one class only among the rows with a positive weight")


def _plain_params(params: dict[str, Any]) -> dict[str, Any]:
    plain = {**params, "monotone": None if params["monotone"] is None else dict(params["monotone"])}
    if not isinstance(plain["random_state"], int | type(None)):
        plain["random_state"] = None
    return plain
