"""A model file that somebody changed and sealed again: refused, or used without a crash, a hang or nonsense."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from mutations import mutate
from saved_kinds import MAKERS, METADATA, TABLE, use

from custintel.artifact import Model, load_model

KINDS = sorted(MAKERS)


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A saved model of each kind."""
    home = tmp_path_factory.mktemp("kinds")
    return {name: Model(name, make(), METADATA).save(home / name) for name, make in MAKERS.items()}


def judged(folders: list[Path]) -> list[dict[str, str]]:
    """What became of opening and using each, in a process of its own."""
    here = Path(__file__).parent
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(here)}
    done = subprocess.run(
        [sys.executable, str(here / "open_models.py")],
        input="".join(f"{folder}\n" for folder in folders),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def attack(kinds: dict[str, Path], home: Path, seeds: range) -> tuple[Counter[str], list[str]]:
    """Change models, open them, count the outcomes; return what must not happen."""
    names = [KINDS[seed % len(KINDS)] for seed in seeds]
    told = [mutate(kinds[name], home / str(seed), seed) for name, seed in zip(names, seeds, strict=True)]
    unchanged, *found = judged([kinds["churn"], *(home / str(seed) for seed in seeds)])
    assert unchanged["outcome"] == "used"
    assert len(found) == len(told)
    bad = [
        f"seed {seed}, {name}, {what}: {one['outcome']} {one['words']}"
        for seed, name, what, one in zip(seeds, names, told, found, strict=True)
        if one["outcome"] not in ("used", "refused", "told")
    ]
    return Counter(one["outcome"] for one in found), bad


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_saved_and_opened(kinds: dict[str, Path], name: str) -> None:
    model = load_model(kinds[name])
    assert set(model.feature_names) <= set(TABLE.columns)
    again = load_model(model.save(kinds[name].with_name(f"{name}_again")))
    for one, other in zip(use(model), use(again), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12, rtol=0)
    assert {p.suffix for p in kinds[name].iterdir()} <= {".json", ".txt"}


def test_changed_models_are_refused_or_harmless(kinds: dict[str, Path], tmp_path: Path) -> None:
    outcomes, bad = attack(kinds, tmp_path, range(30))
    assert not bad, "\n".join(bad)
    assert outcomes["refused"] >= 15


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_hundreds_of_changed_models_are_refused_or_harmless(kinds: dict[str, Path], tmp_path: Path) -> None:
    outcomes, bad = attack(kinds, tmp_path, range(1000, 1000 + 60 * len(KINDS)))
    print(dict(outcomes))
    assert not bad, "\n".join(bad)
    assert outcomes["refused"] > outcomes["used"]
