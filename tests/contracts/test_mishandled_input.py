"""Input that other libraries mishandle, one case a row: what is accepted, set aside with which reason, or counted."""

from __future__ import annotations

import zipfile
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.engines.to_arrow import to_arrow
from custintel.errors import ConfigurationError, ContractError, QualityWarning
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {
    "customer_id": "a",
    "event_time": "2025-03-01 10:00:00",
    "service": "voice",
    "direction": "out",
    "other_party": "491711234567",
    "duration_s": "60",
}


def opened(*changes: dict[str, Any], rename: dict[str, Any] | None = None, **tables: pd.DataFrame) -> Warehouse:
    """A warehouse of the good call and its changed copies; the good one is of customer `good`."""
    rows = [{**GOOD, "customer_id": "good"}, *({**GOOD, **change} for change in changes)]
    mapping = None if rename is None else {"usage": rename}
    return Warehouse.from_frames(
        usage=pd.DataFrame(rows, dtype=object), rename=mapping, latest="2025-12-31", **tables
    )  # fmt: skip


def value(wh: Warehouse, column: str) -> Any:
    """Value of the changed row; it must have been kept."""
    (row,) = wh.engine.rows(f"select {column} from usage where customer_id = 'a'")
    return row[0]


ACCEPTED = {
    "ISO date with T": ({"event_time": "2025-03-01T10:00:00"}, "event_time", datetime(2025, 3, 1, 10)),
    "fractions": ({"event_time": "2025-03-01 10:00:00.25"}, "event_time", datetime(2025, 3, 1, 10, 0, 0, 250000)),
    "Z": ({"event_time": "2025-03-01T10:00:00Z"}, "event_time", datetime(2025, 3, 1, 10)),
    "offset": ({"event_time": "2025-03-01 10:00:00+02:00"}, "event_time", datetime(2025, 3, 1, 8)),
    "date only": ({"event_time": "2025-03-01"}, "event_time", datetime(2025, 3, 1)),
    "duration 60.0": ({"duration_s": "60.0"}, "duration_s", 60.0),
    "duration 24 h": ({"duration_s": 86_400}, "duration_s", 86_400.0),
    "direction OUT": ({"direction": "OUT"}, "direction", "out"),
    "service with blanks": ({"service": " SMS "}, "service", "sms"),
    "number as integer": ({"other_party": 491711234567}, "other_party", "491711234567"),
    "leading zeros": ({"other_party": "00491711234567"}, "other_party", "00491711234567"),
    "blank other party": ({"other_party": " "}, "other_party", None),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:usage. times with an offset were moved to UTC")
@pytest.mark.parametrize(("change", "column", "expected"), ACCEPTED.values(), ids=list(ACCEPTED))
def test_accepted(change, column, expected) -> None:
    wh = opened(change)
    assert value(wh, column) == expected
    assert wh.report["usage"].set_aside == 0


def test_numbers_that_pandas_made_floats_are_whole_again() -> None:
    frame = pd.DataFrame([GOOD, {**GOOD, "customer_id": "b"}]).assign(other_party=[491711234567.0, None])
    wh = Warehouse.from_frames(usage=frame, latest="2025-12-31")
    assert wh.engine.rows("select other_party from usage order by 1") == [("491711234567",), (None,)]


SET_ASIDE = {
    "no date": ({"event_time": "yesterday"}, "unreadable: event_time"),
    "impossible date": ({"event_time": "2025-02-30 10:00:00"}, "unreadable: event_time"),
    "day first": ({"event_time": "28/02/2025 10:00"}, "unreadable: event_time"),
    "year 2999": ({"event_time": "2999-01-01 10:00:00"}, "in the future: event_time"),
    "year 1970": ({"event_time": "1970-01-01 00:00:00"}, "too early: event_time"),
    "negative duration": ({"duration_s": "-60"}, "below minimum: duration_s"),
    "26 hours": ({"duration_s": 26 * 3600}, "above maximum: duration_s"),
    "duration in words": ({"duration_s": "1 min"}, "unreadable: duration_s"),
    "foreign service": ({"service": "text"}, "not in vocabulary: service"),
    "blank service": ({"service": ""}, "missing value: service"),
    "foreign direction": ({"direction": "wrongdirection"}, "not in vocabulary: direction"),
    "blank direction": ({"direction": " "}, "missing value: direction"),
    "blank customer": ({"customer_id": " "}, "missing value: customer_id"),
}


@pytest.mark.parametrize(("change", "reason"), SET_ASIDE.values(), ids=list(SET_ASIDE))
def test_set_aside_with_its_reason_and_its_values(change, reason) -> None:
    wh = opened(change)
    report = wh.report["usage"]
    assert [str(broken) for broken in report.broken_rules] == [reason]
    assert (report.rows_in, report.kept, report.set_aside) == (2, 1, 1)
    column = next(iter(change))
    assert wh.set_aside("usage")[column].tolist() == [str(change[column])]
    assert wh.set_aside("usage")["source_row"].tolist() == [2]


def test_words_of_another_system_are_declared() -> None:
    words = {"column": "service", "values": {"call": "voice", "text": "sms", "mobile data": "data"}}
    wh = opened({"service": "Text"}, {"service": "MOBILE DATA"}, {"service": "fax"}, rename={"service": words})
    assert wh.engine.rows("select service from usage where customer_id = 'a' order by 1") == [("data",), ("sms",)]
    assert wh.report.reasons()["reason"].tolist() == ["not in vocabulary"]


def test_a_local_zone_is_kept_where_it_is_named() -> None:
    zone = {"column": "event_time", "zone": "Africa/Lagos"}
    wh = opened({"event_time": "2025-03-01T10:00:00Z"}, rename={"event_time": zone})
    assert value(wh, "event_time") == datetime(2025, 3, 1, 11)


@pytest.mark.parametrize("blank", ["", None, "nan", "-"])
def test_a_call_without_duration_is_kept_and_counted(blank) -> None:
    wh = opened({"duration_s": blank}, {"duration_s": blank, "service": "sms"})
    assert wh.report["usage"].kept == 3
    assert wh.report.missing().to_dict("records") == [{"table": "usage", "column": "duration_s", "rows": 1}]
    assert wh.engine.rows("select count(*), sum(duration_s) from usage") == [(3, 60.0)]


@pytest.mark.parametrize("blank", ["", None, "nan", "-"])
def test_a_call_without_duration_is_set_aside_where_that_is_asked(blank) -> None:
    rename = {"duration_s": {"column": "duration_s", "blank": "set_aside"}}
    wh = opened({"duration_s": blank}, {"duration_s": blank, "service": "sms"}, rename=rename)
    assert [str(broken) for broken in wh.report["usage"].broken_rules] == ["missing value: duration_s"]
    assert wh.report["usage"].kept == 2  # a text needs no duration


def test_exact_duplicates_are_dropped_and_counted() -> None:
    same = ({}, {"duration_s": "60.0"}, {"event_time": "2025-03-01T10:00:00"})
    report = opened(*same, rename={"key": "all"}).report["usage"]
    assert (report.rows_in, report.kept, report.duplicates, report.set_aside) == (4, 2, 2, 0)


def test_of_versions_of_a_record_the_first_to_arrive_is_kept() -> None:
    versions = [
        {"rec": "r1", "duration_s": "70", "arrival_time": "2025-03-05"},
        {"rec": "r1", "duration_s": "60", "arrival_time": "2025-03-02"},
        {"rec": "r2", "duration_s": "80", "arrival_time": "2025-03-02"},
        {"rec": None, "duration_s": "90"},
        {"rec": None, "duration_s": "91"},
    ]
    wh = opened(*versions, rename={"key": "rec"})
    kept = "select duration_s from usage where customer_id = 'a' order by 1"
    assert [row[0] for row in wh.engine.rows(kept)] == [60.0, 80.0, 90.0, 91.0]
    assert [str(broken) for broken in wh.report["usage"].broken_rules] == ["duplicate key: rec"]


def test_a_key_that_cannot_be() -> None:
    with pytest.raises(ContractError, match="the key column rec is not there"):
        opened(rename={"key": "rec"})
    with pytest.raises(ConfigurationError, match="the contract has a key already"):
        Warehouse.from_frames(plans=pd.DataFrame({"plan_id": ["s"]}), rename={"plans": {"key": "name"}})


def test_a_missing_or_unknown_cell_stays_and_is_counted() -> None:
    cells = pd.DataFrame({"cell_id": ["c1"], "latitude": [1.0], "longitude": [2.0]})
    changes = ({"cell_id": "c1"}, {"cell_id": None}, {"cell_id": "c9"})
    wh = opened(*changes, cells=cells)
    assert wh.engine.rows("select cell_id from usage where customer_id = 'a' order by 1 nulls last") == [
        ("c1",), ("c9",), (None,),
    ]  # fmt: skip
    assert wh.report.missing()[["column", "rows"]].to_numpy().tolist() == [["cell_id", 2]]
    assert wh.report.unresolved()[["column", "rows"]].to_numpy().tolist() == [["cell_id", 1]]
    places = FeatureBuilder(["mobility"]).build(wh, "2025-03-01")
    assert places.loc["a", "cells_30d"] == 2  # a missing cell is no place


def test_all_missing_columns_and_tables_in_one_error() -> None:
    with pytest.raises(ContractError) as caught:
        Warehouse.from_frames(
            usage=pd.DataFrame({"customer_id": ["a"]}), bills=pd.DataFrame({"amount": [1.0]}), rename=None
        )
    message = str(caught.value)
    for column in ("event_time", "service", "direction"):
        assert f"usage (usage): missing column {column}" in message
    for column in ("bill_id", "customer_id", "event_time"):
        assert f"bills (bills): missing column {column}" in message


def test_positions_in_the_records_are_not_overwritten_by_those_of_the_cells() -> None:
    cells = pd.DataFrame({"cell_id": ["c1"], "latitude": [1.0], "longitude": [2.0]})
    here = {"cell_id": "c1", "latitude": 48.85, "longitude": 2.35}
    wh = opened(here, cells=cells)
    assert wh.engine.rows("select latitude, longitude from usage where customer_id = 'a'") == [(48.85, 2.35)]
    assert wh.engine.rows("select latitude, longitude from cells") == [(1.0, 2.0)]


def test_a_record_that_only_one_side_has_is_kept() -> None:
    people = pd.DataFrame(
        {"customer_id": ["a", "b"], "msisdn": ["1111111", "2222222"], "billing_type": "prepaid",
         "activation_date": "2020-01-01"}
    )  # fmt: skip
    usage = pd.DataFrame([{**GOOD, "other_party": "2222222"}], dtype=object)
    wh = Warehouse.from_frames(customers=people, usage=usage, latest="2025-12-31")
    assert wh.engine.rows("select customer_id, other_party from usage") == [("a", "2222222")]


NUMBERS = {
    "+44 20 7946 0000": "442079460000",
    "0044 (20) 7946-0000": "442079460000",
    "020 7946/0000": "442079460000",
    "442079460000": "442079460000",
    "44.2079.460000": "442079460000",
    "+234 803 123 4567": "2348031234567",
    "100": "100",
    "000": "000",
    "BANK-24": "BANK-24",
    "*123#": "*123#",
}


@pytest.mark.parametrize(("given", "expected"), NUMBERS.items())
def test_one_spelling_of_numbers_where_it_is_asked_for(given, expected) -> None:
    one = {"column": "other_party", "numbers": "e164", "country": "+44"}
    assert value(opened({"other_party": given}, rename={"other_party": one}), "other_party") == expected
    assert value(opened({"other_party": given}), "other_party") == given


@pytest.mark.parametrize("given", [{"numbers": "e164"}, {"country": "44"}, {"numbers": "e164", "country": "uk"}])
def test_numbers_need_a_calling_code(given) -> None:
    with pytest.raises(ConfigurationError, match="belong together"):
        opened(rename={"other_party": {"column": "other_party", **given}})
    with pytest.raises(ConfigurationError, match="unknown way with blanks"):
        opened(rename={"duration_s": {"column": "duration_s", "blank": "zero"}})


def test_exchanged_days_and_months_are_counted_and_said() -> None:
    right = pd.date_range("2025-04-01", "2025-06-30", freq="6h")
    spelled = [f"{t:%Y-%d-%m %H:%M}" if t.day <= 12 and t.hour == 6 else f"{t:%Y-%m-%d %H:%M}" for t in right]
    usage = pd.DataFrame([{**GOOD, "event_time": time} for time in spelled], dtype=object)
    with pytest.warns(QualityWarning, match=r"usage: day and month seem exchanged in 24 of 361 rows"):
        Warehouse.from_frames(usage=usage, latest="2025-12-31")  # days 4 to 7 of three months may be right as they are
    usage["event_time"] = right
    assert Warehouse.from_frames(usage=usage, latest="2025-12-31").report["usage"].swapped == 0


# real files ----------------------------------------------------------------------------------------------------------


@pytest.mark.data
def test_records_that_bandicoot_ignores(data_folder: Path) -> None:
    rows = pd.read_csv(data_folder / "bandicoot" / "samples" / "user_ignored.csv", dtype=str)
    rename = {
        "customer_id": {"value": "ego"},
        "event_time": "datetime",
        "service": {"column": "interaction", "values": {"call": "voice", "text": "sms"}},
        "other_party": "correspondent_id",
        "duration_s": "call_duration",
        "cell_id": "antenna_id",
    }
    wh = Warehouse.from_frames(usage=rows, rename={"usage": rename})
    assert wh.report["usage"].rows_in == 5
    reasons = {f"{broken}": broken.rows for broken in wh.report["usage"].broken_rules}
    assert reasons == {"not in vocabulary: service": 2, "not in vocabulary: direction": 1}
    assert wh.report.missing()[["column", "rows"]].to_numpy().tolist() == [["other_party", 1], ["duration_s", 1]]


@pytest.mark.data
def test_negative_durations_of_the_contest_records(data_folder: Path) -> None:
    calls = pd.read_csv(data_folder / "vast2008_cdr" / "cdr.csv", dtype=str)
    rename = {
        "customer_id": "From",
        "other_party": "To",
        "event_time": {"column": "Datetime", "format": "%Y%m%d %H%M"},
        "duration_s": "Duration(seconds)",
        "cell_id": "Cell Tower",
        "service": {"value": "voice"},
        "direction": {"value": "out"},
    }
    wh = Warehouse.from_frames(usage=calls, rename={"usage": rename})
    report = wh.report["usage"]
    assert (report.rows_in, report.duplicates) == (9_834, 0)
    assert {str(broken): broken.rows for broken in report.broken_rules} == {"below minimum: duration_s": 4}
    aside = wh.set_aside("usage")["Duration(seconds)"].astype(int)
    assert aside.min() == -145
    assert wh.engine.rows("select sum(duration_s) from usage") == [(10_475_678 - aside.sum(),)]


@pytest.mark.data
def test_missed_calls_of_copenhagen_are_no_negative_seconds(data_folder: Path) -> None:
    calls = pd.read_csv(data_folder / "copenhagen_networks" / "calls.csv")
    rename = {
        "customer_id": "from",
        "other_party": "to",
        "event_time": {"column": "timestamp", "epoch": "2013-09-01"},
        "duration_s": {"column": "duration", "values": {-1: 0}},
        "answered": {"column": "duration", "values": {-1: False}, "other": True},
        "service": {"value": "voice"},
        "direction": {"value": "out"},
    }
    wh = Warehouse.from_frames(usage=calls, rename={"usage": rename})
    missed = "select count(*) filter (where not answered), min(duration_s) from usage"
    assert wh.engine.rows(missed) == [(366, 0.0)]
    with pytest.warns(QualityWarning, match="366 of 3600 rows were set aside"):
        raw = Warehouse.from_frames(usage=calls, rename={"usage": rename | {"duration_s": "duration"}})
    assert {str(broken): broken.rows for broken in raw.report["usage"].broken_rules} == {
        "below minimum: duration_s": 366
    }


@pytest.mark.data
def test_exchanged_days_of_the_complaints(data_folder: Path) -> None:
    path = data_folder / "comcast_complaints" / "Comcast_telecom_complaints_data.csv"
    complaints = pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    rename = {
        "care_id": "Ticket #",
        "customer_id": "Ticket #",
        "event_time": {"column": "Date", "format": "%d-%m-%Y"},
        "kind": {"value": "complaint"},
    }
    with pytest.warns(QualityWarning, match="care: day and month seem exchanged in"):
        wh = Warehouse.from_frames(care=complaints, rename={"care": rename}, latest="2015-12-31")
    given = pd.to_datetime(complaints["Date"], format="%d-%m-%Y")
    outside = ~given.between("2015-04-01", "2015-06-30")
    seen = outside & ~given.between("2015-07-01", "2015-07-12")  # the first days after the span may be right
    assert (int(outside.sum()), wh.report["care"].swapped) == (486, int(seen.sum()))
    complaints["Date"] = [
        f"{day:%m-%d-%Y}" if far else f"{day:%d-%m-%Y}" for day, far in zip(given, outside, strict=True)
    ]
    wh = Warehouse.from_frames(care=complaints, rename={"care": rename}, latest="2015-12-31")
    assert wh.report["care"].swapped == 0
    assert [f"{day:%Y-%m}" for day in wh.period] == ["2015-04", "2015-06"]


@pytest.mark.data
def test_dashes_of_the_radio_traces_are_missing(data_folder: Path) -> None:
    (path,) = (data_folder / "ucc_5g").glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".csv") and "__MACOSX" not in n)
        trace = pd.read_csv(archive.open(names[0]), dtype=str)
    rename = {
        "cell_id": "CellID",
        "event_time": {"column": "Timestamp", "format": "%Y.%m.%d_%H.%M.%S"},
        "throughput_mbps": {"column": "DL_bitrate", "scale": 0.001},
        "signal": {"column": "NRxRSRP", "type": "number"},
    }
    one_each = trace.drop_duplicates(["CellID", "Timestamp"])
    # the table holds a row a cell and day: each moment stands for a cell of its own
    one_each = one_each.assign(CellID=one_each["CellID"] + " " + one_each["Timestamp"])
    dashes = int((one_each["NRxRSRP"] == "-").sum())
    assert dashes > 0
    wh = Warehouse.from_frames(cell_kpis=one_each, rename={"cell_kpis": rename})
    assert wh.report["cell_kpis"].kept == len(one_each)
    assert wh.engine.rows("select count(*) - count(signal) from cell_kpis") == [(dashes,)]


