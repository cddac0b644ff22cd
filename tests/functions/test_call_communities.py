"""Communities, on two triangles with a bridge between them."""

from __future__ import annotations

import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.warehouse import Warehouse

LINES = list("abcdef")
TIES = [("a", "b", 9), ("b", "c", 9), ("a", "c", 9), ("d", "e", 9), ("e", "f", 9), ("d", "f", 9), ("c", "d", 1)]
NUMBER = {line: str(100 + n) for n, line in enumerate(LINES)}


def talk(a: str, b: str, times: int, day: str) -> list[tuple[str, str, str, str]]:
    """Calls there and back, as a's records have them."""
    return [(a, NUMBER[b], day, direction) for _ in range(times) for direction in ("in", "out")]


@pytest.fixture(scope="module")
def built() -> pd.DataFrame:
    rows = [row for a, b, n in TIES for row in talk(a, b, n, "2025-06-20")]
    rows += [("a", NUMBER["f"], "2025-06-20", "out")]  # never called back: no tie
    rows += [("f", NUMBER["f"][:2], "2025-07-30", "out")]
    usage = pd.DataFrame(rows, columns=["customer_id", "other_party", "event_time", "direction"])
    usage["event_time"] = pd.to_datetime(usage["event_time"]) + pd.to_timedelta(range(len(usage)), unit="s")
    customers = pd.DataFrame({"customer_id": LINES, "msisdn": [NUMBER[line] for line in LINES]})
    customers = customers.assign(billing_type="postpaid", activation_date="2024-01-01")
    left = pd.DataFrame({"customer_id": ["e"], "event_time": ["2025-06-25"], "cause": ["voluntary"]})
    wh = Warehouse.from_frames(usage=usage.assign(service="voice"), customers=customers, terminations=left)
    return FeatureBuilder(["call_community"]).build(wh, ["2025-06-24", "2025-06-30", "2025-07-30"], customers=LINES)


def test_two_communities(built: pd.DataFrame) -> None:
    now = built.loc[pd.Timestamp("2025-06-30")]
    assert now["community_size"].tolist() == [3] * 6
    assert now["mutual_contacts"].tolist() == [2, 2, 3, 3, 2, 2]
    assert now.loc["a", "clustering_coefficient"] == 1
    assert now.loc["c", "clustering_coefficient"] == pytest.approx(1 / 3)
    assert now.loc["c", "community_internal_share"] == pytest.approx(36 / 38)


def test_the_churn_rate_is_that_of_the_own_community_as_known(built: pd.DataFrame) -> None:
    before, now = (built.loc[pd.Timestamp(day)] for day in ("2025-06-24", "2025-06-30"))
    assert before["community_churn_rate"].tolist() == [0] * 6
    assert now["community_churn_rate"].tolist() == pytest.approx([0, 0, 0, 1 / 3, 1 / 3, 1 / 3])


def test_two_ties_away(built: pd.DataFrame) -> None:
    now = built.loc[pd.Timestamp("2025-06-30")]
    assert now["second_degree_contacts"].tolist() == [1, 1, 2, 2, 1, 1]
    assert now["churned_second_degree_contacts"].tolist() == [0, 0, 1, 0, 0, 0]  # from c over d to e


def test_ties_fall_silent(built: pd.DataFrame) -> None:
    later = built.loc[pd.Timestamp("2025-07-30")]
    assert later["silent_mutual_contacts"].tolist() == later["mutual_contacts"].tolist()
