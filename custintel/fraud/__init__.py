"""Detecting fraud and arrears: model, rules, resemblance, circles of contacts and anomalies, put together."""

from __future__ import annotations

from custintel.fraud._circle import circle_similarity, contacts_of
from custintel.fraud._cost import cost_per_account
from custintel.fraud._delay import detection_delay
from custintel.fraud._detector import FraudDetector
from custintel.fraud._new_kind import NewKind, Relearned, relearn
from custintel.fraud._review import review_queue

__all__ = [
    "FraudDetector",
    "NewKind",
    "Relearned",
    "circle_similarity",
    "contacts_of",
    "cost_per_account",
    "detection_delay",
    "relearn",
    "review_queue",
]
