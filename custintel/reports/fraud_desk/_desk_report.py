"""`fraud_desk_report`: what the fraud desk should know today, as plain facts and as one page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from custintel._version import __version__
from custintel.html.page import json_ready, write_page_and_json
from custintel.reports.fraud_desk._desk_data import FraudDeskData, ReportInputs
from custintel.reports.fraud_desk._desk_facts import (
    alarm_facts,
    case_facts,
    catch_facts,
    change_facts,
    delay_facts,
    headline_facts,
    learned_rule_facts,
    performance_facts,
    unused_rule_facts,
)
from custintel.reports.fraud_desk._desk_page import FORMAT, VERSION, fraud_desk_html
from custintel.rules import AlarmSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from custintel.rules import RuleBase


@dataclass(frozen=True)
class FraudDeskReport:
    """The report of the fraud desk: facts, and the page drawn from them.

    Attributes
    ----------
    facts : mapping
        Plain data (JSON): headline, cases, alarms by rule, performance, life, learned, unused, catches, delay.
    """

    facts: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The facts as plain data."""
        return dict(self.facts)

    def html(self) -> str:
        """The page as one HTML text without any reference to anything outside."""
        return fraud_desk_html(self.facts)

    def save(self, path: str | Path) -> Path:
        """Write the page, and its twin beside it as ``.json``; each is complete or not there at all.

        Parameters
        ----------
        path : path
            Where the HTML goes.
        """
        return write_page_and_json(self.html(), self.facts, path)

    def __repr__(self) -> str:
        h = self.facts["headline"]
        return f"FraudDeskReport({self.facts['month']}: {h['alarms']} alarms, {h['cases']} cases; .save('desk.html'))"


def fraud_desk_report(  # noqa: PLR0913  (what a desk has, and how it is said)
    base: RuleBase,
    alarms: pd.DataFrame,
    cases: pd.DataFrame | None = None,
    outcomes: pd.DataFrame | None = None,
    month: str | None = None,
    *,
    settings: AlarmSettings | None = None,
    horizon: float | Mapping[str, float] = 30.0,
) -> FraudDeskReport:
    """Report to the fraud desk: what to look at, what it is worth, how the rules do, what was learned.

    Parameters
    ----------
    base : RuleBase
        The rules and their log; the report shows them as they stood at the end of the month.
    alarms : DataFrame
        As `RuleBase.alarms` gives them.
    cases : DataFrame, optional
        As `alarms_to_cases` gives them, possibly with start, detected, loss and outcome of each (see `saved_loss`);
        made from the alarms when not given.
    outcomes : DataFrame, optional
        What became of earlier alarms: ``outcome`` (fraud, arrears, abuse or confirmed; not; unknown), ``rule`` or
        ``customer_id`` or both, ``time`` of the closing. Without ``rule``, an outcome is that of all alarms on the
        customer. By default those that the base keeps (`RuleMonitor.record_outcomes`), which are counted by rule and
        month and name no customer.
    month : str, optional
        Such as ``2025-06``; by default the last one in which an event, an outcome or an alarm is dated.
    settings : AlarmSettings, optional
        Language and words for features, as the alarms were made with.
    horizon : float or mapping of kind to float
        Days that a case runs until it is detected without an alarm (see `RuleMonitor.saved_loss`).

    Returns
    -------
    FraudDeskReport
        Aggregates and ids of customers only.

    Raises
    ------
    DataError
        When alarms or outcomes lack what they need.
    ConfigurationError
        When the month cannot be read.

    Examples
    --------
    >>> import pandas as pd
    >>> from custintel.rules import RuleBase
    >>> base = RuleBase()
    >>> rule = base.propose("burst", "minutes > 30", kind="irsf", loss=400, by="me")
    >>> base.shadow("burst", by="me", reason="three cases")
    >>> base.activate("burst", by="me", reason="11 of 12 confirmed", evidence={"precision": 0.8})
    >>> X = pd.DataFrame({"minutes": [45.0, 3.0]}, index=pd.Index(["a", "b"], name="customer_id"))
    >>> report = fraud_desk_report(base, base.alarms(X))
    >>> report.to_dict()["headline"]["expected_loss"]
    320.0
    """
    settings = settings or AlarmSettings()
    desk = FraudDeskData.prepare(base, ReportInputs(alarms, cases, outcomes, horizon), month, settings)
    return FraudDeskReport(json_ready(_facts(desk)))


def _facts(desk: FraudDeskData) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": VERSION,
        "library_version": __version__,
        "language": desk.settings.language,
        "month": str(desk.month),
        "headline": headline_facts(desk),
        "cases": case_facts(desk),
        "alarms": alarm_facts(desk),
        "performance": performance_facts(desk),
        "learned": learned_rule_facts(desk),
        "catches": catch_facts(desk),
        "life": change_facts(desk),
        "unused": unused_rule_facts(desk),
        "delay": delay_facts(desk),
    }
