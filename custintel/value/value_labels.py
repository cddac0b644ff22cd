"""Labels of the questions about value: the margin that came, and the tier that a customer had, some months later.

Both are counted from the end of a month, over ``horizon_months`` whole months, and are known when the last of these
months is. Margins need tables, and tiers need margins; so these labels are made here, and `custintel.questions` finds
them by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.dates import read_dates
from custintel.errors import DataError
from custintel.questions import exit_times
from custintel.value._monthly_margin import monthly_margin
from custintel.value._past_and_future_margin import future_margin, recurring_margin
from custintel.value._tier_forecast import KEY_ACCOUNTS, PUBLIC
from custintel.value._tier_migration import LEFT
from custintel.value._value_tiers import ValueTiers
from custintel.value.value_training_table import billed_margin, key_accounts, refuse_purchase_log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse


TIER_NAMES = ("bronze", "silver", "gold", "platinum")
_THRESHOLD = "begins_"
_BACK_MONTHS = 3
_FEWEST_VALUES = 30  # of fewer different values the 95 and the 99 % quantile have nobody between them


def future_margin_labels(wh: Warehouse, as_of: Any, question: Question) -> pd.DataFrame:
    """Margin of each customer over the months after each date.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    as_of : list of dates
        Ends of months.
    question : Question
        Population and dormancy, ``horizon_months`` and ``unit_costs``.

    Returns
    -------
    pandas.DataFrame
        Index (as_of, customer_id): ``label`` (sum over the horizon, missing until the last month is known), one column
        ``margin_1`` to ``margin_h`` for each month, ``months`` to the exit or watched (at most the horizon), ``cause``
        of the exit, ``billing_type``, and ``revenue_value``: whether no unit costs are known.
    """
    horizon, costs = _horizon(question), question.settings.get("unit_costs") or None
    exits = exits_within(wh, as_of, question)
    margin = monthly_margin(wh, costs=costs)
    days = pd.DatetimeIndex(exits.index.get_level_values("as_of").unique())
    lines = margin.index.get_level_values("month").isin(days.to_period("M").to_timestamp()).sum()
    refuse_purchase_log(wh, len(exits), int(lines))
    parts = {day: future_margin(margin, day, exits.loc[day].index, horizon) for day in days}
    margins = pd.concat(parts, names=["as_of", "customer_id"]).reindex(exits.index)
    known = margins.notna().all(axis=1)
    named = margins.set_axis([f"margin_{month}" for month in margins.columns], axis=1)
    labels = pd.DataFrame({"label": margins.sum(axis=1).where(known)}, index=exits.index)
    return labels.join(named).join(exits).assign(revenue_value="revenue_value" in margin)


def future_tier_labels(wh: Warehouse, as_of: Any, question: Question) -> pd.DataFrame:
    """Value tier of each customer some months after each date, or ``left``.

    Thresholds are those of the question (annual values in u by segment), or are proposed from the values of the last
    date but one (the last that is learned from): the 80, 95 and 99 % quantiles of each segment. They are frozen: the
    same for all dates. A segment of few different values has no thresholds unless they are given, and no labels.

        Parameters
        ----------
        wh : Warehouse
            The operator's tables.
        as_of : list of dates
            Ends of months.
        question : Question
            Population and dormancy, ``horizon_months``, ``unit_costs`` and ``thresholds``.

        Returns
        -------
        pandas.DataFrame
            Index (as_of, customer_id): ``label`` (missing until the last month is known), ``tier_now``, ``annual_now``,
    XX the thresholds of the segment as ``begins_silver`` and so on,
            ``months``, ``cause``, ``billing_type``.
    """
    horizon = _horizon(question)
    exits = exits_within(wh, as_of, question)
    days = sorted(exits.index.get_level_values("as_of").unique())
    monthly = monthly_values(wh, question.settings.get("unit_costs") or None)
    tiers = _frozen_tiers(monthly, days[-2:][0], question.settings.get("thresholds"))
    assigned = assigned_tiers(tiers, monthly)
    now, then = (_at_dates(assigned, exits.index, months) for months in (0, horizon))
    last = monthly["month"].max()
    known = _month_of(exits.index) + horizon <= pd.Period(last, "M")
    label = then["tier"].where(exits["cause"].isna(), LEFT).fillna(LEFT)
    found = exits.assign(tier_now=now["tier"], annual_now=now["annual"], annual_then=then["annual"])
    found = found.join(_flip_flops(tiers, assigned, exits.index, horizon))
    found["segment"] = now["segment"].fillna(PUBLIC)
    held = found["segment"].isin(list(tiers.thresholds_))
    found.insert(0, "label", label.where(np.asarray(known) & held.to_numpy(), None).astype(object))
    return found.join(_thresholds_of_rows(tiers, found["segment"]))


def tiers_of_labels(answers: pd.DataFrame) -> ValueTiers:
    """The frozen thresholds that `future_tier_labels` used, read from its columns."""
    columns = [name for name in answers.columns if name.startswith(_THRESHOLD)]
    names = [TIER_NAMES[0], *(name.removeprefix(_THRESHOLD) for name in columns)]
    rows = answers.dropna(subset=columns).drop_duplicates("segment").set_index("segment")[columns]
    return ValueTiers(names=names, thresholds={str(name): list(row) for name, row in rows.iterrows()}).fit()


def monthly_values(wh: Warehouse, costs: Mapping[str, float] | None = None, known_by: Any = None) -> pd.DataFrame:
    """Recurring margin of every line and month, with its segment: what tiers are followed on."""
    margin = recurring_margin(billed_margin(wh, known_by, costs))
    frame = margin.rename("value").reset_index()
    key = frame["customer_id"].isin(key_accounts(wh))
    return frame.assign(segment=np.where(key, KEY_ACCOUNTS, PUBLIC))


def assigned_tiers(tiers: ValueTiers, monthly: pd.DataFrame) -> pd.DataFrame:
    """Tier of every line in every month, with hysteresis; lines of segments without thresholds are left out."""
    inside = monthly[monthly["segment"].isin(list(tiers.thresholds_))]
    return tiers.assign(inside).assign(segment=inside.sort_values("month", kind="stable")["segment"].to_numpy())


def exits_within(wh: Warehouse, as_of: Any, question: Question) -> pd.DataFrame:
    """Months to the exit, or watched, up to the horizon; and the cause of exits inside it."""
    exits = exit_times(wh, [pd.Timestamp(day) for day in read_dates(as_of)], question)
    horizon = _horizon(question)
    inside = exits["months"] <= horizon
    return exits.assign(months=exits["months"].clip(upper=horizon), cause=exits["cause"].where(inside))


def _horizon(question: Question) -> int:
    return int(question.settings["horizon_months"])


def _frozen_tiers(monthly: pd.DataFrame, day: pd.Timestamp, given: Mapping[str, Any] | None) -> ValueTiers:
    """Thresholds given in money, or proposed from the values as of a date."""
    if given:
        size = len(next(iter(given.values())))
        return ValueTiers(names=TIER_NAMES[: size + 1], thresholds=dict(given)).fit()
    annual = _annual_values(monthly, day)
    different = annual.groupby("segment")["annual"].nunique()
    enough = annual[annual["segment"].isin(different[different >= _FEWEST_VALUES].index)]
    if enough.empty:
        raise DataError(
            f"too few customers with different values for {len(TIER_NAMES)} tiers\n  given: {len(annual)} lines\n"
            "  hint: thresholds in money: question: {thresholds: {public: [120, 360, 720]}}"
        )
    return ValueTiers(names=TIER_NAMES).fit(enough["annual"].to_numpy(), segment=enough["segment"].to_numpy())


def _annual_values(monthly: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Twelve times the mean of the last three months of each line that is there in the last of them."""
    last = day.to_period("M").to_timestamp()
    recent = monthly[monthly["month"].between(last - pd.DateOffset(months=2), last)]
    here = recent.loc[recent["month"] == last, "customer_id"]
    by = recent[recent["customer_id"].isin(here)].groupby(["customer_id", "segment"])["value"]
    return (12 * by.mean()).rename("annual").reset_index()


