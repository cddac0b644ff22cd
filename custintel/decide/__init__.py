"""Decisions: who gets which offer, what was decided, and whether another policy would have done better."""

from __future__ import annotations

from custintel.decide._allocation import Allocation, allocate
from custintel.decide._audience import Audience
from custintel.decide._champion import Champion, Verdict, promote_version
from custintel.decide._constraints import (
    Blocking,
    Constraints,
    ContactPolicy,
    Exploration,
    OfferLimits,
    read_constraints,
)
from custintel.decide._feasible import InfeasibleError, Shortfall
from custintel.decide._limits import LADDER, CreditLimits, LimitSettings, credit_limits
from custintel.decide._log import Appended, DecisionLog
from custintel.decide._off_policy import PolicyComparison, PolicyEvaluation, compare_policies, evaluate_policy
from custintel.decide._values import NO_OFFER, OfferValues, incremental_margin

__all__ = [
    "LADDER",
    "NO_OFFER",
    "Allocation",
    "Appended",
    "Audience",
    "Blocking",
    "Champion",
    "Constraints",
    "ContactPolicy",
    "CreditLimits",
    "DecisionLog",
    "Exploration",
    "InfeasibleError",
    "LimitSettings",
    "OfferLimits",
    "OfferValues",
    "PolicyComparison",
    "PolicyEvaluation",
    "Shortfall",
    "Verdict",
    "allocate",
    "compare_policies",
    "credit_limits",
    "evaluate_policy",
    "incremental_margin",
    "promote_version",
    "read_constraints",
]
