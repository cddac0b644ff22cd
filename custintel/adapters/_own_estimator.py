"""The adapter of `OwnEstimator`: a classifier or regressor of the user's own (``class: my_package.MyClassifier``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from sklearn.base import RegressorMixin

from custintel.adapters._table_classifier import TableClassifierAdapter
from custintel.adapters._table_regressor import AmountAdapter
from custintel.adapters.adapter import (
    LearnerAdapter,
    LearnerSettings,
    Metric,
    MetricWords,
    ScoreColumn,
    TrainingRows,
)
from custintel.errors import ConfigurationError
from custintel.learners.own_classes import find_class
from custintel.learners.own_estimator import OwnEstimator

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from custintel.adapters.adapter import ScoringContext
    from custintel.artifact import Model
    from custintel.reports.model.evaluation import Evaluation
    from custintel.reports.model.own_section import Section


_AMOUNTS = AmountAdapter()
_CLASSES = TableClassifierAdapter()


class OwnEstimatorAdapter(LearnerAdapter):
    """A class that the user names, from the door; without a name it serves models that were read."""

    learner: ClassVar[str] = "OwnEstimator"
    targets: ClassVar[tuple[str, ...]] = ("yes_no", "class", "amount")
    metric_words: ClassVar[Mapping[str, MetricWords]] = {**_CLASSES.metric_words, **_AMOUNTS.metric_words}

    def __init__(self, path: str = "") -> None:
        self.path = path

    def new_estimator(self, settings: LearnerSettings) -> Any:
        """The user's class with the parameters of its specification.

        Raises
        ------
        ConfigurationError
            When the specification has constraints, which such a class does not know.
        """
        if settings.constraints:
            raise ConfigurationError(
                f"{self.path} knows no constraints\n  given: {', '.join(settings.constraints)}\n"
                "  hint: leave out `constraints`, or use TableClassifier or TableRegressor"
            )
        return OwnEstimator(self.path, params=dict(settings.params), random_state=settings.random_state)

    def fit(self, estimator: Any, rows: TrainingRows) -> Any:
        """Teach the estimator; of two classes by name, neither is the event."""
        side = _AMOUNTS if issubclass(find_class(estimator.learner), RegressorMixin) else _CLASSES
        return side.fit(estimator, rows)

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """Probability, class or amount, as of the learners of the library."""
        return _side(estimator).predict(estimator, X)

    def score(self, model: Model, X: pd.DataFrame, context: ScoringContext) -> pd.DataFrame:
        """As `predict`."""
        return _side(model.estimator).score(model, X, context)

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:
        """Those of an amount, or of classes."""
        return _side(estimator).columns(estimator)

    def rank_column(self, estimator: Any) -> str:
        """Amount or probability."""
        return _side(estimator).rank_column(estimator)

    def metrics(
        self, rows: TrainingRows, predicted: pd.DataFrame, costs: Mapping[str, float], random_state: int
    ) -> dict[str, Metric]:
        """Those of an amount, or of classes."""
        return _side_of_scores(predicted).metrics(rows, predicted, costs, random_state)

    def sections(self, evaluation: Evaluation) -> tuple[Section, ...]:
        """Those of an amount, or of classes."""
        return _side_of_scores(evaluation.predicted).sections(evaluation)

    def headline(self, evaluation: Evaluation) -> tuple[str, ...]:
        """That of an amount, or of classes."""
        return _side_of_scores(evaluation.predicted).headline(evaluation)

    def check(self, rows: TrainingRows, where: str) -> None:
        """Enough rows for the kind of class that was named."""
        kind = find_class(self.path) if self.path else None
        side = _AMOUNTS if kind is not None and issubclass(kind, RegressorMixin) else _CLASSES
        side.check(rows, where)

    def tuning_score(self, estimator: Any, rows: TrainingRows) -> float:
        """As of the learners of the library."""
        return _side(estimator).tuning_score(estimator, rows)


def _side(estimator: Any) -> LearnerAdapter:
    """Amounts or classes, by what was learned."""
    return _CLASSES if hasattr(estimator, "classes_") else _AMOUNTS


def _side_of_scores(predicted: pd.DataFrame | None) -> LearnerAdapter:
    return _AMOUNTS if predicted is not None and "amount" in predicted.columns else _CLASSES
