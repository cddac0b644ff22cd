"""`FraudDetector`: one calibrated probability of fraud or arrears from model, rules, resemblance and anomaly."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from custintel.artifact import Model
from custintel.errors import DataError, ModelError, Problem, QualityWarning, raise_problems
from custintel.fraud._component_scores import (
    clipped_log_odds,
    expert_rule_scores,
    mine_rules,
    out_of_fold_rule_log_odds,
)
from custintel.fraud._detector_contributions import nearest_rule_shares, tail_shares
from custintel.fraud._fraud_kinds import FraudKinds, fit_fraud_kinds
from custintel.fraud._review_queue import review_queue
from custintel.fraud._rows_to_learn import one_row_a_group, rows_to_learn
from custintel.identifiers import identifier_index
from custintel.learners import AnomalyScore, TableClassifier
from custintel.learners.base_estimators import EventClassifier, TableEstimator, integer_seed
from custintel.learners.check_input import as_table
from custintel.learners.ensemble.blend_and_calibration import Calibration, choose_calibration
from custintel.learners.ensemble.inner_folds import fold_of_rows
from custintel.learners.ensemble.logistic_regression import fit_positive
from custintel.learners.feature_contract import MIN_LEVEL_COUNT, EncodedTable, FeatureContract
from custintel.rules import AlarmSettings, LearnSettings, RuleBase
from custintel.rules.rule_score import best_f1_threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from custintel.learners.saved_state_schemas import EstimatorState
    from custintel.rules.rule_states import State


_PENALTY = 1.0
_RULE_SCORES = ("rules", "expert_similarity", "expert_matches")
_FOLDS = 5
_FEWEST = 20


class FraudDetector(EventClassifier, TableEstimator):
    """Probability of fraud or arrears from any customer table, told by the rules a customer matches or resembles.

    Put together are the log-odds of a supervised model (`TableClassifier`), those of rules mined from the same cases
    (`RuleBase.learn`), similarity to the rules of a given base, and how unusual the customer is among its peers
    (`AnomalyScore`). Each component score is learned without the rows that it is weighed on; weights cannot be
    negative; the sum is calibrated on left-out rows. Columns of
    `contact_network_similarity` may be joined to the table.

    Parameters
    ----------
    rules : RuleBase, optional
        A base of expert or earlier rules. Those that fire and whose features the table has are used and named.
    settings : LearnSettings, optional
        How rules are mined; its forbidden columns are read by no part of the detector: not by the model, the rules,
        the kinds or the anomaly score, neither in `fit` nor later. They may be absent later.
    peers : sequence of str
        Columns of categories that make peer groups for anomalies.
    loss : float or str
        Loss of a case that is not stopped, in u; or the column that holds it (read by `decide` only).
    review_cost : float
        Cost of one review, in u.
    pos_label : object, optional
        The label of a case. Without it a known word for yes (yes, true, churned, bad, fraud, ...) is a case, of
        numbers the larger one, otherwise the rarer label, with a warning.
    min_level_count : int
        Levels of a category that fewer customers have are pooled into one; none of them is kept in the model.
    random_state : int, RandomState or None
        Seed of everything random.
    n_jobs : int, optional
        Threads of LightGBM, as in `TableClassifier`.

    Attributes
    ----------
    classes_ : array
        Both labels, sorted: the order of the columns of `predict_proba`.
    pos_label_ : object
        The label of a case.
    rules_ : RuleBase
        Mined rules, each with what it was proved to be worth.
    weights_ : Series
        Weight of each component score (log-odds for a step of one standard deviation) and the intercept.
    threshold_ : float
        Probability that separates cases best (macro F1) on left-out rows.
    kinds_ : FraudKinds or None
        What tells the kinds apart.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"calls": rng.gamma(2, 20, 900).round(), "cells": rng.integers(1, 30, 900)})
    >>> fraud = ((X["calls"] > 50) & (X["cells"] <= 8)).astype(int)
    >>> detector = FraudDetector().fit(X, fraud)
    >>> detector.predict(pd.DataFrame({"calls": [160.0, 10.0], "cells": [2, 20]})).tolist()
    [1, 0]
    """

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter here
        self,
        *,
        rules: RuleBase | None = None,
        settings: LearnSettings | None = None,
        peers: Sequence[str] = (),
        loss: float | str = 200.0,
        review_cost: float = 5.0,
        pos_label: Any = None,
        min_level_count: int = MIN_LEVEL_COUNT,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.rules = rules
        self.settings = settings
        self.peers = peers
        self.loss = loss
        self.review_cost = review_cost
        self.pos_label = pos_label
        self.min_level_count = min_level_count
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, kinds: Any = None, groups: Any = None) -> Self:
        """Learn from customers and confirmed outcomes.

        Parameters
        ----------
        X : data frame or array
            One row a customer: numbers, texts, categories, missing values.
        y : array-like
            Two values; which one is a case, `pos_label` tells.
        kinds : array-like, optional
            Kind of each case (``sim_box``, ``never_payer``, ...); whatever stands at legitimate customers is ignored.
        groups : array-like, optional
            What belongs together: the customer of each row, or the ring of several lines of one fraudster. Rows of a
            group stand on one side of every inner fold, and rules are mined from one row of each. Of the legitimate
            rows of a group at most three, drawn by lot, are learned from; probabilities are corrected for that.

        Warns
        -----
        QualityWarning
            With fewer than 20 cases or legitimate customers (groups, if given): what is put together is then hardly
            weighed.
        """
        seed = integer_seed(self.random_state)
        table, matrix = self._learn_table(X, groups=groups, forbidden=self._forbidden())
        self._check_params(table)
        target = self._learn_event(y)
        check_consistent_length(table, target, *([] if kinds is None else [kinds]))
        together = None if groups is None else np.asarray(groups, dtype=object)
        _warn_of_few(target, together)
        rows, self.legitimate_share_ = rows_to_learn(target, together, seed)
        if together is not None:
            table, matrix, target, together = table.iloc[rows], matrix[rows], target[rows], together[rows]
        kinds = None if kinds is None else np.asarray(kinds, dtype=object)[rows]
        least = self.min_level_count
        encoded = EncodedTable(self._usable(table), _without_forbidden(self.contract_), matrix)
        model = TableClassifier(min_level_count=least, random_state=seed, n_jobs=self.n_jobs)
        self.model_ = model.fit_encoded(encoded, target, together)
        mined_from = one_row_a_group(target, together, seed)
        self.rules_ = mine_rules(encoded.table.iloc[mined_from], target[mined_from], self._learn_settings(seed))
        self.anomaly_ = AnomalyScore(peers=self.peers, min_level_count=least, random_state=seed).fit_encoded(encoded)
        self._fit_weights(encoded, target, seed, together)
        self.kinds_ = None
        if kinds is not None:
            self.kinds_ = fit_fraud_kinds(self._training_table(matrix, target), kinds, seed)
        return self

    def event_probability(self, X: Any) -> np.ndarray:
        """Calibrated probability of being a case, one a customer."""
        return np.asarray(expit(self.event_log_odds(X)))

    def event_log_odds(self, X: Any) -> np.ndarray:
        """Calibrated log-odds of being a case, one a customer."""
        return self._log_odds(self._encode(X))

    def component_scores(self, X: Any) -> pd.DataFrame:
        """The scores that are weighed: model, rules, expert_similarity, expert_matches, anomaly."""
        return self._component_scores(self._encode(X))

    def rules_met(self, X: pd.DataFrame) -> pd.Series:
        """Names of the rules that each customer matches, given and mined, as text; empty for none."""
        check_is_fitted(self)
        table = self._usable(as_table(self, X, fitting=False))
        names = np.full(len(table), "", dtype=object)
        for base, states in self._rule_bases():
            usable = base.restricted_to(table.columns)
            for name, met in usable.match(table, *states).items() if usable.in_state(*states) else ():
                names[met.to_numpy()] += f"{name}, "
        return pd.Series([text.removesuffix(", ") for text in names], X.index, dtype=object, name="rules_met")

    def contributions(
        self, X: pd.DataFrame, kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None
    ) -> pd.DataFrame:
        """What each column adds to the log-odds before calibration.

        They add up, with `expected_value_`, to the log-odds that are calibrated. The share of the model is exact. That
        of the rules is dealt out among the columns of the rule that the customer resembles most, that of the anomaly
        score by how far the customer is in the tails of each column.

        Parameters
        ----------
        X : DataFrame
            Customers.
        kernel : callable, optional
            As in `TableClassifier.contributions`.
        """
        encoded = self._encode(X)
        scores = self._component_scores(encoded)
        weight = self._weight_of_a_unit()
        beyond = (scores - self.means_).mul(weight, axis=1)
        parts = self.model_.contributions(encoded.table, kernel) * weight["model"]
        by_rules = nearest_rule_shares(self._rule_bases(), encoded.table)
        parts = parts.add(by_rules.mul(beyond[list(_RULE_SCORES)].sum(axis=1), axis=0), fill_value=0.0)
        unusual = tail_shares(self.anomaly_.peer_shares(encoded.table)).mul(beyond["anomaly"], axis=0)
        parts = parts.add(unusual, fill_value=0.0)
        names = [c for c in self.contract_.names if c in encoded.table.columns]
        ordered: pd.DataFrame = parts.reindex(columns=names, fill_value=0.0)
        return ordered

    @property
    def expected_value_(self) -> float:
        """Log-odds before calibration of the average customer; contributions start here."""
        start = self._weight_of_a_unit()["model"] * (self.model_.expected_value_ - self.means_[0])
        return float(self.weights_["intercept"] + start)

    @property
    def columns_of_rules_(self) -> list[str]:
        """Columns that the rules read, whether or not the model learned from them."""
        return sorted({name for base, _ in self._rule_bases() for name in base.features()} & set(self.contract_.names))

    def predict_kind_proba(self, X: Any) -> pd.DataFrame:
        """Probability of each kind; the kinds of a customer add up to its probability of being a case."""
        check_is_fitted(self)
        if self.kinds_ is None:
            raise DataError("the detector was fitted without kinds\n  hint: fit(X, y, kinds=...)")
        encoded = self._encode(X)
        found = self.kinds_.shares(encoded.matrix).mul(expit(self._log_odds(encoded)), axis=0)
        return found.set_axis(X.index, axis=0) if isinstance(X, pd.DataFrame) else found

    def decide(self, X: pd.DataFrame, budget: int | None = None) -> pd.DataFrame:
        """Whom to review: probability, expected loss, net benefit of a review, and whether it is due.

        Parameters
        ----------
        X : DataFrame
            Customers.
        budget : int, optional
            Most reviews; the costliest come first. Without one, every review that pays is due.

        Returns
        -------
        DataFrame
            Index of `X`, highest net benefit first: probability, expected_loss, net_benefit, review (bool), and kind
            (the likeliest, where kinds were learned).
        """
        encoded = self._encode(X)
        p = expit(self._log_odds(encoded))
        found = pd.DataFrame({"probability": p, "expected_loss": p * self._loss_of(X)}, index=X.index)
        found["net_benefit"] = found["expected_loss"] - self.review_cost
        if self.kinds_ is not None:
            kinds = self.kinds_.shares(encoded.matrix).mul(p, axis=0)
            found["kind"] = kinds.set_axis(X.index, axis=0).idxmax(axis=1)
        found = found.sort_values("net_benefit", ascending=False, kind="stable")
        first = np.arange(len(found)) < (len(found) if budget is None else budget)
        return found.assign(review=first & (found["net_benefit"] > 0).to_numpy())

    def alarms(self, X: pd.DataFrame, settings: AlarmSettings | None = None) -> pd.DataFrame:
        """Alarms of the rules that a customer matches or resembles, mined and given; see `RuleBase.alarms`.

        A customer whose probability is at or above `threshold_` and who is near no rule gets one of tier ``model``.
        """
        check_is_fitted(self)
        table = as_table(self, X, fitting=False)
        # by position: index labels may repeat
        placed = self._usable(table).set_axis([str(row) for row in range(len(table))], axis=0)
        by_rules = [] if self.rules is None else [self.rules.restricted_to(placed.columns).alarms(placed, settings)]
        if self.rules_ is not None:
            by_rules.append(self.rules_.alarms(placed, settings, "shadow"))
        near = np.unique([int(row) for found in by_rules for row in found.index]).astype(np.int64)
        p = self.event_probability(X)
        rows = np.setdiff1d(np.flatnonzero(p >= self.threshold_), near)
        parts = [*by_rules, self._model_alarms(X, p, rows)]
        found = pd.concat([part for part in parts if len(part)] or parts[:1])  # no rows have no types
        return found.set_axis(identifier_index(table.index[found.index.astype(np.int64)]), axis=0)

    def review(self, X: pd.DataFrame, size: int = 100, *, audit: float = 0.02, random_state: int = 0) -> pd.DataFrame:
        """Whom to show to analysts so that new kinds are seen, too; see `review_queue`."""
        encoded = self._encode(X)
        p = pd.Series(expit(self._log_odds(encoded)), index=X.index)
        unusual = pd.Series(self.anomaly_.score_encoded(encoded), index=X.index, name="anomaly")
        return review_queue(p, unusual, size, audit=audit, random_state=random_state)

    def save(self, folder: str | Path) -> Path:
        """Write the detector as JSON and LightGBM text (no pickle); the given rule base is kept with its history."""
        return Model("fraud", self).save(folder)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote."""
        found = Model.load(folder, {cls.__name__: cls}).estimator
        if not isinstance(found, cls):
            raise ModelError(f"{folder} holds a {type(found).__name__}, no {cls.__name__}\n  hint: use load_model")
        return found

    @staticmethod
    def saved_state() -> type[EstimatorState]:
        """What the state in a file looks like; see `custintel.learners.saved_state_schemas`."""
        from custintel.fraud._saved_state_schema import FraudState

        return FraudState

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data, and the boosters as LightGBM text."""
        parts = {"model": self.model_.to_state(), "anomaly": self.anomaly_.to_state()}
        if self.kinds_ is not None:
            parts["kinds"] = self.kinds_.to_state()
        texts = {f"{part}_{name}": text for part, (_, own) in parts.items() for name, text in own.items()}
        state = {
            **self._table_state(),
            **self._event_state(),
            "mined": None if self.rules_ is None else list(self.rules_.log.events),
            "weights": [[name, float(weight)] for name, weight in self.weights_.items()],
            "means": self.means_.tolist(),
            "spreads": self.spreads_.tolist(),
            "calibration": self.calibration_.to_state(),
            "threshold": self.threshold_,
            "legitimate_share": self.legitimate_share_,
            "parts": {part: own for part, (own, _) in parts.items()},
        }
        state["params"] = {
            **state["params"],
            "rules": None if self.rules is None else list(self.rules.log.events),
            "settings": None if self.settings is None else self.settings.to_state(),
            "peers": list(self.peers),
        }
        return state, texts

    @classmethod
    def from_state(cls, state: Mapping[str, Any], boosters: Mapping[str, str]) -> Self:
        """Read back what `to_state` gave; predictions are the same."""
        given = dict(state["params"])
        given["rules"] = None if given["rules"] is None else RuleBase.from_events(given["rules"])
        given["settings"] = None if given["settings"] is None else LearnSettings.from_state(given["settings"])
        model = cls._from_table_state({**state, "params": given})
        model._take_event(state)
        parts, texts = state["parts"], {part: _own(boosters, f"{part}_") for part in state["parts"]}
        model.model_ = TableClassifier.from_state(parts["model"], texts["model"])
        model.anomaly_ = AnomalyScore.from_state(parts["anomaly"])
        model.kinds_ = FraudKinds.from_state(parts["kinds"], texts["kinds"]) if "kinds" in parts else None
        model.rules_ = None if state["mined"] is None else RuleBase.from_events(state["mined"])
        model.weights_ = pd.Series(dict(state["weights"]), name="weight")
        model.means_, model.spreads_ = np.asarray(state["means"]), np.asarray(state["spreads"])
        model.calibration_ = Calibration.from_state(state["calibration"])
        model.threshold_, model.legitimate_share_ = state["threshold"], state["legitimate_share"]
        return model

    # --- inside ----------------------------------------------------------------------------------------------------

    def _rule_bases(self) -> list[tuple[RuleBase, tuple[State, ...]]]:
        """The bases whose rules count, with the states of those that do."""
        given: list[tuple[RuleBase | None, tuple[State, ...]]] = [
            (self.rules, ("active", "watch")),
            (self.rules_, ("shadow",)),
        ]
        return [(base, states) for base, states in given if base is not None]

    def _weight_of_a_unit(self) -> pd.Series:
        """How much log-odds one unit of each component score is worth."""
        weight: pd.Series = self.weights_.drop("intercept") / self.spreads_
        return weight

    def _encode(self, X: Any) -> EncodedTable:
        """The table without columns that nothing may read, encoded once for all parts."""
        check_is_fitted(self)
        table = self._usable(as_table(self, X, fitting=False))
        return EncodedTable(table, self.contract_, self.contract_.encode(table))

    def _log_odds(self, encoded: EncodedTable) -> np.ndarray:
        scores = self._component_scores(encoded).to_numpy()
        raw = self.weights_["intercept"] + ((scores - self.means_) / self.spreads_) @ self.weights_.to_numpy()[1:]
        return self._of_all_rows(self.calibration_.log_odds(raw))

    def _of_all_rows(self, log_odds: Any) -> np.ndarray:
        """Log-odds among all rows, from those among the rows that were learned from."""
        return np.asarray(np.asarray(log_odds) + np.log(self.legitimate_share_))

    def _component_scores(self, encoded: EncodedTable) -> pd.DataFrame:
        rows = len(encoded.table)
        mined = np.zeros(rows) if self.rules_ is None else clipped_log_odds(self.rules_.score(encoded.table))
        return self._joined_scores(encoded, self.model_.log_odds_encoded(encoded.matrix), mined)

    def _fit_weights(self, encoded: EncodedTable, y: np.ndarray, seed: int, groups: np.ndarray | None) -> None:
        """Weights, calibration and threshold, from scores that have not seen the rows."""
        unseen = self.model_.out_of_fold_
        known = ~np.isnan(unseen)
        model = np.where(known, unseen, self.model_.log_odds_encoded(encoded.matrix))
        mined = np.zeros(len(y))
        if self.rules_ is not None:
            mined = out_of_fold_rule_log_odds(encoded.table, y, self._learn_settings(seed), seed, groups)
        scores = self._joined_scores(encoded, model, mined)
        kept = known if known.any() else np.ones(len(y), dtype=bool)
        values, truth = scores.to_numpy()[kept], y[kept]
        self.means_, self.spreads_ = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9)
        Z = (values - self.means_) / self.spreads_
        fold = fold_of_rows(truth, _FOLDS, None if groups is None else groups[kept], seed)
        raw = np.empty(len(truth))
        for k in range(_FOLDS):
            away = fold == k
            beta = fit_positive(Z[~away], truth[~away], _PENALTY)
            raw[away] = beta[0] + Z[away] @ beta[1:]
        beta = fit_positive(Z, truth, _PENALTY)
        self.weights_ = pd.Series(beta, index=["intercept", *scores.columns], name="weight")
        self.calibration_ = choose_calibration(truth, raw, np.ones(len(truth)), fold)
        threshold = best_f1_threshold(self.calibration_.probability(raw), truth)
        self.threshold_ = float(expit(self._of_all_rows(clipped_log_odds(threshold))))

    def _joined_scores(self, encoded: EncodedTable, model: np.ndarray, mined: np.ndarray) -> pd.DataFrame:
        table = encoded.table
        expert = np.zeros((len(table), 2)) if self.rules is None else expert_rule_scores(self.rules, table)
        unusual = clipped_log_odds(self.anomaly_.score_encoded(encoded))
        return pd.DataFrame(
            {
                "model": model,
                "rules": mined,
                "expert_similarity": expert[:, 0],
                "expert_matches": expert[:, 1],
                "anomaly": unusual,
            },
            index=table.index,
        )

    def _model_alarms(self, X: Any, probability: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
        """Alarms of the model on rows given by position, which is their index, too."""
        p = probability[rows]
        expected = p * self._loss_of(X)[rows]
        common = {"rule": "", "version": "", "category": "fraud", "kind": "", "tier": "model", "similarity": np.nan}
        found = [
            {**common, "matched": [], "missed": [], "unknown": [], "precision": q, "expected_loss": loss}
            | {"severity": 3, "action": ""}
            for q, loss in zip(p.tolist(), expected.tolist(), strict=True)
        ]
        return pd.DataFrame(found, index=[str(row) for row in rows])

    def _loss_of(self, X: Any) -> np.ndarray:
        """What a case costs that is not reviewed, row by row, in u."""
        if isinstance(self.loss, str):
            return np.asarray(as_table(self, X, fitting=False)[self.loss].to_numpy(np.float64))
        return np.full(len(X), float(self.loss))

    def _learn_settings(self, seed: int) -> LearnSettings:
        given = self.settings or LearnSettings(random_state=seed, min_level_count=self.min_level_count)
        return replace(given, forbidden=())  # the guard has taken them out

    def _usable(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table without columns that nothing may read: the one door to every part."""
        banned = self._forbidden()
        return table.drop(columns=[c for c in table.columns if c in banned])

    def _forbidden(self) -> set[str]:
        banned = {str(name) for name in self.settings.forbidden} if self.settings else set()
        return banned | ({self.loss} if isinstance(self.loss, str) else set())

    def _check_params(self, table: pd.DataFrame) -> None:
        found = [
            Problem("settings.forbidden", "no such column", name, ", ".join(table.columns))
            for name in sorted(self._forbidden() - set(table.columns))
            if name != self.loss
        ]
        if isinstance(self.loss, str) and self.loss not in table:
            found.append(Problem("loss", "no such column", self.loss, ", ".join(table.columns)))
        if not isinstance(self.loss, str) and self.loss < 0:
            found.append(Problem("loss", "a negative amount", str(self.loss), "0 or more"))
        if self.review_cost < 0:
            found.append(Problem("review_cost", "a negative amount", str(self.review_cost), "0 or more"))
        raise_problems(found)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def _without_forbidden(contract: FeatureContract) -> FeatureContract:
    return FeatureContract(tuple(column for column in contract.columns if column.kind != "forbidden"))


def _warn_of_few(y: np.ndarray, groups: np.ndarray | None) -> None:
    rows = np.arange(len(y)) if groups is None else groups.astype(str)
    cases, others = len(np.unique(rows[y == 1])), len(np.unique(rows[y == 0]))
    if min(cases, others) < _FEWEST:
        warnings.warn(
            "too few of one kind to weigh model, rules and anomaly against each other\n"
            f"  given: {cases} cases, {others} others\n"
            f"  allowed: {_FEWEST} of each or more\n"
            "  hint: until then take the probability as a rank, and review by rules written by hand",
            QualityWarning,
            stacklevel=3,
        )


def _own(texts: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): text for name, text in texts.items() if name.startswith(prefix)}
