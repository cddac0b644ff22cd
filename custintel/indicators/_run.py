"""The one place where indicators are computed: steps kept under names of their own, results put side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custintel.builder import Room, Step, with_sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from custintel.engines import Engine
    from custintel.indicators._rules import Rules
    from custintel.indicators._table import Table

__all__ = ["Desk", "spread"]


class Desk:
    """Steps that ran, kept in a room of the builder; a step may read all that were kept before it."""

    def __init__(self, engine: Engine) -> None:
        self._room = Room(engine)
        self.kept: dict[str, Step] = {}

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *error: object) -> None:
        self._room.__exit__(*error)

    def keep(self, steps: Iterable[Step]) -> None:
        """Run the steps that did not run yet."""
        for step in steps:
            if step.name not in self.kept:
                self._room.keep(step.name, [*self.kept.values(), step])
                self.kept[step.name] = self._room.step(step.name)

    def rows(self, step: Step) -> pa.Table:
        """The rows of a step that reads kept ones."""
        return self._room.arrow(with_sql([*self.kept.values(), step]))


def spread(long: pa.Table, table: Table, rules: Rules, lines: int) -> dict[str, np.ndarray]:
    """A long table as columns with a value a line; NaN where it has no row."""
    values = {name: long[name].to_numpy(zero_copy_only=False) for name in long.column_names}
    group = values["split"].astype("int64") * 4 + values["service"].astype("int64")
    rows = {key: np.flatnonzero(group == key) for key in np.unique(group)}
    none = np.empty(0, dtype="int64")
    found = {}
    for name, split, service, column in table.keys(rules):
        chosen = rows.get(split * 4 + service, none)
        found[name] = np.full(lines, np.nan)
        found[name][values["line"][chosen]] = values[column][chosen].astype("float64")
    return found
