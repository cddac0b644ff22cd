"""The warehouse: every way in, what is refused, what is saved, real call records."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import custintel.simulate
from custintel import warehouse as module
from custintel.errors import ConfigurationError, ContractError, DataError, QualityWarning
from custintel.warehouse import Warehouse

CUSTOMERS = pd.DataFrame({"customer_id": ["a", "b"], "billing_type": "prepaid", "activation_date": "2020-01-01"})
USAGE = pd.DataFrame(
    {
        "customer_id": ["a", "b", "b", "z", "a"],
        "event_time": ["2025-03-01 23:30", "2025-03-02", "2025-03-02", "2025-03-03", "2025-04-01"],
        "service": "voice",
        "direction": "out",
        "duration_s": ["60", "30", "30", "5", "-5"],
    }
)
COUNTS = {"rows_in": 5, "kept": 3, "set_aside": 2, "duplicates": 0}


@pytest.fixture
def wh() -> Warehouse:
    return Warehouse.from_frames(customers=CUSTOMERS, usage=USAGE)


def test_what_a_warehouse_shows(wh) -> None:
    assert wh.tables == ("customers", "usage")
    assert wh.report.frame().loc["usage"].to_dict() == COUNTS
    assert wh.period == (pd.Timestamp("2025-03-01"), pd.Timestamp("2025-03-02"))
    assert wh.columns("usage")["event_time"] == "TIMESTAMP"
    assert wh.sql(f"select sum(duration_s) as s from {wh.relation('usage')}")["s"].tolist() == [120]
    assert len(wh.frame("usage")) == 3
    assert dict(wh.truth) == {}
    assert "usage 3" in repr(wh)
    assert "2025-03-01 to 2025-03-02" in wh._repr_html_()


def test_reasons(wh) -> None:
    reasons = wh.report.reasons()[["reason", "column", "rows"]].to_records(index=False).tolist()
    assert sorted(reasons) == [("below minimum", "duration_s", 1), ("unknown customer", "customer_id", 1)]
    assert wh.set_aside("usage")["customer_id"].tolist() == ["z", "a"]


@pytest.mark.parametrize("make", [pa.Table.from_pandas, pl.from_pandas], ids=["arrow", "polars"])
def test_frames_of_other_libraries_give_the_same(wh, make) -> None:
    other = Warehouse.from_frames(customers=make(CUSTOMERS), usage=make(USAGE))
    assert other.digest() == wh.digest()


@pytest.fixture(params=["parquet", "csv", "subfolders", "database", "connection", "views"])
def place(request, tmp_path):
    """The same two tables in every kind of place."""
    frames = {"customers": CUSTOMERS, "usage": USAGE}
    if request.param in ("parquet", "csv", "subfolders"):
        for name, frame in frames.items():
            if request.param == "subfolders":
                (tmp_path / name / "year=2025").mkdir(parents=True)
                frame.iloc[:2].to_parquet(tmp_path / name / "year=2025" / "1.parquet")
                frame.iloc[2:].to_parquet(tmp_path / name / "year=2025" / "2.parquet")
            elif request.param == "csv":
                frame.to_csv(tmp_path / f"{name}.csv", index=False)
            else:
                frame.to_parquet(tmp_path / f"{name}.parquet")
        return tmp_path
    path = str(tmp_path / "operator.duckdb") if request.param == "database" else ":memory:"
    connection = duckdb.connect(path)
    for name, frame in frames.items():
        connection.register(name if request.param == "views" else f"f_{name}", frame)
        if request.param != "views":
            connection.execute(f"create table {name} as select * from f_{name}")
    if request.param == "database":
        connection.close()
        return path
    return connection


def test_every_place_gives_the_same(wh, place) -> None:
    other = Warehouse.open(place)
    assert other.report.frame().equals(wh.report.frame())
    columns = "customer_id, event_time, duration_s, visible_date, is_night"
    query = f"select {columns} from {{}} order by all"
    pd.testing.assert_frame_equal(
        other.sql(query.format(other.relation("usage"))), wh.sql(query.format(wh.relation("usage")))
    )
    assert other.sql("select count(*) as n from usage")["n"].tolist() == [3]
    assert other.set_aside("usage")["duration_s"].tolist() == ["5", "-5"]


def test_a_connection_keeps_its_tables() -> None:
    connection = duckdb.connect()
    connection.register("f", USAGE)
    connection.execute("create table usage as select * from f")
    Warehouse.open(connection)
    assert connection.execute("select count(*) from usage").fetchall() == [(5,)]


def _database_with_view(folder, view: str):
    """A DuckDB file with one table, and one view that stands for the table of plans."""
    path = folder / "operator.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table tariffs as select 's' as plan_id, 9.9 as monthly_fee")
        connection.execute(f"create view plans as {view}")
    return path


@pytest.mark.parametrize(
    "reads", ["read_csv('{}')", "read_text('{}')", "'{}'", "glob('{}')", "(select * from read_csv('{}'))"]
)
def test_a_view_of_a_database_file_reads_nothing_outside_it(tmp_path, reads) -> None:
    other = tmp_path / "secret.csv"
    other.write_text("plan_id\nsecret\n")
    path = _database_with_view(tmp_path, f"select * from {reads.format(other)}")
    with pytest.raises(
        ContractError, match=r"the view \"main\"\.\"plans\" reads files(.|\n)*allowed: tables, and views"
    ):
        Warehouse.open(path)


def test_a_view_of_tables_of_its_database_is_read_and_its_copy_forgotten(tmp_path) -> None:
    path = _database_with_view(tmp_path, "select plan_id, monthly_fee from tariffs where monthly_fee > 1")
    wh = Warehouse.open(path)
    assert wh.frame("plans").to_dict("records") == [{"plan_id": "s", "monthly_fee": 9.9}]
    assert wh.engine.rows("select table_name from duckdb_tables() where temporary") == []
    named = Warehouse.open(path, rename={"plans": {"file": "plans", "plan_id": "plan_id"}})
    assert len(named.frame("plans")) == 1


def test_a_view_that_cannot_be_read_is_a_clear_error(tmp_path) -> None:
    path = _database_with_view(tmp_path, "select plan_id from tariffs")
    with duckdb.connect(str(path)) as connection:
        connection.execute("drop table tariffs")
    with pytest.raises(ContractError, match=r"the view .* cannot be read"):
        Warehouse.open(path)


def test_mapping_yaml_of_a_folder_and_a_table_in_parts(tmp_path) -> None:
    pd.DataFrame({"who": ["a", "b"], "when": ["01.03.2025", "02.03.2025"]}).to_csv(
        tmp_path / "x.csv", index=False, sep=";"
    )
    pd.DataFrame({"customer_id": ["c"], "event_time": ["2025-03-03"]}).to_parquet(tmp_path / "y.parquet")
    (tmp_path / "mapping.yaml").write_text(
        """
