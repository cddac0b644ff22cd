"""The adapter of `ChurnSurvival`: how long customers stay, and why they leave."""

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
from custintel.learners import ChurnSurvival
from custintel.metrics.survival_metrics import concordance_index, integrated_brier_score, kaplan_meier
from custintel.reports.model.evaluation import shown_count
from custintel.reports.model.own_section import Line, LineChart, Section, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.reports.model.evaluation import Evaluation


_AT = (3, 6, 12)
_LONGEST = 24
_SOON = 3
_FEWEST_EXITS = 10
_LOYALTY = (
    ("days_used_30d", "out_active_days_30d", 30.0, "share", "Share of the last 30 days on which the customer used us"),
    (
        "recommends",
        "last_nps_score_180d",
        1.0,
        "points",
        "Last answer whether the customer would recommend us, 0 to 10",
    ),
)


class ChurnSurvivalAdapter(LearnerAdapter):
    """`ChurnSurvival` from the door."""

    learner: ClassVar[str] = "ChurnSurvival"
    targets: ClassVar[tuple[str, ...]] = ("duration",)
    rank_by: ClassVar[str] = "leaves_3m"
    metric_words: ClassVar[Mapping[str, MetricWords]] = {
        "concordance": MetricWords(
            "Concordance",
            "Share of pairs in which the customer who left earlier was expected to",
            3,
            chance=0.5,
            best=1,
        ),
        "integrated_brier": MetricWords(
            "Integrated Brier score",
            "Mean squared error of the chance to stay over the months; lower is better",
            4,
            best=0,
        ),
        "leaving_ratio": MetricWords(
            "Leaving, predicted over observed", "Customers expected to leave by the end, over those who did", 3, best=1
        ),
    }

    def new_estimator(self, settings: LearnerSettings) -> ChurnSurvival:
        """A model that goes on beyond the months watched at each customer's late hazard."""
        return ChurnSurvival(**settings.keywords(extrapolate=True))

    def fit(self, estimator: Any, rows: TrainingRows) -> Any:
        """Teach it months and causes; without causes a plain table has only customers who left."""
        return estimator.fit(rows.X, rows.y, cause=rows.answer("cause"), groups=rows.groups)

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """Chance to stay 3, 6 and 12 months, months to go, likeliest cause, and what else tells of loyalty."""
        after = estimator.survival(X, _LONGEST)
        found = pd.DataFrame({"leaves_3m": 1 - after[_SOON]}, index=X.index)
        for months in _AT:
            found[f"stays_{months}m"] = after[months]
        found["expected_months"] = _expected_months(after.to_numpy()[:, : _AT[-1]])
        found["median_months"] = _median_months(after.to_numpy())
        found["likeliest_cause"] = _likeliest_cause(estimator, X)
        for name, column, scale, _, _ in _LOYALTY:
            if column in X:
                found[name] = pd.to_numeric(X[column], errors="coerce") / scale
        return found

    def judged(self, estimator: Any, rows: TrainingRows) -> pd.DataFrame:
        """The same, and the chance to stay after each month up to the last one watched."""
        after = estimator.survival(rows.X, int(rows.y.max()))
        return self.predict(estimator, rows.X).join(after.add_prefix("survival_"))

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:
        """Chances, months and cause."""
        names = {column.name for column in estimator.contract_.columns}
        beyond = f" (beyond month {estimator.observed_months_} the last hazards go on)"
        return (
            ScoreColumn("leaves_3m", "share", "Chance to leave within 3 months"),
            *(ScoreColumn(f"stays_{m}m", "share", f"Chance to be here after {m} months{beyond}") for m in _AT),
            ScoreColumn(
                "expected_months", "months", "Months of the next 12 in which the customer is expected to be here"
            ),
            ScoreColumn(
                "median_months", "months", f"Month after which half would have left; missing beyond {_LONGEST}"
            ),
            ScoreColumn("likeliest_cause", "category", "Likeliest cause of leaving"),
            *(ScoreColumn(n, unit, about) for n, column, _, unit, about in _LOYALTY if column in names),
        )

    def metrics(
        self,
        rows: TrainingRows,
        predicted: pd.DataFrame,
        costs: Mapping[str, float],  # noqa: ARG002
        random_state: int,
    ) -> dict[str, Metric]:
        """Concordance, integrated Brier score, and leaving predicted over observed."""
        curves, left = survival_columns(predicted), _left(rows.answers, len(rows))
        outcome = np.column_stack([rows.y.to_numpy(np.int64), left])
        measures = {
            "concordance": lambda y, s: concordance_index(y[:, 0], y[:, 1], 1 - s[:, -1]),
            "integrated_brier": lambda y, s: integrated_brier_score(y[:, 0], y[:, 1], s),
            "leaving_ratio": _leaving_ratio,
        }
        return intervals(measures, outcome, curves, customers_of_rows(rows.X.index), random_state)

    def sections(self, evaluation: Evaluation) -> tuple[Section, ...]:
        """The predicted curve against Kaplan-Meier, for all, by tenth, and by cause."""
        return (_curve_section(evaluation), _tenths_section(evaluation), _causes_section(evaluation))

    def headline(self, evaluation: Evaluation) -> tuple[str, ...]:
        """How well the order of leaving was foreseen."""
        found = evaluation.model.metadata["metrics"]
        order, ratio = found["concordance"], found["leaving_ratio"]
        return (
            f"Of two customers the one who leaves earlier is told in {order['value']:.0%} of the cases",
            f"95 % interval {order['low']:.0%} to {order['high']:.0%}, {len(evaluation.y):,} customers. For each "
            f"customer who left, {ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f}) had been expected.",
        )

    def check(self, rows: TrainingRows, where: str) -> None:
        """Enough customers who left."""
        super().check(rows, where)
        left = int(_left(rows.answers, len(rows)).sum())
        if left < _FEWEST_EXITS:
            raise DataError(
                f"too few customers left in {where}\n  given: {left} of {len(rows):,}\n"
                f"  allowed: at least {_FEWEST_EXITS}\n  hint: more months of data, or a longer horizon"
            )


