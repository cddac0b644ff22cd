"""`cdr_indicators`: bandicoot's indicators of all customers at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from custintel.builder.source_tables import warehouse_sources
from custintel.builder.spine import spine_steps
from custintel.errors import DataError
from custintel.functions.function_context import Step
from custintel.indicators._call_records import (
    customers_step,
    holds_days,
    number_steps,
    records_step,
    top_ups_step,
    without_hours,
)
from custintel.indicators._contacts_and_conversations import contact_tables, conversation_tables
from custintel.indicators._indicator_options import read_options
from custintel.indicators._indicator_tables import StepRunner, pivot_columns
from custintel.indicators._places import place_tables, positions_step, tower_mix_steps
from custintel.indicators._volume_and_top_ups import drained_balance_steps, top_up_tables, volume_tables

if TYPE_CHECKING:
    import numpy as np

    from custintel.dates import AsOf
    from custintel.indicators._indicator_options import IndicatorOptions
    from custintel.warehouse import Warehouse


MAX_RECORDS = 1_000_000
"""Records worked on at a time; it bounds the memory."""


def cdr_indicators(  # noqa: PLR0913  (the public door; its keywords are bandicoot's settings)
    wh: Warehouse,
    groupby: str | None = None,
    *,
    as_of: AsOf | None = None,
    window: int | None = None,
    night: tuple[str, str] = ("19:00", "07:00"),
    weekend: tuple[int, ...] = (6, 7),
    splits: bool = True,
    summary: str = "extended",
    reciprocated: bool = False,
) -> pd.DataFrame:
    """Compute bandicoot's indicators for all customers, under bandicoot's names.

    Parameters
    ----------
    wh : Warehouse
        With the table ``usage``; ``cells`` gives the positions, ``recharges`` the top-ups.
    groupby : {None, "week"}
        All records together, or week by week (ISO weeks with a record): then mean and population standard deviation
        over the weeks.
    as_of : date, optional
        Only what had happened and arrived by the end of this day, for the customers in service then. Without it all
        records are read, as bandicoot does.
    window : int, optional
        Only the last days up to ``as_of``.
    night : (str, str), default=("19:00", "07:00")
        Start and end of the night.
    weekend : tuple of int, default=(6, 7)
        Days of the weekend; 1 is Monday.
    splits : bool, default=True
        All 9 combinations of (all week, weekday, weekend) and (all day, day, night); only the first without.
    summary : {"extended", "default"}
        Seven statistics of each distribution, or mean and std.
    reciprocated : bool, default=False
        Leave out records with another customer that this other customer does not have, as bandicoot does in networks.

    Returns
    -------
    pandas.DataFrame
        One row a customer, float64; NaN is bandicoot's None.

    Examples
    --------
    >>> from custintel.warehouse import Warehouse
    >>> calls = pd.DataFrame({"customer_id": "a", "service": "voice", "direction": ["out", "in", "out"],
    ...                       "event_time": ["2025-06-02 12:00", "2025-06-03 12:00", "2025-06-07 22:00"],
    ...                       "other_party": ["x", "x", "y"], "duration_s": [60, 30, 90]})
    >>> X = cdr_indicators(Warehouse.from_frames(usage=calls))
    >>> float(X.loc["a", "call_duration__allweek__allday__call__mean"])
    60.0
    >>> float(X.loc["a", "number_of_contacts__weekend__night__call"])
    1.0
    """
    options = read_options(groupby, as_of, window, night, weekend, splits, summary, reciprocated)
    check_warehouse(wh)
    chunks = max(1, math.ceil(_records(wh) / MAX_RECORDS))
    frames = [_chunk_indicators(wh, options, chunk, chunks) for chunk in range(chunks)]
    frame = pd.concat(frames).sort_index() if chunks > 1 else frames[0]
    return without_hours(frame) if holds_days(wh) else frame


def check_warehouse(wh: Warehouse) -> None:
    """Refuse a warehouse without calls, or on an engine whose SQL the indicators do not speak."""
    if "usage" not in wh.tables:
        raise DataError(f"no calls and texts\n  given: {', '.join(wh.tables)}\n  hint: indicators read the table usage")
    if wh.engine.dialect != "duckdb":
        hint = "the features of FeatureBuilder run there"
        raise DataError(f"indicators run on DuckDB alone\n  given: {wh.engine.dialect}\n  hint: {hint}")


def _records(wh: Warehouse) -> int:
    return int(str(wh.engine.rows(f"select count(*) from {wh.relation('usage')}")[0][0]))


def _chunk_indicators(wh: Warehouse, options: IndicatorOptions, chunk: int, chunks: int) -> pd.DataFrame:
    """The indicators of one part of the customers."""
    with StepRunner(wh.engine) as runner:
        run_record_steps(wh, options, runner, chunk, chunks)
        index = customer_index(runner)
        return pd.DataFrame(_columns(wh, options, runner, len(index)), index=index)


def run_record_steps(
    wh: Warehouse, options: IndicatorOptions, runner: StepRunner, chunk: int = 0, chunks: int = 1
) -> None:
    """Run the steps up to the records."""
    usage, columns = wh.relation("usage"), wh.columns("usage")
    runner.run([*_spine_steps(wh, options), customers_step("spine", chunk, chunks)])
    runner.run([*number_steps(usage, columns), records_step(usage, columns, options)])


def customer_index(runner: StepRunner) -> pd.Index[str]:
    """The customers in the order of their numbers."""
    names = runner.rows(Step("names", "select customer_id from lines order by line", "names"))
    index: pd.Index[str] = pd.Index(names["customer_id"].to_pandas(), name="customer_id")
    return index


def _columns(wh: Warehouse, options: IndicatorOptions, runner: StepRunner, lines: int) -> dict[str, np.ndarray]:
    positions = positions_step(wh.relation("cells") if "cells" in wh.tables else None)
    tables = [*volume_tables(options), *conversation_tables(options), *contact_tables(options)]
    tables += place_tables(positions, options)
    line_steps = [tower_mix_steps()]
    if "recharges" in wh.tables:
        runner.run([top_ups_step(wh.relation("recharges"), options)])
        tables += top_up_tables(options)
        line_steps.append(drained_balance_steps())
    found: dict[str, np.ndarray] = {}
    for table in tables:
        runner.run(table.steps)
        found |= pivot_columns(runner.rows(table.result_step(options)), table, options, lines)
    for steps in line_steps:
        runner.run(steps[:-1])
        found |= _line_columns(runner, steps[-1], lines)
    return found


def _line_columns(runner: StepRunner, step: Step, lines: int) -> dict[str, np.ndarray]:
    """A step with one row a line, as columns."""
    rows = runner.rows(step).to_pandas().set_index("line").reindex(range(lines))
    return {str(name): rows[name].to_numpy("float64") for name in rows.columns}


def _spine_steps(wh: Warehouse, options: IndicatorOptions) -> list[Step]:
    """Customers in service as of the date; without a date, all there are."""
    if options.as_of is not None:
        return spine_steps(warehouse_sources(wh), [options.as_of])
    tables = ["customers"] if "customers" in wh.tables else [n for n in ("usage", "recharges") if n in wh.tables]
    union = "\nunion\n".join(f"select distinct customer_id from {wh.relation(name)}" for name in tables)
    return [Step("spine", union, "all customers")]
