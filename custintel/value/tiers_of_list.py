"""Tiers of a list of customers by their annualised value, where no thresholds are frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from custintel.value._value_tiers import ValueTiers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


KEY_ACCOUNT = "key_account"
"""The segment of customers that have thresholds of their own."""

_NAMES = ("bronze", "silver", "gold", "platinum")
_LEVELS = (0.80, 0.95, 0.99)
_UNKNOWN = "the annualised value is not known"


def value_tiers(found: pd.DataFrame, kept: Mapping[str, Sequence[float]] | None = None) -> pd.DataFrame:
    """Tier of each customer by annualised value, and what is to be known about it.

    Key accounts and public customers have tiers of their own. Of few customers only the lower tiers are told apart:
    each needs somebody in it.

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
    key = found["segment"] == KEY_ACCOUNT if "segment" in found else np.zeros(len(found), dtype=bool)
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
