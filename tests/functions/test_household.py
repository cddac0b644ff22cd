"""Households and accounts, and matters of customer care."""

from __future__ import annotations

import pandas as pd

from custintel.builder import FeatureBuilder
from custintel.warehouse import Warehouse

CUSTOMERS = pd.DataFrame(
    [
        ("a", "H1", "A1", "postpaid", "2020-06-30"),
        ("b", "H1", "A1", "prepaid", "2025-06-01"),
        ("c", "H1", "A2", "postpaid", "2021-01-01"),
        ("d", "H1", "A1", "postpaid", "2025-07-01"),
        ("e", None, "A3", "postpaid", "2021-01-01"),
    ],
    columns=["customer_id", "household_id", "account_id", "billing_type", "activation_date"],
)
ENDS = pd.DataFrame(
    [("c", "2025-06-10", "2025-06-20", "voluntary"), ("a", "2025-06-10", "2025-06-10", "sim_swap")],
    columns=["customer_id", "event_time", "arrival_time", "cause"],
)
CARE = pd.DataFrame(
    [
        ("k1", "a", "2025-05-01 10:00", "billing", "2025-05-03"),
        ("k2", "a", "2025-05-08 09:00", "billing", "2025-06-25"),
        ("k3", "a", "2025-06-01 10:00", "billing", None),
        ("k4", "a", "2025-06-02 10:00", "network", "2025-06-02"),
        ("k5", "a", "2025-07-02 10:00", "network", None),
    ],
    columns=["care_id", "customer_id", "event_time", "topic", "resolved_time"],
).assign(kind="complaint")


def test_lines_of_household_and_account() -> None:
    wh = Warehouse.from_frames(customers=CUSTOMERS, terminations=ENDS, care=CARE)
    X = FeatureBuilder(["household"]).build(wh, ["2025-06-15", "2025-06-30"], customers=["a", "e"])
    a = X.xs("a", level="customer_id")
    assert a["household_lines"].tolist() == [3, 2]  # c's request arrived on the 20th; d is not there yet
    assert a["household_churned_lines"].tolist() == [0, 1]
    assert a["household_new_lines"].tolist() == [1, 1]
    assert a["household_oldest_tenure"].tolist()[1] == 1826
    assert a["household_prepaid_share"].tolist()[1] == 0.5
    assert a[["account_lines", "account_churned_lines"]].to_numpy().tolist() == [[2, 0], [2, 0]]
    assert X.xs("e", level="customer_id")["household_lines"].isna().all()


def test_open_and_repeated_matters() -> None:
    wh = Warehouse.from_frames(customers=CUSTOMERS, care=CARE)
    X = FeatureBuilder(["unresolved_cases"]).build(wh, ["2025-06-24", "2025-06-25"], customers=["a", "e"])
    a = X.xs("a", level="customer_id")
    assert a["unresolved_cases"].tolist() == [2, 1]
    assert a["oldest_unresolved_case_days"].tolist() == [47, 24]
    assert a["unresolved_case_days"].tolist() == [47 + 23, 24]
    assert a["repeat_care_contacts_7d"].tolist() == [1, 1]
    assert a["repeat_care_contacts_30d"].tolist() == [2, 2]
    assert a["repeated_topics"].tolist() == [1, 1]
    assert X.xs("e", level="customer_id")["unresolved_cases"].tolist() == [0, 0]
