"""Dirt: counted, repeatable, and absent when switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from custintel.simulate._operator import Operator


def usage(operator: Operator, *columns: str) -> pd.DataFrame:
    return operator.tables["usage"].select(list(columns)).to_pandas()


def test_without_dirt_every_record_is_on_time_and_once(clean: Operator) -> None:
    rows = usage(clean, "event_time", "arrival_time", "cell_id", "roaming_country", "duration_s", "device_id")
    assert (rows.event_time == rows.arrival_time).all()
    assert (rows.duration_s >= 0).all()
    assert rows.device_id.notna().all()
    assert (rows.cell_id.isna() == rows.roaming_country.notna()).all()


def test_some_records_come_days_late(operator: Operator) -> None:
    rows = usage(operator, "event_time", "arrival_time")
    late = (rows.arrival_time - rows.event_time)[rows.event_time >= "2025-01-01"]
    assert (late > pd.Timedelta(days=3)).mean() > 0.003
    assert (late > pd.Timedelta(hours=1)).mean() < 0.12


def test_roaming_records_take_hours(operator: Operator) -> None:
    rows = usage(operator, "event_time", "arrival_time", "roaming_country")
    abroad = rows[rows.roaming_country.notna() & (rows.event_time >= "2025-01-01")]
    assert len(abroad) > 1_000
    assert ((abroad.arrival_time - abroad.event_time) >= pd.Timedelta(hours=3)).mean() > 0.95


def test_missing_values_are_shares_of_the_rows(operator: Operator) -> None:
    rows = usage(operator, "cell_id", "device_id", "roaming_country")
    home = rows[rows.roaming_country.isna()]
    assert 0.015 < home.cell_id.isna().mean() < 0.03
    assert 0.03 < rows.device_id.isna().mean() < 0.05


def test_birth_years_are_missing_more_often_for_prepaid(operator: Operator) -> None:
    customers = operator.tables["customers"].to_pandas()
    missing = customers.birth_year.isna().groupby(customers.billing_type, observed=True).mean()
    assert missing["prepaid"] > 2 * missing["postpaid"]


def test_dates_of_1970_and_unknown_cells_are_there_and_rare(operator: Operator) -> None:
    rows = usage(operator, "event_time", "cell_id")
    known = set(operator.tables["cells"].column("cell_id").to_pylist())
    assert 0.00005 < (rows.event_time < "2000-01-01").mean() < 0.0005
    assert 0.00002 < (~rows.cell_id.dropna().isin(known)).mean() < 0.0003
