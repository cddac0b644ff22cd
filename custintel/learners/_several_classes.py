"""Three classes or more: each is learned against all others; calibrated probabilities are divided by their sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from custintel.errors import DataError
from custintel.learners.ensemble._ensemble import Ensemble
from custintel.learners.ensemble.blend_and_calibration import Calibration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


MOST_CLASSES = 30


def has_several_classes(y: Any) -> bool:
    """Whether a target has three values or more that are classes; anything odd is left to the check of two classes.

    >>> has_several_classes(["S", "M", "L"]), has_several_classes([0, 1, 0]), has_several_classes([0.5, 1.2, 3.7])
    (True, False, False)
    """
    if y is None:
        return False
    array = np.asarray(y)
    if array.ndim == 0 or (array.ndim > 1 and array.shape[-1] != 1):
        return False
    values = pd.Series(array.reshape(-1))
    if values.isna().any() or values.nunique() < 3:
        return False
    return not (pd.api.types.is_float_dtype(values.dtype) and bool((values % 1 != 0).any()))


def class_codes(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """The classes, sorted, and the position of each row's class among them.

    Raises
    ------
    DataError
        When there are more than 30.
    """
    values = column_or_1d(y, warn=True)
    check_classification_targets(values)
    classes, codes = np.unique(values, return_inverse=True)
    if len(classes) > MOST_CLASSES:
        raise DataError(
            f"the target has {len(classes)} classes\n  allowed: up to {MOST_CLASSES}\n"
            "  hint: pool rare ones; for amounts use TableRegressor"
        )
    return classes, codes.ravel().astype(np.float64)


@dataclass(frozen=True)
class ClassEnsembles:
    """For each class an ensemble that tells it from all others, and its calibration."""

    ensembles: tuple[Ensemble, ...]
    calibrations: tuple[Calibration, ...]

    @property
    def expected_values(self) -> np.ndarray:
        """Log-odds before calibration of the average customer, one a class."""
        return np.array([one.expected_value for one in self.ensembles])

    def log_odds(self, matrix: np.ndarray, threads: int) -> np.ndarray:
        """Log-odds of each class against all others, before calibration (rows x classes)."""
        return np.column_stack([one.log_odds(matrix, threads) for one in self.ensembles])

    def probabilities(self, log_odds: np.ndarray) -> np.ndarray:
        """Calibrated probabilities that add up to 1 in each row."""
        each = [c.probability(log_odds[:, k]) for k, c in enumerate(self.calibrations)]
        own = np.maximum(np.column_stack(each), 1e-15)
        return np.asarray(own / own.sum(axis=1, keepdims=True))

    def contributions(
        self,
        matrix: np.ndarray,
        asked: np.ndarray,
        threads: int,
        kernel: Callable[[Any, np.ndarray], np.ndarray] | None = None,
    ) -> np.ndarray:
        """Contributions to the log-odds of the class asked for in each row."""
        out = np.zeros(matrix.shape)
        for k in np.unique(asked):
            rows = asked == k
            out[rows] = self.ensembles[k].contributions(matrix[rows], threads, kernel)
        return out

    def importance(self, columns: int) -> np.ndarray:
        """Mean share of each column over the classes."""
        return np.asarray(np.mean([one.importance(columns) for one in self.ensembles], axis=0))

    def to_state(self) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Plain data of each class, and the boosters as text."""
        parts: list[dict[str, Any]] = []
        texts: dict[str, str] = {}
        for k, (ensemble, calibration) in enumerate(zip(self.ensembles, self.calibrations, strict=True)):
            parts.append({"ensemble": ensemble.to_state(), "calibration": calibration.to_state()})
            texts |= {f"class_{k}_booster_{j}": text for j, text in enumerate(ensemble.texts)}
        return parts, texts

    @classmethod
    def from_state(cls, state: list[Mapping[str, Any]], boosters: Mapping[str, str]) -> ClassEnsembles:
        """Read back what `to_state` gave."""
        ensembles = []
        for k, part in enumerate(state):
            count = len(part["ensemble"]["booster_weights"])
            texts = tuple(boosters[f"class_{k}_booster_{j}"] for j in range(count))
            ensembles.append(Ensemble.from_state(part["ensemble"], texts))
        return cls(tuple(ensembles), tuple(Calibration.from_state(part["calibration"]) for part in state))
