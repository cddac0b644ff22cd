"""The adapter of `FraudDetector`: the rules of the library are part of what is learned, and cases stand in rings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from custintel.adapters._fraud_sections import fraud_sections
from custintel.adapters._review_figures import ReviewedRows
from custintel.adapters._table_classifier import EventAdapter, event_metrics
from custintel.adapters.adapter import (
    LearnerSettings,
    Metric,
    MetricWords,
    ScoreColumn,
    TrainingRows,
    customers_of_rows,
    intervals,
)
from custintel.fraud import FraudDetector
from custintel.learners.feature_contract import MIN_LEVEL_COUNT
from custintel.rules import RuleBase
from custintel.rules.builtin_rules import add_builtin_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.reports.model.evaluation import Evaluation
    from custintel.reports.model.own_section import Section

_RULES_AT = "2000-01-01"  # no time of the clock: the same rows give the same model
_OTHER = "other"
_DIGITS = 12  # the last digits of sums differ from run to run, and must not change the order of the list
_SHARES = ("review_precision", "review_recall")
_OWN_METRICS = ("auc", "average_precision", "lift_10", "brier", "ece")


class FraudDetectorAdapter(EventAdapter):
    """`FraudDetector` from the door."""

    learner: ClassVar[str] = "FraudDetector"
    split: ClassVar[str] = "customers"
    single_signs: ClassVar[bool] = True
    metric_words: ClassVar[Mapping[str, MetricWords]] = {
        "review_precision": MetricWords("Precision of the reviews", "Share of cases among the rows that are reviewed"),
        "review_recall": MetricWords("Cases reviewed", "Share of the cases that the reviews find", best=1.0),
        "cost_per_account": MetricWords(
            "Cost of an account",
            "Loss of the cases that are not reviewed and cost of the reviews, for each row, in u",
        ),
        "cost_without_reviews": MetricWords("Cost without reviews", "Loss of all cases, for each row, in u"),
    }

    def new_estimator(self, settings: LearnerSettings) -> Any:
        """A detector with the parameters of its specification; constraints do not apply to it."""
        return FraudDetector(**settings.keywords())

    def fit(self, estimator: Any, rows: TrainingRows) -> Any:
        """Teach the detector, with the rules of the library that the columns allow, and kinds where they are known."""
        if estimator.rules is None:
            estimator.set_params(rules=shipped_rules(rows))
        return estimator.fit(rows.X, rows.y, kinds=_kinds(rows), groups=rings_or_customers(rows))

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """Probability, expected loss, likely kind, and the rules that are met."""
        decided = estimator.decide(X.reset_index(drop=True)).sort_index()
        met = estimator.rules_met(X)
        by_cases = decided["kind"].tolist() if "kind" in decided else [_OTHER] * len(X)
        pairs = zip(by_cases, met, strict=True)
        return pd.DataFrame(
            {
                "probability": decided["probability"].to_numpy().round(_DIGITS),
                "expected_loss": decided["expected_loss"].to_numpy().round(_DIGITS),
                "kind": [_kind_by_rules(estimator, rules) if kind == _OTHER else kind for kind, rules in pairs],
                "rules_met": met.to_numpy(),
            },
            index=X.index,
        )

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:  # noqa: ARG002
        """The scored columns."""
        return (
            ScoreColumn("probability", "share", "Calibrated probability that the line will be confirmed as a case"),
            ScoreColumn("expected_loss", "u", "Probability times the loss of a case that is not stopped"),
            ScoreColumn("kind", "category", "Likeliest kind: by the cases learned from, else by the first rule met"),
            ScoreColumn("rules_met", "category", "Names of the rules that the line matches"),
        )

    def metrics(
        self, rows: TrainingRows, predicted: pd.DataFrame, costs: Mapping[str, float], random_state: int
    ) -> dict[str, Metric]:
        """Order and calibration of the probability; precision, recall and cost under the review budget."""
        found = event_metrics(rows.y, predicted["probability"], costs, random_state)
        reviewed = ReviewedRows.of(rows.y, predicted["probability"], rows.answers, costs)
        groups = customers_of_rows(rows.X.index)
        own = intervals(reviewed.measures(), rows.y, reviewed.score_and_loss, groups, random_state)
        shares = {name: {key: min(max(value, 0.0), 1.0) for key, value in own[name].items()} for name in _SHARES}
        return {**{name: found[name] for name in _OWN_METRICS}, **own, **shares}

    def sections(self, evaluation: Evaluation) -> tuple[Section, ...]:
        """Review budget, queue length, lead, kinds and rules."""
        return fraud_sections(evaluation)


def shipped_rules(rows: TrainingRows) -> RuleBase | None:
    """The rules of the library on fraud that the columns allow, with what legitimate customers usually do."""
    base = RuleBase()
    add_builtin_rules(base, _RULES_AT, map(str, rows.X.columns), "fraud")
    if not len(base):
        return None
    base.learn_profiles(rows.X[rows.y.to_numpy() == 0], by="custintel", at=_RULES_AT)
    return base


def rings_or_customers(rows: TrainingRows) -> Any:
    """What belongs together: the ring of a confirmed line, else the customer; None where every row is a customer."""
    ring = rows.answer("ring")
    if ring is None:
        return rows.groups
    customers = rows.X.index.get_level_values("customer_id") if rows.groups is None else rows.groups
    return np.where(ring.notna(), ring.astype(object), np.asarray(customers, dtype=object))


def _kinds(rows: TrainingRows) -> np.ndarray | None:
    """The kind of each case; one that few lines are of is "other", because its name could point at one of them."""
    kind = rows.answer("kind")
    if kind is None:
        return None
    customers = np.arange(len(rows)) if rows.groups is None else np.asarray(rows.groups)
    lines = pd.Series(customers).groupby(kind.to_numpy(object)).nunique()
    known = set(lines.index[lines >= MIN_LEVEL_COUNT])
    return np.array([k if k in known else _OTHER for k in kind.fillna(_OTHER)], dtype=object)


def _kind_by_rules(estimator: FraudDetector, met: str) -> str:
    """The kind of the first rule of the given base that is met."""
    rules = estimator.rules
    for name in met.split(", ") if met and rules is not None else ():
        if rules is not None and name in rules:
            return str(rules[name].kind or _OTHER)
    return _OTHER
