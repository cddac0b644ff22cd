"""Detecting fraud and arrears: model, rules, resemblance, circles of contacts and anomalies, put together."""

from __future__ import annotations

from custintel.fraud._community_of_interest import contact_network_similarity
from custintel.fraud._cost_and_delay import cost_per_account, detection_delay
from custintel.fraud._fraud_detector import FraudDetector
from custintel.fraud._new_fraud_kind import relearn
from custintel.fraud._review_queue import review_queue

__all__ = [
    "FraudDetector",
    "contact_network_similarity",
    "cost_per_account",
    "detection_delay",
    "relearn",
    "review_queue",
]
