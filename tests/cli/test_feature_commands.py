"""``custintel features``: lists, cards, SQL, checks, tables."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import sqlglot
from command_line import run as run_command

from custintel.builder import FeatureBuilder
from custintel.builder.feature_frame import column_meanings
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

MINE = """family: mine
about: Mine
about_zh: 我的
source: usage
windows: [7d]
features:
  long_calls: {sql: count_if(duration_s > 600), unit: calls, missing: 0, about: Long calls, about_zh: 长通话次数}
"""
OWN_PYTHON = """
from custintel.functions import feature_function

@feature_function("own_days", reads={"usage": 90}, columns=["own_days"])
def own_days(view):
    return view.frame("usage").groupby("customer_id")["event_date"].nunique().to_frame("own_days")
"""
OWN_DAYS = """family: own_days
about: Days counted in Python
function: own_days
features:
  days_counted: {sql: own_days, unit: d, missing: 0, about: Days with use}
"""


run = partial(run_command, "features")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "mine.yaml").write_text(MINE, encoding="utf-8")
    return folder


def test_list_filters(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    assert run("list", "--topic", "usage", "--unit", "share") == 0
    told = capsys.readouterr().out
    assert "night_share" in told
    assert "events_30d" not in told
    assert run("list", "--search", "night share", "--sensitivity", "normal") == 0
    told = capsys.readouterr().out
    assert "night_share_90d" in told
    assert "events_30d" not in told
    assert run("list", "--search", "长通话", "--features", mine) == 0
    told = capsys.readouterr().out
    assert "long_calls_7d" in told
    assert "近7天长通话次数" in told
    assert run("list", "--unit", "furlongs") == 1
    assert "allowed: " in capsys.readouterr().err
    assert run("list", "--search", "xyzzy") == 1
    assert "xyzzy" in capsys.readouterr().err


def test_describe_says_all(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    assert run("describe", "out_minutes_30d") == 0
    told = capsys.readouterr().out
    for part in (
        "Minutes of calls going out, last 30 days",
        "近30天主动通话分钟数",
        "the 30 days that end with the as-of date",
        "direction = 'out'",
        "becomes 0",
        "table usage",
        "SUM(CASE WHEN service = 'voice'",
        "features/usage.yaml:",
    ):
        assert part in told
    assert run("describe", "long_calls", "--features", mine) == 0
    assert f"{mine}/mine.yaml:7" in capsys.readouterr().out
    assert run("describe", "minutes_tr*") == 0
    assert "reads minutes_90d" in capsys.readouterr().out
    assert run("describe", "*_30d") == 0
    assert " more: " in capsys.readouterr().out
    assert run("describe", "nonsense") == 1
    assert "nonsense" in capsys.readouterr().err


def test_sql(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run("sql", "--as-of", "2025-06-30", "--dialect", "spark", "--topic", "usage") == 0
    assert "SELECT" in capsys.readouterr().out
    out = tmp_path / "new" / "features.sql"
    assert run("sql", "--as-of", "2025-05-31", "--as-of", "2025-06-30", "--column", "events_30d", "--out", out) == 0
    tree = sqlglot.parse_one(out.read_text(), read="duckdb")
    assert [select.alias_or_name for select in tree.selects] == ["customer_id", "as_of", "events_30d"]
    assert str(out) in capsys.readouterr().out


def test_check_counts_own_files(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    assert run("check", mine, "--topic", "mine", "--topic", "recharge") == 0
    assert f", 1 of them from {mine}: no mistakes, all can be computed" in capsys.readouterr().out


def test_check_lists_every_mistake(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    (mine / "wrong.yaml").write_text("family: wrong\nabout: x\nsource: usge\nfeatures:\n  n: {sql: count(*}\n")
    (mine / "mine.yaml").write_text(MINE.replace("unit: calls", "unit: calls, colour: red"))
    assert run("check", mine) == 1
    told = capsys.readouterr().err
    assert "wrong.yaml:5" in told
    assert "mine.yaml:7" in told
    assert "colour" in told


def test_check_computes_every_column(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    (mine / "mine.yaml").write_text(MINE + "  added: {sql: sum(direction), unit: n, missing: 0, about: Texts added}\n")
    assert run("check", mine, "--topic", "mine", "--topic", "recharge") == 1
    told = capsys.readouterr().err
    assert "1 mistake found" in told
    assert "mine.yaml:8: added_7d cannot be computed" in told
    assert "given: sum(direction)" in told


def test_schema_is_written_with_the_line_for_the_editor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "features.schema.json"
    assert run("schema", "--out", out) == 0
    assert json.loads(out.read_text())["properties"]["family"]
    assert f"# yaml-language-server: $schema={out}" in capsys.readouterr().out


def test_build_writes_a_table_that_knows_its_words(
    capsys: pytest.CaptureFixture[str], quick_tables: Path, tmp_path: Path
) -> None:
    out = tmp_path / "features.parquet"
    out.write_text("the file of yesterday")
    dates = ["2025-05-31", "2025-06-30"]
    assert run("build", quick_tables, "--as-of", dates[0], "--as-of", dates[1], "--topic", "usage", "--out", out) == 0
    told = capsys.readouterr().out
    X = pd.read_parquet(out)
    expected = FeatureBuilder(["usage"]).build(Warehouse.open(quick_tables), dates)
    pd.testing.assert_frame_equal(X, expected, check_index_type=False)
    assert column_meanings(X)["about"].notna().all()
    assert f"{len(X):,} rows" in told
    assert told.count("left out: ") == 1
    assert re.search(r"left out: no column .*data_mb.* in usage: \d+ columns of .*volumes", told)
    assert [path.name for path in tmp_path.iterdir()] == ["features.parquet"]


def test_build_with_a_function_of_ones_own(quick_tables: Path, mine: Path, tmp_path: Path) -> None:
    (mine / "days.yaml").write_text(OWN_DAYS)
    (tmp_path / "own.py").write_text(OWN_PYTHON)
    out = tmp_path / "features.csv"
    own = ["--features", mine, "--python", tmp_path / "own.py"]
    assert run("check", mine, "--python", tmp_path / "own.py", "--topic", "own_days") == 0
    assert run("build", quick_tables, "--as-of", "2025-05-31", "--out", out, "--column", "days_counted", *own) == 0
    X = pd.read_csv(out).set_index("customer_id")
    assert X["days_counted"].max() > 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--as-of", "2031-01-01"], "outside the data"),
        (["--as-of", "2025-05-31", "--out", "features.xlsx"], "allowed: .parquet, .csv"),
        (["--as-of", "2025-05-31", "--column", "events_3d"], "did you mean events_30d"),
        (["--as-of", "2025-05-31", "--python", "nowhere.py"], "no Python file nowhere.py"),
    ],
)
def test_build_explains_mistakes(
    quick_tables: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("build", quick_tables, *arguments) == 1
    assert message in capsys.readouterr().err
