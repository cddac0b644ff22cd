"""The adapter of `ValueModel`: what a customer will bring, beside what the customer has brought and brings now."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from custintel.adapters.adapter import (
    LearnerAdapter,
    LearnerSettings,
    Metric,
    MetricWords,
    ScoreColumn,
    ScoringContext,
    TrainingRows,
    customers_of_rows,
    intervals,
)
from custintel.metrics.amount_metrics import portfolio_ratio, rank_correlation, tenths
from custintel.reports.model.own_section import BarChart, Line, LineChart, Section, Table, Text
from custintel.value import ValueModel, ValueTerms, customer_value
from custintel.value.tiers_of_list import value_tiers
from custintel.value.value_training_table import past_margins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from custintel.artifact import Model
    from custintel.reports.model.evaluation import Evaluation
    from custintel.warehouse import Warehouse


_MARGIN = "margin_"
_COLUMNS = (
    ScoreColumn("pv", "u", "Potential value: discounted margin expected over the horizon"),
    ScoreColumn("expected_margin", "u", "The same without discount"),
    ScoreColumn("months_here", "months", "Expected months of the horizon in which the customer is still here"),
    ScoreColumn("margin_a_month", "u", "Expected margin a month while the customer is here"),
)
_LISTED = (
    ScoreColumn("hv", "u", "Historical value: margin of all months up to the current window"),
    ScoreColumn("cv", "u", "Current value: margin of the last three months"),
    ScoreColumn("run_rate", "u", "Margin a month of late, without one-off items"),
    ScoreColumn("annualised", "u", "Twelve times the run rate"),
    *_COLUMNS,
    ScoreColumn("cross_sell", "u", "Net value of what the customer may still buy; 0 where none was given"),
    ScoreColumn("total", "u", "hv + cv + pv + cross_sell"),
    ScoreColumn("active_months", "months", "Months of the current window in which the line was in service"),
    ScoreColumn("short_history", "flag", "The line has fewer months than the current window"),
    ScoreColumn("revenue_value", "flag", "No unit costs are known: all money is revenue"),
    ScoreColumn("extrapolated", "flag", "The horizon is longer than customers were watched"),
    ScoreColumn("segment", "category", "Segment of the customer"),
    ScoreColumn("tier", "category", "Tier of the annualised value among the customers of the list"),
    ScoreColumn("tier_reason", "text", "Why there is no tier, or why there are fewer"),
)
_MARGINS_READ = (
    ScoreColumn("run_rate", "u", "Margin a month of late", "近期月均利润", "value"),
    ScoreColumn("active_months", "months", "Months in service of the last three", "近三个月在网月数", "value"),
    *(
        ScoreColumn(
            f"margin_mean_{n}m", "u", f"Mean margin a month of the last {n} months", f"近{n}个月月均利润", "value"
        )
        for n in (1, 3, 6, 12)
    ),
    ScoreColumn("margin_trend", "u", "Mean margin of the last 3 months less that of the last 6", "利润趋势", "value"),
    ScoreColumn("margin_spread", "u", "Standard deviation of the margin a month", "月利润波动", "value"),
    ScoreColumn("margin_months", "months", "Months with a known margin", "有利润记录的月数", "value"),
    *(
        ScoreColumn(f"{part}_mean_3m", "u", f"Mean {about} a month of the last 3 months", zh, "value")
        for part, about, zh in (
            ("revenue", "revenue", "近3个月月均收入"),
            ("network", "network cost", "近3个月月均网络成本"),
            ("care", "cost of care", "近3个月月均客服成本"),
            ("bad_debt", "expected bad debt", "近3个月月均坏账"),
            ("acquisition", "share of acquisition cost", "近3个月月均获客成本"),
        )
    ),
)


class ValueModelAdapter(LearnerAdapter):
    """`ValueModel` from the door."""

    learner: ClassVar[str] = "ValueModel"
    targets: ClassVar[tuple[str, ...]] = ("amount",)
    rank_by: ClassVar[str] = "pv"
    metric_words: ClassVar[Mapping[str, MetricWords]] = {
        "portfolio_ratio": MetricWords(
            "Portfolio ratio", "Margin predicted for all customers together, divided by the margin that came", 3, best=1
        ),
        "rank_correlation": MetricWords(
            "Rank correlation", "How well the order of the customers was right (Spearman)", 3, chance=0, best=1
        ),
        "capture_10": MetricWords(
            "Capture of the top tenth",
            "What the tenth ranked highest brought, as a share of what the best tenth in fact brought",
            3,
            best=1,
        ),
        "absolute_error": MetricWords("Mean absolute error", "How far off a prediction is on average, in u", 2),
    }

    def new_estimator(self, settings: LearnerSettings) -> ValueModel:
        """A model with the parameters of its specification; the horizon is that of the margins it is taught with."""
        return ValueModel(**settings.keywords())

    def fit(self, estimator: Any, rows: TrainingRows) -> Any:
        """Teach it the margin of each month and the exits; of a plain table the one amount of each row."""
        margins = future_margins(rows.answers)
        if margins.empty:
            estimator.set_params(horizon=1, annual_discount=0.0)
            return estimator.fit(rows.X, rows.y, groups=rows.groups)
        estimator.set_params(horizon=margins.shape[1])
        months, cause = rows.answer("months"), rows.answer("cause")
        return estimator.fit(rows.X, margins, months=months, cause=cause, groups=rows.groups)

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """PV and what it is made of."""
        parts = estimator.decompose(X)
        return pd.DataFrame(
            {
                "pv": parts["pv"],
                "expected_margin": parts["months"] * parts["margin"] + parts["after_exit"],
                "months_here": parts["months"],
                "margin_a_month": parts["margin"],
            },
            index=X.index,
        )

    def score(self, model: Model, X: pd.DataFrame, context: ScoringContext) -> pd.DataFrame:
        """Historical, current and potential value with flags and a tier; of a flat table the prediction alone."""
        predicted = self.predict(model.estimator, X)
        if context.wh is None or context.as_of is None:
            return predicted
        lines = pd.Index(context.customers, name="customer_id")
        terms = ValueTerms(costs=unit_costs(model.metadata.get("spec") or {}))
        found = customer_value(context.wh, context.as_of, model.estimator, terms=terms, X=X.set_axis(lines))
        found = found.join(value_tiers(found, model.metadata.get("tiers"))).reindex(lines).set_axis(X.index)
        found = found.drop(columns=["pv"]).join(predicted)
        found["total"] = found[["hv", "cv", "pv", "cross_sell"]].sum(axis=1)
        return found[[column.name for column in _LISTED if column.name in found]]

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:
        """The three values, what they are made of, and flags."""
        return _COLUMNS if estimator.survival_ is None else _LISTED

    def metrics(
        self,
        rows: TrainingRows,
        predicted: pd.DataFrame,
        costs: Mapping[str, float],  # noqa: ARG002
        random_state: int,
    ) -> dict[str, Metric]:
        """Portfolio ratio, rank correlation, capture of the top tenth, and mean absolute error."""
        measures: dict[str, Callable[[Any, Any], float]] = {
            "portfolio_ratio": portfolio_ratio,
            "rank_correlation": partial(rank_correlation, of_constant=0.0),
            "capture_10": top_tenth_capture,
            "absolute_error": lambda came, said: float(np.abs(came - said).mean()),
        }
        score = predicted["expected_margin"]
        return intervals(measures, rows.y, score, customers_of_rows(rows.X.index), random_state)

    def sections(self, evaluation: Evaluation) -> tuple[Section, ...]:
        """Predicted against actual by tenth, what the list captures, and the rivals."""
        assert evaluation.predicted is not None
        came = evaluation.y.to_numpy(np.float64)
        said = evaluation.predicted["expected_margin"].to_numpy()
        return (_tenths_section(came, said), _capture_section(came, said), _rivals_section(evaluation, came, said))

    def headline(self, evaluation: Evaluation) -> tuple[str, ...]:
        """How much of the money was foreseen, and how much the best tenth of the list brought."""
        found = evaluation.model.metadata["metrics"]
        ratio, capture = found["portfolio_ratio"], found["capture_10"]["value"]
        months = evaluation.model.estimator.horizon
        return (
            f"The tenth ranked highest brought {capture:.0%} of what the best tenth of the customers brought",
            f"Over {months} month{'s' if months > 1 else ''} the model predicted {ratio['value']:.2f} "
            f"({ratio['low']:.2f} to {ratio['high']:.2f}) of the {_money(evaluation)} that came from "
            f"{len(evaluation.y):,} customers on a later date.",
        )

    def extra_features(
        self, wh: Warehouse, dates: Sequence[pd.Timestamp], spec: Mapping[str, Any]
    ) -> pd.DataFrame | None:
        """Past margins of each line as known at each date."""
        return past_margins(wh, list(dates), unit_costs(spec))

    def extra_columns(self) -> tuple[ScoreColumn, ...]:
        """The past margins."""
        return _MARGINS_READ


def future_margins(answers: pd.DataFrame) -> pd.DataFrame:
    """The margins of the months ahead among the answers, in their order."""
    found = [str(name) for name in answers.columns if str(name).startswith(_MARGIN)]
    months = sorted(int(name.removeprefix(_MARGIN)) for name in found if name.removeprefix(_MARGIN).isdigit())
    return answers[[f"{_MARGIN}{month}" for month in months]]


def top_tenth_capture(came: np.ndarray, said: np.ndarray) -> float:
    """What the tenth ranked highest brought over what the best tenth brought."""
    size = max(len(came) // 10, 1)
    best = float(np.sort(came)[::-1][:size].sum())
    return float(came[np.argsort(-said, kind="stable")[:size]].sum()) / best if best else float("nan")


def unit_costs(spec: Mapping[str, Any]) -> Mapping[str, float] | None:
    """The unit costs of a specification, which come over those of the table."""
    question = spec.get("question") or spec.get("label") or {}
    return dict(question.get("unit_costs") or {}) or None


def _money(evaluation: Evaluation) -> str:
    answers = evaluation.answers
    known = answers is None or "revenue_value" not in answers or not answers["revenue_value"].astype(bool).any()
    return "margin" if known else "revenue value (no unit costs are known)"


def _tenths_section(came: np.ndarray, said: np.ndarray) -> Section:
    tenth = tenths(said)
    rows = []
    for k in range(1, 11):
        inside = tenth == k
        predicted, actual = float(said[inside].mean()), float(came[inside].mean())
        rows.append((k, int(inside.sum()), predicted, actual, predicted / actual if actual > 0 else None))
    x = tuple(float(row[0]) for row in rows)
    lines = (Line("predicted", x, tuple(r[2] for r in rows)), Line("came", x, tuple(r[3] for r in rows)))
    return Section(
        "Predicted and actual value by tenth",
        "Customers in ten groups by predicted value, the highest first. A ratio of 1 means that a group brought what "
        "was predicted; groups that earn next to nothing have no meaningful ratio.",
        (
            LineChart("Value of a customer by tenth", "tenth of customers", "u over the horizon", lines),
            Table(("Tenth", "Customers", "Predicted, u", "Came, u", "Ratio"), tuple(rows)),
        ),
    )


def _capture_section(came: np.ndarray, said: np.ndarray) -> Section:
    shares = np.arange(0.0, 1.01, 0.05)
    total = float(came.sum()) or 1.0

    def curve(order: np.ndarray) -> tuple[float, ...]:
        sums = np.concatenate([[0.0], np.cumsum(came[order])]) / total
        return tuple(float(sums[round(share * len(came))]) for share in shares)

    x = tuple(float(share) for share in shares)
    lines = (
        Line("ranked by the model", x, curve(np.argsort(-said, kind="stable"))),
        Line("ranked by what came", x, curve(np.argsort(-came, kind="stable"))),
    )
    return Section(
        "How much of the value the list captures",
        "Share of all value that the customers at the top of the list brought, beside the best order there could be.",
        (LineChart("Capture of value", "share of customers", "share of value", lines, diagonal=True),),
    )


def _rivals_section(evaluation: Evaluation, came: np.ndarray, said: np.ndarray) -> Section:
    """The model beside simple forecasts from what was known when it was taught."""
    forecasts = {"model": said, **simple_forecasts(evaluation.model.estimator, evaluation.X)}
    rows = tuple(
        (
            name,
            portfolio_ratio(came, values),
            rank_correlation(came, values, of_constant=0.0),
            top_tenth_capture(came, values),
            float(np.abs(came - values).mean()),
        )
        for name, values in forecasts.items()
    )
    correlation = {row[0]: row[2] for row in rows}
    rivals = {name: value for name, value in correlation.items() if name != "model"}
    blocks: list[Any] = [
        Table(("Forecast", "Portfolio ratio", "Rank correlation", "Capture", "Mean absolute error, u"), rows, digits=3)
    ]
    if rivals:
        best = max(rivals, key=lambda name: rivals[name])
        verdict = "better" if correlation["model"] > rivals[best] else "not better"
        said_so = f"In rank correlation the model is {verdict} than the best simple forecast ({best})."
        names = tuple(correlation)
        bars = BarChart("Rank correlation", names, tuple(max(correlation[n], 0.0) for n in names), digits=3)
        blocks = [Text((said_so,)), *blocks, bars]
    return Section(
        "Against simple forecasts",
        "Forecasts that need no model, on the same customers. A model that does not beat them is not worth its upkeep.",
        tuple(blocks),
    )


def simple_forecasts(estimator: Any, X: pd.DataFrame) -> dict[str, np.ndarray]:
    """Forecasts without a model: run rate or mean margin, with nobody leaving or with the common chance to stay."""
    months = np.arange(1, estimator.horizon + 1)
    here = {"": np.ones(len(months))}
    if estimator.survival_ is not None:
        leaving = np.sum(list(estimator.survival_.hazards_.values()), axis=0)[: len(months)]
        curve = np.cumprod(1 - np.pad(leaving, (0, len(months) - len(leaving)), mode="edge"))
        here = {" x chance to stay": (np.concatenate([[1.0], curve[:-1]]) + curve) / 2, **here}
    forecasts: dict[str, np.ndarray] = {}
    for name, column in (("run rate", "run_rate"), ("mean of 3 months", "margin_mean_3m")):
        if column in X:
            rate = X[column].fillna(0.0).to_numpy(np.float64)
            forecasts |= {f"{name}{words}": rate * float(curve.sum()) for words, curve in here.items()}
    return forecasts
