"""`ProfitThreshold`: contact or not, at the cut-off that earned most on customers the model had not seen."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import cross_val_predict
from sklearn.utils.validation import _num_samples, check_is_fitted

from custintel.errors import Problem, raise_problems
from custintel.learners.check_input import binary_target
from custintel.metrics import contact_value
from custintel.metrics.individual_profit import money_column
from custintel.metrics.score_ranking import event_probability


class ProfitThreshold(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose `predict` says whom to contact: the threshold is set by profit under a capacity.

    Out-of-fold probabilities of cross-validation choose the threshold; the classifier is then fitted on all rows.
    With individual values the threshold is on the expected profit of a contact (`contact_value`), otherwise the two
    are the same order.

    Parameters
    ----------
    estimator : classifier
        With ``predict_proba``; two classes.
    clv, offer_cost : float or str
        Value of a kept customer and cost of the offer, or the column of X that holds them.
    contact_cost, take_up : float
        Cost of a contact, share of contacted churners who accept.
    capacity : float, optional
        Most customers contacted, as a share of those in `fit`.
    cv : int or splitter
        Folds.
    pos_label : object, optional
        The label of those to contact. Without it the ``pos_label`` of the classifier, or the common rule: a known word
        for yes, of numbers the larger one, else the rarer label, with a warning.

    Attributes
    ----------
    estimator_ : classifier
        Fitted on all rows.
    threshold_ : float
        Least expected profit of a contact.
    profit_ : float
        Profit per customer of the out-of-fold campaign.
    classes_ : array
        The two classes, sorted.
    pos_label_ : object
        The label of those to contact.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.arange(200.0)[:, None], (np.arange(200) >= 150).astype(int)
    >>> model = ProfitThreshold(LogisticRegression(), clv=100, capacity=0.2).fit(X, y)
    >>> round(float(model.predict(X).mean()), 2)
    0.2
    """

    estimator_: Any
    threshold_: float
    profit_: float
    classes_: np.ndarray

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter here
        self,
        estimator: Any,
        *,
        clv: Any = 200.0,
        offer_cost: Any = 10.0,
        contact_cost: float = 1.0,
        take_up: float = 0.3,
        capacity: float | None = None,
        cv: Any = 5,
        pos_label: Any = None,
    ) -> None:
        self.estimator = estimator
        self.clv = clv
        self.offer_cost = offer_cost
        self.contact_cost = contact_cost
        self.take_up = take_up
        self.capacity = capacity
        self.cv = cv
        self.pos_label = pos_label

    def fit(self, X: Any, y: Any, **fit_params: Any) -> Self:
        """Choose the threshold by cross-validation, then fit the classifier.

        Parameters
        ----------
        X, y : as the classifier takes them
            Customers and outcomes.
        **fit_params
            For the classifier.
        """
        self._check_params()
        asked = self.pos_label if self.pos_label is not None else getattr(self.estimator, "pos_label", None)
        found = binary_target(y, asked)
        self.estimator_ = self._with_event(found.event).fit(X, found.labels, **fit_params)
        self.classes_, self.pos_label_ = self.estimator_.classes_, found.event
        if hasattr(self.estimator_, "n_features_in_"):
            self.n_features_in_ = self.estimator_.n_features_in_
        if hasattr(self.estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.estimator_.feature_names_in_
        unseen = cross_val_predict(
            self._with_event(None), X, found.y.astype(int), cv=self.cv, method="predict_proba", params=fit_params
        )
        expected = self._expected(unseen[:, 1], X)
        self.threshold_, self.profit_ = _best_threshold(expected, self._expected(found.y, X), self.capacity)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The class to contact for those worth it, the other class for the rest."""
        worth = self.contact_value(X) >= self.threshold_
        return np.asarray(self.classes_[np.where(worth, self._contact_column, 1 - self._contact_column)])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classifier."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict_proba(X))

    def contact_value(self, X: Any) -> np.ndarray:
        """Expected profit of contacting each customer."""
        check_is_fitted(self)
        return self._expected(event_probability(self, X), X)

    @property
    def _contact_column(self) -> int:
        """Column of those to contact."""
        return int(np.flatnonzero(self.classes_ == self.pos_label_)[0])

    def _with_event(self, event: Any) -> Any:
        """A classifier to fit, told the event if it can be."""
        inner = clone(self.estimator)
        return inner.set_params(pos_label=event) if hasattr(inner, "pos_label") else inner

    def _expected(self, p: np.ndarray, X: Any) -> np.ndarray:
        rows = _num_samples(X)
        given = (self.clv, self.offer_cost)
        clv, offer_cost = (money_column(v, X) if isinstance(v, str) else np.full(rows, float(v)) for v in given)
        return contact_value(p, clv, offer_cost, self.contact_cost, self.take_up)

    def _check_params(self) -> None:
        problems = []
        if self.capacity is not None and not 0 < self.capacity <= 1:
            problems.append(Problem("capacity", "not a share of customers", str(self.capacity), "above 0, up to 1"))
        if not 0 < self.take_up <= 1:
            problems.append(Problem("take_up", "not a share", str(self.take_up), "above 0, up to 1"))
        raise_problems(problems)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import get_tags

        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.classifier_tags.multi_class = False
        return tags


def _best_threshold(expected: np.ndarray, profit_of_each: np.ndarray, capacity: float | None) -> tuple[float, float]:
    """The threshold with the largest profit, contacting at most a share; nobody when nothing is earned."""
    order = np.argsort(-expected, kind="stable")
    ranked = expected[order]
    profit = np.cumsum(profit_of_each[order])
    most = len(ranked) if capacity is None else max(1, int(capacity * len(ranked)))
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    ends = ends[ends < most]
    if not len(ends) or profit[ends].max() <= 0:
        return float(ranked[0] + 1.0), 0.0
    best = int(ends[np.argmax(profit[ends])])
    return float(ranked[best]), float(profit[best] / len(ranked))
