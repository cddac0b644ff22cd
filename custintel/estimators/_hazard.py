"""Person-months: every customer once for each month under watch, with whether the end came in it.

>>> rows = PersonMonths.of(np.array([2, 3]), np.array([True, False]), 24)
>>> rows.customer.tolist(), rows.month.tolist(), rows.ended.tolist()
([0, 0, 1, 1, 1], [1, 2, 1, 2, 3], [0.0, 1.0, 0.0, 0.0, 0.0])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from custintel.estimators._losses import log_loss_raw

__all__ = ["PersonMonths", "base_hazard", "blend", "blended", "cumulative", "survival_of"]

_LEAST = 1e-6


@dataclass(frozen=True)
class PersonMonths:
    """Row of the customer, number of the month, whether the customer ended in it."""

    customer: np.ndarray
    month: np.ndarray
    ended: np.ndarray

    @classmethod
    def of(cls, months: np.ndarray, ended: np.ndarray, most: int) -> PersonMonths:
        """From durations (whole months; the month of the end itself for those who ended) up to a last month."""
        length = np.minimum(months, most).astype(np.int64)
        customer = np.repeat(np.arange(len(months)), length)
        month = np.arange(len(customer)) - np.repeat(np.cumsum(length) - length, length) + 1
        return cls(customer, month, (ended[customer] & (month == months[customer])).astype(np.float64))

    def thinned(self, most: int, rng: np.random.Generator) -> tuple[PersonMonths, np.ndarray]:
        """All rows in which somebody ended and a sample of the others, with weights that make good for it."""
        quiet = np.flatnonzero(self.ended == 0)
        if len(quiet) <= most:
            return self, np.ones(len(self.month))
        keep = np.sort(np.concatenate([np.flatnonzero(self.ended), rng.choice(quiet, most, replace=False)]))
        weight = np.where(self.ended[keep] == 1, 1.0, len(quiet) / most)
        return PersonMonths(self.customer[keep], self.month[keep], self.ended[keep]), weight


def base_hazard(rows: PersonMonths, longest: int, prior: float = 20.0) -> np.ndarray:
    """Share that ends in each month 1 to `longest`, drawn towards the share over all months where few are watched."""
    ended = np.bincount(rows.month, rows.ended, longest + 1)[1 : longest + 1]
    watched = np.bincount(rows.month, minlength=longest + 1)[1 : longest + 1]
    overall = rows.ended.mean() if len(rows.ended) else 0.0
    return np.asarray(np.clip((ended + prior * overall) / (watched + prior), _LEAST, 1 - _LEAST))


def blend(own: np.ndarray, base: np.ndarray, ended: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Share of the individual hazard against the common one, and a shift of log-odds, that fit unseen rows best."""
    shares = np.linspace(0.0, 1.0, 11)
    losses = [_shifted(_mixed(own, base, share), ended, weight) for share in shares]
    best = int(np.argmin([loss for loss, _ in losses]))
    return float(shares[best]), losses[best][1]


def _mixed(own: np.ndarray, base: np.ndarray, share: float) -> np.ndarray:
    return np.asarray(share * logit(np.clip(own, _LEAST, 1 - _LEAST)) + (1 - share) * logit(base))


def _shifted(raw: np.ndarray, ended: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Log loss after the shift that makes the mean right, and the shift; one Newton step is enough so near."""
    p = expit(raw)
    shift = float(weight @ (ended - p) / max(weight @ (p * (1 - p)), 1e-9))
    shift = float(np.clip(shift, -1.0, 1.0))
    return log_loss_raw(ended, raw + shift, weight), shift


def blended(own: np.ndarray, base: np.ndarray, weights: tuple[float, float]) -> np.ndarray:
    """Hazards by a share and a shift that `blend` found."""
    return np.asarray(expit(_mixed(own, base, weights[0]) + weights[1]))


def survival_of(hazards: np.ndarray) -> np.ndarray:
    """Chance to be still there after each month, from hazards (customers x months x causes)."""
    leaving = np.minimum(hazards.sum(axis=2), 1.0)
    return np.asarray(np.cumprod(1 - leaving, axis=1))


def cumulative(hazards: np.ndarray, survival: np.ndarray) -> np.ndarray:
    """Chance to have left for each cause by each month (customers x months x causes)."""
    before = np.concatenate([np.ones((len(survival), 1)), survival[:, :-1]], axis=1)
    total = hazards.sum(axis=2, keepdims=True)
    scaled = hazards / np.maximum(total, 1.0)
    return np.asarray(np.cumsum(before[:, :, None] * scaled, axis=1))
