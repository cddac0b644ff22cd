"""One operator for all tests of money, churn and dirt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from custintel.simulate import SimulationConfig, simulate
from custintel.simulate._simulation_config import DirtConfig, FraudConfig

if TYPE_CHECKING:
    from custintel.simulate._operator import Operator


@pytest.fixture(scope="package")
def operator() -> Operator:
    """Two thousand lines over a year, as they come."""
    return simulate(customers=2_000, months=12, seed=5)


@pytest.fixture(scope="package")
def clean() -> Operator:
    """A small operator without dirt and without fraud, so that accounts can be recomputed from the records."""
    config = replace(SimulationConfig(), dirt=DirtConfig.clean(), fraud=FraudConfig(intensity=0))
    return simulate(customers=300, months=4, seed=3, config=config)
