"""Customer tables as they come: separators, marks, blanks, numbers as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel.errors import DataError
from custintel.training.read_table import clean_table, find_separator, read_table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,x\n2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
        ("a;b\n1,5;x\n2,25;y\n", {"a": [1.5, 2.25], "b": ["x", "y"]}),
        ("a\tb\n1\tx,1\n2\ty,2\n", {"a": [1, 2], "b": ["x,1", "y,2"]}),
        ("a|b\n1|x\n2|y\n", {"a": [1, 2], "b": ["x", "y"]}),
        ("a, b\n1, x\n2, y\n", {"a": [1, 2], "b": ["x", "y"]}),
        ('a,b\n1,"x, z"\n2,y\n', {"a": [1, 2], "b": ["x, z", "y"]}),
        ("a,b\n007,x\n012,y\n", {"b": ["x", "y"]}),
    ],
)
def test_separators_are_found(tmp_path: Path, text: str, expected: dict[str, list[object]]) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    frame = read_table(path).frame
    assert {name: frame[name].tolist() for name in expected} == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("套餐,离网\n畅享套餐,是\n基础套餐,否\n".encode(encoding))
    assert read_table(path).frame.columns.tolist() == ["套餐", "离网"]


def test_separator_of_one_column() -> None:
    assert find_separator("a\n1\n") in ",;\t|"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2", " 3 "], [1, 2, 3]),
        (["1.5"] * 39 + [" "], [1.5] * 39 + [np.nan]),
        (["1"] * 39 + ["?"], [1.0] * 39 + [np.nan]),
        (["x", " y", None], ["x", "y", None]),
        (["0123", "456"], ["0123", "456"]),
        ([True, False, True], [True, False, True]),
        (["1", "2", "three"], ["1", "2", "three"]),
    ],
)
def test_cells(cells: list[object], expected: list[object]) -> None:
    got = clean_table(pd.DataFrame({"a": pd.Series(cells, dtype=object)})).frame["a"].tolist()
    assert [None if value != value else value for value in got] == [None if v != v else v for v in expected]


def test_blank_numbers_are_counted() -> None:
    table = clean_table(pd.DataFrame({"total": ["12.5"] * 38 + [" ", "-"]}))
    assert table.notes == (
        "'total': numbers written as text were read as numbers; 2 cells without a number are missing",
    )


def test_dates_written_as_text() -> None:
    frame = clean_table(pd.DataFrame({"since": ["2024-01-31", "2025-02-01", None]})).frame
    assert frame["since"].dt.year.tolist()[:2] == [2024, 2025]


def test_the_given_frame_is_not_changed() -> None:
    given = pd.DataFrame({"Call  Failure": ["1", "2"]})
    clean_table(given)
    assert given.columns.tolist() == ["Call  Failure"]
    assert given["Call  Failure"].tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "", "empty"),
        ("t.csv", "a,b\n", "empty"),
        ("t.doc", "a", "allowed: .csv"),
        ("t.csv", "a,a \n1,2\n", "twice"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_table(path)


def test_absent_file() -> None:
    with pytest.raises(DataError, match="no such file"):
        read_table("nowhere.csv")


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": [1, 2]}).to_parquet(path)
    assert read_table(path).frame["a"].tolist() == [1, 2]


def test_excel(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    path = tmp_path / "t.xlsx"
    pd.DataFrame({"a": [1, 2], "b": ["x", " "]}).to_excel(path, index=False)
    frame = read_table(path).frame
    assert frame["a"].tolist() == [1, 2]
    assert frame["b"].isna().tolist() == [False, True]
