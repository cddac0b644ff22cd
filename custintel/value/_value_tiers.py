"""`ValueTiers`: value tiers that stay put: frozen thresholds, smoothing, hysteresis, confirmation, overrides."""

from __future__ import annotations

import hashlib
import json
import warnings
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from custintel.dates import read_day
from custintel.errors import DataError, Problem, QualityWarning, raise_problems, rows_at
from custintel.value._tier_hysteresis import (
    HysteresisRule,
    MonthlyValues,
    TierPaths,
    TierState,
    checked_months,
    follow_tiers,
    state_from_history,
)
from custintel.value._tier_migration import LEFT, NEW, MigrationMatrix, migration
from custintel.value._tier_overrides import apply_overrides, checked_overrides
from custintel.value._tier_thresholds import by_quantile, by_share, natural_breaks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custintel.learners.saved_state_schemas import EstimatorState


Method = Literal["quantile", "jenks", "share"]
_SINGLE_SEGMENT = "all"


class ValueTiers(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Tiers of annualised value whose members change only when their value really has.

    Thresholds are set once (given in money, or proposed from values) and frozen for a year. A customer's value is
    twelve times the mean of the last months. A customer moves up only when that value exceeds a threshold by the
    hysteresis, down only when it falls below by as much, and only when that holds in several months running. Public
    customers and key accounts get thresholds of their own (`segment`), never one quantile.

    Parameters
    ----------
    names : sequence of str
        Tiers, lowest first.
    thresholds : sequence of float or mapping of str to sequence, optional
        Annual values (u) from which the tiers above the lowest begin; for each segment. Proposed by `method` when None.
    method : {"quantile", "jenks", "share"}
        Quantiles; natural breaks of the logarithm (Fisher-Jenks); or the smallest sets that hold shares of all value.
    levels : sequence of float, optional
        Quantiles (default 0.80, 0.95, 0.99) or shares (default 0.5, 0.8, 0.95) for the tiers, as many as names less 1;
        with three names 0.95, 0.99 and 0.5, 0.8.
    smoothing : int
        Months averaged.
    hysteresis : float
        Share by which a threshold must be passed.
    confirmation : int
        Months running in which it must be passed.
    valid_from : date, optional
        First day of the thresholds; they are valid for a year. Without it, expiry is not watched.

    Attributes
    ----------
    thresholds_ : dict of str to array
        Thresholds of each segment, lowest first; the segment is ``all`` where there is one only.
    version_ : str
        Hash of names, thresholds and first day.
    valid_from_, valid_until_ : Timestamp
        First and last day; NaT without `valid_from`.
    n_features_in_ : int
        Columns of values seen in `fit`.

    Notes
    -----
    Negative values count as they are. A month without a row means that the customer has left; a row without a value
    (NaN) means that the customer is here and the value is not known: it moves nobody and breaks no confirmation.

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
    valid_from_: pd.Timestamp
    valid_until_: pd.Timestamp

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
        valid_from: Any = None,
    ) -> None:
        self.names = names
        self.thresholds = thresholds
        self.method = method
        self.levels = levels
        self.smoothing = smoothing
        self.hysteresis = hysteresis
        self.confirmation = confirmation
        self.valid_from = valid_from

    def fit(self, X: Any = None, y: Any = None, segment: Any = None) -> Self:
        """Freeze the thresholds.

        Parameters
        ----------
        X : array-like, optional
            Annualised value of each customer (u), from which thresholds are proposed; several columns are parts of it
            and are added up. Not needed when `thresholds` are given.
        segment : array-like, optional
            Segment of each customer.

        Raises
        ------
        ConfigurationError
            For parameters that cannot be; all of them are listed.
        DataError
            When a segment has fewer customers than tiers, or (natural breaks, shares) too few positive values.
        """
        del y
        self._check_params()
        values = None if X is None and self.thresholds is not None else self._annual_values(X, fitting=True)
        if self.thresholds is not None:
            self.thresholds_ = self._given_thresholds()
        else:
            self.thresholds_ = self._proposed_thresholds(np.asarray(values), segment)
        self._set_validity()
        return self

    def transform(self, X: Any, segment: Any = None) -> np.ndarray:
        """Number of the tier (0 is the lowest) of annualised values by the thresholds alone, in one column."""
        check_is_fitted(self, "thresholds_")
        return self._numbers(self._annual_values(X, fitting=False), segment).astype(np.float64)[:, None]

    def tier_of(self, X: Any, segment: Any = None) -> pd.Series:
        """Name of the tier of annualised values by the thresholds alone; a series or frame keeps its index.

        Examples
        --------
        >>> ValueTiers(names=("basic", "gold"), thresholds=[600.0]).fit().tier_of([-5.0, 600.0]).tolist()
        ['basic', 'gold']
        """
        check_is_fitted(self, "thresholds_")
        numbers = self._numbers(self._annual_values(X, fitting=False), segment)
        index = X.index if isinstance(X, pd.Series | pd.DataFrame) else None
        return pd.Series(np.asarray(self.names, dtype=object)[numbers], index=index, name="tier")

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The one column of `transform`."""
        del input_features
        check_is_fitted(self, "thresholds_")
        return np.array(["tier"], dtype=object)

    def table(self, valid_from: Any = None) -> pd.DataFrame:
        """The tier table: version, segment, tier, annual value from which it begins, valid from and until.

        Parameters
        ----------
        valid_from : date, optional
            First day, if other than that of the estimator; the table is valid for a year.

        Examples
        --------
        >>> ValueTiers(names=("basic", "gold"), thresholds=[600.0]).fit().table()[["segment", "tier", "begins_at"]]
          segment   tier  begins_at
        0     all  basic       -inf
        1     all   gold      600.0
        """
        check_is_fitted(self, "thresholds_")
        start: Any = self.valid_from_ if valid_from is None else pd.Timestamp(read_day(valid_from, "valid_from"))
        rows = [
            {
                "version": self.version_,
                "segment": segment,
                "tier": tier,
                "begins_at": limit,
                "valid_from": start,
                "valid_until": _last_day(start),
            }
            for segment, limits in self.thresholds_.items()
            for tier, limit in zip(self.names, [-np.inf, *limits], strict=True)
        ]
        return pd.DataFrame(rows)

    def assign(
        self, monthly: pd.DataFrame, overrides: pd.DataFrame | None = None, history: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """The tier of every customer in every month.

        Parameters
        ----------
        monthly : DataFrame
            ``customer_id``, ``month`` and ``value`` (margin of that month, u), and ``segment`` if there are several. A
            customer without a row in a month has left, and is new again on coming back.
        overrides : DataFrame, optional
            Decisions by hand: ``customer_id``, ``tier``, ``reason``, ``expires`` (last day), and ``since`` (first day,
            optional).
        history : DataFrame, optional
            What `assign` returned for the months before (the last `smoothing` of them are enough): the new months go
            on from there. The result is the same as for all months at once.

        Returns
        -------
        DataFrame
            customer_id, month (first day), value, annual (12 x the smoothed value, u), tier, moved (up, down, new or
            ''), reason (of an override), and what the next month must know: own_tier (without overrides), pending
            (months beyond a threshold so far; negative: below), pending_tier, months (here without a gap). The tier is
            missing as long as no value is known.

        Raises
        ------
        DataError
            For missing columns, two rows of one customer and month, infinite values, a month without anybody, months
            that do not follow the history, a segment without thresholds.
        ConfigurationError
            For overrides without reason or expiry, with an unknown tier, that have expired, or that overlap.

        Warns
        -----
        QualityWarning
            When months lie after the year of the thresholds, or an override names nobody.
        """
        check_is_fitted(self, "thresholds_")
        frame, months = checked_months(monthly, history)
        given = None if overrides is None else checked_overrides(overrides, self.names, months[0])
        self._warn_expired(months[-1])
        customers = pd.Index(frame["customer_id"].unique())
        who = customers.get_indexer(pd.Index(frame["customer_id"]))
        when = months.get_indexer(pd.DatetimeIndex(frame["month"]))
        state = TierState.unknown(len(customers), self.smoothing - 1)
        if history is not None and len(history):
            state = state_from_history(history, customers, self.names, self.smoothing)
        paths = follow_tiers(self._monthly_values(frame, who, when), self._rule(), state)
        found = self._result_rows(frame, paths, (who, when))
        return found if given is None else apply_overrides(found, given)

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

    @staticmethod
    def saved_state() -> type[EstimatorState]:
        """What the state in a file looks like; see `custintel.learners.saved_state_schemas`."""
        from custintel.value._saved_state_schema import ValueTiersState

        return ValueTiersState

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data; there are no boosters."""
        check_is_fitted(self, "thresholds_")
        params = {**self.get_params(), "names": list(self.names), "valid_from": None}
        params["levels"] = None if self.levels is None else [float(v) for v in self.levels]
        params["thresholds"] = None if self.thresholds is None else self._plain_thresholds()
        if not pd.isna(self.valid_from_):
            params["valid_from"] = f"{self.valid_from_:%Y-%m-%d}"
        state = {
            "class": type(self).__name__,
            "params": params,
            "thresholds": self._plain_thresholds(),
            "columns": getattr(self, "n_features_in_", None),
            "column_names": list(getattr(self, "feature_names_in_", [])) or None,
        }
        return state, {}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], boosters: Mapping[str, str]) -> Self:
        """Read back what `to_state` gave; the version is the same."""
        del boosters
        model = cls(**state["params"])
        model.thresholds_ = {name: np.asarray(limits, dtype=np.float64) for name, limits in state["thresholds"].items()}
        model._set_validity()
        if state["columns"] is not None:
            model.n_features_in_ = state["columns"]
        if state["column_names"] is not None:
            model.feature_names_in_ = np.asarray(state["column_names"], dtype=object)
        return model

    def _annual_values(self, X: Any, *, fitting: bool) -> np.ndarray:
        """Value of each customer: the sum of the columns."""
        if X is None:
            raise DataError(
                "no values to propose thresholds from\n  hint: give annualised values, or thresholds in money"
            )
        # a list or series is one column; once several were learned, validate_data tells what an array must be
        if _is_flat(X) and (fitting or getattr(self, "n_features_in_", 1) == 1):
            X = np.asarray(check_array(X, ensure_2d=False, dtype=np.float64, input_name="X"))[:, None]
        reset = fitting or not hasattr(self, "n_features_in_")
        return np.asarray(validate_data(self, X, reset=reset, dtype=np.float64).sum(axis=1))

    def _numbers(self, values: np.ndarray, segment: Any) -> np.ndarray:
        return self._rule().by_threshold(values, self._segment_rows(segment, len(values)))

    def _segment_rows(self, segment: Any, rows: int) -> np.ndarray:
        """Which of the thresholds each row is held against."""
        names = _segment_names(segment, rows)
        places = pd.Index(list(self.thresholds_)).get_indexer(pd.Index(names))
        if len(names) != rows:
            raise DataError(f"{len(names)} segments for {rows} customers")
        if (places < 0).any():
            raise DataError(
                f"no thresholds for this segment\n  given: {rows_at(places < 0)}\n"
                f"  allowed: {', '.join(self.thresholds_)}\n"
                "  hint: public customers and key accounts need thresholds of their own: fit with segment="
            )
        return np.asarray(places)

    def _rule(self) -> HysteresisRule:
        return HysteresisRule(
            np.vstack(list(self.thresholds_.values())), self.smoothing, self.hysteresis, self.confirmation
        )

    def _monthly_values(self, frame: pd.DataFrame, who: np.ndarray, when: np.ndarray) -> MonthlyValues:
        shape = (int(who.max()) + 1, int(when.max()) + 1)
        value, here, segment = np.full(shape, np.nan), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.int64)
        value[who, when] = frame["value"].to_numpy(np.float64)
        here[who, when] = True
        segment[who, when] = self._segment_rows(frame.get("segment"), len(frame))
        return MonthlyValues(value, here, segment)

    def _result_rows(self, frame: pd.DataFrame, paths: TierPaths, at: tuple[np.ndarray, np.ndarray]) -> pd.DataFrame:
        """One row a customer and month, as given."""
        names = np.asarray([*self.names, None], dtype=object)  # -1 is the last: none
        move, months = paths.move[at], paths.months[at]
        moved = np.where(months == 1, NEW, np.where(move > 0, "up", np.where(move < 0, "down", "")))
        found = frame[["customer_id", "month"]].reset_index(drop=True)
        found["value"], found["annual"] = frame["value"].to_numpy(np.float64), paths.annual[at]
        # texts as objects: one type whatever the months hold, also when all of it is missing
        found["tier"], found["moved"] = _as_objects(names[paths.tier[at]]), _as_objects(moved)
        found["reason"], found["own_tier"] = _as_objects(np.full(len(found), "")), found["tier"]
        found["pending"], found["pending_tier"] = paths.pending_months[at], _as_objects(names[paths.pending_tier[at]])
        found["months"] = months
        return found

    def _warn_expired(self, last: pd.Timestamp) -> None:
        if not pd.isna(self.valid_until_) and last > self.valid_until_:
            warnings.warn(
                f"thresholds {self.version_} were valid until {self.valid_until_:%Y-%m-%d}, months go to {last:%Y-%m}\n"
                "  hint: fit again on values of today, and go on with history=",
                QualityWarning,
                stacklevel=3,
            )

    def _set_validity(self) -> None:
        """Version and year of the thresholds."""
        start: Any = pd.NaT if self.valid_from is None else pd.Timestamp(read_day(self.valid_from, "valid_from"))
        self.valid_from_, self.valid_until_ = start, _last_day(start)
        content = [list(self.names), dict(sorted(self._plain_thresholds().items())), str(start)]
        self.version_ = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]

    def _plain_thresholds(self) -> dict[str, list[float]]:
        return {name: [float(v) for v in limits] for name, limits in self.thresholds_.items()}

    def _given_thresholds(self) -> dict[str, np.ndarray]:
        given = self.thresholds if isinstance(self.thresholds, dict) else {_SINGLE_SEGMENT: self.thresholds}
        found = {str(name): np.asarray(limits, dtype=np.float64).ravel() for name, limits in given.items()}
        problems = [
            Problem(f"thresholds of {name}", "not rising numbers, one less than tiers", str(limits.tolist()))
            for name, limits in found.items()
            if len(limits) != len(self.names) - 1 or not (np.diff(limits) > 0).all() or not np.isfinite(limits).all()
        ]
        raise_problems(problems)
        return found

    def _proposed_thresholds(self, values: np.ndarray, segment: Any) -> dict[str, np.ndarray]:
        names = _segment_names(segment, len(values))
        if len(names) != len(values):
            raise DataError(f"{len(names)} segments for {len(values)} customers")
        found = {}
        for name in sorted(set(names)):
            mine = values[names == name]
            self._check_enough(mine, name)
            found[str(name)] = self._propose_one(mine)
            _warn_empty_tiers(found[str(name)], mine, (str(name), self.names))
        return found

    def _check_enough(self, values: np.ndarray, segment: str) -> None:
        usable = values if self.method == "quantile" else values[values > 0]
        if len(np.unique(usable)) < len(self.names):
            kind = "" if self.method == "quantile" else "positive "
            raise DataError(
                f"too few customers with different {kind}values for {len(self.names)} tiers (segment {segment})\n"
                f"  given: {len(np.unique(usable))} of n_samples = {len(values)}\n"
                "  hint: fewer tiers, or thresholds in money"
            )

    def _propose_one(self, values: np.ndarray) -> np.ndarray:
        if self.method == "jenks":
            return natural_breaks(values, len(self.names))
        return (by_quantile if self.method == "quantile" else by_share)(values, self._levels())

    def _levels(self) -> tuple[float, ...]:
        if self.levels is not None:
            return tuple(self.levels)
        steps = len(self.names) - 1
        return (0.80, 0.95, 0.99)[-steps:] if self.method == "quantile" else (0.5, 0.8, 0.95)[:steps]

    def _check_params(self) -> None:
        problems = []
        if len(set(self.names)) != len(self.names) or len(self.names) < 2 or {LEFT, NEW} & set(self.names):
            problems.append(Problem("names", "at least two different tiers, none called new or left", str(self.names)))
        if self.method not in ("quantile", "jenks", "share"):
            problems.append(Problem("method", "unknown", str(self.method), "quantile, jenks, share"))
        elif self.method != "jenks" and self.thresholds is None:
            problems += self._level_problems()
        problems += [
            Problem(name, "too small", str(getattr(self, name)), f"{least} or more")
            for name, least in (("smoothing", 1), ("confirmation", 1), ("hysteresis", 0))
            if getattr(self, name) < least
        ]
        if self.hysteresis >= 1:
            problems.append(Problem("hysteresis", "not a share", str(self.hysteresis), "below 1"))
        raise_problems(problems)

    def _level_problems(self) -> list[Problem]:
        levels, steps = self._levels(), len(self.names) - 1
        allowed = f"{steps} different shares between 0 and 1"
        if len(set(levels)) == steps and all(0 < level < 1 for level in levels):
            return []
        return [Problem("levels", "one for each tier above the lowest", str(levels), allowed)]