usage:
  - {file: x.csv, customer_id: who, event_time: {column: when, format: "%d.%m.%Y"},
     service: {value: sms}, direction: {value: out}}
  - {file: y.parquet, service: {value: voice}, direction: {value: in}}
"""
    )
    wh = Warehouse.open(tmp_path)
    query = "select customer_id, service, event_date::varchar from usage order by 1"
    assert wh.engine.rows(query) == [
        ("a", "sms", "2025-03-01"),
        ("b", "sms", "2025-03-02"),
        ("c", "voice", "2025-03-03"),
    ]


def test_every_missing_column_and_table_is_named_at_once() -> None:
    with pytest.raises(ContractError) as caught:
        Warehouse.from_frames(
            usage=USAGE.rename(columns={"event_time": "eventtime"}), bills=pd.DataFrame({"amount": [1]})
        )
    message = str(caught.value)
    assert "4 problems" in message
    assert "missing column event_time" in message
    assert 'did you mean \'eventtime\'? rename={"usage": {"event_time": "eventtime"}}' in message
    assert "missing column bill_id" in message
    assert "missing column customer_id" in message
    assert "given: amount" in message


@pytest.mark.parametrize(
    ("tables", "rename", "said"),
    [
        ({}, None, "no table of the contracts"),
        ({"usge": USAGE}, None, "did you mean 'usage'?"),
        ({"usage": USAGE}, {"usage": {"event_time": "time"}}, "the column mapped to event_time is not there: 'time'"),
        ({"usage": USAGE.iloc[:0]}, None, "usage: the table has no rows"),
        ({"usage": USAGE, "customers": CUSTOMERS.iloc[:0]}, None, "customers: the table has no rows"),
        ({"usage": USAGE.assign(event_time="01/12/2025")}, None, '"format": "%d/%m/%Y"'),
        ({"usage": USAGE.assign(service="call")}, None, '"values": {...}'),
        ({"usage": [[1, 2]]}, None, "usage: a table must be a pandas, Polars or Arrow frame, not list"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(tables, rename, said) -> None:
    with pytest.raises(ContractError) as caught:
        Warehouse.from_frames(rename=rename, **tables)
    assert said in str(caught.value)


def test_an_empty_table_beside_full_ones_is_fine(wh) -> None:
    other = Warehouse.from_frames(customers=CUSTOMERS, usage=USAGE.iloc[:0])
    assert other.report.frame().loc["usage"].tolist() == [0, 0, 0, 0]


def test_places_without_a_warehouse(tmp_path) -> None:
    with pytest.raises(ContractError, match="no such file or folder"):
        Warehouse.open(tmp_path / "nowhere")
    with pytest.raises(ContractError, match="no table of the contracts"):
        Warehouse.open(tmp_path)
    (tmp_path / "usage.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ContractError, match="give its folder"):
        Warehouse.open(tmp_path / "usage.csv")
    (tmp_path / "usage.parquet").write_text("not parquet")
    (tmp_path / "usage.csv").unlink()
    with pytest.raises(ContractError, match="cannot be read"):
        Warehouse.open(tmp_path)


def test_a_broken_csv_line_is_an_error_and_not_a_lost_row(tmp_path) -> None:
    lines = "\n".join(f"p{i},5" for i in range(3000))
    (tmp_path / "plans.csv").write_text(f"plan_id,monthly_fee\n{lines}\nx,1,2,3\n")
    with pytest.raises(ContractError, match=r"plans.*cannot be read"):
        Warehouse.open(tmp_path)


def test_a_table_or_name_that_is_not_there(wh) -> None:
    with pytest.raises(DataError, match="allowed: customers, usage"):
        wh.relation("bills")
    with pytest.raises(DataError, match="no table with times"):
        Warehouse.from_frames(plans=pd.DataFrame({"plan_id": ["s"]})).period  # noqa: B018


def test_much_set_aside_is_said() -> None:
    frame = pd.concat([USAGE] * 3).assign(customer_id=[str(i) for i in range(15)])
    bad = frame.assign(duration_s="-1")
    with pytest.warns(QualityWarning, match=r"usage: 3\d of 45 rows were set aside: below minimum: duration_s"):
        Warehouse.from_frames(usage=pd.concat([frame, bad, bad.assign(duration_s="-2")]))


def test_latest(wh) -> None:
    assert Warehouse.from_frames(usage=USAGE, latest="2025-03-02").report["usage"].kept == 3 + 1
    assert Warehouse.from_frames(usage=USAGE, latest="2025-02-28").report["usage"].kept == 3


def test_digest_tells_other_content(wh) -> None:
    assert Warehouse.from_frames(customers=CUSTOMERS, usage=USAGE.iloc[::-1]).digest() == wh.digest()
    changed = USAGE.assign(duration_s=["61", *USAGE["duration_s"][1:]])
    assert Warehouse.from_frames(customers=CUSTOMERS, usage=changed).digest() != wh.digest()
    assert Warehouse.from_frames(usage=USAGE).digest() != wh.digest()


def test_a_saved_warehouse_comes_back_whole(wh, tmp_path) -> None:
    wh.truth = {"churn": pd.DataFrame({"customer_id": ["a"], "week": [3]})}
    again = Warehouse.open(wh.save(tmp_path / "saved"))
    assert again.digest() == wh.digest()
    assert again.report.frame().equals(wh.report.frame())
    assert again.report.reasons().equals(wh.report.reasons())
    for name in wh.tables:
        pd.testing.assert_frame_equal(again.frame(name), wh.frame(name))
        pd.testing.assert_frame_equal(again.set_aside(name), wh.set_aside(name))
    pd.testing.assert_frame_equal(again.truth["churn"], wh.truth["churn"])
    assert again.tables == wh.tables


def test_a_saved_warehouse_that_somebody_changed_is_reported_as_it_is(wh, tmp_path) -> None:
    folder = wh.save(tmp_path / "saved")
    USAGE.iloc[:1].to_parquet(folder / "usage.parquet")
    assert Warehouse.open(folder).report.frame().loc["usage"].tolist() == [1, 1, 0, 0]


def test_a_warehouse_that_is_replaced_while_it_is_opened_is_the_old_or_the_new_one(wh, tmp_path, monkeypatch) -> None:
    folder, new = wh.save(tmp_path / "saved"), Warehouse.from_frames(customers=CUSTOMERS, usage=USAGE.iloc[:2])
    read = module.folder_sources

    def replaced(*given):
        monkeypatch.setattr(module, "folder_sources", read)
        new.save(folder)
        return read(*given)

    monkeypatch.setattr(module, "folder_sources", replaced)
    again = Warehouse.open(folder)
    assert again.digest() == new.digest()
    assert again.report.frame().equals(new.report.frame())


def test_save_replaces_only_a_saved_warehouse(wh, tmp_path) -> None:
    wh.save(tmp_path / "saved")
    assert Warehouse.open(wh.save(tmp_path / "saved")).digest() == wh.digest()
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("x")
    with pytest.raises(ConfigurationError, match="something else"):
        wh.save(tmp_path / "letters")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["letters", "saved"]


def test_a_save_that_fails_leaves_the_earlier_one(wh, tmp_path) -> None:
    folder = wh.save(tmp_path / "saved")
    wh.truth = {"bad": SimpleNamespace()}
    with pytest.raises(AttributeError):
        wh.save(folder)
    assert Warehouse.open(folder).digest() == wh.digest()
    assert [p.name for p in tmp_path.iterdir()] == ["saved"]


def test_simulated_tables_are_checked_and_truth_is_apart(monkeypatch) -> None:
    made = {}

    def fake(customers, months, seed, config, policy):
        made.update(customers=customers, months=months, seed=seed, config=config, policy=policy)
        tables = {"customers": pa.Table.from_pandas(CUSTOMERS), "usage": pa.Table.from_pandas(USAGE)}
        return SimpleNamespace(tables=tables, truth={"churn": pd.DataFrame({"customer_id": ["a"]})})

    monkeypatch.setattr(custintel.simulate, "simulate", fake, raising=False)
    wh = Warehouse.simulate(customers=2, months=4, seed=1)
    assert made == {"customers": 2, "months": 4, "seed": 1, "config": None, "policy": None}
    again = {**COUNTS, "kept": 2, "duplicates": 1}  # equal records of the simulator came twice
    assert wh.report.frame().loc["usage"].to_dict() == again
    assert list(wh.truth) == ["churn"]
    assert wh.tables == ("customers", "usage")


def test_the_import_is_light() -> None:
    heavy = ("mlflow", "polars", "sklearn", "matplotlib")
    code = f"import sys, custintel.warehouse; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True
    )
    assert done.stdout.strip() == "[]"


# --- real and foreign call records ---------------------------------------------------------------------------------

START = {"column": "timestamp", "epoch": "2013-09-01", "unit": "s"}
CALLER = {"customer_id": "from", "other_party": "to", "event_time": START, "direction": {"value": "out"}}
CALLEE = {"customer_id": "to", "other_party": "from", "event_time": START, "direction": {"value": "in"}}
CALL = {
    "service": {"value": "voice"},
    "duration_s": {"column": "duration", "values": {-1: 0}},
    "answered": {"column": "duration", "values": {-1: False}, "other": True},
}
TEXT = {"service": {"value": "sms"}}


@pytest.mark.data
def test_copenhagen_calls_and_texts_in_both_directions(data_folder) -> None:
    folder = data_folder / "copenhagen_networks"
    calls, texts = pd.read_csv(folder / "calls.csv"), pd.read_csv(folder / "sms.csv")
    rename = {"usage": [CALLER | CALL, CALLEE | CALL, CALLER | TEXT, CALLEE | TEXT]}
    wh = Warehouse.from_frames(usage=[calls, calls, texts, texts], rename=rename)
    assert wh.report.frame().loc["usage"].tolist() == [2 * (3600 + 24_333), 2 * (3600 + 24_333), 0, 0]
    assert wh.report["usage"].equal == 2 * 21  # texts of one second: no key says that they are the same
    totals = wh.engine.rows(
        "select service, direction, count(*), count_if(not answered), sum(duration_s), max(duration_s)"
        " from usage group by all order by all"
    )
    assert totals == [
        ("sms", "in", 24_333, None, None, None),
        ("sms", "out", 24_333, None, None, None),
        ("voice", "in", 3600, 366, 204_813.0, 5138.0),
        ("voice", "out", 3600, 366, 204_813.0, 5138.0),
    ]
    people = wh.engine.rows("select service, count(distinct customer_id) from usage group by 1 order by 1")
    assert people == [("sms", 568), ("voice", 536)]
    assert wh.engine.rows("select min(event_time)::varchar from usage") == [("2013-09-01 00:00:18",)]


@pytest.mark.data
def test_copenhagen_as_a_folder_with_a_mapping_file(data_folder, tmp_path) -> None:
    for name in ("calls.csv", "sms.csv"):
        (tmp_path / name).write_bytes((data_folder / "copenhagen_networks" / name).read_bytes())
    parts = [CALLER | CALL | {"file": "calls.csv"}, CALLER | TEXT | {"file": "sms.csv"}]
    wh = Warehouse.open(tmp_path, rename={"usage": parts})
    assert wh.report.frame().loc["usage"].tolist() == [27_933, 27_933, 0, 0]
    assert wh.engine.rows("select sum(duration_s), count_if(not answered) from usage") == [(204_813.0, 366)]


@pytest.mark.data
def test_personal_phone_log_with_day_first_dates(data_folder) -> None:
    log = pd.read_csv(data_folder / "personal_phone_log" / "phone_data.csv").assign(me="me")
    rename = {
        "customer_id": "me",
        "event_time": {"column": "date", "format": ["%d/%m/%y %H:%M", "%d/%m/%Y %H:%M"]},
        "service": {"column": "item", "values": {"call": "voice"}},
        "direction": {"value": "out"},
        "duration_s": "duration",
        "other_operator": "network",
    }
    wh = Warehouse.from_frames(usage=log, rename={"usage": rename})
    got = wh.engine.rows("select service, count(*), sum(duration_s)::int from usage group by 1 order by 1")
    assert got == [("data", 150, 5164), ("sms", 292, 292), ("voice", 388, 92_321)]
    assert wh.period == (pd.Timestamp("2014-10-15"), pd.Timestamp("2015-03-14"))
    assert wh.engine.rows("select count(distinct month) from usage") == [(5,)]
    with pytest.raises(ContractError, match="cannot be read: years have two digits"):
        Warehouse.from_frames(usage=log, rename={"usage": {**rename, "event_time": "date"}})


@pytest.mark.data
def test_vast_negative_durations_are_set_aside(data_folder) -> None:
    rename = {
        "file": "cdr.csv",
        "customer_id": "From",
        "other_party": "To",
        "event_time": {"column": "Datetime", "format": "%Y%m%d %H%M"},
        "duration_s": "Duration(seconds)",
        "cell_id": "Cell Tower",
        "service": {"value": "voice"},
        "direction": {"value": "out"},
    }
    wh = Warehouse.open(data_folder / "vast2008_cdr", rename={"usage": rename})
    assert wh.report.frame().loc["usage"].tolist() == [9834, 9830, 4, 0]
    aside = wh.set_aside("usage")
    assert sorted(aside["Duration(seconds)"].astype(int)) == [-145, -113, -44, -2]
    assert wh.engine.rows("select sum(duration_s)::int + (-145 - 113 - 44 - 2) from usage") == [(10_475_678,)]
    assert wh.period == (pd.Timestamp("2006-06-01"), pd.Timestamp("2006-06-10"))
