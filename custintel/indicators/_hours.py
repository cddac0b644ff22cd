"""Records whose times are days: what compares hours is missing, and there are no slots of a day."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from custintel.errors import QualityWarning

if TYPE_CHECKING:
    import pandas as pd

    from custintel.warehouse import Warehouse

__all__ = ["holds_days", "without_hours"]

_BY_HOUR = (
    "percent_nocturnal",
    "percent_at_home",
    "interevent_time",
    "response_delay_text",
    "response_rate_text",
    "percent_initiated_conversations",
)
"""Indicators that read the time of day: night, home (the place of the nights), and what lies between two records."""


def holds_days(wh: Warehouse) -> bool:
    """Whether the records of a warehouse have no time of day."""
    return "event_time" in wh.report["usage"].days_only


def without_hours(frame: pd.DataFrame) -> pd.DataFrame:
    """The indicators with those missing that need an hour.

    >>> import pandas as pd
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     without_hours(pd.DataFrame({"active_days__allweek__night__call": [1.0], "active_days__allweek": [2.0]}))
       active_days__allweek__night__call  active_days__allweek
    0                                NaN                   2.0
    """
    lost = [name for name in frame.columns if _needs_hour(str(name).split("__"))]
    text = f"usage holds days without a time of day: {len(lost)} indicators that need one are missing"
    warnings.warn(f"{text}\n  hint: splits=False leaves out day and night", QualityWarning, stacklevel=3)
    return frame.assign(**dict.fromkeys(lost, np.nan))


def _needs_hour(parts: list[str]) -> bool:
    return parts[0] in _BY_HOUR or "day" in parts or "night" in parts
