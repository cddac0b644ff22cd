"""Which files are read as which table: names are literal, all parts are read, a clash is an error that lists them."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pandas as pd
import pytest

from custintel.builder import FeatureBuilder
from custintel.engines.duckdb_engine import DuckDBEngine
from custintel.errors import ConfigurationError, ContractError, QualityWarning
from custintel.training.read_table import read_table
from custintel.warehouse import Warehouse

ODD = ["x[1]", "st*", "q?", "[!a]b", "**", "~home", "month=1", "file:", "it's"]
"""Names of folders that other programs take for patterns, homes, addresses or values."""


def plans(folder: Path, name: str = "plans.csv", *ids: str) -> Path:
    """A table of plans under any name."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame({"plan_id": ids or ("s",)})
    if name.endswith(".parquet"):
        frame.to_parquet(folder / name)
    else:
        frame.to_csv(folder / name, index=False)
    return folder


def read(folder: Path | str, **given: object) -> list[str]:
    """The plans that a folder holds."""
    return sorted(Warehouse.open(folder, **given).frame("plans")["plan_id"])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", ODD)
def test_the_name_of_a_folder_is_no_pattern(tmp_path, monkeypatch, name, kind) -> None:
    for other in ("x1", "star", "qa", "bb", "deep"):
        plans(tmp_path / other, f"plans.{kind}", "wrong")
    plans(tmp_path / name, f"plans.{kind}", "right")
    plans(tmp_path / name / "parts[0]" / "plans", f"1.{kind}", "in a part")
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / name, name):
        wh = Warehouse.open(folder)
        assert wh.frame("plans").to_dict("list") == {"plan_id": ["right"]}
    assert read(tmp_path / name / "parts[0]") == ["in a part"]


@pytest.mark.parametrize("name", ODD)
def test_what_is_written_to_such_a_folder_comes_back(tmp_path, monkeypatch, name) -> None:
    monkeypatch.chdir(tmp_path)
    wh = Warehouse.from_frames(plans=pd.DataFrame({"plan_id": ["s", ""]}))
    assert Warehouse.open(wh.save(Path(name) / "saved")).report["plans"].set_aside == 1
    engine = DuckDBEngine()
    engine.write_parquet("select 7 as a", Path(name) / "t.parquet")
    assert (tmp_path / name / "t.parquet").is_file()
    assert engine.rows(f"select * from {engine.read_files([Path(name) / 't.parquet'])}") == [(7,)]
    database(tmp_path / "x.duckdb").rename(Path(name) / "x.duckdb")
    if "?" in name:
        with pytest.raises(ContractError, match="rename the folder"):
            Warehouse.open(Path(name) / "x.duckdb")
    else:
        assert read(Path(name) / "x.duckdb") == ["s"]


def database(place: Path) -> Path:
    """A database file with a table of plans."""
    engine = DuckDBEngine(place)
    engine.execute("create table plans as select 's' as plan_id")
    engine.close()
    return place


@pytest.mark.parametrize("name", ["x[1]", "st*", "day=1"])
def test_flat_tables_and_kept_days_of_such_a_folder(tmp_path, quick_tables, name) -> None:
    for other in ("x1", "star"):
        (tmp_path / other).mkdir()
    home = tmp_path / name
    home.mkdir()
    for suffix in ("csv", "parquet"):
        plans(home, f"t.{suffix}", "a", "b")
        assert read_table(home / f"t.{suffix}").frame.to_dict("list") == {"plan_id": ["a", "b"]}
    wh, builder = Warehouse.open(quick_tables), FeatureBuilder("usage", columns=["out_calls_30d"])
    for date in ("2025-06-30", "2025-07-15", "2025-07-15"):
        kept = builder.build(wh, date, partials=home / "kept")
        pd.testing.assert_frame_equal(kept, builder.build(wh, date))


def test_numbered_parts_of_a_table_are_all_read(tmp_path) -> None:
    plans(tmp_path, "plans.2024.csv", "s", "m")
    plans(tmp_path, "plans.2025.csv", "l", "")
    wh = Warehouse.open(tmp_path)
    assert sorted(wh.frame("plans")["plan_id"]) == ["l", "m", "s"]
    assert wh.set_aside("plans")[["source", "source_row"]].values.tolist() == [["plans.2025.csv", 2]]


CLASHES = {
    "numbered beside the whole": (["plans.2024.csv", "plans.2025.csv", "plans.csv"], []),
    "two kinds": (["plans.csv", "plans.parquet"], []),
    "packed beside plain": (["plans.csv", "plans.csv.gz"], []),
    "file and folder": (["plans.csv"], ["plans"]),
    "old and new": (["plans.old.csv", "plans.new.csv"], []),
    "case": (["PLANS.csv", "plans.csv"], []),
    "numbered of two kinds": (["plans.1.csv", "plans.2.parquet"], []),
}


@pytest.mark.parametrize(("files", "folders"), CLASHES.values(), ids=list(CLASHES))
def test_a_clash_lists_the_files(tmp_path, files, folders) -> None:
    for name in files:
        plans(tmp_path, name)
    for name in folders:
        plans(tmp_path / name, "part.csv")
    with pytest.raises(ContractError, match="several files or folders claim to be this table") as caught:
        Warehouse.open(tmp_path)
    for name in [*files, *(f"{folder}/" for folder in folders)]:
        assert name in str(caught.value)


