"""``custintel decide``: files in, decisions and sentences out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from command_line import run

from custintel.decide import DecisionLog

if TYPE_CHECKING:
    from pathlib import Path

RULES = """
budget: 120
offers:
  call: {capacity: 20, channel: phone, hours: 0.25}
  sms: {minimum: 5}
channels: {phone: 4}
contact: {at_most: 1, days: 30}
household_limit: 1
exploration: {hold_out: 0.05, epsilon: 0.05}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"customer_id": np.repeat([f"00{i}" for i in range(100)], 2), "offer": ["call", "sms"] * 100})
    table["value"] = rng.normal(3, 3, 200)
    table["cost"] = np.where(table["offer"] == "call", 5.0, 0.5)
    table["household"] = np.repeat(np.arange(100) // 2, 2)
    table.to_csv(tmp_path / "values.csv", index=False)
    contacts = pd.DataFrame({"customer_id": ["001"], "event_time": ["2025-06-20"], "offer_id": ["sms"]})
    contacts.to_csv(tmp_path / "contacts.csv", index=False)
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


def test_decide_writes_decisions_and_logs_them_once(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["decide", files / "values.csv", "--constraints", files / "rules.yaml", "--out", files / "d.csv"]
    command += ["--contacts", files / "contacts.csv", "--as-of", "2025-06-30", "--log", files / "log"]
    assert run(*command) == 0
    told = capsys.readouterr().out
    assert "of 100 customers get an offer" in told
    assert "100 decisions added" in told
    assert "best offer first" in told
    made = pd.read_csv(files / "d.csv", dtype={"customer_id": str}).set_index("customer_id")
    assert len(made) == 100
    assert made["cost"].sum() <= 120
    assert made.loc["001", "offer"] == "none"
    assert run(*command) == 0
    assert "100 known" in capsys.readouterr().out
    assert len(DecisionLog(files / "log")) == 100


def test_decide_says_what_is_wrong(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "rules.yaml").write_text("offers: {call: {minimum: 500}}")
    command = ["decide", files / "values.csv", "--constraints", files / "rules.yaml"]
    assert run(*command, "--out", files / "d.csv") == 1
    assert "short by 400" in capsys.readouterr().err
    assert run(*command, "--log", files / "log") == 1
    assert "--as-of" in capsys.readouterr().err
    assert not (files / "d.csv").exists()
