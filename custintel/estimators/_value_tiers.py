"""`ValueTiers`: value tiers that stay put: frozen thresholds, smoothing, hysteresis, confirmation, overrides."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted

from custintel.errors import DataError, Problem, raise_problems
from custintel.estimators._migration import LEFT, NEW, MigrationMatrix, migration
from custintel.estimators._tier_thresholds import by_quantile, by_share, natural_breaks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ValueTiers"]

Method = Literal["quantile", "jenks", "share"]
_ALL = "all"
_MONTHS_A_YEAR = 12
_NEEDED = ("customer_id", "month", "value")
_OVERRIDE_KEYS = ("customer_id", "tier", "reason", "expires")


class ValueTiers(BaseEstimator):  # type: ignore[misc]
    """Tiers of annualised value whose members change only when their value really has.

    Thresholds are set once (given in money, or proposed from values) and frozen for a year. A customer's value is the
    mean of the last months; he moves up only when it exceeds a threshold by the hysteresis, down only when it falls
    below by as much, and only when that holds in several months running. Public customers and key accounts get
    thresholds of their own (`segment`), never one quantile.

    Parameters
    ----------
    names : sequence of str
        Tiers, lowest first.
    thresholds : sequence of float or mapping of str to sequence, optional
        Annual values at which the tiers above the lowest begin; for each segment. Proposed by `method` when None.
    method : {"quantile", "jenks", "share"}
        Quantiles; natural breaks of the logarithm (Fisher-Jenks); or the smallest sets that hold shares of all value.
    levels : sequence of float, optional
        Quantiles (default 0.80, 0.95, 0.99) or shares (default 0.5, 0.8, 0.95) for the tiers, as many as names less 1.
    smoothing : int
        Months averaged.
    hysteresis : float
        Share by which a threshold must be passed.
    confirmation : int
        Months running in which it must be passed.

    Attributes
    ----------
    thresholds_ : dict of str to array
        Thresholds of each segment, lowest first.
    version_ : str
        Hash of names and thresholds.

    Examples
    --------
    >>> tiers = ValueTiers(names=("basic", "gold"), thresholds=[600.0]).fit()
    >>> months = pd.period_range("2025-01", periods=4, freq="M").to_timestamp()
    >>> monthly = pd.DataFrame({"customer_id": "a", "month": months, "value": [45.0, 58.0, 58.0, 80.0]})
    >>> tiers.assign(monthly)["tier"].tolist()
    ['basic', 'basic', 'basic', 'basic']
    >>> tiers.assign(monthly.assign(value=[45.0, 80.0, 80.0, 80.0]))["tier"].tolist()
    ['basic', 'basic', 'gold', 'gold']
    """

    thresholds_: dict[str, np.ndarray]
    version_: str

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter here
        self,
        *,
        names: Sequence[str] = ("bronze", "silver", "gold", "platinum"),
        thresholds: Any = None,
        method: Method = "quantile",
        levels: Sequence[float] | None = None,
        smoothing: int = 3,
        hysteresis: float = 0.10,
        confirmation: int = 2,
    ) -> None:
        self.names = names
        self.thresholds = thresholds
        self.method = method
        self.levels = levels
        self.smoothing = smoothing
        self.hysteresis = hysteresis
        self.confirmation = confirmation

    def fit(self, X: Any = None, y: Any = None, segment: Any = None) -> Self:
        """Freeze the thresholds.

        Parameters
        ----------
        X : array-like of shape (customers,), optional
            Annualised values from which thresholds are proposed; not needed when `thresholds` are given.
        y : ignored
            For the sake of scikit-learn.
        segment : array-like, optional
            Segment of each customer.

        Raises
        ------
        DataError
            When a segment has fewer customers than tiers, or none with a positive value.
        """
        del y
        self._check_params()
        if self.thresholds is not None:
            self.thresholds_ = self._given()
        else:
            self.thresholds_ = self._proposed(_one_column(X), segment)
        if X is not None:
            self.n_features_in_ = 1
        content = json.dumps([list(self.names), {k: v.tolist() for k, v in sorted(self.thresholds_.items())}])
        self.version_ = hashlib.sha256(content.encode()).hexdigest()[:12]
        return self

    def predict(self, X: Any, segment: Any = None) -> np.ndarray:
        """The tier of an annualised value by the thresholds alone, without memory.

        Parameters
        ----------
        X : array-like of shape (customers,)
            Annualised values.
        segment : array-like, optional
            Segment of each customer.
        """
        check_is_fitted(self, "thresholds_")
        values = _one_column(X)
        out = np.empty(len(values), dtype=np.int64)
        for name, rows in _by_segment(segment, len(values)):
            out[rows] = np.searchsorted(self._limits(name), values[rows], "right")
        return np.asarray(self.names, dtype=object)[out]

    def table(self, valid_from: Any = None) -> pd.DataFrame:
        """The tier table: version, segment, tier, annual value from which it begins, valid from and until.

        Parameters
        ----------
        valid_from : date, optional
            First day; the table is valid for a year.
        """
        check_is_fitted(self, "thresholds_")
        start = pd.NaT if valid_from is None else pd.Timestamp(valid_from)
        rows = [
            {
                "version": self.version_, "segment": segment, "tier": tier, "begins_at": limit, "valid_from": start,
                "valid_until": start if start is pd.NaT else start + pd.DateOffset(years=1) - pd.Timedelta(days=1),
            }
            for segment, limits in self.thresholds_.items()
            for tier, limit in zip(self.names, [-np.inf, *limits], strict=True)
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def assign(
        self, monthly: pd.DataFrame, overrides: pd.DataFrame | None = None, history: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """The tier of every customer in every month.

        Parameters
        ----------
        monthly : DataFrame
            ``customer_id``, ``month`` and ``value`` (margin of that month), and ``segment`` if there are several. A
            customer without a row in a month has left, and is new again when he comes back.
        overrides : DataFrame, optional
            Decisions by hand: ``customer_id``, ``tier``, ``reason``, ``expires`` (last day), and ``since`` (first day,
            optional).
        history : DataFrame, optional
            What `assign` returned for the months before: the new months go on from there. The result is the same as
            for all months at once.

        Returns
        -------
        DataFrame
            customer_id, month, value, annual (12 x the smoothed value), tier, moved (up, down, new or ''), reason (of
            an override), and what the next month must know: own_tier, pending, recent.

        Raises
        ------
        DataError
            For missing columns, two rows of one customer and month, missing values.
        ConfigurationError
            For overrides without reason, with an unknown tier, or that expire before they begin.
        """
        check_is_fitted(self, "thresholds_")
        frame = _checked_months(monthly)
        self._check_overrides(overrides)
        state = _State.of(history, self.names)
        parts = []
        for month in sorted(frame["month"].unique()):
            part = self._one_month(frame[frame["month"] == month], state.before(pd.Timestamp(month)))
            state = _State.of(part, self.names)
            parts.append(part.assign(month=month))
        found = pd.concat(parts, ignore_index=True)
        return self._overridden(found, overrides)

    def migration(self, assigned: pd.DataFrame, before: Any, after: Any) -> MigrationMatrix:
        """Who moved from which tier to which between two months, in customers and in money.

        Parameters
        ----------
        assigned : DataFrame
            What `assign` returned.
        before, after : month
            The months compared.
        """
        return migration(assigned, pd.Timestamp(before), pd.Timestamp(after), list(self.names))

    def _one_month(self, rows: pd.DataFrame, state: _State) -> pd.DataFrame:
        """Smooth, compare with the thresholds, move who has been beyond long enough."""
        known = state.frame.reindex(rows["customer_id"])
        fresh = known["own"].isna().to_numpy()
        recent = [
            [*(past if isinstance(past, list) else []), float(value)][-self.smoothing :]
            for past, value in zip(known["recent"], rows["value"], strict=True)
        ]
        annual = np.array([np.mean(r) for r in recent]) * _MONTHS_A_YEAR
        own = known["own"].fillna(0).to_numpy(np.int64)
        pending = known["pending"].fillna(0).to_numpy(np.int64)
        segment = rows.get("segment")
        target = np.empty(len(rows), dtype=np.int64)
        for name, at in _by_segment(segment, len(rows)):
            plain = np.searchsorted(self._limits(name), annual[at], "right")
            target[at] = np.where(fresh[at], plain, self._target(name, annual[at], own[at]))
        direction = np.sign(target - own)
        pending = np.where(fresh | (direction == 0), 0, np.where(np.sign(pending) == direction, pending, 0) + direction)
        moves = ~fresh & (np.abs(pending) >= self.confirmation)
        tier = np.where(fresh | moves, target, own)
        moved = np.where(fresh, NEW, np.where(moves, np.where(direction > 0, "up", "down"), ""))
        names = np.asarray(self.names, dtype=object)
        return pd.DataFrame(
            {
                "customer_id": rows["customer_id"].to_numpy(),
                "month": rows["month"].to_numpy(),
                "value": rows["value"].to_numpy(np.float64),
                "annual": annual,
                "tier": names[tier],
                "moved": moved,
                "own_tier": names[tier],
                "pending": np.where(moves, 0, pending),
                "recent": recent,
            }
        )

    def _target(self, segment: str, annual: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Where the value would put a customer when thresholds are passed by the hysteresis only."""
        limits = self._limits(segment)
        room = self.hysteresis * np.abs(limits)
        up = np.searchsorted(limits + room, annual, "right")
        down = np.searchsorted(limits - room, annual, "right")
        return np.where(up > own, up, np.where(down < own, down, own))

    def _limits(self, segment: str) -> np.ndarray:
        if segment in self.thresholds_:
            return self.thresholds_[segment]
        raise DataError(
            f"no thresholds for this segment\n  given: {segment}\n  allowed: {', '.join(self.thresholds_)}\n"
            "  hint: public customers and key accounts need thresholds of their own: fit with segment="
        )

    def _given(self) -> dict[str, np.ndarray]:
        given = self.thresholds if isinstance(self.thresholds, dict) else {_ALL: self.thresholds}
        found = {str(name): np.asarray(limits, dtype=np.float64).ravel() for name, limits in given.items()}
        problems = [
            Problem(f"thresholds of {name}", "not rising numbers, one less than tiers", str(limits.tolist()))
            for name, limits in found.items()
            if len(limits) != len(self.names) - 1 or not (np.diff(limits) > 0).all() or not np.isfinite(limits).all()
        ]
        raise_problems(problems)
        return found

    def _proposed(self, values: np.ndarray, segment: Any) -> dict[str, np.ndarray]:
        found = {}
        for name, rows in _by_segment(segment, len(values)):
            mine = values[rows]
            if len(np.unique(mine[mine > 0])) < len(self.names):
                raise DataError(
                    f"too few customers with different positive values for {len(self.names)} tiers (segment {name})\n"
                    f"  given: {len(np.unique(mine[mine > 0]))}\n  hint: fewer tiers, or thresholds in money"
                )
            found[name] = np.asarray(self._propose(mine), dtype=np.float64)
        return found

    def _propose(self, values: np.ndarray) -> np.ndarray:
        steps = len(self.names) - 1
        if self.method == "jenks":
            return natural_breaks(values, len(self.names))
        usual = (0.80, 0.95, 0.99) if self.method == "quantile" else (0.5, 0.8, 0.95)
        levels = tuple(self.levels) if self.levels is not None else usual[-steps:] if steps <= 3 else ()
        if len(levels) != steps:
            raise_problems([Problem("levels", "one for each tier above the lowest", str(levels), f"{steps} shares")])
        limits = (by_quantile if self.method == "quantile" else by_share)(values, levels)
        # equal limits would leave a tier empty: the next larger value begins it
        return np.maximum.accumulate(limits + np.arange(steps) * 1e-9 * max(float(np.abs(limits).max()), 1.0))

    def _check_params(self) -> None:
        problems = []
        if len(set(self.names)) != len(self.names) or len(self.names) < 2 or {LEFT, NEW} & set(self.names):
            problems.append(Problem("names", "at least two different tiers, none called new or left", str(self.names)))
        if self.method not in ("quantile", "jenks", "share"):
            problems.append(Problem("method", "unknown", str(self.method), "quantile, jenks, share"))
        problems += [
            Problem(name, "too small", str(getattr(self, name)), f"{least} or more")
            for name, least in (("smoothing", 1), ("confirmation", 1), ("hysteresis", 0))
            if getattr(self, name) < least
        ]
        if self.hysteresis >= 1:
            problems.append(Problem("hysteresis", "not a share", str(self.hysteresis), "below 1"))
        raise_problems(problems)

    def _check_overrides(self, overrides: pd.DataFrame | None) -> None:
        if overrides is None:
            return
        absent = [key for key in _OVERRIDE_KEYS if key not in overrides]
        if absent:
            raise_problems([Problem("overrides", "columns are missing", ", ".join(absent), ", ".join(_OVERRIDE_KEYS))])
        problems: list[Problem] = []
        for row in overrides.to_dict("records"):
            problems += self._override_problems(row)
        raise_problems(problems)

    def _override_problems(self, row: Mapping[Any, Any]) -> list[Problem]:
        where, found = f"override of {row['customer_id']}", []
        if row["tier"] not in self.names:
            found.append(Problem(where, "unknown tier", str(row["tier"]), ", ".join(self.names)))
        if not isinstance(row["reason"], str) or not row["reason"].strip():
            found.append(Problem(where, "no reason", hint="write why, for those who will ask"))
        if pd.isna(row["expires"]):
            found.append(Problem(where, "no expiry", hint="every override ends; give its last day"))
        elif not pd.isna(row.get("since", pd.NaT)) and pd.Timestamp(row["expires"]) < pd.Timestamp(row["since"]):
            found.append(Problem(where, "expires before it begins", f"{row['since']} to {row['expires']}"))
        return found

    def _overridden(self, found: pd.DataFrame, overrides: pd.DataFrame | None) -> pd.DataFrame:
        """Put decisions by hand in place of computed tiers, for the months they cover."""
        found["reason"] = ""
        for row in [] if overrides is None else overrides.to_dict("records"):
            since = row.get("since", pd.NaT)
            covered = (found["customer_id"] == row["customer_id"]) & (found["month"] <= pd.Timestamp(row["expires"]))
            if not pd.isna(since):
                covered &= found["month"] + pd.offsets.MonthEnd(0) >= pd.Timestamp(since)
            found.loc[covered, ["tier", "reason"]] = [row["tier"], row["reason"]]
        columns = [
            "customer_id",
            "month",
            "value",
            "annual",
            "tier",
            "moved",
            "reason",
            "own_tier",
            "pending",
            "recent",
        ]
        return found[columns]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


