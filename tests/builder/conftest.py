"""A small random operator, the shipped catalogue and one of hard cases."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from small_operator import random_tables

from custintel.warehouse import Warehouse

HARD = Path(__file__).parent / "hard"
"""Families of cases that the shipped ones do not have."""


@pytest.fixture(scope="session")
def features_folder() -> Path:
    return HARD


@pytest.fixture(scope="session")
def tables() -> dict[str, pd.DataFrame]:
    found = random_tables(seed=3)
    return {**found, "usage": pd.concat([found["usage"], _same_moments(found["usage"])], ignore_index=True)}


def _same_moments(usage: pd.DataFrame) -> pd.DataFrame:
    """Rows at the moments of others: which of two comes first must not depend on their order in the table."""
    some, other = usage.iloc[:90].reset_index(drop=True), usage.iloc[90:180].reset_index(drop=True)
    return other.assign(**{name: some[name] for name in ("customer_id", "event_time", "arrival_time", "other_party")})


@pytest.fixture(scope="session")
def wh(tables: dict[str, pd.DataFrame]) -> Warehouse:
    return Warehouse.from_frames(**tables)
