"""Simple forecasts of value that a value model has to beat, all from what was known on one day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.errors import DataError
from custintel.estimators import BetaGeometricNBD, GammaGamma, ShiftedBetaGeometric, purchase_summary
from custintel.metrics import kaplan_meier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.estimators import ValueTable
    from custintel.warehouse import Warehouse

__all__ = ["BASELINES", "baseline_values"]

BASELINES: Mapping[str, str] = {
    "constant_churn": "current value a month x horizon at a constant churn rate",
    "kaplan_meier": "mean of the last 3 months x Kaplan-Meier of the billing type",
    "probabilistic": "BG/NBD x Gamma-Gamma on top-ups (prepaid), sBG x mean of the last 3 months (postpaid)",
}
"""Names and meaning."""

_MONTH_DAYS = 30.4375


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
    kind = _kinds(X)
    curves = {k: _curve(length[own], left[own], months) for k, own in _by_kind(table.X)}
    here = np.array([curves.get(k, curves[""]) for k in kind]) @ factors
    found = pd.DataFrame({"constant_churn": X["run_rate"].fillna(0.0) * constant, "kaplan_meier": mean * here}, X.index)
    return found.assign(probabilistic=_probabilistic(wh, X, as_of, curves, factors))


def _curve(length: np.ndarray, left: np.ndarray, months: int) -> np.ndarray:
    """Kaplan-Meier curve of those watched for a month at least; flat where there are none."""
    seen = length > 0
    return kaplan_meier(length[seen], left[seen], months).to_numpy() if seen.any() else np.ones(months)


def _kinds(X: pd.DataFrame) -> np.ndarray:
    """Billing type of each row; one kind for all where it is not known."""
    if "billing_type" not in X:
        return np.full(len(X), "")
    return np.asarray(X["billing_type"].astype(object).fillna(""))


def _by_kind(X: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    kinds = _kinds(X)
    return [("", np.ones(len(X), dtype=bool)), *((str(k), kinds == k) for k in sorted(set(kinds) - {""}))]


def _probabilistic(
    wh: Warehouse, X: pd.DataFrame, as_of: pd.Timestamp, curves: Mapping[str, np.ndarray], factors: np.ndarray
) -> np.ndarray:
    mean = X["margin_mean_3m"].fillna(0.0).to_numpy()
    value = np.asarray(mean * (_sbg_curve(curves.get("postpaid", curves[""])) @ factors))
    prepaid = _kinds(X) == "prepaid"
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
    summary = purchase_summary(bought, as_of, unit_days=_MONTH_DAYS)
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
