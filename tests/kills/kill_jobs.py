"""A process that runs jobs in children and kills them: imports are paid once, and each child starts as new.

One line of JSON on stdin for each job, ``{"job": name, "arguments": {...}, "kill_after": seconds or null}``; one line
on stdout, ``{"seconds": ..., "killed": ...}``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import warnings
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from custintel import FeatureBuilder, Warehouse, score, train
from custintel.builder.feature_frame import write_features
from custintel.rules import Rule, RuleBase


def job_score(model: str, tables: str, as_of: str, out: str) -> None:
    """A list of customers with reasons."""
    score(model, Warehouse.open(tables), as_of=as_of, out=out)


def job_train(table: str, seed: int, store: str, out: str) -> None:
    """A model in MLflow, in a folder, and its report."""
    run = train("churn", table=table, target="left", random_state=seed, store=store, promote=True)
    run.model.save(Path(out) / "model")
    run.report(Path(out) / "report.html")


def job_features(tables: str, as_of: str, partials: str, out: str) -> None:
    """A feature file, with daily partial sums kept beside it."""
    builder = FeatureBuilder(["usage", "daily_activity"])
    write_features(builder.build(Warehouse.open(tables), as_of, partials=partials), out)


def job_rules(base: str, told: str, first: int) -> None:
    """Rules that are proposed one after the other; each is told after it was written."""
    rules = RuleBase(base)
    with Path(told).open("a", encoding="utf-8") as file:
        for number in range(first, first + 12):
            name = f"rule_{number}"
            rules.add(Rule(name, f"minutes > {number}"), by="kill test", reason="one of many")
            rules.change_state(name, "shadow", by="kill test", reason="to be watched")
            file.write(name + "\n")
            file.flush()


JOBS = {"score": job_score, "train": job_train, "features": job_features, "rules": job_rules}


def _run(job: str, arguments: dict[str, Any]) -> int:
    warnings.simplefilter("ignore")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        JOBS[job](**arguments)
    except BaseException as error:  # whatever it is, the test must hear of it
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _killed(child: int, after: float | None, started: float) -> int:
    """Kill the child at its moment, unless it is done before; its exit status."""
    while True:
        done, status = os.waitpid(child, os.WNOHANG if after is not None else 0)
        if done:
            return status
        if after is not None and time.perf_counter() - started >= after:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        time.sleep(0.0005)


if __name__ == "__main__":
    with suppress(ImportError):
        import_module("custintel.learners.saved_state_schemas")  # once, not in each child
    import mlflow  # noqa: F401
    from mlflow.store.tracking import sqlalchemy_store  # noqa: F401 - imported once

    for line in sys.stdin:
        given = json.loads(line)
        begun = time.perf_counter()
        pid = os.fork()
        if not pid:
            code = _run(given["job"], given["arguments"])
            sys.stdout.flush()
            os._exit(code)
        exit_status = _killed(pid, given["kill_after"], begun)
        answer = {"seconds": time.perf_counter() - begun, "killed": os.WIFSIGNALED(exit_status), "status": exit_status}
        print(json.dumps(answer), flush=True)
