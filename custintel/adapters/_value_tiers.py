"""The adapter of `TierForecast`: today's value tier by frozen thresholds, and the chance of each tier later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from custintel.adapters._value_model import ValueModelAdapter, unit_costs
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
from custintel.errors import DataError
from custintel.reports.model.evaluation import shown_count
from custintel.reports.model.own_section import BarChart, Section, Table, Text
from custintel.value import TierForecast
from custintel.value.value_labels import assigned_tiers, monthly_values, tiers_of_labels
from custintel.value.value_training_table import key_accounts, past_margins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custintel.artifact import Model
    from custintel.reports.model.evaluation import Evaluation
    from custintel.warehouse import Warehouse


_MONTHS_A_YEAR = 12
_LEAST = 1e-6
_EXTRA = (
    ScoreColumn(
        "annual_value", "u", "Value a year: twelve times the mean margin of the last 3 months", "年化价值", "value"
    ),
    ScoreColumn("key_account", "flag", "Whether the line belongs to a key account", "是否集团大客户", "value"),
)


class TierForecastAdapter(LearnerAdapter):
    """`TierForecast` from the door."""

    learner: ClassVar[str] = "TierForecast"
    targets: ClassVar[tuple[str, ...]] = ("class",)
    rank_by: ClassVar[str] = "falls"
    metric_words: ClassVar[Mapping[str, MetricWords]] = {
        "accuracy": MetricWords("Accuracy", "Share of customers whose likeliest tier came true", 3, best=1),
        "accuracy_today": MetricWords(
            "Accuracy of no change",
            "Share of customers who kept the tier of today: what a forecast has to beat",
            3,
            best=1,
        ),
        "right_tier": MetricWords(
            "Right tier among those who stayed",
            "Share of the customers still here whose likeliest tier came true",
            3,
            best=1,
        ),
        "macro_log_loss": MetricWords(
            "Log loss, all tiers alike",
            "Mean over the tiers of the log loss of their customers; lower is better",
            3,
            best=0,
        ),
        "flip_flops": MetricWords(
            "Flip-flops a month",
            "Share of customers a month who return to a tier left at most 3 months before",
            4,
            best=0,
        ),
    }

    def new_estimator(self, settings: LearnerSettings) -> TierForecast:
        """A forecast with the parameters of its specification."""
        return TierForecast(**settings.keywords())

    def fit(self, estimator: Any, rows: TrainingRows) -> Any:
        """Teach it, with the thresholds that the labels were made with; a plain table has none."""
        tiers = tiers_of_labels(rows.answers) if "segment" in rows.answers else None
        return estimator.fit(rows.X, rows.y, groups=rows.groups, tiers=tiers)

    def predict(self, estimator: Any, X: pd.DataFrame) -> pd.DataFrame:
        """Tier of today by the thresholds alone, and the chances."""
        return self._columns_of(estimator, X, estimator.tier_today(X))

    def judged(self, estimator: Any, rows: TrainingRows) -> pd.DataFrame:
        """The same with the tier of today by the rule, which moves only when the value really has."""
        held = rows.answer("tier_now")
        return self._columns_of(estimator, rows.X, estimator.tier_today(rows.X) if held is None else held)

    def score(self, model: Model, X: pd.DataFrame, context: ScoringContext) -> pd.DataFrame:
        """Tier of today by thresholds, smoothing, hysteresis and confirmation; months in it; the chances."""
        if context.wh is None or context.as_of is None or model.estimator.tiers_ is None:
            return self.predict(model.estimator, X)
        monthly = monthly_values(context.wh, unit_costs(model.metadata.get("spec") or {}), context.as_of)
        held = _held_today(assigned_tiers(model.estimator.tiers_, monthly)).reindex(context.customers).set_axis(X.index)
        found = self._columns_of(model.estimator, X, held["tier"])
        found.insert(1, "months_in_tier", held["months_in_tier"])
        found.insert(2, "annual_value", held["annual"])
        return found

    def columns(self, estimator: Any) -> tuple[ScoreColumn, ...]:
        """The tier, how long it has been held, and the chance of each tier."""
        classes = estimator.classes_
        return (
            ScoreColumn("tier", "category", "Value tier of today, by the frozen thresholds and the rule of moves"),
            ScoreColumn("months_in_tier", "months", "Months for which the tier has been held without a gap"),
            ScoreColumn("annual_value", "u", "Value a year: twelve times the mean margin of the last 3 months"),
            ScoreColumn("likeliest", "category", "Likeliest tier at the end of the horizon"),
            *(ScoreColumn(f"p_{name}", "share", f"Chance of {name} at the end of the horizon") for name in classes),
            ScoreColumn("rises", "share", "Chance of a higher tier than today"),
            ScoreColumn("falls", "share", "Chance of a lower tier than today, or of having left"),
        )

    def metrics(
        self,
        rows: TrainingRows,
        predicted: pd.DataFrame,
        costs: Mapping[str, float],  # noqa: ARG002
        random_state: int,
    ) -> dict[str, Metric]:
        """Accuracy beside that of no change, right tier among those who stayed, log loss, and flip-flops."""
        classes = _classes(predicted)
        came = pd.Index(classes).get_indexer(pd.Index(rows.y))
        chances = predicted[[f"p_{name}" for name in classes]].to_numpy()
        today = pd.Index(classes).get_indexer(pd.Index(predicted["tier"]))
        flips = rows.answer("flip_flops")
        months = 1.0 if rows.answer("months") is None else float(rows.answers["months"].max())
        per_month = np.full(len(came), np.nan) if flips is None else flips.to_numpy(np.float64) / months
        said = np.column_stack([chances, today, per_month])
        width = len(classes)
        measures = {
            "accuracy": lambda y, s: float((s[:, :width].argmax(axis=1) == y).mean()),
            "accuracy_today": lambda y, s: float((s[:, width] == y).mean()),
            "right_tier": lambda y, s: _right_among_stayers(y, s[:, :width]),
            "macro_log_loss": lambda y, s: macro_log_loss(y, s[:, :width]),
            "flip_flops": lambda _, s: float(s[:, width + 1].mean()),
        }
        if flips is None:
            del measures["flip_flops"]
        return intervals(measures, came, said, customers_of_rows(rows.X.index), random_state)

    def sections(self, evaluation: Evaluation) -> tuple[Section, ...]:
        """Sizes, thresholds in words, migration, chances against what came, and how quietly tiers change."""
        found = [_sizes_section(evaluation), _migration_section(evaluation), _chances_section(evaluation)]
        return tuple(section for section in found if section is not None)

    def headline(self, evaluation: Evaluation) -> tuple[str, ...]:
        """How often the forecast is right, beside the forecast of no change."""
        found = evaluation.model.metadata["metrics"]
        right, same = found["accuracy"], found["accuracy_today"]["value"]
        better = "more often than" if right["value"] > same else "no more often than"
        return (
            f"The likeliest tier comes true for {right['value']:.0%} of the customers, {better} the tier of today "
            f"({same:.0%})",
            f"Judged on {len(evaluation.y):,} customers it had not learned from; 95 % interval {right['low']:.0%} to "
            f"{right['high']:.0%}.",
        )

    def check(self, rows: TrainingRows, where: str) -> None:
        """Customers of at least two tiers."""
        super().check(rows, where)
        if rows.y.nunique() < 2:
            raise DataError(
                f"all customers of {where} have the same tier\n  given: {len(rows):,} rows\n"
                "  hint: other thresholds, or a longer horizon"
            )

    def extra_features(
        self, wh: Warehouse, dates: Sequence[pd.Timestamp], spec: Mapping[str, Any]
    ) -> pd.DataFrame | None:
        """Past margins, the value a year on which tiers are cut, and whether a line is a key account's."""
        found = past_margins(wh, list(dates), unit_costs(spec))
        key = found.index.get_level_values("customer_id").isin(key_accounts(wh))
        return found.assign(annual_value=_MONTHS_A_YEAR * found["margin_mean_3m"], key_account=key.astype(np.float64))

    def extra_columns(self) -> tuple[ScoreColumn, ...]:
        """Those of the value model, the value a year and the flag of key accounts."""
        return (*ValueModelAdapter().extra_columns(), *_EXTRA)

    @staticmethod
    def _columns_of(estimator: Any, X: pd.DataFrame, held: pd.Series) -> pd.DataFrame:
        """Tier, likeliest tier, chances, and what they mean for a customer who has this tier now."""
        chances, classes = estimator.predict_proba(X), estimator.classes_
        place = pd.Index(classes).get_indexer(pd.Index(held.astype(object)))
        place = np.where(place < 0, 1, place)  # of a customer without a tier only leaving is a fall
        columns = np.arange(len(classes))
        below, above = columns < place[:, None], columns > place[:, None]
        found = {
            "tier": held.astype(object).where(held.notna(), "").to_numpy(),
            "likeliest": classes[chances.argmax(1)],
        }
        found |= {f"p_{name}": chances[:, k] for k, name in enumerate(classes)}
        found |= {"rises": (chances * above).sum(axis=1), "falls": (chances * below).sum(axis=1)}
        return pd.DataFrame(found, index=X.index)


