"""Learning rules: from labelled customers, from variants of known rules, and from groups of unusual customers.

In come features (and labels, where there are any); out come rules with evidence from customers that had no part in
making them. `_learn_rules` mines candidates from the paths of small trees (`_mine_rules`), measures them on held-out
customers (`_holdout_precision`), and chooses a few that complement one another; `_learn_into_base` adds them to a rule
base. `_propose_variants` moves a limit of a known rule or drops a condition, `anomaly_rules` describes unusual
customers, `rule_overlap` says whether a rule adds anything, and `_fit_limits` fits the limits of rules to an operator.

>>> import numpy as np
>>> from custintel.rules.learning._holdout_precision import HoldoutCounts
>>> measured = HoldoutCounts.count(fired=np.array([1, 1, 1, 0], bool), y=np.array([1, 1, 0, 0]))
>>> measured.hits, measured.alarms
(2, 3)
"""

from __future__ import annotations
