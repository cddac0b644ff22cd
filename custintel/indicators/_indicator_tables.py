"""Long tables of indicators: the steps that compute them, the statistics of distributions, and their way to columns.

A long table has one row per line (customer), period, split and service, and one column per value. Lines, splits and
services are small numbers in SQL: ``line`` counts the customers of the result, a split is three times the part of the
week plus the part of the day, a service is its place in `SERVICES`.

The moments of a distribution are those of the population; kurtosis is not excess (a normal distribution has 3).
Skewness and kurtosis of values that are all equal are 0, as in bandicoot. Moments are taken about the mean of their own
group, in a second pass: sums of powers would lose their digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custintel.builder.sql_steps import with_sql
from custintel.builder.workspace import Workspace
from custintel.functions.function_context import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from custintel.engines.engine import Engine
    from custintel.indicators._indicator_options import IndicatorOptions


class StepRunner:
    """Runs steps in a workspace; a step may read the rows of all that ran before it."""

    def __init__(self, engine: Engine) -> None:
        self._workspace = Workspace(engine)
        self.done: dict[str, Step] = {}

    def __enter__(self) -> StepRunner:
        return self

    def __exit__(self, *error: object) -> None:
        self._workspace.__exit__(*error)

    def run(self, steps: Iterable[Step]) -> None:
        """Run the steps that did not run yet."""
        for step in steps:
            if step.name not in self.done:
                self._workspace.store(step.name, [*self.done.values(), step])
                self.done[step.name] = self._workspace.stored_step(step.name)

    def rows(self, step: Step) -> pa.IndicatorTable:
        """The rows of a step that reads those that ran."""
        return self._workspace.engine.arrow(with_sql([*self.done.values(), step]))


def pivot_columns(
    long: pa.IndicatorTable, table: IndicatorTable, options: IndicatorOptions, lines: int
) -> dict[str, np.ndarray]:
    """A long table as columns with a value a line; NaN where it has no row."""
    values = {name: long[name].to_numpy(zero_copy_only=False) for name in long.column_names}
    group = values["split"].astype("int64") * 4 + values["service"].astype("int64")
    rows = {key: np.flatnonzero(group == key) for key in np.unique(group)}
    none = np.empty(0, dtype="int64")
    found = {}
    for name, split, service, column in table.keys(options):
        chosen = rows.get(split * 4 + service, none)
        found[name] = np.full(lines, np.nan)
        found[name][values["line"][chosen]] = values[column][chosen].astype("float64")
    return found


KEYS = "line, period, split, service"
GROUP = "((line * 65536 + period) * 4 + service) * 9"
"""Line, period and service as one number, with room for the split: sorted faster than columns."""
SERVICES = ("", "call", "text", "callandtext")
PLAIN, CALLS, TEXTS, BOTH = range(4)


@dataclass(frozen=True)
class Indicator:
    """A value of a long table under the name it has in the result; a distribution has a column a statistic."""

    name: str
    column: str
    services: tuple[int, ...]
    distribution: bool = False

    def values(self, options: IndicatorOptions) -> list[tuple[str, str]]:
        """(column, what the name ends in)."""
        if not self.distribution:
            return [(self.column, "")]
        return [(f"{self.column}_{one}", f"__{one}") for one in options.statistics]


@dataclass(frozen=True)
class IndicatorTable:
    """A long table: its steps, the last of which is the table, and the indicators in it."""

    steps: tuple[Step, ...]
    indicators: tuple[Indicator, ...]

    def result_step(self, options: IndicatorOptions) -> Step:
        """One row a line, split and service: weeks become mean and population standard deviation."""
        name = self.steps[-1].name
        columns = [column for one in self.indicators for column, _ in one.values(options)]
        if not options.weekly:
            body = ", ".join(["line", "split", "service", *columns])
            return Step(f"{name}_result", f"select {body} from {name}", f"{name}: of all records together")
        over = [f"avg({c}) as {c}__mean, stddev_pop({c}) as {c}__std" for c in columns]
        body = ",\n    ".join(["line", "split", "service", *over])
        sql = f"select\n    {body}\nfrom {name}\ngroup by line, split, service"
        return Step(f"{name}_result", sql, f"{name}: mean and standard deviation over the weeks with records")

    def keys(self, options: IndicatorOptions) -> Iterator[tuple[str, int, int, str]]:
        """Each column of the result: its name, split, service, and column of the long table."""
        over = ("__mean", "__std") if options.weekly else ("",)
        for one in self.indicators:
            for split, split_name in options.all_splits:
                for service in one.services:
                    middle = "__".join(part for part in (one.name, split_name, SERVICES[service]) if part)
                    for column, end in one.values(options):
                        for pivot_columns in over:
                            yield f"{middle}{end}{pivot_columns}", split, service, f"{column}{pivot_columns}"


def split_rows_sql(
    options: IndicatorOptions, columns: Sequence[str], relation: str, lists: Iterable[tuple[str, str]] = ()
) -> str:
    """Each row once for every split that it belongs to; ``lists`` go along, one value a split."""
    splits = "[0, day_part, 3 * week_part, 3 * week_part + day_part]" if options.splits else "[0]"
    along = [f"unnest({values}) as {name}" for name, values in lists]
    body = ", ".join([*columns, f"unnest({splits}) as split", *along])
    return f"select {body} from {relation}"


def statistics_steps(name: str, values: Step, options: IndicatorOptions, columns: Sequence[str] = ("x",)) -> list[Step]:
    """Steps from values to a table ``name`` with ``x_mean, x_std, ...`` of each group of the keys."""
    if options.summary == "default":
        body = ", ".join(f"avg({x}) as {x}_mean, stddev_pop({x}) as {x}_std" for x in columns)
        sql = f"select {KEYS}, {body}\nfrom {values.name}\ngroup by {KEYS}"
        return [values, Step(name, sql, f"{name}: mean and spread")]
    first = Step(f"{name}_centre", _centre_sql(values.name, columns), f"{name}: centre and ends of each group")
    moments = Step(f"{name}_moments", _moments_sql(values.name, first.name, columns), f"{name}: moments about the mean")
    last = Step(name, _shape_sql(first.name, moments.name, columns), f"{name}: seven statistics")
    return [values, first, moments, last]


def _centre_sql(values: str, columns: Sequence[str]) -> str:
    found = ", ".join(
        f"avg({x}) as {x}_mean, median({x}) as {x}_median, min({x}) as {x}_min, max({x}) as {x}_max" for x in columns
    )
    return f"select {KEYS}, {found}\nfrom {values}\ngroup by {KEYS}"


def _moments_sql(values: str, centre: str, columns: Sequence[str]) -> str:
    powers = ", ".join(
        f"sum({' * '.join([f'{x}_off'] * k)}) / count({x}_off) as {x}_m{k}" for x in columns for k in (2, 3, 4)
    )
    off = ", ".join(f"v.{x} - c.{x}_mean as {x}_off" for x in columns)
    joined = f"select {KEYS}, {off} from {values} as v join {centre} as c using ({KEYS})"
    return f"select {KEYS}, {powers}\nfrom (\n    {joined}\n)\ngroup by {KEYS}"


def _shape_sql(centre: str, moments: str, columns: Sequence[str]) -> str:
    body = ",\n    ".join(line for x in columns for line in _shape_columns(x))
    return f"select {KEYS},\n    {body}\nfrom {centre} join {moments} using ({KEYS})"


def _shape_columns(x: str) -> tuple[str, ...]:
    flat = f"when {x}_min = {x}_max or {x}_m2 = 0 then 0"
    return (
        f"{x}_mean, {x}_median, {x}_min, {x}_max",
        f"case {flat} else sqrt({x}_m2) end as {x}_std",
        f"case {flat} else {x}_m3 / pow({x}_m2, 1.5) end as {x}_skewness",
        f"case {flat} else {x}_m4 / ({x}_m2 * {x}_m2) end as {x}_kurtosis",
    )
