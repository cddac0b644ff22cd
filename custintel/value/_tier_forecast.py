"""`TierForecast`: today's value tier, and the chance of each tier (or of having left) some months ahead.

Tiers are ordered, so one classifier answers for all of them: each customer is shown once for each tier above *left*,
with how far the value of today lies above (or below) the threshold of that tier, and the answer learned is whether the
customer will hold at least that tier. Rare tiers learn from frequent ones, and the chances of all tiers add up to 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from custintel.errors import DataError
from custintel.learners import TableClassifier
from custintel.learners.base_estimators import TableEstimator, integer_seed
from custintel.learners.check_input import as_table
from custintel.learners.feature_contract import MIN_LEVEL_COUNT
from custintel.value._tier_migration import LEFT
from custintel.value._value_tiers import ValueTiers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from custintel.learners.saved_state_schemas import EstimatorState


PUBLIC, KEY_ACCOUNTS = "public", "key accounts"
"""Segments with thresholds of their own."""

_LEVEL, _HEADROOM = "tier_asked", "above_threshold"
_LOWEST, _HIGHEST = -3.0, 5.0


class TierForecast(ClassifierMixin, TableEstimator):  # type: ignore[misc]
    """Chance of each value tier, and of having left, some months ahead; with the frozen thresholds of today's tiers.

    Parameters
    ----------
    annual : str
        Column of X with the value of today a year (u), on which tiers are cut.
    key_account : str
        Column of X that is 1 for key accounts, which have thresholds of their own, and 0 for public customers.
    effort : {"auto", "full", "fast"}
        As in `TableClassifier`. Each customer is shown once for each tier, so that one model learns from many rows.
    min_level_count : int
        Levels of a category that fewer customers have are pooled into one; none of them is kept in the model.
    random_state : int, RandomState or None
        Seed.
    n_jobs : int, optional
        Threads of LightGBM; None: one for small tables.

    Attributes
    ----------
    tiers_ : ValueTiers or None
        The frozen thresholds; None when `fit` was given none.
    classes_ : array
        ``left`` and the tiers, lowest first; without thresholds the labels in their sorted order.
    reach_ : TableClassifier
        Chance to hold at least a tier, on the columns of X, the tier asked about and the distance to its threshold.
    contract_, feature_names_in_, n_features_in_
        Columns seen in `fit`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"annual_value": rng.gamma(2, 200, 400)})
    >>> tiers = ValueTiers(names=("basic", "gold"), thresholds=[600.0]).fit()
    >>> later = np.where(rng.random(400) < 0.1, "left", tiers.tier_of(X["annual_value"]))
    >>> model = TierForecast(effort="fast").fit(X, later, tiers=tiers)
    >>> model.classes_.tolist()
    ['left', 'basic', 'gold']
    >>> model.predict(pd.DataFrame({"annual_value": [100.0, 1500.0]})).tolist()
    ['basic', 'gold']
    """

    tiers_: ValueTiers | None
    classes_: np.ndarray
    reach_: TableClassifier

    def __init__(
        self,
        *,
        annual: str = "annual_value",
        key_account: str = "key_account",
        effort: Literal["auto", "full", "fast"] = "fast",
        min_level_count: int = MIN_LEVEL_COUNT,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.annual = annual
        self.key_account = key_account
        self.effort = effort
        self.min_level_count = min_level_count
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, groups: Any = None, tiers: ValueTiers | None = None) -> Self:
        """Learn from customers as of past dates and the tiers they had some months later.

        Parameters
        ----------
        X : data frame or array
            Features as of the date.
        y : array-like
            Tier held later, ``left`` for customers who had gone; with `tiers`, one of their names.
        groups : array-like, optional
            Customer of each row, when some are there as of several dates.
        tiers : ValueTiers, optional
            Fitted thresholds, which are kept with the model. Without them the labels are taken in sorted order.
        """
        table, _ = self._learn_table(X, y, groups=groups)
        self.tiers_ = tiers
        codes = self._learn_classes(y)
        levels = len(self.classes_) - 1
        rows = self._by_tier(table, np.tile(np.arange(1, levels + 1), len(table)))
        target = (np.repeat(codes, levels) >= rows[_LEVEL].to_numpy()).astype(np.int64)
        customer = np.arange(len(table)) if groups is None else np.asarray(groups)
        self.reach_ = self._new_classifier().fit(rows, target, groups=np.repeat(customer, levels))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Chance of each class of `classes_`, one row a customer."""
        table, levels = self._read(X), len(self.classes_) - 1
        rows = self._by_tier(table, np.tile(np.arange(1, levels + 1), len(table)))
        reach = self.reach_.event_probability(rows).reshape(len(table), levels)
        reach = np.minimum.accumulate(reach, axis=1)  # a higher tier is never likelier to be reached than a lower one
        edges = np.column_stack([np.ones(len(table)), reach, np.zeros(len(table))])
        return np.asarray(edges[:, :-1] - edges[:, 1:])

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each customer."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[likeliest])

    def tier_today(self, X: Any) -> pd.Series:
        """Tier of the value of today by the thresholds alone; missing where it is not known."""
        table = self._read(X)
        place = self._places(table)
        names = np.asarray([None, *self.classes_[1:]], dtype=object)
        return pd.Series(names[place], index=table.index, name="tier")

    def contributions(self, X: Any, kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None) -> pd.DataFrame:
        """Exact contributions of every column to the log-odds of holding at least the tier of today.

        They are those of `reach_` asked about the tier of today (the lowest where it is not known), before calibration.
        The tier asked about and the distance to its threshold belong to the column of the value of today.

        Parameters
        ----------
        X : data frame or array
            Customers.
        kernel : callable, optional
            As in `TableClassifier.contributions`.
        """
        table = self._read(X)
        rows = self._by_tier(table, np.maximum(self._places(table), 1))
        found = self.reach_.contributions(rows, kernel).set_axis(table.index)
        own = [name for name in (_LEVEL, _HEADROOM) if name in found]
        value = self.annual if self.annual in found else self.contract_.names[0]
        found[value] += found[own].sum(axis=1)
        return found.drop(columns=own)

    @property
    def expected_value_(self) -> float:
        """Log-odds before calibration from which the contributions start."""
        return float(np.asarray(self.reach_.expected_value_))

    @staticmethod
    def saved_state() -> type[EstimatorState]:
        """What the state in a file looks like; see `custintel.learners.saved_state_schemas`."""
        from custintel.value._saved_state_schema import TierForecastState

        return TierForecastState

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Everything learned as plain data, and the boosters as LightGBM text."""
        check_is_fitted(self)
        reach, texts = self.reach_.to_state()
        state = {
            **self._table_state(),
            "classes": self.classes_.tolist(),
            "tiers": None if self.tiers_ is None else self.tiers_.to_state()[0],
            "reach": reach,
        }
        return state, texts

    @classmethod
    def from_state(cls, state: Mapping[str, Any], texts: Mapping[str, str]) -> Self:
        """Read back what `to_state` gave; predictions are the same."""
        model = cls._from_table_state(state)
        model.tiers_ = None if state["tiers"] is None else ValueTiers.from_state(state["tiers"], {})
        model.classes_ = np.asarray(state["classes"], dtype=object if model.tiers_ is not None else None)
        model.reach_ = TableClassifier.from_state(state["reach"], texts)
        return model

    def _new_classifier(self) -> TableClassifier:
        return TableClassifier(
            monotone={_LEVEL: -1, _HEADROOM: 1} if self.tiers_ is not None else {_LEVEL: -1},
            effort=self.effort,
            pos_label=1,
            min_level_count=self.min_level_count,
            random_state=integer_seed(self.random_state),
            n_jobs=self.n_jobs,
        )

    def _learn_classes(self, y: Any) -> np.ndarray:
        """Place of the label of each row among the classes, lowest first."""
        labels = column_or_1d(y, warn=True)
        unknown = int(pd.Series(labels).isin([np.nan, None, np.inf, -np.inf]).sum())
        if unknown:
            raise DataError(f"the target has {unknown} value(s) that are missing (NaN) or infinity")
        if self.tiers_ is None:
            check_classification_targets(labels)
            self.classes_ = np.unique(labels)
        else:
            self.classes_ = np.asarray([LEFT, *self.tiers_.names], dtype=object)
        codes = pd.Index(self.classes_).get_indexer(pd.Index(labels))
        if (codes < 0).any():
            given = sorted(set(np.asarray(labels, dtype=object)[codes < 0].astype(str)))[:5]
            raise DataError(
                f"labels that are no tiers\n  given: {', '.join(given)}\n  allowed: {', '.join(self.classes_)}"
            )
        if len(np.unique(codes)) < 2:
            raise DataError("the target has one class only\n  hint: customers of several tiers are needed to learn")
        return np.asarray(codes)

    def _read(self, X: Any) -> pd.DataFrame:
        check_is_fitted(self)
        return as_table(self, X, fitting=False)

    def _by_tier(self, table: pd.DataFrame, levels: np.ndarray) -> pd.DataFrame:
        """Each row once for each tier asked about, with the distance of the value of today from its threshold."""
        times = len(levels) // max(len(table), 1)
        rows = np.repeat(np.arange(len(table)), times)
        asked = table.iloc[rows].reset_index(drop=True)
        more = {_LEVEL: levels.astype(np.float64)}
        if self.tiers_ is not None:
            begins = np.column_stack([np.full(len(table), np.nan), self._limits(table)])[rows, levels - 1]
            value = self._annual(table)[rows]
            with np.errstate(divide="ignore", invalid="ignore"):
                more[_HEADROOM] = np.clip((value - begins) / np.abs(begins), _LOWEST, _HIGHEST)
        return pd.concat([asked, pd.DataFrame(more, index=asked.index)], axis=1)

    def _annual(self, table: pd.DataFrame) -> np.ndarray:
        if self.annual not in table:
            return np.full(len(table), np.nan)
        return np.asarray(pd.to_numeric(table[self.annual], errors="coerce").to_numpy(np.float64, na_value=np.nan))

    def _limits(self, table: pd.DataFrame) -> np.ndarray:
        """Thresholds of the segment of each row; missing for a segment without any."""
        assert self.tiers_ is not None
        known = self.tiers_.thresholds_
        nothing = np.full(len(self.classes_) - 2, np.nan)
        if KEY_ACCOUNTS not in known and PUBLIC not in known:
            return np.tile(next(iter(known.values())), (len(table), 1))
        key = table[self.key_account].to_numpy(np.float64) if self.key_account in table else np.zeros(len(table))
        both = np.vstack([known.get(PUBLIC, nothing), known.get(KEY_ACCOUNTS, nothing)])
        return np.asarray(both[(key == 1).astype(np.int64)])

    def _places(self, table: pd.DataFrame) -> np.ndarray:
        """Place of the tier of today among the classes; 0 where it is not known."""
        if self.tiers_ is None:
            return np.zeros(len(table), dtype=np.int64)
        value, limits = self._annual(table), self._limits(table)
        known = np.isfinite(value) & np.isfinite(limits).all(axis=1)
        return np.where(known, 1 + (value[:, None] >= limits).sum(axis=1), 0)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags
