"""No customer in anything written: markers planted in every text column of every table are searched for everywhere.

What exists to name customers (scores, alarms, call lists, feeds) is exempt. Everything else is read back byte by byte,
compressed or not: reports, model folders, MLflow stores, what is printed, warnings, logs and error texts.
"""

from __future__ import annotations

import io
import logging
import re
import sqlite3
import warnings
import zipfile
from contextlib import closing, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from custintel import Warehouse, score, train
from custintel.contracts.table_contracts import TABLES
from custintel.errors import ContractError, CustintelError, DataError
from custintel.training._read_flat_table import TableQuestion, read_flat_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("privacy")  # one worker makes the marked operator, once

MARK = "zq9"
MODEL = """
model: churn
about: Leaves within two months
question: {kind: churn, gap: 2d, horizon: 45d, dormancy: 10d, billing_types: [prepaid, postpaid]}
population: {active_within_days: 15}
dates: {every: month, history_days: 30}
features: {topics: [volumes, direct_contacts, current_plan, customer_profile, care_contacts, bills]}
learner: {class: ChurnClassifier, params: {effort: fast}}
"""
PEOPLE = (
    "msisdn",
    "other_party",
    "imei",
)  # columns that name customers or what is theirs; those that end in _id do, too
OPERATORS = ("plan_id", "cell_id", "campaign_id", "offer_id")  # but these name things of the operator's


def open_text(name: str) -> set[str]:
    """Text columns of a contract whose values are not a closed list."""
    columns = TABLES[name].columns.values()
    return {c.name for c in columns if c.type == "string" and not c.values}


