"""An operator in miniature whose truth is known: people, network, use, money, churn, fraud and dirt, from one seed."""

from __future__ import annotations

from custintel.simulate._operator import simulate
from custintel.simulate._simulation_config import SimulationConfig

__all__ = ["SimulationConfig", "simulate"]
