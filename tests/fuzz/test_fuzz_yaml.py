"""Feature, model, mapping, rule and constraint files made worse are read, or refused with an error of the library."""

from __future__ import annotations

from importlib.resources import files
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from spoiled_texts import spoiled

from custintel import Warehouse
from custintel.catalogue import Catalogue
from custintel.catalogue.model_spec import load_model_spec
from custintel.decide.constraints import read_constraints
from custintel.rules import load_rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)),
    "nested lists": "a: " + "[" * 5_000 + "]" * 5_000,
    "nested maps": "a: " + "{a: " * 3_000 + "1" + "}" * 3_000,
    "merge of itself": "a: &a\n  <<: *a\n  b: 1\n",
    "long text": "family: " + "x" * 3_000_000,
    "many keys": "\n".join(f"k{i}: 1" for i in range(60_000)),
    "many documents": "a: 1\n---\n" * 20_000,
    "python object": "a: !!python/object/apply:os.system ['echo hacked']",
    "binary": "a: !!binary R0lGODlhAQ==",
    "set": "a: !!set {x, y}",
    "no text": "\x00\x01",
    "a number": "42",
    "a list": "- 1\n- 2\n",
    "empty": "",
}


def _shipped(package: str, folder: str = ".") -> list[str]:
    found = sorted(files(f"custintel.catalogue.{package}").joinpath(folder).iterdir(), key=lambda f: f.name)
    return [f.read_text(encoding="utf-8") for f in found if f.name.endswith(".yaml")]


def _features(folder: Path) -> object:
    return Catalogue.load(folder)


def _model(folder: Path) -> object:
    return load_model_spec("churn", folder)


def _rules(folder: Path) -> object:
    return load_rules(folder)


def _constraints(folder: Path) -> object:
    return read_constraints(folder / "one.yaml")


def _mapping(folder: Path) -> object:
    import shutil

    shutil.copy(folder / "one.yaml", folder / "mapping.yaml")
    (folder / "usage.csv").write_text("customer_id,event_time,service,direction\nA,2025-01-01 10:00:00,voice,out\n")
    return Warehouse.open(folder)


MAPPING = """
usage:
  file: usage.csv
  event_time: {column: event_time, format: "%Y-%m-%d %H:%M:%S", zone: Europe/Berlin}
  service: {column: service, values: {voice: voice, text: sms}}
"""
CONSTRAINTS = "budget: 1000\nhousehold_limit: 1\n"
DOORS: dict[str, tuple[Callable[[Path], object], Callable[[], list[str]], int]] = {
    "features": (_features, lambda: _shipped("features"), 100),
    "models": (_model, lambda: [t for t in _shipped("models") if "model: churn\n" in t], 60),
    "rules": (_rules, lambda: _shipped("models", "rules"), 300),
    "constraints": (_constraints, lambda: [CONSTRAINTS], 400),
    "mapping": (_mapping, lambda: [MAPPING], 200),
}


@pytest.mark.parametrize("door", sorted(DOORS))
def test_files_made_worse(attack: Any, tmp_path: Path, door: str) -> None:
    opened, shipped, count = DOORS[door]
    random, texts = Random(7), shipped()
    for _ in range(count):
        (tmp_path / "one.yaml").write_text(spoiled(random.choice(texts), random), encoding="utf-8", errors="replace")
        attack(opened, tmp_path)
    for text in BOMBS.values():
        (tmp_path / "one.yaml").write_text(text, encoding="utf-8")
        attack(opened, tmp_path)


@pytest.mark.parametrize("door", sorted(DOORS))
def test_bytes_that_are_no_text(attack: Any, tmp_path: Path, door: str) -> None:
    random = Random(8)
    for _ in range(60):
        (tmp_path / "one.yaml").write_bytes(random.randbytes(random.randint(1, 300)))
        attack(DOORS[door][0], tmp_path)
