"""The lowest versions that setup.cfg allows are read from it, all of them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
SETUP = (ROOT / "setup.cfg").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("oldest_versions", ROOT / ".ci" / "oldest_versions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_bound_is_read(script: ModuleType) -> None:
    written = {name.lower() for name in re.findall(r"^    ([\w-]+)(?:\[\w+\])?>=", SETUP, flags=re.MULTILINE)}
    assert set(script.oldest_versions(SETUP)) == written
    assert {"pandas", "mlflow", "flaml", "pytest"} <= written


def test_the_highest_of_two_bounds_counts(script: ModuleType) -> None:
    needed, more = "    a>=1.9\n    b[x]>=2,<4\n    c\n", "    a>=1.10\n"
    versions = script.oldest_versions(
        f"[options]\ninstall_requires =\n{needed}[options.extras_require]\nmore =\n{more}"
    )
    assert versions == {"a": "1.10", "b": "2"}
    assert script.constraints(versions) == "a==1.10\nb==2\n"
