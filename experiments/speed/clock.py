"""Taking turns: medians of paired runs, and the peak of memory."""

from __future__ import annotations

import resource
import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Line = dict[str, object]


def in_turns(work: Mapping[str, Callable[[], object]], repeat: int) -> tuple[list[Line], dict[str, object]]:
    """Run each in turn, several times; the first turn warms up. Returns lines of medians and the last results."""
    walls: dict[str, list[float]] = {name: [] for name in work}
    cpus: dict[str, list[float]] = {name: [] for name in work}
    results: dict[str, object] = {}
    for turn in range(repeat + 1):
        for name, run in work.items():
            results.pop(name, None)
            wall, cpu = time.perf_counter(), time.process_time()
            results[name] = run()
            if turn or repeat == 0:
                walls[name].append(time.perf_counter() - wall)
                cpus[name].append(time.process_time() - cpu)
    return [_line(name, walls[name], cpus[name], results[name]) for name in work], results


def _line(name: str, walls: list[float], cpus: list[float], result: object) -> Line:
    rows, columns = getattr(result, "shape", (1, 1))
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    return {"what": name, "wall": wall, "cpu": cpu, "rows": rows, "columns": columns, "runs": len(walls)}


def peak_gb() -> float:
    """The most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
