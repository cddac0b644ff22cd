"""Columns of a mapping that are expressions over the file's columns, and rows that are no rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custintel.errors import ConfigurationError, ContractError
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

CONSTANTS = {"customer_id": "who", "service": {"value": "voice"}, "direction": {"value": "out"}}
ANSWERED = {"answered": {"expression": "way = 'out' and seconds > 0"}}


def calls(**columns: object) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))  # type: ignore[arg-type]
    days = pd.date_range("2025-03-01", periods=rows).astype(str)
    return pd.DataFrame({"who": [f"c{i}" for i in range(rows)], "event_time": days, **columns})


def mapped(frame: pd.DataFrame, **more: object) -> Warehouse:
    return Warehouse.from_frames(usage=frame, rename={"usage": {**CONSTANTS, **more}}, latest="2025-12-31")


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("way = 'out' and seconds > 0", {"way": "out", "seconds": "5"}, True),
        ("9 > seconds", {"seconds": "10"}, False),  # as texts, 9 would be more than 10
        ("days_between(start, stop) > 3 or flag", {"start": "2025-01-01", "stop": "2025-01-09", "flag": "no"}, True),
        ("days_between(start, stop) > 3 or flag", {"start": "2025-01-01", "stop": "2025-01-02", "flag": "Y"}, True),
        ("end_date is not null", {"end_date": " - "}, False),
        ("case when paid then fee * 2 else 0 end = 12", {"paid": "1", "fee": "6"}, True),
        ("day > date '2025-01-31'", {"day": "2025-02-01 10:00"}, True),
        ("coalesce(a, b) > 5", {"a": "", "b": "10"}, True),
        ("code in ('a', 'b')", {"code": " b "}, True),
        ("not flag", {"flag": "false"}, True),
    ],
)
def test_a_text_is_read_as_what_it_is_used_for(text: str, columns: dict[str, str], expected: bool) -> None:
    frame = calls(**{name: [value] for name, value in columns.items()})
    assert mapped(frame, answered={"expression": text}).frame("usage")["answered"].tolist() == [expected]


@pytest.mark.parametrize("as_text", [True, False])
def test_answered_from_direction_and_duration(as_text: bool) -> None:
    seconds = pd.Series([5.0, 0.0, 5.0, None])
    texts = seconds.map(lambda v: "" if pd.isna(v) else f"{v:g}")
    frame = calls(way=["out", "out", "in", "out"], seconds=texts if as_text else seconds)
    answered = mapped(frame, **ANSWERED).frame("usage").sort_values("customer_id")["answered"]
    assert answered.astype(object).where(answered.notna(), None).tolist() == [True, False, False, None]


def test_a_number_from_another() -> None:
    customers = pd.DataFrame({"customer_id": ["a", "b", "c"], "billing_type": "prepaid",
                              "activation_date": "2020-01-31", "Age": ["30", " 41 ", "-"]})  # fmt: skip
    wh = Warehouse.from_frames(customers=customers, rename={"customers": {"birth_year": {"expression": "2025 - age"}}})
    assert wh.frame("customers")["birth_year"].tolist()[:2] == [1995, 1984]
    assert wh.frame("customers")["birth_year"].isna().tolist() == [False, False, True]


def test_what_an_expression_cannot_read_is_set_aside() -> None:
    wh = mapped(calls(way="out", seconds=["5", "five", "6"]), **ANSWERED)
    assert [(r.reason, r.column, r.rows) for r in wh.report["usage"].broken_rules] == [("unreadable", "answered", 1)]
    assert wh.set_aside("usage")[["seconds", "source_row"]].to_numpy().tolist() == [["five", 2]]


def test_a_free_text_that_cannot_be_computed_is_set_aside_too() -> None:
    cell = {"cell_id": {"expression": "case when seconds > 5 then way end"}}
    wh = mapped(calls(way=["x", "y", "z"], seconds=["6", "soon", "7"]), **cell)
    assert wh.frame("usage")["cell_id"].tolist() == ["x", "z"]
    assert [(r.reason, r.column) for r in wh.report["usage"].broken_rules] == [("unreadable", "cell_id")]


def test_words_of_the_contract_are_checked_after_the_expression() -> None:
    app = {"app": {"expression": "case when seconds > 5 then 'video' else 'films' end"}}
    wh = mapped(calls(seconds=["6", "1"]), **app)
    assert [(r.reason, r.column) for r in wh.report["usage"].broken_rules] == [("not in vocabulary", "app")]


def test_one_file_of_users_gives_customers_and_terminations(tmp_path: Path) -> None:
    users = pd.DataFrame({"id": list("abcd"), "start": "2020-01-31", "end_date": ["", "2025-03-31", "-", "2025-04-30"]})
    users.to_csv(tmp_path / "users.csv", index=False)
    (tmp_path / "mapping.yaml").write_text(
        "customers: {file: users.csv, customer_id: id, activation_date: start, billing_type: {value: prepaid}}\n"
        "terminations:\n  {file: users.csv, customer_id: id, event_time: end_date, cause: {value: voluntary},"
        " rows: end_date is not null}\n",
        encoding="utf-8",
    )
    wh = Warehouse.open(tmp_path)
    assert sorted(wh.frame("terminations")["customer_id"]) == ["b", "d"]
    assert wh.report.frame().to_dict("index") == {
        "customers": {"rows_in": 4, "kept": 4, "set_aside": 0, "duplicates": 0, "left_out": 0},
        "terminations": {"rows_in": 4, "kept": 2, "set_aside": 0, "duplicates": 0, "left_out": 2},
    }
    assert "terminations: 2 rows of the source are left out by the mapping (rows:)" in wh.report.notes()
    again = Warehouse.open(wh.save(tmp_path / "saved"))
    pd.testing.assert_frame_equal(again.report.frame(), wh.report.frame())


def test_a_table_of_which_the_mapping_leaves_nothing_is_empty_and_no_error() -> None:
    wh = mapped(calls(seconds=["1", "2"]), rows="seconds > 5")
    assert (wh.report["usage"].kept, wh.report["usage"].left_out) == (0, 2)


def test_a_condition_that_cannot_be_read_sets_the_row_aside() -> None:
    wh = mapped(calls(seconds=["1", "two", "9"]), rows="seconds > 5")
    report = wh.report["usage"]
    assert (report.kept, report.left_out, report.set_aside) == (1, 1, 1)
    assert [(r.reason, r.column) for r in report.broken_rules] == [("unreadable", "rows")]


ROW = st.tuples(
    st.sampled_from(["c1", "c2", ""]), st.sampled_from(["1", "7", "x", "", "-1"]), st.sampled_from(["a", "b"])
)


@settings(max_examples=30, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=12))
def test_no_row_is_lost(rows: list[tuple[str, str, str]]) -> None:
    frame = pd.DataFrame(rows, columns=["who", "seconds", "kind"]).assign(event_time="2025-03-01")
    good = pd.DataFrame({"who": ["c1"], "seconds": ["7"], "kind": ["a"], "event_time": ["2025-03-31"]})
    frame = pd.concat([frame, good])
    wh = mapped(frame, rows="kind = 'a' and seconds > 0", duration_s="seconds", key="all")
    report = wh.report["usage"]
    assert report.rows_in == len(frame) == report.kept + report.set_aside + report.duplicates + report.left_out
    wanted = [(kind == "a" and seconds not in ("", "-1")) or seconds == "x" for _, seconds, kind in rows]
    assert report.left_out == len(rows) - sum(wanted)


@pytest.mark.parametrize(
    ("mapping", "wrong"),
    [
        ({"answered": {"expression": "sum(seconds) > 0"}}, "rename: usage.answered: an aggregate in a mapping"),
        ({"answered": {"expression": "days_between(day, as_of) > 0"}}, "rename: usage.answered: as_of in a mapping"),
        ({"answered": {"expression": "read_csv('x') > 0"}}, "rename: usage.answered: unknown function read_csv"),
        ({"answered": {"expression": "way > 0 and way = 'out'"}}, "rename: usage.answered: a number beside a text"),
        ({"answered": {"expression": "way", "column": "x"}}, "exactly one of column, value and expression is needed"),
        ({"rows": "way = "}, "rename: usage.rows: not an expression"),
        ({"rows": "count(*) > 1"}, "rename: usage.rows: an aggregate in a mapping"),
    ],
)
def test_mistakes(mapping: dict[str, object], wrong: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        mapped(calls(way=["out"]), **mapping)
    assert wrong in str(caught.value)


@pytest.mark.parametrize("mapping", [{"answered": {"expression": "second > 0"}}, {"rows": "second > 0"}])
def test_a_column_that_is_not_there_is_named(mapping: dict[str, object]) -> None:
    with pytest.raises(ContractError, match="reads a column that is not there: 'second'") as caught:
        mapped(calls(seconds=["1"]), **mapping)
    assert "did you mean seconds?" in str(caught.value)
