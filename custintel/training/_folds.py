"""Folds for judging parameters: stratified by label, and all rows of a customer on one side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from custintel.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

__all__ = ["fold_rows"]

Rows = npt.NDArray[np.intp]


def fold_rows(y: pd.Series, groups: Any, folds: int, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Row numbers to learn from and to judge on.

    >>> import pandas as pd
    >>> y = pd.Series([0, 1] * 6)
    >>> [len(test) for _, test in fold_rows(y, None, 3, 0)]
    [4, 4, 4]
    """
    rare = int(min(y.sum(), len(y) - y.sum()))
    if rare < folds:
        raise DataError(
            f"too few rows of one class for {folds} folds\n  given: {rare} of {len(y)} rows\n"
            f"  allowed: at least {folds} of each class"
        )
    if groups is None:
        return iter(StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(y)), y))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return iter(splitter.split(np.zeros(len(y)), y, np.asarray(groups)))
