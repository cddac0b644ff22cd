"""A workspace on an engine: results of steps stored in temporary tables of their own names, and dropped afterwards."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from custintel.builder.sql_steps import with_sql
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custintel.engines.engine import Engine


_numbers = itertools.count(1)


class Workspace:
    """Temporary tables of one computation; they are dropped when the block ends.

    Parameters
    ----------
    engine : Engine
        Where the tables are stored.

    Examples
    --------
    >>> from custintel.engines.duckdb_engine import DuckDBEngine
    >>> with Workspace(DuckDBEngine()) as workspace:
    ...     workspace.store("days", [Step("days", "select 1 as n union all select 2", "two days")])
    ...     workspace.count("days")
    2
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.number = next(_numbers)
        self.stored: set[str] = set()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.stored:
            self.engine.drop_temp_table(self._temp_name(name))

    def _temp_name(self, name: str) -> str:
        return f"custintel_{self.number}_{name}"

    def table(self, name: str) -> str:
        """The table's name in SQL."""
        return self.engine.temp_table(self._temp_name(name))

    def store(self, name: str, steps: Sequence[Step], chunk_filter: str = "") -> None:
        """Run steps and store the rows of the last one; an earlier table of that name is replaced."""
        self.stored.add(name)
        self.engine.create_temp_table(self._temp_name(name), with_sql(steps, chunk_filter))

    def drop(self, name: str) -> None:
        """Drop a stored table before the block ends."""
        if name in self.stored:
            self.stored.discard(name)
            self.engine.drop_temp_table(self._temp_name(name))

    def stored_step(self, name: str) -> Step:
        """A stored table as a step that other steps can read."""
        return Step(name, f"select * from {self.table(name)}", "stored rows")

    def count(self, name: str) -> int:
        """The number of rows in a stored table."""
        return int(str(self.engine.rows(f"select count(*) from {self.table(name)}")[0][0]))
