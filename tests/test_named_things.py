"""What messages, docstrings and pages name exists: modules, functions, methods, commands, pages."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import custintel
from custintel.cli._main import app

ROOT = Path(__file__).resolve().parents[1]
TEXTS = sorted(
    path
    for place in ("custintel", "docs", "features", "models", "experiments", "README.md", "CONTRIBUTING.md")
    for path in ([ROOT / place] if (ROOT / place).is_file() else (ROOT / place).rglob("*"))
    if path.suffix in (".py", ".md", ".yaml", ".html") and path.name not in ("api.md", "index.md")
)
_DOTTED = re.compile(r"(?<![\w./-])custintel(?:\.[A-Za-z_]\w*)+")
_MEMBER = re.compile(r"`([A-Z]\w+)\.([a-z]\w*)(?:\([^`]*\))?`")
_COMMAND = re.compile(
    r"(?:^|`|with:|run|hint:(?= custintel (?:rules|features) ))[ ]?custintel((?: [a-z-]+)+)", re.MULTILINE
)
_PAGE = re.compile(r"(?<![\w./-])docs/[\w/]+\.md")


def _exists(name: str) -> bool:
    """Whether a dotted name is a module or can be read from one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@cache
def _classes() -> dict[str, list[type]]:
    """Every public class by name."""
    found: dict[str, list[type]] = {}
    names = [m.name for m in pkgutil.walk_packages(custintel.__path__, "custintel.") if "._" not in m.name]
    for module in map(importlib.import_module, names):
        for name in getattr(module, "__all__", ()):
            if inspect.isclass(getattr(module, name)):
                found.setdefault(name, []).append(getattr(module, name))
    return found


def _has(owner: type, member: str) -> bool:
    if hasattr(owner, member) or any(member in vars(c).get("__annotations__", {}) for c in owner.__mro__):
        return True
    return bool(re.search(rf"self\.{member}\b", inspect.getsource(owner)))


def _is_command(words: list[str]) -> bool:
    """Whether the first words are a command; those of a group need one of its own commands, if a word follows."""
    command: Any = get_command(app)
    for word in words:
        if not hasattr(command, "commands"):
            return True
        if word not in command.commands:
            return False
        command = command.commands[word]
    return True


def _missing(path: Path) -> list[str]:
    """What a file names that does not exist."""
    text = path.read_text(encoding="utf-8")
    names = {name for name in _DOTTED.findall(text) if not _exists(name)}
    members = {
        f"{owner}.{member}"
        for owner, member in _MEMBER.findall(text)
        if owner in _classes() and not any(_has(one, member) for one in _classes()[owner])
    }
    commands = {f"custintel{words}" for words in _COMMAND.findall(text) if not _is_command(words.split())}
    pages = {page for page in _PAGE.findall(text) if not (ROOT / page).exists()}
    return sorted(names | members | commands | pages)


@pytest.mark.parametrize("place", sorted({path.relative_to(ROOT).parts[0] for path in TEXTS}))
def test_what_is_named_exists(place: str) -> None:
    pages = [path for path in TEXTS if path.relative_to(ROOT).parts[0] == place]
    found = {str(path.relative_to(ROOT)): _missing(path) for path in pages}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("see `custintel.rules.alarms`", ["custintel.rules.alarms"]),
        ("see `RuleBase.alarm`", ["RuleBase.alarm"]),
        ("hint: custintel rules prove", ["custintel rules prove"]),
        ("docs/nowhere.md", ["docs/nowhere.md"]),
        ("`RuleBase.alarms`, `custintel score models/x`, docs/rules.md, custintel.rules._alarms.find_alarms", []),
    ],
)
def test_what_does_not_exist_is_found(tmp_path: Path, text: str, missing: list[str]) -> None:
    path = tmp_path / "page.md"
    path.write_text(text)
    assert _missing(path) == missing
