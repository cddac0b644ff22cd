"""Which kind of fraud or arrears a suspicious customer is of: kinds are learned from labelled cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from custintel.learners.ensemble.lightgbm_boosters import Boosters, TrainingTable, fit_boosters

if TYPE_CHECKING:
    from collections.abc import Mapping

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
