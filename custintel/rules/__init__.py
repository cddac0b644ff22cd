"""The rule base for fraud and arrears: rules with a life and a history, matches, resemblance."""

from __future__ import annotations

from custintel.rules._alarms import AlarmSettings, cases
from custintel.rules._base import RuleBase
from custintel.rules._builtin import builtin_base, builtin_rules, load_rules, rule_features
from custintel.rules._condition import Condition
from custintel.rules._document import rules_markdown
from custintel.rules._engine import match_on, similarity_on
from custintel.rules._files import rules_from_yaml, rules_to_yaml
from custintel.rules._fitting import fit_parameters
from custintel.rules._learning import LearnSettings
from custintel.rules._rule import Rule
from custintel.rules._ruleset import RuleSet
from custintel.rules._sql import match_sql, similarity_sql
from custintel.rules._states import MOVES, STATES
from custintel.rules._stream import RowRules

__all__ = [
    "MOVES",
    "STATES",
    "AlarmSettings",
    "Condition",
    "LearnSettings",
    "RowRules",
    "Rule",
    "RuleBase",
    "RuleSet",
    "builtin_base",
    "builtin_rules",
    "cases",
    "fit_parameters",
    "load_rules",
    "match_on",
    "match_sql",
    "rule_features",
    "rules_from_yaml",
    "rules_markdown",
    "rules_to_yaml",
    "similarity_on",
    "similarity_sql",
]
