"""Time, honestly: what had not happened or not arrived by the date changes nothing (property tests)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from conftest import HARD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from same_frames import assert_same
from small_operator import CUSTOMERS, random_tables

from custintel.builder import FeatureBuilder
from custintel.catalogue import Catalogue
from custintel.contracts.table_contracts import TABLES
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

DATES = [pd.Timestamp("2025-05-31"), pd.Timestamp("2025-07-15"), pd.Timestamp("2025-07-16")]
SOURCES = {table for family in Catalogue.load(HARD).families for table in family.tables}
EVENTS = sorted(table for table in SOURCES if TABLES[table].arrival_time)


class OneTable:
    """What is built from one table: its families, and the tables they need."""

    def __init__(self, table: str, tables: dict[str, pd.DataFrame], folder: Path) -> None:
        families = [f for f in Catalogue.load(folder).families if table in f.tables]
        needed = {table, "customers", "accounts", *(name for family in families for name in family.tables)}
        self.builder = FeatureBuilder([family.name for family in families], features_path=folder)
        self.table, self.tables = table, {name: tables[name] for name in needed}
        self.before = self.build(tables[table])

    def build(self, frame: pd.DataFrame) -> pd.DataFrame:
        wh = Warehouse.from_frames(**{**self.tables, self.table: frame})
        return self.builder.build(wh, DATES, customers=CUSTOMERS)

    def build_with(self, rows: pd.DataFrame) -> pd.DataFrame:
        old = self.tables[self.table]
        return self.build(pd.concat([old, rows.astype(old.dtypes)], ignore_index=True))


@pytest.fixture(scope="module")
def one_table(tables, features_folder) -> dict[str, OneTable]:
    return {table: OneTable(table, tables, features_folder) for table in EVENTS}


def new_rows(table: str, seed: int) -> pd.DataFrame:
    """Rows like those of the table, under new keys."""
    frame = random_tables(seed)[table].sample(25, random_state=seed % 1000)
    for key in TABLES[table].key:
        if key != TABLES[table].event_time and not TABLES[table].columns[key].references:
            frame[key] = "new" + frame[key].astype(str)
    return frame


def is_date(table: str) -> bool:
    return TABLES[table].columns[TABLES[table].event_time].type == "date"


@settings(max_examples=24, deadline=None, suppress_health_check=list(HealthCheck))
@given(table=st.sampled_from(EVENTS), seed=st.integers(100, 10_000), late=st.booleans(), cut=st.sampled_from(DATES))
def test_rows_dated_or_arriving_after_a_date_change_nothing_as_of_it(one_table, table, seed, late, cut):
    event, arrival = TABLES[table].event_time, TABLES[table].arrival_time
    rows = new_rows(table, seed)
    after = pd.Series(cut + pd.to_timedelta(86_400 + np.arange(len(rows)) * 7919, unit="s"), index=rows.index)
    if late:
        rows[event] = rows[event].where(rows[event] <= cut, cut)
        rows[arrival] = after
    else:
        rows[event] = after.dt.normalize() if is_date(table) else after
        rows[arrival] = pd.NaT
    known = [day for day in DATES if day <= cut]
    assert_same(one_table[table].build_with(rows).loc[known], one_table[table].before.loc[known])


@pytest.mark.parametrize("table", [table for table in EVENTS if "customer_id" in TABLES[table].columns])
def test_rows_that_had_arrived_do_change_something(one_table, table):
    """The property above would hold for a builder that reads nothing: the same rows, earlier, must be seen."""
    rows = new_rows(table, 42)
    rows[TABLES[table].event_time] = DATES[0] - pd.Timedelta(days=1)
    rows[TABLES[table].arrival_time] = pd.NaT
    with pytest.raises(AssertionError):
        assert_same(one_table[table].build_with(rows), one_table[table].before)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    wanted=st.lists(st.sampled_from(CUSTOMERS), min_size=1, unique=True),
    days=st.lists(
        st.dates(pd.Timestamp("2025-02-01").date(), pd.Timestamp("2025-10-01").date()),
        min_size=1,
        max_size=3,
        unique=True,
    ),
)
def test_customers_in_are_rows_out_in_their_order(wh, wanted, days):
    X = FeatureBuilder(["billing", "customer"]).build(wh, days, customers=wanted)
    assert list(X.index) == [(pd.Timestamp(day), customer) for day in days for customer in wanted]
