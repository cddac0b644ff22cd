"""One thread gives the same bytes run after run; several threads give the same values to nine digits."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pytest
import same_frames

from custintel.builder import FeatureBuilder
from custintel.builder.feature_frame import write_features
from custintel.errors import ConfigurationError
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

FAMILIES = ["volumes", "data_use", "direct_contacts", "hourly_profile", "daily_activity"]
RECORDS = 250_000  # more than a thread takes at a time
RUNS = pytest.mark.parametrize("runs", [3, pytest.param(20, marks=pytest.mark.slow)])


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calls and sessions of 40 customers with fractions in every number."""
    rng = np.random.default_rng(0)
    voice = rng.random(RECORDS) < 0.5
    usage = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 40, RECORDS).astype(str),
            "event_id": np.arange(RECORDS).astype(str),
            "event_time": pd.Timestamp("2025-05-01") + pd.to_timedelta(rng.integers(0, 60 * 86_400, RECORDS), "s"),
            "service": np.where(voice, "voice", "data"),
            "direction": np.where(rng.random(RECORDS) < 0.7, "out", "in"),
            "other_party": rng.integers(100, 160, RECORDS).astype(str),
            "duration_s": rng.gamma(0.7, 90.0, RECORDS),
            "data_mb": np.where(voice, np.nan, rng.lognormal(0, 3, RECORDS)),
            "charge": rng.lognormal(-2, 2, RECORDS),
        }
    )
    place = tmp_path_factory.mktemp("repeatable")
    usage.to_parquet(place / "usage.parquet", index=False)
    return place


def _features(tables: Path, threads: int) -> pd.DataFrame:
    wh = Warehouse.open(tables, threads=threads)
    return FeatureBuilder(FAMILIES).build(wh, "2025-06-29")


@RUNS
def test_one_thread_gives_the_same_digits_every_time(tables: Path, runs: int) -> None:
    first = _features(tables, 1)
    assert first.shape[0] == 40
    for _ in range(runs - 1):
        pd.testing.assert_frame_equal(_features(tables, 1), first, check_exact=True)


@RUNS
def test_two_threads_give_the_same_to_nine_digits(tables: Path, runs: int) -> None:
    first = _features(tables, 1)
    for _ in range(runs):
        same_frames.assert_same(_features(tables, 2), first)


_BUILD = """
import sys
from custintel.builder import FeatureBuilder
from custintel.builder.feature_frame import write_features
from custintel.warehouse import Warehouse
tables, families, *files = sys.argv[1:]
X = FeatureBuilder(families.split()).build(Warehouse.open(tables, threads=1), "2025-06-29")
for file in files:
    write_features(X, file)
"""


def test_another_process_writes_the_same_bytes(tables: Path, tmp_path: Path) -> None:
    here, there = ([tmp_path / f"{name}.{suffix}" for suffix in ("parquet", "csv")] for name in ("here", "there"))
    X = _features(tables, 1)
    for path in here:
        write_features(X, path)
    command = [sys.executable, "-c", _BUILD, str(tables), " ".join(FAMILIES), *map(str, there)]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "7"})
    assert [path.read_bytes() for path in here] == [path.read_bytes() for path in there]


def test_threads_of_a_connection_are_its_own() -> None:
    with pytest.raises(ConfigurationError, match="set threads"):
        Warehouse.open(duckdb.connect(), threads=1)
