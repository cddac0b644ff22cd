"""Learning rules from labelled customers: mine, round, measure on held-out customers, choose complementary ones.

Customers are cut into five parts. Trees are grown on three, rules are chosen on four, and the fifth does nothing but
prove: the precision of a rule comes from customers that had no say in making or choosing it. All parts take turns (with
times, the latest part alone proves). Rules are chosen one by one: the next one is the one whose match or similarity
explains best what those before leave unexplained.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from custintel.errors import DataError, Problem, raise_problems
from custintel.learners.ensemble.logistic_regression import fit_positive
from custintel.learners.feature_contract import MIN_LEVEL_COUNT
from custintel.rules._rule_columns import FeatureMatrix
from custintel.rules._similarity import Profile, ramp_before
from custintel.rules.learning._holdout_precision import HoldoutCounts, benjamini_hochberg
from custintel.rules.learning._mine_rules import TreePath, cut_holds, mine_tree_paths, path_condition, round_limits
from custintel.rules.rule_score import PENALTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from custintel.rules.rule_condition import Node


_FEWEST_CASES = 12
_SHRINK = 50.0
_MINIMUM = {"max_rules": 1, "min_alarms": 1, "folds": 3, "max_candidates": 1, "max_rows": 100, "min_level_count": 1}


@dataclass(frozen=True)
class LearnSettings:
    """How rules are learned.

    Parameters
    ----------
    max_rules : int
        Most rules to keep.
    min_lift : float
        A rule's precision on untouched customers is at least so many times the share of cases.
    min_alarms, min_hits : int
        Support on untouched customers.
    max_overlap : float
        Jaccard overlap of alarms from which two rules count as one.
    false_discovery_rate : float
        Share of false findings that is accepted among the candidates.
    folds : int
        Parts into which customers are cut.
    max_rows : int
        Rows to learn from; larger tables are sampled, cases first.
    max_candidates : int
        Candidates among which to choose.
    forbidden : tuple of str
        Columns that no rule may read (consequences of a case, protected traits).
    min_level_count : int
        No rule names a level of a category that fewer customers have.
    random_state : int
        Seed of everything random.

    Examples
    --------
    >>> LearnSettings(max_rules=5, forbidden=("closed_days",)).min_hits
    3
    """

    max_rules: int = 40
    min_lift: float = 1.2
    min_alarms: int = 8
    min_hits: int = 3
    max_overlap: float = 0.9
    false_discovery_rate: float = 0.05
    folds: int = 5
    max_rows: int = 40_000
    max_candidates: int = 2000
    forbidden: tuple[str, ...] = field(default=())
    min_level_count: int = MIN_LEVEL_COUNT
    random_state: int = 0

    def to_state(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "forbidden": list(self.forbidden)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> LearnSettings:
        """Read back what `to_state` gave."""
        return cls(**{**state, "forbidden": tuple(state["forbidden"])})

    def __post_init__(self) -> None:
        problems = [
            Problem(f"LearnSettings.{name}", "too small", str(getattr(self, name)), f"{least} or more")
            for name, least in _MINIMUM.items()
            if getattr(self, name) < least
        ]
        raise_problems(problems)


@dataclass(frozen=True)
class Candidate:
    """A rule found: its conditions and its counts on held-out customers."""

    node: Node
    path: TreePath
    counts: HoldoutCounts


@dataclass(frozen=True)
class _HeldOut:
    """Counts of a path, and the part of the customers they are from."""

    counts: HoldoutCounts
    part: int


def learn_rules(
    X: pd.DataFrame, y: np.ndarray, settings: LearnSettings, time: np.ndarray | None = None
) -> list[Candidate]:
    """The chosen rules, most useful first.

    Parameters
    ----------
    X : DataFrame
        Features, one row a customer.
    y : array
        1 for cases, 0 for legitimate customers.
    settings : LearnSettings
        How.
    time : array, optional
        Time of each row: rules are then mined on the earlier rows and measured on the latest part alone.

    Raises
    ------
    DataError
        With fewer than a dozen cases or legitimate customers.
    """
    _check(y)
    rows = _sampled(y, settings)
    matrix, y = FeatureMatrix.from_table(X, settings.forbidden, settings.min_level_count), y[rows].astype(np.float64)
    matrix = replace(matrix, values=np.asfortranarray(matrix.values[rows]))
    part = _parts(y, settings, None if time is None else np.asarray(time)[rows])
    measured = _measure_on_holdout(matrix, y, part, settings, later_only=time is not None)
    if not measured:
        return []
    paths = _ranked(measured, settings.max_candidates)
    near = _similarities(matrix, y, paths)
    selection = _SelectionRows(part, np.array([measured[path].part for path in paths]))
    return [
        Candidate(path_condition(paths[k], matrix), paths[k], measured[paths[k]].counts)
        for k in _chosen(near, y, selection, settings)
    ]


def _check(y: np.ndarray) -> None:
    cases, others = int(y.sum()), int(len(y) - y.sum())
    if min(cases, others) < _FEWEST_CASES:
        raise DataError(
            f"too few of one kind to learn rules from\n  given: {cases} cases, {others} legitimate customers\n"
            f"  allowed: at least {_FEWEST_CASES} of each"
        )


def _sampled(y: np.ndarray, settings: LearnSettings) -> np.ndarray:
    """All rows, or all cases (up to half) and a sample of the others."""
    if len(y) <= settings.max_rows:
        return np.arange(len(y))
    rng = np.random.default_rng(settings.random_state)
    cases, others = np.flatnonzero(y == 1), np.flatnonzero(y != 1)
    cases = rng.permutation(cases)[: settings.max_rows // 2]
    others = rng.permutation(others)[: settings.max_rows - len(cases)]
    return np.sort(np.concatenate([cases, others]))


def _parts(y: np.ndarray, settings: LearnSettings, time: np.ndarray | None) -> np.ndarray:
    """Part of each row: in time order, or at random with the same share of cases in each."""
    order = np.random.default_rng(settings.random_state).permutation(len(y))
    if time is not None:
        ranks = np.argsort(np.argsort(time, kind="stable"), kind="stable")
        return np.asarray(ranks * settings.folds // len(y))
    part = np.empty(len(y), dtype=np.int64)
    for value in (0.0, 1.0):
        members = order[y[order] == value]
        part[members] = np.arange(len(members)) % settings.folds
    return part


def _measure_on_holdout(
    matrix: FeatureMatrix, y: np.ndarray, part: np.ndarray, settings: LearnSettings, *, later_only: bool
) -> dict[TreePath, _HeldOut]:
    """Paths with their counts on the part they were not grown on; only those that stand."""
    columns = [np.sort(v[~np.isnan(v)]) for v in matrix.values.T]
    found: dict[TreePath, _HeldOut] = {}
    for k in [settings.folds - 1] if later_only else range(settings.folds):
        away = part == k
        judge = part == (k - 1) % settings.folds
        values, truth = matrix.values[away], y[away]
        for path in mine_tree_paths(matrix, y, np.flatnonzero(~away & ~judge), settings.random_state + k):
            plain = round_limits(path, columns)
            if plain not in found:
                found[plain] = _HeldOut(HoldoutCounts.count(_fires(values, plain), truth), k)
    return _standing(found, settings)


def _standing(found: dict[TreePath, _HeldOut], settings: LearnSettings) -> dict[TreePath, _HeldOut]:
    supported = {
        path: held_out
        for path, held_out in found.items()
        if held_out.counts.alarms >= settings.min_alarms
        and held_out.counts.hits >= settings.min_hits
        and held_out.counts.precision >= settings.min_lift * held_out.counts.cases / held_out.counts.customers
    }
    if not supported:
        return {}
    kept = benjamini_hochberg(np.array([p.counts.p_value for p in supported.values()]), settings.false_discovery_rate)
    return {path: held_out for (path, held_out), keep in zip(supported.items(), kept, strict=True) if keep}


def _fires(values: np.ndarray, path: TreePath) -> np.ndarray:
    fired = np.ones(len(values), dtype=bool)
    for cut in path:
        fired &= cut_holds(values, cut)
    return fired


def _ranked(measured: dict[TreePath, _HeldOut], most: int) -> list[TreePath]:
    """Candidates in order of how surprising their hits are."""

    def surprise(path: TreePath) -> float:
        counts = measured[path].counts
        rate = counts.cases / counts.customers
        return float((counts.hits - rate * counts.alarms) / np.sqrt(counts.alarms * rate * (1 - rate)))

    return sorted(measured, key=lambda path: (-surprise(path), path))[:most]


def _similarities(matrix: FeatureMatrix, y: np.ndarray, paths: list[TreePath]) -> np.ndarray:
    """Similarity of every customer to every candidate (customers x candidates)."""
    cache: dict[Any, np.ndarray] = {}
    legitimate = matrix.values[y == 0]
    profiles: dict[int, Profile | None] = {}
    out = np.empty((len(y), len(paths)), dtype=np.float32)
    for k, path in enumerate(paths):
        for cut in path:
            if cut not in cache:
                if cut.column not in profiles:
                    profiles[cut.column] = Profile.learn(legitimate[:, cut.column])
                cache[cut] = _near(matrix, cut, profiles[cut.column])
        parts = np.column_stack([cache[cut] for cut in path])
        out[:, k] = 0.5 * parts.mean(axis=1) + 0.5 * parts.min(axis=1)
    return out


def _near(matrix: FeatureMatrix, cut: Any, profile: Profile | None) -> np.ndarray:
    met = cut_holds(matrix.values, cut)
    if profile is None or not matrix.columns[cut.column].condition(cut.limit, cut.side).is_threshold:
        return met.astype(np.float32)
    ramp = ramp_before(profile, cut.limit, rising=cut.side == ">")
    return np.where(met, 1.0, ramp.nearness(matrix.values[:, cut.column])).astype(np.float32)


@dataclass(frozen=True)
class _SelectionRows:
    """Which customers choose among which candidates: all but the part that is to prove the candidate."""

    part_of_row: np.ndarray
    proved_on: np.ndarray

    def gain(self, columns: np.ndarray, left: np.ndarray) -> np.ndarray:
        """What log loss falls by, to second order, when a column gets a weight above zero; small supports shrink."""
        out = np.empty(columns.shape[1])
        for k in np.unique(self.proved_on):
            rows, mine = self.part_of_row != k, self.proved_on == k
            own, away = columns[np.ix_(rows, mine)], left[rows].astype(np.float32)
            curvature = (np.abs(away) * (1 - np.abs(away))) @ (own * own)
            out[mine] = np.maximum(away @ own, 0.0) ** 2 / (curvature + _SHRINK)
        return out


def _chosen(near: np.ndarray, y: np.ndarray, selection: _SelectionRows, settings: LearnSettings) -> list[int]:
    """Forward choice: each next rule is the one whose match or similarity fits best what is unexplained so far."""
    fired = near >= 1
    soft, hard = near - near.mean(axis=0), fired - fired.mean(axis=0, dtype=np.float32)
    alarms = fired.sum(axis=0)
    free = np.ones(near.shape[1], dtype=bool)
    chosen: list[int] = []
    beta: np.ndarray | None = None
    left = y - y.mean()
    while len(chosen) < settings.max_rules and free.any():
        fit = np.where(free, np.maximum(selection.gain(soft, left), selection.gain(hard, left)), -np.inf)
        best = int(np.argmax(fit))
        if not fit[best] > 0:
            break
        chosen.append(best)
        free &= ~_alike(fired, alarms, best, settings.max_overlap)
        design = np.hstack([near[:, chosen], fired[:, chosen]]).astype(np.float64)
        beta = fit_positive(design, y, PENALTY, _warm(beta))
        left = y - expit(beta[0] + design @ beta[1:])
    return chosen


def _warm(beta: np.ndarray | None) -> np.ndarray | None:
    """The last weights with room for one more rule."""
    if beta is None:
        return None
    rules = (len(beta) - 1) // 2
    return np.concatenate([beta[: rules + 1], [0.0], beta[rules + 1 :], [0.0]])


def _alike(fired: np.ndarray, alarms: np.ndarray, best: int, most: float) -> np.ndarray:
    """Rules whose alarms overlap too much with those of one rule, itself included."""
    common = fired[fired[:, best]].sum(axis=0)
    union = alarms + alarms[best] - common
    return np.asarray(common >= most * np.maximum(union, 1))
