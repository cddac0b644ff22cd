"""The rule base for fraud and arrears: rules with a life and a history, matches, resemblance."""

from __future__ import annotations

from custintel.rules._alarms import AlarmSettings
from custintel.rules._rule import Rule
from custintel.rules._rule_base import RuleBase
from custintel.rules.builtin_rules import load_rules
from custintel.rules.learning._learn_rules import LearnSettings
from custintel.rules.learning._rule_miner import RuleMiner
from custintel.rules.monitoring._activation_policy import ActivationPolicy
from custintel.rules.monitoring._retire_rules import ReviewSettings
from custintel.rules.monitoring._rule_monitor import RuleMonitor

__all__ = [
    "ActivationPolicy",
    "AlarmSettings",
    "LearnSettings",
    "ReviewSettings",
    "Rule",
    "RuleBase",
    "RuleMiner",
    "RuleMonitor",
    "load_rules",
]
