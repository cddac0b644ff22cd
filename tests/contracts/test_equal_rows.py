"""Equal rows are one record only where a key says so; rows after the end of a line are counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custintel.builder import FeatureBuilder
from custintel.errors import QualityWarning
from custintel.warehouse import Warehouse

CALL = {"customer_id": "a", "service": "voice", "direction": "out"}


def usage(times: list[str], **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"event_time": times, **CALL, **columns})


def test_events_without_an_identity_are_kept_counted_and_named() -> None:
    wh = Warehouse.from_frames(usage=usage(["2025-03-01 10:00", "2025-03-01 10:00", "2025-03-02 10:00"]))
    report = wh.report["usage"]
    assert (report.rows_in, report.kept, report.duplicates, report.equal) == (3, 3, 0, 1)
    assert "usage: 1 row equals another in every column" in repr(wh.report)
    assert "1 row equals another" in wh.report._repr_html_()
    assert FeatureBuilder(["usage"]).build(wh, "2025-03-02")["events_7d"].tolist() == [3.0]


def test_many_equal_rows_are_warned_of() -> None:
    with pytest.warns(
        QualityWarning, match=r"usage: 56 of 100 rows equal another in every column; they are kept"
    ) as said:
        Warehouse.from_frames(usage=usage([f"2025-03-01 10:00:{i % 44:02d}" for i in range(100)]))
    assert '"key": "all"' in str(said[0].message)


@pytest.mark.parametrize(
    ("key", "counts"),
    [
        (None, (6, 0, 0, 3)),
        ("all", (3, 3, 0, 0)),
        ("record", (5, 1, 0, 2)),  # those without a number cannot be told apart
        (["record", "duration_s"], (3, 3, 0, 0)),
    ],
)
def test_the_key_says_what_a_duplicate_is(key, counts) -> None:
    records = ["r1", "r1", None, None, None, "r2"]
    frame = usage(["2025-03-01 10:00"] * 6, record=records, duration_s=60)
    wh = Warehouse.from_frames(usage=frame, rename={"usage": {} if key is None else {"key": key}})
    report = wh.report["usage"]
    assert (report.kept, report.duplicates, report.set_aside, report.equal) == counts


def test_equal_rows_with_a_key_of_the_contract_are_still_dropped() -> None:
    bills = pd.DataFrame({"bill_id": ["1", "1"], "customer_id": "a", "amount": 9.9, "event_time": "2025-01-31"})
    report = Warehouse.from_frames(bills=bills).report["bills"]
    assert (report.kept, report.duplicates, report.equal) == (1, 1, 0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["1", "2", None]), st.integers(1, 2)), max_size=14),
       st.sampled_from([None, "all", "record"]))  # fmt: skip
def test_rows_in_are_kept_set_aside_and_exact_duplicates(rows, key) -> None:
    rows = [("z", "9", 9), *rows]
    frame = pd.DataFrame(rows, columns=["customer_id", "record", "duration_s"], dtype=object)
    frame = frame.assign(event_time="2025-03-01 10:00", service="voice", direction="out")
    report = Warehouse.from_frames(usage=frame, rename={"usage": {} if key is None else {"key": key}}).report["usage"]
    assert report.rows_in == len(rows) == report.kept + report.set_aside + report.duplicates
    again = frame.duplicated()
    same = {None: again & False, "all": again, "record": again & frame["record"].notna()}[key]
    assert report.duplicates == int(same.sum())
    assert report.equal == int((again & ~same).sum())


def test_rows_after_the_end_of_a_line_are_counted_and_kept() -> None:
    ended = pd.DataFrame(
        {"customer_id": ["a", "b", "c", "c"], "event_time": ["2025-03-02"] * 3 + ["2025-03-04"],
         "cause": ["voluntary", "sim_swap", "port_out", "involuntary"]}
    )  # fmt: skip
    calls = pd.concat([usage(["2025-03-02 10:00", "2025-03-03 10:00"]).assign(customer_id=who) for who in "abcd"])
    bill = pd.DataFrame({"bill_id": ["1"], "customer_id": "a", "amount": 9.9, "event_time": "2025-03-31"})
    wh = Warehouse.from_frames(usage=calls, terminations=ended, bills=bill)
    assert {r.table: r.after_end for r in wh.report} == {"usage": 1, "bills": 1, "terminations": 0}
    assert wh.report["usage"].kept == 8
    assert "usage: 1 rows kept are dated after the end of their line" in wh.report.notes()


@pytest.mark.data
def test_no_purchase_of_a_real_log_of_days_is_lost(data_folder) -> None:
    """CDNOW: days alone and no number of the purchase."""
    path = data_folder / "cdnow" / "CDNOW_master.txt"
    if not path.is_file():
        pytest.skip("no CDNOW")
    frame = pd.read_csv(path, sep=r"\s+", header=None, names=["customer_id", "day", "cds", "amount"], dtype=str)
    frame = frame.assign(service="voice", direction="out", app=np.nan)
    rename = {"usage": {"event_time": {"column": "day", "format": "%Y%m%d"}}}
    report = Warehouse.from_frames(usage=frame, rename=rename).report["usage"]
    assert (report.rows_in, report.kept + report.set_aside, report.duplicates) == (len(frame), len(frame), 0)
    assert report.equal == int(frame.duplicated().sum()) > 200
    assert report.days_only == ("event_time",)
