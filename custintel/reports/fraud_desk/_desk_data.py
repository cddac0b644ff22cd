"""`FraudDeskData`: the rules, alarms, cases and outcomes of one month, brought into one shape for the report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from custintel.errors import ConfigurationError, DataError
from custintel.identifiers import identifier_text
from custintel.rules import RuleBase, RuleMonitor
from custintel.rules.monitoring.alarm_outcomes import (
    closed_alarms,
    customer_outcomes,
    flatten_index,
    recorded_outcomes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custintel.rules import AlarmSettings, Rule
    from custintel.rules.rule_states import RuleEntry


_ALARM_COLUMNS = ("rule", "tier", "similarity", "matched", "missed", "unknown", "expected_loss", "severity", "action")


@dataclass(frozen=True)
class ReportInputs:
    """What the caller handed over."""

    alarms: pd.DataFrame
    cases: pd.DataFrame | None
    outcomes: pd.DataFrame | None
    horizon: float | Mapping[str, float]


@dataclass(frozen=True)
class FraudDeskData:
    """The desk at the end of a month."""

    base: RuleBase
    alarms: pd.DataFrame
    cases: pd.DataFrame
    closed: pd.DataFrame
    month: pd.Period
    settings: AlarmSettings

    @classmethod
    def prepare(cls, base: RuleBase, given: ReportInputs, month: str | None, settings: AlarmSettings) -> FraudDeskData:
        """Bring all into shape."""
        _check_alarms(given.alarms)
        alarms = flatten_index(given.alarms)
        outcomes = _kept(base) if given.outcomes is None else given.outcomes
        closed = closed_alarms(outcomes, alarms, base)
        chosen = _month(month, base, closed, alarms)
        closed = closed[closed["time"].isna() | (closed["time"] <= chosen.end_time)]
        past = base.as_of(str(chosen.end_time.date()))
        return cls(past, alarms, _cases(given, alarms, outcomes), closed, chosen, settings)

    @cached_property
    def by_name(self) -> Mapping[str, RuleEntry]:
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
        about = rule.about_zh if self.settings.language == "zh" else rule.about
        return about or rule.words(self.settings.names, self.settings.language)


def _kept(base: RuleBase) -> pd.DataFrame:
    """The outcomes that the base keeps of all versions of its rules."""
    parts = [part for id_ in base.entries if len(part := recorded_outcomes(base, id_))]
    return pd.concat(parts) if parts else pd.DataFrame({"rule": [], "customer_id": [], "outcome": []})


def _check_alarms(alarms: pd.DataFrame) -> None:
    absent = [name for name in _ALARM_COLUMNS if name not in alarms.columns]
    if absent:
        raise DataError(
            f"these are no alarms\n  given: without {', '.join(absent)}\n"
            "  hint: fraud_desk_report(base, base.alarms(X))"
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


def _cases(given: ReportInputs, alarms: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Cases with outcome and saved loss, the most urgent first."""
    found = RuleBase.cases(alarms) if given.cases is None else given.cases
    found = found.assign(customer_id=identifier_text(found["customer_id"]))
    if "outcome" not in found:
        verdict = customer_outcomes(outcomes)
        found = found.assign(outcome=[_word(verdict.get(customer)) for customer in found["customer_id"]])
    found = found.assign(saved_loss=RuleMonitor.saved_loss(found, given.horizon))
    order = ["expected_loss", "severity", "saved_loss", "tier", "similarity", "customer_id"]
    return found.sort_values(order, ascending=[False, False, False, True, False, True])


def _word(confirmed: Any) -> str:
    return "open" if confirmed is None else "confirmed" if confirmed else "not"
