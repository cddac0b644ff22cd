"""Running a plan on an engine of its own (Spark): every step in SQL, family by family, in chunks of customers."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pyarrow as pa

from custintel.builder._duckdb_executor import MAX_CELLS
from custintel.builder.feature_frame import arrow_to_frame
from custintel.builder.sql_steps import with_sql
from custintel.builder.workspace import Workspace
from custintel.expressions.whitelist import AS_OF
from custintel.functions.function_context import Step
from custintel.progress import track

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from custintel.builder._plan import Plan
    from custintel.engines.engine import Engine


def execute_in_sql(plan: Plan, engine: Engine) -> pd.DataFrame:
    """Rows of the spine with all columns, ordered and indexed by date and customer."""
    with Workspace(engine) as workspace:
        workspace.store("all_rows", plan.spine)
        chunks = max(1, math.ceil(workspace.count("all_rows") * len(plan.columns) / MAX_CELLS))
        table = pa.concat_tables([_chunk_rows(plan, workspace, chunk, chunks) for chunk in range(chunks)])
    return arrow_to_frame(table.sort_by([(AS_OF, "ascending"), ("customer_id", "ascending")]), plan)


def _chunk_rows(plan: Plan, workspace: Workspace, chunk: int, chunks: int) -> pa.Table:
    """All columns of one chunk of customers; a customer's chunk is the hash of the identifier."""
    in_chunk = "hash({0}customer_id) % {1} = {2}"
    where = f" where {in_chunk.format('', chunks, chunk)}" if chunks > 1 else ""
    workspace.store("spine", [Step("spine", f"select * from {workspace.table('all_rows')}{where}", "rows")])
    spine = workspace.stored_step("spine")
    about = "building features" + (f", part {chunk + 1} of {chunks}" if chunks > 1 else "")
    for steps in track(list(plan.families.values()), about):
        _store_family(workspace, [spine, *steps], in_chunk.format("t.", chunks, chunk) if chunks > 1 else "")
    families = [workspace.stored_step(steps[-1].name) for steps in plan.families.values()]
    return workspace.engine.arrow(with_sql([spine, *families, plan.last]))


def _store_family(workspace: Workspace, steps: Sequence[Step], chunk_filter: str) -> None:
    """Store the last step; steps read more than once are stored before it, or Spark would compute them each time."""
    before: list[Step] = []
    for place, step in enumerate(steps[:-1]):
        later = " ".join(other.sql for other in steps[place + 1 :])
        again = len(re.findall(rf"\b{step.name}\b", later)) > 1 and " from " in step.sql.replace("\n", " ")
        if again and place and not step.sql.startswith("select * from (values"):
            workspace.store(step.name, _needed([*before, step]), chunk_filter)
            before.append(workspace.stored_step(step.name))
        else:
            before.append(step)
    workspace.store(steps[-1].name, _needed([*before, steps[-1]]), chunk_filter)
    for step in steps[1:-1]:  # the first is the spine, which the next family reads too
        workspace.drop(step.name)


def _needed(steps: Sequence[Step]) -> list[Step]:
    """The last step and those that it reads, directly or not."""
    found = [steps[-1]]
    for step in reversed(steps[:-1]):
        if any(re.search(rf"\b{step.name}\b", other.sql) for other in found):
            found.insert(0, step)
    return found