def _segment_names(segment: Any, rows: int) -> np.ndarray:
    """Segment of each customer; one segment for all where none is given."""
    if segment is None:
        return np.full(rows, _SINGLE_SEGMENT, dtype=object)
    return np.asarray(segment, dtype=object).astype(str)


def _as_objects(values: np.ndarray) -> pd.Series:
    return pd.Series(values.astype(object), dtype=object)


def _is_flat(X: Any) -> bool:
    return isinstance(X, list) and np.ndim(X) == 1 if not hasattr(X, "shape") else len(X.shape) == 1


def _last_day(start: Any) -> Any:
    return start if pd.isna(start) else start + pd.DateOffset(years=1) - pd.Timedelta(days=1)


def _warn_empty_tiers(limits: np.ndarray, values: np.ndarray, where: tuple[str, Sequence[str]]) -> None:
    """Many customers of one value put thresholds in the same place."""
    segment, names = where
    held = np.bincount((values[:, None] >= limits).sum(axis=1), minlength=len(names))
    empty = [str(name) for name, count in zip(names, held, strict=True) if not count]
    if empty:
        warnings.warn(
            f"nobody is in {', '.join(empty)} (segment {segment}): many customers have the same value\n"
            "  hint: other levels, fewer tiers, or thresholds in money",
            QualityWarning,
            stacklevel=4,
        )
