"""The rule base for fraud and arrears: rules with a life and a history, matches, resemblance."""

from __future__ import annotations

from custintel.rules._absorb import absorb, learn_into
from custintel.rules._alarms import AlarmSettings, cases
from custintel.rules._approval import to_approve
from custintel.rules._base import RuleBase
from custintel.rules._condition import Condition
from custintel.rules._desk_report import DeskReport, desk_report
from custintel.rules._evidence import evidence_words
from custintel.rules._files import rules_from_yaml, rules_to_yaml
from custintel.rules._learning import LearnSettings
from custintel.rules._rule import Rule
from custintel.rules._ruleset import RuleSet
from custintel.rules._saved_loss import saved_loss
from custintel.rules._score import separating
from custintel.rules._sql import match_sql, similarity_sql
from custintel.rules._states import MOVES, STATES, Entry
from custintel.rules._stream import RowRules
from custintel.rules._trial import RuleTrial, try_rule

__all__ = [
    "MOVES",
    "STATES",
    "AlarmSettings",
    "Condition",
    "DeskReport",
    "Entry",
    "LearnSettings",
    "RowRules",
    "Rule",
    "RuleBase",
    "RuleSet",
    "RuleTrial",
    "absorb",
    "cases",
    "desk_report",
    "evidence_words",
    "learn_into",
    "match_sql",
    "rules_from_yaml",
    "rules_to_yaml",
    "saved_loss",
    "separating",
    "similarity_sql",
    "to_approve",
    "try_rule",
]