class _State:
    """What the next month must know of each customer of a month: tier, months beyond a threshold, recent values."""

    def __init__(self, frame: pd.DataFrame, month: pd.Timestamp | None = None) -> None:
        self.frame, self.month = frame, month

    def before(self, month: pd.Timestamp) -> _State:
        """The state if it is of the month before; nobody's otherwise: all had left in between."""
        follows = self.month is not None and month == self.month + pd.offsets.MonthBegin(1)
        return self if follows else _State.of(None, ())

    @classmethod
    def of(cls, assigned: pd.DataFrame | None, names: Sequence[str]) -> _State:
        if assigned is None or assigned.empty:
            return cls(pd.DataFrame({"own": [], "pending": [], "recent": []}, index=pd.Index([], dtype=object)))
        last = assigned[assigned["month"] == assigned["month"].max()]
        own = last["own_tier"].map({name: k for k, name in enumerate(names)}).to_numpy()
        content = {"own": own, "pending": last["pending"].to_numpy(), "recent": [list(r) for r in last["recent"]]}
        return cls(pd.DataFrame(content, index=pd.Index(last["customer_id"])), pd.Timestamp(last["month"].iloc[0]))


def _checked_months(monthly: pd.DataFrame) -> pd.DataFrame:
    absent = [name for name in _NEEDED if name not in monthly]
    if absent:
        raise DataError(f"columns are missing: {', '.join(absent)}\n  allowed: customer_id, month, value, segment")
    if monthly.empty:
        raise DataError("no month of any customer is given")
    frame = monthly.assign(month=pd.to_datetime(monthly["month"]).dt.to_period("M").dt.to_timestamp())
    twice = int(frame.duplicated(["customer_id", "month"]).sum())
    if twice:
        raise DataError(f"{twice} rows repeat a customer and month\n  hint: add up the values of a month first")
    missing = int(frame["value"].isna().sum())
    if missing:
        raise DataError(
            f"{missing} values are missing\n  hint: leave out months in which a customer was not in service"
        )
    return frame


def _by_segment(segment: Any, rows: int) -> list[tuple[str, np.ndarray]]:
    if segment is None:
        return [(_ALL, np.arange(rows))]
    names = np.asarray(segment, dtype=object).astype(str)
    return [(name, np.flatnonzero(names == name)) for name in sorted(set(names))]


def _one_column(X: Any) -> np.ndarray:
    if X is None:
        raise DataError("no values to propose thresholds from\n  hint: give annualised values, or thresholds in money")
    values = check_array(X, ensure_2d=False, dtype=np.float64, input_name="X")
    if values.ndim == 2 and values.shape[1] != 1:
        raise DataError(f"X has {values.shape[1]} columns\n  allowed: one, the annualised value of each customer")
    return np.asarray(values.ravel())
