"""What training hands over to the report: a model, its out-of-time rows, and where they came from.

What is said of a few customers could point at one of them. Bins and groups of fewer than `SMALLEST_GROUP` customers are
therefore merged with their neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custintel.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from custintel.artifact import Model

SMALLEST_GROUP = 10
"""Customers that a group needs to be shown."""


def largest_group_count(customers: int, most: int, least: int = SMALLEST_GROUP) -> int:
    """How many groups of equal size can be shown: none has fewer customers than `least`.

    >>> largest_group_count(400, 10), largest_group_count(57, 10), largest_group_count(9, 10)
    (10, 5, 0)
    """
    return min(most, customers // max(1, least))


def shown_count(count: int, least: int = SMALLEST_GROUP) -> int | str:
    """A number of customers as a report may show it: a small group only by its bounds.

    >>> shown_count(120), shown_count(0), shown_count(4)
    (120, 0, '1-9')
    """
    return count if count >= least or not count else f"1-{least - 1}"


def merge_small_bins(counts: Sequence[int] | NDArray[np.int64], least: int = SMALLEST_GROUP) -> NDArray[np.intp]:
    """The group of each bin, where neighbours are taken together until each group has `least` or nothing.

    >>> merge_small_bins([0, 40, 3, 2, 0, 30, 4]).tolist()
    [0, 1, 2, 2, 2, 2, 2]
    """
    groups, group, inside = np.zeros(len(counts), dtype=np.intp), 0, 0
    for place, count in enumerate(counts):
        if place and (inside == 0 or inside >= least) and (count == 0 or count >= least or inside != 0):
            group, inside = group + 1, 0
        elif place and inside == 0 and count:
            group += 1
        groups[place] = group
        inside += int(count)
    if 0 < inside < least and group:
        last = np.flatnonzero(np.bincount(groups, counts, group + 1)[:-1] >= least)
        groups[groups > (last[-1] if len(last) else 0)] = last[-1] if len(last) else 0
    return groups


def smooth_small_bins(counts: Sequence[int] | NDArray[np.int64], least: int = SMALLEST_GROUP) -> list[float]:
    """Counts of a histogram in which small bins share their height with neighbours; the sum stays.

    >>> smooth_small_bins([0, 40, 3, 2, 0, 35, 0])
    [0.0, 40.0, 10.0, 10.0, 10.0, 10.0, 0.0]
    """
    groups = merge_small_bins(counts, least)
    total, size = np.bincount(groups, counts), np.bincount(groups)
    if total.sum() < least:
        return [0.0] * len(groups)
    return [float(height) for height in (total / np.maximum(size, 1))[groups]]


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
        Labels of these rows (0 or 1, an amount, a class), aligned with `X`.
    p : Series
        Calibrated probabilities of these rows (or what else puts them in order), aligned with `X`.
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
    predicted, answers : DataFrame, optional
        All columns that the learner scored on these rows, and further facts about their outcome.
    sections : tuple of mappings
        The learner's own sections, as plain data (`custintel.reports.model.own_section`).
    headline : tuple of str
        What a hurried reader should take away; empty: the words of yes-or-no questions.
    metric_words : mapping
        Name and meaning of the learner's own metrics.

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
    predicted: pd.DataFrame | None = None
    answers: pd.DataFrame | None = None
    sections: tuple[Mapping[str, Any], ...] = ()
    headline: tuple[str, ...] = ()
    metric_words: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

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
    def is_yes_or_no(self) -> bool:
        """Whether the question is answered by yes or no."""
        return bool(self.model.metadata.get("target_type", "yes_no") == "yes_no")

    @property
    def rows(self) -> int:
        """Number of rows in the evaluation."""
        return len(self.X)
