"""The adapter of `CreditScorecard`: points, bands, probabilities and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from custintel.adapters._credit_sections import credit_sections
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
from custintel.credit import CreditScorecard
from custintel.metrics import ks_score
from custintel.metrics.discrimination import gini

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.reports.model.evaluation import Evaluation
    from custintel.reports.model.own_section import Section

_SHARED_METRICS = ("auc", "average_precision", "lift_10", "brier", "ece")


class CreditScorecardAdapter(EventAdapter):
    """`CreditScorecard` from the door."""

    learner: ClassVar[str] = "CreditScorecard"
    metric_words: ClassVar[Mapping[str, MetricWords]] = {
        "gini": MetricWords("Gini", "How well the score puts bad customers before good ones", chance=0.0, best=1.0),
        "ks": MetricWords("KS", "Largest distance between the scores of good and of bad", chance=0.0, best=1.0),
    }

    def new_estimator(self, settings: LearnerSettings) -> Any:
        """A card with the directions and parameters of its specification."""
        given = {"monotone": dict(settings.constraints) or None, "random_state": settings.random_state}
        return CreditScorecard(**{**given, **settings.params})

    def fit(self, estimator: Any, rows: TrainingRows) -> Any:
        """Teach the card; a table without tenure or mean bill gets no limits."""
        if not set(estimator.limit_columns) <= set(map(str, rows.X.columns)):
            estimator.set_params(limits=None)
        return estimator.fit(rows.X, rows.y, groups=rows.groups)

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """Points, band, probability, and the limit where limits are set."""
        found = {
            "points": estimator.points(X).to_numpy(),
            "band": estimator.band(X).to_numpy(object),
            "probability": estimator.event_probability(X),
        }
        if estimator.limits is not None:
            found["limit"] = estimator.credit_limit(X).to_numpy()
        return pd.DataFrame(found, index=X.index)

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:
        """The scored columns."""
        limit = (ScoreColumn("limit", "u", "Credit limit: mean bills by tenure and risk, between floor and cap"),)
        return (
            ScoreColumn("points", "points", f"Score; {estimator.pdo:g} points more double the odds of paying"),
            ScoreColumn("band", "category", "Score band; A holds the best customers"),
            ScoreColumn("probability", "share", "Probability of default that the points stand for"),
            *(limit if estimator.limits is not None else ()),
        )

    def metrics(
        self, rows: TrainingRows, predicted: pd.DataFrame, costs: Mapping[str, float], random_state: int
    ) -> dict[str, Metric]:
        """AUC, Gini, KS, Brier score and calibration."""
        p = predicted["probability"]
        found = event_metrics(rows.y, p, costs, random_state)
        groups = customers_of_rows(rows.X.index)
        own = intervals({"gini": gini, "ks": ks_score}, rows.y, p, groups, random_state)
        return {**{name: found[name] for name in _SHARED_METRICS}, **own}

    def sections(self, evaluation: Evaluation) -> tuple[Section, ...]:
        """The card, KS, bands and swap set."""
        return credit_sections(evaluation)
