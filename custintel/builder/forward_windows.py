"""Values of forward windows: the plan of features, asked of the days after a date, for the labels of questions.

A window that ends some days after a date is a window that looks back from its end. Two things differ from features: a
row counts on the day it happened, however late it arrived, and rows that arrived after the data's end do not count.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from custintel.builder._duckdb_executor import execute_on_duckdb
from custintel.builder._plan import available, make_plan
from custintel.builder._sql_executor import execute_in_sql
from custintel.builder._unavailable_columns import check_requested
from custintel.builder.aggregation.day_buckets import date_sql
from custintel.builder.feature_frame import concat_batches
from custintel.builder.row_request import date_batches, read_row_request
from custintel.builder.source_tables import Source, Sources, warehouse_sources
from custintel.builder.spine import row_spine_steps

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from custintel.catalogue import Catalogue
    from custintel.catalogue.feature_family import Family
    from custintel.warehouse import Warehouse


class ArrivedSources(Sources):
    """Tables without the rows that arrived too late; a row is seen from the day on which it happened."""

    def visible_day(self, family: Family) -> str:
        """The day on which a row of the family happened."""
        return self.event_day(family)


def arrived_sources(wh: Warehouse, last: date) -> ArrivedSources:
    """The tables of a warehouse as far as they had arrived by the end of a day."""
    found = warehouse_sources(wh).tables
    return ArrivedSources({name: _arrived(source, last) for name, source in found.items()})


def _arrived(source: Source, last: date) -> Source:
    if "visible_date" not in source.columns:
        return source
    rows = f"(select * from {source.relation} where visible_date <= {date_sql(last)})"
    return replace(source, relation=rows)


def check_answerable(wh: Warehouse, catalogue: Catalogue) -> None:
    """Refuse what these tables cannot answer, with every table and column that is not there.

    Raises
    ------
    custintel.errors.DataError
        When a table or column that the catalogue reads is absent.
    """
    _, unavailable = available(catalogue, warehouse_sources(wh))
    names = [entry.column for entry in catalogue.entries()]
    check_requested([], [name for name in names if name in unavailable], unavailable, wh.tables)


def forward_values(wh: Warehouse, catalogue: Catalogue, ends: pd.Index) -> pd.DataFrame:
    """The columns of a catalogue for customers and the last days of their windows.

    Parameters
    ----------
    wh : Warehouse
        The operator's tables.
    catalogue : Catalogue
        What is asked, with the lengths of the windows.
    ends : pandas.Index
        ``as_of``, the last day of the window, and ``customer_id`` of each row.

    Returns
    -------
    pandas.DataFrame
        One row each, in order.
    """
    request = read_row_request(None, None, ends)
    sources = arrived_sources(wh, wh.period[1].date())
    with request.registered(wh) as selection:
        plans = [
            make_plan(catalogue, sources, days, row_spine_steps(days, str(selection)), only_spine=True)
            for days in date_batches(request.days, catalogue.entries())
        ]
        execute = execute_on_duckdb if wh.engine.dialect == "duckdb" else execute_in_sql
        frames = [execute(plan, wh.engine) for plan in plans]
    frame = frames[0] if len(frames) == 1 else concat_batches(frames)
    return frame.take(frame.index.get_indexer(cast("pd.MultiIndex", request.keys)))
