"""Decisions: who gets which offer, what was decided, and whether another policy would have done better."""

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
