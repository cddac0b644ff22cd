"""Decisions: who gets which offer, what was decided, and whether another policy would have done better."""

from __future__ import annotations

from custintel.decide._allocation import Allocation, allocate
from custintel.decide._audience import Audience
from custintel.decide._constraints import (
    Blocking,
    Constraints,
    ContactPolicy,
    Exploration,
    OfferLimits,
    read_constraints,
)
from custintel.decide._feasible import InfeasibleError, Shortfall
from custintel.decide._values import NO_OFFER, OfferValues, incremental_margin

__all__ = [
    "NO_OFFER",
    "Allocation",
    "Audience",
    "Blocking",
    "Constraints",
    "ContactPolicy",
    "Exploration",
    "InfeasibleError",
    "OfferLimits",
    "OfferValues",
    "Shortfall",
    "allocate",
    "incremental_margin",
    "read_constraints",
]
