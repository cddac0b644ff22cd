"""The registry of named outcomes: the function that gives the labels of each kind, and whom the kind asks about.

A kind needs two lines: what it is, in `custintel.catalogue.question_kinds`, and its functions here.

>>> sorted(LABEL_KINDS)
['arrears', 'churn', 'fraud', 'involuntary']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.catalogue.question_kinds import OUTCOME_KINDS
from custintel.questions.outcome_labels import outcome_labels, outcome_population

if TYPE_CHECKING:
    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse

Days = Any
"""As-of dates, as a caller may give them."""

LabelFunction = Callable[["Warehouse", Days, "Question"], pd.DataFrame]


@dataclass(frozen=True)
class LabelKind:
    """The functions of a named outcome; each takes tables, as-of dates and the question.

    Attributes
    ----------
    labels
        Labels of the dates: index (as_of, customer_id), ``label`` and further columns.
    population
        Whom the question is asked about at each date, without knowledge of later days.
    """

    labels: LabelFunction
    population: LabelFunction


def _population(wh: Warehouse, as_of: Days, question: Question) -> pd.DataFrame:
    return outcome_population(wh, as_of, question.outcome)


def _outcome_labels(wh: Warehouse, as_of: Days, question: Question) -> pd.DataFrame:
    return outcome_labels(wh, as_of, question.outcome)


LABEL_KINDS: Mapping[str, LabelKind] = {kind: LabelKind(_outcome_labels, _population) for kind in OUTCOME_KINDS}
