"""Each rule, with the smallest table that breaks it; and what must hold for every table."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custintel.contracts.column_mapping import parse_mapping
from custintel.contracts.raw_tables import frame_sources
from custintel.contracts.set_aside_rows import check_table
from custintel.contracts.table_contracts import TABLES
from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from custintel.contracts.quality_report import TableReport

LATEST = datetime(2025, 12, 31)
GOOD = {
    "customer_id": "a",
    "event_time": "2025-03-01 10:00:00",
    "service": "voice",
    "direction": "out",
    "other_party": "491",
    "duration_s": "60",
}


def check(tables, rename=None) -> tuple[DuckDBEngine, dict[str, TableReport]]:
    engine = DuckDBEngine()
    sources = frame_sources(engine, tables, parse_mapping(rename))
    ordered = [name for name in TABLES if name in tables]
    return engine, {n: check_table(engine, TABLES[n], sources[n], LATEST, ordered) for n in ordered}


def usage(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([{**GOOD, **row} for row in rows], dtype=object)


@pytest.mark.parametrize(
    ("change", "reason", "column"),
    [
        ({"customer_id": None}, "missing value", "customer_id"),
        ({"customer_id": "  "}, "missing value", "customer_id"),
        ({"event_time": ""}, "missing value", "event_time"),
        ({"event_time": "-"}, "missing value", "event_time"),
        ({"direction": " "}, "missing value", "direction"),
        ({"event_time": "soon"}, "unreadable", "event_time"),
        ({"event_time": "31/01/2025 10:00"}, "unreadable", "event_time"),
        ({"event_time": "15/10/14 06:58"}, "unreadable", "event_time"),
        ({"event_time": "2025-02-30"}, "unreadable", "event_time"),
        ({"event_time": "1740823200"}, "unreadable", "event_time"),
        ({"duration_s": "abc"}, "unreadable", "duration_s"),
        ({"duration_s": "1,5"}, "unreadable", "duration_s"),
        ({"duration_s": "inf"}, "unreadable", "duration_s"),
        ({"answered": "perhaps"}, "unreadable", "answered"),
        ({"service": "fax"}, "not in vocabulary", "service"),
        ({"destination": "moon"}, "not in vocabulary", "destination"),
        ({"duration_s": "-60"}, "below minimum", "duration_s"),
        ({"duration_s": 26 * 3600}, "above maximum", "duration_s"),
        ({"event_time": "2999-01-01 00:00:00"}, "in the future", "event_time"),
        ({"event_time": "infinity"}, "in the future", "event_time"),
        ({"event_time": "1970-01-01 00:00:00"}, "too early", "event_time"),
        ({"arrival_time": "2025-02-27 09:00:00"}, "happened after it arrived", "event_time"),
        ({"arrival_time": "2999-01-01"}, "in the future", "arrival_time"),
        ({"other_party": "a"}, "self call", "other_party"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_reason(change, reason, column) -> None:
    engine, reports = check({"usage": usage({}, change)})
    report = reports["usage"]
    assert (report.rows_in, report.kept, report.duplicates) == (2, 1, 0)
    assert [(f.reason, f.column, f.rows) for f in report.broken_rules] == [(reason, column, 1)]
    aside = engine.sql("select * from set_aside.usage").iloc[0]
    assert (aside["reason"], aside["broken_column"], aside["source_row"]) == (reason, column, 2)
    for name, value in change.items():
        assert pd.isna(aside[name]) if value is None else aside[name] == str(value)


@pytest.mark.parametrize(
    ("change", "column", "expected"),
    [
        ({"service": " VOICE "}, "service", "voice"),
        ({"direction": "OUT"}, "direction", "out"),
        ({"technology": "4g"}, "technology", "4G"),
        ({"technology": "-"}, "technology", None),
        ({"duration_s": "60.0"}, "duration_s", 60.0),
        ({"duration_s": 60}, "duration_s", 60.0),
        ({"duration_s": "-"}, "duration_s", None),
        ({"duration_s": ""}, "duration_s", None),
        ({"duration_s": "NaN"}, "duration_s", None),
        ({"duration_s": 86400}, "duration_s", 86400.0),
        ({"customer_id": " a "}, "customer_id", "a"),
        ({"customer_id": "007"}, "customer_id", "007"),
        ({"customer_id": 12.0}, "customer_id", "12"),
        ({"answered": "Yes"}, "answered", True),
        ({"answered": 0}, "answered", False),
        ({"event_time": "2025-03-01T10:00:00.25"}, "event_time", datetime(2025, 3, 1, 10, 0, 0, 250000)),
        ({"event_time": "2025-03-01"}, "event_time", datetime(2025, 3, 1)),
        ({"event_time": "2025-03-01T10:00:00Z"}, "event_time", datetime(2025, 3, 1, 10)),
        ({"event_time": "2025-03-01 10:00:00+02"}, "event_time", datetime(2025, 3, 1, 8)),
        ({"event_time": pd.Timestamp("2025-03-01 10:00", tz="Asia/Tokyo")}, "event_time", datetime(2025, 3, 1, 1)),
        ({"event_time": "2025-12-31 20:00"}, "event_time", datetime(2025, 12, 31, 20)),
        ({"arrival_time": "2025-02-28 22:00"}, "arrival_time", datetime(2025, 2, 28, 22)),
    ],
)
def test_a_good_value_is_read(change, column, expected) -> None:
    engine, reports = check({"usage": usage(change)})
    assert reports["usage"].kept == 1
    assert engine.rows(f"select {column} from usage") == [(expected,)]


def test_typed_columns_are_read_too() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 2, 3],
            "event_time": pd.to_datetime(["2025-03-01", "2025-03-02", None]),
            "service": pd.Categorical(["voice", "sms", "voice"]),
            "direction": ["in", "out", "in"],
            "duration_s": np.array([1.5, np.nan, 3], dtype="float32"),
        }
    )
    engine, reports = check({"usage": frame})
    assert reports["usage"].broken_rules[0].column == "event_time"
    assert engine.rows("select customer_id, duration_s from usage order by 1") == [("1", 1.5), ("2", None)]


def test_identifiers_with_gaps_do_not_become_floats() -> None:
    frame = usage({"other_party": "x"}, {"other_party": "y"})
    frame["device_id"] = np.array([35_209_900_176_148, np.nan], dtype="float64")
    engine, _ = check({"usage": frame})
    assert engine.rows("select device_id from usage order by other_party") == [("35209900176148",), (None,)]


def test_exact_duplicates_are_dropped_and_counted() -> None:
    rows = [{}, {}, {"duration_s": "60.0"}, {"duration_s": "61"}]
    engine, reports = check({"usage": usage(*rows)}, {"usage": {"key": "all"}})
    assert (reports["usage"].kept, reports["usage"].duplicates, reports["usage"].set_aside) == (2, 2, 0)
    assert len(engine.sql("select * from set_aside.usage")) == 0


def test_duplicates_are_found_when_lines_and_times_say_little() -> None:
    n = 4000
    frame = pd.DataFrame({**GOOD, "event_time": "2025-03-01", "other_party": [str(i % 3990) for i in range(n)]})
    _, reports = check({"usage": frame}, {"usage": {"key": "all"}})
    assert (reports["usage"].kept, reports["usage"].duplicates) == (3990, 10)


def test_two_missing_values_are_equal_in_duplicates() -> None:
    _, reports = check({"usage": usage({"other_party": None}, {"other_party": None})}, {"usage": {"key": "all"}})
    assert reports["usage"].duplicates == 1


def test_of_equal_keys_the_earliest_arrival_is_kept() -> None:
    bills = pd.DataFrame(
        {
            "bill_id": ["1", "1", "1", "2"],
            "customer_id": "a",
            "event_time": "2025-01-31",
            "arrival_time": ["2025-02-03", "2025-02-01", "2025-02-02", "2025-02-05"],
            "amount": [3, 1, 2, 4],
        }
    )
    engine, reports = check({"bills": bills})
    assert engine.rows("select amount from bills order by 1") == [(1.0,), (4.0,)]
    assert [(f.reason, f.column, f.rows) for f in reports["bills"].broken_rules] == [("duplicate key", "bill_id", 2)]
    assert engine.sql("select * from set_aside.bills")["amount"].tolist() == ["3", "2"]


def test_a_missing_arrival_means_the_time_of_the_event() -> None:
    bills = pd.DataFrame(
        {
            "bill_id": "1",
            "customer_id": "a",
            "event_time": ["2025-01-31", "2025-01-30"],
            "arrival_time": ["2025-02-01", None],
            "amount": [1, 2],
        }
    )
    engine, _ = check({"bills": bills})
    assert engine.rows("select amount from bills") == [(2.0,)]


CUSTOMERS = pd.DataFrame(
    {"customer_id": ["a", "b"], "msisdn": ["491", "492"], "billing_type": "prepaid", "activation_date": "2020-01-01"}
)


def test_rows_of_unknown_customers_are_set_aside_when_there_is_a_customer_table() -> None:
    engine, reports = check({"usage": usage({"other_party": "1"}, {"customer_id": "z"}), "customers": CUSTOMERS})
    assert str(reports["usage"].broken_rules[0]) == "unknown customer: customer_id"
    assert engine.sql("select customer_id from set_aside.usage")["customer_id"].tolist() == ["z"]


def test_a_call_to_the_own_number_is_set_aside() -> None:
    _, reports = check({"usage": usage({"other_party": "491"}, {"other_party": "492"}), "customers": CUSTOMERS})
    assert [(f.reason, f.rows) for f in reports["usage"].broken_rules] == [("self call", 1)]


def test_dates_before_the_network_are_set_aside_but_old_fixed_lines_are_not() -> None:
    days = ["1985-05-01", "1970-01-01", "1900-01-01", "2026-06-01", "2025-05-01"]
    frame = pd.DataFrame({"customer_id": list("abcde"), "billing_type": "prepaid", "activation_date": days})
    engine, _ = check({"customers": frame})
    assert engine.rows("select customer_id from customers order by 1") == [("a",), ("e",)]


def test_plan_changes_may_be_entered_ahead() -> None:
    frame = pd.DataFrame(
        {"customer_id": ["a"], "plan_id": ["s"], "start_date": ["2026-01-31"], "arrival_time": ["2025-12-20"]}
    )
    assert check({"subscriptions": frame})[1]["subscriptions"].kept == 1


def test_calendar_columns() -> None:
    times = ["2025-01-06 05:59:59", "2025-01-10 21:59:59", "2025-01-11 22:00:00", "2025-01-12 06:00:00"]
    frame = usage(*({"event_time": t} for t in times))
    frame["arrival_time"] = [None, "2025-01-13 00:10", "2025-01-11 21:00", "2025-01-12 07:00"]
    engine, _ = check({"usage": frame})
    query = "select weekday, hour, is_weekend, is_night, visible_date - event_date from usage order by event_time"
    assert engine.rows(query) == [
        (1, 5, False, True, 0),
        (5, 21, False, False, 3),
        (6, 22, True, True, 0),
        (7, 6, True, False, 0),
    ]


def test_weekday_agrees_with_the_calendar() -> None:
    days = pd.date_range("1999-12-20", periods=60).union(pd.date_range("2024-02-20", periods=30))
    engine, _ = check({"usage": usage(*({"event_time": str(day)} for day in days))})
    got = dict(engine.rows("select strftime(event_time, '%Y-%m-%d'), weekday from usage"))
    assert got == {f"{day:%Y-%m-%d}": day.isoweekday() for day in days}


def test_columns_beyond_the_contract_are_kept() -> None:
    frame = usage({})
    frame["my_score"], frame["hour"] = 0.5, 99
    engine, _ = check({"usage": frame})
    assert engine.rows("select my_score, hour from usage") == [(0.5, 10)]


def test_source_rows_are_right_in_a_table_of_many_row_groups() -> None:
    n = 300_000
    frame = pd.DataFrame({"cell_id": np.arange(n), "latitude": np.where(np.arange(n) % 99_991 == 7, 91.0, 50.0)})
    engine, _ = check({"cells": frame})
    aside = engine.sql("select cell_id, source_row from set_aside.cells")
    assert aside["source_row"].tolist() == [8, 99_999, 199_990, 299_981]
    assert (aside["cell_id"].astype(int) + 1).tolist() == aside["source_row"].tolist()


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_source_rows_are_right_in_many_files(tmp_path, ending) -> None:
    n, files = 40_000, 6
    (tmp_path / "usage").mkdir()
    for i in range(files):
        frame = usage(*[{}] * n).assign(place=np.arange(n) + n * i + 1)
        frame["duration_s"] = np.where(frame["place"] % 39_989 == 7, "-1", "1.5")
        path = tmp_path / "usage" / f"{i}.{ending}"
        frame.to_parquet(path, row_group_size=5_000) if ending == "parquet" else frame.to_csv(path, index=False)
    aside = Warehouse.open(tmp_path, latest="2025-12-31").set_aside("usage")
    assert aside["duration_s"].tolist() == ["-1"] * 7
    assert aside["place"].astype(int).tolist() == aside["source_row"].tolist() == [7 + 39_989 * k for k in range(7)]


def test_original_columns_named_like_ours_are_not_lost() -> None:
    frame = usage({"duration_s": -1})
    frame["reason"], frame["source"] = "mine", "theirs"
    engine, _ = check({"usage": pd.concat([frame, usage({})])})
    aside = engine.sql("select reason_, source_, reason from set_aside.usage").iloc[0].tolist()
    assert aside == ["mine", "theirs", "below minimum"]


DIRT = ["", " ", "-", "nan", "x", "-1", "0", "60.0", "1e400", "99999999999999999999", "2025-03-01", "2999-01-01"]
DIRT += ["1970-01-01", "2025-03-01T10:00:00+02:00", "voice", "SMS", "in", "out", "a", "b", "infinity", "true", "0x1F"]
VALUES = st.one_of(st.none(), st.sampled_from(DIRT), st.text(max_size=4), st.integers(-(2**70), 2**70), st.floats())
ROWS = st.fixed_dictionaries(
    {
        "customer_id": st.one_of(st.sampled_from(["a", "b", "c"]), VALUES),
        "event_time": st.one_of(st.sampled_from(["2025-03-01", "2025-03-02 10:00"]), VALUES),
        "service": st.one_of(st.sampled_from(["voice", "sms"]), VALUES),
        "direction": st.one_of(st.sampled_from(["in", "out"]), VALUES),
        "duration_s": VALUES,
        "other_party": VALUES,
        "arrival_time": VALUES,
        "extra": VALUES,
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROWS, min_size=1, max_size=12), st.booleans())
def test_no_row_is_ever_lost(rows, twice) -> None:
    frame = pd.DataFrame(rows * 2 if twice else rows, dtype=object)
    engine, reports = check({"usage": frame, "customers": CUSTOMERS})
    report = reports["usage"]
    assert report.rows_in == len(frame) == report.kept + report.set_aside + report.duplicates
    aside = engine.sql("select * from set_aside.usage")
    assert len(aside) == report.set_aside
    assert engine.rows("select count(*) from usage") == [(report.kept,)]
    good = "customer_id in ('a', 'b') and event_time >= timestamp '1990-01-01' and event_date <= date '2026-01-01'"
    assert engine.rows(
        f"select count(*) from usage where {good} and coalesce(duration_s between 0 and 86400, true)"
    ) == [(report.kept,)]
    for _, row in aside.iterrows():
        value = rows[(row["source_row"] - 1) % len(rows)]["other_party"]
        assert (
            isinstance(value, float | int)
            or row["other_party"] == value
            or (value is None and pd.isna(row["other_party"]))
        )


KEYED = st.lists(
    st.tuples(st.sampled_from("123"), st.sampled_from(["2025-01-31", "x"]), st.sampled_from([1, 2])), max_size=12
)


@settings(max_examples=15, deadline=None)
@given(KEYED)
def test_keys_are_unique_afterwards(rows) -> None:
    frame = pd.DataFrame(rows, columns=["bill_id", "event_time", "amount"]).astype({"amount": float})
    _, reports = check({"bills": frame.assign(customer_id="a")})
    good = frame[frame["event_time"] != "x"]
    report = reports["bills"]
    assert report.kept == good["bill_id"].nunique()
    assert report.duplicates == int(good.duplicated().sum())
    assert report.set_aside == len(frame) - report.kept - report.duplicates
