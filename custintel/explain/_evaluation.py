"""What training hands over to the report: a model, its out-of-time rows, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.errors import DataError
from custintel.explain._groups import SMALLEST_GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.artifact import Model

__all__ = ["Evaluation"]

_POPULATION_COLUMNS = ("as_of", "role", "rows", "positives", "censored")


def _empty_population() -> pd.DataFrame:
    """Return a population table without rows, for models that know no dates."""
    return pd.DataFrame(columns=list(_POPULATION_COLUMNS))


@dataclass(frozen=True)
class Evaluation:
    """A model beside rows it has not seen, ready to be reported.

    Parameters
    ----------
    model : Model
        The trained model with its metadata.
    X : DataFrame
        Features of the out-of-time (or held-out) rows; index customer_id or (as_of, customer_id).
    y : Series
        Labels of these rows, 0 or 1, aligned with `X`.
    p : Series
        Calibrated probabilities of these rows, aligned with `X`.
    population : DataFrame
        One row per date: as_of, role (train or test), rows, positives, censored. Empty for flat tables.
    quality : DataFrame, optional
        `Warehouse.report.frame()`: per table rows_in, kept, set_aside, duplicates.
    leaks : tuple of mappings
        Suspicious columns: column, why, single_auc.
    trials : DataFrame, optional
        One row per tuning trial: value, state and parameters.
    notes : tuple of str
        What the reader must know (skipped families, refit, small samples).
    train_p : Series, optional
        Out-of-fold probabilities of the training rows; the report compares their distribution with that of `p`.
    quality_reasons : DataFrame, optional
        `Warehouse.report.reasons()`: table, reason, column, rows.
    extra : mapping
        Further JSON-able facts for the twin, kept under "extra".
    smallest_group : int
        Customers that a group needs to be shown in the report; smaller ones are merged or left out.

    Examples
    --------
    >>> X = pd.DataFrame({"tenure": [3.0, 40.0]}, index=pd.Index(["a", "b"], name="customer_id"))
    >>> y, p = pd.Series([1.0, 0.0], X.index), pd.Series([0.7, 0.1], X.index)
    >>> Evaluation(model=None, X=X, y=y, p=p).rows
    2
    """

    model: Model
    X: pd.DataFrame
    y: pd.Series
    p: pd.Series
    population: pd.DataFrame = field(default_factory=_empty_population)
    quality: pd.DataFrame | None = None
    leaks: tuple[Mapping[str, Any], ...] = ()
    trials: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
    train_p: pd.Series | None = None
    quality_reasons: pd.DataFrame | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    smallest_group: int = SMALLEST_GROUP

    def __post_init__(self) -> None:
        lengths = {"X": len(self.X), "y": len(self.y), "p": len(self.p)}
        if len(set(lengths.values())) != 1:
            raise DataError(
                "X, y and p of an evaluation must have the same rows\n"
                f"  given: {lengths}\n  hint: drop censored rows (label NaN) from all three before the evaluation"
            )
        labels, scores = int(self.y.isna().sum()), int(self.p.isna().sum())
        if labels or scores:
            raise DataError(
                "an evaluation holds known labels and probabilities only\n"
                f"  given: {labels} missing labels, {scores} missing probabilities\n"
                "  hint: drop censored rows (label NaN) first"
            )

    @property
    def rows(self) -> int:
        """Number of rows in the evaluation."""
        return len(self.X)