def planted(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A table whose identifiers begin with the marker, and whose categories have a level that one row alone holds."""
    frame = frame.copy()
    for column in sorted(open_text(name) & set(frame.columns) - set(OPERATORS)):
        values = frame[column]
        if column in PEOPLE or (column.endswith("_id") and column != "dealer_id"):
            frame[column] = values.where(values.isna(), MARK + values.astype("object").astype(str))
        elif len(frame) and {"customer_id", "account_id"} & set(frame.columns):
            frame.loc[frame.index[len(frame) // 2], column] = f"{MARK} {column}"
    return frame


def spoiled(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A table with three rows that cannot be used."""
    required = [c.name for c in TABLES[name].columns.values() if c.required and c.type in ("timestamp", "date")]
    if not required or len(frame) < 10:
        return frame
    bad = frame.head(3).astype("object")
    bad[required[0]] = f"{MARK} no date"
    return pd.concat([frame.astype({required[0]: "object"}), bad], ignore_index=True)


@pytest.fixture(scope="module")
def marked_tables() -> dict[str, pd.DataFrame]:
    """All tables of a small operator with markers in every text column."""
    wh = Warehouse.simulate(customers=300, months=7, seed=5)
    frames = {r.table: wh.frame(r.table) for r in wh.report if r.kept}
    frames["usage"] = frames["usage"].iloc[::20]
    return {name: planted(name, frame) for name, frame in frames.items()}


@pytest.fixture(scope="module")
def marked_folder(marked_tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as CSV files, with bad rows."""
    folder = tmp_path_factory.mktemp("marked")
    for name, frame in marked_tables.items():
        spoiled(name, frame).to_csv(folder / f"{name}.csv", index=False)
    return folder


class Heard:
    """Everything said while a block runs: printed, logged, warned."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def __enter__(self) -> Heard:
        self._handler = logging.StreamHandler(self.stream)
        self._root = logging.getLogger()
        self._root.addHandler(self._handler)
        self._caught = warnings.catch_warnings(record=True)
        self._list = self._caught.__enter__()
        warnings.simplefilter("always")
        self._out, self._err = redirect_stdout(self.stream), redirect_stderr(self.stream)
        self._out.__enter__()
        self._err.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._err.__exit__(None, None, None)
        self._out.__exit__(None, None, None)
        self._caught.__exit__(None, None, None)
        self._root.removeHandler(self._handler)

    def text(self) -> str:
        return self.stream.getvalue() + "\n".join(str(w.message) for w in self._list)


def contents(path: Path) -> Iterator[tuple[str, str]]:
    """Every file below a path, as text; what is compressed is read through its own reader."""
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        if file.suffix == ".parquet":
            yield str(file), pd.read_parquet(file).to_csv()
        elif file.suffix in (".db", ".sqlite"):
            with closing(sqlite3.connect(file)) as database:
                yield str(file), "\n".join(database.iterdump())
        elif zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                yield from ((f"{file}:{name}", archive.read(name).decode("latin-1")) for name in archive.namelist())
        else:
            yield str(file), file.read_bytes().decode("latin-1")


def told(texts: Iterable[tuple[str, str]]) -> list[str]:
    """Where a marker stands, with what is around it."""
    found = []
    for where, text in texts:
        at = text.find(MARK)
        if at >= 0:
            found.append(f"{where}: ...{text[max(0, at - 60) : at + 40]!r}")
    return found


@pytest.fixture(scope="module")
def spoken_and_written(marked_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What is said and written from tables to scores; the scores themselves, which name customers, are removed."""
    place = tmp_path_factory.mktemp("written")
    (place / "models").mkdir()
    (place / "models" / "churn.yaml").write_text(MODEL)
    with Heard() as heard:
        wh = Warehouse.open(marked_folder)
        print(wh.report, wh.report.frame().to_string(), wh, wh._repr_html_())
        run = train("churn", wh, models_path=place / "models", store=place / "store")
        print(run)
        run.report(place / "report.html")
        run.model.save(place / "model")
        score(run.model, wh, out=place / "scores.parquet")
    (place / "scores.parquet").unlink()
    return heard.text(), place


def test_the_markers_are_where_they_should_be(marked_folder: Path) -> None:
    wh = Warehouse.open(marked_folder)
    assert wh.frame("customers")["customer_id"].str.startswith(MARK).all()
    assert wh.frame("usage")["other_party"].dropna().str.startswith(MARK).all()
    assert (wh.frame("customers")["region"] == f"{MARK} region").sum() == 1


def test_no_customer_is_said(spoken_and_written: tuple[str, Path]) -> None:
    assert told([("said", spoken_and_written[0])]) == []


def test_no_customer_is_written(spoken_and_written: tuple[str, Path]) -> None:
    files = list(contents(spoken_and_written[1]))
    assert len(files) > 8, "the walk found the files"
    assert told(files) == []


def flat_table(rows: int = 400) -> pd.DataFrame:
    """A flat table whose categories have levels of one customer, and an identifier."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=rows)
    city = rng.choice(["north", "south", "east"], rows).astype(object)
    city[7] = f"{MARK} village"
    return pd.DataFrame(
        {
            "customer_id": [f"{MARK}{i:05d}" for i in range(rows)],
            "spend": x,
            "city": city,
            "note": [f"{MARK} said {i}" for i in range(rows)],
            "left": np.where(rng.random(rows) < 1 / (1 + np.exp(-2 * x)), "yes", "no"),
        }
    )


def test_a_flat_table_leaves_no_customer_behind(tmp_path: Path) -> None:
    table = tmp_path / "customers.csv"
    flat_table().to_csv(table, index=False)
    with Heard() as heard:
        run = train("churn", table=table, target="left", store=tmp_path / "store")
        print(run)
        run.report(tmp_path / "report.html")
        run.model.save(tmp_path / "model")
        score(run.model, table=table, out=tmp_path / "scores.csv")
    (tmp_path / "scores.csv").unlink()
    table.unlink()
    assert told([("said", heard.text()), *contents(tmp_path)]) == []


def numbered_table(rows: int = 400) -> pd.DataFrame:
    """A flat table with five columns of numbers that name customers, and two of numbers that do not."""
    rng = np.random.default_rng(4)
    bill, far = rng.gamma(2.0, 20.0, rows).round(2), 7919 * rng.permutation(rows)
    return pd.DataFrame(
        {
            "customer_id": 770_000_000_001 + far,
            "msisdn": (880_000_831_495 + far).astype(str),
            "imei": 350_000_000_831_495 + far,
            "account_no": 4_400_831_495 + far // 2,
            "contract": 66_000_831_495 + far,  # no name says that this identifies
            "bill": bill,
            "since": (20_150_101 + 10_000 * rng.integers(0, 9, rows) + 100 * rng.integers(0, 12, rows)),
            "left": np.where(rng.random(rows) < 1 / (1 + np.exp((bill - 40) / 10)), "yes", "no"),
        }
    )


def test_numbers_that_name_customers_are_learned_nowhere(tmp_path: Path) -> None:
    frame, file = numbered_table(), tmp_path / "customers.csv"
    frame.to_csv(file, index=False)
    with Heard() as heard:
        run = train("churn", table=file, target="left", store=tmp_path / "store")
        print(run)
        run.report(tmp_path / "report.html")
        run.model.save(tmp_path / "model")
    file.unlink()
    assert sorted(run.model.feature_names) == ["bill", "since"]
    told = "left out, identifiers: 'msisdn', 'imei', 'account_no', 'contract'"
    assert any(note.startswith(told) for note in read_flat_table(frame, TableQuestion("left")).notes)
    secret = {str(cell) for name in frame.columns[:5] for cell in frame[name]}
    written = [heard.text(), *(text for _, text in contents(tmp_path))]
    numbers = {number.replace(",", "") for text in written for number in re.findall(r"\d[\d,]{8,}", text)}
    assert numbers & secret == set()
    for start in ("770,00", "880,00", "350,000,0", "4,40", "66,00"):  # medians and means of them, grouped
        assert not [text for text in written if re.search(rf"{start}\d,\d{{3}},\d{{3}}", text)]


def _frames(**tables: pd.DataFrame) -> Callable[[], object]:
    return lambda: Warehouse.from_frames(**tables)


def bad_tables() -> dict[str, pd.DataFrame]:
    """Tables that cannot be used, each for another reason."""
    good = pd.DataFrame(
        {
            "customer_id": [f"{MARK}1"] * 30,
            "event_time": pd.date_range("2025-01-01", periods=30),
            "service": "voice",
            "direction": "out",
            "other_party": f"{MARK}2",
            "duration_s": 60.0,
        }
    )
    return {
        "no readable time": good.assign(event_time=f"{MARK} yesterday"),
        "no allowed service": good.assign(service=f"{MARK} service"),
        "no number": good.assign(duration_s=f"{MARK} s"),
        "no time column": good.drop(columns="event_time"),
        "no line": good.assign(customer_id=None),
        "duration out of range": good.assign(duration_s=-5.0),
    }


@pytest.mark.parametrize("case", sorted(bad_tables()))
def test_no_error_of_a_table_shows_a_row(case: str) -> None:
    with Heard() as heard:
        try:
            wh = _frames(usage=bad_tables()[case])()
            print(wh, wh.report, wh.report.frame().to_string())
        except CustintelError as error:
            print(error, error.__cause__, error.__notes__ if hasattr(error, "__notes__") else "")
    assert told([("said", heard.text())]) == []


def test_no_file_without_header_shows_its_first_customer(spoken_and_written: tuple[str, Path], tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    rows = [f"{36 + i}.69,{MARK}-Smith{i},u{i}@{MARK}.com,88000083149{i},{MARK}left" for i in range(9)]
    file.write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(DataError, match="seems to have no header line") as trained:
        train("churn", table=file, target="churned", store=tmp_path / "store")
    with pytest.raises(DataError, match="seems to have no header line") as scored:
        score(spoken_and_written[1] / "model", table=file)
    with pytest.raises(ContractError, match="seems to have no header line") as opened:
        Warehouse.from_frames(usage=pd.read_csv(file))
    said = [str(error.value) for error in (trained, scored, opened)]
    assert told(("said", text) for text in said) == []
    assert not any(cell in text for text in said for cell in ("36.69", "880000831490"))
