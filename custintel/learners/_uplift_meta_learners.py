"""The meta-learners: S, T, X, R and DR on boosters, cross-fitted; each gives effects for rows it has not seen.

Sources: Kuenzel et al. (2019) for S, T and X, Nie and Wager (2021) for R, Kennedy (2023) for DR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.learners.ensemble.lightgbm_boosters import Boosters, Objective, TrainingTable, TreeSettings, fit_boosters

if TYPE_CHECKING:
    from custintel.learners._treatment_design import TreatmentDesign
    from custintel.learners.ensemble.lightgbm_boosters import Kernel


META_LEARNERS = ("dr", "r", "x", "t", "s")


@dataclass(frozen=True)
class UpliftData:
    """What all meta-learners share: the encoded table with its outcome, the treatments, and the folds."""

    training: TrainingTable
    design: TreatmentDesign
    fold: np.ndarray
    objective: Objective
    random_state: int
    threads: int

    def boost(self, matrix: np.ndarray, y: np.ndarray, rows: np.ndarray, objective: Objective) -> Boosters:
        """Boosters on some rows; booster k has not seen fold k."""
        given = TrainingTable(matrix[rows], y[rows], None, self.training.categorical)
        return fit_boosters(
            given, objective, fold=self.fold[rows], random_state=self.random_state, threads=self.threads
        ).boosters

    def out_of_fold(self, boosters: Boosters, matrix: np.ndarray) -> np.ndarray:
        """Predictions for all rows, each by the booster that has not seen its fold."""
        out = np.empty(len(matrix))
        for k, model in enumerate(boosters.models):
            rows = self.fold == k
            out[rows] = Boosters((boosters.texts[k],), boosters.objective, (model,)).predict(matrix[rows], self.threads)
        return out


@dataclass(frozen=True)
class Nuisance:
    """Expected outcome of each row under each arm, by boosters that have not seen the row."""

    by_arm: np.ndarray
    boosters: tuple[Boosters, ...]


@dataclass(frozen=True)
class EffectModel:
    """The effect of one arm: boosters with their weights, and the out-of-fold effects of the training rows.

    `untuned` are effects of the training rows in whose making the row had no say at all, not even in the number of
    rounds: for the test of whether they go with real differences.
    """

    parts: tuple[tuple[Boosters, float], ...]
    out_of_fold: np.ndarray
    untuned: np.ndarray
    arm_column: int | None = None

    def predict(self, matrix: np.ndarray, threads: int) -> np.ndarray:
        """Mean effect of each row."""
        return np.asarray(self.by_fold(matrix, threads).mean(axis=0))

    def by_fold(self, matrix: np.ndarray, threads: int) -> np.ndarray:
        """Effect by each fold's boosters (folds x rows); their spread tells how sure the effect is."""
        total = np.zeros(1)
        for boosters, weight in self.parts:
            asked = matrix if self.arm_column is None else self._with_arm(matrix, weight)
            single = [
                Boosters((text,), boosters.objective, (model,)).predict(asked, threads)
                for text, model in zip(boosters.texts, boosters.models, strict=True)
            ]
            total = total + weight * np.array(single)
        return np.asarray(total)

    def contributions(self, matrix: np.ndarray, kernel: Kernel | None = None, threads: int = 1) -> np.ndarray:
        """Exact contributions to the effect: rows x (columns + 1), the last one the expected value."""
        parts = [weight * boosters.contributions(matrix, threads, kernel) for boosters, weight in self.parts]
        return np.asarray(np.sum(parts, axis=0))

    def importance(self, columns: int) -> np.ndarray:
        """Share of each column of the customer in the gain of the trees, mean over the parts."""
        wide = columns + (self.arm_column is not None)
        return np.asarray(np.mean([boosters.importance(wide)[:columns] for boosters, _ in self.parts], axis=0))

    @property
    def additive(self) -> bool:
        """Whether the effect is a sum over trees; a difference of probabilities is none."""
        return self.arm_column is None and all(boosters.objective == "amount" for boosters, _ in self.parts)

    def _with_arm(self, matrix: np.ndarray, weight: float) -> np.ndarray:
        """The S-learner asks the same boosters twice: as treated (weight 1) and as control (weight -1)."""
        arm = float(self.arm_column or 0) if weight > 0 else 0.0
        return np.column_stack([matrix, np.full(len(matrix), arm)])


def fit_nuisance(data: UpliftData) -> Nuisance:
    """One model for each arm."""
    matrix, y, design = data.training.matrix, data.training.y, data.design
    boosters = tuple(
        data.boost(matrix, y, np.flatnonzero(design.arm == k), data.objective) for k in range(len(design.arms))
    )
    return Nuisance(np.column_stack([data.out_of_fold(b, matrix) for b in boosters]), boosters)


