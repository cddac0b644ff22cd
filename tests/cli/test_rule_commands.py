"""``custintel rules`` and ``custintel alarms``: files in, rules, alarms, sentences and a page out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from command_line import run

from custintel.rules import RuleBase
from custintel.rules.builtin_rules import builtin_rules
from custintel.rules.rule_files import rules_from_yaml
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

RULES = """
rules:
  box:
    when: calls > most and cells <= 3
    parameters: {most: 120}
    kind: sim_box
    loss: 400
    severity: 4
    about: Many calls from one place
    action: Bar outgoing calls
    action_zh: 停开呼出
  wide: {when: cells > 28, kind: courier}
  away: {when: roaming_minutes > 60, kind: roaming, loss: 90}
"""
WHO = ("--by", "L. Chen", "--reason", "seen in cases")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table and a base in which two of three rules are active."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    X = pd.DataFrame({"calls": rng.integers(0, 200, 900), "cells": rng.integers(1, 30, 900)})
    X.insert(0, "customer_id", [f"{k:05d}" for k in range(900)])
    X["fraud"] = np.where((X["calls"] > 120) & (X["cells"] <= 3), "yes", "no")
    X.to_csv("customers.csv", index=False)
    (tmp_path / "more.yaml").write_text(RULES, encoding="utf-8")
    assert run("rules", "import", "more.yaml") == 0
    for name in ("box", "box", "away", "away"):
        assert run("rules", "approve", name, *WHO) == 0
    return tmp_path


def test_a_rule_goes_one_step_with_each_approval(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rules", "import", "more.yaml", "--base", "new.jsonl") == 0
    assert "3 rules proposed in new.jsonl" in capsys.readouterr().out
    for _ in range(2):
        assert run("rules", "approve", "box", *WHO, "--base", "new.jsonl") == 0
    told = capsys.readouterr().out
    assert "evidence: No evidence was kept with it." in told
    assert "proposed -> shadow" in told
    assert "shadow -> active" in told
    assert RuleBase("rules.jsonl").entry("box").by == "L. Chen"
    assert run("rules", "approve", "box", *WHO) == 1
    assert "it alarms already" in capsys.readouterr().err
    assert run("rules", "reject", "wide", *WHO) == 0
    assert "proposed -> rejected" in capsys.readouterr().out
    assert run("rules", "retire", "away", *WHO) == 0
    assert RuleBase(desk / "rules.jsonl").entry("away").state == "retired"
    assert run("rules", "import", "more.yaml") == 0
    assert "0 rules proposed in rules.jsonl, 3 were in the base already" in capsys.readouterr().out


def test_the_base_is_listed_for_people_and_machines(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run("rules", "list", "--state", "active") == 0
    told = capsys.readouterr().out
    assert "2 rules of rules.jsonl" in told
    assert "wide" not in told
    assert run("rules", "list", "--json") == 0
    assert {row["rule"]: row["state"] for row in json.loads(capsys.readouterr().out)} == {
        "box": "active",
        "wide": "proposed",
        "away": "active",
    }
    for file in ("list.csv", "list.parquet", "list.json"):
        assert run("rules", "list", "--out", file) == 0
    listed = pd.read_csv(desk / "list.csv")
    assert listed["rule"].tolist() == pd.read_parquet(desk / "list.parquet")["rule"].tolist()
    assert run("rules", "show", "box", "--language", "zh") == 0
    assert "停开呼出" in capsys.readouterr().out
    assert run("rules", "show", "box", "--json") == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == {"most": 120}


def test_the_log_is_told_compared_and_checked(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = RuleBase("rules.jsonl").head
    capsys.readouterr()
    assert run("rules", "history", "box", "--json") == 0
    assert [event["state"] for event in json.loads(capsys.readouterr().out)] == ["proposed", "shadow", "active"]
    assert run("rules", "diff", "2020-01-01", "--json") == 0
    assert {row["after"] for row in json.loads(capsys.readouterr().out)} == {"active", "proposed"}
    assert run("rules", "diff", "2020-01-01", "2020-02-01", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run("rules", "verify", "--head", head) == 0
    assert f"head {head}" in capsys.readouterr().out
    lines = (desk / "rules.jsonl").read_text().splitlines()
    (desk / "cut.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    assert run("rules", "verify", "--base", "cut.jsonl", "--head", head) == 1
    assert "cut off" in capsys.readouterr().err
    (desk / "forged.jsonl").write_text("\n".join(lines).replace("L. Chen", "nobody") + "\n")
    assert run("rules", "verify", "--base", "forged.jsonl") == 1
    assert "does not fit its hash" in capsys.readouterr().err


def test_export_is_what_import_reads(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rules", "export", "--out", "kept.yaml") == 0
    kept = rules_from_yaml((desk / "kept.yaml").read_text(encoding="utf-8"))
    assert [rule.id for rule in kept] == [rule.id for rule in rules_from_yaml(RULES)]
    capsys.readouterr()
    assert run("rules", "export", "--state", "proposed") == 0
    assert [rule.name for rule in rules_from_yaml(capsys.readouterr().out)] == ["wide"]


def test_a_rule_is_tried_in_words(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (desk / "rules.jsonl").read_bytes()
    X = pd.read_csv("customers.csv")
    fired = int(((X["calls"] > 120) & (X["cells"] <= 3)).sum())
    capsys.readouterr()
    assert run("rules", "test", "box", "customers.csv", "--target", "Fraud") == 0
    told = capsys.readouterr().out
    assert f"It fires on {fired} of 900 customers" in told
    assert f"{fired} of {fired} alarms are cases: 100 %" in told
    assert "cells at most 3" in told
    assert run("rules", "test", "box", "customers.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out)["tiers"]["match"]["alarms"] == fired
    assert (desk / "rules.jsonl").read_bytes() == before


def test_rules_are_learned_into_the_shadow(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("rules", "learn", "customers.csv", "--target", "fraud", "--rules", "2", "--loss", "70")
    assert run(*command) == 0
    assert "added to the shadow of rules.jsonl, which had 3" in capsys.readouterr().out
    base = RuleBase("rules.jsonl")
    mined = [rule for rule in base if rule.origin == "mined"]
    assert mined
    assert all(rule.loss == 70 and base.entry(rule.id).state == "shadow" for rule in mined)
    assert run(*command, "--forbid", "cells", "--base", "other.jsonl") == 0
    assert all("cells" not in rule.columns for rule in RuleBase("other.jsonl"))
    assert run("rules", "learn", "customers.csv", "--target", "froud") == 1
    assert "did you mean 'fraud'" in capsys.readouterr().err


def test_alarms_of_a_table(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("alarms", "customers.csv", "--as-of", "2025-06-30", "--language", "zh") == 0
    told = capsys.readouterr().out
    assert "not asked: away, which reads roaming_minutes" in told
    alarms = pd.read_csv("alarms.csv", dtype={"customer_id": str}, encoding="utf-8-sig")
    X = pd.read_csv("customers.csv", dtype={"customer_id": str}).set_index("customer_id")
    fired = X.index[(X["calls"] > 120) & (X["cells"] <= 3)]
    assert set(alarms.loc[alarms["tier"] == "match", "customer_id"]) == set(fired)
    assert set(alarms["action"]) == {"停开呼出"}
    assert set(alarms["as_of"]) == {"2025-06-30"}
    assert alarms["matched"].str.contains("calls大于120；cells不大于3").any()
    assert run("alarms", "customers.csv", "--cases", "--out", "cases.parquet") == 0
    assert set(pd.read_parquet("cases.parquet")["customer_id"]) == set(alarms["customer_id"])


def test_the_report_comes_with_outcomes(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("alarms", "customers.csv", "--as-of", "2025-06-30") == 0
    alarms = pd.read_csv("alarms.csv", dtype={"customer_id": str}, encoding="utf-8-sig")
    told = pd.DataFrame({"customer_id": alarms["customer_id"], "outcome": "fraud", "time": "2025-06-30"})
    told.to_csv("outcomes.csv", index=False)
    command = (
        "alarms",
        "customers.csv",
        "--as-of",
        "2025-06-30",
        "--report",
        "desk.html",
        "--outcomes",
        "outcomes.csv",
    )
    assert run(*command) == 0
    assert "report: desk.html" in capsys.readouterr().out
    twin = json.loads((desk / "desk.json").read_text(encoding="utf-8"))
    assert twin["headline"]["closed"]["confirmed"] == len(alarms)
    assert (desk / "desk.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_alarms_of_an_operators_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    days = pd.date_range("2025-06-01", "2025-06-30")
    calls = pd.DataFrame({"customer_id": ["007"] * 30 + ["8"], "event_time": [*days, days[0]]})
    calls["service"], calls["direction"] = "voice", "out"
    Warehouse.from_frames(usage=calls).save(tmp_path / "wh")
    (tmp_path / "r.yaml").write_text(
        "rules: {busy: {when: events_7d >= 7, loss: 10}, bill: {when: net_bill_mean_90d > 9}}"
    )
    base = ("--base", tmp_path / "rules.jsonl")
    assert run("rules", "import", tmp_path / "r.yaml", *base) == 0
    for name in ("busy", "busy", "bill", "bill"):
        assert run("rules", "approve", name, *WHO, *base) == 0
    out = tmp_path / "alarms.parquet"
    assert run("alarms", tmp_path / "wh", *base, "--out", out, "--as-of", "2025-06-30") == 0
    assert "not asked: bill" in capsys.readouterr().out
    found = pd.read_parquet(out)
    assert found["customer_id"].tolist() == ["007"]
    assert found["matched"].tolist() == ["Calls, texts and data sessions, last 7 days at least 7"]
    assert run("rules", "test", "busy", tmp_path / "wh", *base) == 0
    assert "It fires on 1 of 2 customers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("rules", "list", "--base", "none.jsonl"), "custintel rules import FILE.yaml"),
        (("rules", "list", "--state", "asleep"), "allowed: draft, proposed"),
        (("rules", "list", "--out", "list.txt"), "allowed: .csv, .parquet, .json"),
        (("rules", "show", "nothing"), "given: nothing"),
        (("rules", "history", "nothing"), "given: nothing"),
        (("rules", "diff", "yesterday"), "allowed: a day such as '2025-06-30'"),
        (("rules", "import", "none.yaml"), "no such file: none.yaml"),
        (("rules", "import"), "or --builtin"),
        (("rules", "import", "more.yaml", "--builtin"), "or --builtin"),
        (("rules", "test", "away", "customers.csv"), "lacks features of the rule: roaming_minutes"),
        (("rules", "test", "box", "customers.csv", "--language", "fr"), "allowed: en, zh"),
        (("alarms", "none.csv"), "no such table or warehouse: none.csv"),
        (("alarms", "customers.csv", "--out", "alarms.xml"), "allowed: .parquet, .csv"),
        (("alarms", "customers.csv", "--as-of", "soon"), "an as-of date that cannot be read"),
        (("alarms", "customers.csv", "--id-column", "msisdn"), "no id column 'msisdn'"),
        (("alarms", "customers.csv", "--outcomes", "none.csv", "--report", "r.html"), "no such file of outcomes"),
        (("alarms", "customers.csv", "--resembles", "3"), "above 0, up to 1"),
    ],
)
@pytest.mark.usefixtures("desk")
def test_errors_teach(command: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*command) == 1
    assert said in capsys.readouterr().err


def test_the_built_in_rules_can_be_proposed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rules", "import", "--builtin", "--base", tmp_path / "rules.jsonl") == 0
    assert f"{len(builtin_rules())} rules proposed" in capsys.readouterr().out
    assert {entry.state for entry in RuleBase(tmp_path / "rules.jsonl").entries.values()} == {"proposed"}


@pytest.mark.usefixtures("desk")
def test_without_an_active_rule_nobody_is_alarmed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rules", "approve", "box") == 2
    for name in ("box", "away"):
        assert run("rules", "retire", name, *WHO) == 0
    assert run("alarms", "customers.csv") == 1
    assert "then custintel rules approve NAME" in capsys.readouterr().err
