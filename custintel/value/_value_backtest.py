"""Back-test of value: fit on what was known on past dates, and compare the predictions with what came.

`backtest_value` fits the model on each date; at the end of the module stand the baselines that it has to beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from custintel.dates import read_dates
from custintel.errors import DataError, DateError, MissingExtraError
from custintel.metrics.amount_metrics import tenths
from custintel.metrics.survival_metrics import kaplan_meier
from custintel.progress import track
from custintel.questions.outcome_labels import outcome_population
from custintel.value._bg_nbd_gamma_gamma import BetaGeometricNBD, GammaGamma
from custintel.value._monthly_margin import monthly_margin
from custintel.value._past_and_future_margin import future_margin
from custintel.value._shifted_beta_geometric import ShiftedBetaGeometric
from custintel.value._value_model import ValueModel, discount_factors
from custintel.value.value_training_table import value_features, value_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custintel.dates import AsOf
    from custintel.value.value_training_table import ValueTable
    from custintel.warehouse import Warehouse


BASELINES: Mapping[str, str] = {
    "constant_churn": "current value a month x horizon at a constant churn rate",
    "kaplan_meier": "mean of the last 3 months x Kaplan-Meier of the billing type",
    "probabilistic": "BG/NBD x Gamma-Gamma on top-ups (prepaid), sBG x mean of the last 3 months (postpaid)",
}
"""Names and meaning."""

_MONTH_DAYS = 30.4375
_STEP_MONTHS = 3
_HISTORY_MONTHS = 3
_COMPARED = ("model", *BASELINES)


@dataclass(frozen=True)
class ValueBacktest:
    """Predicted and actual value of every customer at past dates.

    Attributes
    ----------
    customers : DataFrame
        Index (as_of, customer_id): ``actual`` discounted margin of the horizon, and a column for each method.
    horizon : int
        Months.
    unit : str
        ``margin`` or ``revenue_value``.
    """

    customers: pd.DataFrame
    horizon: int
    unit: str

    @property
    def summary(self) -> pd.DataFrame:
        """By date and method: predicted over actual, worst deciles, capture of the top tenth, rank correlation.

        ``capture`` is the actual value of the tenth ranked highest over that of the tenth that was best in fact.
        """
        rows = {
            (day, method): _measures(part[method].to_numpy(), part["actual"].to_numpy())
            for day, part in self.customers.groupby(level="as_of")
            for method in _COMPARED
        }
        found = pd.DataFrame.from_dict(rows, orient="index")
        return found.set_axis(pd.MultiIndex.from_tuples(list(rows), names=["as_of", "method"]))

    def deciles(self, method: str = "model") -> pd.DataFrame:
        """Predicted, actual and their ratio for tenths of the customers of all dates, 1 the highest predicted."""
        parts = []
        for _, part in self.customers.groupby(level="as_of"):
            tenth = tenths(part[method].to_numpy())
            sums = part[[method, "actual"]].groupby(tenth).sum().rename(columns={method: "predicted"})
            sums.insert(0, "as_of", part.index.get_level_values("as_of")[0])
            parts.append(sums.assign(customers=np.bincount(tenth)[1:]).rename_axis("decile").reset_index())
        found = pd.concat(parts).set_index(["as_of", "decile"])
        return found.assign(ratio=found["predicted"] / found["actual"])

    def pooled(self, method: str = "model") -> pd.DataFrame:
        """`deciles` of all dates together."""
        sums = self.deciles(method)[["predicted", "actual", "customers"]].groupby(level="decile").sum()
        return sums.assign(ratio=sums["predicted"] / sums["actual"])

    @property
    def words(self) -> str:
        """What the back-test says, in sentences."""
        table = self.summary.groupby(level="method").mean()
        own, ratio = table.loc["model"], self.pooled()["ratio"]
        name = "margin" if self.unit == "margin" else "revenue value (no costs are known)"
        lines = [
            f"Over {self.horizon} months the model predicted {own['portfolio']:.3f} of the {name} that came, "
            f"on the mean of {self.customers.index.get_level_values('as_of').nunique()} dates.",
            f"Tenths of customers, all dates: between {ratio.min():.2f} and {ratio.max():.2f}.",
        ]
        for measure, about in (("capture", "share of the best tenth's value found"), ("spearman", "rank correlation")):
            others = table[measure].drop("model")
            rival, best = others.idxmax(), others.max()
            verdict = "better" if own[measure] > best else "not better"
            lines.append(
                f"{about[0].upper()}{about[1:]}: {own[measure]:.3f}, {verdict} than the best baseline "
                f"({rival}, {best:.3f})."
            )
        return "\n".join(lines)

    def plot(self, ax: Any = None) -> Any:
        """Predicted and actual value by tenth; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw.
        """
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise MissingExtraError("matplotlib", "plot", "ValueBacktest.plot") from error
        ax = plt.subplots()[1] if ax is None else ax
        table = self.pooled()
        ax.plot(table.index, table["predicted"] / table["customers"], marker="o", label="predicted")
        ax.plot(table.index, table["actual"] / table["customers"], marker="s", label="actual")
        ax.set(
            xlabel="tenth of customers, 1 the highest predicted", ylabel=f"{self.unit} over {self.horizon} months, u"
        )
        ax.legend()
        return ax


def backtest_value(
    wh: Warehouse,
    as_of: Sequence[AsOf],
    horizon: int = 12,
    model: ValueModel | None = None,
    costs: Mapping[str, float] | None = None,
    X: pd.DataFrame | None = None,
) -> ValueBacktest:
    """Fit a value model on each past date with what was known then, and compare with what came.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    as_of : list of dates
        Ends of months, three or more; each needs `horizon` months of data after it, and enough before it to learn.
    horizon : int
        Months ahead.
    model : ValueModel, optional
        Parameters to fit with; its horizon is replaced.
    costs : mapping, optional
        Unit costs over those of the table.
    X : DataFrame, optional
        `value_features` of `backtest_dates`, when they are there already.

    Returns
    -------
    ValueBacktest
        Predicted and actual values, beside three baselines: current value at a constant churn rate, the mean of the
        last three months with Kaplan-Meier, and a probabilistic model of the billing type.

    Raises
    ------
    DateError
        When a date has less than `horizon` months after it, or too few before it.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> months = pd.date_range("2025-01-31", periods=6, freq="ME")
    >>> bills = pd.DataFrame({"bill_id": list("uvwxyz"), "customer_id": "a", "amount": 10.0, "event_time": months})
    >>> backtest_value(Warehouse.from_frames(bills=bills), ["2025-03-31"], horizon=12)
    Traceback (most recent call last):
        ...
    custintel.errors.DateError: the horizon of 12 months is longer than the data around these dates
      given: 2025-03-31, 2025-03-31
      allowed: ends of months up to 2024-06-30, with 15 months of data before
      hint: choose a shorter horizon
    """
    days = _checked_dates(wh, as_of, horizon)
    if X is None:
        X = value_features(wh, sorted({*days, *(d for day in days for d in learning_dates(wh, day))}), costs=costs)
    blank = clone(model or ValueModel()).set_params(horizon=horizon)
    truth = monthly_margin(wh, costs=costs)
    parts, unit = {}, ""
    for day in track(days, "back-test"):
        table = value_table(wh, learning_dates(wh, day), day, horizon, costs, X)
        unit = table.unit
        parts[day] = _predict_one_date(wh, table.fit(clone(blank)), table, X, (day, truth))
    return ValueBacktest(pd.concat(parts, names=["as_of", "customer_id"]), horizon, unit)


def learning_dates(wh: Warehouse, day: pd.Timestamp) -> list[pd.Timestamp]:
    """Every third month end before a date, back to the first with three months of history."""
    first = wh.period[0] + pd.DateOffset(months=_HISTORY_MONTHS) - pd.Timedelta(days=1)
    found = []
    step = day - pd.offsets.MonthEnd(_STEP_MONTHS)
    while step >= first:
        found.append(step)
        step -= pd.offsets.MonthEnd(_STEP_MONTHS)
    return sorted(found)


def _predict_one_date(
    wh: Warehouse, model: ValueModel, table: Any, X: pd.DataFrame, known: tuple[pd.Timestamp, pd.DataFrame]
) -> pd.DataFrame:
    """Actual value, and predictions by the model and the baselines, of the customers of one date."""
    day, truth = known
    index = outcome_population(wh, day).index.intersection(X.index)
    asked = X.loc[index]
    own = asked.droplevel("as_of")
    factors = discount_factors(model.horizon, model.annual_discount)
    came = future_margin(truth, day, own.index, model.horizon).to_numpy() @ factors
    found = pd.DataFrame({"actual": came, "model": model.predict(asked)}, index=own.index)
    return found.join(baseline_values(wh, table, own, day, factors))


def _checked_dates(wh: Warehouse, as_of: Sequence[AsOf], horizon: int) -> list[pd.Timestamp]:
    days = [pd.Timestamp(day) for day in read_dates(as_of)]
    end = wh.period[1]
    late = [str(d.date()) for d in days if d + pd.offsets.MonthEnd(horizon) > end]
    early = [str(d.date()) for d in days if len(learning_dates(wh, d)) < horizon / _STEP_MONTHS]
    if late or early:
        reach = end + pd.Timedelta(days=1) - pd.DateOffset(months=horizon) - pd.Timedelta(days=1)
        raise DateError(
            f"the horizon of {horizon} months is longer than the data around these dates\n"
            f"  given: {', '.join(late + early)}\n"
            f"  allowed: ends of months up to {reach.date()}, with {horizon + _HISTORY_MONTHS} months of data before\n"
            "  hint: choose a shorter horizon"
        )
    return days


def _measures(predicted: np.ndarray, actual: np.ndarray) -> dict[str, float]:
    from scipy.stats import spearmanr

    tenth = tenths(predicted)
    sums = np.bincount(tenth, predicted)[1:] / np.bincount(tenth, actual)[1:]
    best = actual[tenths(actual) == 1].sum()
    return {
        "portfolio": float(predicted.sum() / actual.sum()),
        "lowest_decile": float(sums.min()),
        "highest_decile": float(sums.max()),
        "capture": float(actual[tenth == 1].sum() / best),
        "spearman": float(spearmanr(predicted, actual)[0]),
        "absolute_error": float(np.abs(predicted - actual).mean()),
    }


# --- baselines: simple forecasts that a value model has to beat, all from what was known on one day


def baseline_values(
    wh: Warehouse, table: ValueTable, X: pd.DataFrame, as_of: pd.Timestamp, factors: np.ndarray
) -> pd.DataFrame:
    """Value of each row of X by each baseline.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables; top-ups are read up to the date.
    table : ValueTable
        What was known at the date about earlier dates.
    X : DataFrame
        Features as of the date, index customer_id.
    as_of : Timestamp
        The date.
    factors : array
        Discount factors of the months ahead.
    """
    months = len(factors)
    left = table.cause.notna().to_numpy()
    length = table.months.to_numpy()
    monthly = left.sum() / max(length.sum(), 1)
    constant = factors @ (1 - monthly) ** np.arange(1, months + 1)
    mean = X["margin_mean_3m"].fillna(0.0).to_numpy()
    kind = _billing_types(X)
    curves = {k: _kaplan_meier_curve(length[own], left[own], months) for k, own in _rows_by_billing_type(table.X)}
    here = np.array([curves.get(k, curves[""]) for k in kind]) @ factors
    found = pd.DataFrame({"constant_churn": X["run_rate"].fillna(0.0) * constant, "kaplan_meier": mean * here}, X.index)
    return found.assign(probabilistic=_probabilistic(wh, X, as_of, curves, factors))


def _kaplan_meier_curve(length: np.ndarray, left: np.ndarray, months: int) -> np.ndarray:
    """Kaplan-Meier curve of those watched for a month at least; flat where there are none."""
    seen = length > 0
    return kaplan_meier(length[seen], left[seen], months).to_numpy() if seen.any() else np.ones(months)


def _billing_types(X: pd.DataFrame) -> np.ndarray:
    """Billing type of each row; one kind for all where it is not known."""
    if "billing_type" not in X:
        return np.full(len(X), "")
    return np.asarray(X["billing_type"].astype(object).fillna(""))


def _rows_by_billing_type(X: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    kinds = _billing_types(X)
    return [("", np.ones(len(X), dtype=bool)), *((str(k), kinds == k) for k in sorted(set(kinds) - {""}))]


def _probabilistic(
    wh: Warehouse, X: pd.DataFrame, as_of: pd.Timestamp, curves: Mapping[str, np.ndarray], factors: np.ndarray
) -> np.ndarray:
    mean = X["margin_mean_3m"].fillna(0.0).to_numpy()
    value = np.asarray(mean * (_sbg_curve(curves.get("postpaid", curves[""])) @ factors))
    prepaid = _billing_types(X) == "prepaid"
    if prepaid.any() and "recharges" in wh.tables:
        value[prepaid] = _top_up_value(wh, X[prepaid], as_of, factors)
    return value


def _sbg_curve(curve: np.ndarray) -> np.ndarray:
    """Survival by a shifted beta-geometric distribution fitted to a curve; the curve itself where it is flat."""
    cohort = np.concatenate([[1000.0], 1000.0 * curve])
    try:
        return ShiftedBetaGeometric().fit(cohort).survival(len(curve)).to_numpy()
    except DataError:
        return curve


def _top_up_value(wh: Warehouse, X: pd.DataFrame, as_of: pd.Timestamp, factors: np.ndarray) -> np.ndarray:
    """Expected top-ups of each month x expected amount x the share of margin in what is topped up."""
    bought = wh.engine.sql(
        f"select customer_id, event_time, amount from {wh.relation('recharges')}\n"
        f"where visible_date <= date '{as_of.date()}' and amount > 0"
    )
    summary = BetaGeometricNBD.purchase_summary(bought, as_of, unit_days=_MONTH_DAYS)
    counts = BetaGeometricNBD().fit(summary)
    amounts = pd.Series(GammaGamma().fit(summary).predict(summary), summary.index)
    asked = summary.reindex(X.index).dropna()
    upto = np.column_stack(
        [np.zeros(len(asked)), *(counts.predict(asked, ahead=h) for h in range(1, len(factors) + 1))]
    )
    topped_up = (np.diff(upto, axis=1) @ factors) * amounts.reindex(asked.index).to_numpy()
    share = _margin_share(bought, X, as_of)
    return pd.Series(topped_up * share, asked.index).reindex(X.index).fillna(0.0).to_numpy()


def _margin_share(bought: pd.DataFrame, X: pd.DataFrame, as_of: pd.Timestamp) -> float:
    """Margin of the last three months over the top-ups of these months."""
    recent = bought[(bought["event_time"] > as_of - pd.DateOffset(months=3)) & bought["customer_id"].isin(X.index)]
    total = float(recent["amount"].sum())
    return float(3 * X["margin_mean_3m"].fillna(0.0).sum()) / total if total > 0 else 0.0
