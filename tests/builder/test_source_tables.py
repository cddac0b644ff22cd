"""A table of one row a key and day, looked up on the day of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

YAML = """\
family: met
about: The network as it was met
source: usage
windows: [30d]
join: {cell_kpis: cell_id}
features:
  met_events: {sql: count(*), unit: events, missing: 0, about: Events with a measured cell}
  met_drops: {sql: avg(drop_rate), unit: share, missing: null, about: Drop rate}
"""
CALLS = pd.DataFrame(
    {
        "customer_id": "a",
        "event_time": pd.to_datetime(["2025-06-01 23:00", "2025-06-02 01:00", "2025-06-03 01:00", "2025-06-30 10:00"]),
        "service": "voice",
        "direction": "out",
        "cell_id": ["x", "x", None, "y"],
    }
)
KPIS = pd.DataFrame(
    {
        "cell_id": ["x", "x", "y", "y"],
        "event_time": pd.to_datetime(["2025-06-01", "2025-06-02", "2025-06-01", "2025-06-30"]),
        "arrival_time": pd.to_datetime(["2025-06-02", "2025-06-10", "2025-06-02", "2025-07-01"]),
        "drop_rate": [0.1, 0.3, 0.9, 0.7],
    }
)


@pytest.fixture
def builder(tmp_path: Path) -> FeatureBuilder:
    (tmp_path / "met.yaml").write_text(YAML, encoding="utf-8")
    return FeatureBuilder(["met"], features_path=tmp_path)


def test_a_row_counts_once_its_partner_is_known(builder: FeatureBuilder) -> None:
    wh = Warehouse.from_frames(usage=CALLS, cell_kpis=KPIS)
    X = builder.build(wh, ["2025-06-01", "2025-06-02", "2025-06-09", "2025-06-10", "2025-06-30"], customers=["a"])
    assert X["met_events_30d"].tolist() == [0.0, 1.0, 1.0, 2.0, 2.0]
    assert X["met_drops_30d"].fillna(-1).tolist() == pytest.approx([-1.0, 0.1, 0.1, 0.2, 0.2])


def test_a_second_row_of_a_cell_and_day_is_set_aside_and_counts_nothing_twice(builder: FeatureBuilder) -> None:
    hours = KPIS.assign(
        event_time=KPIS["event_time"] + pd.Timedelta(hours=5),
        arrival_time=KPIS["arrival_time"] + pd.Timedelta(hours=5),
        drop_rate=0.9,
    )
    wh = Warehouse.from_frames(usage=CALLS, cell_kpis=pd.concat([hours, KPIS]))
    report = wh.report["cell_kpis"]
    assert (report.rows_in, report.kept) == (2 * len(KPIS), len(KPIS))
    X = builder.build(wh, "2025-06-30", customers=["a"])
    assert X["met_events_30d"].tolist() == [2.0]
    assert X["met_drops_30d"].tolist() == pytest.approx([0.2])  # the row that arrived first stays


def test_without_the_table_nothing_is_counted(builder: FeatureBuilder, tmp_path: Path) -> None:
    both = FeatureBuilder(["met", "usage"], features_path=tmp_path, skip_unavailable=True)
    X = both.build(Warehouse.from_frames(usage=CALLS), "2025-06-30")
    skipped = X.attrs["custintel"]["skipped"]
    assert skipped["met_events_30d"] == skipped["met_drops_30d"] == "no table cell_kpis"
