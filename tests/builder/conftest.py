"""A small random operator, the shipped catalogue and one of hard cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from small_operator import random_tables

from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

HARD = """
family: hard
about: Cases that the shipped families do not have
source: usage
windows: [7d, 30d, 90d]
slices:
  recent: {sql: "days_between(event_date, as_of) < 10", about: of late}
  out: {sql: direction = 'out', about: going out}
features:
  far_sd: {sql: stddev(duration_s + 1e6), unit: s, missing: null, slices: [all, out], about: Spread far from zero}
  weighted: {sql: "sum(duration_s / (1 + days_between(event_date, as_of)))", unit: s, missing: 0, about: By age}
  recent_items: {sql: count(distinct other_party), unit: n, missing: 0, slices: [recent, out], about: Distinct}
  recent_rows: {sql: count(*), unit: n, missing: 0, slices: [recent], about: Rows}
  last_service: {sql: last(service), unit: category, missing: null, slices: [all, out], about: Last service}
  first_cell: {sql: first(cell_id), unit: category, missing: null, about: First cell}
  latest_day: {sql: "days_between(max(event_date), as_of)", unit: d, missing: 90, about: Age of the last}
  mixed: {sql: "sum(duration_s) / count(distinct cell_id) + avg(charge)", unit: n, missing: -1, about: Mixed}
  chatty: {sql: count(*) > 3, unit: flag, missing: 0, about: Many}
derived:
  twice: {sql: mixed * 2, unit: n, missing: null, about: Twice}
  four_times: {sql: twice * 2, unit: n, missing: null, about: Four times}
"""
HARD_GATHERED = """
family: hard_gathered
about: Gathered cases that the shipped families do not have
source: usage
windows: [14d, 60d]
slices:
  voice: {sql: service = 'voice', about: calls}
per: cell_id
gather:
  n: count(*)
  spread: stddev(duration_s)
  latest: last(charge)
  age: days_between(max(event_date), as_of)
  parties: max(data_mb) - min(data_mb)
features:
  cells_used: {sql: count(*), unit: n, missing: 0, slices: [all, voice], about: Cells}
  spread_mean: {sql: avg(spread), unit: s, missing: null, slices: [all, voice], about: Mean spread}
  latest_sum: {sql: sum(latest), unit: u, missing: 0, about: Latest charges}
  age_sd: {sql: stddev(age), unit: d, missing: null, about: Spread of ages}
  range_max: {sql: max(parties), unit: MB, missing: null, about: Widest range}
  old_share: {sql: "count_if(age > 10) / count(*)", unit: share, missing: null, slices: [all, voice], about: Old cells}
"""


@pytest.fixture(scope="session")
def features_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("features")
    (folder / "hard.yaml").write_text(HARD, encoding="utf-8")
    (folder / "hard_gathered.yaml").write_text(HARD_GATHERED, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tables() -> dict[str, pd.DataFrame]:
    return random_tables(seed=3)


@pytest.fixture(scope="session")
def wh(tables: dict[str, pd.DataFrame]) -> Warehouse:
    return Warehouse.from_frames(**tables)
