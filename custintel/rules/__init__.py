"""The rule base for fraud and arrears: rules with a life and a history, matches, resemblance."""

from __future__ import annotations

from custintel.rules._absorb import absorb, learn_into
from custintel.rules._alarms import AlarmSettings, cases
from custintel.rules._approval import to_approve
from custintel.rules._audit import AuditedRecall, audit_sample, audited_recall
from custintel.rules._base import RuleBase
from custintel.rules._builtin import builtin_base, builtin_rules, load_rules, rule_features
from custintel.rules._condition import Condition, text_of
from custintel.rules._describe import Description, describe_group
from custintel.rules._desk_report import DeskReport, desk_report
from custintel.rules._discovery import DiscoverySettings, propose_anomalies
from custintel.rules._document import rules_markdown
from custintel.rules._drift import DriftSettings, drift_of_rules, keep_profiles
from custintel.rules._engine import match_on, similarity_on
from custintel.rules._evidence import evidence_words
from custintel.rules._files import rules_from_yaml, rules_to_yaml
from custintel.rules._fitting import fit_parameters
from custintel.rules._learning import LearnSettings
from custintel.rules._mutation import propose_mutations, variants
from custintel.rules._outcomes import OUTCOMES, outcomes_of, record_outcomes, rule_performance
from custintel.rules._overlap import covered_by, implies, overlap
from custintel.rules._policy import ActivationPolicy, apply_policy
from custintel.rules._promises import keeps_promise
from custintel.rules._rule import Rule
from custintel.rules._ruleset import RuleSet
from custintel.rules._saved_loss import saved_loss
from custintel.rules._score import separating
from custintel.rules._sequential import Sensitivity
from custintel.rules._sql import match_sql, similarity_sql
from custintel.rules._states import MOVES, STATES, Entry
from custintel.rules._stream import RowRules
from custintel.rules._trial import RuleTrial, try_rule
from custintel.rules._vigilance import ReviewSettings, review_characteristics, review_rules, stated_precision

__all__ = [
    "MOVES",
    "OUTCOMES",
    "STATES",
    "ActivationPolicy",
    "AlarmSettings",
    "AuditedRecall",
    "Condition",
    "Description",
    "DeskReport",
    "DiscoverySettings",
    "DriftSettings",
    "Entry",
    "LearnSettings",
    "ReviewSettings",
    "RowRules",
    "Rule",
    "RuleBase",
    "RuleSet",
    "RuleTrial",
    "Sensitivity",
    "absorb",
    "apply_policy",
    "audit_sample",
    "audited_recall",
    "builtin_base",
    "builtin_rules",
    "cases",
    "covered_by",
    "describe_group",
    "desk_report",
    "drift_of_rules",
    "evidence_words",
    "fit_parameters",
    "implies",
    "keep_profiles",
    "keeps_promise",
    "learn_into",
    "load_rules",
    "match_on",
    "match_sql",
    "outcomes_of",
    "overlap",
    "propose_anomalies",
    "propose_mutations",
    "record_outcomes",
    "review_characteristics",
    "review_rules",
    "rule_features",
    "rule_performance",
    "rules_from_yaml",
    "rules_markdown",
    "rules_to_yaml",
    "saved_loss",
    "separating",
    "similarity_on",
    "similarity_sql",
    "stated_precision",
    "text_of",
    "to_approve",
    "try_rule",
    "variants",
]