def pseudo_outcomes(data: UpliftData, nuisance: Nuisance, k: int) -> np.ndarray:
    """Doubly robust pseudo-outcome of arm k against control: its mean over any customers estimates their effect.

    It is missing for rows that could not have been given the arm.
    """
    design, y, m = data.design, data.training.y, nuisance.by_arm
    treated = (design.arm == k) / design.propensity[:, k] * (y - m[:, k])
    control = (design.arm == 0) / design.propensity[:, 0] * (y - m[:, 0])
    return np.asarray(m[:, k] - m[:, 0] + treated - control)


def fit_effect(learner: str, data: UpliftData, nuisance: Nuisance, k: int) -> EffectModel:
    """The effect of arm k against control by one learner."""
    return _META_LEARNERS[learner](data, nuisance, k)


def _dr_learner(data: UpliftData, nuisance: Nuisance, k: int) -> EffectModel:
    matrix = data.training.matrix
    psi = pseudo_outcomes(data, nuisance, k)
    rows = np.flatnonzero(data.design.possible(k))
    return _final_stage(data, matrix, psi[rows], np.ones(len(rows)), rows)


def _r_learner(data: UpliftData, nuisance: Nuisance, k: int) -> EffectModel:
    design, y = data.design, data.training.y
    rows = design.rows_of(k)
    share = design.propensity[rows, k] / (design.propensity[rows, k] + design.propensity[rows, 0])
    mean = share * nuisance.by_arm[rows, k] + (1 - share) * nuisance.by_arm[rows, 0]
    left = (design.arm[rows] == k) - share
    return _final_stage(data, data.training.matrix, (y[rows] - mean) / left, left**2, rows)


def _x_learner(data: UpliftData, nuisance: Nuisance, k: int) -> EffectModel:
    design, y, matrix = data.design, data.training.y, data.training.matrix
    rows = design.rows_of(k)
    treated, control = rows[design.arm[rows] == k], rows[design.arm[rows] == 0]
    on_treated = _final_stage(data, matrix, (y - nuisance.by_arm[:, 0])[treated], np.ones(len(treated)), treated)
    on_control = _final_stage(data, matrix, (nuisance.by_arm[:, k] - y)[control], np.ones(len(control)), control)
    # where few are treated, what is learned from the many controls counts for little, and the other way round
    share = float(np.nanmean(design.propensity[:, k] / (design.propensity[:, k] + design.propensity[:, 0])))
    out_of_fold = (1 - share) * on_treated.out_of_fold + share * on_control.out_of_fold
    untuned = (1 - share) * on_treated.untuned + share * on_control.untuned
    return EffectModel(((on_treated.parts[0][0], 1 - share), (on_control.parts[0][0], share)), out_of_fold, untuned)


def _t_learner(data: UpliftData, nuisance: Nuisance, k: int) -> EffectModel:
    del data  # the models of the arms are there already
    out_of_fold = nuisance.by_arm[:, k] - nuisance.by_arm[:, 0]
    return EffectModel(((nuisance.boosters[k], 1.0), (nuisance.boosters[0], -1.0)), out_of_fold, out_of_fold)


def _s_learner(data: UpliftData, nuisance: Nuisance, k: int) -> EffectModel:
    del nuisance  # one model for all arms
    matrix, design = data.training.matrix, data.design
    wide = np.asfortranarray(np.column_stack([matrix, design.arm.astype(np.float64)]))
    boosters = data.boost(wide, data.training.y, np.arange(len(wide)), data.objective)
    asked = [np.column_stack([matrix, np.full(len(matrix), float(a))]) for a in (k, 0)]
    out_of_fold = data.out_of_fold(boosters, asked[0]) - data.out_of_fold(boosters, asked[1])
    return EffectModel(((boosters, 1.0), (boosters, -1.0)), out_of_fold, out_of_fold, arm_column=k)


_META_LEARNERS = {"dr": _dr_learner, "r": _r_learner, "x": _x_learner, "t": _t_learner, "s": _s_learner}


def _final_stage(
    data: UpliftData, matrix: np.ndarray, target: np.ndarray, weight: np.ndarray, rows: np.ndarray
) -> EffectModel:
    """The last stage: shallow trees, because effects are small and their pseudo-outcomes noisy."""
    trees = TreeSettings(4, max(20, min(500, len(rows) // 100)), 0.03, 0.5, 20.0, 800)
    low, high = np.quantile(target, [0.001, 0.999])
    given = TrainingTable(matrix[rows], np.clip(target, low, high), weight, data.training.categorical)
    found = fit_boosters(
        given,
        "amount",
        fold=data.fold[rows],
        trees=trees,
        random_state=data.random_state,
        threads=data.threads,
        untuned=True,
    )
    assert found.untuned is not None
    return EffectModel(
        ((found.boosters, 1.0),), data.out_of_fold(found.boosters, matrix), data.out_of_fold(found.untuned, matrix)
    )
