"""The parts of a fraud detector: component scores, kinds of fraud, and what a saved detector looks like.

Every component score rises with suspicion and was learned without the row that it judges: log-odds of the supervised
model, log-odds of the mined rules, similarity to the rules of an expert base and how many of them match, and how
unusual the customer is among its peers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.special import softmax

from custintel.errors import DataError
from custintel.learners.ensemble.inner_folds import fold_of_rows
from custintel.learners.ensemble.lightgbm_boosters import Boosters, TrainingTable, fit_boosters
from custintel.learners.saved_state_schema_parts import (
    BoostersState,
    CalibrationState,
    FiniteFloat,
    PositiveFloat,
    Probability,
    StateModel,
    TableState,
    require,
    used_columns,
)
from custintel.learners.saved_state_schemas import AnomalyScoreState, ClassesState, EstimatorState, TableClassifierState
from custintel.rules import RuleBase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.rules import LearnSettings


_FOLDS = 4
_EDGE = 1e-6


def clipped_log_odds(p: Any) -> np.ndarray:
    """Log-odds of probabilities, kept finite."""
    q = np.clip(np.asarray(p, dtype=np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(q / (1 - q)))


def mine_rules(X: pd.DataFrame, y: np.ndarray, settings: LearnSettings) -> RuleBase | None:
    """A base of mined rules; None where there are too few cases or no rule stands."""
    try:
        base = RuleBase.learn(X, y, settings)
    except DataError:
        return None
    return base if len(base) else None


def out_of_fold_rule_log_odds(X: pd.DataFrame, y: np.ndarray, settings: LearnSettings, seed: int) -> np.ndarray:
    """Log-odds of every row by rules that were mined without it."""
    fold = fold_of_rows(y, _FOLDS, None, seed)
    out = np.zeros(len(y))
    for k in range(_FOLDS):
        away = fold == k
        base = mine_rules(X[~away], y[~away], settings)
        out[away] = clipped_log_odds(y[~away].mean() if base is None else base.score(X[away]))
    return out


def expert_rule_scores(base: RuleBase, X: pd.DataFrame) -> np.ndarray:
    """Highest similarity to a rule of the base, and how many rules match (customers x 2)."""
    similarity = base.restricted_to(X.columns).similarity(X).to_numpy(np.float64)
    if not similarity.shape[1]:
        return np.zeros((len(X), 2))
    return np.column_stack([similarity.max(axis=1), np.log1p((similarity >= 1).sum(axis=1))])


_FEWEST = 20
OTHER = "other"


@dataclass(frozen=True)
class FraudKinds:
    """Which kind of fraud or arrears a suspicious customer is of.

    Each kind with enough cases has boosters of its own against all legitimate customers. Their odds share out the
    probability of being a case (Bayes), so that the kinds add up to it. `prior` is the share of each kind among cases,
    *other* last.
    """

    boosters: Mapping[str, Boosters]
    prior: Mapping[str, float]

    def shares(self, matrix: np.ndarray) -> pd.DataFrame:
        """Share of each kind in the probability of being a case; rows add up to 1."""
        raw = {name: found.raw(matrix) for name, found in self.boosters.items()}
        known = np.column_stack(list(raw.values())) if raw else np.empty((len(matrix), 0))
        rest = 1.0 - sum(self.prior[name] for name in raw)
        parts = softmax(known, axis=1) * (1 - rest) if raw else known
        frame = pd.DataFrame(parts, columns=list(raw))
        return frame.assign(**{OTHER: rest}) if rest > 1e-9 or not raw else frame

    def to_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Plain data, and the boosters as text."""
        states: dict[str, Any] = {}
        texts: dict[str, str] = {}
        for k, (name, found) in enumerate(self.boosters.items()):
            states[name], own = found.to_state(f"kind_{k}")
            texts |= own
        return {"boosters": states, "prior": dict(self.prior)}, texts

    @classmethod
    def from_state(cls, state: Mapping[str, Any], texts: Mapping[str, str]) -> FraudKinds:
        """Read back what `to_state` gave."""
        boosters = {name: Boosters.from_state(one, texts) for name, one in state["boosters"].items()}
        return cls(boosters, state["prior"])


