"""Which of two answers is the event, by the rule of all estimators (`custintel.estimators.choose_event`).

>>> import pandas as pd
>>> target = read_target(pd.Series(["FAUX", "VRAI", "FAUX"], name="Churn"))
>>> target.y.tolist(), target.positive, target.note
([0, 1, 0], 'VRAI', "'Churn': 'VRAI' is the event, 'FAUX' is not")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custintel.errors import DataError
from custintel.estimators import choose_event, place_of, warn_of_guess, written

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Target", "read_target"]

_FEWEST_SHOWN, _MOST_SHOWN = 10, 8


@dataclass(frozen=True)
class Target:
    """The label as 0 and 1, what 1 stands for, which rows have one, and how this was decided."""

    y: pd.Series
    positive: str
    note: str
    unlabelled: int = 0


def read_target(column: pd.Series, pos_label: Any = None) -> Target:
    """Turn a column of two answers into 0 and 1; rows without an answer are left out and counted."""
    known = column.dropna()
    answers = known.map(written)
    values = sorted(answers.unique())
    if len(values) != 2:
        raise DataError(_not_two(str(column.name), len(values), _frequent(answers)))
    positive, why = _event(values, answers, pos_label)
    negative = next(v for v in values if v != positive)
    y = (answers == positive).astype(np.int64)
    note = f"{str(column.name)!r}: {positive!r} is the event, {negative!r} is not{why}"
    return Target(y, positive, note, len(column) - len(known))


def _event(values: list[str], answers: pd.Series, pos_label: Any) -> tuple[str, str]:
    """The answer that stands for the event, and a reason when it is a guess (or the user's)."""
    if pos_label is not None:
        return values[place_of(pos_label, values)], " (as asked)"
    choice = choose_event(values, [int((answers == value).sum()) for value in values])
    warn_of_guess(values, choice, stacklevel=5)
    return values[choice.place], f" ({choice.guess})" if choice.guess else ""


def _frequent(answers: pd.Series) -> str:
    """Answers of ten customers or more: a rarer one may be somebody's name."""
    counts = answers.value_counts()
    told = sorted(counts.index[counts >= _FEWEST_SHOWN])
    rare = len(counts) - len(told)
    shown = [*map(repr, told[:_MOST_SHOWN]), *(["..."] if len(told) > _MOST_SHOWN else [])]
    return ", ".join([*shown, *([f"{rare} rare ones"] if rare else [])])


def _not_two(name: str, count: int, shown: str) -> str:
    """Message for a target that is not a yes-or-no question."""
    if count < 2:
        return (
            f"the target {name!r} has a single class: nothing can be learned\n"
            f"  given: {shown or 'no value at all'}\n  allowed: two different values"
        )
    return (
        f"the target {name!r} has {count} different values\n  given: {shown}\n"
        "  allowed: two different values\n  hint: a yes-or-no question is needed; group the values into two first"
    )