def _at_dates(assigned: pd.DataFrame, index: pd.Index, months: int) -> pd.DataFrame:
    """What was assigned to the lines of an index, so many months after its dates."""
    month = (_month_of(index) + months).to_timestamp()
    wanted = pd.MultiIndex.from_arrays([index.get_level_values("customer_id"), month])
    found = assigned.set_index(["customer_id", "month"])[["tier", "annual", "segment"]]
    return found.reindex(wanted).set_axis(index)


def _thresholds_of_rows(tiers: ValueTiers, segment: pd.Series) -> pd.DataFrame:
    table = pd.DataFrame(tiers.thresholds_, index=[f"{_THRESHOLD}{name}" for name in tiers.names[1:]]).T
    return table.reindex(segment).set_axis(segment.index)


def _flip_flops(tiers: ValueTiers, assigned: pd.DataFrame, index: pd.Index, horizon: int) -> pd.DataFrame:
    """Moves, and moves back to a tier left at most three months before, in the months after each date."""
    places = {name: place for place, name in enumerate(tiers.names)}
    held = assigned["tier"].map(places).to_numpy(np.float64)
    plain = tiers.transform(assigned["annual"].fillna(0.0).to_numpy(), segment=assigned["segment"])[:, 0]
    keys = [assigned["customer_id"], assigned["month"]]
    by_rule, alone = (pd.Series(values, index=keys).unstack() for values in (held, plain))
    counts = {
        "moves": by_rule.diff(axis=1).fillna(0.0) != 0,
        "flip_flops": _moves_back(by_rule),
        "plain_flip_flops": _moves_back(alone.where(by_rule.notna())),
    }
    parts = {
        day: pd.DataFrame({name: _counted(cells, day, horizon) for name, cells in counts.items()})
        for day in pd.DatetimeIndex(index.get_level_values("as_of").unique())
    }
    return pd.concat(parts, names=["as_of", "customer_id"]).reindex(index).fillna(0.0)


def _moves_back(tiers: pd.DataFrame) -> pd.DataFrame:
    """Whether a month brings a tier back that was left at most three months before."""
    before = tiers.shift(1, axis=1)
    moved = (tiers != before) & tiers.notna() & before.notna()
    again = pd.DataFrame(False, index=tiers.index, columns=tiers.columns)
    for back in range(2, _BACK_MONTHS + 2):
        again |= tiers == tiers.shift(back, axis=1)
    return moved & again


def _counted(cells: pd.DataFrame, day: pd.Timestamp, horizon: int) -> pd.Series:
    month, months = day.to_period("M"), pd.DatetimeIndex(cells.columns).to_period("M")
    inside = np.asarray((months > month) & (months <= month + horizon))
    return pd.Series(cells.to_numpy()[:, inside].sum(axis=1), index=cells.index)


def _month_of(index: pd.Index) -> pd.PeriodIndex:
    """The month of the date of each row."""
    return pd.DatetimeIndex(index.get_level_values("as_of")).to_period("M")
