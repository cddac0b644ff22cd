"""Ties, fraud ties and circle, on contacts few enough to check by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.warehouse import Warehouse

# b left on 10 June with the number 2, which d got on 20 June; c's request arrived only on 5 July
CUSTOMERS = pd.DataFrame(
    [("a", "1", "2024-01-01"), ("b", "2", "2024-01-01"), ("c", "3", "2024-01-01"), ("d", "2", "2025-06-20")],
    columns=["customer_id", "msisdn", "activation_date"],
).assign(billing_type="postpaid")
TERMINATIONS = pd.DataFrame(
    [
        ("b", "2025-06-10", "2025-06-11", "port_out", "rival"),
        ("c", "2025-06-12", "2025-07-05", "voluntary", None),
        ("a", "2025-06-01", "2025-06-01", "sim_swap", None),
    ],
    columns=["customer_id", "event_time", "arrival_time", "cause", "destination_operator"],
)
CASES = pd.DataFrame(
    [("f1", "c", "2025-06-20", "2025-06-25", "irsf"), ("f2", "b", "2025-06-01", "2025-06-01", "arrears")],
    columns=["case_id", "customer_id", "event_time", "arrival_time", "kind"],
)


def calls(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "other_party", "event_time", "direction"])
    return frame.assign(service="voice", event_time=pd.to_datetime(frame["event_time"]) + pd.Timedelta(hours=12))


USAGE = calls(
    *[("a", "2", f"2025-05-{day:02d}", "out") for day in range(1, 13)],
    ("a", "3", "2025-05-20", "out"),
    ("a", "3", "2025-06-28", "in"),
    ("d", "3", "2025-07-08", "out"),
    ("b", "1", "2025-05-01", "in"),
)


@pytest.fixture(scope="module")
def wh() -> Warehouse:
    return Warehouse.from_frames(usage=USAGE, customers=CUSTOMERS, terminations=TERMINATIONS, cases=CASES)


def test_who_left_and_was_known_to_have_left(wh: Warehouse) -> None:
    X = FeatureBuilder(["churned_contacts"]).build(wh, ["2025-06-10", "2025-06-30", "2025-07-08"], customers=["a", "d"])
    a = X.xs("a", level="customer_id")
    assert a["churned_contacts"].tolist() == [0, 1, 2]  # b's request arrived on the 11th, c's in July
    assert a["churned_close_contacts"].tolist() == [0, 1, 1]
    assert a["churned_contact_events"].tolist() == [0, 12, 14]
    assert a["days_since_contact_churned"].tolist()[1:] == [20, 26]
    assert a["ported_out_contacts"].tolist() == [0, 1, 1]
    assert a["main_port_out_operator"].tolist()[1:] == ["rival", "rival"]


def test_a_recycled_number_stands_for_the_line_that_held_it(wh: Warehouse) -> None:
    later = pd.concat([USAGE, calls(("a", "2", "2025-07-01", "in"))])
    wh = Warehouse.from_frames(usage=later, customers=CUSTOMERS, terminations=TERMINATIONS)
    X = FeatureBuilder(["churned_contacts"]).build(wh, ["2025-06-30", "2025-07-08"], customers=["a"])
    assert X["churned_contacts"].tolist() == [1, 1]  # in July, 2 is d, who has not left; c has
    assert X["ported_out_contacts"].tolist() == [1, 0]


def test_fraud_once_it_is_confirmed_and_known(wh: Warehouse) -> None:
    X = FeatureBuilder(["fraud_contacts"]).build(wh, ["2025-06-24", "2025-06-25", "2025-07-08"], customers=["a", "d"])
    assert X.xs("a", level="customer_id")["fraud_contacts"].tolist() == [0, 1, 1]  # arrears are no fraud
    assert X.xs("d", level="customer_id")["days_since_contact_fraud_confirmed"].tolist()[2] == 18


def test_circle() -> None:
    rows = [("a", "x", f"2025-06-{day:02d}", "out", "on_net", None) for day in range(1, 7)]
    rows += [("a", "x", "2025-06-29", "in", "off_net", "rival")]
    rows += [("a", "y", "2025-05-01", "in", "off_net", "other"), ("a", "y", "2025-06-30", "in", "on_net", None)]
    rows += [("a", "z", "2025-04-20", "in", "off_net", "rival")]
    frame = pd.DataFrame(
        rows, columns=["customer_id", "other_party", "event_time", "direction", "destination", "other_operator"]
    )
    X = FeatureBuilder(["contact_network"]).build(
        Warehouse.from_frames(usage=frame.assign(service="sms")), "2025-06-30"
    )
    found = X.loc["a"]
    assert found["contacts_moved_to_competitor"] == 1  # x: on the net, then off it; y the other way round
    assert found["events_with_contacts_moved"] == 7
    assert found["contact_pareto_share"] == pytest.approx(2 / 3)  # 8 of 10 calls: x has 7, y 2
    assert found["silent_close_contacts"] == 1
    assert found["days_since_closest_contact"] == 1
    assert (found["main_competitor"], found["main_competitor_contacts"]) == ("rival", 2)
    assert found["main_competitor_events_growth"] == pytest.approx(7 / 30 - 1 / 60)
    assert found["contact_network_similarity"] == pytest.approx(1 / (50**0.5 * 2**0.5))
