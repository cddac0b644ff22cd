"""The adapters of `TableClassifier` and `ChurnClassifier`: yes-or-no questions, and those answered by a class."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from custintel import metrics
from custintel.adapters import _class_answers as class_answers
from custintel.adapters.adapter import (
    LEAST_ROWS_OF_A_CLASS,
    RESAMPLES,
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

    from custintel.reports.model.evaluation import Evaluation
    from custintel.reports.model.own_section import Section

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
        if min(events, others) < LEAST_ROWS_OF_A_CLASS:
            raise DataError(
                f"too few of one class in {where}\n  given: {events} events and {others} others\n"
                f"  allowed: at least {LEAST_ROWS_OF_A_CLASS} of each"
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
            metric, answer, score, n_resamples=RESAMPLES, random_state=random_state, groups=groups
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
    metric_words: ClassVar[Mapping[str, MetricWords]] = class_answers.CLASS_METRIC_WORDS
    made: ClassVar[type[TableClassifier]] = TableClassifier

    def new_estimator(self, settings: LearnerSettings) -> Any:
        """A classifier with the constraints and parameters of its specification."""
        return self.made(**settings.keywords(monotone=dict(settings.constraints) or None))

    def fit(self, estimator: Any, rows: TrainingRows) -> Any:
        """Teach the classifier; of two classes by name, neither is the event."""
        if _answers_are_classes(rows) and rows.y.nunique() == 2 and estimator.pos_label is None:
            estimator.set_params(pos_label=sorted(rows.y.unique())[-1])
        return super().fit(estimator, rows)

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """The probability of the event, or the likeliest class and the probability of each."""
        return class_answers.class_scores(estimator, X) if _has_classes(estimator) else super().predict(estimator, X)

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:
        """The probability of the event, or class and probabilities."""
        return class_answers.class_columns(estimator) if _has_classes(estimator) else super().columns(estimator)

    def metrics(
        self, rows: TrainingRows, predicted: pd.DataFrame, costs: Mapping[str, float], random_state: int
    ) -> dict[str, Metric]:
        """Those of a yes-or-no question, or log loss, accuracy and mean AUC of the classes."""
        if "class" in predicted.columns:
            return class_answers.class_metrics(rows, predicted, random_state)
        return super().metrics(rows, predicted, costs, random_state)

    def sections(self, evaluation: Evaluation) -> tuple[Section, ...]:
        """Of classes the confusion table."""
        return (class_answers.confusion_section(evaluation),) if _tells_classes(evaluation) else ()

    def headline(self, evaluation: Evaluation) -> tuple[str, ...]:
        """Of classes how often the likeliest one is right."""
        return class_answers.class_headline(evaluation) if _tells_classes(evaluation) else ()

    def check(self, rows: TrainingRows, where: str) -> None:
        """Enough rows of both answers, or of two classes."""
        if _answers_are_classes(rows):
            class_answers.check_classes(rows, where)
        else:
            super().check(rows, where)

    def tuning_score(self, estimator: Any, rows: TrainingRows) -> float:
        """The AUC; of classes the log loss with its sign turned."""
        if _has_classes(estimator):
            return class_answers.class_tuning_score(estimator, rows)
        return super().tuning_score(estimator, rows)


def _answers_are_classes(rows: TrainingRows) -> bool:
    """Whether the answers are names or several numbers; yes and no come as 1 and 0."""
    return not set(rows.y.unique().tolist()) <= {0, 1}


def _has_classes(estimator: Any) -> bool:
    """Whether it answers by classes; one that has learned nothing yet answers yes or no."""
    return not set(np.asarray(getattr(estimator, "classes_", [0, 1])).tolist()) <= {0, 1}


def _tells_classes(evaluation: Evaluation) -> bool:
    return evaluation.predicted is not None and "class" in evaluation.predicted.columns


class ChurnClassifierAdapter(TableClassifierAdapter):
    """`ChurnClassifier` from the door."""

    learner: ClassVar[str] = "ChurnClassifier"
    made: ClassVar[type[TableClassifier]] = ChurnClassifier
