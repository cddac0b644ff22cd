"""One operator for all tests of money, churn and dirt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from custintel.simulate import Operator, SimulationConfig, simulate
from custintel.simulate._config import DirtConfig, FraudConfig


@pytest.fixture(scope="package")
def operator() -> Operator:
    """Two thousand lines over a year, as they come."""
    return simulate(customers=2_000, months=12, seed=5)


@pytest.fixture(scope="package")
def clean() -> Operator:
    """A small operator without dirt and without fraud, so that accounts can be recomputed from the records."""
    config = replace(SimulationConfig(), dirt=DirtConfig.clean(), fraud=FraudConfig(intensity=0))
    return simulate(customers=300, months=4, seed=3, config=config)
