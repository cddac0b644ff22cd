"""Fifty kills (SIGKILL) at random moments: nothing lost, nothing mixed, nothing left behind after the next start."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from custintel.artifact import load_model
from custintel.builder import FeatureBuilder
from custintel.errors import QualityWarning
from custintel.rules import RuleBase
from custintel.training.mlflow_store import open_store
from custintel.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from custintel.training import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell when a process began"),
]
KILLS = int(os.environ.get("CUSTINTEL_KILLS", "50"))
DATES = ("2025-05-31", "2025-06-30")


@dataclass
class Killer:
    """Runs jobs in processes of their own and kills them."""

    process: subprocess.Popen[str]
    home: Path
    scratch: Path
    killed: int = 0
    finished: int = 0
    seconds: list[float] = field(default_factory=list)

    def run(self, job: str, arguments: dict[str, Any], kill_after: float | None = None) -> bool:
        """Run a job; whether it was killed before it was done."""
        answer = self._ask({"job": job, "arguments": arguments, "kill_after": kill_after})
        self.killed += answer["killed"]
        self.finished += not answer["killed"]
        return bool(answer["killed"])

    def measure(self, job: str, arguments: dict[str, Any]) -> None:
        """Run a job to its end, to know how long that takes."""
        self._ask({"job": job, "arguments": arguments, "kill_after": None})

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert answer["killed"] or answer["status"] == 0, f"{request['job']} failed: see the words of the process"
        if not answer["killed"]:
            self.seconds.append(float(answer["seconds"]))
        return answer

    @property
    def run_time(self) -> float:
        """Seconds of a whole run, as the last ones took: later ones are faster where something was kept."""
        return float(np.median(self.seconds[-3:]))

    def moments(self, seed: int) -> Iterator[float]:
        """Seeded random moments over a whole run as it is now, and a little beyond."""
        for share in np.random.default_rng(seed).random(KILLS).tolist():
            yield share * 1.2 * self.run_time

    def left(self, *expected: str) -> list[str]:
        """Files that nobody expects, below the home and among the temporary ones."""
        found = [path.relative_to(self.home).as_posix() for path in self.home.rglob("*")]
        known = [name for name in found if any(name == one or name.startswith(f"{one}/") for one in expected)]
        inside = [name for name in known if ".custintel-" in name]
        strange = sorted(set(found) - set(known)) + inside
        return strange + [path.name for path in self.scratch.iterdir()]


@pytest.fixture
def killer(tmp_path: Path) -> Iterator[Killer]:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    for folder in (home, scratch):
        folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).parent / "kill_jobs.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=home
    ) as process:
        yield Killer(process, home, scratch)
        assert process.stdin is not None
        process.stdin.close()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"


def _alternating(killer: Killer, job: str, arguments: Callable[[int], dict[str, Any]], out: Path) -> int:
    """Kill runs that write one of two results by turns; count results that are neither."""
    killer.measure(job, arguments(0))
    first = digest(out)
    killer.measure(job, arguments(1))
    known = {first, digest(out)}
    assert len(known) == 2
    wrong = 0
    for number, moment in enumerate(killer.moments(seed=1)):
        killer.run(job, arguments(number % 2), moment)
        wrong += digest(out) not in known
    killer.run(job, arguments(0))
    wrong += digest(out) != first
    print(f"\n{job}: {killer.killed} killed of {KILLS} in runs of {killer.run_time:.2f} s, {wrong} wrong")
    return wrong


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_scores(killer: Killer, quick_run: Run, quick_tables: Path, tmp_path: Path, suffix: str) -> None:
    model, out = quick_run.model.save(tmp_path / "model"), killer.home / f"scores.{suffix}"

    def arguments(turn: int) -> dict[str, Any]:
        return {"model": str(model), "tables": str(quick_tables), "as_of": DATES[turn], "out": str(out)}

    assert _alternating(killer, "score", arguments, out) == 0
    assert killer.killed > KILLS / 2
    assert killer.left(out.name) == []


def test_feature_files(killer: Killer, quick_tables: Path) -> None:
    out, partials = killer.home / "features.parquet", killer.home / "partials"

    def arguments(turn: int) -> dict[str, Any]:
        if turn == 0:  # sums of days that were made once are made again
            for index in list(partials.glob("*/days.json"))[:1]:
                index.unlink()
        return {"tables": str(quick_tables), "as_of": DATES[turn], "partials": str(partials), "out": str(out)}

    assert _alternating(killer, "features", arguments, out) == 0
    assert killer.killed > KILLS / 2
    assert killer.left("features.parquet", "partials") == []
    plain = FeatureBuilder(["usage", "daily_activity"]).build(Warehouse.open(quick_tables), DATES[0])
    pd.testing.assert_frame_equal(pd.read_parquet(out), plain, rtol=1e-9, check_dtype=False)


def _flat(place: Path) -> Path:
    rng = np.random.default_rng(0)
    bill, plan = rng.normal(40, 12, 300), rng.choice(["S", "M", "L"], 300)
    left = rng.random(300) < 1 / (1 + np.exp((45 - bill) / 5))
    pd.DataFrame({"bill": bill, "plan": plan, "left": left.astype(int)}).to_parquet(place)
    return place


def _whole(home: Path) -> bool:
    """Model folder and report are whole, or not there yet."""
    model, page, facts = home / "model", home / "report.html", home / "report.json"
    if model.exists():
        load_model(model)
    if page.exists():
        assert page.read_text(encoding="utf-8").endswith("</html>\n")
    return not facts.exists() or isinstance(json.loads(facts.read_text(encoding="utf-8")), dict)


def test_training(killer: Killer, tmp_path: Path) -> None:
    table, stores = _flat(tmp_path / "table.parquet"), [killer.home / f"store_{k}" for k in range(3)]

    def arguments(turn: int) -> dict[str, Any]:
        store = stores[turn % len(stores)]
        return {"table": str(table), "seed": turn % 2, "store": str(store), "out": str(killer.home)}

    # how long a run takes in a new store, and in one that is there
    killer.measure("train", {**arguments(0), "store": str(tmp_path / "store")})
    for number, moment in enumerate(killer.moments(seed=2)):
        killer.run("train", arguments(number), moment)
        assert _whole(killer.home)
    for number in range(len(stores)):
        killer.run("train", arguments(number))
    statuses = [status for store in stores for status in _statuses(store)]
    counts = {status: statuses.count(status) for status in set(statuses)}
    print(f"\ntrain: {killer.killed} killed of {KILLS} in runs of {killer.run_time:.2f} s, runs in MLflow {counts}")
    assert set(counts) <= {"FINISHED", "KILLED"}
    assert counts["FINISHED"] >= killer.finished
    assert killer.left("model", "report.html", "report.json", *(store.name for store in stores)) == []


def _statuses(store: Path) -> list[str]:
    """Statuses of all runs; every version that is named can be loaded."""
    with open_store(store) as mlflow:
        client = mlflow.MlflowClient()
        experiments = [one.experiment_id for one in client.search_experiments()]
        for version in client.search_model_versions("name = 'churn'"):
            load_model(f"models:/churn/{version.version}")
        load_model("models:/churn@champion")
        runs = client.search_runs(experiments)
    assert [path.name for path in store.iterdir() if path.name not in ("mlflow.db", "mlruns")] == []
    return [run.info.status for run in runs]


def test_the_log_of_rules(killer: Killer) -> None:
    base, told = killer.home / "rules.jsonl", killer.home / "told.txt"
    first, missing = 0, 0
    killer.measure("rules", {"base": str(base), "told": str(told), "first": 0})
    for moment in killer.moments(seed=3):
        first += 12
        killer.run("rules", {"base": str(base), "told": str(told), "first": first}, moment)
        missing += _missing_rules(base, told)
    killer.run("rules", {"base": str(base), "told": str(told), "first": first + 12})
    missing += _missing_rules(base, told)
    print(f"\nrules: {killer.killed} killed of {KILLS} in runs of {killer.run_time:.2f} s, {missing} lost")
    assert missing == 0
    assert killer.killed > KILLS / 2
    assert [name for name in killer.left("rules.jsonl", "told.txt") if not name.startswith("rules.jsonl.torn-")] == []
    torn = b"".join(path.read_bytes() for path in killer.home.glob("rules.jsonl.torn-*")).decode(errors="replace")
    assert not set(re.findall(r"\brule_\d+\b", torn)) & set(told.read_text(encoding="utf-8").split())


def _missing_rules(base: Path, told: Path) -> int:
    """Rules that were told as written and are not in the shadow."""
    names = told.read_text(encoding="utf-8").split()
    with warnings.catch_warnings():  # a kill within a write cuts off the last line, which is set aside and said
        warnings.filterwarnings("ignore", "the last line of .* was cut off", QualityWarning)
        states = {entry.rule.name: entry.state for entry in RuleBase(base).entries.values()}
    return sum(states.get(name) != "shadow" for name in names)