def fit_fraud_kinds(training: TrainingTable, kinds: np.ndarray, seed: int) -> FraudKinds:
    """Learn the kinds that have 20 cases or more.

    Parameters
    ----------
    training : TrainingTable
        Matrix and outcome (1 for cases).
    kinds : array of str
        Kind of each case; anything for legitimate customers.
    seed : int
        Seed of folds and boosting.
    """
    cases = training.y == 1
    names, counts = np.unique(kinds[cases].astype(str), return_counts=True)
    total = max(int(counts.sum()), 1)
    large = [str(n) for n, c in zip(names, counts, strict=True) if c >= _FEWEST and n != OTHER]
    boosters = {name: _against_legitimate(training, cases & (kinds.astype(str) == name), seed) for name in large}
    shares = {str(n): float(c) / total for n, c in zip(names, counts, strict=True) if n in large}
    # the names of rare kinds are not kept: they may be about one customer
    prior = {**shares, OTHER: max(1.0 - sum(shares.values()), 0.0)}
    return FraudKinds(boosters, prior)


def _against_legitimate(training: TrainingTable, own: np.ndarray, seed: int) -> Boosters:
    rows = own | (training.y == 0)
    part = TrainingTable(training.matrix[rows], own[rows].astype(np.float64), None, training.categorical)
    return fit_boosters(part, "probability", random_state=seed).boosters


_COMPONENTS = ["model", "rules", "expert_similarity", "expert_matches", "anomaly"]
_FIVE = Field(min_length=len(_COMPONENTS), max_length=len(_COMPONENTS))


class _Kinds(StateModel):
    """Boosters of the kinds."""

    boosters: dict[str, BoostersState]
    prior: dict[str, Probability]


class _Parts(StateModel):
    """What the detector is put together from."""

    model: TableClassifierState
    anomaly: AnomalyScoreState
    kinds: _Kinds | None = None


class _Settings(StateModel):
    """How rules are mined; columns that nothing may read."""

    forbidden: list[str] | None = None


class _Params(StateModel):
    """Parameters that are read when customers are judged."""

    loss: Annotated[float, Field(ge=0, le=1e300)] | str = 200.0
    review_cost: Annotated[float, Field(ge=0, le=1e300)] = 5.0
    settings: _Settings | None = None
    rules: list[dict[str, Any]] | None = None


class FraudState(TableState, ClassesState, EstimatorState):
    """`FraudDetector`."""

    mined: list[dict[str, Any]] | None
    weights: list[Annotated[tuple[str, FiniteFloat], Field(strict=False)]]
    means: Annotated[list[FiniteFloat], _FIVE]
    spreads: Annotated[list[PositiveFloat], _FIVE]
    calibration: CalibrationState
    threshold: Probability
    parts: _Parts

    def check(self, columns: dict[str, int]) -> None:
        """All parts read columns of the table."""
        self.check_classes()
        require([name for name, _ in self.weights] == ["intercept", *_COMPONENTS], "weights of other component scores")
        params = _Params.model_validate(self.params.model_dump())
        names = {column.name for column in self.contract}
        require(not isinstance(params.loss, str) or params.loss in names, "the column of losses is not there")
        self.parts.model.check(_own(columns, "model_"))
        self.parts.anomaly.check({})
        for part in (self.parts.model, self.parts.anomaly):
            require({column.name for column in part.contract} <= names, "a part reads columns that are not there")
            require(
                used_columns(part.contract) == used_columns(self.contract),
                "a part reads other columns than the detector",
            )
        if self.parts.kinds is not None:
            self._check_kinds(self.parts.kinds, _own(columns, "kinds_"))

    def _check_kinds(self, kinds: _Kinds, columns: dict[str, int]) -> None:
        require(set(kinds.boosters) <= set(kinds.prior), "kinds without a share")
        require(sum(kinds.prior.values()) < 1 + 1e-6, "shares of more than all")
        for one in kinds.boosters.values():
            one.check(columns, len(used_columns(self.contract)))


def _own(columns: dict[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in columns.items() if name.startswith(prefix)}