@pytest.mark.data
def test_separator_and_words_of_another_country(data_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(
        """
customers:
  file: churn.csv
  customer_id: Account length
  billing_type: {value: postpaid}
  activation_date: {value: 2020-01-01}
  region: State
  left: {column: Churn, type: boolean, values: {VRAI: true, FAUX: false}}
  key_words: {column: International plan, type: boolean}
"""
    )
    text = (data_folder / "mlc_churn" / "churn-bigml-20.csv").read_text(encoding="utf-8")
    (tmp_path / "churn.csv").write_text(text, encoding="utf-8")
    with pytest.warns(QualityWarning, match="duplicate key"):
        wh = Warehouse.open(tmp_path)
    raw = pd.read_csv(tmp_path / "churn.csv", sep=";")
    first = raw.drop_duplicates("Account length")  # no identity in this set: one line for each length
    assert wh.report["customers"].kept == len(first)
    assert wh.sql('select sum("left"::int) as n from customers')["n"][0] == (first["Churn"] == "VRAI").sum()


def test_a_parquet_file_whose_rows_are_damaged_is_an_error_of_the_library(tmp_path: Path) -> None:
    """Found by tests/fuzz: its head is whole, so that only reading the rows fails."""
    texts = [f"2025-01-{i % 28 + 1:02d} 10:00:{i % 60:02d} {i * 7919}" for i in range(500)]
    frame = pd.DataFrame({"customer_id": texts, "event_time": texts, "service": "voice", "direction": "out"})
    frame.to_parquet(tmp_path / "usage.parquet", compression="snappy", use_dictionary=False)
    data = bytearray((tmp_path / "usage.parquet").read_bytes())
    data[200 : len(data) // 2] = b"\xff" * (len(data) // 2 - 200)
    (tmp_path / "usage.parquet").write_bytes(data)
    with pytest.raises(ContractError, match="cannot be read"):
        Warehouse.open(tmp_path)


def test_a_signalling_nan_of_decimals_is_a_missing_value() -> None:
    """Found by tests/fuzz: pandas raises on it, beside other kinds or alone."""
    for others in (["B", 7], [Decimal("1.5"), Decimal("NaN")]):
        frame = pd.DataFrame({"a": pd.Series([Decimal("sNaN"), Decimal("-sNaN"), *others], dtype="object")})
        assert to_arrow(frame)["a"].null_count == 2 + (others[1] != 7)
