"""A room on an engine: results kept under names of their own, gone afterwards."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from custintel.builder.sql_steps import with_sql
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from custintel.engines.engine import Engine


_numbers = itertools.count(1)


class Room:
    """Results of steps, kept until the block ends.

    Examples
    --------
    >>> from custintel.engines.duckdb_engine import DuckDBEngine
    >>> with Room(DuckDBEngine()) as room:
    ...     room.keep("days", [Step("days", "select 1 as n union all select 2", "two days")])
    ...     room.count("days")
    2
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.number = next(_numbers)
        self.kept: set[str] = set()

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.kept:
            self.engine.drop(self._own(name))

    def _own(self, step: str) -> str:
        return f"custintel_{self.number}_{step}"

    def name(self, step: str) -> str:
        """The table's name in SQL."""
        return self.engine.kept(self._own(step))

    def keep(self, step: str, steps: Sequence[Step], part: str = "") -> None:
        """Run steps and keep the last one's rows."""
        self.kept.add(step)
        self.engine.keep(self._own(step), with_sql(steps, part))

    def drop(self, step: str) -> None:
        """Let go of kept rows before the end."""
        if step in self.kept:
            self.kept.discard(step)
            self.engine.drop(self._own(step))

    def step(self, step: str) -> Step:
        """A kept table as a step."""
        return Step(step, f"select * from {self.name(step)}", "kept rows")

    def count(self, step: str) -> int:
        """Number of rows kept."""
        return int(str(self.engine.rows(f"select count(*) from {self.name(step)}")[0][0]))

    def arrow(self, query: str) -> pa.Table:
        """Run a query."""
        return self.engine.arrow(query)
