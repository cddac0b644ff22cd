"""A kind of fraud that nobody knew: what a few reviewed cases have in common, and everybody who resembles them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from custintel.errors import DataError
from custintel.learners import AnomalyScore
from custintel.metrics.score_ranking import event_of, event_probability
from custintel.rules import Rule
from custintel.rules.learning.anomaly_rules import describe_group
from custintel.rules.learning.rule_overlap import covering_rule
from custintel.rules.rule_condition import condition_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custintel.rules import RuleBase


_BINS = 8
_PRIOR = 4.0
_FEWEST_NOVEL = 3
_HALF_SURE = 8.0
_RELABELLED = 0.05
_KINDS_SHARE = 0.02


@dataclass(frozen=True)
class NewFraudKind:
    """How much more often the cases of a new kind are where a customer is than legitimate customers are.

    Among its peers every legitimate customer is spread evenly over the percentiles of each feature; the reviewed cases
    are not. The sum over features of the logs of both shares (naive Bayes, smoothed towards neighbours) ranks customers
    by resemblance. It needs no labels of others, which may hide more of the same kind.
    """

    usual: AnomalyScore
    weights: np.ndarray
    cases: int

    @classmethod
    def learn(cls, usual: AnomalyScore, cases: pd.DataFrame) -> NewFraudKind:
        """From a fitted `AnomalyScore` and the features of the reviewed cases."""
        places = _percentile_bins(usual, cases)
        counts = np.stack([np.bincount(p, minlength=_BINS + 1) for p in places.T]).astype(float)
        inner = np.pad(counts[:, :_BINS], ((0, 0), (1, 1)), mode="edge")
        counts[:, :_BINS] = 0.25 * inner[:, :-2] + 0.5 * inner[:, 1:-1] + 0.25 * inner[:, 2:]
        return cls(usual, counts, len(cases))

    def log_ratio(self, X: pd.DataFrame, among: pd.DataFrame) -> pd.Series:
        """Resemblance of each customer; `among` are the customers whose spread counts as usual."""
        base = np.stack([np.bincount(p, minlength=_BINS + 1) for p in _percentile_bins(self.usual, among).T]) + 1.0
        base /= base.sum(axis=1, keepdims=True)
        share = (self.weights + _PRIOR * base) / (self.weights.sum(axis=1, keepdims=True) + _PRIOR)
        table, places = np.log(share / base), _percentile_bins(self.usual, X)
        total = sum(table[k, places[:, k]] for k in range(places.shape[1]))
        return pd.Series(np.asarray(total), index=X.index, name="resemblance")


@dataclass(frozen=True)
class RelearnedModel:
    """What is known after a review: the model learned again, and the new kind if there is one.

    Attributes
    ----------
    model : classifier
        Learned from the old and the reviewed labels, without doubtful customers that were only assumed legitimate.
    new_kind : NewFraudKind or None
        None when fewer than three reviewed cases were missed by the known model.
    novel : Index
        The reviewed cases that the known model had not called cases.
    """

    model: Any
    new_kind: NewFraudKind | None
    novel: pd.Index
    _among: pd.DataFrame = field(repr=False)

    def rank(self, X: pd.DataFrame) -> pd.Series:
        """Suspicion of each customer among `X`, 0 to 1: the model's rank, and the resemblance to the new kind.

        The more cases the new kind was learned from, the more it counts (half at eight).
        """
        p = pd.Series(event_probability(self.model, X), X.index).rank(pct=True)
        if self.new_kind is None:
            return p.rename("suspicion")
        share = self.new_kind.cases / (self.new_kind.cases + 2 * _HALF_SURE)
        like = self.new_kind.log_ratio(X, self._among).rank(pct=True)
        return ((1 - share) * p + share * like).rename("suspicion")

    def propose_rules(
        self,
        base: RuleBase,
        X: pd.DataFrame,
        *,
        forbidden: Iterable[str] = (),
        by: str = "review",
        at: Any = None,
    ) -> list[Rule]:
        """Propose rules for the new kind: of those who resemble it most, by the model and by the cases.

        Parameters
        ----------
        base : RuleBase
            The base; what it covers is not proposed again.
        X : DataFrame
            Customers, as many as possible; they need no labels.
        forbidden : iterable of str
            Columns that the rules may not read.
        by, at : str, time
            Who and when, for the log.

        Returns
        -------
        list of Rule
            What was proposed; a person has to confirm cases before it may fire.
        """
        if not len(self.novel):
            return []
        readable = _without_forbidden_columns(self.model, X)
        banned = set(forbidden) - (set(X.columns) - set(readable.columns))
        like = self.rank(X)
        if self.new_kind is not None:
            like = like + self.new_kind.log_ratio(X, self._among).rank(pct=True)
        added = []
        for share in (_KINDS_SHARE / 2, _KINDS_SHARE, 2 * _KINDS_SHARE):
            top = (like.rank(ascending=False, method="first") <= max(share * len(X), 20)).to_numpy()
            found = describe_group(readable, top, forbidden=banned)
            if found is None or covering_rule(base, found.node, X):
                continue
            rule = Rule(f"new_kind_{len(base) + 1:03d}", condition_text(found.node), origin="anomaly", kind="new")
            reason = f"resembles {len(self.novel)} reviewed cases that no known kind explains"
            added.append(base.add(rule, by=by, reason=reason, evidence=found.to_evidence(), at=at))
        return added


def relearn(model: Any, X: pd.DataFrame, y: Any, reviewed: pd.DataFrame, outcomes: Any) -> RelearnedModel:
    """Learn again after a review, so that a kind nobody had labelled is found.

    Of the customers that were only assumed legitimate, the twentieth that a model suspects which has not seen them, and
    the twentieth that resembles the novel cases most, are left out: what nobody noticed must not teach innocence.

    Parameters
    ----------
    model : classifier
        Fitted on `X` and `y`, with ``predict_proba`` (`FraudDetector`, `TableClassifier`, ...).
    X, y
        What it was fitted on, or `y` as 0 and 1; 0 may only mean "nobody complained".
    reviewed : DataFrame
        Features of the customers that were looked at (`review_queue` chooses them).
    outcomes : array-like
        What the review said: 1 for cases.

    Examples
    --------
    >>> from custintel.learners import TableClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"calls": rng.poisson(20, 800), "abroad": rng.poisson(2, 800), "cells": rng.poisson(9, 800)})
    >>> known = (X["calls"] > 28).astype(int)
    >>> model = TableClassifier(effort="fast").fit(X, known)
    >>> strange = pd.DataFrame({"calls": [20, 18, 22, 19], "abroad": 15, "cells": 1}, index=["a", "b", "c", "d"])
    >>> found = relearn(model, X, known, strange, [1, 1, 1, 1])
    >>> len(found.novel)
    4
    """
    confirmed, labels = _cases(model, outcomes), _cases(model, y)
    if len(confirmed) != len(reviewed) or len(labels) != len(X):
        raise DataError("as many outcomes as customers are needed, reviewed and old")
    usual = AnomalyScore().fit(_without_forbidden_columns(model, X))
    novel = _novel_cases(model, X, reviewed, confirmed)
    kind = NewFraudKind.learn(usual, reviewed[novel]) if novel.sum() >= _FEWEST_NOVEL else None
    doubtful = _most_suspected(model, X, labels)
    if kind is not None:
        doubtful |= _highest(kind.log_ratio(X, X).to_numpy(), _RELABELLED)
    keep = ~(doubtful & (labels == 0))
    rows = pd.concat([X[keep], reviewed], ignore_index=True)
    again = _unfitted(model).fit(rows, _labels(model, np.concatenate([labels[keep], confirmed])))
    return RelearnedModel(again, kind, reviewed.index[novel], X)


def _cases(model: Any, y: Any) -> np.ndarray:
    """1.0 for cases: by the labels of the model, or 0 and 1."""
    values = np.asarray(y)
    if set(np.unique(values).tolist()) <= set(np.asarray(model.classes_).tolist()):
        return np.asarray(values == event_of(model), dtype=np.float64)
    return np.asarray(values, dtype=np.float64)


def _labels(model: Any, cases: np.ndarray) -> np.ndarray:
    """The labels of the model again."""
    event = event_of(model)
    other = next(label for label in np.asarray(model.classes_).tolist() if label != event)
    return np.asarray(np.where(cases == 1, event, other))


def _unfitted(model: Any) -> Any:
    """The model before it learned, told which label is the event."""
    again = clone(model)
    return again.set_params(pos_label=event_of(model)) if hasattr(model, "pos_label_") else again


def _without_forbidden_columns(model: Any, X: pd.DataFrame) -> pd.DataFrame:
    """The table without columns that the model may not read: what looks for new kinds may not either."""
    contract = getattr(model, "contract_", None)
    banned = set() if contract is None else {c.name for c in contract.columns if c.kind == "forbidden"}
    return X.drop(columns=[c for c in X.columns if str(c) in banned])


def _most_suspected(model: Any, X: pd.DataFrame, y: np.ndarray) -> np.ndarray:
    """Customers assumed legitimate that a model which has not seen them suspects most: they may be unnoticed cases."""
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    blank = clone(model)
    if hasattr(blank, "pos_label"):
        blank.set_params(pos_label=None)  # 1 is the event here
    p = cross_val_predict(blank, X, y.astype(int), cv=folds, method="predict_proba")[:, 1]
    p[y == 1] = -1
    return _highest(p, _RELABELLED)


def _highest(values: np.ndarray, share: float) -> np.ndarray:
    return np.asarray(values > np.quantile(values, 1 - share))


def _novel_cases(model: Any, X: pd.DataFrame, reviewed: pd.DataFrame, confirmed: np.ndarray) -> np.ndarray:
    """Reviewed cases that the known model ranks below its most suspicious twentieth."""
    limit = np.quantile(event_probability(model, X), 0.95)
    return np.asarray((confirmed == 1) & (event_probability(model, reviewed) < limit))


def _percentile_bins(usual: AnomalyScore, X: pd.DataFrame) -> np.ndarray:
    """Bin of each percentile; the last one for missing values."""
    shares = usual.peer_shares(X).to_numpy()
    place = np.clip(np.nan_to_num(shares) * _BINS, 0, _BINS - 1).astype(np.int64)
    return np.where(np.isnan(shares), _BINS, place)
