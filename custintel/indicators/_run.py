"""The one place where indicators are computed: steps kept under names of their own, results put side by side."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from custintel.builder import Step, with_sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from custintel.engines import Engine
    from custintel.indicators._rules import Rules
    from custintel.indicators._table import Table

__all__ = ["Desk", "spread"]

_numbers = itertools.count(1)


class Desk:
    """Steps that ran, kept under names of their own and gone afterwards."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.number = next(_numbers)
        self.kept: dict[str, Step] = {}

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.kept:
            self.engine.drop(self._own(name))

    def _own(self, step: str) -> str:
        return f"custintel_indicators_{self.number}_{step}"

    def keep(self, steps: Iterable[Step]) -> None:
        """Run the steps that did not run yet."""
        for step in steps:
            if step.name not in self.kept:
                self.engine.keep(self._own(step.name), with_sql([*self.kept.values(), step]))
                self.kept[step.name] = Step(step.name, f"select * from {self.engine.kept(self._own(step.name))}", "")

    def rows(self, step: Step) -> pa.Table:
        """The rows of a step that reads kept ones."""
        return self.engine.arrow(with_sql([*self.kept.values(), step]))


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
