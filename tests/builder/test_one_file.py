"""Adding a feature touches one file: everything else that is to be known about it follows from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from oracle import Oracle
from small_operator import CUSTOMERS

from custintel.builder import FeatureBuilder
from custintel.catalogue import Catalogue
from custintel.catalogue.data_dictionary import dictionary_markdown
from custintel.explain.column_descriptions import reason_groups

if TYPE_CHECKING:
    from pathlib import Path

    from custintel.warehouse import Warehouse

DAY = "2025-06-30"
FEATURE = """\
# Own questions about use.

family: late_calls
about: Calls late in the evening
source: usage
windows: [30d]
features:
  late_calls: {sql: count_if(service = 'voice' and hour >= 20), unit: calls, missing: 0, about: Late calls}
  late_silence:
    {sql: "days_between(max(case when hour >= 20 then event_date end), as_of)", unit: d, missing: 30, reason: silence,
     about: Days since the last use late in the evening}
derived:
  late_call_share: {sql: "late_calls_30d / nullif(calls_and_sms_30d, 0)", unit: share, about: Share of late calls}
"""
COLUMNS = ["late_calls_30d", "late_silence_30d", "late_call_share"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "usage.yaml").write_text(FEATURE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def catalogue(folder: Path) -> Catalogue:
    return Catalogue.load(folder)


def test_it_belongs_to_the_topic_of_its_file(catalogue: Catalogue) -> None:
    assert [catalogue.entry(column).topic for column in COLUMNS] == ["usage"] * 3
    assert set(COLUMNS) <= {entry.column for entry in catalogue.select(["usage"]).entries()}
    assert catalogue.topics == Catalogue.load().topics


def test_it_has_a_reason_group_with_words_and_an_action(catalogue: Catalogue, folder: Path, wh: Warehouse) -> None:
    builder = FeatureBuilder(["usage"], folder)
    metadata = {"features": builder.words(builder.build(wh, DAY)).astype(object).to_dict("records")}
    assert reason_groups(metadata, COLUMNS) == dict(zip(COLUMNS, ["usage", "silence", "usage"], strict=True))
    for column in COLUMNS:
        group = catalogue.reasons[catalogue.entry(column).reason]
        assert all(group.words().values())


def test_it_stands_in_the_dictionary_under_its_topic(catalogue: Catalogue) -> None:
    page = dictionary_markdown(catalogue)
    (section,) = (part for part in page.split("\n## ") if part.startswith("usage\n"))
    assert "### late_calls" in section
    for column in COLUMNS:
        assert page.count(f"| `{column}` |") == section.count(f"| `{column}` |") == 1


@pytest.mark.parametrize("dialect", ["duckdb", "spark", "postgres"])
def test_it_has_sql_for_every_engine(folder: Path, dialect: str) -> None:
    text = FeatureBuilder(["late_calls", "volumes"], folder).sql(DAY, dialect=dialect)
    assert all(column in text for column in COLUMNS)


def test_it_is_checked_against_brute_force(catalogue: Catalogue, folder: Path, wh: Warehouse) -> None:
    built = FeatureBuilder(["usage", "habits"], folder).build(wh, [DAY], customers=CUSTOMERS)
    tables = {name: wh.frame(name) for name in wh.tables}
    expected = Oracle(catalogue, tables).features(CUSTOMERS, [pd.Timestamp(DAY).date()])
    for column in COLUMNS:
        assert built[column].std() > 0
        assert np.allclose(built[column], expected[column].astype(float), rtol=1e-9, atol=1e-12, equal_nan=True)


def test_a_new_topic_needs_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "late_evening.yaml").write_text(FEATURE, encoding="utf-8")
    found = Catalogue.load(tmp_path)
    assert found.topics[-1] == "late_evening"
    assert found.topics_about["late_evening"] == "Own questions about use."
    assert found.entry("late_calls_30d").reason == "late_evening"
    assert found.reasons["late_evening"].about == "Late evening"


def test_reasons_of_ones_own_are_added_and_replace_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "late_evening.yaml").write_text(FEATURE, encoding="utf-8")
    text = "late_evening: {about: Evenings, action: Call}\nsilence: {about: Quiet, about_zh: 安静}\n"
    (tmp_path / "reasons.yaml").write_text(text, encoding="utf-8")
    reasons = Catalogue.load(tmp_path).reasons
    assert reasons["late_evening"].words() == {"about": "Evenings", "about_zh": "Evenings", "en": "Call", "zh": "Call"}
    assert reasons["silence"].words() == {"about": "Quiet", "about_zh": "安静", "en": "", "zh": ""}
    assert reasons["care"] == Catalogue.load().reasons["care"]
