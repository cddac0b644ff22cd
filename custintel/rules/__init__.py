"""Rules for fraud, arrears and abuse: written by hand or learned, matched on customers, monitored, and retired.

In come features, one row a customer, and what became of earlier alarms; out come alarms in words, cases, and a log in
which every change of a rule has a person, a reason and the numbers behind it. The life of a rule, and where each step
is::

    written (rule_files, builtin_rules) or learned (learning/)
        |
    proposed --> shadow --> active <--> watch --> retired        states and transitions: rule_states
                   |          |           |          |           kept in: _rule_base, _event_log
                   |          |           +----------+---------- monitoring/_retire_rules (watch, retire, trust again)
                   |          +--------------------------------- monitoring/_activate_rules (policy or approval)
                   +-------------------------------------------- fires, but alarms nobody

While a rule fires, `_alarms` says on whom and why, `monitoring/alarm_outcomes` records what was confirmed, and
`monitoring/_rule_drift` sees changes without outcomes. Matching is in `_match_numpy`, `_match_sql` and `_match_row`,
similarity in `_similarity`, and the score in `rule_score`.

>>> import pandas as pd
>>> base = RuleBase()
>>> rule = base.propose("night_burst", "minutes_abroad > 30 and tenure_days <= 90", by="an analyst")
>>> base.shadow("night_burst", by="an analyst", reason="seen in three cases")
>>> base.activate("night_burst", by="head of fraud", reason="11 of 12 alarms confirmed")
>>> customers = pd.Index(["a", "b"], name="customer_id")
>>> X = pd.DataFrame({"minutes_abroad": [45.0, 3.0], "tenure_days": [10, 10]}, customers)
>>> base.alarms(X)["matched"].to_dict()
{'a': ['minutes_abroad more than 30', 'tenure_days at most 90']}
"""

from __future__ import annotations

from custintel.rules._alarms import AlarmSettings
from custintel.rules._rule import Rule
from custintel.rules._rule_base import RuleBase
from custintel.rules.builtin_rules import load_rules
from custintel.rules.learning._learn_rules import LearnSettings
from custintel.rules.learning._rule_miner import RuleMiner
from custintel.rules.monitoring._activate_rules import ActivationPolicy
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
