"""The registry of named outcomes: the function that gives the labels of each kind, and whom the kind asks about.

A kind needs two lines: what it is, in `custintel.catalogue.question_kinds`, and its functions here.

>>> sorted(LABEL_KINDS)
['arrears', 'churn', 'experiment', 'first_bill', 'fraud', 'future_margin', ...]
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.catalogue.question_kinds import OUTCOME_KINDS
from custintel.questions._campaign_contacts import dates_with_contacts
from custintel.questions._experiment_outcomes import experiment_labels
from custintel.questions._first_bill import first_bill_labels, first_bill_population
from custintel.questions._fraud_cases import fraud_labels
from custintel.questions._offer_responses import response_labels
from custintel.questions._survival_labels import survival_labels
from custintel.questions.outcome_labels import outcome_labels, outcome_population

if TYPE_CHECKING:
    from custintel.questions.question import Question
    from custintel.warehouse import Warehouse

Days = Any
"""As-of dates, as a caller may give them."""

LabelFunction = Callable[["Warehouse", Days, "Question"], pd.DataFrame]
DateFunction = Callable[["Warehouse", list[pd.Timestamp], "Question"], list[pd.Timestamp]]


@dataclass(frozen=True)
class LabelKind:
    """The functions of a named outcome; each takes tables, as-of dates and the question.

    Attributes
    ----------
    labels
        Labels of the dates: index (as_of, customer_id), ``label`` and further columns.
    population
        Whom the question is asked about at each date, without knowledge of later days.
    dates
        Which of some dates have anything to learn from; all of them where it is None.
    """

    labels: LabelFunction
    population: LabelFunction
    dates: DateFunction | None = None


def _population(wh: Warehouse, as_of: Days, question: Question) -> pd.DataFrame:
    return outcome_population(wh, as_of, question.outcome)


def _outcome_labels(wh: Warehouse, as_of: Days, question: Question) -> pd.DataFrame:
    return outcome_labels(wh, as_of, question.outcome)


def _found_by_name(place: str) -> LabelFunction:
    """A label function of a room above this one, imported when it is asked for: ``module:function``."""
    module, name = place.split(":")

    def labels(wh: Warehouse, as_of: Days, question: Question) -> pd.DataFrame:
        made: pd.DataFrame = getattr(importlib.import_module(module), name)(wh, as_of, question)
        return made

    return labels


LABEL_KINDS: Mapping[str, LabelKind] = {
    **{kind: LabelKind(_outcome_labels, _population) for kind in OUTCOME_KINDS},
    "future_margin": LabelKind(_found_by_name("custintel.value.value_labels:future_margin_labels"), _population),
    "future_tier": LabelKind(_found_by_name("custintel.value.value_labels:future_tier_labels"), _population),
    "survival": LabelKind(survival_labels, _population),
    "first_bill": LabelKind(first_bill_labels, first_bill_population),
    "fraud": LabelKind(fraud_labels, _population),
    "response": LabelKind(response_labels, _population, dates_with_contacts),
    "experiment": LabelKind(experiment_labels, _population, dates_with_contacts),
}
