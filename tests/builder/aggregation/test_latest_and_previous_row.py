"""Rows beside the row before, on records small enough to pair by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

YAML = """\
family: steps
about: Steps
source: usage
windows: [7d, 30d]
join: {cells: cell_id}
previous: [event_time, cell_id, latitude]
slices:
  moved: {sql: cell_id <> previous_cell_id, about: in another cell}
features:
  gap: {sql: "sum(seconds_between(previous_event_time, event_time)) / 3600", unit: h, missing: null, about: Gaps}
  pairs: {sql: count(previous_event_time), unit: pairs, missing: 0, slices: [all, moved], about: Pairs}
  north: {sql: max(latitude - previous_latitude), unit: deg, missing: null, about: North}
"""
CALLS = pd.DataFrame(
    [
        ("2025-06-01 00:00", "2025-06-01", "x"),
        ("2025-06-10 00:00", "2025-06-12", "y"),
        ("2025-06-10 12:00", "2025-06-10", "x"),
        ("2025-06-28 12:00", "2025-06-28", "x"),
    ],
    columns=["event_time", "arrival_time", "cell_id"],
).assign(customer_id="a", service="voice", direction="out")
# as of: hours of gaps in 7 and 30 days, pairs in 30 days, pairs of different cells in 30 days
EXPECTED = {
    "2025-06-01": (None, None, 0, 0),
    "2025-06-11": (228.0, 228.0, 1, 0),  # the row of 10 June, midnight, is not there yet
    "2025-06-12": (228.0, 228.0, 2, 2),
    "2025-06-28": (432.0, 660.0, 3, 2),  # in the last 7 days is one row; the row before it is older
    "2025-07-09": (None, 444.0, 2, 1),  # 1 June has left the longest window: no pair reaches out of it
    "2025-07-10": (None, None, 0, 0),
}


@pytest.fixture
def builder(tmp_path: Path) -> FeatureBuilder:
    (tmp_path / "steps.yaml").write_text(YAML, encoding="utf-8")
    return FeatureBuilder(["steps"], features_path=tmp_path)


def test_by_hand(builder: FeatureBuilder) -> None:
    later = CALLS.tail(1).assign(event_time="2025-07-30", customer_id="b", arrival_time=None)
    X = builder.build(Warehouse.from_frames(usage=pd.concat([CALLS, later])), list(EXPECTED), customers=["a"])
    found = X[["gap_7d", "gap_30d", "pairs_30d", "moved_pairs_30d"]].droplevel("customer_id")
    expected = pd.DataFrame.from_dict(EXPECTED, orient="index", columns=list(found)).astype(float)
    pd.testing.assert_frame_equal(found, expected.set_index(found.index), check_names=False)


def test_only_what_reads_an_absent_table_is_left_out(builder: FeatureBuilder) -> None:
    skipped = builder.build(Warehouse.from_frames(usage=CALLS), "2025-06-28").attrs["custintel"]["skipped"]
    assert skipped == {f"north_{days}d": "no column latitude in usage or cells" for days in (7, 30)}