def macro_log_loss(came: np.ndarray, chances: np.ndarray) -> float:
    """Mean over the classes that occur of the log loss of their rows.

    >>> round(macro_log_loss(np.array([0, 1, 1]), np.array([[0.5, 0.5], [0.0, 1.0], [0.0, 1.0]])), 3)
    0.347
    """
    own = -np.log(np.clip(chances[np.arange(len(came)), came.astype(np.int64)], _LEAST, 1.0))
    return float(np.mean([own[came == k].mean() for k in np.unique(came)]))


def _right_among_stayers(came: np.ndarray, chances: np.ndarray) -> float:
    """Share of those still here whose likeliest tier, apart from having left, came true."""
    stayed = came > 0
    return float((chances[stayed, 1:].argmax(axis=1) + 1 == came[stayed]).mean()) if stayed.any() else float("nan")


def _classes(predicted: pd.DataFrame) -> list[str]:
    return [name.removeprefix("p_") for name in predicted.columns if name.startswith("p_")]


def _held_today(assigned: pd.DataFrame) -> pd.DataFrame:
    """Tier of each line in the last month, and for how many months it has been held."""
    last = assigned["month"].max()
    wide = assigned.pivot_table(index="customer_id", columns="month", values="tier", aggfunc="first")
    today = assigned[assigned["month"] == last].set_index("customer_id")[["tier", "annual"]]
    same = wide.eq(wide[last], axis=0).to_numpy()[:, ::-1]
    held = pd.Series(np.where(same.all(axis=1), same.shape[1], (~same).argmax(axis=1)), index=wide.index)
    found: pd.DataFrame = today.assign(months_in_tier=held.reindex(today.index).where(today["tier"].notna()))
    return found


