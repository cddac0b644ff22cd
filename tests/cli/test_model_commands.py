"""The command line: what it writes, what it says, and with which exit code it leaves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import duckdb
import pandas as pd
import pytest
from command_line import run

from custintel.cli._exit_codes import MEANINGS, ExitCode
from custintel.cli._main import main
from custintel.cli._rule_input import read_rows
from custintel.errors import DataError
from custintel.scoring.write_scores import write_scores
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from custintel.training import Run


def test_train_report_and_score_a_warehouse(
    quick_tables: Path, quick_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, scores, page = tmp_path / "store", tmp_path / "scores.csv", tmp_path / "again.html"
    assert (
        run("train", "churn", quick_tables, "--models", quick_models, "--store", store, "--save", tmp_path / "m") == 0
    )
    told = capsys.readouterr().out
    assert "AUC" in told
    assert "models:/churn/1 (champion)" in told
    assert run("score", "models:/churn@champion", quick_tables, "--store", store, "--out", scores) == 0
    assert "customers scored" in capsys.readouterr().out
    assert pd.read_csv(scores)["decile"].between(1, 10).all()
    assert run("report", "models:/churn@champion", "--store", store, "--out", page) == 0
    assert page.read_text().lower().startswith("<!doctype html>")
    assert json.loads(page.with_suffix(".json").read_text())
    assert run("score", tmp_path / "m", quick_tables, "--out", tmp_path / "s.parquet") == 0
    assert (
        pd.read_parquet(tmp_path / "s.parquet")["customer_id"].tolist() == pd.read_csv(scores)["customer_id"].tolist()
    )


def test_ask_counts_by_date(
    quick_tables: Path, quick_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "ask.html"
    assert run("ask", quick_models / "churn.yaml", quick_tables, "--out", page) == 0
    told = capsys.readouterr().out
    assert "Judged on: 2025-05-31" in told
    assert re.search(r"2025-05-31 +│ judge .*█", told)
    assert re.search(r"2025-07-31 +│ not known yet", told)
    assert page.is_file()
    assert run("ask", "churn", quick_tables, "--models", quick_models) == 0
    assert capsys.readouterr().out.splitlines()[:5] == told.splitlines()[:5]
    assert run("ask", "arrears", quick_tables) == ExitCode.REFUSED
    assert "no bills, payments" in capsys.readouterr().err


def test_scores_and_call_lists_are_no_formulas(tmp_path: Path, quick_run: Run, quick_tables: Path) -> None:
    usage = pd.read_parquet(quick_tables / "usage.parquet")
    usage["customer_id"] = "=" + usage["customer_id"]
    (tmp_path / "tables").mkdir()
    usage.to_csv(tmp_path / "tables" / "usage.csv", index=False)
    store, scores = quick_run.tracked.store, tmp_path / "scores.csv"  # type: ignore[union-attr]
    assert run("score", "models:/churn@champion", tmp_path / "tables", "--store", store, "--out", scores) == 0
    values = read_rows(scores)[["customer_id"]].head(50).assign(offer="-20 %", value=5.0, cost=1.0)
    assert values["customer_id"].isin(usage["customer_id"]).all()
    write_scores(values, tmp_path / "values.csv")
    (tmp_path / "limits.yaml").write_text("budget: 20\n")
    calls = tmp_path / "calls.csv"
    assert run("decide", tmp_path / "values.csv", "--constraints", tmp_path / "limits.yaml", "--out", calls) == 0
    for place in (scores, calls):
        assert not re.search(r'(^|,)"?[=@+]', place.read_text(encoding="utf-8-sig"), re.MULTILINE)
    called = read_rows(calls)
    assert set(called["customer_id"]) == set(values["customer_id"])
    assert called["offer"].eq("-20 %").sum() == 20


def test_train_from_a_flat_table(tmp_path: Path, quick_models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame(
        {"bill": [i % 17 for i in range(300)], "left": [(i * 31 % 19) + i % 17 > 20 for i in range(300)]}
    )
    table.assign(reason=table["left"].map({True: "price", False: None})).to_csv(tmp_path / "t.csv", index=False)
    arguments = ["train", "churn", "--table", tmp_path / "t.csv", "--target", "LEFT", "--models", quick_models]
    assert run(*arguments, "--no-tracking", "--report", tmp_path / "r.html") == 0
    caught = capsys.readouterr()
    assert "'reason', left out" in caught.err
    assert "five-fold cross-validation" in caught.out
    assert (tmp_path / "r.html").is_file()


def test_check_says_what_was_set_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = pd.DataFrame({"customer_id": ["a"] * 4, "service": "voice", "direction": "out"})
    calls["event_time"] = ["2025-01-01 10:00:00", "2025-01-02 10:00:00", "2999-01-01 10:00:00", "2025-01-03 10:00:00"]
    calls["duration_s"] = [60, -5, 60, 26 * 3600.0 * 10]
    calls.to_csv(tmp_path / "usage.csv", index=False)
    assert run("check", tmp_path, "--most-set-aside", 0.75) == 0
    told = capsys.readouterr().out
    assert "usage" in told
    assert "set aside" in told
    assert run("check", tmp_path, "--most-set-aside", 0.7) == run("check", tmp_path) == 3
    said = capsys.readouterr()
    assert "more than 10% of the rows were set aside: usage 3 of 4" in said.err
    assert "below minimum" in said.out
    assert run("check", tmp_path, "--most-set-aside", 10) == 2


def test_a_table_without_times_is_checked_too(tmp_path: Path) -> None:
    pd.DataFrame({"plan_id": ["s"]}).to_csv(tmp_path / "plans.csv", index=False)
    assert run("check", tmp_path) == 0


def test_simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("simulate", tmp_path / "op", "--customers", 60, "--months", 1) == 0
    assert "usage" in capsys.readouterr().out
    assert any((tmp_path / "op").iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "churn"], 1, "give a warehouse or --table"),
        (["train", "chrun", "--table", "x.csv", "--target", "y"], 1, "did you mean churn"),
        (["check", "/no/such/place"], 1, "/no/such/place"),
        (["score", "/no/such/model", "/no/such/place"], 1, "/no/such"),
        (["train"], 2, "name"),
        (["nonsense"], 2, "nonsense"),
        (["demo", "--customers", "many"], 2, "--customers"),
        (["--version"], 0, ""),
        (["train", "--help"], 0, ""),
    ],
)
def test_exit_codes(arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == code
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told


def test_a_bug_is_told_from_bad_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    errors = {70: RuntimeError("x"), 1: DataError("x"), 130: KeyboardInterrupt()}
    for code, error in [
        *errors.items(),
        (1, MemoryError()),
        (1, duckdb.OutOfMemoryException("x")),
        (70, KeyError("x")),
    ]:
        monkeypatch.setattr(Warehouse, "open", Mock(side_effect=error))
        assert run("check", tmp_path) == code


@pytest.mark.parametrize("suffix", ["csv", "parquet", "xlsx"])
@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n3,4,5,6\n", b"PAR1junk", b"PK\x03\x04junk", b"\x00\xff\xfe" * 50])
def test_a_file_that_cannot_be_read_is_no_bug(tmp_path: Path, suffix: str, content: bytes) -> None:
    place = tmp_path / f"t.{suffix}"
    place.write_bytes(content)
    assert run("train", "churn", "--table", place, "--target", "b", "--no-tracking") == 1
    assert run("decide", place, "--constraints", place) == 1
    assert run("alarms", place) == 1
    (tmp_path / "plans").mkdir()
    place.rename(tmp_path / "plans" / place.name)
    assert run("check", tmp_path) in (0, 1)


def test_the_page_of_exit_codes_names_them_all() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exit_codes.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| (\d+) +\| ([^|]+?) +\|", page, re.MULTILINE))
    assert told == {str(int(code)): MEANINGS[code] for code in ExitCode}


def test_debug_shows_where() -> None:
    with pytest.raises(Exception, match="no/such"):
        main(["check", "/no/such/place", "--debug"])


def test_scoring_an_unknown_date(quick_run: Run, quick_tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = quick_run.tracked.store  # type: ignore[union-attr]
    code = run("score", "models:/churn@champion", quick_tables, "--store", store, "--as-of", "2030-01-01")
    assert code == 1
    assert "allowed: 2025-01-01 to 2025-07-31" in capsys.readouterr().err


@pytest.mark.slow
def test_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("demo", "--customers", 600, "--months", 12, "--out", tmp_path, "--tune", 0) == 0
    told = capsys.readouterr().out
    assert "whoever knew all hidden causes" in told
    made = {path.name for path in tmp_path.iterdir()}
    assert {"index.html", "churn.html", "churn.json", "churn.parquet", "mlflow.db", "tables"} <= made
    links = re.findall('href="([^"]+)"', (tmp_path / "index.html").read_text(encoding="utf-8"))
    assert links
    assert set(links) <= made