def test_a_mapping_decides_a_clash(tmp_path) -> None:
    for i, name in enumerate(["plans.csv", "plans.old.csv", "plans.parquet"]):
        plans(tmp_path, name, f"p{i}")
    assert read(tmp_path, rename={"plans": {"file": "plans.parquet"}}) == ["p2"]
    assert read(tmp_path, rename={"plans": [{"file": "plans.csv"}, {"file": "plans.old.csv"}]}) == ["p0", "p1"]


def test_a_folder_of_two_kinds_says_which_files(tmp_path) -> None:
    plans(tmp_path / "plans", "a.csv")
    plans(tmp_path / "plans", "b.parquet")
    with pytest.raises(ContractError, match=r"all Parquet or all CSV, .*: a\.csv, b\.parquet"):
        Warehouse.open(tmp_path)


def test_what_others_leave_in_a_folder_is_no_part(tmp_path) -> None:
    plans(tmp_path / "plans", "a.csv", "right")
    for hidden in (".ipynb_checkpoints", "_temporary/0", "_spark_metadata"):
        plans(tmp_path / "plans" / hidden, "a.csv", "wrong")
    assert read(tmp_path) == ["right"]


@pytest.mark.parametrize("mark", ["_delta_log", ".hoodie"])
def test_a_table_of_a_lake_is_refused(tmp_path, mark) -> None:
    plans(tmp_path / "plans", "a.parquet")
    (tmp_path / "plans" / mark).mkdir()
    with pytest.raises(ContractError, match="files of deleted rows"):
        Warehouse.open(tmp_path)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_values_of_subfolders_are_columns_and_those_of_the_place_are_not(tmp_path, kind) -> None:
    home = tmp_path / "plan_id=no" / "name=no"
    for part in ("billing_type=prepaid/month=1", "billing_type=postpaid/month=__HIVE_DEFAULT_PARTITION__"):
        plans(home / "plans" / part, f"a.{kind}", part[13:17])
    plans(home / "plans" / "billing_type=prepaid" / "plan_id=never", f"b.{kind}", "kept")
    found = Warehouse.open(home).frame("plans").sort_values("plan_id", ignore_index=True)
    assert list(found.columns) == ["plan_id", "billing_type", "month"]
    assert found.fillna("").values.tolist() == [
        ["kept", "prepaid", ""],
        ["post", "postpaid", ""],
        ["prep", "prepaid", "1"],
    ]


def test_a_mapping_cannot_leave_its_folder(tmp_path) -> None:
    secret, home = plans(tmp_path / "other", "plans.csv", "secret"), plans(tmp_path / "home", "plans.csv")
    (home / "link.csv").symlink_to(secret / "plans.csv")
    (home / "linked").symlink_to(secret)
    (home / "deep").mkdir()
    (home / "deep" / "a.csv").symlink_to(secret / "plans.csv")
    (home / "here.csv").symlink_to(home / "plans.csv")
    away = ["../other/plans.csv", str(secret / "plans.csv"), "link.csv", "linked", "linked/plans.csv", "deep"]
    for name in [*away, "x/../../other/plans.csv", str(home / "plans.csv"), "deep/../plans.csv"]:
        (home / "mapping.yaml").write_text(f"plans: {{file: {name}}}")
        with pytest.raises(ConfigurationError, match="leads out of the folder"):
            Warehouse.open(home)
    (home / "mapping.yaml").write_text("plans: {file: here.csv}")
    assert read(home) == ["s"]
    (home / "mapping.yaml").write_text("plans: {file: 7}")
    with pytest.raises(ConfigurationError, match="file is not a name"):
        Warehouse.open(home)


ALIKE = ["plan.csv", "plans_2024.csv", "plans.xlsx", "planss.parquet", "plans2.csv"]


@pytest.mark.parametrize("name", [*ALIKE, "plans_jan.csv", "plans_old copy (1).csv", "Plans_backup.CSV"])
def test_what_looks_like_a_table_and_is_not_read_is_said(tmp_path, name) -> None:
    plans(tmp_path, "plans.csv" if "_" in name else "offers.csv").joinpath(name).write_text("plan_id\ns\n")
    if "_" not in name:
        (tmp_path / "offers.csv").write_text("offer_id\ns\n")
    with pytest.warns(QualityWarning, match=rf"not read: {re.escape(name)} \(plans\?\)"):
        Warehouse.open(tmp_path)


@pytest.mark.parametrize("name", ["plans (1).csv", "plans copy.csv", "plans-final.parquet", "plans(2).csv"])
def test_a_copy_beside_the_table_is_said(tmp_path, name) -> None:
    plans(tmp_path).joinpath(name).write_text("plan_id\nt\n")
    with pytest.warns(QualityWarning, match=rf"not read: {re.escape(name)} \(plans\?\)"):
        assert read(tmp_path) == ["s"]


def test_other_files_beside_the_tables_are_nobodys_business(tmp_path) -> None:
    plans(tmp_path)
    for name in ("scores.csv", "README.md", "plans.md", "customers.sql", "mapping.yaml", "plans.yaml"):
        (tmp_path / name).write_text("")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(tmp_path) == ["s"]
        assert read(tmp_path, rename={"offers": {"file": "plans.csv", "offer_id": "plan_id"}}) == ["s"]


def test_a_file_of_no_bytes_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "usage.csv").touch()
    with pytest.raises(ContractError, match=r"usage\.csv: the file is empty") as caught:
        Warehouse.open(tmp_path)
    assert "column0" not in str(caught.value)
