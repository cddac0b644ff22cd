"""Columns that are consequences of the label are named; honest ones are not."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel.errors import LeakageWarning
from custintel.training._leak_check import find_leaks, warn_of_leaks
from custintel.training._read_flat_table import TableQuestion, read_flat_table

if TYPE_CHECKING:
    from pathlib import Path


def _honest(rows: int = 2_000) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(1)
    X = pd.DataFrame({f"x{i}": rng.normal(size=rows) for i in range(5)})
    risk = X["x0"] + X["x1"] + X["x2"] + 2 * rng.normal(size=rows)
    return X, (risk > 1).astype(int)


def test_honest_columns_are_left_alone() -> None:
    assert find_leaks(*_honest()) == ()


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (lambda y, rng: y, "alone"),
        (lambda y, rng: np.where(y == 1, "left", "stays"), "alone"),
        (lambda y, rng: pd.Series(np.where(y == 1, "price", None), dtype=object), "filled in when the event happened"),
        (lambda y, rng: np.where(y == 1, np.nan, 3.0), "empty when the event happened"),
        (lambda y, rng: y * 2.2 + rng.normal(size=len(y)), "falls from"),
    ],
)
def test_leaks_are_named(column, why) -> None:  # type: ignore[no-untyped-def]
    X, y = _honest()
    rng = np.random.default_rng(2)
    noise = pd.Series(rng.integers(0, 2, len(y)))
    y = y.where(rng.random(len(y)) < 0.6, noise)  # mostly chance: an honest model is far from certain
    leaks = find_leaks(X.assign(leak=column(y.to_numpy(), rng)), y)
    assert [leak.column for leak in leaks] == ["leak"]
    assert why in leaks[0].why


def test_a_leak_cannot_hide_behind_its_copy() -> None:
    X, y = _honest()
    rng = np.random.default_rng(2)
    y = y.where(rng.random(len(y)) < 0.6, pd.Series(rng.integers(0, 2, len(y))))
    leak = y * 2.2 + rng.normal(size=len(y))
    assert {k.column for k in find_leaks(X.assign(a=leak, b=leak * 2), y)} == {"a", "b"}


def test_the_order_of_the_table_is_no_leak() -> None:
    rng = np.random.default_rng(3)
    y = pd.Series([1] * 500 + [0] * 1500)
    X = pd.DataFrame({"city": [f"city {i}" for i in rng.integers(0, 400, 2000)], "bill": rng.normal(size=2000)})
    assert find_leaks(X, y) == ()


def test_too_few_rows_say_nothing() -> None:
    assert find_leaks(pd.DataFrame({"a": [1, 0, 1]}), pd.Series([1, 0, 1])) == ()


def test_the_warning_names_all_and_says_what_was_done() -> None:
    X, y = _honest()
    leaks = find_leaks(X.assign(copy=y, other=1 - y), y)
    with pytest.warns(LeakageWarning, match="2 columns") as caught:
        warn_of_leaks(leaks, kept={"other"})
    assert "'copy'" in str(caught[0].message)
    assert "'copy', left out" in str(caught[0].message)
    assert "'other', kept" in str(caught[0].message)


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [
        ("ibm_telco/WA_Fn-UseC_-Telco-Customer-Churn.csv", "Churn", set()),
        ("mlc_churn/modeldata_mlc_churn.csv", "churn", set()),
        ("mlc_churn/churn-bigml-20.csv", "Churn", set()),
        ("iranian_churn/Customer_Churn.csv", "Churn", set()),
        ("ibm_telco_v11/Telco_customer_churn_v11.xlsx", "Churn Value", {"Churn Label", "Churn Reason", "Churn Score"}),
    ],
)
def test_public_tables(data_folder: Path, path: str, target: str, expected: set[str]) -> None:
    flat = read_flat_table(data_folder / path, TableQuestion(target))
    assert {leak.column for leak in find_leaks(flat.X, flat.y)} == expected


def test_the_length_of_the_call_that_sold(data_folder: Path) -> None:
    with zipfile.ZipFile(data_folder / "uci_bank_marketing/bank-additional.zip") as archive:
        text = archive.read("bank-additional/bank-additional.csv").decode()
    flat = read_flat_table(pd.read_csv(io.StringIO(text), sep=";"), TableQuestion("y"))
    assert [leak.column for leak in find_leaks(flat.X, flat.y)] == ["duration"]
