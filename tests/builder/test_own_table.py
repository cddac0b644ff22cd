"""Features of a user's own table equal brute force, and see nothing that had not happened and arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from oracle import Oracle
from small_operator import CUSTOMERS, START

from custintel.builder import FeatureBuilder
from custintel.contracts.own_contracts import forget_tables
from custintel.questions import Question, question_labels
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTRACTS = {
    "shop_visits": {
        "about": "Visits",
        "event_time": "came_in",
        "arrival_time": "arrived",
        "columns": {
            "customer_id": {"type": "string", "about": "The line"},
            "came_in": {"type": "timestamp", "about": "When"},
            "arrived": {"type": "timestamp", "about": "When the row came"},
            "left_at": {"type": "timestamp", "known_at": "left_at", "about": "When the customer left"},
            "shop_id": {"type": "string", "references": "shops", "about": "Where"},
            "spent": {"type": "number", "about": "Money"},
        },
    },
    "shops": {
        "about": "Shops",
        "key": ["shop_id"],
        "columns": {"shop_id": {"type": "string", "about": "Shop"}, "size": {"type": "number", "about": "Size"}},
    },
}
FAMILIES = """family: shop_visits
about: Visits
source: shop_visits
join: {shops: shop_id}
windows: [7d, 90d]
features:
  visits: {sql: count(*), unit: visits, missing: 0, about: Visits, about_zh: 到店}
  spent: {sql: sum(spent), unit: u, missing: 0, about: Money spent, about_zh: 消费}
  last_size: {sql: last(size), unit: m2, missing: null, about: Size of the latest shop, about_zh: 面积}
---
family: shop_stays
about: Ends of visits
source: shop_visits
time: left_at
windows: [90d]
features:
  stay: {sql: "avg(seconds_between(came_in, left_at)) / 60", unit: min, missing: null, about: Stay, about_zh: 停留}
---
family: last_visit
about: The latest visit
source: shop_visits
as: latest
features:
  last_spent: {sql: spent, unit: u, missing: null, about: Money at the latest visit, about_zh: 最近消费}
"""
DAYS = [pd.Timestamp(day).date() for day in ("2025-04-10", "2025-06-30", "2025-09-15")]


@pytest.fixture(autouse=True)
def _no_table_stays_known() -> Iterator[None]:
    yield
    forget_tables()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shops.yaml").write_text(FAMILIES, encoding="utf-8")
    return tmp_path


def visits(rows: int = 200, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    came_in = START + pd.to_timedelta(rng.integers(0, 290 * 86_400, rows), unit="s")
    delay = pd.to_timedelta(rng.integers(0, 10 * 86_400, rows), unit="s")
    return pd.DataFrame(
        {
            "customer_id": rng.choice(CUSTOMERS[:-1], rows),
            "came_in": came_in,
            "arrived": pd.Series(came_in + delay).where(rng.random(rows) > 0.2),
            "left_at": pd.Series(came_in + pd.to_timedelta(rng.integers(60, 7_200, rows), unit="s")).where(
                rng.random(rows) > 0.1
            ),
            "shop_id": rng.choice(["s1", "s2", "s9"], rows),
            "spent": np.round(rng.uniform(0, 90, rows), 2),
        }
    )


SHOPS = pd.DataFrame({"shop_id": ["s1", "s2"], "size": [120.0, 80.0]})


def warehouse(frame: pd.DataFrame) -> Warehouse:
    return Warehouse.from_frames(shop_visits=frame, shops=SHOPS, contracts=CONTRACTS, latest="2026-12-31")


def test_features_equal_brute_force(folder: Path) -> None:
    wh = warehouse(visits())
    builder = FeatureBuilder(["shops"], folder)
    built = builder.build(wh, DAYS, customers=CUSTOMERS)
    expected = Oracle(builder.catalogue, {name: wh.frame(name) for name in wh.tables}).features(CUSTOMERS, DAYS)
    assert list(built.columns) == list(expected.columns)
    pd.testing.assert_frame_equal(built, expected.astype(float), check_index_type=False, rtol=1e-9)
    assert built["visits_90d"].max() > 3
    assert built["stay_90d"].notna().any()


def test_what_comes_later_changes_nothing(folder: Path) -> None:
    frame, day = visits(), pd.Timestamp(DAYS[1])
    seen = frame[np.maximum(frame.came_in, frame.arrived.fillna(frame.came_in)) < day + pd.Timedelta(days=1)]
    seen = seen.assign(left_at=seen.left_at.where(seen.left_at < day + pd.Timedelta(days=1)))
    later = pd.DataFrame({**visits(1), "came_in": [day + pd.Timedelta(days=40)], "arrived": [pd.NaT]})
    wh = warehouse(frame)
    builder = FeatureBuilder(["shops"], folder)
    whole = builder.build(wh, day, customers=CUSTOMERS)
    known = builder.build(warehouse(pd.concat([seen, later])), day, customers=CUSTOMERS)
    pd.testing.assert_frame_equal(known, whole)


def test_the_sql_of_another_dialect_reads_it(folder: Path) -> None:
    warehouse(visits(20))
    text = FeatureBuilder(["shops"], folder).sql("2025-06-30", dialect="trino")
    assert "shop_visits" in text


def test_a_question_about_it_equals_brute_force() -> None:
    frame = visits()
    wh = warehouse(frame)
    question = Question(source="shop_visits", target="count_if(spent > 40) > 0", horizon_days=30)
    labels = question_labels(wh, DAYS[:2], question)["label"]
    for (as_of, customer), label in labels.items():
        ahead = (frame.came_in.dt.normalize() - as_of).dt.days
        inside = frame[(frame.customer_id == customer) & ahead.between(1, 30)]
        assert label == float((inside.spent > 40).any())
    assert 0.2 < labels.mean() < 0.9
