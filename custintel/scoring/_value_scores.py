"""The list of values: HV, CV, PV and a tier for each customer as of a date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.value import ValueTiers, customer_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custintel.artifact import Model
    from custintel.warehouse import Warehouse


_KEY_ACCOUNT = "key_account"
_NAMES = ("bronze", "silver", "gold", "platinum")
_LEVELS = (0.80, 0.95, 0.99)
_UNKNOWN = "the annualised value is not known"


def value_scores(model: Model, wh: Warehouse, date: pd.Timestamp) -> pd.DataFrame:
    """Every line in service with its values, highest PV first; the tier is that of the annualised value.

    Key accounts and public customers have tiers of their own. The thresholds are those kept with the model
    (``metadata["tiers"]``), so that a tier means the same every month; without any they are proposed from this list.
    Of few customers only the lower tiers are told apart: each needs somebody in it. ``tier_reason`` says so, and why a
    tier is missing.
    """
    found = customer_value(wh, date, model.estimator)
    found = found.join(value_tiers(found, model.metadata.get("tiers")))
    listed = found.reset_index().rename_axis(columns=None)
    listed.insert(1, "as_of", date)
    listed["model_version"] = model.version
    return listed.sort_values(["pv", "customer_id"], ascending=[False, True], kind="stable", ignore_index=True)


def value_tiers(found: pd.DataFrame, kept: Mapping[str, Sequence[float]] | None = None) -> pd.DataFrame:
    """Tier of each customer by annualised value, and what is to be known about it.

    Parameters
    ----------
    found : DataFrame
        ``annualised`` (u) and, where known, ``segment``.
    kept : mapping of str to sequence of float, optional
        Thresholds of ``public`` and ``key accounts``; proposed from the values where a segment has none.

    Returns
    -------
    DataFrame
        Index of `found`; tier ('' where there is none) and tier_reason ('' where there is nothing to say).

    Examples
    --------
    >>> values = pd.DataFrame({"annualised": [10.0, 20.0, 30.0, 40.0, 500.0, None]})
    >>> value_tiers(values)["tier"].tolist()
    ['bronze', 'bronze', 'bronze', 'bronze', 'silver', '']
    >>> value_tiers(values)["tier_reason"].tolist()[-1]
    'the annualised value is not known'
    """
    key = found["segment"] == _KEY_ACCOUNT if "segment" in found else np.zeros(len(found), dtype=bool)
    segment = np.where(key, "key accounts", "public")
    values = found["annualised"].to_numpy(np.float64)
    known = ~np.isnan(values)
    told = pd.DataFrame({"tier": "", "tier_reason": _UNKNOWN}, index=found.index, dtype=object)
    for name in sorted(set(segment[known])):
        rows = known & (segment == name)
        model, reason = _thresholds(values[rows], (kept or {}).get(name))
        told.loc[rows, "tier_reason"] = reason
        if model is not None:
            told.loc[rows, "tier"] = model.tier_of(values[rows]).to_numpy()
    return told


def _thresholds(values: np.ndarray, kept: Sequence[float] | None) -> tuple[ValueTiers | None, str]:
    """Kept thresholds, or those of the 80, 95 and 99 % of these values above which somebody is; and what to say."""
    if kept is not None:
        return ValueTiers(names=_NAMES[: len(kept) + 1], thresholds=kept).fit(), ""
    different = len(np.unique(values[values > 0]))
    levels = tuple(level for level in _LEVELS if different * (1 - level) >= 1 - 1e-9)
    names = _NAMES[: len(levels) + 1]
    if not levels:
        return None, f"only {different} different positive values: no tiers (thresholds in money would give them)"
    few = f"only {different} different positive values: tiers {', '.join(names)} only"
    return ValueTiers(names=names, levels=levels).fit(values), few if len(levels) < len(_LEVELS) else ""
