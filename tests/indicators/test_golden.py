"""bandicoot's hand-computed and regression files, key by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from golden import left_out, mismatches, read_golden, read_recharges, read_records, warehouse

from custintel.indicators import cdr_indicators, network_indicators, week_matrix

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


@pytest.mark.parametrize(("name", "minutes"), [("X", 60), ("Y", 5)])
def test_week_matrix(folder: Path, name: str, minutes: int) -> None:
    golden = pd.read_csv(folder / f"samples/special/weekmatrix_{name}_{minutes}min_interval.csv")
    found = week_matrix(warehouse(read_records(folder / f"samples/special/{name}.csv")), minutes)
    keys = ["year_week", "channel", "weekday", "section"]
    expected = golden.sort_values(keys).reset_index(drop=True)
    pd.testing.assert_frame_equal(found[[*keys, "value"]], expected, check_dtype=False, rtol=1e-12)


@pytest.fixture(scope="module")
def network(folder: Path) -> pd.DataFrame:
    """The network of ego, and the attributes of two of its people."""
    people = ("ego", "A", "B", "F", "H")
    records = pd.concat([read_records(folder / f"samples/network/{name}.csv") for name in people])
    given = {n: pd.read_csv(folder / f"samples/attributes/{n}.csv").set_index("key")["value"] for n in ("ego", "A")}
    customers = pd.DataFrame(given).T.reindex(people).rename_axis("customer_id").reset_index()
    customers = customers.assign(billing_type="prepaid", activation_date="2014-01-01")
    wh = warehouse(records, folder / "samples/towers.csv", customers=customers)
    return network_indicators(wh, ["gender", "age", "is_subscriber", "individual_id"], reciprocated=True)


def test_clustering_is_that_of_the_graph(network: pd.DataFrame) -> None:
    """Ego with A 4, B 4, F 3; A with B 2: one triangle of three pairs, weights over the greatest one."""
    ego = network.loc["ego"]
    assert ego["clustering_coefficient_unweighted"] == pytest.approx(1 / 3, rel=1e-12)
    assert ego["clustering_coefficient_weighted"] == pytest.approx((4 * 4 * 2) ** (1 / 3) / 4 / 3, rel=1e-12)


def test_assortativity_of_ego(network: pd.DataFrame) -> None:
    ego = network.loc["ego"]
    shares = {"gender": 0.0, "age": 1.0, "is_subscriber": 1.0, "individual_id": 0.0}
    assert {name: ego[f"assortativity_attributes__{name}"] for name in shares} == shares
    assert ego.filter(like="assortativity_indicators__").notna().sum() == 74
