"""Decisions: which customer gets which offer, what was decided, and whether another policy would have done better.

`allocate` takes the value of each offer with each customer (`OfferValues`) and the `Constraints` (budget, capacities,
contact policy, households, exploration), and gives each customer at most one offer. `DecisionLog` keeps every decision
with the probability it was drawn with, and later its outcome. `compare_policies` estimates from the log whether
another policy would have earned more; `Champion` promotes a challenger whose gain is sure.

>>> import pandas as pd
>>> value = pd.DataFrame({"sms": [5.0, 2.0, 1.0], "call": [9.0, 8.0, -1.0]}, index=["a", "b", "c"])
>>> allocation = allocate(OfferValues.from_wide(value, cost=1.0), Constraints(offers={"call": OfferLimits(capacity=1)}))
>>> allocation.assignment["offer"].to_dict()
{'a': 'sms', 'b': 'call', 'c': 'sms'}
"""

from __future__ import annotations

from custintel.decide._allocation import allocate
from custintel.decide._champion_challenger import Champion
from custintel.decide._decision_log import DecisionLog
from custintel.decide._eligibility import Audience
from custintel.decide._off_policy_evaluation import compare_policies
from custintel.decide._offer_values import OfferValues
from custintel.decide.constraints import Constraints, ContactPolicy, Exploration, OfferLimits

__all__ = [
    "Audience",
    "Champion",
    "Constraints",
    "ContactPolicy",
    "DecisionLog",
    "Exploration",
    "OfferLimits",
    "OfferValues",
    "allocate",
    "compare_policies",
]
