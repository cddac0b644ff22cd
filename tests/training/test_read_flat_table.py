"""Label, identity and columns that say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from custintel.errors import ConfigurationError, DataError, QualityWarning
from custintel.training._read_flat_table import TableQuestion, read_flat_table, read_target
from custintel.training.read_table import find_column

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("cells", "positive", "expected"),
    [
        (["Yes", "No", "No"], "Yes", [1, 0, 0]),
        ([1, 0, 0], "1", [1, 0, 0]),
        ([1.0, 0.0, 0.0], "1", [1, 0, 0]),
        ([True, False, False], "True", [1, 0, 0]),
        (["VRAI", "FAUX", "FAUX"], "VRAI", [1, 0, 0]),
        (["True.", "False.", "False."], "True.", [1, 0, 0]),
        (["是", "否", "否"], "是", [1, 0, 0]),
        (["bad", "good", "good"], "bad", [1, 0, 0]),
        (["1", "0", "0"], "1", [1, 0, 0]),
    ],
)
def test_the_event_is_recognised(cells: list[object], positive: str, expected: list[int]) -> None:
    target = read_target(pd.Series(cells, name="t"))
    assert (target.positive, target.y.tolist()) == (positive, expected)


@pytest.mark.parametrize(
    ("cells", "positive", "why"),
    [
        (["stay", "go away", "stay"], "go away", "rarer"),
        (["stay", "go away"], "stay", "last in order"),
        ([2, 1, 1], "2", "larger number"),  # the German credit table: 1 good, 2 bad
        ([2, 1, 2], "2", "larger number"),
    ],
)
def test_a_guess_is_said_and_warned_of(cells: list[object], positive: str, why: str) -> None:
    with pytest.warns(QualityWarning, match="which label is the event was guessed"):
        target = read_target(pd.Series(cells, name="t"))
    assert target.positive == positive
    assert why in target.note


def test_pos_label_decides() -> None:
    assert read_target(pd.Series(["stay", "go", "go"], name="t"), "go").y.tolist() == [0, 1, 1]
    assert read_target(pd.Series([1, 2, 2], name="t"), "1").y.tolist() == [1, 0, 0]
    with pytest.raises(ConfigurationError, match="'stay'"):
        read_target(pd.Series(["stay", "go"], name="t"), "left")


@pytest.mark.parametrize(
    ("cells", "message"),
    [(["No", "No"], "single class"), ([None, None], "single class"), (["a", "b", "c"], "3 different values")],
)
def test_targets_that_are_no_question(cells: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_target(pd.Series(cells, name="t", dtype=object))


def _table(rows: int = 60) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rownames": range(1, rows + 1),
            "customerID": [f"C{i:04d}" for i in range(rows)],
            "bill": [i % 7 + 0.5 for i in range(rows)],
            "country": "US",
            "nothing": None,
            "note": [f"text {i}" for i in range(rows)],
            "Churn": ["Yes", "No", "No"] * (rows // 3),
        }
    )


def test_columns_are_sorted_out_and_named() -> None:
    flat = read_flat_table(_table(), TableQuestion("churn"))
    assert flat.X.columns.tolist() == ["bill"]
    assert flat.X.index.name == "customer_id"
    assert flat.y.sum() == 20
    told = "\n".join(flat.notes)
    for word in (
        "'customerID' names the customers",
        "row number: 'rownames'",
        "constant: 'country'",
        "'nothing'",
        "'note'",
    ):
        assert word in told


def test_duplicates_are_removed_and_counted_only_without_identity() -> None:
    rows = _table().drop(columns=["rownames", "customerID", "note"]).assign(bill=[i + 0.5 for i in range(60)])
    twice = pd.concat([rows, rows.head(7)], ignore_index=True)
    assert len(read_flat_table(twice, TableQuestion("Churn")).y) == 60
    assert "7 exact duplicate rows were removed" in read_flat_table(twice, TableQuestion("Churn")).notes
    named = _table().drop(columns=["rownames", "note"])
    assert len(read_flat_table(named, TableQuestion("Churn")).y) == 60


def test_equal_rows_of_a_coarse_table_are_customers() -> None:
    coarse = pd.DataFrame({"bill": [i % 7 for i in range(84)], "Churn": [i % 3 == 0 for i in range(84)]})
    flat = read_flat_table(coarse, TableQuestion("Churn"))
    assert len(flat.y) == 84
    assert flat.groups is not None
    assert flat.groups.nunique() == 7


def test_rows_without_label_are_left_out_and_counted() -> None:
    table = _table().assign(Churn=lambda t: t["Churn"].where(t.index > 4))
    flat = read_flat_table(table, TableQuestion("Churn"))
    assert len(flat.y) == 55
    assert any("5 rows without a value" in note for note in flat.notes)


def test_customers_with_several_rows_become_groups() -> None:
    table = (
        _table().drop(columns=["rownames", "note"]).assign(customerID=lambda t: [f"C{i // 2}" for i in range(len(t))])
    )
    assert read_flat_table(table, TableQuestion("Churn", id_column="customerid")).groups is not None


def test_a_wrong_column_name_gets_a_hint() -> None:
    with pytest.raises(DataError, match="did you mean 'Churn'"):
        find_column(_table(), "Chrn", "target")


def test_columns_of_lists_and_structs_are_refused_by_name(tmp_path: Path) -> None:
    """It was "unhashable type" or a feature that nobody could read."""
    cells = {"bill": range(40), "apps": [["a", "b"]] * 40, "home": [{"cell": "x"}] * 40, "left": [0, 1] * 20}
    place = tmp_path / "customers.parquet"
    pd.DataFrame(cells).to_parquet(place)
    said = r"columns hold lists or structs: 'apps', 'home'\n  allowed: numbers, texts, dates(.|\n)*hint: "
    for table in (place, pd.DataFrame(cells)):
        with pytest.raises(DataError, match=said):
            read_flat_table(table, TableQuestion("left"))
    wide = {f"c{k}": [[k]] * 40 for k in range(12)}
    with pytest.raises(DataError, match="'c9' and 2 more"):
        read_flat_table(pd.DataFrame({**wide, "left": [0, 1] * 20}), TableQuestion("left"))


def test_a_table_of_nothing() -> None:
    with pytest.raises(DataError, match="no column is left"):
        read_flat_table(
            pd.DataFrame({"a": [1] * 6, "y": [0, 1] * 3}, index=pd.Index(list("abcdef"), name="id")), TableQuestion("y")
        )


@pytest.mark.parametrize(
    ("path", "target", "rows", "events", "columns"),
    [
        ("ibm_telco/WA_Fn-UseC_-Telco-Customer-Churn.csv", "Churn", 7043, 1869, 19),
        ("mlc_churn/modeldata_mlc_churn.csv", "churn", 5000, 707, 19),
        ("mlc_churn/churn-bigml-20.csv", "Churn", 667, 95, 19),
        ("mlc_churn/churn-bigml-80.csv", "Churn", 2666, 388, 19),
        ("mlc_churn/telecom_churn_data_4617.csv", "Churn", 4617, 656, 19),
        ("iranian_churn/Customer_Churn.csv", "Churn", 2850, 446, 13),
    ],
)
def test_public_tables_need_no_preparation(data_folder, path, target, rows, events, columns) -> None:  # type: ignore[no-untyped-def]
    flat = read_flat_table(data_folder / path, TableQuestion(target))
    assert (len(flat.y), int(flat.y.sum()), flat.X.shape[1]) == (rows, events, columns)
