"""`desk_report`: what the fraud desk should know today, as plain facts and as one page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel._version import __version__
from custintel.errors import ConfigurationError, DataError
from custintel.html.number_format import plain
from custintel.html.page import write_twins
from custintel.identifiers import identifier_text
from custintel.reports.fraud_desk._desk_facts import (
    alarm_facts,
    case_facts,
    catch_facts,
    delay_facts,
    headline,
    learned,
    life,
    performance,
    unused,
)
from custintel.reports.fraud_desk._desk_page import FORMAT, VERSION, desk_html
from custintel.rules import AlarmSettings, RuleBase, RuleMonitor
from custintel.rules.monitoring.alarm_outcomes import closed_alarms, customer_verdicts, flat, outcomes_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from custintel.rules import Rule
    from custintel.rules.rule_states import Entry

# What a report of the fraud desk is made from, brought into one shape: rules, alarms, cases, outcomes, one month.


_ALARM_COLUMNS = ("rule", "tier", "similarity", "matched", "missed", "unknown", "expected_loss", "severity", "action")


@dataclass(frozen=True)
class Given:
    """What the caller handed over."""

    alarms: pd.DataFrame
    cases: pd.DataFrame | None
    outcomes: pd.DataFrame | None
    horizon: float | Mapping[str, float]


@dataclass(frozen=True)
class Desk:
    """The desk at the end of a month."""

    base: RuleBase
    alarms: pd.DataFrame
    cases: pd.DataFrame
    closed: pd.DataFrame
    month: pd.Period
    how: AlarmSettings

    @classmethod
    def of(cls, base: RuleBase, given: Given, month: str | None, how: AlarmSettings) -> Desk:
        """Bring all into shape."""
        _check_alarms(given.alarms)
        alarms = flat(given.alarms)
        outcomes = _kept(base) if given.outcomes is None else given.outcomes
        closed = closed_alarms(outcomes, alarms, base)
        chosen = _month(month, base, closed, alarms)
        closed = closed[closed["time"].isna() | (closed["time"] <= chosen.end_time)]
        past = base.as_of(str(chosen.end_time.date()))
        return cls(past, alarms, _cases(given, alarms, outcomes), closed, chosen, how)

    @cached_property
    def by_name(self) -> Mapping[str, Entry]:
        """The version of each rule that is furthest in its life."""
        return {name: self.base.entry(name) for name in {entry.rule.name for entry in self.base.entries.values()}}

    @cached_property
    def compared(self) -> pd.DataFrame:
        """Closed alarms that say something about the stated precision: those that were no mere resemblance."""
        return self.closed[self.closed["tier"].ne("resembles")]

    def words(self, name: str) -> str:
        """What a rule is about, or else its conditions."""
        entry = self.by_name.get(name)
        return "" if entry is None else self.rule_words(entry.rule)

    def rule_words(self, rule: Rule) -> str:
        """The same of a rule as an object."""
        about = rule.about_zh if self.how.language == "zh" else rule.about
        return about or rule.words(self.how.names, self.how.language)


def _kept(base: RuleBase) -> pd.DataFrame:
    """The outcomes that the base keeps of all versions of its rules."""
    parts = [part for id_ in base.entries if len(part := outcomes_of(base, id_))]
    return pd.concat(parts) if parts else pd.DataFrame({"rule": [], "customer_id": [], "outcome": []})


def _check_alarms(alarms: pd.DataFrame) -> None:
    absent = [name for name in _ALARM_COLUMNS if name not in alarms.columns]
    if absent:
        raise DataError(
            f"these are no alarms\n  given: without {', '.join(absent)}\n  hint: desk_report(base, base.alarms(X))"
        )


def _month(asked: str | None, base: RuleBase, closed: pd.DataFrame, alarms: pd.DataFrame) -> pd.Period:
    """The month asked for; else the last one in which anything is dated."""
    if asked is not None:
        try:
            return pd.Period(asked, freq="M")
        except ValueError as error:
            raise ConfigurationError(f"not a month\n  given: {asked!r}\n  allowed: like 2025-06") from error
    dated = [pd.Timestamp(str(event["time"])).tz_localize(None) for event in base.log.events[-1:]]
    dated += [closed["time"].max()] if closed["time"].notna().any() else []
    dated += [pd.to_datetime(alarms["as_of"]).max()] if "as_of" in alarms and len(alarms) else []
    known = [time for time in dated if pd.notna(time)]
    return pd.Period(max(known) if known else pd.Timestamp.now(), freq="M")


def _cases(given: Given, alarms: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Cases with outcome and saved loss, the most urgent first."""
    found = RuleBase.cases(alarms) if given.cases is None else given.cases
    found = found.assign(customer_id=identifier_text(found["customer_id"]))
    if "outcome" not in found:
        verdict = customer_verdicts(outcomes)
        found = found.assign(outcome=[_word(verdict.get(customer)) for customer in found["customer_id"]])
    found = found.assign(saved_loss=RuleMonitor.saved_loss(found, given.horizon))
    order = ["expected_loss", "severity", "saved_loss", "tier", "similarity", "customer_id"]
    return found.sort_values(order, ascending=[False, False, False, True, False, True])


