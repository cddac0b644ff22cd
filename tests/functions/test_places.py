"""Places and the network there, on four cells."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.warehouse import Warehouse

# a degree of latitude on a sphere of 6371 km
DEGREE = 6371 * math.pi / 180
CELLS = pd.DataFrame(
    [("h", 50.0, 10.0, "home", "north"), ("w", 51.0, 10.0, "office", "south"), ("n", 52.0, 10.0, "rural", "south")],
    columns=["cell_id", "latitude", "longitude", "kind", "region"],
)


def used(cell: str, first: str, days: int, hour: int) -> pd.DataFrame:
    times = pd.date_range(first, periods=days) + pd.Timedelta(hours=hour)
    return pd.DataFrame({"customer_id": "a", "cell_id": cell, "event_time": times})


# sixty days at home and at work, then thirty with a new home
USAGE = pd.concat(
    [
        used("h", "2025-04-02", 60, 23),
        used("w", "2025-04-02", 90, 12),
        used("n", "2025-06-01", 30, 23),
    ]
).assign(service="sms", direction="out")
DAYS = pd.date_range("2025-04-02", periods=90)
KPIS = pd.concat(
    [
        pd.DataFrame({"cell_id": "h", "event_time": DAYS, "drop_rate": 0.01, "outage_hours": 0.0}),
        pd.DataFrame({"cell_id": "w", "event_time": DAYS, "drop_rate": 0.04, "outage_hours": 0.0}),
    ]
)
KPIS.loc[(KPIS["cell_id"] == "h") & (KPIS["event_time"] == "2025-06-20"), "outage_hours"] = 5.0


def test_home_distance_and_move() -> None:
    found = (
        FeatureBuilder(["home_and_places"])
        .build(Warehouse.from_frames(usage=USAGE, cells=CELLS), "2025-06-30")
        .loc["a"]
    )
    assert (found["home_area_type"], found["home_region"]) == ("home", "north")
    assert found["home_event_share_90d"] == pytest.approx(60 / 180)
    assert found["home_event_share_30d"] == 0
    assert found["home_moved_km"] == pytest.approx(2 * DEGREE)
    assert found["home_distance_max"] == pytest.approx(2 * DEGREE)
    assert found["home_distance_mean"] == pytest.approx((90 * 1 + 30 * 2) / 180 * DEGREE)
    middle = (60 * 50 + 90 * 51 + 30 * 52) / 180
    square = (60 * (50 - middle) ** 2 + 90 * (51 - middle) ** 2 + 30 * (52 - middle) ** 2) / 180
    assert found["radius_of_gyration"] == pytest.approx(math.sqrt(square) * DEGREE)
    assert found["frequent_cells"] == 2  # 90 + 60 of 180 are more than 80 %
    # four weeks are alike; in the fifth, five nights were at the old home and two at the new one
    assert found["weekly_place_similarity"] == pytest.approx((3 + 63 / math.sqrt(98 * 78)) / 4)


def test_without_nights_there_is_no_home() -> None:
    wh = Warehouse.from_frames(usage=USAGE[USAGE["cell_id"] == "w"], cells=CELLS)
    found = FeatureBuilder(["home_and_places"]).build(wh, "2025-06-30").loc["a"]
    assert found[["home_event_share_90d", "home_distance_mean", "home_moved_km"]].isna().all()
    assert found["radius_of_gyration"] == 0


def test_network_at_the_own_cells() -> None:
    wh = Warehouse.from_frames(usage=USAGE, cell_kpis=KPIS)
    X = FeatureBuilder(["cell_quality"]).build(wh, ["2025-06-19", "2025-06-30"], customers=["a"])
    before, now = X.iloc[0], X.iloc[1]
    assert now["own_cell_drop_rate_90d"] == pytest.approx((60 * 0.01 + 90 * 0.04) / 150)  # nothing is known of n
    assert now["worst_cell_drop_rate"] == pytest.approx(0.04)
    assert now["home_cell_drop_rate"] == pytest.approx(0.01)
    assert (before["home_cell_outage_hours_90d"], now["home_cell_outage_hours_90d"]) == (0, 5)
    assert now["own_cell_outage_hours_30d"] == pytest.approx(5 * 60 / 150)
    assert (before["days_since_home_cell_outage"], now["days_since_home_cell_outage"]) == (90, 10)
    assert now["home_cell_outage_days"] == 1


def test_figures_that_had_not_arrived_are_not_seen() -> None:
    late = KPIS.assign(arrival_time=KPIS["event_time"] + pd.Timedelta(days=11))
    found = FeatureBuilder(["cell_quality"]).build(Warehouse.from_frames(usage=USAGE, cell_kpis=late), "2025-06-30")
    assert found.loc["a", "home_cell_outage_hours_90d"] == 0
