"""The rule base for fraud and arrears: rules with a life and a history, matches, resemblance."""

from __future__ import annotations

from custintel.rules._alarms import AlarmSettings, alarms_to_cases
from custintel.rules._match_sql import match_in_engine
from custintel.rules._rule import Rule
from custintel.rules._rule_base import RuleBase
from custintel.rules.builtin_rules import builtin_base, load_rules, rule_features
from custintel.rules.learning._fit_limits import fit_parameters
from custintel.rules.learning._learn_into_base import learn_into
from custintel.rules.learning._learn_rules import LearnSettings
from custintel.rules.learning._propose_variants import propose_variants
from custintel.rules.learning.anomaly_rules import propose_anomaly_rules
from custintel.rules.monitoring._activate_rules import ActivationPolicy, apply_policy, next_approval
from custintel.rules.monitoring._random_audit import audit_sample, audited_recall
from custintel.rules.monitoring._retire_rules import ReviewSettings, review_rules
from custintel.rules.monitoring._rule_drift import rule_drift
from custintel.rules.monitoring._saved_loss import saved_loss
from custintel.rules.monitoring.alarm_outcomes import record_outcomes, rule_performance
from custintel.rules.rule_evidence import describe_evidence, try_rule

__all__ = [
    "ActivationPolicy",
    "AlarmSettings",
    "LearnSettings",
    "ReviewSettings",
    "Rule",
    "RuleBase",
    "alarms_to_cases",
    "apply_policy",
    "audit_sample",
    "audited_recall",
    "builtin_base",
    "describe_evidence",
    "fit_parameters",
    "learn_into",
    "load_rules",
    "match_in_engine",
    "next_approval",
    "propose_anomaly_rules",
    "propose_variants",
    "record_outcomes",
    "review_rules",
    "rule_drift",
    "rule_features",
    "rule_performance",
    "saved_loss",
    "try_rule",
]