def _word(confirmed: Any) -> str:
    return "open" if confirmed is None else "confirmed" if confirmed else "not"


@dataclass(frozen=True)
class DeskReport:
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
        return desk_html(self.facts)

    def save(self, path: str | Path) -> Path:
        """Write the page, and its twin beside it as ``.json``; each is complete or not there at all.

        Parameters
        ----------
        path : path
            Where the HTML goes.
        """
        return write_twins(self.html(), self.facts, path)

    def __repr__(self) -> str:
        h = self.facts["headline"]
        return f"DeskReport({self.facts['month']}: {h['alarms']} alarms, {h['cases']} cases; .save('desk.html'))"


def desk_report(  # noqa: PLR0913  (what a desk has, and how it is said)
    base: RuleBase,
    alarms: pd.DataFrame,
    cases: pd.DataFrame | None = None,
    outcomes: pd.DataFrame | None = None,
    month: str | None = None,
    *,
    how: AlarmSettings | None = None,
    horizon: float | Mapping[str, float] = 30.0,
) -> DeskReport:
    """Report to the fraud desk: what to look at, what it is worth, how the rules do, what was learned.

    Parameters
    ----------
    base : RuleBase
        The rules and their log; the report shows them as they stood at the end of the month.
    alarms : DataFrame
        As `RuleBase.alarms` gives them.
    cases : DataFrame, optional
        As `RuleBase.cases` gives them, possibly with start, detected, loss and outcome of each (see
        `RuleMonitor.saved_loss`); made from the alarms when not given.
    outcomes : DataFrame, optional
        What became of earlier alarms: ``outcome`` (fraud, arrears, abuse or confirmed; not; unknown), ``rule`` or
        ``customer_id`` or both, ``time`` of the closing. Without ``rule``, an outcome is that of all alarms on the
        customer. By default those that the base keeps (`RuleMonitor.record_outcomes`), which are counted by rule and
        month and name no customer.
    month : str, optional
        Such as ``2025-06``; by default the last one in which an event, an outcome or an alarm is dated.
    how : AlarmSettings, optional
        Language and words for features, as the alarms were made with.
    horizon : float or mapping of kind to float
        Days that a case runs until it is detected without an alarm (see `RuleMonitor.saved_loss`).

    Returns
    -------
    DeskReport
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
    >>> report = desk_report(base, base.alarms(X))
    >>> report.to_dict()["headline"]["expected_loss"]
    320.0
    """
    settings = how or AlarmSettings()
    desk = Desk.of(base, Given(alarms, cases, outcomes, horizon), month, settings)
    return DeskReport(plain(_facts(desk)))


def _facts(desk: Desk) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": VERSION,
        "library_version": __version__,
        "language": desk.how.language,
        "month": str(desk.month),
        "headline": headline(desk),
        "cases": case_facts(desk),
        "alarms": alarm_facts(desk),
        "performance": performance(desk),
        "learned": learned(desk),
        "catches": catch_facts(desk),
        "life": life(desk),
        "unused": unused(desk),
        "delay": delay_facts(desk),
    }
