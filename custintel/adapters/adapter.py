"""A learner seen from the door: what `train`, `score`, `report` and MLflow need to know of it, and nothing else.

`LearnerAdapter` says which targets a learner takes, how it is made and taught, which columns it scores with their
units, how good its answers are, and what it adds to the report. A learner that is new to the library needs one subclass
in a file of its own, and a line in `registry`.

>>> column = ScoreColumn("amount", "u", "Expected bill of the next month")
>>> column.name, column.unit
('amount', 'u')
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from custintel.errors import DataError
from custintel.metrics.confidence_intervals import interval_around, resampled_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from custintel.artifact import Model
    from custintel.reports.model.evaluation import Evaluation
    from custintel.reports.model.own_section import Section
    from custintel.warehouse import Warehouse

Metric = dict[str, float]
"""Value, and both ends of the 95 % interval: ``{"value": 0.7, "low": 0.6, "high": 0.8}``."""


@dataclass(frozen=True)
class ScoreColumn:
    """A column that a learner scores, or reads beside those of ``features/``: its name, unit and meaning."""

    name: str
    unit: str
    about: str
    about_zh: str = ""
    reason: str = ""


@dataclass(frozen=True)
class MetricWords:
    """How a metric is called and read: its name, what it says, decimals, the value of chance and the best one."""

    name: str
    say: str
    digits: int = 3
    chance: float | None = None
    best: float | None = None


@dataclass(frozen=True)
class TrainingRows:
    """Rows to learn from, or to be judged on.

    Attributes
    ----------
    X : DataFrame
        Features; index (as_of, customer_id), or customer_id, or the row number of a flat table.
    y : Series
        The answer: 0 or 1, an amount, a class as text, months. No missing ones.
    answers : DataFrame
        Further facts about the outcome, same rows: cause, kind, treatment, offer, propensity, margins.
    groups : array, optional
        The customer of each row, when some have several.
    """

    X: pd.DataFrame
    y: pd.Series
    answers: pd.DataFrame
    groups: Any = None

    def __len__(self) -> int:
        return len(self.X)

    def take(self, rows: Any) -> TrainingRows:
        """Some of the rows, by position or as a mask."""
        groups = None if self.groups is None else np.asarray(self.groups)[rows]
        return TrainingRows(self.X.iloc[rows], self.y.iloc[rows], self.answers.iloc[rows], groups)

    def without(self, columns: Sequence[str]) -> TrainingRows:
        """The same rows without some features."""
        return replace(self, X=self.X.drop(columns=list(columns)))

    def answer(self, name: str) -> Any:
        """A further column of the answers, or None where the question has none."""
        return self.answers[name] if name in self.answers.columns else None

    @staticmethod
    def joined(first: TrainingRows, second: TrainingRows) -> TrainingRows:
        """Both, one after the other; each row belongs to the customer of its index."""
        X = pd.concat([first.X, second.X])
        groups = X.index.get_level_values("customer_id").to_numpy() if "customer_id" in X.index.names else None
        answers = pd.concat([first.answers, second.answers])
        return TrainingRows(X, pd.concat([first.y, second.y]), answers, groups)


@dataclass(frozen=True)
class LearnerSettings:
    """What an estimator is made of: fixed and tuned parameters, constraints by column, seed and threads."""

    params: Mapping[str, Any] = field(default_factory=dict)
    constraints: Mapping[str, int] = field(default_factory=dict)
    random_state: int = 0
    n_jobs: int | None = None

    def keywords(self, **own: Any) -> dict[str, Any]:
        """Keywords of an estimator: seed and threads, those that its adapter adds, and over them the parameters.

        >>> LearnerSettings({"n_jobs": 2}).keywords(extrapolate=True)
        {'random_state': 0, 'n_jobs': 2, 'extrapolate': True}
        """
        return {"random_state": self.random_state, "n_jobs": self.n_jobs, **own, **self.params}


@dataclass(frozen=True)
class ScoringContext:
    """What is known when customers are scored from an operator's tables.

    Attributes
    ----------
    customers : array
        The customer of each row of the features.
    wh, as_of : Warehouse and day, optional
        The operator's tables and the day; None for a flat table.
    """

    customers: Any
    wh: Warehouse | None = None
    as_of: pd.Timestamp | None = None


class LearnerAdapter:
    """What the door needs to know of one learner; a subclass for each.

    Attributes
    ----------
    learner : str
        Name of the class of the estimator, as model files give it.
    targets : tuple of str
        Targets it takes: yes_no, amount, class, duration, response, experiment.
    rank_by : str
        The scored column by which the list is sorted, highest first, and cut into deciles.
    deciles : bool
        Whether scores carry a decile.
    split : {"time", "customers"}
        Whether rows are judged on later dates, or on other customers of the same dates (experiments).
    single_signs : bool
        Whether one column may rank nearly all events alone, as a sign of fraud does: it is then no leak, where features
        are built as of a date.
    metric_words : mapping
        Name and meaning of each metric.
    """

    learner: ClassVar[str]
    targets: ClassVar[tuple[str, ...]]
    rank_by: ClassVar[str] = "probability"
    deciles: ClassVar[bool] = True
    split: ClassVar[str] = "time"
    single_signs: ClassVar[bool] = False
    metric_words: ClassVar[Mapping[str, MetricWords]] = {}

    def new_estimator(self, settings: LearnerSettings) -> Any:
        """An estimator that has not been fitted."""
        raise NotImplementedError

    def fit(self, estimator: Any, rows: TrainingRows) -> Any:
        """Teach the estimator; returns it."""
        return estimator.fit(rows.X, rows.y, groups=rows.groups)

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """The scored columns of rows, in the order of the list of scores; index as `X`."""
        raise NotImplementedError

    def judged(self, estimator: Any, rows: TrainingRows) -> pd.DataFrame:
        """The scored columns of rows whose answer is known; of the offer made, where there were offers."""
        return self.predict(estimator, rows.X)

    def score(self, model: Model, X: pd.DataFrame, context: ScoringContext) -> pd.DataFrame:  # noqa: ARG002
        """The scored columns of customers; a learner that needs the operator's tables reads them from the context."""
        return self.predict(model.estimator, X)

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:
        """The scored columns with unit and meaning."""
        raise NotImplementedError

    def metrics(
        self, rows: TrainingRows, predicted: pd.DataFrame, costs: Mapping[str, float], random_state: int
    ) -> dict[str, Metric]:
        """How good the answers are on rows that were never learned from, each with its 95 % interval."""
        raise NotImplementedError

    def sections(self, evaluation: Evaluation) -> tuple[Section, ...]:  # noqa: ARG002
        """What the learner adds to the report."""
        return ()

    def headline(self, evaluation: Evaluation) -> tuple[str, ...]:  # noqa: ARG002
        """The sentence a hurried reader should take away, and further ones; empty: that of yes-or-no questions."""
        return ()

    def rank_column(self, estimator: Any) -> str:  # noqa: ARG002
        """The scored column by which rows are put in order; what was learned may decide which."""
        return self.rank_by

    def check(self, rows: TrainingRows, where: str) -> None:
        """Refuse rows from which nothing can be learned, or on which nothing can be judged."""
        if not len(rows):
            raise DataError(
                f"no rows with a known answer in {where}\n  hint: more months of data, or a shorter horizon"
            )

    def extra_features(
        self,
        wh: Warehouse,  # noqa: ARG002
        dates: Sequence[pd.Timestamp],  # noqa: ARG002
        spec: Mapping[str, Any],  # noqa: ARG002
    ) -> pd.DataFrame | None:
        """Columns beside those of ``features/`` that the learner reads (margins), index (as_of, customer_id)."""
        return None

    def extra_columns(self) -> tuple[ScoreColumn, ...]:
        """Unit, meaning and reason group of the columns of `extra_features`, for reasons and reports."""
        return ()

    def tuning_score(self, estimator: Any, rows: TrainingRows) -> float:  # noqa: ARG002
        """How good an estimator is on rows it has not seen, for the search of parameters: more is better."""
        raise DataError(f"{self.learner} has no parameters to search\n  hint: leave out tune (--tune)")


