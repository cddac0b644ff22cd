"""Device identities and handsets."""

from __future__ import annotations

import pandas as pd

from custintel.builder import FeatureBuilder
from custintel.warehouse import Warehouse

ROWS = [
    ("a", "old", "2025-04-05"),
    ("a", "old", "2025-05-20"),
    ("a", "new", "2025-06-10"),
    ("a", "new", "2025-06-29"),
    ("b", "new", "2025-05-01"),
    ("c", "new", "2025-03-01"),
    ("d", None, "2025-06-29"),
]
USAGE = pd.DataFrame(ROWS, columns=["customer_id", "device_id", "event_time"]).assign(service="sms", direction="out")
DEVICES = pd.DataFrame(
    [("old", "acme", "4G", "2020-06-30", True), ("new", "best", "5G", "2024-06-29", None)],
    columns=["device_id", "maker", "technology", "launch_date", "dual_sim"],
)


def test_identities() -> None:
    X = FeatureBuilder(["devices"]).build(Warehouse.from_frames(usage=USAGE), "2025-06-29")
    a, d = X.loc["a"], X.loc["d"]
    assert (a["days_on_device"], a["main_device_share"], a["device_changed"]) == (19, 0.5, 1)
    assert (a["lines_on_device"], a["shared_devices"], a["max_lines_per_device"]) == (2, 1, 2)  # c was too long ago
    assert d["shared_devices"] == 0
    assert pd.isna(d["days_on_device"])


def test_handset() -> None:
    wh = Warehouse.from_frames(usage=USAGE, devices=DEVICES)
    X = FeatureBuilder(["handset"]).build(wh, ["2025-05-31", "2025-06-29"], customers=["a", "d"])
    a = X.xs("a", level="customer_id")
    assert a["handset_brand"].tolist() == ["acme", "best"]
    assert a["handset_5g"].tolist() == [0, 1]
    assert a["handset_model_age"].tolist()[1] == 365
    assert X.xs("d", level="customer_id")["handset_model_age"].isna().all()
