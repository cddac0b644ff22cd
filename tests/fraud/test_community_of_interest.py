"""Circles of contacts, delay, cost and the review queue, on tables small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError
from custintel.fraud import contact_network_similarity, cost_per_account, detection_delay
from custintel.fraud._community_of_interest import contact_counts
from custintel.fraud._review_queue import review_queue
from custintel.warehouse import Warehouse


def contacts(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "other_party", "events"])


def test_dice_and_hellinger_by_hand() -> None:
    found = contact_network_similarity(
        contacts([("new", "x", 3), ("new", "y", 1), ("old", "x", 1), ("old", "z", 1)]), ["old"]
    )
    assert found.loc["new", "dice"] == pytest.approx(0.5)
    assert found.loc["new", "hellinger"] == pytest.approx(np.sqrt(0.75 * 0.5))
    assert found.loc["new", "nearest"] == "old"


def test_who_comes_back_is_found_among_strangers() -> None:
    rng = np.random.default_rng(0)
    rows = [(f"C{c}", f"N{n}", int(rng.integers(1, 9))) for c in range(200) for n in rng.choice(3000, 12, False)]
    gone = [n for c, n, _ in rows if c == "C7"]
    rows += [("again", n, 3) for n in gone[:8]] + [("again", f"M{k}", 2) for k in range(4)]
    found = contact_network_similarity(contacts(rows), ["C7", "C8"])
    assert found["hellinger"].idxmax() == "again"
    assert found.loc["again", "nearest"] == "C7"
    assert found.drop("again")["hellinger"].max() < 0.4


def test_hot_lines_say_nothing() -> None:
    rows = [(f"C{c}", "hotline", 5) for c in range(30)] + [("C1", "x", 1), ("C2", "x", 1)]
    found = contact_network_similarity(contacts(rows), ["C1"], max_callers=10)
    assert found.loc["C3", "dice"] == 0
    assert found.loc["C2", "dice"] == 1


def test_a_table_without_contacts_is_refused() -> None:
    with pytest.raises(DataError, match="other_party"):
        contact_network_similarity(pd.DataFrame({"customer_id": ["a"]}), [])


def test_contacts_of_a_warehouse_are_those_known_on_the_day() -> None:
    calls = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "b"],
            "event_time": pd.to_datetime(["2025-01-01", "2025-03-01", "2025-03-02", "2025-04-09"]),
            "other_party": ["x", "y", "y", "z"],
            "service": "voice",
            "direction": "out",
        }
    )
    wh = Warehouse.from_frames(usage=calls)
    found = contact_counts(wh, "2025-03-31", days=60)
    assert found.to_dict("records") == [{"customer_id": "a", "other_party": "y", "events": 2}]


def test_alarms_after_the_end_are_no_detections() -> None:
    cases = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "kind": ["irsf", "irsf"],
            "start_date": pd.to_datetime(["2025-01-01", "2025-01-01"]),
            "end_date": pd.to_datetime(["2025-01-10", "2025-01-10"]),
        }
    )
    alarms = pd.DataFrame({"customer_id": ["a", "b", "a"], "as_of": ["2025-01-03", "2025-01-20", "2024-12-31"]})
    found = detection_delay(alarms, cases)
    assert found.loc["irsf", ["cases", "detected", "median"]].tolist() == [2, 1, 2]


def test_ties_cost_what_they_cost_on_average() -> None:
    y = np.array([1, 0, 0, 1])
    both = [cost_per_account(y, s, 1, 100.0, 0.0) for s in ([1, 0.5, 0.2, 0.9], [0.9, 1, 0.2, 0.9])]
    assert both == [25.0, 50.0]
    assert cost_per_account(y, [1, 1, 1, 1], 2, 100.0, 0.0) == pytest.approx(25.0)


def test_audits_stand_for_all_that_were_not_chosen() -> None:
    ids = pd.Index([f"C{k}" for k in range(1000)], name="customer_id")
    rng = np.random.default_rng(0)
    queue = review_queue(pd.Series(rng.random(1000), ids), pd.Series(rng.random(1000), ids), 100, audit=0.1)
    assert queue["weight"].sum() == pytest.approx(90 + 910)
    with pytest.raises(ConfigurationError, match="not the same customers"):
        review_queue(pd.Series(rng.random(3)), pd.Series(rng.random(2)))
