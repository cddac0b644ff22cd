"""`Outcome`: what a question counts, over which days, and among whom. Every model stores its outcome."""

from __future__ import annotations

from dataclasses import dataclass

from custintel.catalogue.question_kinds import BILLING_TYPES, OUTCOME_KINDS
from custintel.errors import Problem, raise_problems

LATE_DAYS = 30


@dataclass(frozen=True)
class Outcome:
    """Kind, gap, horizon, dormancy and population of a label.

    Parameters
    ----------
    kind
        ``churn``: the customer leaves of their own accord (an involuntary exit first is a missing label).
        ``involuntary``: the operator ends the line for non-payment or fraud (a voluntary exit first is a missing
        label). ``arrears``: a bill stays unpaid for ``late_days`` after it was due. ``fraud``: the customer is
        confirmed as a case (a case confirmed by the end of the gap has no label).
    gap_days
        Days between the date and the first day on which the outcome counts: the time a campaign needs.
    horizon_days
        Days over which the outcome counts.
    dormancy_days
        Days of silence after which a prepaid line has churned.
    active_within_days
        A line belongs to the population if it was active in that many days up to the date.
    billing_types
        Which lines are asked about.
    late_days
        Days after the due day on which an unpaid bill counts as arrears.

    Examples
    --------
    >>> Outcome("churn", billing_types=("prepaid",)).days_needed("prepaid")
    105
    >>> Outcome("arrears", horizon_days=0)
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: 1 mistake found
      Outcome: horizon_days is too small
        given: 0
        allowed: 1 or more
    """

    kind: str = "churn"
    gap_days: int = 15
    horizon_days: int = 60
    dormancy_days: int = 30
    active_within_days: int = 15
    billing_types: tuple[str, ...] = BILLING_TYPES
    late_days: int = LATE_DAYS

    def __post_init__(self) -> None:
        object.__setattr__(self, "billing_types", tuple(self.billing_types))
        least = {"gap_days": 0, "horizon_days": 1, "dormancy_days": 1, "active_within_days": 1, "late_days": 0}
        problems = [
            Problem("Outcome", f"{name} is too small", str(getattr(self, name)), f"{low} or more")
            for name, low in least.items()
            if getattr(self, name) < low
        ]
        unknown = [name for name in self.billing_types if name not in BILLING_TYPES]
        if unknown or not self.billing_types:
            given = ", ".join(unknown) or "none"
            problems.append(Problem("Outcome", "unknown billing types", given, ", ".join(BILLING_TYPES)))
        if self.kind not in OUTCOME_KINDS:
            problems.append(Problem("Outcome", "unknown kind", str(self.kind), ", ".join(OUTCOME_KINDS)))
        raise_problems(problems)

    @property
    def end_days(self) -> int:
        """Days from the date to the last day on which the outcome counts."""
        return self.gap_days + self.horizon_days

    def days_needed(self, billing_type: str) -> int:
        """Days of data needed after the date before its labels are closed."""
        return self.end_days + (self.dormancy_days if billing_type == "prepaid" else 0)

    @property
    def label_delay_days(self) -> int:
        """Days after a date until the labels of all its billing types are known."""
        return max(self.days_needed(name) for name in self.billing_types)
