"""Fraud detection: one calibrated probability from a model, rules and anomaly, and what follows from it.

In come features of customers and confirmed cases, with their kinds where they are known; out come probabilities, kinds,
alarms and a queue for review. `_fraud_detector` is the estimator; `_component_scores` holds what it takes from rules,
`_fraud_kinds` the kinds of fraud it tells apart, and `_saved_state_schema` what its file must look like.
`_review_queue` chooses whom analysts look at, and `_new_fraud_kind` learns a kind of fraud that nobody had labelled.
`_community_of_interest` finds customers who come back under a new name by the people they call, and `_cost_and_delay`
measures what fraud costs until it is found.

>>> import pandas as pd
>>> contacts = pd.DataFrame({"customer_id": ["new", "old"], "other_party": ["x", "x"], "events": [3, 5]})
>>> contact_network_similarity(contacts, cases=["old"]).loc["new", "nearest"]
'old'
"""

from __future__ import annotations

from custintel.fraud._community_of_interest import contact_network_similarity
from custintel.fraud._cost_and_delay import cost_per_account, detection_delay
from custintel.fraud._fraud_detector import FraudDetector
from custintel.fraud._new_fraud_kind import relearn

__all__ = ["FraudDetector", "contact_network_similarity", "cost_per_account", "detection_delay", "relearn"]
