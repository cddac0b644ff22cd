"""Monitoring rules in use: what became of their alarms, and which rules are activated, watched or retired for it.

In come alarms and their outcomes; out come evidence in the log and transitions of rules. `alarm_outcomes` records
outcomes and counts them, `_activate_rules` applies the policy for rules in the shadow, and `_retire_rules` reviews
rules that fire by sequential tests (`_sequential_tests`). `_rule_drift` compares firing rates and features with a
baseline, `_stated_precision` compares the precision that rules state with the one on later customers, `_random_audit`
estimates what no rule alarms of, and `_saved_loss` what alarms saved.

>>> from custintel.rules.monitoring._retire_rules import review_characteristics
>>> found = review_characteristics(stated=0.9, precision=0.4, outcomes=30)  # a rule that has lost its precision
>>> found["median"], round(found["retired"], 2)
(11.0, 0.98)
"""

from __future__ import annotations
