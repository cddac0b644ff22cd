"""What an alarm saved: the part of a loss that had not happened yet when the alarm came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from custintel.errors import ConfigurationError, DataError
from custintel.rules.monitoring.alarm_outcomes import parse_outcomes

UNKNOWN_START = 0.5


def saved_loss(
    cases: pd.DataFrame, horizon: float | Mapping[str, float] = 30.0, *, unknown_start: float = UNKNOWN_START
) -> pd.Series:
    """What stopping each case at its first alarm saves against its detection without the alarm, in u.

    A loss is taken to run evenly from the start of a case to the day on which it would have been detected without the
    alarm. Saved is the part after the alarm::

        saved = loss x (detected - first) / (detected - start), at least 0, at most the loss

    Parameters, result and errors: `RuleMonitor.saved_loss`.

    Notes
    -----
    Even accrual is the simplest assumption that makes an early alarm worth more than a late one. Fraud that accelerates
    loses more at its end, so that an early stop saves more than is said here. The cost of reviewing alarms is not taken
    off.

    Examples
    --------
    >>> cases = pd.DataFrame({"expected_loss": [300.0, 300.0, 300.0], "kinds": [["irsf"], ["irsf"], ["irsf"]],
    ...                       "start": ["2025-06-01", "2025-06-01", None], "first": ["2025-06-04", "2025-07-20", None]})
    >>> saved_loss(cases, horizon=30).tolist()
    [270.0, 0.0, 150.0]
    """
    _check(cases, horizon, unknown_start)
    return (_amount(cases) * _ahead(cases, horizon, unknown_start)).rename("saved_loss")


def _amount(cases: pd.DataFrame) -> pd.Series:
    """What is at stake in each case."""
    expected = cases["expected_loss"].astype(float)
    if "outcome" not in cases:
        return expected
    confirmed = parse_outcomes(cases["outcome"])
    whole = cases["loss"].astype(float).fillna(expected) if "loss" in cases else expected
    return expected.where(confirmed.isna(), whole).where(confirmed.ne(False), 0.0)  # missing is not False


def _ahead(cases: pd.DataFrame, horizon: float | Mapping[str, float], unknown: float) -> pd.Series:
    """Share of the loss that lies behind the alarm."""
    start, first, detected = (_days(cases, name) for name in ("start", "first", "detected"))
    detected = detected.fillna(start + _horizons(cases, horizon))
    whole = (detected - start).where(lambda days: days > 0)
    return ((detected - first) / whole).clip(0.0, 1.0).fillna(unknown)


def _days(cases: pd.DataFrame, name: str) -> pd.Series:
    """Days since 1970, with fractions."""
    if name not in cases:
        return pd.Series(np.nan, cases.index)
    times = pd.to_datetime(cases[name], utc=True, format="ISO8601")
    return (times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)


def _horizons(cases: pd.DataFrame, horizon: float | Mapping[str, float]) -> pd.Series:
    """Days to detection without an alarm: of a case of several kinds, the shortest."""
    if not isinstance(horizon, Mapping):
        return pd.Series(float(horizon), cases.index)
    kinds = cases["kinds"] if "kinds" in cases else pd.Series([[]] * len(cases), cases.index)
    usual = float(horizon.get("default", 30.0))
    return kinds.map(lambda names: min([float(horizon.get(k, usual)) for k in names], default=usual)).astype(float)


def _check(cases: pd.DataFrame, horizon: Any, unknown: float) -> None:
    if "expected_loss" not in cases:
        raise DataError("the cases have no expected_loss\n  hint: RuleMonitor.saved_loss(RuleBase.cases(alarms))")
    days = list(horizon.values()) if isinstance(horizon, Mapping) else [horizon]
    if not all(float(d) > 0 for d in days):
        raise ConfigurationError(f"a horizon is a number of days\n  given: {horizon!r}\n  allowed: above 0")
    if not 0 <= unknown <= 1:
        raise ConfigurationError(f"unknown_start is a share\n  given: {unknown}\n  allowed: 0 to 1")
