"""Which of two labels is the event: one rule for every estimator and for flat tables.

A label that is a known word for yes (yes, true, churned, bad, fraud, ...) is the event. Of two numbers it is the larger
one, as in scikit-learn; 0 and 1, false and true, -1 and 1 are certain. Otherwise it is the rarer label. Whatever is not
certain is a guess, which is warned of; `pos_label` decides.

>>> choose_event(["no", "yes"], [3, 9])
EventChoice(position=1, guess='')
>>> choose_event(["declined", "paid"], [20, 80])
EventChoice(position=0, guess='neither is a known word for yes: the rarer one was taken')
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from custintel.errors import ConfigurationError, QualityWarning

if TYPE_CHECKING:
    from collections.abc import Sequence


_YES_WORDS = """
true t yes y oui vrai si sí sim ja wahr verdadero vero da 是 真
churn churned churner left leaver gone closed lost cancelled canceled terminated 流失 离网
bad default defaulted defaulter delinquent arrears fraud fraudulent
"""
_YES = frozenset(_YES_WORDS.split())
_CERTAIN = ((0.0, 1.0), (-1.0, 1.0))


class EventChoice(NamedTuple):
    """The position of the event among two labels, and why it was guessed ('' when it is certain)."""

    position: int
    guess: str


def choose_event(labels: Sequence[str], counts: Sequence[int]) -> EventChoice:
    """The event among two labels.

    Parameters
    ----------
    labels : sequence of str
        Both labels as text (`label_text`), in the order of their values.
    counts : sequence of int
        How many rows have each.
    """
    yes = [k for k, label in enumerate(labels) if label.lower().rstrip(".") in _YES]
    if len(yes) == 1:
        return EventChoice(yes[0], "")
    numbers = [_number(label) for label in labels]
    if not np.isnan(numbers).any():
        larger = int(np.argmax(numbers))
        certain = tuple(sorted(numbers)) in _CERTAIN
        return EventChoice(larger, "" if certain else "they are not 0 and 1: the larger number was taken")
    ones = [k for k, number in enumerate(numbers) if number == 1]
    if len(ones) == 1:
        return EventChoice(ones[0], "")
    if counts[0] == counts[1]:
        return EventChoice(1, "neither is a known word for yes, and both are as frequent: the last in order was taken")
    return EventChoice(int(np.argmin(counts)), "neither is a known word for yes: the rarer one was taken")


def label_text(label: object) -> str:
    """A label as text: 1, 1.0 and '1 ' are the same answer.

    >>> label_text(1.0), label_text(True), label_text(" Yes")
    ('1', 'True', 'Yes')
    """
    if isinstance(label, (bool, np.bool_)):
        return str(bool(label))
    if isinstance(label, (int, float, np.integer, np.floating)):
        return f"{float(label):.15g}"
    return str(label).strip()


def event_position(pos_label: Any, labels: Sequence[str]) -> int:
    """Place of the label that the user named as the event.

    Raises
    ------
    ConfigurationError
        When the target has no such label.
    """
    asked = label_text(pos_label)
    if asked not in labels:
        raise ConfigurationError(
            f"the target has no such label for the event\n  given: pos_label={pos_label!r}\n"
            f"  allowed: {', '.join(map(repr, labels))}\n"
            "  hint: scikit-learn's cross_val_predict and stacking number the labels 0 and 1 before they fit;\n"
            "  give such a y yourself, 1 for the event, and no pos_label"
        )
    return labels.index(asked)


def warn_guessed_event(labels: Sequence[str], choice: EventChoice, stacklevel: int = 3) -> None:
    """Say that the event was guessed, and how to decide it."""
    if choice.guess:
        other = labels[1 - choice.position]
        warnings.warn(
            f"which label is the event was guessed: {labels[choice.position]!r} is, {other!r} is not ({choice.guess})\n"
            f"  hint: pos_label={labels[choice.position]!r} or pos_label={other!r} decides",
            QualityWarning,
            stacklevel=stacklevel,
        )


def _number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return float("nan")
