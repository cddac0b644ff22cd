"""`TableClassifier`: calibrated probabilities of an outcome with two or more classes, from any customer table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, check_is_fitted

from custintel.errors import DataError
from custintel.learners._ensemble_estimator import EnsembleEstimator
from custintel.learners._several_classes import ClassEnsembles, class_codes, has_several_classes
from custintel.learners.base_estimators import CELLS_FOR_ONE_THREAD, EventClassifier, integer_seed
from custintel.learners.check_input import as_table
from custintel.learners.ensemble._effort import Effort, override, plan_fit
from custintel.learners.ensemble._ensemble import Ensemble, FittedEnsemble, fit_ensemble
from custintel.learners.ensemble.blend_and_calibration import Calibration
from custintel.learners.feature_contract import MIN_LEVEL_COUNT, EncodedTable, FeatureContract, learn_contract

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd


class TableClassifier(EventClassifier, EnsembleEstimator):
    """Probability of any outcome with two or more values, from any customer table.

    The table may hold numbers, text, categories, booleans, dates and missing values as they are. Small LightGBM
    models, fitted on inner folds, are blended with a ridge logistic regression by out-of-fold log loss, then
    calibrated. Larger tables get fewer and larger models. With fewer than 20 customers in one class only the ridge
    remains. Where random folds would flatter, because columns name the period and periods differ (rows in the order of
    time), the parts are averaged instead of chosen: see `drifting_`.

    Of three classes or more (up to 30) each is learned against all others in this way; the calibrated probabilities are
    then divided by their sum. There is no event then: `pos_label` is not read, `event_probability` and `pos_label_` do
    not exist, and `log_odds` has a column for each class.

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
        All labels, sorted: the order of the columns of `predict_proba`.
    pos_label_ : object
        The label of the event (two classes only).
    contract_ : FeatureContract
        Kinds, categories and ranges of the columns.
    ensemble_ : Ensemble
        Boosters, linear part and their weights.
    calibration_ : Calibration
        Map from log-odds to probability.
    class_ensembles_ : ClassEnsembles or None
        Of three classes or more an ensemble with its calibration for each, in place of the two above.
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
    >>> import pandas as pd
    >>> table = pd.DataFrame({"plan": ["S", "M"] * 30, "bill": range(60)})
    >>> paid_late = (table["bill"] < 30).map({True: "yes", False: "no"})
    >>> model = TableClassifier(effort="fast").fit(table, paid_late)
    >>> model.predict(table.iloc[[0, 59]]).tolist()
    ['yes', 'no']
    """

    calibration_: Calibration
    class_ensembles_: ClassEnsembles | None
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
            Two values, of which `pos_label` tells the event, or up to 30.
        sample_weight : array-like, optional
            Weight of each row.
        groups : array-like, optional
            Customer of each row: rows of one customer stay on one side of every inner fold.
        """
        table = as_table(self, X, fitting=True)
        target = self._learn_classes(y)
        check_consistent_length(table, target, groups)
        weight = _weights(sample_weight, table)
        keep = weight > 0
        if not keep.all():
            table, target, weight = table[keep], target[keep], weight[keep]
            groups = None if groups is None else np.asarray(groups)[keep]
            _check_all_classes(target, len(self.classes_))
        self.contract_ = learn_contract(table, self.min_level_count, groups)
        self._check_params()
        self._fit_matrix(self._learning_matrix(table), target, weight, groups)
        return self

    def fit_encoded(self, encoded: EncodedTable, y: Any, groups: Any = None) -> Self:
        """Learn as `fit` does, from a table that is encoded already; every row counts the same."""
        table = as_table(self, encoded.table, fitting=True)
        target = self._learn_classes(y)
        check_consistent_length(table, target)
        self.contract_ = encoded.contract
        self._check_params()
        matrix = encoded.matrix.astype(np.float32 if table.size > CELLS_FOR_ONE_THREAD else np.float64, copy=False)
        self._fit_matrix(matrix, target, np.ones(len(target)), groups)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Calibrated probabilities of all classes in the order of `classes_`, one row a customer."""
        check_is_fitted(self)
        if self.class_ensembles_ is None:
            return super().predict_proba(X)
        return self.class_ensembles_.probabilities(self.log_odds(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """Calibrated log-odds of the last of two classes; of more classes the logarithms of their probabilities."""
        check_is_fitted(self)
        if self.class_ensembles_ is None:
            return super().decision_function(X)
        return np.asarray(np.log(np.maximum(self.predict_proba(X), 1e-300)))

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each customer."""
        check_is_fitted(self)
        if self.class_ensembles_ is None:
            return super().predict(X)
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def event_probability(self, X: Any) -> np.ndarray:
        """Calibrated probability of the event (of two classes), one a customer."""
        raw = self.log_odds(X)
        self._check_event()
        return self.calibration_.probability(raw)

    def event_log_odds(self, X: Any) -> np.ndarray:
        """Calibrated log-odds of the event (of two classes), one a customer."""
        raw = self.log_odds(X)
        self._check_event()
        return self.calibration_.log_odds(raw)

    def log_odds(self, X: Any) -> np.ndarray:
        """Log-odds of the event before calibration: the scale on which contributions add up."""
        return self.log_odds_encoded(self.encode(X))

    def log_odds_encoded(self, matrix: np.ndarray) -> np.ndarray:
        """The same as `log_odds`, from the matrix that `encode` gives."""
        check_is_fitted(self)
        if self.class_ensembles_ is not None:
            return self.class_ensembles_.log_odds(matrix, self._threads(matrix))
        return self.ensemble_.log_odds(matrix, self._threads(matrix))

    def contributions(
        self, X: Any, kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None, *, target: Any = None
    ) -> pd.DataFrame:
        """Exact additive contributions of every column to the log-odds before calibration.

        They add up, with `expected_value_`, to `log_odds(X)`. Columns that the model does not use contribute 0.

        Parameters
        ----------
        X : data frame or array
            Customers.
        kernel : callable, optional
            ``kernel(booster, matrix)`` gives tree SHAP values (rows x (columns + 1), the last one the expected value);
            LightGBM's own when None.
        target : object, optional
            Of three classes or more the one to explain: what speaks for it rather than for any other. Each row's
            likeliest class when None.
        """
        matrix = self.encode(X)
        if self.class_ensembles_ is None:
            return self._as_frame(self._explained(self.ensemble_, matrix, kernel), X)
        threads = self._threads(matrix)
        asked = self._explained_classes(matrix, target)
        return self._as_frame(self.class_ensembles_.contributions(matrix, asked, threads, kernel), X)

    @property
    def expected_value_(self) -> float | np.ndarray:
        """Log-odds before calibration of the average customer (one for each of several classes): the start."""
        if self.class_ensembles_ is not None:
            return self.class_ensembles_.expected_values
        return self.ensemble_.expected_value

    @property
    def drifting_(self) -> bool:
        """Whether random folds flatter on the training table, taken in its order."""
        if self.class_ensembles_ is not None:
            return any(one.drifting for one in self.class_ensembles_.ensembles)
        return self.ensemble_.drifting

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data, and the boosters as LightGBM text."""
        check_is_fitted(self)
        state = {
            "class": type(self).__name__,
            "params": self._plain_params(),
            "named": hasattr(self, "feature_names_in_"),
            "contract": self.contract_.to_state(),
        }
        if self.class_ensembles_ is not None:
            parts, texts = self.class_ensembles_.to_state()
            return {**state, **self._labels_state(), "class_ensembles": parts}, texts
        state |= {
            **self._event_state(),
            "ensemble": self.ensemble_.to_state(),
            "calibration": self.calibration_.to_state(),
        }
        return state, {f"booster_{k}": text for k, text in enumerate(self.ensemble_.texts)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], boosters: Mapping[str, str]) -> Self:
        """Read back what `to_state` gave; predictions are the same."""
        model = cls(**state["params"])
        model._take_contract(FeatureContract.from_state(state["contract"]), state["named"])
        if "class_ensembles" in state:
            model._take_labels(state)
            model.class_ensembles_ = ClassEnsembles.from_state(state["class_ensembles"], boosters)
            return model
        model._take_event(state)
        model.class_ensembles_ = None
        texts = tuple(boosters[f"booster_{k}"] for k in range(len(boosters)))
        model.ensemble_ = Ensemble.from_state(state["ensemble"], texts)
        model.calibration_ = Calibration.from_state(state["calibration"])
        return model

    def _learn_classes(self, y: Any) -> np.ndarray:
        """The target as 0.0 and 1.0, or as codes of several classes; `classes_` is learned."""
        if not has_several_classes(y):
            return self._learn_event(y)
        self.classes_, codes = class_codes(y)
        if hasattr(self, "pos_label_"):
            del self.pos_label_
        return codes

    def _fit_matrix(self, matrix: np.ndarray, y: np.ndarray, weight: np.ndarray, groups: Any) -> None:
        if len(self.classes_) == 2:
            self.class_ensembles_ = None
            self.ensemble_, self.calibration_, self.out_of_fold_ = self._fit_event(matrix, y, weight, groups)
            return
        targets = [(y == k).astype(np.float64) for k in range(len(self.classes_))]
        fitted = [self._fit_event(matrix, target, weight, groups) for target in targets]
        self.class_ensembles_ = ClassEnsembles(tuple(f.ensemble for f in fitted), tuple(f.calibration for f in fitted))
        self.out_of_fold_ = np.column_stack([f.out_of_fold for f in fitted])

    def _fit_event(self, matrix: np.ndarray, y: np.ndarray, weight: np.ndarray, groups: Any) -> FittedEnsemble:
        plan = plan_fit(len(y), int(min(y.sum(), len(y) - y.sum())), self.effort)
        return fit_ensemble(
            matrix,
            y,
            weight,
            groups=None if groups is None else np.asarray(groups),
            names=[c.name for c in self.contract_.used],
            levels=self._levels(),
            dates=tuple(j for j, c in enumerate(self.contract_.used) if c.kind == "date"),
            monotone=self._signs(),
            plan=override(plan, self._given_trees()),
            random_state=integer_seed(self.random_state),
            threads=self._threads(matrix),
        )

    def _importance(self, columns: int) -> np.ndarray:
        if self.class_ensembles_ is not None:
            return self.class_ensembles_.importance(columns)
        return super()._importance(columns)

    def _explained_classes(self, matrix: np.ndarray, target: Any) -> np.ndarray:
        """Position of the class that each row is explained for."""
        if target is None:
            log_odds = self.log_odds_encoded(matrix)
            return np.asarray(self.class_ensembles_.probabilities(log_odds).argmax(axis=1))  # type: ignore[union-attr]
        labels = self.classes_.tolist()
        if target not in labels:
            raise DataError(f"no such class to explain\n  given: {target!r}\n  allowed: {', '.join(map(repr, labels))}")
        return np.full(len(matrix), labels.index(target))

    def _check_event(self) -> None:
        if self.class_ensembles_ is not None:
            raise DataError(
                f"there is no event among {len(self.classes_)} classes\n  hint: predict_proba(X) has a column for each"
            )


def _weights(sample_weight: Any, table: pd.DataFrame) -> np.ndarray:
    rows = np.zeros((len(table), 1))
    weight = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    if weight.sum() == 0:
        raise DataError("all sample weights are zero\n  hint: at least one row must count")
    return np.asarray(weight)


def _check_all_classes(target: np.ndarray, classes: int) -> None:
    found = len(np.unique(target))
    if found < classes:
        told = "one class only" if found == 1 else f"{found} of {classes} classes only"
        raise DataError(f"the target has {told} among the rows with a positive weight")
