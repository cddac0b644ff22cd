"""Shared fixtures: where the third-party data lie, and small operators."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from custintel.training import Run


def _data_folder() -> Path | None:
    given = os.environ.get("CUSTINTEL_DATA")
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    for place in [Path(given)] if given else [beside]:
        if place.is_dir():
            return place
    return None


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of third-party data, or a skip with its reason."""
    place = _data_folder()
    if place is None:
        pytest.skip("third-party data absent: set CUSTINTEL_DATA to its folder")
    return place


QUICK_MODEL = """
model: churn
about: A quick model for tests
label: {kind: churn, gap_days: 5, horizon_days: 30, dormancy_days: 15, billing_types: [prepaid]}
population: {active_within_days: 10}
dates: {every: month, history_days: 30}
features: {families: [usage]}
learner: {class: ChurnClassifier, params: {effort: fast}}
search: {leaves: {low: 4, high: 16, log: true}, l2: {low: 0.1, high: 30.0, log: true}}
"""


def quick_calls(customers: int = 400, days: int = 212, seed: int = 0) -> pd.DataFrame:
    """Calls of an operator that has nothing else; who calls little falls silent sooner."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(4, 0.15, customers) + 0.2
    silent_from = rng.geometric(0.006 * np.exp(1.2 - 2 * rate)).clip(20)
    calls = rng.random((customers, days)) < rate[:, None].clip(max=0.95)
    calls &= np.arange(days) < silent_from[:, None]
    who, day = np.nonzero(calls)
    return pd.DataFrame(
        {
            "customer_id": [f"C{i:04d}" for i in who],
            "event_time": pd.Timestamp("2025-01-01 12:00") + pd.to_timedelta(day, unit="D"),
            "service": "voice",
            "direction": "out",
            "other_party": [f"N{i % 7}" for i in day],
            "duration_s": 60.0 + (who % 9) * 10,
        }
    )


@pytest.fixture(scope="session")
def quick_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model that is learned in a second."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "churn.yaml").write_text(QUICK_MODEL)
    return folder


@pytest.fixture(scope="session")
def quick_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tables: seven months of calls."""
    folder = tmp_path_factory.mktemp("tables")
    quick_calls().to_parquet(folder / "usage.parquet")
    return folder


@pytest.fixture(scope="session")
def quick_run(quick_models: Path, quick_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A model learned from these tables and tracked in a store of its own."""
    from custintel import Warehouse, train

    store = tmp_path_factory.mktemp("store")
    return train("churn", Warehouse.open(quick_tables), tune=3, models_path=quick_models, tracking_uri=store)
