"""Only the command that is called is imported, and the list of commands says what they say themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from typer.main import get_command

from custintel.cli._main import COMMANDS, app

HEAVY = [
    "mlflow", "lightgbm", "shap", "pyspark", "matplotlib", "optuna", "sklearn", "scipy", "pandas", "numpy", "duckdb",
    "pyarrow", "sqlglot",
]  # fmt: skip


def imported_by(code: str) -> list[str]:
    """Heavy libraries that a fresh interpreter has imported after some code."""
    report = f"import json, sys; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    "arguments",
    [None, [], ["--help"], ["--version"], ["trains"]],
    ids=["import", "nothing", "help", "version", "wrong"],
)
def test_help_needs_no_heavy_library(arguments: list[str] | None) -> None:
    code = "import custintel.cli"
    if arguments is not None:
        code += f"\ntry:\n    custintel.cli.main({arguments})\nexcept SystemExit:\n    pass"
    assert imported_by(code) == []


@pytest.mark.parametrize("word", COMMANDS)
def test_the_list_of_commands_says_what_the_command_says(word: str) -> None:
    application: Any = get_command(app)
    command = application.commands[word]
    assert command.name == word
    assert " ".join(command.help.split("\n\n")[0].split()) == COMMANDS[word].about
    assert all(option.name not in ("install_completion", "show_completion") for option in command.params)


def test_unknown_commands_are_refused_with_a_proposal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        app(["trains"], prog_name="custintel")
    assert stopped.value.code == 2
    assert "Did you mean 'train'" in capsys.readouterr().err
