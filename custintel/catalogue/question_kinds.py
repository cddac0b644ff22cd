"""The types and kinds of questions: what a label is, and the named outcomes that one expression cannot say.

A kind is data here: the type of its label, the keys that its ``question:`` may have, and the tables that it needs. The
function that gives its labels stands in `custintel.questions._label_kinds` under the same name.

>>> QUESTION_KINDS["arrears"].target_type, QUESTION_KINDS["arrears"].tables
('yes_no', ('bills', 'payments'))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGET_TYPES = ("yes_no", "amount", "class", "duration", "experiment", "response")
"""What a label can be: 1 or 0, a number, a text, months until an exit, an outcome with its treatment, a take-up."""

EXPRESSION_TYPES = ("yes_no", "amount", "class")
"""What the label of an expression can be."""

BILLING_TYPES = ("postpaid", "prepaid")
ENTITIES = ("customer",)

EXPERIMENT_OUTCOMES = ("stayed", "in_service", "paid")
"""Outcomes of an experiment with a name: each is what a contact should bring about."""


@dataclass(frozen=True)
class QuestionKind:
    """A named outcome.

    Attributes
    ----------
    target_type
        What its label is.
    keys
        The keys that its question may have, ``kind`` and ``type`` apart.
    tables
        The tables without which it cannot be asked.
    by_outcome
        Whether exits, late bills or cases are counted, as `custintel.questions.Question` says.
    """

    target_type: str
    keys: tuple[str, ...] = ("gap", "horizon", "billing_types")
    tables: tuple[str, ...] = ()
    by_outcome: bool = False


_MONTHS = ("horizon_months", "dormancy", "billing_types")

QUESTION_KINDS: Mapping[str, QuestionKind] = {
    "churn": QuestionKind("yes_no", ("gap", "horizon", "dormancy", "billing_types"), by_outcome=True),
    "involuntary": QuestionKind("yes_no", ("gap", "horizon", "dormancy", "billing_types"), by_outcome=True),
    "arrears": QuestionKind(
        "yes_no", ("gap", "horizon", "late", "billing_types"), tables=("bills", "payments"), by_outcome=True
    ),
    "fraud": QuestionKind("yes_no", tables=("cases",), by_outcome=True),
    "first_bill": QuestionKind(
        "yes_no", ("gap", "horizon", "late", "first_days"), tables=("customers", "bills", "payments")
    ),
    "future_margin": QuestionKind("amount", (*_MONTHS, "unit_costs")),
    "future_tier": QuestionKind("class", (*_MONTHS, "unit_costs", "thresholds")),
    "survival": QuestionKind("duration", _MONTHS),
    "response": QuestionKind("response", ("gap", "horizon", "window", "offers", "billing_types"), tables=("contacts",)),
    "experiment": QuestionKind(
        "experiment",
        ("gap", "horizon", "window", "outcome", "dormancy", "offers", "billing_types"),
        tables=("contacts",),
    ),
}
"""Kinds of questions; `custintel.questions.Question` says what churn, involuntary, arrears and fraud count."""

OUTCOME_KINDS = tuple(name for name, kind in QUESTION_KINDS.items() if kind.by_outcome)
