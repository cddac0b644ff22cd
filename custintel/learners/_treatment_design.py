"""How treatments were assigned: arms, propensities and their overlap. Without that nothing can be learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from custintel.errors import DataError

CONTROL_WORDS = ("0", "0.0", "control", "none", "no", "false", "no e-mail", "hold_out", "holdout")
_FEWEST = 5
_EDGE = 0.02


@dataclass(frozen=True)
class TreatmentDesign:
    """Arms (control first), the arm of each row, and the propensity of every arm for each row (NaN: not possible)."""

    arms: tuple[Any, ...]
    arm: np.ndarray
    propensity: np.ndarray
    kind: str

    def rows_of(self, k: int) -> np.ndarray:
        """The rows that were treated with arm k or are control, and could have been either."""
        return np.flatnonzero(self.possible(k) & ((self.arm == k) | (self.arm == 0)))

    def possible(self, k: int) -> np.ndarray:
        """Whether each row could have been given arm k."""
        return np.asarray(~np.isnan(self.propensity[:, k]))

    def overlap(self) -> pd.DataFrame:
        """For each arm: rows, mean propensity, share of rows whose propensity is extreme (below 5 %, above 95 %)."""
        known = [p[~np.isnan(p)] for p in self.propensity.T]
        return pd.DataFrame(
            {
                "arm": [str(a) for a in self.arms],
                "rows": [int((self.arm == k).sum()) for k in range(len(self.arms))],
                "propensity": [p.mean() for p in known],
                "least": [p.min() for p in known],
                "extreme": [((p < 0.05) | (p > 0.95)).mean() for p in known],
            }
        )


def read_arms(treatment: Any, control: Any, rows: int) -> tuple[tuple[Any, ...], np.ndarray]:
    """The arms, control first, and the number of the arm of each row."""
    if treatment is None:
        raise DataError(
            "no treatment column: an uplift model compares treated customers with control customers\n"
            "  hint: fit(X, y, treatment=..., propensity=...)"
        )
    values = pd.Series(np.asarray(treatment))
    if len(values) != rows:
        raise DataError(f"treatment has {len(values)} rows, the table {rows}")
    if values.isna().any():
        raise DataError(f"{int(values.isna().sum())} treatments are missing\n  hint: control is a treatment, too")
    found = sorted(values.unique().tolist(), key=str)
    if len(found) < 2:
        raise DataError(f"one arm only: {found}\n  hint: uplift needs treated and control customers")
    chosen = _control_arm(found, control)
    arms = (chosen, *[a for a in found if a != chosen])
    arm = values.map({a: k for k, a in enumerate(arms)}).to_numpy(np.int64)
    small = [str(a) for k, a in enumerate(arms) if (arm == k).sum() < _FEWEST]
    if small:
        raise DataError(f"arms with less than {_FEWEST} customers: {', '.join(small)}\n  hint: leave them out")
    return arms, arm


def read_design(arms: tuple[Any, ...], arm: np.ndarray, propensity: Any) -> TreatmentDesign:
    """Propensities: ``constant`` (randomised, the same for all), one number, one a row (of what was done), or a frame.

    Raises
    ------
    DataError
        When nothing is said about how treatments were given, or a propensity is not inside (0, 1).
    """
    if propensity is None:
        raise DataError(
            "nothing is said about how treatments were given, so differences may be due to who was chosen\n"
            "  allowed: propensity='constant' for a randomised experiment; the logged probability of what was done\n"
            "  hint: UpliftModel(observational=True) estimates propensities, and says so in its results"
        )
    shares = np.bincount(arm, minlength=len(arms)) / len(arm)
    if isinstance(propensity, str):
        if propensity != "constant":
            raise DataError(f"unknown propensity\n  given: {propensity!r}\n  allowed: 'constant', numbers, a frame")
        return TreatmentDesign(arms, arm, np.tile(shares, (len(arm), 1)), "randomised")
    if isinstance(propensity, pd.DataFrame):
        return TreatmentDesign(arms, arm, _from_frame(arms, arm, propensity), "logged")
    return TreatmentDesign(arms, arm, _from_rows(arms, arm, propensity, shares), "logged")


def _control_arm(found: list[Any], control: Any) -> Any:
    if control is not None:
        if control not in found:
            raise DataError(f"no customer in the control arm\n  given: {control!r}\n  allowed: {found}")
        return control
    known = [a for a in found if str(a).strip().lower() in CONTROL_WORDS]
    if len(known) == 1:
        return known[0]
    raise DataError(f"which arm is control?\n  given: {found}\n  hint: UpliftModel(control={found[0]!r})")


def _from_frame(arms: tuple[Any, ...], arm: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
    absent = [str(a) for a in arms if a not in frame.columns]
    if absent or len(frame) != len(arm):
        raise DataError(f"propensities need one column an arm and one row a customer\n  missing: {', '.join(absent)}")
    given = frame[list(arms)].to_numpy(np.float64)
    impossible = int(np.isnan(given[np.arange(len(arm)), arm]).sum() + np.isnan(given[:, 0]).sum())
    if impossible:
        raise DataError(
            f"{impossible} propensities of control, or of what was done, are missing\n"
            "  hint: a propensity may be missing only for an arm that the customer could not have been given"
        )
    _checked_propensities(given[~np.isnan(given)])
    return given


def _from_rows(arms: tuple[Any, ...], arm: np.ndarray, propensity: Any, shares: np.ndarray) -> np.ndarray:
    """Of the arm taken the logged one; of the others by their shares in what is left."""
    given = (
        np.broadcast_to(np.asarray(propensity, dtype=np.float64), arm.shape)
        if np.ndim(propensity) < 1
        else (np.asarray(propensity, dtype=np.float64))
    )
    if given.shape != arm.shape:
        raise DataError(f"propensity has shape {given.shape}\n  allowed: one number a row, {arm.shape}")
    _checked_propensities(given)
    out = np.empty((len(arm), len(arms)))
    for k in range(len(arms)):
        others = 1 - shares[arm]
        out[:, k] = np.where(arm == k, given, (1 - given) * shares[k] / np.maximum(others, 1e-12))
    return out


def _checked_propensities(values: np.ndarray) -> np.ndarray:
    wrong = int((~((values > 0) & (values < 1))).sum())
    if wrong:
        raise DataError(
            f"{wrong} propensities are not inside (0, 1)\n"
            "  hint: who is always or never treated cannot be compared with anybody; leave those customers out"
        )
    return values


def clip_propensities(values: np.ndarray) -> np.ndarray:
    """Estimated propensities kept away from 0 and 1, so that no row counts fifty times."""
    bounded = np.clip(values, _EDGE, 1 - _EDGE)
    return np.asarray(bounded / bounded.sum(axis=1, keepdims=True))