def _sizes_section(evaluation: Evaluation) -> Section | None:
    """How many customers each tier holds, and from which value on it begins."""
    tiers, answers = evaluation.model.estimator.tiers_, evaluation.answers
    if tiers is None or answers is None or "tier_now" not in answers:
        return None
    rows, sentences = [], []
    for segment, limits in tiers.thresholds_.items():
        mine = answers[answers["segment"] == segment]
        for place, name in enumerate(tiers.names):
            inside = mine["tier_now"] == name
            size = int(inside.sum())
            enough = size >= evaluation.smallest_group
            mean = float(mine.loc[inside, "annual_now"].mean()) if enough else None
            rows.append(
                (
                    segment,
                    name,
                    size if enough or not size else f"under {evaluation.smallest_group}",
                    size / max(len(mine), 1) if enough else None,
                    mean,
                )
            )
            if place:
                sentences.append(f"{name.capitalize()} of {segment} begins at {limits[place - 1]:,.0f} u a year.")
    rule = (
        f"A customer moves up only above a threshold by {tiers.hysteresis:.0%} and down only below it by as much, on "
        f"the mean of {tiers.smoothing} months, in {tiers.confirmation} months running."
    )
    return Section(
        "Tiers of today",
        "How many customers each tier held on the test date, and from which value a year (u) it begins.",
        (
            Table(("Segment", "Tier", "Customers", "Share", "Mean value a year, u"), tuple(rows)),
            Text((*sentences, rule, f"Thresholds: version {tiers.version_}.")),
        ),
    )


def _migration_section(evaluation: Evaluation) -> Section | None:
    """From which tier customers went to which, and how often tiers flip."""
    answers, classes = evaluation.answers, list(evaluation.model.estimator.classes_)
    if answers is None or "tier_now" not in answers:
        return None
    counts = pd.crosstab(answers["tier_now"].fillna("none"), evaluation.y.to_numpy())
    shown = counts.reindex(index=classes[1:], columns=classes, fill_value=0)
    least = evaluation.smallest_group
    rows = tuple((name, *(shown_count(int(n), least) for n in shown.loc[name])) for name in shown.index)
    months = float(answers["months"].max())
    quiet, plain = (float(answers[name].sum()) / len(answers) / months for name in ("flip_flops", "plain_flip_flops"))
    moved = float((answers["moves"] > 0).mean())
    said = (
        f"{moved:.1%} of the customers changed their tier within {months:.0f} months. Moves back to a tier left at "
        f"most 3 months before: {quiet:.2%} of the customers a month; by the thresholds alone it would be {plain:.2%}."
    )
    return Section(
        "Migration",
        "Tiers on the test date (rows) and at the end of the horizon (columns), in customers.",
        (Table(("From", *classes), rows), Text((said,))),
    )


def _chances_section(evaluation: Evaluation) -> Section:
    """Share of customers predicted for each tier beside the share that came."""
    assert evaluation.predicted is not None
    classes = _classes(evaluation.predicted)
    said = [float(evaluation.predicted[f"p_{name}"].mean()) for name in classes]
    came = [float((evaluation.y == name).mean()) for name in classes]
    rows = tuple((n, s, c, s / c if c else None) for n, s, c in zip(classes, said, came, strict=True))
    return Section(
        "Chances and what came",
        "Mean predicted chance of each tier beside the share of customers who had it at the end of the horizon.",
        (
            Table(("Tier", "Predicted", "Came", "Ratio"), rows, digits=3),
            BarChart("Predicted share", tuple(classes), tuple(said), digits=3),
            BarChart("Share that came", tuple(classes), tuple(came), digits=3),
        ),
    )
