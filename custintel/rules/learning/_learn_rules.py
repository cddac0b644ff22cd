"""Learning rules from labelled customers: mine, round, prove on customers not mined from, choose a few that complete
one another.

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
from custintel.rules._rule_columns import Grid
from custintel.rules._similarity import Profile, ramp_of
from custintel.rules.learning._mine_rules import Path, holds, mine_paths, node_of, rounded
from custintel.rules.learning._prove_rules import Proof, discoveries
from custintel.rules.rule_score import PENALTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from custintel.rules.rule_condition import Node


_FEWEST_CASES = 12
_SHRINK = 50.0
_LEAST = {"rules": 1, "least_alarms": 1, "parts": 3, "candidates": 1, "most_rows": 100, "min_level_count": 1}


@dataclass(frozen=True)
class LearnSettings:
    """How rules are learned.

    Parameters
    ----------
    rules : int
        Most rules to keep.
    least_lift : float
        A rule's precision on untouched customers is at least so many times the share of cases.
    least_alarms, least_hits : int
        Support on untouched customers.
    most_overlap : float
        Jaccard overlap of alarms from which two rules count as one.
    false_discoveries : float
        Share of false findings that is accepted among the candidates.
    parts : int
        Parts into which customers are cut.
    most_rows : int
        Rows to learn from; larger tables are sampled, cases first.
    candidates : int
        Candidates among which to choose.
    forbidden : tuple of str
        Columns that no rule may read (consequences of a case, protected traits).
    min_level_count : int
        No rule names a level of a category that fewer customers have.
    seed : int
        Seed of everything random.

    Examples
    --------
    >>> LearnSettings(rules=5, forbidden=("closed_days",)).least_hits
    3
    """

    rules: int = 40
    least_lift: float = 1.2
    least_alarms: int = 8
    least_hits: int = 3
    most_overlap: float = 0.9
    false_discoveries: float = 0.05
    parts: int = 5
    most_rows: int = 40_000
    candidates: int = 2000
    forbidden: tuple[str, ...] = field(default=())
    min_level_count: int = MIN_LEVEL_COUNT
    seed: int = 0

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
            for name, least in _LEAST.items()
            if getattr(self, name) < least
        ]
        raise_problems(problems)


@dataclass(frozen=True)
class Candidate:
    """A rule found: its conditions and its proof."""

    node: Node
    path: Path
    proof: Proof


@dataclass(frozen=True)
class _Proved:
    """Counts of a path, and the part of the customers they are from."""

    proof: Proof
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
        Time of each row: rules are then mined on the earlier rows and proved on the latest part alone.

    Raises
    ------
    DataError
        With fewer than a dozen cases or legitimate customers.
    """
    _check(y)
    rows = _sampled(y, settings)
    grid, y = Grid.of(X, settings.forbidden, settings.min_level_count), y[rows].astype(np.float64)
    grid = replace(grid, values=np.asfortranarray(grid.values[rows]))
    part = _parts(y, settings, None if time is None else np.asarray(time)[rows])
    proofs = _proved(grid, y, part, settings, later_only=time is not None)
    if not proofs:
        return []
    paths = _ranked(proofs, settings.candidates)
    near = _similarities(grid, y, paths)
    judges = _Judges(part, np.array([proofs[path].part for path in paths]))
    return [
        Candidate(node_of(paths[k], grid), paths[k], proofs[paths[k]].proof) for k in _chosen(near, y, judges, settings)
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
    if len(y) <= settings.most_rows:
        return np.arange(len(y))
    rng = np.random.default_rng(settings.seed)
    cases, others = np.flatnonzero(y == 1), np.flatnonzero(y != 1)
    cases = rng.permutation(cases)[: settings.most_rows // 2]
    others = rng.permutation(others)[: settings.most_rows - len(cases)]
    return np.sort(np.concatenate([cases, others]))


def _parts(y: np.ndarray, settings: LearnSettings, time: np.ndarray | None) -> np.ndarray:
    """Part of each row: in time order, or at random with the same share of cases in each."""
    order = np.random.default_rng(settings.seed).permutation(len(y))
    if time is not None:
        ranks = np.argsort(np.argsort(time, kind="stable"), kind="stable")
        return np.asarray(ranks * settings.parts // len(y))
    part = np.empty(len(y), dtype=np.int64)
    for value in (0.0, 1.0):
        members = order[y[order] == value]
        part[members] = np.arange(len(members)) % settings.parts
    return part


def _proved(
    grid: Grid, y: np.ndarray, part: np.ndarray, settings: LearnSettings, *, later_only: bool
) -> dict[Path, _Proved]:
    """Paths with their counts on the part they were not grown on; only those that stand."""
    columns = [np.sort(v[~np.isnan(v)]) for v in grid.values.T]
    found: dict[Path, _Proved] = {}
    for k in [settings.parts - 1] if later_only else range(settings.parts):
        away = part == k
        judge = part == (k - 1) % settings.parts
        values, truth = grid.values[away], y[away]
        for path in mine_paths(grid, y, np.flatnonzero(~away & ~judge), settings.seed + k):
            plain = rounded(path, columns)
            if plain not in found:
                found[plain] = _Proved(Proof.of(_fires(values, plain), truth), k)
    return _standing(found, settings)


def _standing(found: dict[Path, _Proved], settings: LearnSettings) -> dict[Path, _Proved]:
    supported = {
        path: proved
        for path, proved in found.items()
        if proved.proof.alarms >= settings.least_alarms
        and proved.proof.hits >= settings.least_hits
        and proved.proof.precision >= settings.least_lift * proved.proof.cases / proved.proof.customers
    }
    if not supported:
        return {}
    kept = discoveries(np.array([p.proof.chance for p in supported.values()]), settings.false_discoveries)
    return {path: proved for (path, proved), keep in zip(supported.items(), kept, strict=True) if keep}


def _fires(values: np.ndarray, path: Path) -> np.ndarray:
    fired = np.ones(len(values), dtype=bool)
    for cut in path:
        fired &= holds(values, cut)
    return fired


def _ranked(proofs: dict[Path, _Proved], most: int) -> list[Path]:
    """Candidates in order of how surprising their hits are."""

    def surprise(path: Path) -> float:
        proof = proofs[path].proof
        rate = proof.cases / proof.customers
        return float((proof.hits - rate * proof.alarms) / np.sqrt(proof.alarms * rate * (1 - rate)))

    return sorted(proofs, key=lambda path: (-surprise(path), path))[:most]


def _similarities(grid: Grid, y: np.ndarray, paths: list[Path]) -> np.ndarray:
    """Similarity of every customer to every candidate (customers x candidates)."""
    cache: dict[Any, np.ndarray] = {}
    legitimate = grid.values[y == 0]
    profiles: dict[int, Profile | None] = {}
    out = np.empty((len(y), len(paths)), dtype=np.float32)
    for k, path in enumerate(paths):
        for cut in path:
            if cut not in cache:
                if cut.column not in profiles:
                    profiles[cut.column] = Profile.learn(legitimate[:, cut.column])
                cache[cut] = _near(grid, cut, profiles[cut.column])
        parts = np.column_stack([cache[cut] for cut in path])
        out[:, k] = 0.5 * parts.mean(axis=1) + 0.5 * parts.min(axis=1)
    return out


def _near(grid: Grid, cut: Any, profile: Profile | None) -> np.ndarray:
    met = holds(grid.values, cut)
    if profile is None or not grid.columns[cut.column].condition(cut.limit, cut.side).ordered:
        return met.astype(np.float32)
    ramp = ramp_of(profile, cut.limit, rising=cut.side == ">")
    return np.where(met, 1.0, ramp.nearness(grid.values[:, cut.column])).astype(np.float32)


@dataclass(frozen=True)
class _Judges:
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


def _chosen(near: np.ndarray, y: np.ndarray, judges: _Judges, settings: LearnSettings) -> list[int]:
    """Forward choice: each next rule is the one whose match or similarity fits best what is unexplained so far."""
    fired = near >= 1
    soft, hard = near - near.mean(axis=0), fired - fired.mean(axis=0, dtype=np.float32)
    alarms = fired.sum(axis=0)
    free = np.ones(near.shape[1], dtype=bool)
    chosen: list[int] = []
    beta: np.ndarray | None = None
    left = y - y.mean()
    while len(chosen) < settings.rules and free.any():
        fit = np.where(free, np.maximum(judges.gain(soft, left), judges.gain(hard, left)), -np.inf)
        best = int(np.argmax(fit))
        if not fit[best] > 0:
            break
        chosen.append(best)
        free &= ~_alike(fired, alarms, best, settings.most_overlap)
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
