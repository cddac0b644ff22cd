"""What runs before a commit: the hooks exist, find what they look for, and the repository passes them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]


@pytest.fixture(scope="module")
def checks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_files", ROOT / ".ci" / "check_files.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_hooks_need_nothing_that_the_development_extra_does_not_have() -> None:
    assert [repo["repo"] for repo in HOOKS] == ["local"]
    tools = {hook["entry"].split()[0].rpartition("/")[2] for hook in HOOKS[0]["hooks"]}
    assert tools == {"ruff", "typos", "python"}
    assert {hook["language"] for hook in HOOKS[0]["hooks"]} == {"system"}


def test_the_repository_passes_the_check_of_files(checks: ModuleType) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("Git tells which files there are")
    assert checks.main([]) == 0


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("big.bin", b"\0" * 500_001, "500,001 bytes"),
        ("broken.yaml", b"a: [1, 2\n", "expected ',' or ']'"),
        ("merged.py", b"x = 1\n" + b"<" * 7 + b" HEAD\n", "2: conflict of a merge"),
    ],
)
def test_the_check_of_files_finds(name: str, content: bytes, told: str, checks: ModuleType, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert [told in line for line in checks.problems(tmp_path / name)] == [True]
    assert checks.main([str(tmp_path / name)]) == 1


def test_no_word_is_misspelled() -> None:
    tool = Path(sys.executable).with_name("typos")
    if not tool.exists():
        pytest.skip("typos is not installed: pip install -e '.[dev]'")
    run = subprocess.run([tool, "--format", "brief"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stdout == ""
