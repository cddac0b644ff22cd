"""A small random operator, the shipped catalogue and one of hard cases."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from small_operator import random_tables

from custintel.warehouse import Warehouse

HARD = Path(__file__).parent / "hard"
"""Families of cases that the shipped ones do not have."""
SAME = ("customer_id", "event_time", "arrival_time", "other_party", "number_range")


@pytest.fixture(scope="session")
def features_folder() -> Path:
    return HARD


@pytest.fixture(scope="session")
def tables() -> dict[str, pd.DataFrame]:
    found = random_tables(seed=3)
    usage = pd.concat([found["usage"], _same_moments(found["usage"])], ignore_index=True)
    return {**found, "usage": usage, "cell_kpis": _days_of_cells(found["cell_kpis"], usage)}


def _same_moments(usage: pd.DataFrame) -> pd.DataFrame:
    """Rows at the moments of others: which of two comes first must not depend on their order in the table."""
    some, other = usage.iloc[:90].reset_index(drop=True), usage.iloc[90:180].reset_index(drop=True)
    return other.assign(**{name: some[name] for name in SAME})


def _days_of_cells(kpis: pd.DataFrame, usage: pd.DataFrame) -> pd.DataFrame:
    """One row a cell and day, for most of the days on which a cell was used; some arrive days later."""
    days = pd.DataFrame({"cell_id": usage["cell_id"], "event_time": usage["event_time"].dt.normalize()})
    days = days.dropna().drop_duplicates().sample(frac=0.8, random_state=1).reset_index(drop=True)
    measured = kpis.sample(len(days), replace=True, random_state=1).reset_index(drop=True)
    late = (measured["arrival_time"] - measured["event_time"]).to_numpy()
    return measured.assign(
        cell_id=days["cell_id"], event_time=days["event_time"], arrival_time=days["event_time"] + late
    )


@pytest.fixture(scope="session")
def wh(tables: dict[str, pd.DataFrame]) -> Warehouse:
    return Warehouse.from_frames(**tables)
