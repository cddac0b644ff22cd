"""The one place where a plan is run: beside the data with arrays, or somewhere else all in SQL."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pyarrow as pa

from custintel.builder._duckdb_executor import CELLS, run_here
from custintel.builder.feature_frame import typed
from custintel.builder.sql_steps import with_sql
from custintel.builder.workspace import Room
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step
from custintel.progress import track

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from custintel.builder._plan import Plan
    from custintel.builder.aggregation._partial_store import KeptDays
    from custintel.engines.engine import Engine


def run(plan: Plan, engine: Engine, kept: KeptDays | None = None) -> pd.DataFrame:
    """Rows of the spine with all columns, ordered and indexed by date and customer."""
    with Room(engine) as room:
        return run_here(plan, room, kept) if engine.dialect == "duckdb" else typed(_run_there(plan, room), plan)


def _run_there(plan: Plan, room: Room) -> pa.Table:
    """Everything in SQL, for an engine that is somewhere else."""
    room.keep("all_rows", plan.spine)
    parts = max(1, math.ceil(room.count("all_rows") * len(plan.columns) / CELLS))
    table = pa.concat_tables([_part(plan, room, part, parts) for part in range(parts)])
    return table.sort_by([(AS_OF, "ascending"), ("customer_id", "ascending")])


def _part(plan: Plan, room: Room, part: int, parts: int) -> pa.Table:
    own = "hash({0}customer_id) % {1} = {2}"
    where = f" where {own.format('', parts, part)}" if parts > 1 else ""
    room.keep("spine", [Step("spine", f"select * from {room.name('all_rows')}{where}", "rows")])
    spine = room.step("spine")
    about = "building features" + (f", part {part + 1} of {parts}" if parts > 1 else "")
    for steps in track(list(plan.families.values()), about):
        _keep_family(room, [spine, *steps], own.format("t.", parts, part) if parts > 1 else "")
    found = [room.step(steps[-1].name) for steps in plan.families.values()]
    return room.arrow(with_sql([spine, *found, plan.last]))


def _keep_family(room: Room, steps: Sequence[Step], part: str) -> None:
    """Keep the last step; steps read more than once are kept before it, since Spark would write them out each time."""
    before: list[Step] = []
    for place, step in enumerate(steps[:-1]):
        later = " ".join(other.sql for other in steps[place + 1 :])
        again = len(re.findall(rf"\b{step.name}\b", later)) > 1 and " from " in step.sql.replace("\n", " ")
        if again and place and not step.sql.startswith("select * from (values"):
            room.keep(step.name, _needed([*before, step]), part)
            before.append(room.step(step.name))
        else:
            before.append(step)
    room.keep(steps[-1].name, _needed([*before, steps[-1]]), part)
    for step in steps[1:-1]:  # the first is the spine, which the next family reads too
        room.drop(step.name)


def _needed(steps: Sequence[Step]) -> list[Step]:
    """The last step and those that it reads, directly or not."""
    found = [steps[-1]]
    for step in reversed(steps[:-1]):
        if any(re.search(rf"\b{step.name}\b", other.sql) for other in found):
            found.insert(0, step)
    return found
