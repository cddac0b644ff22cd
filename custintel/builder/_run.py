"""The one place where a plan is run: step by step on an engine, in parts when it is large."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import pyarrow as pa

from custintel.builder._steps import Step, with_sql
from custintel.expressions import AS_OF
from custintel.progress import track

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.builder._plan import Plan
    from custintel.engines import Engine

__all__ = ["run"]

_numbers = itertools.count(1)
CELLS = 40_000_000
"""Output cells (rows x columns) worked on at a time; it bounds the memory of the widest step."""


def run(plan: Plan, engine: Engine) -> pa.Table:
    """Rows of the spine with all columns, ordered by date and customer."""
    with _Room(engine) as room:
        room.keep("all_rows", plan.spine)
        rows = room.count("all_rows")
        parts = max(1, math.ceil(rows * len(plan.columns) / CELLS))
        tables = [_part(plan, room, part, parts) for part in range(parts)]
    table = pa.concat_tables(tables)
    return table.sort_by([(AS_OF, "ascending"), ("customer_id", "ascending")])


def _part(plan: Plan, room: _Room, part: int, parts: int) -> pa.Table:
    where = f" where hash(customer_id) % {parts} = {part}" if parts > 1 else ""
    room.keep("spine", [Step("spine", f"select * from {room.name('all_rows')}{where}", "rows")])
    spine = room.step("spine")
    about = "building features" + (f", part {part + 1} of {parts}" if parts > 1 else "")
    for steps in track(list(plan.families.values()), about):
        room.keep(steps[-1].name, [spine, *steps])
    found = [room.step(steps[-1].name) for steps in plan.families.values()]
    return room.engine.arrow(with_sql([spine, *found, plan.last]))


class _Room:
    """Temporary tables under names of their own, gone afterwards."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.number = next(_numbers)
        self.kept: set[str] = set()

    def __enter__(self) -> _Room:
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.kept:
            self.engine.drop(self._own(name))

    def _own(self, step: str) -> str:
        return f"custintel_{self.number}_{step}"

    def name(self, step: str) -> str:
        """The table's name in SQL."""
        return self.engine.kept(self._own(step))

    def keep(self, step: str, steps: Sequence[Step]) -> None:
        """Run steps and keep the last one's rows."""
        self.kept.add(step)
        self.engine.keep(self._own(step), with_sql(steps))

    def step(self, step: str) -> Step:
        """A kept table as a step."""
        return Step(step, f"select * from {self.name(step)}", "kept rows")

    def count(self, step: str) -> int:
        """Number of rows kept."""
        return int(str(self.engine.rows(f"select count(*) from {self.name(step)}")[0][0]))
