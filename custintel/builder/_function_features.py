"""Families of a feature function: its steps in SQL, or the rows a Python function gave, then expressions over them."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from custintel.builder._unavailable_columns import is_hourless, no_hour
from custintel.builder.aggregation._latest_and_previous_row import row_features
from custintel.errors import ConfigurationError
from custintel.functions.function_context import FunctionContext, Step
from custintel.functions.function_registry import FeatureFunction, find_function
from custintel.functions.python_functions import run_python_function

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from custintel.builder._computable_columns import FeatureRequest
    from custintel.builder.aggregation._raw_records import RawRecords
    from custintel.builder.source_tables import Sources
    from custintel.catalogue import Catalogue
    from custintel.catalogue.feature_family import Entry, Family
    from custintel.warehouse import Warehouse


_numbers = itertools.count(1)


def function_steps(requests: Sequence[FeatureRequest], records: RawRecords) -> list[Step]:
    """All steps of a family of a function; the last one has a row for every row of the spine."""
    family, sources = records.family, records.sources
    function = _function(family)
    if function.language == "python":
        sql = f"select * from {sources.function_results[family.name]}"
        steps = [Step(f"{family.name}_answer", sql, f"{family.name}: what the function {function.name} answered")]
    else:
        steps = function.compute(_function_context(family, sources, records.buckets.dates))
    return [*steps, row_features(requests, family.name, steps[-1].name)]


def _function(family: Family) -> FeatureFunction:
    function = find_function(family.function)
    if function is None:
        raise ConfigurationError(f"no function {family.function}\n  hint: run the code that registers it first")
    return function


def _function_context(family: Family, sources: Sources, dates: Sequence[date]) -> FunctionContext:
    reads = {read.table: read for read in _function(family).reads}
    return FunctionContext(family.name, reads, sources.tables, tuple(dates))


def function_obstacle(entry: Entry, family: Family, sources: Sources) -> str:
    """Why a column cannot be had though its tables are at hand; empty if it can."""
    function = _function(family)
    hourless = [need for need in _needs(entry, family) if is_hourless(sources, *need.split("."))]
    if hourless:
        return no_hour(hourless[0].split(".")[0])
    if function.language == "python" and family.name not in sources.function_results:
        return f"the Python function {function.name} is run by build, it has no SQL"
    return ""


def missing_inputs(entry: Entry, family: Family, sources: Sources) -> list[str]:
    """The tables and columns that a column of a function needs and that are not there."""
    return list(dict.fromkeys([*_absent(_function(family), sources), *_lacking(_needs(entry, family), sources)]))


def _needs(entry: Entry, family: Family) -> list[str]:
    """The columns (``bills.due_date``) that the columns of a function read by an entry need."""
    function = _function(family)
    feature = next(f for f in family.features if f.name == entry.feature)
    return [need for column in sorted(feature.expression.columns) for need in function.needs[column]]


def _absent(function: FeatureFunction, sources: Sources) -> list[str]:
    """What a function needs for all of its columns and that is not there."""
    needs = [name for r in function.reads for name in (r.table, *(f"{r.table}.{column}" for column in r.required))]
    return _lacking(needs, sources)


def _lacking(needs: Iterable[str], sources: Sources) -> list[str]:
    """Those of the tables and columns (``bills.due_date``) that are not there; only the table where it is absent."""
    found = []
    for need in needs:
        table, _, column = need.partition(".")
        if table not in sources:
            found.append(table)
        elif column and column not in sources[table].columns and not is_hourless(sources, table, column):
            found.append(need)
    return list(dict.fromkeys(found))


def refuse_python_functions(catalogue: Catalogue) -> None:
    """Refuse to write SQL for families of Python functions."""
    families = [f for f in catalogue.families if f.kind == "function" and _function(f).language == "python"]
    if families:
        names = ", ".join(family.name for family in families)
        raise ConfigurationError(
            f"families of Python functions have no SQL: {names}\n"
            "  hint: FeatureBuilder([...]) with the other families gives SQL; build(...) runs all of them"
        )


@contextmanager
def with_python_results(
    catalogue: Catalogue, sources: Sources, dates: Sequence[date], wh: Warehouse
) -> Iterator[Sources]:
    """The sources with what the Python functions of the catalogue answer, registered while it is needed."""
    with ExitStack() as stack:
        function_results = {}
        for family in catalogue.families:
            if family.kind == "function" and _can_run(_function(family), sources):
                name = f"custintel_function_{next(_numbers)}"
                frame = run_python_function(_function(family), _function_context(family, sources, dates), wh.engine.sql)
                wh.engine.register(name, pa.Table.from_pandas(frame, preserve_index=False))
                stack.callback(wh.engine.unregister, name)
                function_results[family.name] = name
        yield replace(sources, function_results=function_results) if function_results else sources


def assume_python_results(catalogue: Catalogue, sources: Sources) -> Sources:
    """The sources as if the Python functions of the catalogue had answered: to know what `build` will give."""
    names = [f.name for f in catalogue.families if f.kind == "function" and _can_run(_function(f), sources)]
    return replace(sources, function_results=dict.fromkeys(names, "")) if names else sources


def _can_run(function: FeatureFunction, sources: Sources) -> bool:
    return function.language == "python" and not _absent(function, sources)
