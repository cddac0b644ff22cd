"""Days in a flat table: date columns of Parquet, date objects, texts decided on the whole column; what date= says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel.errors import DataError
from custintel.training._read_flat_table import TableQuestion, read_flat_table
from custintel.training.read_table import read_table

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 120
STAMPS = pd.Series(np.repeat(["2025-01-31", "2025-02-28", "2025-03-31"], ROWS // 3))


def table(snapshot: object) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    churned = (rng.random(ROWS) < 0.3).astype(int)
    return pd.DataFrame({"minutes": rng.normal(churned, 1.0), "snapshot": snapshot, "churned": churned})


def as_parquet(folder: Path, frame: pd.DataFrame) -> Path:
    path = folder / "table.parquet"
    frame.to_parquet(path)
    return path


def test_date32_of_parquet_dates_the_rows(tmp_path) -> None:
    flat = read_flat_table(as_parquet(tmp_path, table(pd.to_datetime(STAMPS).dt.date)), TableQuestion("churned"))
    assert flat.date_column == "snapshot"
    assert flat.X.columns.tolist() == ["minutes"]
    assert flat.X.index.get_level_values("as_of").unique().strftime("%F").tolist() == sorted(set(STAMPS))


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M", "%Y/%m/%d", "%Y-%m-%d"])
def test_texts_with_a_day_after_the_twelfth_date_the_rows(form) -> None:
    flat = read_flat_table(table([f"{day:{form}}" for day in pd.to_datetime(STAMPS)]), TableQuestion("churned"))
    assert flat.date_column == "snapshot"
    order = {"%d": ", the day first,", "%m": ", the month first,"}.get(form[:2], "")
    assert f"'snapshot': dates written as text{order} were read as dates" in flat.notes


def test_the_order_is_decided_on_the_whole_column() -> None:
    test_rows = pd.Series(["03/04/2025"] * 3_000 + [None, " 25/04/2025 "])
    read = read_table(pd.DataFrame({"since": test_rows})).frame["since"]
    assert read.dt.month.dropna().unique().tolist() == [4]
    assert (int(read.isna().sum()), read.iloc[-1]) == (1, pd.Timestamp("2025-04-25"))


def test_the_end_of_time_is_a_date() -> None:
    ends = pd.Series([pd.Timestamp("2025-01-31").date(), pd.Timestamp("9999-12-31").date(), None], dtype=object)
    assert read_table(pd.DataFrame({"valid_to": ends})).frame["valid_to"].dt.year.tolist()[:2] == [2025, 9999]


def test_texts_against_the_order_are_missing_and_counted() -> None:
    read = read_table(pd.DataFrame({"since": ["25/04/2025"] * 40 + ["04/26/2025"]}))
    assert int(read.frame["since"].isna().sum()) == 1
    assert read.notes == ("'since': dates written as text, the day first, were read as dates; "
                          "1 cell that cannot be read so is missing",)  # fmt: skip


UNDECIDED = [(["03/04/2025", "05/06/2025"], "no day after the twelfth"), (["21/04/25", "22/04/25"], "two digits"),
             (["21/04/2025", "04/22/2025"], "some values write the day first"),
             (["2025-02-30", "2025-03-01"], "not every value is a day of the calendar")]  # fmt: skip


@pytest.mark.parametrize(("texts", "said"), UNDECIDED)
def test_what_cannot_be_decided_is_noted_and_refused_when_named(texts, said) -> None:
    frame = table(np.resize(np.array(texts, dtype=object), ROWS))
    notes = read_flat_table(frame, TableQuestion("churned")).notes
    assert any(note.startswith("'snapshot': looks like dates, left as text") and said in note for note in notes)
    with pytest.raises(DataError, match=said) as caught:
        read_flat_table(frame, TableQuestion("churned", date_column="snapshot"))
    assert "pd.to_datetime" in str(caught.value)
    assert texts[0] not in str(caught.value)


@pytest.mark.parametrize(
    ("snapshot", "given", "hint"),
    [
        (["2025-01", "2025-02"], "texts of a year and a month", "a month has many days"),
        ([202501, 202502], "numbers of a year and a month", "a month has many days"),
        ([20250131, 20250228], "numbers like 20250131", 'format="%Y%m%d"'),
        (["early", "late"], "texts", ""),
    ],
)
def test_what_holds_no_days_says_what_it_holds(snapshot, given, hint) -> None:
    with pytest.raises(DataError) as caught:
        read_flat_table(table(np.resize(snapshot, ROWS)), TableQuestion("churned", date_column="snapshot"))
    assert f"given: {given}\n" in str(caught.value)
    assert hint in str(caught.value)


@pytest.mark.parametrize("cells", [["1.2.3", "1.2.4"], ["10-12 GB", "12-15 GB"], ["5G", "4G"], ["12/2025", "01/2026"]])
def test_other_texts_stay_without_a_word(cells) -> None:
    assert read_table(pd.DataFrame({"plan": cells * 5})).notes == ()
