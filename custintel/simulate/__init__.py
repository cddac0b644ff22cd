"""An operator in miniature whose truth is known: people, network, use, money, churn, fraud and dirt, from one seed."""

from __future__ import annotations

from custintel.simulate._config import SimulationConfig, fraud_study
from custintel.simulate._operator import Operator, simulate

__all__ = ["Operator", "SimulationConfig", "fraud_study", "simulate"]
