"""Sums of each day kept in a folder: the same features as without, and only new or changed days are made."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import same_frames
from small_operator import CUSTOMERS, random_tables

from custintel.builder import FeatureBuilder
from custintel.builder.aggregation._partial_store import PartialStore
from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.errors import ConfigurationError
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

FAMILIES = ["volumes", "direct_contacts", "daily_activity", "bills", "cells_visited", "hard", "hard_gathered"]


def assert_same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    same_frames.assert_same(left, right, rtol=2e-9, atol=1e-9)


def usage(*rows: tuple[str, str, str | None]) -> Warehouse:
    """Calls of customers: (customer, time of the event, time of arrival)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "event_time", "arrival_time"])
    return Warehouse.from_frames(usage=frame.assign(service="voice", direction="out", duration_s=60))


def made(folder: Path) -> dict[str, set[str]]:
    """Days in the folder, by family."""
    return {index.parent.name.split("-")[0]: set(json.loads(index.read_text())) for index in folder.glob("*/days.json")}


def signatures(folder: Path) -> dict[tuple[str, str], str]:
    """What the records of each day were, by family and day."""
    found = ((path.parent.name, json.loads(path.read_text())) for path in folder.glob("*/days.json"))
    return {(family, day): mark for family, days in found for day, mark in days.items()}


@pytest.fixture(scope="module")
def builder(features_folder):
    return FeatureBuilder(FAMILIES, features_path=features_folder)


@pytest.mark.parametrize("days", ["2025-06-30", ["2025-05-31", "2025-06-30", "2025-09-15"]])
def test_features_from_kept_days_are_the_features(builder, wh, tmp_path, days):
    plain = builder.build(wh, days, customers=CUSTOMERS)
    assert_same(builder.build(wh, days, customers=CUSTOMERS, partials=tmp_path), plain)
    assert {"volumes", "direct_contacts", "daily_activity", "bills", "hard_gathered"} <= set(made(tmp_path))
    assert_same(builder.build(wh, days, customers=CUSTOMERS, partials=tmp_path), plain)


def kept(builder: FeatureBuilder, wh: Warehouse, days: object, folder: Path) -> tuple[pd.DataFrame, set[str]]:
    """Features from kept days, and the days that were made for them."""
    before = signatures(folder)
    X = builder.build(wh, days, partials=folder)
    return X, {day for (_, day), mark in signatures(folder).items() if before.get((_, day)) != mark}


def test_the_next_days_are_made_and_no_other(builder, wh, tmp_path):
    kept(builder, wh, "2025-06-30", tmp_path)
    X, days = kept(builder, wh, "2025-07-02", tmp_path)
    assert_same(X, builder.build(wh, "2025-07-02"))
    assert days == {"2025-07-02"}  # nothing was seen on the first


def test_days_that_are_kept_are_read(tmp_path):
    """Sums that are wrong on purpose come out: what is kept is not computed again."""
    rows = [("a", f"2025-06-{day:02d} 10:00", None) for day in (1, 2, 20)]
    kept(FeatureBuilder(["volumes"]), usage(*rows), "2025-06-20", tmp_path)
    (path,) = tmp_path.glob("volumes-*/2025-06.parquet")
    wrong = pd.read_parquet(path).assign(all_count_rows=100.0)
    wrong.to_parquet(path)
    X, days = kept(FeatureBuilder(["volumes"]), usage(*rows), "2025-06-20", tmp_path)
    assert (X["events_30d"].tolist(), days) == ([300.0], set())


def test_a_late_record_makes_the_day_of_its_arrival(tmp_path):
    known = [("a", f"2025-06-{day:02d} 10:00", None) for day in range(1, 29)]
    late = ("a", "2025-06-05 11:00", "2025-06-20 09:00")
    builder = FeatureBuilder(["volumes"])
    kept(builder, usage(*known), "2025-06-28", tmp_path)
    X, days = kept(builder, usage(*known, late), ["2025-06-19", "2025-06-28"], tmp_path)
    assert X["events_30d"].tolist() == [19.0, 29.0]
    assert days == {"2025-06-20"}


def test_records_that_are_gone_leave_the_sums(tmp_path):
    builder = FeatureBuilder(["volumes"])
    rows = [("a", f"2025-06-{day:02d} 10:00", None) for day in (1, 10, 20)]
    builder.build(usage(*rows), "2025-06-20", partials=tmp_path)
    X = builder.build(usage(rows[0], rows[2]), "2025-06-20", partials=tmp_path)
    assert X["events_30d"].tolist() == [2.0]
    assert made(tmp_path)["volumes"] == {"2025-06-01", "2025-06-20"}


