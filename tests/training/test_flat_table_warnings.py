"""What a flat table should make its reader doubt, and how its dates and customers judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from custintel import train
from custintel.errors import DataError
from custintel.training._read_flat_table import TableQuestion, read_flat_table
from custintel.training._time_split_and_folds import out_of_time_rows, tuning_folds

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(3)
_ROWS = 400
_LEFT = (np.arange(_ROWS) * 7 % 10 < 3).astype(int)


def _told(columns: dict[str, Any], left: Any = _LEFT) -> str:
    """Notes on a table of these columns beside one that is in order."""
    bill = np.random.default_rng(4).gamma(4, 10, len(left))
    return "\n".join(
        read_flat_table(pd.DataFrame({"bill": bill, **columns, "left": left}), TableQuestion("left")).notes
    )


def _some(values: list[Any]) -> list[Any]:
    return [values[i] for i in np.random.default_rng(5).integers(0, len(values), _ROWS)]


def _drawn(good: Any, odd: Any, many: int) -> np.ndarray:
    """A column with some odd cells among good ones."""
    cells = np.array(good, dtype=object)
    cells[np.random.default_rng(6).choice(len(cells), many, replace=False)] = odd
    return cells


# --- hints ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "pair"),
    [
        ({"minutes": range(_ROWS), "charge": np.arange(_ROWS) * 0.17}, "'minutes' and 'charge'"),
        ({"plan": _some(["S", "M", "L"]), "tariff": [f"t{p}" for p in _some(["S", "M", "L"])]}, "'plan' and 'tariff'"),
        ({"sex": _some(["m", "f"]), "code": [{"m": 1, "f": 2}[s] for s in _some(["m", "f"])]}, "'sex' and 'code'"),
    ],
)
def test_twin_columns_are_named(columns: dict[str, Any], pair: str) -> None:
    assert f"{pair} say the same" in _told(columns)


def test_columns_that_are_nearly_alike_are_no_twins() -> None:
    minutes = _RNG.normal(100, 9, _ROWS)
    columns = {"minutes": minutes, "noisy": minutes + _RNG.normal(0, 0.5, _ROWS), "plan": _some(["S", "M"])}
    assert "say the same" not in _told(columns)


@pytest.mark.parametrize(
    ("name", "cells", "said"),
    [
        ("age", _drawn([30.0] * 200 + [40.0] * 200, -1.0, 7), "'age': 7 of 400 values are impossible (less than 0)"),
        ("AgeInYears", _drawn([30.0] * 200 + [40.0] * 200, 999.0, 3), "'AgeInYears': 3 of 400 values are impossible"),
        ("tenure_months", _drawn([3.0] * 200 + [4.0] * 200, -9.0, 2), "less than 0"),
        ("percent_intl", _drawn([3.0] * 200 + [4.0] * 200, 180.0, 2), "more than 100"),
        ("age", _drawn([30.0] * 200 + [40.0] * 200, None, 7), ""),
        ("percent_change_minutes", _drawn([3.0] * 200 + [4.0] * 200, 180.0, 2), ""),
        ("wage", _drawn([3.0] * 200 + [4.0] * 200, -180.0, 2), ""),
        ("change_mou", _drawn([3.0] * 200 + [4.0] * 200, -180.0, 2), ""),
    ],
)
def test_impossible_values_are_counted(name: str, cells: np.ndarray, said: str) -> None:
    told = _told({name: pd.Series(cells).astype(float)})
    assert said in told
    assert ("impossible" in told) == bool(said)
    assert "999" not in told


def test_a_drawn_base_rate_is_said_with_the_way_back() -> None:
    told = _told({}, np.arange(_ROWS) * 7 % 10 < 5)
    assert "exactly one half of the rows are events" in told
    assert "s / (1 - s)" in told
    assert "one half" not in _told({})


def test_an_order_of_rows_that_predicts_is_said() -> None:
    told = _told({}, np.arange(_ROWS) < 120)
    assert "the order of the rows predicts the label (AUC 1.00" in told
    assert "the order" not in _told({})


def test_identifiers_that_predict_are_said() -> None:
    number = np.random.default_rng(7).permutation(_ROWS)
    told = _told({"msisdn": [f"4479{n}" for n in number]}, (number < 120).astype(int))
    assert "the order of the identifiers predicts the label" in told
    assert "4479" not in told
    assert "the order" not in _told({"msisdn": [f"4479{n}" for n in number]})


def test_random_orders_are_quiet() -> None:
    for seed in range(40):
        left = (np.random.default_rng(seed).random(_ROWS) < 0.3).astype(int)
        assert "the order" not in _told({}, left)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (_drawn([f"{i}.5" for i in range(_ROWS)], "not yet", 40), "360 of 400 cells are numbers, 40 others are not"),
        ([f"1,{i:03d}" for i in range(_ROWS)], "400 of them with a sign between thousands"),
        (
            _drawn(_some(["S", "M"]), "-", 9),
            "cells like '-', '?', 'none' or 'n/a' are taken as a value of their own: 'amount' 9",
        ),
        ([f"0{i}" for i in range(_ROWS)], ""),
        (_some(["S", "M"]), ""),
    ],
)
def test_numbers_read_as_text_are_said(cells: Any, said: str) -> None:
    told = _told({"amount": cells, "bill2": range(_ROWS)})
    assert said in told
    assert said or "cells" not in told
    assert "not yet" not in told


def test_a_level_for_nothing_in_several_columns_is_said_once() -> None:
    """The German credit table has a level "none" in three columns, and had three notes on it."""
    columns = {name: _drawn(_some(["S", "M"]), "none", n) for name, n in (("debtors", 9), ("plans", 40), ("house", 7))}
    told = _told(columns)
    assert told.count("taken as a value of their own") == 1
    assert "of their own: 'debtors' 9, 'plans' 40, 'house' 7" in told
    many = _told({f"c{k}": _drawn(_some(["S", "M"]), "none", 10 + k) for k in range(13)})
    assert "'c9' 19 and 3 more columns" in many


def test_public_tables_get_their_hints(data_folder: Path) -> None:
    told = "\n".join(read_flat_table(data_folder / "mlc_churn/modeldata_mlc_churn.csv", TableQuestion("churn")).notes)
    for part in ("day", "eve", "night", "intl"):
        assert f"'total_{part}_minutes' and 'total_{part}_charge' say the same" in told


# --- dates and customers --------------------------------------------------------------------------------------------


def _panel(customers: int = 120, months: int = 6) -> pd.DataFrame:
    """Customers seen once a month; who has a high bill leaves."""
    rng = np.random.default_rng(8)
    bill = rng.gamma(4, 10, customers)
    rows = [
        {"customer_id": f"{c:04d}", "month": f"2025-{m + 1:02d}-28", "bill": bill[c] + m, "calls": rng.poisson(20)}
        for m in range(months)
        for c in range(customers)
    ]
    table = pd.DataFrame(rows)
    return table.assign(left=(table["bill"] + rng.normal(0, 12, len(table)) > 55).astype(int))


def test_a_table_with_dates_is_judged_on_later_ones(quick_models: Path, tmp_path: Path) -> None:
    run = train("churn", table=_panel(), target="left", models_path=quick_models, tracking=False)
    dates = run.evaluation.X.index.get_level_values("as_of")
    assert sorted({str(d.date()) for d in dates}) == ["2025-05-28", "2025-06-28"]
    assert len(run.evaluation.p) == len(run.evaluation.y) == 240
    assert run.evaluation.p.notna().all()
    assert run.model.feature_names == ["bill", "calls"]
    assert run.model.metadata["windows"] == {
        "date_column": "month",
        "learned_to": "2025-04-28",
        "judged_from": "2025-05-28",
        "judged_to": "2025-06-28",
    }
    told = "\n".join(run.evaluation.notes)
    assert "'month' dates the rows and is no feature" in told
    assert "out of time by 'month'" in told
    assert "other customers" in told
    assert "cross-validation" not in told
    page = run.report(tmp_path / "r.html").read_text()
    assert "judged by models that learned from rows up to 2025-04-28" in page
    assert "held out from training" not in page
    assert "chosen at random" not in page


def test_nobody_stands_on_both_sides(quick_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from custintel.learners import ChurnClassifier

    seen: list[pd.Index] = []
    asked: list[pd.Index] = []
    fit, predict = ChurnClassifier.fit, ChurnClassifier.predict_proba
    monkeypatch.setattr(ChurnClassifier, "fit", lambda s, X, y, **k: (seen.append(X.index), fit(s, X, y, **k))[1])
    monkeypatch.setattr(ChurnClassifier, "predict_proba", lambda s, X: (asked.append(X.index), predict(s, X))[1])
    train("churn", table=_panel(), target="left", models_path=quick_models, tracking=False)
    folds = list(zip(seen[1:6], asked[-5:], strict=True))
    for train_dates, test_dates in folds:
        assert not set(train_dates.get_level_values("customer_id")) & set(test_dates.get_level_values("customer_id"))
        assert max(train_dates.get_level_values("as_of")) < min(test_dates.get_level_values("as_of"))


def test_dates_of_single_customers_are_one_split(quick_models: Path) -> None:
    table = _panel().drop(columns="customer_id").rename(columns={"month": "snapshot_date"})
    run = train("churn", table=table, target="left", models_path=quick_models, tracking=False)
    assert len(run.evaluation.y) == 240
    assert "other customers" not in "\n".join(run.evaluation.notes)


def test_a_date_of_the_customer_does_not_date_the_row(quick_models: Path) -> None:
    table = _panel().drop(columns="customer_id").rename(columns={"month": "activation_date"})
    flat = read_flat_table(table, TableQuestion("left"))
    assert flat.date_column is None
    assert "activation_date" in flat.X.columns
    assert any("date_column= (--date-column)" in note for note in flat.notes)
    asked = read_flat_table(table, TableQuestion("left", date_column="Activation_Date"))
    assert asked.date_column == "activation_date"
    assert out_of_time_rows(asked.y) is not None


def test_a_column_that_holds_no_dates_is_refused() -> None:
    with pytest.raises(DataError, match="'calls' holds no dates"):
        read_flat_table(_panel(), TableQuestion("left", date_column="calls"))
    with pytest.raises(DataError, match="no date column"):
        read_flat_table(_panel(), TableQuestion("left", date_column="moon"))


def test_too_few_events_before_or_after_are_judged_at_random(quick_models: Path) -> None:
    table = _panel()
    table["left"] = np.where(table["month"] < "2025-05", table["left"], 0)
    run = train("churn", table=table, target="left", models_path=quick_models, tracking=False)
    assert "too few of one class on one side of any date" in "\n".join(run.evaluation.notes)
    assert len(run.evaluation.y) == len(table)


def test_rows_without_a_date_or_a_customer_are_learned_from_and_counted() -> None:
    table = _panel()
    table.loc[3:5, "month"] = None
    table.loc[7:8, "customer_id"] = None
    flat = read_flat_table(table, TableQuestion("left"))
    told = "\n".join(flat.notes)
    assert "3 rows without a date in 'month'" in told
    assert "2 of 720 rows have no identifier: each was taken for a customer of its own" in told
    assert "718 of 720 rows share 120 identifiers with another row: they stand on one side of every fold" in told
    assert len(flat.y) == 720
    assert flat.groups is not None
    assert flat.groups.nunique() == 122


def test_daily_dates_are_judged_by_the_month() -> None:
    table = _panel().assign(date=pd.date_range("2025-01-01", periods=720, freq="6h")).drop(columns="month")
    flat = read_flat_table(table, TableQuestion("left"))
    assert flat.y.index.get_level_values("as_of").nunique() == 6


def test_known_labels_of_the_judged_day_are_not_learned() -> None:
    rows = pd.MultiIndex.from_product([pd.date_range("2025-01-31", periods=4, freq="ME"), range(60)])
    y = pd.Series([0, 1] * 120, index=rows.set_names(["as_of", "customer_id"]))
    for learn, test in tuning_folds(y, y.index.get_level_values("customer_id"), random_state=0).search:
        assert max(y.index[learn].get_level_values("as_of")) < min(y.index[test].get_level_values("as_of"))


def test_tuning_of_a_dated_table_is_out_of_time_too(quick_models: Path) -> None:
    run = train("churn", table=_panel(), target="left", tune=2, models_path=quick_models, tracking=False)
    assert any("searched (out of time" in note for note in run.evaluation.notes)
