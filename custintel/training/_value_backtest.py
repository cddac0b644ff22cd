"""Would the value model have been right? Learn only what was known on past dates, and compare with what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from custintel.builder import read_dates
from custintel.errors import DateError, MissingExtraError
from custintel.estimators import ValueModel, discount_factors, fit_on, value_features, value_table
from custintel.labels import churn_population, future_margin, monthly_margin
from custintel.progress import track
from custintel.training._value_baselines import BASELINES, baseline_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custintel.builder import AsOf
    from custintel.warehouse import Warehouse

__all__ = ["ValueBacktest", "backtest_value"]

_STEP_MONTHS = 3
_HISTORY_MONTHS = 3
_METHODS = ("model", *BASELINES)


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
            (day, method): _judged(part[method].to_numpy(), part["actual"].to_numpy())
            for day, part in self.customers.groupby(level="as_of")
            for method in _METHODS
        }
        found = pd.DataFrame.from_dict(rows, orient="index")
        return found.set_axis(pd.MultiIndex.from_tuples(list(rows), names=["as_of", "method"]))

    def deciles(self, method: str = "model") -> pd.DataFrame:
        """Predicted, actual and their ratio for tenths of the customers of all dates, 1 the highest predicted."""
        parts = []
        for _, part in self.customers.groupby(level="as_of"):
            tenth = _tenths(part[method].to_numpy())
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
    """
    days = _checked(wh, as_of, horizon)
    if X is None:
        X = value_features(wh, sorted({*days, *(d for day in days for d in learning_dates(wh, day))}), costs=costs)
    blank = clone(model or ValueModel()).set_params(horizon=horizon)
    truth = monthly_margin(wh, costs=costs)
    parts, unit = {}, ""
    for day in track(days, "back-test"):
        table = value_table(wh, learning_dates(wh, day), day, horizon, costs, X)
        unit = table.unit
        parts[day] = _one_date(wh, fit_on(table, clone(blank)), table, X, (day, truth))
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


def _one_date(
    wh: Warehouse, model: ValueModel, table: Any, X: pd.DataFrame, known: tuple[pd.Timestamp, pd.DataFrame]
) -> pd.DataFrame:
    """Actual value, and predictions by the model and the baselines, of the customers of one date."""
    day, truth = known
    index = churn_population(wh, day).index.intersection(X.index)
    asked = X.loc[index]
    own = asked.droplevel("as_of")
    factors = discount_factors(model.horizon, model.annual_discount)
    came = future_margin(truth, day, own.index, model.horizon).to_numpy() @ factors
    found = pd.DataFrame({"actual": came, "model": model.predict(asked)}, index=own.index)
    return found.join(baseline_values(wh, table, own, day, factors))


def _checked(wh: Warehouse, as_of: Sequence[AsOf], horizon: int) -> list[pd.Timestamp]:
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


def _tenths(predicted: np.ndarray) -> np.ndarray:
    """1 to 10 by descending prediction, ties in the order of the rows."""
    place = np.empty(len(predicted), dtype=np.int64)
    place[np.argsort(-predicted, kind="stable")] = np.arange(len(predicted))
    return np.asarray(place * 10 // len(predicted) + 1)


def _judged(predicted: np.ndarray, actual: np.ndarray) -> dict[str, float]:
    from scipy.stats import spearmanr

    tenth = _tenths(predicted)
    sums = np.bincount(tenth, predicted)[1:] / np.bincount(tenth, actual)[1:]
    best = actual[_tenths(actual) == 1].sum()
    return {
        "portfolio": float(predicted.sum() / actual.sum()),
        "lowest_decile": float(sums.min()),
        "highest_decile": float(sums.max()),
        "capture": float(actual[tenth == 1].sum() / best),
        "spearman": float(spearmanr(predicted, actual)[0]),
        "absolute_error": float(np.abs(predicted - actual).mean()),
    }