def survival_columns(predicted: pd.DataFrame) -> np.ndarray:
    """The chance to stay after each month watched, rows x months."""
    return predicted[[name for name in predicted.columns if name.startswith("survival_")]].to_numpy(np.float64)


def _left(answers: pd.DataFrame, rows: int) -> np.ndarray:
    """Who left; all, where no cause is told."""
    return answers["cause"].notna().to_numpy() if "cause" in answers else np.ones(rows, dtype=bool)


def _expected_months(after: np.ndarray) -> np.ndarray:
    before = np.concatenate([np.ones((len(after), 1)), after[:, :-1]], axis=1)
    return np.asarray(((before + after) / 2).sum(axis=1))


def _median_months(after: np.ndarray) -> np.ndarray:
    """First month after which the chance to be here is at most a half; missing where there is none."""
    gone = after <= 0.5
    return np.where(gone.any(axis=1), gone.argmax(axis=1) + 1.0, np.nan)


def _likeliest_cause(estimator: Any, X: pd.DataFrame) -> np.ndarray:
    by_cause = estimator.incidence(X, _AT[-1])
    last = np.column_stack([table.iloc[:, -1].to_numpy() for table in by_cause.values()])
    names: np.ndarray = np.asarray(list(by_cause), dtype=object)[last.argmax(axis=1)]
    return names


def _leaving_ratio(outcome: np.ndarray, curves: np.ndarray) -> float:
    """Customers expected to leave over those who did, as far as they were watched (Kaplan-Meier)."""
    observed = 1 - float(kaplan_meier(outcome[:, 0], outcome[:, 1], curves.shape[1]).iloc[-1])
    return float((1 - curves[:, -1]).mean()) / observed if observed > 0 else float("nan")


def _curve_section(evaluation: Evaluation) -> Section:
    """The mean of the predicted curves beside the observed one."""
    assert evaluation.predicted is not None
    assert evaluation.answers is not None
    curves, left = survival_columns(evaluation.predicted), _left(evaluation.answers, len(evaluation.y))
    observed = kaplan_meier(evaluation.y.to_numpy(np.int64), left, curves.shape[1])
    x = tuple(float(month) for month in range(curves.shape[1] + 1))
    lines = (
        Line("predicted", x, (1.0, *curves.mean(axis=0).tolist())),
        Line("observed (Kaplan-Meier)", x, (1.0, *observed.tolist())),
    )
    rows = tuple((m + 1, float(curves[:, m].mean()), float(observed.iloc[m])) for m in range(curves.shape[1]))
    return Section(
        "Who is still here",
        "Share of the customers of the test date who are still here after each month. The two curves should lie on one "
        "another.",
        (
            LineChart("Survival", "months after the date", "share still here", lines),
            Table(("Month", "Predicted", "Observed"), rows, digits=3),
        ),
    )


def _tenths_section(evaluation: Evaluation) -> Section:
    """Predicted against observed leaving by tenth of predicted risk."""
    assert evaluation.predicted is not None
    assert evaluation.answers is not None
    curves, left = survival_columns(evaluation.predicted), _left(evaluation.answers, len(evaluation.y))
    months, last = evaluation.y.to_numpy(np.int64), curves.shape[1]
    rows = []
    for k, part in enumerate(np.array_split(np.argsort(curves[:, -1], kind="stable"), 10), 1):
        seen = 1 - float(kaplan_meier(months[part], left[part], last).iloc[-1])
        said = float(1 - curves[part, -1].mean())
        rows.append((k, len(part), said, seen, said / seen if seen else None))
    x = tuple(float(row[0]) for row in rows)
    lines = (Line("predicted", x, tuple(r[2] for r in rows)), Line("observed", x, tuple(r[3] for r in rows)))
    return Section(
        "Leaving by tenth",
        f"Customers in ten groups by the predicted chance to leave within {last} months, the highest first.",
        (
            LineChart("Share that leaves", "tenth of customers", "share", lines),
            Table(("Tenth", "Customers", "Predicted", "Observed", "Ratio"), tuple(rows), digits=3),
        ),
    )


def _causes_section(evaluation: Evaluation) -> Section:
    """Why customers left, predicted and observed."""
    assert evaluation.answers is not None
    model, last = evaluation.model.estimator, int(evaluation.y.max())
    by_cause = model.incidence(evaluation.X, last)
    cause = evaluation.answers["cause"] if "cause" in evaluation.answers else pd.Series(dtype=object)
    rows = []
    for name, table in by_cause.items():
        shown = shown_count(int((cause == name).sum()), evaluation.smallest_group)
        rows.append((name, float(table.iloc[:, -1].sum()), shown))
    return Section(
        "Why customers leave",
        f"Exits within {last} months by cause. Customers who could not be watched to the end are not among those seen.",
        (Table(("Cause", "Predicted exits", "Exits seen"), tuple(rows), digits=1),),
    )
