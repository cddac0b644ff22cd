"""Detecting fraud and arrears: model, rules, resemblance, circles of contacts and anomalies, put together."""

from __future__ import annotations

from custintel.fraud._community_of_interest import circle_similarity
from custintel.fraud._cost_and_delay import cost_per_account, detection_delay
from custintel.fraud._fraud_detector import FraudDetector
from custintel.fraud._new_fraud_kind import relearn

__all__ = ["FraudDetector", "circle_similarity", "cost_per_account", "detection_delay", "relearn"]
