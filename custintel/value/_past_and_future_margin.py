"""Past and future of a monthly margin: windows that do not overlap, as of a date.

Historical value is everything before the current window, current value the current window, potential value what comes
after the date: so the three may be added.

>>> months = pd.date_range("2025-01-01", periods=6, freq="MS")
>>> index = pd.MultiIndex.from_product([["a"], months], names=["customer_id", "month"])
>>> margin = pd.DataFrame({"margin": [1.0, 2.0, 3.0, 10.0, 10.0, 10.0]}, index=index)
>>> past_value(margin, "2025-06-30")[["hv", "cv", "run_rate", "annualised"]].loc["a"].tolist()
[6.0, 30.0, 10.0, 120.0]
>>> future_margin(margin, "2025-03-31", ["a"], months=4).loc["a"].tolist()
[10.0, 10.0, 10.0, nan]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.dates import read_day
from custintel.errors import DateError
from custintel.value._monthly_margin import value_column

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custintel.dates import AsOf


ONE_OFF = ("campaigns", "bad_debt")
"""Parts of a margin that say nothing about an ordinary month; they count in HV and CV, not in the run rate."""

_USUAL_MONTHS = 12
_FEWEST_TO_TRIM = 6
_SPREADS = 3.0


def past_value(
    margin: pd.DataFrame, as_of: AsOf, current_months: int = 3, compounded_at: float | None = None
) -> pd.DataFrame:
    """Historical and current value of each line.

    Parameters
    ----------
    margin : DataFrame
        `custintel.value.monthly_margin`, as known at the date.
    as_of : date
        The date; windows end with its last whole month.
    current_months : int
        Length of the current window (N).
    compounded_at : float, optional
        Interest a year at which historical value is carried forward to the date; nominal when None.

    Returns
    -------
    pandas.DataFrame
        Index customer_id. ``hv``, ``cv``: sums over the months up to s - N and of the last N; ``run_rate``: mean of
        the active months of the window without `ONE_OFF` parts, each month drawn in to 3 robust standard deviations
        from the median of the line's last 12 months; ``annualised``: 12 x run rate; ``active_months``;
        ``short_history``: fewer months than the window holds; ``revenue_value``: True where no costs are known.
    """
    table = _by_month(margin[value_column(margin)], as_of)
    usual = _by_month(recurring_margin(margin), as_of)
    cut = max(table.shape[1] - current_months, 0)
    age = np.arange(table.shape[1] - 1, -1, -1)
    growth = (1 + (compounded_at or 0.0)) ** (age / 12)
    rate, active = _run_rate(usual, cut)
    return pd.DataFrame(
        {
            "hv": np.nansum(table.to_numpy()[:, :cut] * growth[:cut], axis=1),
            "cv": np.nansum(table.to_numpy()[:, cut:], axis=1),
            "run_rate": rate,
            "annualised": 12 * rate,
            "active_months": active,
            "short_history": active < current_months,
            "revenue_value": value_column(margin) == "revenue_value",
        },
        index=table.index,
    )


def margin_columns(margin: pd.DataFrame, as_of: AsOf, current_months: int = 3) -> pd.DataFrame:
    """What a value model reads from the past margin of each line, all in u a month.

    Parameters
    ----------
    margin : DataFrame
        `custintel.value.monthly_margin`, as known at the date.
    as_of : date
        The date.
    current_months : int
        Months of the run rate.
    """
    values = _by_month(recurring_margin(margin), as_of)
    whole = values.to_numpy()
    found = past_value(margin, as_of, current_months)[["run_rate", "active_months"]]
    for months in (1, 3, 6, 12):
        found[f"margin_mean_{months}m"] = _mean(whole[:, -months:])
    found["margin_trend"] = found["margin_mean_3m"] - found["margin_mean_6m"]
    found["margin_spread"] = _spread(whole[:, -_USUAL_MONTHS:])
    found["margin_months"] = np.isfinite(whole).sum(axis=1).astype(np.float64)
    for part in ("revenue", "network", "care", "bad_debt", "acquisition"):
        if part in margin:
            found[f"{part}_mean_3m"] = _mean(_by_month(margin[part], as_of).to_numpy()[:, -3:])
    return found


def future_margin(margin: pd.DataFrame, as_of: AsOf, customers: Iterable[Any], months: int) -> pd.DataFrame:
    """Margin of each line in months 1 to `months` after a month end; missing where the month is not known yet.

    Parameters
    ----------
    margin : DataFrame
        `custintel.value.monthly_margin`, as known today.
    as_of : date
        The last day of a month.
    customers : iterable
        Lines, in the order wanted. One that has left brings 0, not a missing value.
    months : int
        Months ahead.

    Raises
    ------
    DateError
        When the date is not the last day of a month.
    """
    day = pd.Timestamp(read_day(as_of))
    if not day.is_month_end:
        raise DateError(
            f"future margins are counted from the end of a month\n  given: {day.date()}\n"
            f"  allowed: such as {(day + pd.offsets.MonthEnd(0)).date()}"
        )
    ahead = pd.date_range(day + pd.Timedelta(days=1), periods=months, freq="MS")
    known = margin.index.get_level_values("month").max()
    wide = margin[value_column(margin)].unstack("month").reindex(index=list(customers), columns=ahead)
    wide.loc[:, ahead <= known] = wide.loc[:, ahead <= known].fillna(0.0)
    wide.columns = pd.RangeIndex(1, months + 1, name="month")
    return wide.rename_axis(index="customer_id")


def recurring_margin(margin: pd.DataFrame) -> pd.Series:
    """The margin (or revenue value) of each line and month without its one-off parts."""
    found: pd.Series = margin[value_column(margin)]
    return found - margin[[part for part in ONE_OFF if part in margin]].sum(axis=1)


def _by_month(values: pd.Series, as_of: AsOf) -> pd.DataFrame:
    """Lines x whole months up to the date."""
    day = pd.Timestamp(read_day(as_of))
    last = (day + pd.Timedelta(days=1)).replace(day=1) - pd.DateOffset(months=1)
    table = values.unstack("month")
    first = pd.Timestamp(str(table.columns.min()))
    if first > last:
        raise DateError(f"no whole month up to {day.date()}")
    return table.reindex(columns=pd.date_range(first, last, freq="MS"))


def _run_rate(usual: pd.DataFrame, cut: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the months of the current window, drawn in, and how many there are."""
    values = usual.to_numpy()
    low, high = _ordinary_range(values[:, -_USUAL_MONTHS:])
    window = np.clip(values[:, cut:], low[:, None], high[:, None])
    return np.nan_to_num(_mean(window)), np.isfinite(window).sum(axis=1)


def _ordinary_range(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Between which values a month of the line is ordinary; no bounds with few months."""
    median = _row_statistic(np.nanmedian, values)
    spread = 1.4826 * _row_statistic(np.nanmedian, np.abs(values - median[:, None]))
    few = np.isfinite(values).sum(axis=1) < _FEWEST_TO_TRIM
    # a line with equal months has no spread: then a change of a tenth is ordinary
    width = np.where(few, np.inf, _SPREADS * np.maximum(spread, 0.1 * np.abs(median)))
    median = np.where(few, 0.0, median)
    return median - width, median + width


def _spread(values: np.ndarray) -> np.ndarray:
    return _row_statistic(np.nanstd, values)


def _mean(values: np.ndarray) -> np.ndarray:
    return _row_statistic(np.nanmean, values)


def _row_statistic(statistic: Any, values: np.ndarray) -> np.ndarray:
    """A statistic of each row, missing for rows without any value."""
    some = np.isfinite(values).any(axis=1)
    out = np.full(len(values), np.nan)
    out[some] = statistic(values[some], axis=1)
    return out
