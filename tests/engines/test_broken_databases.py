"""Database files that cannot be opened: what is wrong is said, in a moment and without the network."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pytest

from custintel.errors import ContractError
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path


def whole(place: Path) -> bytes:
    """A good database of some size, made and read back as bytes."""
    with duckdb.connect(str(place)) as connection:
        connection.execute("create table plans as select 's' || i as plan_id, hash(i) as x from range(50000) t(i)")
    return place.read_bytes()


def refusal(place: Path) -> str:
    """What the warehouse says about the file."""
    with pytest.raises(ContractError) as caught:
        Warehouse.open(place)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "given"),
    [
        (b"", "an empty file"),
        (b"plan_id\ns\n" * 999, "something else"),
        (b"PAR1" + b"0" * 9999, "a Parquet file"),
        (b"PK\x03\x04" + b"0" * 9999, "a ZIP or Excel file"),
    ],
)
def test_not_a_database(tmp_path, content, given) -> None:
    place = tmp_path / "x.duckdb"
    place.write_bytes(content)
    assert refusal(place) == f"{place}: not a DuckDB database\n  given: {given}"


def test_a_database_of_another_maker_is_not_fetched_a_reader_for(tmp_path) -> None:
    place = tmp_path / "x.db"
    with sqlite3.connect(place) as other:
        other.execute("create table plans (plan_id text)")
    other.close()
    assert "given: an SQLite database" in refusal(place)


@pytest.mark.parametrize("kept", [20, 3_000, 12_288, 0.5, 0.99])
def test_truncated(tmp_path, kept) -> None:
    place = tmp_path / "x.duckdb"
    content = whole(place)
    place.write_bytes(content[: kept if kept > 1 else int(len(content) * kept)])
    said = refusal(place)
    assert "the database file is truncated" in said or "Could not read enough bytes" in said or kept == 20


def test_damaged(tmp_path) -> None:
    place = tmp_path / "x.duckdb"
    content = bytearray(whole(place))
    content[5_000] ^= 255
    place.write_bytes(content)
    assert "the database file is damaged" in refusal(place)


def test_written_by_a_later_release(tmp_path) -> None:
    place = tmp_path / "x.duckdb"
    content = bytearray(whole(place))
    assert int.from_bytes(content[:8], "little") == checksum(content[8:4096])
    content[12:20] = (9_000).to_bytes(8, "little")
    content[:8] = checksum(content[8:4096]).to_bytes(8, "little")
    place.write_bytes(content)
    said = refusal(place)
    assert "another storage version" in said
    assert "9000" in said
    assert "upgrade the package duckdb" in said


def checksum(block: bytes | bytearray) -> int:
    """DuckDB's checksum of a block: its words, multiplied and folded."""
    found, mask = 5381, 2**64 - 1
    for i in range(0, len(block), 8):
        found ^= int.from_bytes(block[i : i + 8], "little") * 0xBF58476D1CE4E5B9 & mask
    return found


def test_open_elsewhere(tmp_path) -> None:
    place = tmp_path / "x.duckdb"
    work = f"import duckdb\nc = duckdb.connect({str(place)!r})\nprint('open', flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        said = refusal(place)
        other.communicate(b"\n")
    assert f"another process (PID {other.pid}) has it open for writing" in said


def test_without_a_table_of_the_contracts(tmp_path) -> None:
    place = tmp_path / "x.duckdb"
    with duckdb.connect(str(place)) as connection:
        connection.execute("create table calls (a int)")
        connection.execute("create table clients (a int)")
    said = refusal(place)
    assert "no table of the contracts" in said
    assert "given: calls, clients" in said


def test_a_table_of_ten_thousand_columns(tmp_path) -> None:
    wide = pd.DataFrame({"plan_id": ["s"], **{f"d{i}": [1] for i in range(10_000)}})
    wide.to_csv(tmp_path / "plans.csv", index=False)
    said = refusal(tmp_path)
    assert "too many columns" in said
    assert "given: 10,001" in said
    assert len(said) < 1_000