def test_another_definition_has_days_of_its_own(tmp_path):
    wh = usage(("a", "2025-06-01 10:00", None), ("a", "2025-06-02 10:00", None))
    text = "family: own\nabout: own\nsource: usage\nwindows: [7d]\nfeatures:\n"
    line = "  found: {{sql: {}, unit: n, missing: 0, about: Found}}\n"
    for number, sql in enumerate(("count(*)", "sum(duration_s)"), 1):
        (tmp_path / "own.yaml").write_text(text + line.format(sql), encoding="utf-8")
        X = FeatureBuilder(["own"], features_path=tmp_path).build(wh, "2025-06-02", partials=tmp_path / "days")
        assert X["found_7d"].tolist() == [{1: 2.0, 2: 120.0}[number]]
    assert len(list((tmp_path / "days").iterdir())) == 2


def test_a_lost_file_is_made_again(tmp_path):
    wh = usage(("a", "2025-06-01 10:00", None), ("a", "2025-06-02 10:00", None))
    FeatureBuilder(["volumes"]).build(wh, "2025-06-02", partials=tmp_path)
    next(tmp_path.glob("volumes-*/2025-06.parquet")).unlink()
    X = FeatureBuilder(["volumes"]).build(wh, "2025-06-02", partials=tmp_path)
    assert X["events_7d"].tolist() == [2.0]


def test_a_killed_run_leaves_no_old_mark_beside_new_sums(tmp_path, monkeypatch):
    old, new = [usage(*[("a", f"2025-06-01 {hour}:00", None) for hour in hours]) for hours in ((10, 11), (10, 11, 12))]
    builder = FeatureBuilder(["volumes"])
    builder.build(old, "2025-06-01", partials=tmp_path)
    after = PartialStore._compute

    def killed(*given):
        after(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(PartialStore, "_compute", killed)
    with pytest.raises(KeyboardInterrupt):
        builder.build(new, "2025-06-01", partials=tmp_path)
    monkeypatch.setattr(PartialStore, "_compute", after)
    assert builder.build(old, "2025-06-01", partials=tmp_path)["events_7d"].tolist() == [2.0]
    assert builder.build(new, "2025-06-01", partials=tmp_path)["events_7d"].tolist() == [3.0]


def test_two_builds_at_once_keep_all_days(tmp_path, monkeypatch):
    rows = [("a", f"2025-06-{day:02d} 10:00", None) for day in range(1, 29)]
    first, second = FeatureBuilder(["volumes"]), FeatureBuilder(["volumes"])
    other = threading.Thread(target=lambda: second.build(usage(*rows), "2025-06-28", partials=tmp_path))
    make = PartialStore._compute

    def interrupted(*given):
        """The other build begins, and ends if it can, while this one makes its days."""
        make(*given)
        if threading.current_thread() is not other:
            other.start()
            other.join(3)

    monkeypatch.setattr(PartialStore, "_compute", interrupted)
    first.build(usage(*rows), "2025-06-10", partials=tmp_path)
    other.join(60)
    assert len(made(tmp_path)["volumes"]) == 28
    X = first.build(usage(*rows), "2025-06-28", partials=tmp_path)
    assert X["events_30d"].tolist() == [28.0]
    assert not list(tmp_path.glob("*.lock"))


def test_a_customer_not_asked_about_before_is_there(tmp_path):
    tables = random_tables(seed=5)
    wh = Warehouse.from_frames(**tables)
    FeatureBuilder(["volumes"]).build(wh, "2025-06-30", customers=CUSTOMERS[:2], partials=tmp_path)
    everyone = FeatureBuilder(["volumes"]).build(wh, "2025-06-30", customers=CUSTOMERS, partials=tmp_path)
    assert_same(everyone, FeatureBuilder(["volumes"]).build(wh, "2025-06-30", customers=CUSTOMERS))


def test_only_the_embedded_engine_keeps_days(tmp_path):
    class Elsewhere:
        dialect = "spark"

    with pytest.raises(ConfigurationError, match="embedded engine only"):
        PartialStore(tmp_path, Elsewhere())
    assert PartialStore(tmp_path, DuckDBEngine()).computed_days == {}