def metric_suffix(name: str) -> str:
    """The name of an offer or treatment as the end of the name of a metric, with characters that MLflow takes.

    >>> metric_suffix("15 % off (six months)")
    '15_off_six_months'
    """
    return re.sub(r"\W+", "_", name).strip("_")


def customers_of_rows(index: pd.Index) -> Any:
    """Customer of each row, when some have several; None otherwise."""
    if "customer_id" not in index.names:
        return None
    customers = index.get_level_values("customer_id")
    return None if customers.is_unique else customers.to_numpy()


def intervals(
    metrics: Mapping[str, Callable[[Any, Any], float]], y: Any, score: Any, groups: Any = None, random_state: int = 0
) -> dict[str, Metric]:
    """Each metric of (y, score) with its 95 % interval over resampled customers (rows, where `groups` is None).

    `score` may have several columns (classes, quantiles): rows are drawn, and the metric is computed again.

    >>> found = intervals({"mae": lambda y, s: float(abs(y - s).mean())}, np.arange(50.0), np.arange(50.0) + 1)
    >>> found["mae"]
    {'value': 1.0, 'low': 1.0, 'high': 1.0}
    """
    answer, given = np.asarray(y), np.asarray(score)
    draws = resampled_rows(len(answer), groups, RESAMPLES, random_state)
    found = {}
    for name, metric in metrics.items():
        again = np.array([metric(answer[rows], given[rows]) for rows in draws])
        interval = interval_around(float(metric(answer, given)), again)
        found[name] = {key: float(value) for key, value in interval._asdict().items()}
    return found


RESAMPLES = 200
"""Draws of the bootstrap behind an interval."""

LEAST_ROWS_OF_A_CLASS = 10
"""Rows of each answer without which nothing is learned and nothing judged."""
