"""What churn means: one small record, stored with every model."""

from __future__ import annotations

from dataclasses import dataclass

from custintel.errors import Problem, raise_problems

CAUSES = ("voluntary", "involuntary", "arrears", "fraud")

BILLING_TYPES = ("postpaid", "prepaid")


@dataclass(frozen=True)
class ChurnDefinition:
    """Gap, horizon, dormancy and population of a churn label.

    Parameters
    ----------
    gap_days
        Days between the date and the first day on which churn counts: the time a campaign needs.
    horizon_days
        Days over which churn counts.
    dormancy_days
        Days of silence that make a prepaid line churned.
    active_within_days
        A line belongs to the population if it was active in that many days up to the date.
    billing_types
        Which lines are asked about.
    cause
        ``voluntary``: who leaves by himself (the other cause is a missing label); ``involuntary``: who is ended for
        non-payment or fraud (who leaves by himself first has a missing label); ``arrears``: whose bill stays unpaid
        for 30 days after it was due; ``fraud``: who is confirmed as a case (who was one by the end of the gap has no
        label).

    Examples
    --------
    >>> ChurnDefinition(billing_types=("prepaid",)).days_needed("prepaid")
    105
    >>> ChurnDefinition(horizon_days=0)
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: 1 mistake found
      ChurnDefinition: horizon_days is too small
        given: 0
        allowed: 1 or more
    """

    gap_days: int = 15
    horizon_days: int = 60
    dormancy_days: int = 30
    active_within_days: int = 15
    billing_types: tuple[str, ...] = BILLING_TYPES
    cause: str = "voluntary"

    def __post_init__(self) -> None:
        object.__setattr__(self, "billing_types", tuple(self.billing_types))
        least = {"gap_days": 0, "horizon_days": 1, "dormancy_days": 1, "active_within_days": 1}
        problems = [
            Problem("ChurnDefinition", f"{name} is too small", str(getattr(self, name)), f"{low} or more")
            for name, low in least.items()
            if getattr(self, name) < low
        ]
        unknown = [name for name in self.billing_types if name not in BILLING_TYPES]
        if unknown or not self.billing_types:
            given = ", ".join(unknown) or "none"
            problems.append(Problem("ChurnDefinition", "unknown billing types", given, ", ".join(BILLING_TYPES)))
        if self.cause not in CAUSES:
            problems.append(Problem("ChurnDefinition", "unknown cause", str(self.cause), ", ".join(CAUSES)))
        raise_problems(problems)

    @property
    def end_days(self) -> int:
        """Days from the date to the last day on which churn counts."""
        return self.gap_days + self.horizon_days

    def days_needed(self, billing_type: str) -> int:
        """Days of data needed after the date before its labels are closed."""
        return self.end_days + (self.dormancy_days if billing_type == "prepaid" else 0)

    @property
    def longest(self) -> int:
        """Days needed after the date for all its billing types."""
        return max(self.days_needed(name) for name in self.billing_types)
