"""Destinations by the longest prefix."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.warehouse import Warehouse

NUMBERING = pd.DataFrame(
    [("4", "X", 0.1), ("44", "GB", 0.0), ("4479", "GB", 0.8), ("90", "TR", 0.2), ("888900", "home", 0.6)],
    columns=["prefix", "country", "risk"],
)


def test_longest_prefix() -> None:
    rows = [
        ("4479001", "2025-06-29", "out", "international", 120),
        ("4420001", "2025-04-10", "out", "international", 60),
        ("4420001", "2025-06-28", "in", "international", 600),
        ("9055501", "2025-06-20", "out", "international", 60),
        ("8889001", "2025-06-25", "out", "premium", 300),
        ("7700001", "2025-06-26", "out", "international", 60),
        ("9055501", "2025-06-27", "out", "on_net", 60),
    ]
    usage = pd.DataFrame(rows, columns=["other_party", "event_time", "direction", "destination", "duration_s"])
    usage = usage.assign(customer_id="a", service="voice")
    wh = Warehouse.from_frames(usage=usage, numbering=NUMBERING)
    found = FeatureBuilder(["contact_countries"]).build(wh, "2025-06-29").loc["a"]
    assert found["contact_countries"] == 2  # the premium number is at home, one number is unknown
    assert found["new_contact_countries"] == 1
    assert (found["top_contact_country"], found["top_contact_country_share"]) == ("GB", 0.75)
    assert found["country_entropy"] == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert found["destination_risk"] == pytest.approx((0.8 + 0.0 + 0.2 + 0.6) / 4)
    assert found["destination_risk_max_7d"] == 0.8
    assert found["high_risk_calls_7d"] == 2
    assert found["high_risk_minutes_7d"] == 7
