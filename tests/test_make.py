"""The Makefile says what is wrong with the interpreter it is given."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def _says(python: str | Path, place: Path) -> str:
    """What `make test` says in a folder where nothing is installed yet."""
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, place / name)
    command = ["make", "--no-print-directory", f"PYTHON={python}", "test"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert not (place / ".venv").exists()
    return done.stdout


def _script(place: Path, text: str) -> Path:
    path = place / "an_interpreter"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_an_interpreter_that_does_not_exist(tmp_path: Path) -> None:
    said = _says("nonexistent", tmp_path)
    assert "nonexistent does not start: " in said
    assert "not found" in said
    assert "older" not in said


@pytest.mark.parametrize(
    "text",
    [
        "echo 'pyenv: python3.13: command not found' >&2; exit 127",
        "echo 'Fatal Python error: no encodings' >&2; exit 1",
        "kill -SEGV $$",
    ],
)
def test_an_interpreter_that_does_not_start(tmp_path: Path, text: str) -> None:
    said = _says(_script(tmp_path, text), tmp_path)
    assert "does not start: " in said
    assert "older" not in said


def test_a_file_that_must_not_be_run(tmp_path: Path) -> None:
    path = tmp_path / "an_interpreter"
    path.write_text("")
    assert "does not start: " in _says(path, tmp_path)


@pytest.mark.parametrize("text", ["echo hello", "exit 0", "echo 'unknown option -c' >&2; exit 2"])
def test_a_command_that_is_not_python(tmp_path: Path, text: str) -> None:
    said = _says(_script(tmp_path, text), tmp_path)
    assert "is not Python" in said
    assert "older" not in said


def test_an_older_python(tmp_path: Path) -> None:
    pretend = f"""exec {sys.executable} -c 'import sys; sys.version_info = (3, 9, 18); exec(sys.argv[1])' "$2" """
    assert "is older: 3.9. Name another one" in _says(_script(tmp_path, pretend), tmp_path)
