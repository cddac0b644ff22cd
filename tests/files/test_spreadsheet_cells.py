"""Files that people open in spreadsheets: nothing in them is a formula, and our readers give back what was written."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custintel.builder.feature_frame import write_features
from custintel.cli._rule_input import read_rows
from custintel.files.spreadsheet_cells import escape_formula, escape_formulas, unescape_formula, unescape_formulas
from custintel.scoring.write_scores import write_scores
from custintel.training.read_table import read_table
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

ARMED = ["=cmd|' /C calc'!A0", "+447911123456", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "''+1", "-"]
PLAIN = ["a", "'tis", "a=b", "", "7", " =1", "''", "it's -5"]


def cells(place: Path) -> list[str]:
    """Every cell of a CSV file, names included, as any program sees it."""
    with place.open(encoding="utf-8-sig", newline="") as file:
        return [cell for row in csv.reader(file) for cell in row]


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would compute the text; a number is none."""
    try:
        float(cell)
    except ValueError:
        return cell[:1] in "=+-@\t\r\n＝＋－＠" and cell != ""
    return False


@pytest.mark.parametrize("text", [*ARMED, *PLAIN])
def test_there_and_back(text) -> None:
    assert (escape_formula(text) != text) == (text in ARMED)
    assert not is_formula(escape_formula(text))
    assert unescape_formula(escape_formula(text)) == text


@given(st.lists(st.text(alphabet="'=+-@\t\r\n＝ab1 ", max_size=6), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_text_comes_back(texts) -> None:
    assert not any(is_formula(escape_formula(text)) for text in texts if not text.startswith(("-1", "+1")))
    for frame in (
        pd.DataFrame({"t": texts}),
        pd.DataFrame({"t": pd.Series(texts, dtype=object)}),
        pd.DataFrame({"t": pd.Categorical(texts)}),
        pd.DataFrame({"n": range(len(texts))}, index=pd.Index(texts, name="t")),
        pd.DataFrame({"n": range(len(texts))}, index=pd.MultiIndex.from_arrays([texts, texts], names=["a", "b"])),
    ):
        before = frame.copy(deep=True)
        pd.testing.assert_frame_equal(unescape_formulas(escape_formulas(frame)), before, check_categorical=False)
        pd.testing.assert_frame_equal(frame, before)


def scores() -> pd.DataFrame:
    """A list as scoring makes it, with the worst customers and reasons."""
    texts = [text for text in ARMED if text not in ("\r=1", "\n=1")]
    customers = [text.strip() for text in texts]  # an identifier is read without the blanks around it
    return pd.DataFrame(
        {"customer_id": customers, "as_of": pd.Timestamp("2025-06-30"), "probability": -0.5, "reason_1_en": texts[::-1]}
    )


def test_lists_are_defused_and_read_as_they_were(tmp_path) -> None:
    place = write_scores(scores(), tmp_path / "scores.csv")
    assert [cell for cell in cells(place) if is_formula(cell)] == []
    assert "-0.5" in cells(place)
    back = read_rows(place)
    assert back["customer_id"].tolist() == scores()["customer_id"].tolist()
    assert back["reason_1_en"].tolist() == scores()["reason_1_en"].tolist()
    assert back["probability"].tolist() == scores()["probability"].tolist()
    parquet = write_scores(scores(), tmp_path / "scores.parquet")
    # Parquet is not escaped; blanks around texts are dropped as in every flat table
    back = read_rows(parquet)
    wanted = scores().assign(reason_1_en=scores()["reason_1_en"].str.strip())
    assert (back["as_of"] == wanted["as_of"]).all()
    wanted["as_of"] = wanted["as_of"].astype(back["as_of"].dtype)  # ms in Parquet
    pd.testing.assert_frame_equal(back, wanted)


def test_feature_files_are_defused_index_and_names_too(tmp_path) -> None:
    index = pd.MultiIndex.from_product(
        [[pd.Timestamp("2025-06-30")], ["+44", "=1", "b"]], names=["as_of", "customer_id"]
    )
    X = pd.DataFrame({"@plan": ["-1a", "b", None], "net": [-1.5, 2, np.nan]}, index=index)
    place = write_features(X, tmp_path / "features.csv")
    assert [cell for cell in cells(place) if is_formula(cell)] == []
    back = read_table(place).frame
    assert list(back.columns) == ["as_of", "customer_id", "@plan", "net"]
    assert back["net"].tolist()[:2] == [-1.5, 2.0]
    assert back["@plan"].tolist()[:2] == ["-1a", "b"]
    assert "'+44" in cells(place)


def test_numbers_of_an_operator_come_back_with_their_plus(tmp_path) -> None:
    customers = pd.DataFrame(
        {"customer_id": ["+447911123456", "-7", "c"], "billing_type": "prepaid", "activation_date": "2024-01-01",
         "birth_year": [1980, 1990, 2000], "tariff": ["=A", "'=B", "it's"]}
    )  # fmt: skip
    write_scores(customers, tmp_path / "customers.csv")
    wh = Warehouse.open(tmp_path)
    assert wh.frame("customers")["customer_id"].tolist() == customers["customer_id"].tolist()
    assert wh.frame("customers")["tariff"].tolist() == customers["tariff"].tolist()


def test_excel_cells_are_restored(tmp_path) -> None:
    frame = pd.DataFrame({"'=name": ["'+44a", "b"], "n": [-5, 5]})
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    assert read_table(tmp_path / "t.xlsx").frame.to_dict("list") == {"=name": ["+44a", "b"], "n": [-5, 5]}
