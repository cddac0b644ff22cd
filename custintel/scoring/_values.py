"""The list of values: HV, CV, PV and a tier for each customer as of a date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.estimators import ValueTiers, customer_value

if TYPE_CHECKING:
    import pandas as pd

    from custintel.artifact import Model
    from custintel.warehouse import Warehouse

__all__ = ["value_list"]

_KEY_ACCOUNT = "key_account"


def value_list(model: Model, wh: Warehouse, date: pd.Timestamp) -> pd.DataFrame:
    """Every line in service with its values, highest PV first; the tier is that of the annualised value.

    Key accounts and public customers have tiers of their own. The thresholds are those kept with the model
    (``metadata["tiers"]``), so that a tier means the same every month; without any they are proposed from this list.
    """
    found = customer_value(wh, date, model.estimator)
    found = found.assign(tier=_tiers(found, model.metadata.get("tiers")))
    listed = found.reset_index().rename_axis(columns=None)
    listed.insert(1, "as_of", date)
    listed["model_version"] = model.version
    return listed.sort_values(["pv", "customer_id"], ascending=[False, True], kind="stable", ignore_index=True)


def _tiers(found: pd.DataFrame, kept: Any) -> np.ndarray:
    key = found["segment"] == _KEY_ACCOUNT if "segment" in found else np.zeros(len(found), dtype=bool)
    segment = np.where(key, "key accounts", "public")
    known = found["annualised"].notna().to_numpy()
    tiers = np.full(len(found), "", dtype=object)
    values = found["annualised"].to_numpy(np.float64)
    for name in sorted(set(segment[known])):
        rows = known & (segment == name)
        model = _thresholds(values[rows], (kept or {}).get(name))
        if model is not None:
            tiers[rows] = model.tier_of(values[rows]).to_numpy()
    return tiers


def _thresholds(values: np.ndarray, kept: Any) -> ValueTiers | None:
    """Kept thresholds, or the 80, 95 and 99 % of these values; none for a handful of customers."""
    if kept is not None:
        return ValueTiers(thresholds=kept).fit()
    if len(np.unique(values[values > 0])) < 100:
        return None
    return ValueTiers().fit(values)
