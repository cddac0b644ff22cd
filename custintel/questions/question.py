"""`Question`: what is asked about the days after a date, of whom, and what its label is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from custintel.catalogue.question_grammar import EXPRESSION_KEYS, checked_question, days_of
from custintel.catalogue.question_kinds import BILLING_TYPES, OUTCOME_KINDS, QUESTION_KINDS
from custintel.questions._outcome import LATE_DAYS, Outcome
from custintel.questions.whole_months import MONTHS_KEY, days_of_months

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACTIVE_WITHIN_DAYS = 15
_WINDOW = "30d"
_DURATIONS = ("gap", "horizon", "dormancy")


@dataclass(frozen=True)
class Question:
    """A question about the days after a date: a named outcome, or an expression over the rows of a table.

    Parameters
    ----------
    kind
        A named outcome; empty for an expression. ``churn``: the customer leaves of their own accord (an involuntary
        exit first is a missing label). ``involuntary``: the operator ends the line for non-payment or fraud (a
        voluntary exit first is a missing label). ``arrears``: a bill stays unpaid for some days after it was due
        (``late``). ``fraud``: the customer is confirmed as a case. The pages of the models say what ``first_bill``,
        ``future_margin``, ``future_tier``, ``survival``, ``response`` and ``experiment`` count.
    target_type
        What the label is: yes_no, amount, class, duration, experiment or response. Told by the kind or the target when
        it is not given.
    gap_days
        Days between the date and the first day that counts: the time a campaign needs.
    horizon_days
        Days that count.
    source, target
        Table, and the expression over its rows inside the window, in the grammar of ``features/``. A condition asks yes
        or no, a number for an amount, a text for a class.
    unless
        Competing events: a condition on the rows of each table. One of them in the window makes the label missing; one
        inside the gap takes the customer out.
    entity
        Whose label it is; ``customer``.
    dormancy_days
        Days of silence after which a prepaid line has churned.
    active_within_days
        A line belongs to the population if it was active in that many days up to the date. Without it, a named outcome
        takes 15 and an expression asks every customer in service.
    billing_types
        Which lines are asked about: postpaid, prepaid.
    settings
        Further keys of the question as in its file, such as ``join``, ``horizon_months`` or ``window``.

    Raises
    ------
    custintel.errors.ConfigurationError
        With every mistake of the question.

    Examples
    --------
    >>> question = Question(source="bills", target="sum(amount)", gap_days=7, horizon_days=60)
    >>> question.target_type, question.label_delay_days
    ('amount', 67)
    >>> Question(source="bills", target="sum(amounts)")
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: 1 mistake found
      question: unknown column of bills
        given: amounts
        allowed: ...
        hint: did you mean amount?
    """

    kind: str = ""
    target_type: str = ""
    gap_days: int = 0
    horizon_days: int = 60
    source: str = ""
    target: str = ""
    unless: Mapping[str, str] = field(default_factory=dict)
    entity: str = "customer"
    dormancy_days: int = 30
    active_within_days: int | None = None
    billing_types: tuple[str, ...] = BILLING_TYPES
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "billing_types", tuple(self.billing_types))
        object.__setattr__(self, "target_type", checked_question(self.as_dict())["type"])

    def as_dict(self) -> dict[str, Any]:
        """The question as plain data, in the shape of the YAML file.

        Examples
        --------
        >>> Question("arrears", gap_days=1).as_dict()["gap"]
        '1d'
        """
        kind = QUESTION_KINDS.get(self.kind)
        every = {
            "gap": f"{self.gap_days}d",
            "horizon": f"{self.horizon_days}d",
            "dormancy": f"{self.dormancy_days}d",
            "billing_types": list(self.billing_types),
            "entity": self.entity,
        }
        keys = EXPRESSION_KEYS if not self.kind else kind.keys if kind else ()
        own = {"source": self.source, "target": self.target, "unless": dict(self.unless)}
        what = {"kind": self.kind, **{key: value for key, value in own.items() if value}} if self.kind else own
        typed = {"type": self.target_type} if self.target_type else {}
        return {**what, **typed, **{key: value for key, value in every.items() if key in keys}, **self.settings}

    @property
    def outcome(self) -> Outcome:
        """Population, gap, horizon and dormancy as an `Outcome`; its kind is churn where another one counts.

        Examples
        --------
        >>> Question("arrears", gap_days=1, billing_types=("postpaid",)).outcome.kind
        'arrears'
        """
        return Outcome(
            kind=self.kind if self.kind in OUTCOME_KINDS else "churn",
            gap_days=self.gap_days,
            horizon_days=self.horizon_days,
            dormancy_days=self.dormancy_days,
            active_within_days=_ACTIVE_WITHIN_DAYS if self.active_within_days is None else self.active_within_days,
            billing_types=self.billing_types,
            late_days=self.days("late", LATE_DAYS),
        )

    def days(self, key: str, default: int) -> int:
        """The days of a further duration of the question, such as ``late``.

        Examples
        --------
        >>> Question("arrears", settings={"late": "60d"}).days("late", 30)
        60
        """
        return days_of(self.settings[key]) if key in self.settings else default

    @property
    def end_days(self) -> int:
        """Days from the date to the last day that counts."""
        if MONTHS_KEY in self.settings:
            return days_of_months(int(self.settings[MONTHS_KEY]))
        return self.gap_days + self.horizon_days

    @property
    def label_delay_days(self) -> int:
        """Days after a date until its labels are known; churn of prepaid lines waits for their silence, too.

        Examples
        --------
        >>> Question("churn", gap_days=15).label_delay_days
        105
        """
        if self.kind in OUTCOME_KINDS:
            return self.outcome.label_delay_days
        silence = self.dormancy_days if self.kind == "experiment" and "prepaid" in self.billing_types else 0
        return self.end_days + self.window_days + silence

    @property
    def window_days(self) -> int:
        """Days after a contact in which its answer or its outcome counts; 0 where a question is not about contacts.

        Examples
        --------
        >>> Question("response", horizon_days=31).window_days, Question("churn").window_days
        (30, 0)
        """
        about_contacts = self.target_type in ("response", "experiment")
        return days_of(str(self.settings.get("window", _WINDOW))) if about_contacts else 0


def question_from_spec(spec: Mapping[str, Any]) -> Question:
    """The question of a model specification (as data, the way a saved model keeps it); churn without one.

    >>> from custintel.catalogue.model_spec import load_model_spec
    >>> question_from_spec(load_model_spec("churn_prepaid").as_dict()).billing_types
    ('prepaid',)
    """
    given, population = dict(spec.get("question") or {"kind": "churn"}), spec.get("population") or {}
    days: dict[str, Any] = {f"{key}_days": days_of(given.pop(key)) for key in _DURATIONS if key in given}
    if given.get("kind") in OUTCOME_KINDS:
        days = {"gap_days": Outcome().gap_days, **days}
    named = {key: given.pop(key) for key in ("kind", "source", "target", "unless", "entity") if key in given}
    types = tuple(given.pop("billing_types", BILLING_TYPES))
    return Question(
        **days,
        **named,
        target_type=given.pop("type", ""),
        billing_types=types,
        active_within_days=population.get("active_within_days"),
        settings=given,
    )
