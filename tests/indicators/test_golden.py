"""bandicoot's hand-computed and regression files, key by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from golden import left_out, mismatches, read_golden, read_recharges, read_records, warehouse

from custintel.indicators import cdr_indicators

if TYPE_CHECKING:
    from pathlib import Path

    from custintel.warehouse import Warehouse

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def folder(data_folder: Path) -> Path:
    return data_folder / "bandicoot"


@pytest.fixture(scope="module")
def manual_a(folder: Path) -> Warehouse:
    # the file's A talks to another A: its own name would make that a self call
    records = read_records(folder / "samples/manual/A.csv", "manual_a")
    recharges = read_recharges(folder / "samples/manual/recharges/A.csv", "manual_a")
    return warehouse(records, folder / "samples/towers.csv", recharges)


def _check(found: pd.Series, path: Path, tolerance: float, keys: int, left: int = 0) -> None:
    golden = read_golden(path)
    out = left_out(golden, path.name)
    wrong = mismatches(found, {key: value for key, value in golden.items() if key not in out}, tolerance)
    assert not wrong
    assert (len(golden), len(out)) == (keys, left)


def test_hand_computed_a(folder: Path, manual_a: Warehouse) -> None:
    _check(cdr_indicators(manual_a).loc["manual_a"], folder / "samples/manual/A.json", 1e-4, 38)


def test_hand_computed_b(folder: Path) -> None:
    wh = warehouse(read_records(folder / "samples/manual/B.csv", "manual_b"), folder / "samples/towers.csv")
    _check(cdr_indicators(wh).loc["manual_b"], folder / "samples/manual/B.json", 1e-3, 25)


def test_manual_a(folder: Path, manual_a: Warehouse) -> None:
    found = cdr_indicators(manual_a, "week").loc["manual_a"]
    _check(found, folder / "samples/regressions/manual_a.json", 1e-6, 1731, 1)


def test_ego(folder: Path) -> None:
    """bandicoot reads ego with its network and drops what the others do not have."""
    people = [read_records(folder / f"samples/network/{name}.csv") for name in ("ego", "A", "B", "F", "H")]
    wh = warehouse(pd.concat(people), folder / "samples/towers.csv")
    found = cdr_indicators(wh, "week", reciprocated=True)
    _check(found.loc["ego"], folder / "samples/regressions/ego.json", 1e-6, 1442)
    assert len(found) == 5
    kept = cdr_indicators(wh, "week")
    assert mismatches(kept.loc["ego"], read_golden(folder / "samples/regressions/ego.json"), 1e-6)


def test_sample_user(folder: Path) -> None:
    wh = warehouse(read_records(folder / "generated/sample_user.csv"), folder / "generated/sample_user_antennas.csv")
    _check(cdr_indicators(wh).loc["sample_user"], folder / "samples/regressions/sample_user.json", 1e-6, 722)


def test_empty_user(folder: Path) -> None:
    """A customer with nothing but a data session: every value is missing."""
    records = read_records(folder / "samples/manual/B.csv", "manual_b")
    silent = records.head(1).assign(customer="silent", interaction="data", correspondent_id=None, call_duration=None)
    found = cdr_indicators(warehouse(pd.concat([records, silent])), "week")
    _check(found.loc["silent"], folder / "samples/regressions/empty_user.json", 1e-6, 1442)
    assert found.loc["manual_b"].notna().any()


@pytest.mark.parametrize(("groupby", "keys"), [(None, 722), ("week", 1442)])
@pytest.mark.parametrize(
    ("records", "antennas", "name"),
    [
        ("generated/sample_user.csv", "generated/sample_user_antennas.csv", "sample_user"),
        ("demo/ego.csv", "demo/antennas.csv", "demo_ego"),
    ],
)
def test_generated(folder: Path, records: str, antennas: str, name: str, groupby: str | None, keys: int) -> None:
    wh = warehouse(read_records(folder / records, name), folder / antennas)
    file = f"{name}_groupby_{groupby or 'none'}.json"
    left = 4 if file == "demo_ego_groupby_week.json" else 0
    _check(cdr_indicators(wh, groupby).loc[name], folder / "generated" / file, 1e-6, keys, left)


def test_the_default_summary_is_a_part_of_the_extended_one(folder: Path) -> None:
    wh = warehouse(read_records(folder / "demo/ego.csv"), folder / "demo/antennas.csv")
    for groupby in (None, "week"):
        small = cdr_indicators(wh, groupby, summary="default", splits=False)
        large = cdr_indicators(wh, groupby)[small.columns]
        pd.testing.assert_frame_equal(small, large, rtol=1e-9)
        assert small.shape[1] == (42 if groupby is None else 82)


def test_tower_mix_of_the_churn_user(folder: Path) -> None:
    """Closed form: cosine distances of the shares of four towers in four weeks."""
    found = cdr_indicators(warehouse(read_records(folder / "samples/churn_user.csv"))).loc["churn_user"]
    weeks = np.array([[1 / 3, 1 / 3, 1 / 3, 0], [1 / 3, 1 / 3, 1 / 3, 0], [1 / 4, 3 / 4, 0, 0], [0, 0, 1 / 2, 1 / 2]])
    unit = weeks / np.linalg.norm(weeks, axis=1, keepdims=True)
    distances = 1 - (unit[:-1] * unit[1:]).sum(axis=1)
    assert found["churn_rate__mean"] == pytest.approx(distances.mean(), rel=1e-12)
    assert found["churn_rate__std"] == pytest.approx(distances.std(), rel=1e-12)
