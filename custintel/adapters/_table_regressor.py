"""The adapter of `TableRegressor`: amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from custintel.adapters.adapter import (
    LearnerAdapter,
    LearnerSettings,
    Metric,
    MetricWords,
    ScoreColumn,
    TrainingRows,
    customers_of_rows,
    intervals,
)
from custintel.errors import DataError
from custintel.learners import TableRegressor
from custintel.metrics.amount_metrics import portfolio_ratio, rank_correlation, tenths
from custintel.reports.model.own_section import BarChart, Line, LineChart, Section, Table, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from custintel.reports.model.evaluation import Evaluation


_QUANTILES = (0.1, 0.9)
_LEAST_ROWS = 20


class AmountAdapter(LearnerAdapter):
    """What all learners of an amount share: its metrics, and sums by tenth in the report."""

    targets: ClassVar[tuple[str, ...]] = ("amount",)
    rank_by: ClassVar[str] = "amount"
    metric_words: ClassVar[Mapping[str, MetricWords]] = {
        "sum_ratio": MetricWords("Predicted sum over actual sum", "1 means that the total is right", 3, None, 1.0),
        "spearman": MetricWords("Rank correlation", "whether the order of customers is right (Spearman)", 3, 0.0, 1.0),
        "mae": MetricWords("Mean absolute error", "how far an amount is off, in its own unit", 2, None, 0.0),
        "rmse": MetricWords("Root mean squared error", "the same, with large errors weighing more", 2, None, 0.0),
        "pinball": MetricWords("Pinball loss", "how good the quantiles 10 % and 90 % are", 2, None, 0.0),
        "coverage": MetricWords("Coverage", "share of customers between the quantiles 10 % and 90 %", 3, None, 0.8),
    }

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """The expected amount."""
        return pd.DataFrame({"amount": np.asarray(estimator.predict(X), dtype=np.float64)}, index=X.index)

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:  # noqa: ARG002
        """The expected amount."""
        return (ScoreColumn("amount", "u", "Expected amount, in the unit of the question"),)

    def metrics(
        self,
        rows: TrainingRows,
        predicted: pd.DataFrame,
        costs: Mapping[str, float],  # noqa: ARG002
        random_state: int,
    ) -> dict[str, Metric]:
        """Errors, rank correlation and sum; of quantiles their loss and coverage."""
        measures: dict[str, Callable[[Any, Any], float]] = dict(_AMOUNT_METRICS)
        if "amount_high" in predicted.columns:
            measures |= _QUANTILE_METRICS
        given = predicted.select_dtypes("number").to_numpy(np.float64)
        return intervals(measures, rows.y.to_numpy(np.float64), given, customers_of_rows(rows.y.index), random_state)

    def sections(self, evaluation: Evaluation) -> tuple[Section, ...]:
        """The sum of predicted against actual amounts, by tenth of the predicted amount."""
        assert evaluation.predicted is not None
        return (amounts_section(evaluation.y.to_numpy(np.float64), evaluation.predicted["amount"].to_numpy()),)

    def headline(self, evaluation: Evaluation) -> tuple[str, ...]:
        """The total and the order in one sentence."""
        assert evaluation.predicted is not None
        y, amount = evaluation.y.to_numpy(np.float64), evaluation.predicted["amount"].to_numpy()
        return (
            f"The {len(y):,} customers were expected to make up {amount.sum():,.0f} together; it was {y.sum():,.0f}.",
            f"The rank correlation of expected and actual amounts is {rank_correlation(y, amount):.2f}.",
        )

    def check(self, rows: TrainingRows, where: str) -> None:
        """Enough rows, and amounts that differ."""
        if len(rows) < _LEAST_ROWS:
            raise DataError(
                f"too few rows with a known amount in {where}\n  given: {len(rows)}\n  allowed: {_LEAST_ROWS} or more"
            )
        if rows.y.nunique() < 2:
            raise DataError(
                f"all amounts are the same in {where}\n  hint: check the target of the question and its window"
            )

    def tuning_score(self, estimator: Any, rows: TrainingRows) -> float:
        """The mean squared error, with its sign turned."""
        return -float(np.mean((rows.y.to_numpy(np.float64) - estimator.predict(rows.X)) ** 2))


class TableRegressorAdapter(AmountAdapter):
    """`TableRegressor` from the door."""

    learner: ClassVar[str] = "TableRegressor"

    def new_estimator(self, settings: LearnerSettings) -> Any:
        """A regressor with the constraints and parameters of its specification."""
        return TableRegressor(**settings.keywords(monotone=dict(settings.constraints) or None))

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """The expected amount, and the quantiles 10 % and 90 %."""
        found = super().predict(estimator, X)
        quantiles = estimator.predict_quantiles(X, _QUANTILES).to_numpy()
        return found.assign(amount_low=quantiles[:, 0], amount_high=quantiles[:, 1])

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:
        """The expected amount and its quantiles."""
        return (
            *super().columns(estimator),
            ScoreColumn("amount_low", "u", "One in ten such customers has a smaller amount"),
            ScoreColumn("amount_high", "u", "One in ten such customers has a larger amount"),
        )


def amounts_section(y: np.ndarray, amount: np.ndarray) -> Section:
    """Tenths of the customers by expected amount: mean expected and actual, and the ratio of the sums."""
    tenth = tenths(amount)
    rows = [(k, y[tenth == k], amount[tenth == k]) for k in np.unique(tenth).tolist()]
    table = tuple(
        (
            k,
            len(actual),
            float(expected.mean()),
            float(actual.mean()),
            _ratio(expected.sum(), actual.sum()),
        )
        for k, actual, expected in rows
    )
    numbers = tuple(float(row[0]) for row in table)
    lines = (
        Line("expected", numbers, tuple(row[2] for row in table)),
        Line("actual", numbers, tuple(row[3] for row in table)),
    )
    chart = LineChart("Expected and actual amount by tenth", "tenth of the customers", "mean amount", lines)
    zero = BarChart("Customers without an amount", ("share of zeros",), (float((y == 0).mean()),), digits=2)
    headings = ("Tenth", "Customers", "Mean expected", "Mean actual", "Sum expected over actual")
    total = _ratio(amount.sum(), y.sum())
    said = "not known (nothing came)" if total is None else f"{total:.3f}"
    return Section(
        "Expected against actual amounts",
        "Customers in ten groups by their expected amount, the highest first. Where both columns agree, sums can be "
        "planned with, for all customers and for a chosen part of them.",
        (
            Text((f"The sum of expected amounts over actual ones is {said}.",)),
            chart,
            zero,
            Table(headings, table),
        ),
    )


def _ratio(expected: float, actual: float) -> float | None:
    return None if actual == 0 else float(expected / actual)


def _mae(y: np.ndarray, given: np.ndarray) -> float:
    return float(np.abs(given[:, 0] - y).mean())


def _rmse(y: np.ndarray, given: np.ndarray) -> float:
    return float(np.sqrt(((given[:, 0] - y) ** 2).mean()))


def _pinball(y: np.ndarray, given: np.ndarray) -> float:
    """Mean over both quantiles."""
    losses = []
    for share, column in zip(_QUANTILES, (1, 2), strict=True):
        away = y - given[:, column]
        losses.append(float(np.maximum(share * away, (share - 1) * away).mean()))
    return float(np.mean(losses))


def _coverage(y: np.ndarray, given: np.ndarray) -> float:
    return float(((y >= given[:, 1]) & (y <= given[:, 2])).mean())


_AMOUNT_METRICS: Mapping[str, Callable[[Any, Any], float]] = {
    "sum_ratio": lambda y, given: portfolio_ratio(y, given[:, 0]),
    "spearman": lambda y, given: rank_correlation(y, given[:, 0]),
    "mae": _mae,
    "rmse": _rmse,
}
_QUANTILE_METRICS: Mapping[str, Callable[[Any, Any], float]] = {"pinball": _pinball, "coverage": _coverage}
