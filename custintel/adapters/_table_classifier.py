"""The adapters of `TableClassifier` and `ChurnClassifier`: yes-or-no questions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from custintel import metrics
from custintel.adapters.adapter import (
    LearnerAdapter,
    LearnerSettings,
    Metric,
    MetricWords,
    ScoreColumn,
    TrainingRows,
    customers_of_rows,
)
from custintel.errors import DataError
from custintel.learners import ChurnClassifier, TableClassifier
from custintel.metrics import calibration, confidence_intervals, discrimination
from custintel.metrics.score_ranking import event_probability

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LEAST_ROWS_OF_A_CLASS = 10
_RESAMPLES = 200
_COSTS = ("clv", "offer_cost", "contact_cost", "alpha", "beta")


class EventAdapter(LearnerAdapter):
    """What all learners of a yes-or-no answer share: a probability, its metrics, and enough rows of both answers."""

    targets: ClassVar[tuple[str, ...]] = ("yes_no",)
    metric_words: ClassVar[Mapping[str, MetricWords]] = {}  # those of yes-or-no questions stand in the report itself

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """The calibrated probability of the event."""
        return pd.DataFrame({"probability": event_probability(estimator, X)}, index=X.index)

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:  # noqa: ARG002
        """The probability."""
        return (ScoreColumn("probability", "share", "Calibrated probability that the answer is yes"),)

    def metrics(
        self, rows: TrainingRows, predicted: pd.DataFrame, costs: Mapping[str, float], random_state: int
    ) -> dict[str, Metric]:
        """AUC, average precision, lift of the top tenth, Brier score, calibration error and expected profit."""
        return event_metrics(rows.y, predicted["probability"], costs, random_state)

    def check(self, rows: TrainingRows, where: str) -> None:
        """Enough of both answers to learn and to judge."""
        events = int(rows.y.sum())
        others = len(rows) - events
        if min(events, others) < _LEAST_ROWS_OF_A_CLASS:
            raise DataError(
                f"too few of one class in {where}\n  given: {events} events and {others} others\n"
                f"  allowed: at least {_LEAST_ROWS_OF_A_CLASS} of each"
            )

    def tuning_score(self, estimator: Any, rows: TrainingRows) -> float:
        """The AUC."""
        return float(roc_auc_score(rows.y, event_probability(estimator, rows.X)))


def event_metrics(y: pd.Series, p: pd.Series, costs: Mapping[str, float], random_state: int = 0) -> dict[str, Metric]:
    """Value and 95 % interval (bootstrap over customers) of each metric of a probability."""
    answer, score = y.to_numpy(np.float64), p.to_numpy(np.float64)
    groups = customers_of_rows(p.index)
    judged = {}
    for name, metric in _metrics(costs).items():
        interval = confidence_intervals.bootstrap_interval(
            metric, answer, score, n_resamples=_RESAMPLES, random_state=random_state, groups=groups
        )
        judged[name] = {key: float(value) for key, value in interval._asdict().items()}
    return judged


def _metrics(costs: Mapping[str, float]) -> dict[str, Callable[..., Any]]:
    """The metrics of a probability; profit with the costs of its specification."""
    money: dict[str, Any] = {name: float(costs[name]) for name in _COSTS if name in costs}
    return {
        "auc": discrimination.auc,
        "average_precision": discrimination.average_precision,
        "lift_10": partial(metrics.lift_score, at=0.1),
        "brier": calibration.brier,
        "ece": metrics.ece_score,
        "empc": partial(metrics.empc_score, **money),
    }


class TableClassifierAdapter(EventAdapter):
    """`TableClassifier` from the door."""

    learner: ClassVar[str] = "TableClassifier"
    targets: ClassVar[tuple[str, ...]] = ("yes_no", "class")
    made: ClassVar[type[TableClassifier]] = TableClassifier

    def new_estimator(self, settings: LearnerSettings) -> Any:
        """A classifier with the constraints and parameters of its specification."""
        given = {
            "monotone": dict(settings.constraints) or None,
            "random_state": settings.random_state,
            "n_jobs": settings.n_jobs,
        }
        return self.made(**{**given, **settings.params})


class ChurnClassifierAdapter(TableClassifierAdapter):
    """`ChurnClassifier` from the door."""

    learner: ClassVar[str] = "ChurnClassifier"
    made: ClassVar[type[TableClassifier]] = ChurnClassifier
