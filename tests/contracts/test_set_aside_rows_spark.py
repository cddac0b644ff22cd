"""The checks on Spark keep and set aside the same rows for the same reasons as on DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from custintel.contracts.column_mapping import parse_mapping
from custintel.contracts.decide_date_formats import decide_date_formats
from custintel.contracts.raw_tables import frame_sources
from custintel.contracts.set_aside_rows import check_table
from custintel.contracts.table_contracts import TABLES
from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.engines.spark_engine import SparkEngine
from custintel.errors import ContractError
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from custintel.contracts.quality_report import TableReport

pytestmark = pytest.mark.xdist_group("spark")

GOOD = {"customer_id": "a", "service": "voice", "direction": "out", "other_party": "491", "duration_s": "60"}
TIMES = [
    "2025-03-01 10:00:00",
    "2025-3-1 9:05",
    "2025/03/01",
    "2025-03-01T10:00:00.25",
    "2025-03-01 10:00:00+02",
    "2025-03-01 10:00:00Z",
    "2025-03-01 10:00:00 Europe/Berlin",
    "15/10/14 06:58",
    "2025",
    "2025-03",
    "20250301",
    "1740823200",
    "2025-02-30",
    "2025-03-01 25:00:00",
    "soon",
    "",
    "-",
    None,
    "1970-01-01 00:00:00",
    "2999-01-01",
]
NUMBERS = [
    "60",
    "60.0",
    " 7 ",
    "1e2",
    "1_000",
    ".5",
    "+5",
    "12d",
    "0x10",
    "1,5",
    "abc",
    "inf",
    "nan",
    "-60",
    "1e9",
    "NA",
]


def check(engine: Any, tables: dict[str, Any], rename: Any = None) -> dict[str, TableReport]:
    sources = frame_sources(engine, tables, parse_mapping(rename))
    ordered = [name for name in TABLES if name in tables]
    latest = pd.Timestamp("2025-12-31").to_pydatetime()
    return {name: check_table(engine, TABLES[name], sources[name], latest, ordered) for name in ordered}


def assert_same(spark: Any, tables: dict[str, Any], rename: Any = None) -> dict[str, TableReport]:
    """Same counts and reasons, same clean rows, same rows set aside with their original values and places."""
    here, there = DuckDBEngine(), SparkEngine(spark)
    expected, found = check(here, tables, rename), check(there, tables, rename)
    assert found == expected
    for name in expected:
        assert there.columns(there.relation(name)) == here.columns(here.relation(name))
        for schema in ("main", "set_aside"):
            ours, theirs = (_rows(engine, engine.relation(name, schema)) for engine in (there, here))
            assert ours == theirs
    there.close()
    return expected


def _rows(engine: Any, relation: str) -> tuple[list[str], set[tuple[object, ...]]]:
    columns = sorted(engine.columns(relation))
    return columns, set(engine.rows(f"select {', '.join(columns)} from {relation}"))


def test_odd_times_and_numbers(spark) -> None:
    rows = [{**GOOD, "event_time": time} for time in TIMES]
    rows += [{**GOOD, "event_time": "2025-03-01", "duration_s": number} for number in NUMBERS]
    rows += [{**GOOD, "event_time": "2025-03-02", "direction": word} for word in ("OUT ", "in", "sideways", None)]
    rows += [{**GOOD, "event_time": "2025-03-02", "answered": word} for word in ("Yes", "0", "perhaps", None)]
    report = assert_same(spark, {"usage": pd.DataFrame(rows, dtype=object)})["usage"]
    assert report.set_aside > 20
    assert report.kept > 15


def test_duplicates_keys_references_and_parts(spark) -> None:
    customers = pd.DataFrame(
        {
            "customer_id": ["a", "b", "b", "c"],
            "msisdn": ["491", "492", "492", None],
            "billing_type": "prepaid",
            "activation_date": ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-01"],
        }
    )
    calls = pd.DataFrame({**GOOD, "event_time": pd.to_datetime(["2025-03-01", "2025-03-02", "2025-03-02"])})
    calls["other_party"] = ["491", "a", "77"]
    other = pd.DataFrame({"caller": ["a", "z", "a"], "began": ["2025-03-02"] * 3, "duration_s": [60.0, 5.0, 60.0]})
    other["record"] = ["r1", "r2", "r3"]
    bills = pd.DataFrame(
        {
            "bill_id": ["1", "1", "1", "2"],
            "customer_id": "a",
            "amount": [9.9, 8.8, 9.9, 7.0],
            "event_time": ["2025-02-28", "2025-01-31", "2025-02-28", "2025-02-28"],
        }
    )
    rename = {
        "usage": [
            {"key": "all"},
            {
                "customer_id": "caller",
                "event_time": {"column": "began", "format": ["%d/%m/%Y", "%Y-%m-%d"]},
                "service": {"value": "voice"},
                "direction": {"value": "out"},
                "other_party": {"value": "77"},
            },
        ]
    }
    reports = assert_same(spark, {"customers": customers, "usage": [calls, other], "bills": bills}, rename)
    assert {str(f) for r in reports.values() for f in r.broken_rules} >= {
        "duplicate key: customer_id",
        "self call: other_party",
        "unknown customer: customer_id",
        "duplicate key: bill_id",
    }
    assert sum(r.duplicates for r in reports.values()) > 0


def test_epochs_and_scales(spark) -> None:
    frame = pd.DataFrame({"user": ["1", "2"], "seconds": ["86400.5", "later"], "ms": [61_000, 5_000]})
    rename = {
        "usage": {
            "customer_id": "user",
            "event_time": {"column": "seconds", "epoch": "2025-01-01", "unit": "s"},
            "duration_s": {"column": "ms", "scale": 0.001},
            "service": {"value": "voice"},
            "direction": {"value": "out"},
        }
    }
    assert assert_same(spark, {"usage": frame}, rename)["usage"].set_aside == 1


@pytest.mark.parametrize(
    ("times", "source"),
    [
        ([f"{day:02d}/04/2025 10:00" for day in range(3, 25)], {}),
        ([f"04/{day:02d}/2025" for day in range(3, 25)], {}),
        ([f"2025-04-{day:02d}" for day in range(3, 25)], {}),
        (["2025-07-01 10:00:00+0000"] * 3, {"format": "%Y-%m-%d %H:%M:%S%z", "zone": "Europe/Dublin"}),
        (
            ["01/07/2025 23:30 +01:00", "2025-07-01"],
            {"format": ["%Y-%m-%d", "%d/%m/%Y %H:%M %z"], "zone": "Asia/Tokyo"},
        ),
        ([1_751_364_000, 1_751_364_001], {"epoch": "1970-01-01", "unit": "s", "zone": "Europe/Dublin"}),
    ],
)
def test_dates_are_settled_and_zones_applied_as_on_duckdb(spark, times, source) -> None:
    frame = pd.DataFrame({**GOOD, "event_time": times})
    rename = {"usage": {"event_time": {"column": "event_time", **source}}} if source else None
    here, there = DuckDBEngine(), SparkEngine(spark)
    found = []
    for engine in (here, there):
        decided_sources = decide_date_formats(engine, frame_sources(engine, {"usage": frame}, parse_mapping(rename)))
        latest = pd.Timestamp("2025-12-31").to_pydatetime()
        report = check_table(engine, TABLES["usage"], decided_sources["usage"], latest, ["usage"])
        relation = engine.relation("usage")
        shown = engine.rows(f"select cast(event_time as varchar) from {relation} order by 1")
        found.append((report, [str(row[0]) for row in shown], engine.columns(relation)))
    there.close()
    assert found[0] == found[1]
    assert found[0][0].kept == len(times)


def test_equal_rows_are_counted_as_on_duckdb(spark) -> None:
    frame = pd.DataFrame({**GOOD, "event_time": ["2025-03-01 10:00"] * 5, "record": ["1", "1", None, None, "2"]})
    for rename, equal in ((None, 2), ({"usage": {"key": "record"}}, 1), ({"usage": {"key": "all"}}, 0)):
        assert assert_same(spark, {"usage": frame}, rename)["usage"].equal == equal


def test_a_session_is_opened(operators) -> None:
    here, there = operators
    assert there.tables == here.tables
    assert {r.table: r for r in there.report} == {r.table: r for r in here.report}
    assert (there.report.frame()["rows_in"] == there.report.frame().drop(columns="rows_in").sum(axis=1)).all()
    assert there.report.frame()["set_aside"].sum() > 0
    assert there.period == here.period
    assert there.columns("usage") == here.columns("usage")
    assert repr(there) == repr(here)
    columns = ["reason", "broken_column", "source_row"]
    for name in ("usage", "bills"):
        ours = there.set_aside(name)[columns].sort_values(columns)
        assert ours.to_numpy().tolist() == here.set_aside(name)[columns].sort_values(columns).to_numpy().tolist()
    assert len(there.frame("bills")) == there.report["bills"].kept
    assert there.sql("select count(*) as n from usage")["n"].tolist() == [there.report["usage"].kept]
    assert there.digest() == there.digest()


def test_times_are_read_in_the_zone_of_the_session(spark) -> None:
    """An instant of Spark means the hour that the session shows; another zone can be named."""
    session = spark.newSession()
    call = "select 'a' as customer_id, timestamp '2025-03-01 07:30:00' as began, 'voice' as service, 'out' as direction"
    session.sql(call).createOrReplaceTempView("calls")
    rename: dict[str, Any] = {"usage": {"file": "calls", "event_time": "began"}}
    wh = Warehouse.open(session, rename=rename, latest="2025-12-31")
    assert wh.sql("select hour from usage")["hour"].tolist() == [7]
    rename["usage"]["event_time"] = {"column": "began", "zone": "UTC"}
    wh = Warehouse.open(session, rename=rename, latest="2025-12-31")
    assert wh.sql("select hour, is_night from usage").to_numpy().tolist() == [[23, True]]


def test_tables_of_the_catalog_are_found_and_left_as_they_are(spark) -> None:
    session = spark.newSession()
    session.sql("create database if not exists crm")
    session.sql(
        "create table crm.plan_list using parquet as"
        " select 's' as plan, '-9.5' as monthly_fee union all select 'm', '5'"
    )
    rename = {"plans": {"file": "crm.plan_list", "plan_id": "plan"}}
    wh = Warehouse.open(session, rename=rename, latest="2025-12-31")
    assert wh.frame("plans").loc[0].to_dict() == {"plan_id": "m", "monthly_fee": 5}
    assert wh.set_aside("plans")[["plan", "monthly_fee", "source"]].to_numpy().tolist() == [
        ["s", "-9.5", "crm.plan_list"]
    ]
    assert session.table("crm.plan_list").columns == ["plan", "monthly_fee"]
    session.sql("drop database crm cascade")


def test_a_table_that_is_not_there(spark) -> None:
    with pytest.raises(ContractError, match=r"crm\.nothing: cannot be read"):
        Warehouse.open(spark.newSession(), rename={"plans": {"file": "crm.nothing"}}, latest="2025-12-31")


def test_expressions_and_rows_that_are_no_rows(spark) -> None:
    calls = pd.DataFrame(
        {
            "customer_id": list("aabbccdd"),
            "event_time": [f"2025-03-{day:02d} 10:00:00" for day in range(1, 9)],
            "way": ["out", "OUT", "in", "out", "out", "out", None, "out"],
            "seconds": ["60", "5", "7.5", "0", "x", "", "3", "-1"],
            "paid": ["yes", "no", "0", "1", "yes", "maybe", "yes", "yes"],
            "due": ["2025-03-05", "2025-03-01", "", "2025-03-09", "2025-03-01", "2025-03-02", "soon", "2025-03-20"],
        }
    )
    rename = {
        "usage": {
            "service": {"value": "voice"},
            "direction": {"value": "out"},
            "duration_s": {"expression": "seconds * 60 / 2"},
            "answered": {"expression": "way = 'out' and seconds > 0"},
            "cell_id": {"expression": "case when seconds > 5 then way else 'none' end"},
            "wait_days": {"expression": "days_between(event_time, due)", "type": "number"},
            "rows": "seconds >= 0 and paid",
            "key": "all",
        }
    }
    report = assert_same(spark, {"usage": calls}, rename)["usage"]
    assert report.left_out == 3
    assert report.kept == 2
    assert {str(broken) for broken in report.broken_rules} == {"unreadable: rows", "unreadable: wait_days"}


def test_an_own_table_of_a_session(spark) -> None:
    from custintel.contracts.own_contracts import forget_tables

    session = spark.newSession()
    visit = "select 'a' as customer_id, timestamp '2025-03-01 07:30:00' as event_time"
    session.sql(f"{visit}, -5.0D as minutes union all {visit}, 8.0D").createOrReplaceTempView("shop_visits")
    columns = {"customer_id": "string", "event_time": "timestamp", "minutes": "number"}
    entry = {name: {"type": kind, "about": "A"} for name, kind in columns.items()}
    entry["minutes"]["min"] = 0  # type: ignore[assignment]
    own = {"shop_visits": {"about": "Visits", "event_time": "event_time", "columns": entry}}
    wh = Warehouse.open(session, contracts=own)
    forget_tables()
    assert (wh.tables, wh.report["shop_visits"].kept) == (("shop_visits",), 1)
    assert wh.set_aside("shop_visits")["reason"].tolist() == ["below minimum"]
    assert wh.columns("shop_visits")["visible_date"] == "DATE"
