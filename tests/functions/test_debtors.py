"""Lines ended for debt that share household, account or device."""

from __future__ import annotations

import pandas as pd

from custintel.builder import FeatureBuilder
from custintel.warehouse import Warehouse

CUSTOMERS = pd.DataFrame(
    [("new", "H1", "A1"), ("gone", "H1", "A1"), ("moved", "H1", "A2"), ("far", "H2", "A3"), ("alone", None, None)],
    columns=["customer_id", "household_id", "account_id"],
).assign(activation_date="2024-01-01", billing_type="postpaid")
ENDS = pd.DataFrame(
    [
        ("gone", "2025-03-01", "involuntary"),
        ("far", "2025-04-01", "involuntary"),
        ("moved", "2025-03-01", "voluntary"),
        ("alone", "2025-06-20", "involuntary"),
    ],
    columns=["customer_id", "event_time", "cause"],
)
USAGE = pd.DataFrame(
    [
        ("far", "2025-03-30", "D1"),
        ("new", "2025-06-01", "D1"),
        ("new", "2025-06-02", "D2"),
        ("alone", "2025-06-03", "D2"),
        ("moved", "2025-06-30", "D3"),
    ],
    columns=["customer_id", "event_time", "device_id"],
).assign(service="data", direction="out")


def test_debtors_of_household_account_and_devices() -> None:
    wh = Warehouse.from_frames(customers=CUSTOMERS, terminations=ENDS, usage=USAGE)
    X = FeatureBuilder(["lines_cut_for_debt"]).build(
        wh, ["2025-06-15", "2025-06-30"], customers=["new", "gone", "alone"]
    )
    new = X.xs("new", level="customer_id")
    assert new["household_lines_cut_for_debt"].tolist() == [1, 1]  # who left of their own will owes nothing
    assert new["account_lines_cut_for_debt"].tolist() == [1, 1]
    assert new["device_lines_cut_for_debt"].tolist() == [1, 2]  # the line that is ended on the 20th is no debtor before
    assert new["linked_lines_cut_for_debt"].tolist() == [3, 4]
    assert X.xs("gone", level="customer_id")["linked_lines_cut_for_debt"].tolist() == [0, 0]  # not a debtor near itself
    assert X.xs("alone", level="customer_id")["household_lines_cut_for_debt"].tolist() == [0, 0]
