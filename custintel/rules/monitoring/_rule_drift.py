"""Drift that shows without outcomes: how often a rule fires, and how the features it reads are distributed.

A profile is kept in the log when a rule is activated: its firing rate, and of each feature a systematic sample of the
sorted values (200 of them say the distribution to half a per cent), from which `custintel.metrics.psi` comes later.
The index of a firing rate is shown, too, but a rule that fires on few customers can fire ten times as often and move it
by less than 0.1: its verdict comes from the ratio, where it is beyond chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from custintel.errors import DataError, Problem, raise_problems
from custintel.metrics import psi

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from custintel.rules._rule_base import RuleBase


_KEPT = 200
_COLUMNS = (
    "rule", "version", "state", "rate_before", "rate_now", "rate_ratio", "rate_p_value", "rate_psi", "column",
    "column_psi", "columns", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class DriftSettings:
    """From when on a rule is said to look different, or to have moved.

    Parameters
    ----------
    psi_look, psi_moved : float
        Population stability index of a feature from which to look, and from which it has moved.
    rate_ratio : float
        How many times as often (or seldom) a rule fires when it has moved.
    alpha : float
        Significance level: a change of the rate counts when it is less probable than this by chance.
    """

    psi_look: float = 0.10
    psi_moved: float = 0.25
    rate_ratio: float = 2.0
    alpha: float = 0.001

    def __post_init__(self) -> None:
        if not (0 < self.psi_look <= self.psi_moved and self.rate_ratio > 1 and 0 < self.alpha < 1):
            given = ", ".join(f"{name} {value}" for name, value in vars(self).items())
            allowed = "0 < psi_look <= psi_moved, rate_ratio above 1, alpha between 0 and 1"
            raise_problems([Problem("DriftSettings", "limits that cannot be met", given, allowed)])


def save_drift_baseline(base: RuleBase, X: pd.DataFrame, *, by: str, at: str | datetime | None = None) -> list[str]:
    """Keep how often the firing rules fire now and how their features are distributed, where nothing is kept yet.

    Call it after rules were activated; a rule that became active anew gets a new profile.

    Parameters, result and errors: `RuleMonitor.save_drift_baseline`.
    """
    fired = base.compile().match(X).sum()
    fresh = [id_ for id_, entry in base.in_state().items() if not _is_fresh(base, id_)]
    for id_ in fresh:
        columns = {name: _kept(X[name]) for name in sorted(base.entries[id_].rule.columns)}
        profile = {"rows": len(X), "fired": int(fired[id_]), "columns": columns}
        base.add_evidence(id_, {"profile": profile, "profile_since": base.entries[id_].since}, by=by, at=at)
    return fresh


def rule_drift(base: RuleBase, X: pd.DataFrame, settings: DriftSettings | None = None) -> pd.DataFrame:
    """How firing rules and their features have moved since their profiles were kept.

    Parameters, result and errors: `RuleMonitor.drift`.

    Examples
    --------
    >>> from custintel.rules import RuleBase
    >>> base = RuleBase()
    >>> rule = base.propose("burst", "minutes > 30", by="an analyst")
    >>> base.shadow("burst", by="an analyst", reason="three cases")
    >>> base.activate("burst", by="head of fraud", reason="27 of 30 confirmed")
    >>> X = pd.DataFrame({"minutes": np.arange(1000) % 40})
    >>> kept = save_drift_baseline(base, X, by="nightly run")
    >>> rule_drift(base, X)["verdict"].tolist(), rule_drift(base, X + 10)["verdict"].tolist()
    (['stable'], ['moved'])
    """
    if X.empty:
        raise DataError("drift needs customers: the table has no rows")
    settings = settings or DriftSettings()
    fired = base.compile().match(X).sum()
    rows = [_drift(base, id_, X, int(fired[id_]), settings) for id_ in base.in_state()]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _is_fresh(base: RuleBase, id_: str) -> bool:
    entry = base.entries[id_]
    since = entry.evidence.get("profile_since")
    # a rule that is watched keeps the profile of the time when it was active
    return since is not None and (since == entry.since or entry.state == "watch")


def _kept(values: pd.Series) -> list[Any]:
    """A systematic sample of the sorted values; None for missing ones."""
    plain = values.astype(float) if values.dtype.kind in "iufb" else values.astype(object)
    ordered = plain.sort_values(na_position="last").to_numpy()
    places = ((np.arange(_KEPT) + 0.5) * len(ordered) / _KEPT).astype(np.int64)
    return [None if pd.isna(v) else float(f"{v:.9g}") if isinstance(v, float) else str(v) for v in ordered[places]]


def _drift(base: RuleBase, id_: str, X: pd.DataFrame, fired: int, settings: DriftSettings) -> dict[str, Any]:
    entry = base.entries[id_]
    facts = {"rule": entry.rule.name, "version": entry.rule.version, "state": entry.state}
    profile = entry.evidence.get("profile")
    if not profile:
        return {**facts, "rate_now": fired / len(X), "columns": {}, "verdict": "no profile"}
    rate = _rate(profile["fired"], profile["rows"], fired, len(X))
    moved = {name: _column_psi(kept, X[name]) for name, kept in profile["columns"].items()}
    worst = max(moved, key=lambda name: moved[name]) if moved else ""
    most_moved = {"column": worst, "column_psi": moved.get(worst, 0.0), "columns": moved}
    return {**facts, **rate, **most_moved, "verdict": _verdict(rate, moved.get(worst, 0.0), settings)}


def _verdict(rate: Mapping[str, float], column: float, settings: DriftSettings) -> str:
    ratio = max(rate["rate_ratio"], 1 / rate["rate_ratio"])
    sure = rate["rate_p_value"] < settings.alpha
    if column > settings.psi_moved or (sure and ratio > settings.rate_ratio):
        return "moved"
    return "look" if column > settings.psi_look or (sure and ratio > settings.rate_ratio**0.5) else "stable"


def _rate(fired: int, rows: int, fired_now: int, rows_now: int) -> dict[str, float]:
    # half an alarm more on both sides keeps the ratio of a rule that never fired finite
    before, now = (fired + 0.5) / (rows + 1), (fired_now + 0.5) / (rows_now + 1)
    pooled = (fired + fired_now + 1) / (rows + rows_now + 2)
    z = (now - before) / np.sqrt(pooled * (1 - pooled) * (1 / (rows + 1) + 1 / (rows_now + 1)))
    return {
        "rate_before": fired / rows,
        "rate_now": fired_now / rows_now,
        "rate_ratio": now / before,
        "rate_p_value": float(2 * norm.sf(abs(z))),
        "rate_psi": psi(_flags(fired, rows), _flags(fired_now, rows_now)),
    }


def _flags(fired: int, rows: int) -> np.ndarray:
    return np.where(np.arange(rows) < fired, "fires", "silent")


def _column_psi(kept: list[Any], values: pd.Series) -> float:
    if values.dtype.kind in "iufb":
        return psi(pd.Series(kept, dtype=float), values.astype(float))
    return psi(pd.Series(kept, dtype=object), values.astype(object).map(str, na_action="ignore"))
